// SPDX-License-Identifier: Apache-2.0

package control

import (
	"path/filepath"

	"ucid/internal/revision"
	"ucid/internal/settings"
	"ucid/services"
	"ucid/uci"
)

// Globals are the settings that drivers need before anything is compiled: those that were
// applied last, so that a broken or uncommitted file disowns nothing; before the first apply
// those of the file. A mistake in them is reported by the first plan; the defaults do until then.
func Globals(s settings.Settings) services.Globals {
	p := appliedGlobals(s)
	if p == nil {
		p, _ = uci.ReadFile(services.GlobalsPackage, filepath.Join(s.ConfDir, services.GlobalsPackage))
	}
	g, _ := services.DecodeGlobals(p)
	return g
}

func appliedGlobals(s settings.Settings) *uci.Package {
	store := openStore(s)
	last, ok, _ := store.Last()
	sum, there := last.Packages[services.GlobalsPackage]
	if !ok || !there {
		return nil
	}
	content, err := store.Content(sum)
	if err != nil {
		return nil
	}
	p, _ := uci.Parse(services.GlobalsPackage, filepath.Join(s.ConfDir, services.GlobalsPackage), content)
	return p
}

func openStore(s settings.Settings) *revision.Store {
	return revision.Open(filepath.Join(s.StateDir, "applied"), revisionsKept)
}
