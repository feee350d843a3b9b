// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/event"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/term"
	"ucid/uci"
)

func (a *app) serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "List, start, stop and look at supervised processes",
		Long: `NAME is that of a process, or of a service with several instances: then all of them
are meant; NAME/INSTANCE is one of them.`,
		Example: "  ucid service list\n  ucid service restart web\n  ucid service signal web HUP",
	}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the processes and their states", Args: cobra.NoArgs,
		Example: "  ucid service list\n  ucid service list --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listServices(cmd.Context()) },
	})
	for _, c := range []struct {
		action, help string
		enables      string
	}{
		{action: "start", help: "Start a process, with a fresh count of failures"},
		{action: "stop", help: "Stop a process until it is started by hand"},
		{action: "restart", help: "Stop a process and start it again"},
		{action: "reload", help: "Make a process read its files again, or restart it when it has no signal for that"},
		{action: "watchdog", help: "Give the sign of life that option watchdog asks for"},
		{action: "enable", help: "Set and commit option enabled '1'; 'ucid reload' applies it", enables: "1"},
		{action: "disable", help: "Set and commit option enabled '0'; 'ucid reload' applies it", enables: "0"},
	} {
		cmd.AddCommand(a.actionCommand(c.action, c.help, c.enables))
	}
	cmd.AddCommand(a.serviceStatusCommand(), a.signalCommand(), a.logsCommandNamed("log"), a.serviceWhyCommand())
	return cmd
}

func (a *app) actionCommand(action, help, enables string) *cobra.Command {
	return &cobra.Command{
		Use: action + " NAME", Short: help, Args: exactly(1, "the name of a process"),
		Example:           "  ucid service " + action + " web",
		ValidArgsFunction: a.completeProcess,
		RunE: func(cmd *cobra.Command, args []string) error {
			if enables != "" {
				return a.enable(args[0], enables)
			}
			return a.act(cmd.Context(), args[0], action, nil)
		},
	}
}

func (a *app) act(ctx context.Context, name, action string, args []string) error {
	stop := a.progress(action + " " + name)
	defer stop()
	_, err := call[struct{}](ctx, a, "service.action", map[string]any{"name": name, "action": action, "args": args})
	return err
}

// enable sets the option of a process in the committed configuration. Changes of others that
// wait in the save directory are left there.
func (a *app) enable(name, value string) error {
	empty, err := os.MkdirTemp("", "ucid")
	if err != nil {
		return err
	}
	defer os.RemoveAll(empty)
	store := uci.Open(a.settings.ConfDir, empty)
	store.KeepComments = true
	section, _, _ := strings.Cut(name, "/")
	address := "ucid." + section
	if kind, err := store.Get(address); err != nil || kind != "process" {
		return fmt.Errorf("there is no 'config process %s' in %s", section, filepath.Join(a.settings.ConfDir, "ucid"))
	}
	if err := store.Set(address+".enabled", value); err != nil {
		return err
	}
	return store.Commit("ucid")
}

func (a *app) serviceStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status NAME", Short: "Tell how a process is doing, also by the exit status",
		Long: `The status is that of OpenWrt's init scripts: 0 running, 3 inactive (there is no such
service), 4 unknown instance, 5 not running.`,
		Example: "  ucid service status web || ucid service start web",
		Args:    exactly(1, "the name of a process"), ValidArgsFunction: a.completeProcess,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := call[control.ServiceStatus](cmd.Context(), a, "service.status", map[string]string{"name": args[0]})
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(s)
			} else {
				fmt.Fprintln(a.out, s.Text)
				for _, i := range s.Instances {
					if i.Text != "" {
						fmt.Fprintf(a.out, "%s: %s\n", i.Name, term.Safe(i.Text))
					}
				}
			}
			if err == nil && s.Exit != 0 {
				return exitCode(s.Exit)
			}
			return err
		},
	}
}

func (a *app) signalCommand() *cobra.Command {
	return &cobra.Command{
		Use: "signal NAME SIGNAL", Short: "Send a signal to a process",
		Example: "  ucid service signal web USR1",
		Args:    exactly(2, "the name of a process and a signal, as in HUP or 1"), ValidArgsFunction: a.completeProcess,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.act(cmd.Context(), args[0], "signal", args[1:])
		},
	}
}

