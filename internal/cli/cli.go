// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of ucid: "ucid run" is the daemon, every other command
// talks to it.
package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
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

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitCode is an error that says which status to end with.
type exitCode int

func (exitCode) Error() string { return "" }

// Main runs the command line and returns the exit status: 0 when all is well, 1 when
// something is wrong, 2 when the command line is.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{out: os.Stdout, err: os.Stderr, paint: term.For(os.Stdout)}
	return a.main(ctx, args)
}

// main runs the command line and returns the exit status.
func (a *app) main(ctx context.Context, args []string) int {
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
		a.complain(err)
	}
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}

// complain says what went wrong. A line of it is a line; anything else that could move the
// cursor is shown.
func (a *app) complain(err error) {
	for line := range strings.Lines("ucid: " + strings.TrimRight(err.Error(), "\n")) {
		fmt.Fprintln(a.err, term.Safe(strings.TrimSuffix(strings.ReplaceAll(line, "\t", "  "), "\n")))
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "ucid",
		Short: "UCI configuration manager and supervisor",
		Long: `ucid makes this machine what its UCI files say: routes, addresses, rules and
processes. Edit with 'uci set', commit with 'uci commit', look at what would
happen with 'ucid plan', and make it happen with 'ucid reload'.`,
		Example:       "  uci set network.lan.ipaddr=192.0.2.1/24 && uci commit\n  ucid plan\n  ucid reload",
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
		a.confirmCommand(), a.rollbackCommand(), a.historyCommand(), a.diffCommand(), a.adoptCommand(),
		a.statusCommand(), a.whyCommand(), a.waitCommand(), a.serviceCommand(), a.topCommand(), a.upgradeCommand(), a.eventCommand(), a.validateCommand(), a.schemaCommand(), a.logsCommand(),
		a.eventsCommand(), a.versionCommand())
	root.SetOut(a.out) // before the commands are made that keep it
	root.SetErr(a.err)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	strict(root)
	return root
}

// strict makes every command tell a mistake in the command line from other errors.
func strict(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2 // letters
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	check := cmd.Args
	if !cmd.Runnable() {
		check = noSubcommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// noSubcommand is for commands that only hold others.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q; see '%s --help'", cmd.CommandPath()+" "+args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "\nDid you mean " + strings.Join(near, ", ") + "?"
	}
	return errors.New(text)
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
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, term.SafeJSON(text.String()))
	return err
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
