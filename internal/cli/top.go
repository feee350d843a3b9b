// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/term"
)

func (a *app) topCommand() *cobra.Command {
	var once bool
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show the processes and what they use, again and again",
		Long: `Show each process with its state, pid, uptime, restarts, CPU since the last look,
resident memory and last line of output. Without a terminal, or with --once, show it once.`,
		Example: "  ucid top\n  ucid top --once --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if once || a.json || !term.IsTerminal(a.out) {
				return a.topOnce(cmd.Context())
			}
			return a.topLive(cmd.Context(), max(every, 100*time.Millisecond))
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "show it once")
	cmd.Flags().DurationVar(&every, "every", 2*time.Second, "time between two looks")
	return cmd
}

func (a *app) topOnce(ctx context.Context) error {
	all, err := call[[]control.Usage](ctx, a, "service.top", nil)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(all)
	}
	return a.printTop(all, nil, 0)
}

func (a *app) topLive(ctx context.Context, every time.Duration) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	tick := time.NewTicker(every)
	defer tick.Stop()
	before, looked := map[int]time.Duration{}, time.Time{}
	for {
		var all []control.Usage
		if err := client.Call(ctx, "service.top", nil, &all); err != nil {
			return err
		}
		fmt.Fprint(a.out, "\x1b[H\x1b[2J")
		if err := a.printTop(all, before, time.Since(looked)); err != nil {
			return err
		}
		looked = time.Now()
		clear(before)
		for _, u := range all {
			before[u.Pid] = u.CPU
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// printTop prints a table. before holds the CPU time of each pid at the last look, a time
// ago; without it the share is that of the whole life.
func (a *app) printTop(all []control.Usage, before map[int]time.Duration, ago time.Duration) error {
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATE\tPID\tUPTIME\tRESTARTS\tCPU\tMEMORY\tLAST LINE")
	for _, u := range all {
		used, span := u.CPU, time.Since(u.Started)
		if last, seen := before[u.Pid]; seen {
			used, span = u.CPU-last, ago
		}
		share, pid, uptime := "-", "-", "-"
		if u.Pid != 0 {
			share = fmt.Sprintf("%.1f%%", 100*used.Seconds()/max(span.Seconds(), 0.001))
			pid, uptime = fmt.Sprint(u.Pid), age(u.Started)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", u.Name, u.State, pid, uptime, u.Restarts, share,
			amount(u.Memory), term.Safe(clip(u.LastLine, 60)))
	}
	return t.Flush()
}

// amount shows memory of memory for people.
func amount(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
