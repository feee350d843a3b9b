// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// wallTime bounds the warning to all terminals.
const wallTime = 5 * time.Second

// Wall warns everybody who is logged in, where there is a program for that.
func Wall(ctx context.Context, text string) {
	path, err := exec.LookPath("wall")
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, wallTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	cmd.Stdin = strings.NewReader(text + "\n")
	cmd.Run() // who is not logged in cannot be warned
}
