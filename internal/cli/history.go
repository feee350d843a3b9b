// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/revision"
	"ucid/internal/term"
)

func (a *app) confirmCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "confirm [ID]",
		Short:   "Keep a change that was applied with --confirm",
		Example: "  ucid apply --confirm 60s && ucid confirm",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := strings.Join(args, "")
			w, err := call[control.Window](cmd.Context(), a, "confirm", map[string]string{"id": id})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(w)
			}
			fmt.Fprintf(a.out, "%s: confirmed: revision %d stays\n", w.Change, w.Revision)
			return nil
		},
	}
}

func (a *app) rollbackCommand() *cobra.Command {
	var confirm time.Duration
	cmd := &cobra.Command{
		Use:   "rollback [REVISION]",
		Short: "Take back a change that waits to be confirmed, or go back to a revision",
		Long: `While a change waits to be confirmed, take it back: what it did to the files and to
the system, and nothing else. Otherwise write the files of a revision, by default
the one applied before the present, and apply them. Files that were committed and
not applied are stored first; 'ucid history' lists them.`,
		Example: "  ucid rollback\n  ucid rollback 12 --confirm 60s",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := control.Request{Confirm: confirm}
			if len(args) > 0 {
				var err error
				if r.Revision, err = strconv.Atoi(args[0]); err != nil || r.Revision < 1 {
					return usageError{fmt.Errorf("%q is not the number of a revision; see 'ucid history'", args[0])}
				}
			}
			change, err := call[control.Change](cmd.Context(), a, "rollback", r)
			if err != nil {
				return err
			}
			if change.ID != "" {
				return a.await(cmd.Context(), change.ID)
			}
			if a.json {
				return a.printJSON(change)
			}
			fmt.Fprintf(a.out, "taken back: revision %d is applied\n", change.Revision)
			return nil
		},
	}
	cmd.Flags().DurationVar(&confirm, "confirm", 0, "take it back unless 'ucid confirm' comes in this time, as in 60s")
	return cmd
}

func (a *app) historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history [REVISION]",
		Short: "List the configurations that were applied",
		Long: `List the last revisions, newest first: applied ones, those that were taken back, and
files that were saved before a rollback. With a number, show what that one did. They are
kept in STATEDIR/applied.`,
		Example: "  ucid history\n  ucid history 4\n  ucid diff 3 4\n  ucid rollback 3",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := call[[]revision.Revision](cmd.Context(), a, "history", nil)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return a.showRevision(all, args[0])
			}
			if a.json {
				return a.printJSON(all)
			}
			return a.printHistory(all)
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "purge",
		Short:   "Forget all revisions but the applied one",
		Example: "  ucid history purge",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := call[struct{}](cmd.Context(), a, "history.purge", nil)
			return err
		},
	})
	return cmd
}

var stateOfRevision = map[revision.State]term.Style{revision.Applied: term.Green, revision.Pending: term.Yellow,
	revision.Rejected: term.Red, revision.Saved: term.Faint}

func (a *app) printHistory(all []revision.Revision) error {
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "REVISION\tTIME\tSTATE\tBY\tCHANGED\tMESSAGE")
	for i, r := range all {
		changed := "everything"
		if i+1 < len(all) {
			changed = strings.Join(changedPackages(r, all[i+1]), " ")
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Time.Format(time.DateTime),
			a.paint.Paint(stateOfRevision[r.State], fmt.Sprintf("%-8s", r.State)), term.Safe(r.Who), changed, term.Safe(r.Message))
	}
	return t.Flush()
}

// showRevision prints one revision with its operations.
func (a *app) showRevision(all []revision.Revision, number string) error {
	i := slices.IndexFunc(all, func(r revision.Revision) bool { return strconv.Itoa(r.ID) == number })
	if i < 0 {
		return usageError{fmt.Errorf("there is no revision %q; see 'ucid history'", number)}
	}
	if a.json {
		return a.printJSON(all[i])
	}
	if err := a.printHistory(all[i:min(i+2, len(all))]); err != nil {
		return err
	}
	for _, line := range all[i].Plan {
		fmt.Fprintln(a.out, term.Safe(line))
	}
	return nil
}

func changedPackages(now, before revision.Revision) []string {
	names := maps.Clone(now.Packages)
	maps.Copy(names, before.Packages)
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if now.Packages[name] != before.Packages[name] {
			changed = append(changed, name)
		}
	}
	return changed
}
