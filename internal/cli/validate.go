// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ucid/services"
	"ucid/uci"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [PACKAGE...]",
		Short: "Check the committed files against what the services know",
		Long: `Parse the files and check sections and options: names, values, ranges. It needs no
daemon. What sections mean together, 'ucid plan' checks.`,
		Example: "  ucid validate\n  ucid validate network --json",
		RunE: func(_ *cobra.Command, args []string) error {
			problems, err := a.validate(args)
			if err != nil {
				return err
			}
			if a.json {
				err = a.printJSON(problems)
			} else {
				a.printProblems(problems)
			}
			if err == nil && len(mistakes(problems)) > 0 {
				return errQuiet
			}
			return err
		},
	}
}

func (a *app) validate(names []string) ([]uci.Problem, error) {
	packages := map[string]*uci.Package{}
	problems := []uci.Problem{}
	globals, _ := services.DecodeGlobals(nil)
	if len(names) == 0 {
		names = services.Reads(globals)
	} else if unknown := slices.IndexFunc(names, func(n string) bool { return !slices.Contains(services.Reads(globals), n) }); unknown >= 0 {
		return nil, fmt.Errorf("no service reads a package %q; there are: %s", names[unknown], strings.Join(services.Reads(globals), ", "))
	}
	for _, name := range names {
		p, err := uci.ReadFile(name, filepath.Join(a.settings.ConfDir, name))
		parse := (*uci.ParseError)(nil)
		switch {
		case errors.As(err, &parse):
			problems = append(problems, parse.Problem())
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			packages[name] = p
		}
	}
	return append(problems, services.Validate(packages)...), nil
}

func (a *app) schemaCommand() *cobra.Command {
	var table bool
	cmd := &cobra.Command{
		Use:     "schema SERVICE",
		Short:   "Print what a service reads from UCI, as JSON Schema or as a table",
		Example: "  ucid schema route\n  ucid schema process --table",
		Args:    exactly(1, "the name of a service, as 'ucid status --json' lists them"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return serviceNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			all := services.All()
			i := slices.IndexFunc(all, func(s *services.Service) bool { return s.Name == args[0] })
			if i < 0 {
				return fmt.Errorf("there is no service %q; there are: %s", args[0], strings.Join(serviceNames(), ", "))
			}
			if table {
				return a.printSchema(all[i])
			}
			return a.printJSON(all[i].JSONSchema())
		},
	}
	cmd.Flags().BoolVar(&table, "table", false, "print a table, as in the documentation")
	return cmd
}

func serviceNames() []string {
	var names []string
	for _, s := range services.All() {
		names = append(names, s.Name)
	}
	return names
}

func (a *app) printSchema(s *services.Service) error {
	schemas := s.Schemas()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		for _, schema := range schemas[name] {
			title := "config " + schema.Type
			if schema.Filter != "" {
				title += " where " + schema.Filter
			}
			fmt.Fprintf(a.out, "## %s: %s\n\n%s\n", name, title, schema.Table())
		}
	}
	return nil
}