func (a *app) serviceWhyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "why NAME", Short: "Explain the state of a process; the same as 'ucid why proc:NAME'",
		Example: "  ucid service why web",
		Args:    exactly(1, "the name of a process"), ValidArgsFunction: a.completeProcess,
		RunE: func(cmd *cobra.Command, args []string) error { return a.why(cmd.Context(), "proc:"+args[0]) },
	}
}

func (a *app) listServices(ctx context.Context) error {
	all, err := call[[]procdriver.Info](ctx, a, "service.list", nil)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(all)
	}
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATE\tPID\tSINCE\tRESTARTS\tCOMMAND")
	for _, p := range all {
		pid := "-"
		if p.Pid != 0 {
			pid = fmt.Sprint(p.Pid)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", p.Name, p.State, pid, age(p.Since), p.Restarts, term.Safe(strings.Join(p.Command, " ")))
	}
	return t.Flush()
}

// age is how long ago something was, for people.
func age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return time.Since(t).Round(time.Second).String()
}

func (a *app) completeProcess(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || a.loadFor(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, err := call[[]procdriver.Info](cmd.Context(), a, "service.list", nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// loadFor reads the settings where cobra has not run the hook that does.
func (a *app) loadFor(cmd *cobra.Command) error { return cmd.Root().PersistentPreRunE(cmd, nil) }

func (a *app) logsCommand() *cobra.Command { return a.logsCommandNamed("logs") }

func (a *app) logsCommandNamed(name string) *cobra.Command {
	var follow bool
	var lines int
	cmd := &cobra.Command{
		Use:               name + " NAME",
		Short:             "Show the output of a process",
		Example:           "  ucid logs web\n  ucid logs -f -n 10 web",
		Args:              exactly(1, "the name of a process"),
		ValidArgsFunction: a.completeProcess,
		RunE: func(cmd *cobra.Command, args []string) error {
			params := map[string]any{"name": args[0], "lines": lines, "follow": follow}
			return tail(cmd.Context(), a, "logs", params, follow, func(l control.LogLine) { a.printLine(l, l.Process != args[0] && l.Process != "") })
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how many of the last lines; 0: all that are kept")
	return cmd
}

func (a *app) eventsCommand() *cobra.Command {
	var follow bool
	var lines int
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Show what happened",
		Example: "  ucid events -f\n  ucid events --json -n 10",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			params := map[string]any{"lines": lines, "follow": follow}
			return tail(cmd.Context(), a, "events", params, follow, a.printEvent)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how many of the last events; 0: all that are kept")
	return cmd
}

// tail prints the last items of a log, and what comes when it follows; as JSON one a line.
func tail[T any](ctx context.Context, a *app, method string, params map[string]any, follow bool, print func(T)) error {
	if !follow {
		all, err := call[[]T](ctx, a, method, params)
		for _, v := range all {
			a.item(v, func() { print(v) })
		}
		return err
	}
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Stream(ctx, method, params, func(raw json.RawMessage) error {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		a.item(v, func() { print(v) })
		return nil
	})
}

func (a *app) item(v any, print func()) {
	if !a.json {
		print()
		return
	}
	if text, err := json.Marshal(v); err == nil {
		fmt.Fprintln(a.out, term.SafeJSON(string(text)))
	}
}

// printLine prints a line of output, with the name of its process where that is not clear.
func (a *app) printLine(l control.LogLine, named bool) {
	if l.Dropped > 0 {
		fmt.Fprintf(a.err, "(%d lines were lost: this end is too slow)\n", l.Dropped)
	}
	text := term.Safe(strings.ReplaceAll(l.Text, "\t", "        "))
	if l.Stream == "stderr" {
		text = a.paint.Paint(term.Red, text)
	}
	if l.Truncated {
		text += " …"
	}
	if named {
		text = l.Process + ": " + text
	}
	fmt.Fprintf(a.out, "%s %s\n", a.paint.Paint(term.Faint, l.Time.Format("15:04:05.000")), text)
}

func (a *app) printEvent(e event.Event) {
	if e.Lost > 0 {
		fmt.Fprintf(a.err, "(%d events were lost: this end is too slow)\n", e.Lost)
	}
	line := fmt.Sprintf("%s %-16s %s", a.paint.Paint(term.Faint, e.Time.Format("15:04:05.000")), e.Name, term.Safe(e.Subject))
	if e.Text != "" {
		line += "  " + term.Safe(e.Text)
	}
	if e.Where != "" {
		line += "  " + a.paint.Paint(term.Faint, "# "+term.Safe(e.Where))
	}
	fmt.Fprintln(a.out, line)
}
