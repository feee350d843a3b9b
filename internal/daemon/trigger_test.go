// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ucid/internal/nltest"
	"ucid/test/lab"
)

// lan is an interface of the test.
const lan = `
config interface 'uplink'
	option device 'wan'
	option proto 'static'
	option ipaddr '203.0.113.1/30'
`

// happened waits until a command of a trigger has left its mark n times.
func happened(t *testing.T, mark string, n int) {
	t.Helper()
	lab.Eventually(t, func() error {
		text, err := os.ReadFile(mark)
		if lines := strings.Count(string(text), "\n"); lines < n {
			return fmt.Errorf("%d of %d runs: %w", lines, n, errors.Join(err, os.ErrNotExist))
		}
		return nil
	})
}

// trigger is a section that leaves a mark.
func triggerSection(name, event, match, mark string) string {
	return fmt.Sprintf(`
config trigger '%s'
	option event '%s'
	list match '%s'
	list command 'sh'
	list command '-c'
	list command 'echo $UCID_EVENT >> %s'
`, name, event, match, mark)
}

func TestTriggersHearOfConfigAndInterfaces(t *testing.T) {
	r := running(t, lan)
	marks := t.TempDir()
	mark := func(name string) string { return filepath.Join(marks, name) }
	r.Write("ucid", triggerSection("config", "config.change", "package=network", mark("config"))+
		triggerSection("down", "interface.down", "interface=uplink", mark("down"))+
		triggerSection("up", "interface.up", "device=wan", mark("up"))+
		triggerSection("hand", "my.*", "who=me", mark("hand")))
	r.Applied()
	r.Write("network", lan+"	option metric '5'\n")
	r.Applied()
	happened(t, mark("config"), 1)
	nltest.Down(t, "far")
	happened(t, mark("down"), 1)
	nltest.Up(t, "far")
	happened(t, mark("up"), 1)
	fire(r, "my.event", map[string]string{"who": "you"})
	fire(r, "my.event", map[string]string{"who": "me"})
	happened(t, mark("hand"), 1)
	if text, _ := os.ReadFile(mark("hand")); string(text) != "my.event\n" {
		t.Errorf("ran %q", text)
	}
}

func TestTriggerRestartsAProcess(t *testing.T) {
	r := running(t, lan)
	r.Write("ucid", `
config process 'sleeper'
	list command 'sleep'
	list command '1000'

config trigger 'follow'
	option event 'config.change'
	list match 'package=network'
	option process 'sleeper'
`)
	r.Applied()
	before := r.Child("sleeper")
	r.Write("network", lan+"	option metric '7'\n")
	fire(r, "config.change", map[string]string{"package": "network"}) // as rpcd says it
	r.Child("sleeper", before)
}

func TestTriggerHearsOfProcesses(t *testing.T) {
	r := running(t, lan)
	mark := filepath.Join(t.TempDir(), "mark")
	r.Write("ucid", triggerSection("seen", "instance.*", "service=sleeper", mark))
	r.Applied()
	r.Write("ucid", triggerSection("seen", "instance.*", "service=sleeper", mark)+`
config process 'sleeper'
	list command 'sleep'
	list command '1000'
`)
	r.Applied()
	happened(t, mark, 1)
}

// event fires an event by hand.
func fire(r *lab.Router, name string, data map[string]string) {
	r.T.Helper()
	lab.Must[struct{}](r, "event", map[string]any{"event": name, "data": data})
}
