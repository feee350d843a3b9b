// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"ucid/internal/daemon"
)

// Version is set by the linker; a build by hand has the commit instead.
var Version = ""

func (a *app) runCommand() *cobra.Command {
	var cleanup, asInit bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: `Run the daemon in the foreground. It watches first and changes nothing until the
first 'ucid reload'; from then on, also after a restart, it keeps what was applied
last. SIGTERM ends it and leaves routes and processes as they are; SIGHUP reloads.
With --cleanup remove everything that ucid made, stop its processes, and end; the next
start then only watches. The history stays.
With --init the daemon runs below a small process that may be the first one of a machine
or container: it reaps orphans, hands signals on, starts the daemon again if it dies, and
on SIGTERM or SIGINT all processes are stopped in order. It mounts nothing.`,
		Example: `  ucid run
  UCID_CONFDIR=/srv/router/config UCID_RUNDIR=/run/router UCID_STATEDIR=/srv/router/state ucid run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: a.settings.LogLevel}))
			if asInit {
				return daemon.Init(os.Args[1:], log)
			}
			if cleanup {
				return a.cleanup(cmd.Context(), log)
			}
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			return daemon.Run(cmd.Context(), a.settings, log, hup)
		},
	}
	cmd.Flags().BoolVar(&asInit, "init", false, "be the first process of a machine or container: reap orphans, keep the daemon running")
	cmd.Flags().BoolVar(&cleanup, "cleanup", false, "remove everything that ucid made, and end")
	return cmd
}

func (a *app) cleanup(ctx context.Context, log *slog.Logger) error {
	result, err := daemon.Cleanup(ctx, a.settings, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%d objects removed\n", result.Removed)
	printFaults(a.err, result.Faults)
	if len(result.Faults)+len(result.Stuck) > 0 {
		return errQuiet
	}
	return nil
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, commit and Go version",
		Example: "  ucid version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := build()
			if a.json {
				return a.printJSON(v)
			}
			fmt.Fprintf(a.out, "ucid %s (commit %s, %s, %s)\n", v.Version, v.Commit, v.Go, v.Platform)
			return nil
		},
	}
}

// buildInfo says what this program was made from.
type buildInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Commit is set by the linker.
var Commit = ""

func build() buildInfo {
	b := buildInfo{Version: Version, Commit: Commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if ok && s.Key == "vcs.revision" && b.Commit == "" {
			b.Commit = s.Value
		}
	}
	if b.Version == "" {
		b.Version = "development"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}
