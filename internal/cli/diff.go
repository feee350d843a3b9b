// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ucid/internal/term"
	"ucid/services"
	"ucid/uci"
)

func (a *app) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff REVISION [REVISION]",
		Short: "Show what differs between two revisions",
		Long: `Compare two stored revisions, or one with what is committed now, section by section
and option by option. 0 also means what is committed. Secrets are shown as ***.`,
		Example: "  ucid diff 3 4\n  ucid diff 3",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			revisions, err := revisionsOf(args)
			if err != nil {
				return err
			}
			return a.diff(cmd.Context(), revisions[0], revisions[1])
		},
	}
}

// revisionsOf reads the two numbers; one that is left out is 0.
func revisionsOf(args []string) (revisions [2]int, err error) {
	for i, arg := range args {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 {
			return revisions, usageError{fmt.Errorf("%q is not the number of a revision; see 'ucid history'", arg)}
		}
		revisions[i] = n
	}
	return revisions, nil
}

func (a *app) diff(ctx context.Context, old, new int) error {
	var sides [2]map[string]string
	for i, revision := range []int{old, new} {
		var err error
		if sides[i], err = call[map[string]string](ctx, a, "history.files", map[string]int{"revision": revision}); err != nil {
			return err
		}
	}
	diffs, err := diffFiles(sides[0], sides[1])
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(diffs)
	}
	for _, name := range slices.Sorted(maps.Keys(diffs)) {
		for _, d := range diffs[name] {
			a.printDifference(name, d)
		}
	}
	return nil
}

// diffFiles compares the packages of two configurations. Secrets do not leave it.
func diffFiles(old, new map[string]string) (map[string][]uci.Difference, error) {
	diffs := map[string][]uci.Difference{}
	names := maps.Clone(old)
	maps.Copy(names, new)
	for name := range names {
		a, err := uci.Parse(name, name, []byte(old[name]))
		if err != nil {
			return nil, err
		}
		b, err := uci.Parse(name, name, []byte(new[name]))
		if err != nil {
			return nil, err
		}
		if found := uci.Diff(a, b); len(found) > 0 {
			hideSecrets(found)
			diffs[name] = found
		}
	}
	return diffs, nil
}

// secretName finds options that hold a secret also in packages that nobody here knows.
var secretName = regexp.MustCompile(`(?i)passw(or)?d|passphrase|secret|psk|key|token`)

func hideSecrets(diffs []uci.Difference) {
	secret := secretOptions()
	for i, d := range diffs {
		if d.Option != "" && (secret[d.Type+"."+d.Option] || secretName.MatchString(d.Option)) {
			diffs[i].Old, diffs[i].New = hidden(d.Old), hidden(d.New)
		}
	}
}

func hidden(values []string) []string {
	if values == nil {
		return nil
	}
	return []string{"***"}
}

// secretOptions are those that a service reads as secrets, as "TYPE.OPTION". A package may be
// read in the place of another one, so its name does not matter.
func secretOptions() map[string]bool {
	secret := map[string]bool{}
	for _, s := range services.All() {
		for _, schemas := range s.Schemas() {
			for _, schema := range schemas {
				for _, o := range schema.Options {
					for _, name := range append([]string{o.Name}, o.Aliases...) {
						secret[schema.Type+"."+name] = o.Secret || secret[schema.Type+"."+name]
					}
				}
			}
		}
	}
	return secret
}

func (a *app) printDifference(pkg string, d uci.Difference) {
	where := pkg + "." + d.Section
	if d.Option != "" {
		where += "." + d.Option
	}
	sign, style, value := "~", term.Yellow, text(d.Old)+" → "+text(d.New)
	switch {
	case d.Old == nil:
		sign, style, value = "+", term.Green, text(d.New)
	case d.New == nil:
		sign, style, value = "-", term.Red, text(d.Old)
	}
	fmt.Fprintf(a.out, "%s %s=%s\n", a.paint.Paint(style, sign), term.Safe(where), term.Safe(value))
}

// text is a value as the tool shows it.
func text(values []string) string {
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, string(uci.AppendQuoted(nil, v)))
	}
	return strings.Join(quoted, " ")
}
