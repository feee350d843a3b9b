// SPDX-License-Identifier: Apache-2.0

package main

import "ucid/uci"

// extra runs the commands that only this tool has.
func (t *tool) extra(name string, args []string) int { return exitUsage }

func (t *tool) jsonCommand(name string, args []string) int { return exitUsage }

func (t *tool) jsonGet(s *uci.Section, o *uci.Option) {}
