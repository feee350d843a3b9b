// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"ucid/internal/control"
	"ucid/internal/settings"
	"ucid/uci"
)

// planSource says which configuration to plan. Files are read here, with the rights of the
// user, and sent to the daemon.
type planSource struct {
	from     string
	staged   bool
	revision int
}

func (s *planSource) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.from, "from", "", "plan with the UCI files of this directory in the place of the committed ones")
	cmd.Flags().BoolVar(&s.staged, "staged", false, "plan with the changes that are set and not committed")
	cmd.Flags().IntVar(&s.revision, "revision", 0, "plan a revision of 'ucid history'")
	cmd.MarkFlagsMutuallyExclusive("from", "staged", "revision")
}

func (s *planSource) request(dirs settings.Settings, packages []string) (control.PlanRequest, error) {
	r := control.PlanRequest{Packages: packages, Revision: s.revision}
	var err error
	switch {
	case s.from != "":
		r.Files, err = filesIn(s.from)
	case s.staged:
		r.Files, err = stagedFiles(dirs)
	}
	return r, err
}

// filesIn reads the packages of a directory.
func filesIn(dir string) (map[string]control.File, error) {
	names, err := uci.Open(dir, "").Packages()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there are no UCI files in %s", dir)
	}
	files := map[string]control.File{}
	for _, name := range names {
		path := filepath.Join(dir, name)
		text, err := uci.ReadText(path)
		if err != nil {
			return nil, err
		}
		files[name] = control.File{Path: path, Text: string(text)}
	}
	return files, nil
}

// stagedFiles makes the text of each package for which changes wait.
func stagedFiles(dirs settings.Settings) (map[string]control.File, error) {
	store := uci.Open(dirs.ConfDir, dirs.SaveDir)
	waiting, err := uci.Open(dirs.SaveDir, "").Packages()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := map[string]control.File{}
	for _, name := range waiting {
		p, err := store.Package(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = control.File{Path: filepath.Join(dirs.ConfDir, name) + " (staged)", Text: string(uci.Format{}.Append(nil, p))}
	}
	return files, nil
}
