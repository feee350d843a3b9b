// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ucid/internal/event"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/term"
)

func (a *app) serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "service",
		Short:   "List, start, stop and restart supervised processes",
		Example: "  ucid service list\n  ucid service restart web",
	}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the processes and their states", Args: cobra.NoArgs,
		Example: "  ucid service list\n  ucid service list --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listServices(cmd.Context()) },
	})
	for action, help := range map[string]string{
		"start":   "Start a process, with a fresh count of failures",
		"stop":    "Stop a process until it is started by hand",
		"restart": "Stop a process and start it again",
	} {
		cmd.AddCommand(&cobra.Command{
			Use: action + " NAME", Short: help, Args: exactly(1, "the name of a process"),
			Example:           "  ucid service " + action + " web",
			ValidArgsFunction: a.completeProcess,
			RunE: func(cmd *cobra.Command, args []string) error {
				_, err := call[struct{}](cmd.Context(), a, "service.action", map[string]any{"name": args[0], "action": action})
				return err
			},
		})
	}
	return cmd
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

func (a *app) logsCommand() *cobra.Command {
	var follow bool
	var lines int
	cmd := &cobra.Command{
		Use:               "logs NAME",
		Short:             "Show the output of a process",
		Example:           "  ucid logs web\n  ucid logs -f web",
		Args:              exactly(1, "the name of a process"),
		ValidArgsFunction: a.completeProcess,
		RunE: func(cmd *cobra.Command, args []string) error {
			params := map[string]any{"name": args[0], "lines": lines, "follow": follow}
			return tail(cmd.Context(), a, "logs", params, follow, a.printLine)
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

func (a *app) printLine(l procdriver.Line) {
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
