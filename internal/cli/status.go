// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/engine"
	"ucid/internal/term"
)

func (a *app) statusCommand() *cobra.Command {
	var watch, all bool
	var kind string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how everything is doing",
		Long: `Show what is applied, what is committed and not applied, and every object that is
not as it should be: with its state, the reason, and the line that asks for it.`,
		Example: "  ucid status\n  ucid status --all --kind route\n  ucid status -w",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := control.StatusRequest{All: all, Kind: kind}
			if watch {
				return a.watchStatus(cmd.Context(), r)
			}
			return a.showStatus(cmd.Context(), r)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever something happens")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "list objects that are ok, too")
	cmd.Flags().StringVar(&kind, "kind", "", "only objects of this kind: route, addr, rule, file, proc")
	return cmd
}

func (a *app) showStatus(ctx context.Context, r control.StatusRequest) error {
	s, err := call[control.Status](ctx, a, "status", r)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(s)
	}
	a.printStatus(s)
	return nil
}

// watchStatus shows the status after each event, at most five times a second.
func (a *app) watchStatus(ctx context.Context, r control.StatusRequest) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	moved := make(chan struct{}, 1)
	moved <- struct{}{}
	failed := make(chan error, 1)
	go func() {
		failed <- client.Stream(ctx, "events", map[string]any{"follow": true, "lines": 1}, func(json.RawMessage) error {
			select {
			case moved <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	pace := time.NewTicker(200 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case err := <-failed:
			return err
		case <-moved:
		}
		if bool(a.paint) && !a.json {
			fmt.Fprint(a.out, "\x1b[H\x1b[2J")
		}
		if err := a.showStatus(ctx, r); err != nil {
			return err
		}
		<-pace.C
	}
}

func (a *app) printStatus(s control.Status) {
	if s.Revision == 0 {
		fmt.Fprintln(a.out, "Nothing was applied yet: ucid only watches until the first 'ucid reload'.")
	} else {
		fmt.Fprintf(a.out, "Revision %d, applied %s by %s.\n", s.Revision, s.AppliedAt.Format(time.DateTime), term.Safe(s.AppliedBy))
	}
	if w := s.Window; w != nil {
		fmt.Fprintln(a.out, a.paint.Paint(term.Yellow, fmt.Sprintf(
			"Change %s goes back to revision %d in %s unless you type 'ucid confirm'.", w.Change, w.Before, w.Left.Round(time.Second))))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Unapplied)) {
		fmt.Fprintf(a.out, "%s: %s; see 'ucid plan', then 'ucid reload'\n",
			term.Safe(name), a.paint.Paint(term.Yellow, unappliedWords[s.Unapplied[name]]))
	}
	if s.Busy {
		fmt.Fprintln(a.out, "A change is being applied; ask again for the objects.")
	} else {
		a.printCounts(s.Counts)
	}
	a.printObjects(s.Objects)
	a.printProblems(s.Problems)
}

var unappliedWords = map[string]string{
	"changed": "committed, not applied",
	"removed": "removed, not applied",
	"broken":  "committed, but cannot be read; what was applied stays",
}

func (a *app) printCounts(counts []engine.Count) {
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\nKIND\tWANTED\tOK\tNOT OK")
	for _, c := range counts {
		bad := 0
		var states []string
		for _, state := range slices.Sorted(maps.Keys(c.States)) {
			bad += c.States[state]
			states = append(states, fmt.Sprintf("%d %s", c.States[state], state))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", c.Kind, c.Total, c.Total-bad, strings.Join(states, ", "))
	}
	t.Flush()
}

var stateStyle = map[engine.State]term.Style{engine.OK: term.Green, engine.Waiting: term.Yellow, engine.Failed: term.Red,
	engine.Conflict: term.Red, engine.Contested: term.Red, engine.Stopped: term.Faint}

func (a *app) printObjects(objects []engine.Object) {
	if len(objects) > 0 {
		fmt.Fprintln(a.out)
	}
	for _, o := range objects {
		line := fmt.Sprintf("%s  %s %s", a.paint.Paint(stateStyle[o.State], fmt.Sprintf("%-9s", o.State)), o.Ref.Kind, term.Safe(o.Text))
		if o.Shared {
			line += " (somebody else's, identical)"
		}
		if at := o.Origin.String(); at != "" {
			line += "  " + a.paint.Paint(term.Faint, "# "+term.Safe(at))
		}
		fmt.Fprintln(a.out, line)
		if o.Reason != "" {
			fmt.Fprintln(a.out, "           "+term.SafeLines(o.Reason, "           "))
		}
	}
}

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "why KIND:NAME",
		Short:   "Explain one object: who wants it, how it is doing, what comes next",
		Long:    "Explain objects by their own name or by that of the section that asks for them.",
		Example: "  ucid why route:office\n  ucid why 10.8.0.0/16\n  ucid why proc:web",
		Args:    exactly(1, "an object, as in route:office"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.why(cmd.Context(), args[0])
		},
	}
}

func (a *app) why(ctx context.Context, name string) error {
	found, err := call[[]control.Explanation](ctx, a, "why", map[string]string{"name": name})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("nothing called %q is wanted; 'ucid status --all' lists what is", name)
	}
	if a.json {
		return a.printJSON(found)
	}
	a.printExplanations(found)
	return nil
}

func (a *app) printExplanations(found []control.Explanation) {
	for _, e := range found {
		a.printObjects([]engine.Object{e.Object})
		if !e.Object.Since.IsZero() {
			fmt.Fprintln(a.out, "           since "+e.Object.Since.Format(time.DateTime))
		}
		if !e.Object.Retry.IsZero() {
			fmt.Fprintln(a.out, "           next try "+e.Object.Retry.Format(time.DateTime))
		}
		for _, d := range e.Details {
			fmt.Fprintln(a.out, "           "+term.Safe(d))
		}
		for _, ev := range e.Events {
			fmt.Fprint(a.out, "           ")
			a.printEvent(ev)
		}
	}
}

func (a *app) adoptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "adopt KIND NAME",
		Short: "Take over an object that somebody else made",
		Long: `Make ours what stands in the place of a wanted object and is not ours: a conflict
ends, or an identical object is kept up from now on. NAME is that of the object or
of the section that asks for it.`,
		Example: "  ucid adopt route office\n  ucid adopt addr '192.0.2.1/24 dev eth0'",
		Args:    exactly(2, "a kind and a name, as 'ucid status --all' shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := call[struct{}](cmd.Context(), a, "adopt", map[string]string{"kind": args[0], "name": args[1]})
			return err
		},
	}
}
