// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/settings"
)

// UpgradeSignal makes a running daemon become the program that is installed in its place by
// now. It stays the same process, so its children stay its children.
const UpgradeSignal = unix.SIGUSR2

// trialTime is how long the new program may take to print its version.
const trialTime = 10 * time.Second

var errUpgrade = errors.New("upgrade")

// Run is the daemon. It returns when ctx ends, and leaves routes and children as they are;
// as the child of an init it stops its processes in order.
// Reload receives when the configuration should be applied without a client asking.
func Run(ctx context.Context, s settings.Settings, log *slog.Logger, reload <-chan os.Signal) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, UpgradeSignal)
	defer signal.Stop(asked)
	for {
		held, err := runOnce(ctx, s, log, reload, program, asked)
		if !errors.Is(err, errUpgrade) {
			return err
		}
		signal.Ignore(unix.SIGHUP, UpgradeSignal) // until the new program listens
		log.Info("becoming the installed program", "path", program)
		err = unix.Exec(program, os.Args, append(os.Environ(), held))
		log.Error("cannot become the installed program; going on with this one", "error", err)
		signal.Notify(asked, UpgradeSignal)
	}
}

// runOnce is the daemon until its end or an upgrade.
func runOnce(ctx context.Context, s settings.Settings, log *slog.Logger, reload <-chan os.Signal, program string, asked <-chan os.Signal) (held string, err error) {
	p, err := open(s, log)
	if err != nil {
		return "", err
	}
	defer p.close()
	until, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		for {
			select {
			case <-until.Done():
				return
			case <-asked:
			}
			if err := try(until, program); err != nil {
				log.Error("the installed program is no good; staying with this one", "error", err)
				continue
			}
			cancel(errUpgrade)
		}
	}()
	if err := serve(until, s, p.control, p.drivers, log, reload); err != nil {
		return "", err
	}
	if context.Cause(until) == errUpgrade {
		return p.drivers.procs.Hold(), errUpgrade
	}
	return "", p.stopUnderInit(log)
}

// try runs the program for its version, as a first proof that it is one.
func try(ctx context.Context, program string) error {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s version: %w: %.200s", program, err, strings.TrimSpace(string(out)))
	}
	return nil
}
