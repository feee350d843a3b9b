// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ucid/internal/daemon"
)

// upgradeTime is how long the daemon may take to become the new program and answer.
const upgradeTime = 60 * time.Second

func (a *app) upgradeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "upgrade", Short: "Make the daemon become the program that is installed now", Args: cobra.NoArgs,
		Long: `The daemon becomes the new program in place: routes, processes and their output are
not touched. A program that cannot print its version is not taken; the log says why.`,
		Example: "  ucid upgrade",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), upgradeTime)
			defer cancel()
			stop := a.progress("upgrade")
			defer stop()
			return a.upgrade(ctx)
		},
	}
}

// upgrade watches the control socket: the old program closes it, the new one answers.
func (a *app) upgrade(ctx context.Context) error {
	pid, err := a.daemonPid()
	if err != nil {
		return err
	}
	old, err := (&net.Dialer{}).DialContext(ctx, "unix", a.settings.Socket)
	if err != nil {
		return fmt.Errorf("the daemon does not answer: %w", err)
	}
	defer old.Close()
	if err := syscall.Kill(pid, daemon.UpgradeSignal); err != nil {
		return fmt.Errorf("cannot tell the daemon, pid %d: %w", pid, err)
	}
	deadline, _ := ctx.Deadline()
	_ = old.SetReadDeadline(deadline)
	var one [1]byte
	if _, err := old.Read(one[:]); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the daemon stays as it is; its log says why")
	}
	for {
		if c, err := (&net.Dialer{}).DialContext(ctx, "unix", a.settings.Socket); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no daemon answers after %v", upgradeTime)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// daemonPid reads who holds the lock of the run directory.
func (a *app) daemonPid() (int, error) {
	data, err := os.ReadFile(filepath.Join(a.settings.RunDir, "ucid.lock"))
	if err != nil {
		return 0, fmt.Errorf("no daemon uses %s: %w", a.settings.RunDir, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("no daemon uses %s", a.settings.RunDir)
	}
	return pid, nil
}
