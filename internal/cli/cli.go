// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of ucid: "ucid run" is the daemon, every other command
// talks to it.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"ucid/internal/api/sock"
	"ucid/internal/settings"
	"ucid/internal/term"
)

// app is one invocation.
type app struct {
	out, err io.Writer
	paint    term.Painter
	json     bool
	settings settings.Settings
}

// errQuiet ends with status 1 after everything has been said.
var errQuiet = errors.New("")

// exitCode is an error that says which status to end with.
type exitCode int

func (exitCode) Error() string { return "" }

// Main runs the command line and returns the exit status: 0 when all is well, 1 when
// something is wrong, 2 when the command line is.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{out: os.Stdout, err: os.Stderr, paint: term.For(os.Stdout)}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, context.Canceled):
		return 130
	case err != errQuiet:
		fmt.Fprintln(a.err, "ucid: "+term.Safe(err.Error()))
	}
	return 1
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "ucid",
		Short: "UCI configuration manager and supervisor",
		Long: `ucid makes this machine what its UCI files say: routes, addresses, rules and
processes. Edit with 'uci set', commit with 'uci commit', look at what would
happen with 'ucid plan', and make it happen with 'ucid reload'.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			a.settings, err = settings.Load(cmd.Flags())
			return err
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	settings.Flags(root.PersistentFlags())
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(a.runCommand(), a.planCommand(), a.applyCommand("reload"), a.applyCommand("apply"),
		a.statusCommand(), a.whyCommand(), a.waitCommand(), a.serviceCommand(), a.logsCommand(),
		a.eventsCommand(), a.versionCommand())
	return root
}

// dial connects to the daemon.
func (a *app) dial(ctx context.Context) (*sock.Client, error) {
	return sock.Dial(ctx, a.settings.Socket)
}

// call makes one call on a connection of its own.
func call[T any](ctx context.Context, a *app, method string, params any) (T, error) {
	var result T
	client, err := a.dial(ctx)
	if err != nil {
		return result, err
	}
	defer client.Close()
	err = client.Call(ctx, method, params, &result)
	return result, err
}

// printJSON prints v indented.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// exactly is cobra.ExactArgs with a sentence instead of a number.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("usage: %s; give %s", cmd.UseLine(), what)
		}
		return nil
	}
}
