// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"log/slog"
	"maps"
	"testing"

	"ucid/internal/engine"
	"ucid/internal/event"
	"ucid/internal/settings"
)

// needed is the one place where a test says who may do what: a new method has to be thought about.
var needed = map[string]Role{
	"status": View, "plan": View, "why": View, "wait": View, "history": View, "events": View,
	"service.list": View, "service.status": View, "service.top": View, "logs": View,
	"confirm": Operate, "service.action": Operate, "event": Operate,
	"apply": Administer, "adopt": Administer, "rollback": Administer,
	"history.files": Administer, "history.purge": Administer,
}

func TestRolesOfMethods(t *testing.T) {
	c := Open(settings.Settings{StateDir: t.TempDir()}, engine.New(engine.Options{}), event.NewLog(1, nil), nil, slog.New(slog.DiscardHandler))
	found := map[string]Role{}
	for _, m := range c.Methods() {
		found[m.Name] = m.Role
		for role := range m.Role {
			result, err := m.Call(t.Context(), Caller{Role: role}, nil)
			forbidden := (*ErrForbidden)(nil)
			if !errors.As(err, &forbidden) || result != nil {
				t.Errorf("%s by one who may %s: %v, %v; want forbidden", m.Name, role, result, err)
			}
		}
	}
	if !maps.Equal(found, needed) {
		t.Errorf("methods and roles: %v, want %v", found, needed)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	c := Open(settings.Settings{StateDir: t.TempDir()}, engine.New(engine.Options{}), event.NewLog(1, nil), nil, slog.New(slog.DiscardHandler))
	for _, m := range c.Methods() {
		for _, params := range []string{`"words"`, `[1]`, `7`, `{`} {
			if _, err := m.Call(t.Context(), Caller{Role: Administer}, []byte(params)); err == nil {
				t.Errorf("%s takes %s", m.Name, params)
			}
		}
	}
}
