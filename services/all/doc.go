// SPDX-License-Identifier: Apache-2.0

// Package all registers all services. Its list is made by "go generate ./services/all" from
// the folders beside it; a test fails when it is stale.
package all

//go:generate go run ./gen
