// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/engine"
	"ucid/internal/term"
	"ucid/uci"
)

func (a *app) planCommand() *cobra.Command {
	var code bool
	var source planSource
	cmd := &cobra.Command{
		Use:   "plan [PACKAGE...]",
		Short: "Show what a reload would do, and do nothing",
		Long: `Compare the committed configuration with the system and print each operation a
reload would make, in order, with the line that asks for it. Nothing is written.
With packages, only what these ask for is shown.`,
		Example: `  uci set network.office.gateway=10.0.0.4 && uci commit network
  ucid plan
  ucid plan --staged network
  ucid plan --from /root/candidate`,
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := source.request(a.settings, args)
			if err != nil {
				return err
			}
			plan, err := call[control.Plan](cmd.Context(), a, "plan", request)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(plan)
			} else {
				a.printPlan(plan)
			}
			if err == nil && len(mistakes(plan.Problems))+len(plan.Conflicts) > 0 {
				return errQuiet
			}
			if err == nil && code && len(plan.Lines) > 0 {
				return exitCode(3)
			}
			return err
		},
	}
	source.flags(cmd)
	cmd.Flags().BoolVar(&code, "exit-code", false, "end with status 3 when there is something to do")
	return cmd
}

func (a *app) printPlan(plan control.Plan) {
	counts := map[engine.Op]int{}
	for _, l := range plan.Lines {
		counts[l.Op]++
		fmt.Fprintln(a.out, a.planLine(l))
	}
	switch {
	case len(plan.Lines) == 0:
		fmt.Fprintln(a.out, "Nothing to do: the system is as the configuration says.")
	default:
		fmt.Fprintf(a.out, "%d to create, %d to change, %d to remove. 'ucid reload' does it.\n",
			counts[engine.Create], counts[engine.Modify], counts[engine.Remove])
	}
	if plan.First {
		fmt.Fprintln(a.out, "Nothing was applied yet: ucid only watches until the first reload.")
	}
	a.printProblems(plan.Problems)
	a.printFaults(plan.Conflicts)
}

var opStyle = map[engine.Op]term.Style{engine.Create: term.Green, engine.Modify: term.Yellow, engine.Remove: term.Red}

// planLine is one operation: "+ route 10.8.0.0/16 via 10.0.0.3 dev eth1  (…)  # FILE:LINE".
func (a *app) planLine(l engine.Line) string {
	text := l.Text
	if len(l.Fields) > 0 {
		var parts []string
		for _, f := range l.Fields {
			parts = append(parts, fmt.Sprintf("%s %s → %s", strings.ToLower(f.Name), f.Old, f.New))
		}
		text = l.Ref.Name + ": " + strings.Join(parts, ", ")
	}
	line := a.paint.Paint(opStyle[l.Op], l.Op.Sign()+" "+l.Ref.Kind+" "+term.Safe(text))
	var notes []string
	if l.Effect != "" {
		notes = append(notes, l.Effect)
	}
	if at := l.Origin.String(); at != "" {
		notes = append(notes, at)
	}
	if len(notes) > 0 {
		line += "  " + a.paint.Paint(term.Faint, "# "+term.Safe(strings.Join(notes, "; ")))
	}
	return line
}

// mistakes are the problems that are not just warnings.
func mistakes(problems []uci.Problem) []uci.Problem {
	var found []uci.Problem
	for _, p := range problems {
		if !p.Warning {
			found = append(found, p)
		}
	}
	return found
}

// printProblems tells the user's mistakes on standard error.
func (a *app) printProblems(problems []uci.Problem) {
	paint := term.For(a.err)
	for _, p := range problems {
		text := term.Safe(p.Error())
		if p.Warning {
			fmt.Fprintln(a.err, paint.Paint(term.Yellow, "warning: ")+text)
		} else {
			fmt.Fprintln(a.err, paint.Paint(term.Red, "problem: ")+text)
		}
	}
}

// printFaults tells what the system did not do on standard error.
func (a *app) printFaults(faults []engine.Fault) { printFaults(a.err, faults) }

func printFaults(w io.Writer, faults []engine.Fault) {
	paint := term.For(w)
	for _, f := range faults {
		style := term.Red
		if f.State == engine.Waiting {
			style = term.Yellow
		}
		fmt.Fprintln(w, paint.Paint(style, f.State.String()+": ")+term.SafeLines(f.Error(), "    "))
	}
}
