// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) eventCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "event NAME [KEY=VALUE...]",
		Short: "Tell the triggers that something happened",
		Long: `Fire an event for the 'config trigger' sections. The event config.change with
package=NAME applies what is committed, as rpcd and scripts of OpenWrt mean it.`,
		Example: "  ucid event lease.added address=192.0.2.7\n  ucid event config.change package=network",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data := map[string]string{}
			for _, arg := range args[1:] {
				key, value, ok := strings.Cut(arg, "=")
				if !ok || key == "" {
					return usageError{fmt.Errorf("%q is not KEY=VALUE", arg)}
				}
				data[key] = value
			}
			_, err := call[struct{}](cmd.Context(), a, "event", map[string]any{"event": args[0], "data": data})
			return err
		},
	}
}
