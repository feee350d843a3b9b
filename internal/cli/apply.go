// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/term"
)

func (a *app) applyCommand(name string) *cobra.Command {
	var noWait bool
	var r control.Request
	cmd := &cobra.Command{
		Use:   name,
		Short: map[string]string{"reload": "Apply what is committed", "apply": "Apply what is committed; the same as reload"}[name],
		Long: `Read the committed configuration again, apply what has changed, and wait until it
is done. What did not change is not touched. A file or section with a mistake keeps
what it had; the rest is applied, and the status is 1. When the system refuses a
change for good, everything is put back.

With --confirm the change is taken back, files and system, unless 'ucid confirm' comes in
time: also when the daemon is killed or the machine is started again meanwhile. With
--probe it is confirmed by itself once every probe has succeeded: ping:ADDRESS,
tcp:HOST:PORT, http:URL, or a command (run without a shell).`,
		Example: "  uci commit && ucid " + name + "\n  ucid " + name + " --confirm 60s --probe ping:203.0.113.1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.apply(cmd.Context(), r, noWait)
		},
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "print the change id and do not wait; see 'ucid wait'")
	cmd.Flags().StringVarP(&r.Message, "message", "m", "", "why, for the history")
	cmd.Flags().DurationVar(&r.Confirm, "confirm", 0, "take it back unless 'ucid confirm' comes in this time, as in 60s")
	cmd.Flags().StringArrayVar(&r.Probes, "probe", nil, "confirm when this succeeds; may be given several times")
	return cmd
}

func (a *app) apply(ctx context.Context, r control.Request, noWait bool) error {
	change, err := call[control.Change](ctx, a, "apply", r)
	if err != nil {
		return err
	}
	if noWait {
		if a.json {
			return a.printJSON(change)
		}
		fmt.Fprintln(a.out, change.ID)
		return nil
	}
	return a.await(ctx, change.ID)
}

func (a *app) waitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "wait ID",
		Short:   "Wait for a change and print its result",
		Example: "  id=$(ucid apply --no-wait) && ucid wait $id",
		Args:    exactly(1, "the id that 'ucid apply --no-wait' printed"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.await(cmd.Context(), args[0]) },
	}
}

// await waits for a change, with a sign of life on a terminal, and prints its result.
func (a *app) await(ctx context.Context, id string) error {
	stop := a.progress("applying " + id)
	change, err := call[control.Change](ctx, a, "wait", map[string]string{"id": id})
	stop()
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(change); err != nil {
			return err
		}
	} else {
		a.printChange(change)
	}
	if !change.OK() {
		return errQuiet
	}
	return nil
}

var outcomeStyle = map[control.Outcome]term.Style{control.Applied: term.Green, control.Unchanged: term.Green, control.Armed: term.Yellow,
	control.Undone: term.Red, control.Refused: term.Red}

func (a *app) printChange(c control.Change) {
	outcome := a.paint.Paint(outcomeStyle[c.Outcome], string(c.Outcome))
	switch c.Outcome {
	case control.Unchanged:
		fmt.Fprintf(a.out, "%s: %s: nothing to do (revision %d, %s)\n", c.ID, outcome, c.Revision, short(c.Took))
	case control.Refused:
		fmt.Fprintf(a.out, "%s: %s: %s\n", c.ID, outcome, term.Safe(c.Error))
	case control.Undone:
		fmt.Fprintf(a.out, "%s: %s: a change failed, everything was put back (revision %d, %s)\n", c.ID, outcome, c.Revision, short(c.Took))
	case control.Armed:
		fmt.Fprintf(a.out, "%s: %s: %d created, %d changed, %d removed (revision %d); goes back by itself in %s unless you type 'ucid confirm'\n",
			c.ID, outcome, c.Created, c.Changed, c.Removed, c.Revision, time.Until(c.Started.Add(c.Window)).Round(time.Second))
	default:
		fmt.Fprintf(a.out, "%s: %s: %d created, %d changed, %d removed (revision %d, %s)\n",
			c.ID, outcome, c.Created, c.Changed, c.Removed, c.Revision, short(c.Took))
	}
	a.printProblems(c.Problems)
	a.printFaults(c.Faults)
	for _, f := range c.Stuck {
		fmt.Fprintln(a.err, term.For(a.err).Paint(term.Red, "not put back: ")+term.Safe(f.Error()))
	}
}

// short rounds a duration for people.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// progress shows on a terminal that something takes long; the function it returns ends that.
func (a *app) progress(what string) (stop func()) {
	if !term.IsTerminal(a.err) {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		began := time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		shown := false
		for {
			select {
			case <-done:
				if shown {
					fmt.Fprint(a.err, "\r\x1b[K")
				}
				return
			case <-tick.C:
				shown = true
				fmt.Fprintf(a.err, "\r\x1b[K%s … %s", what, time.Since(began).Round(time.Second))
			}
		}
	}()
	return func() { close(done); <-ended }
}
