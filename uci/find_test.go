// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestFindIsWhatThePackageSays compares Store.Find, which leaves out what nobody asked for,
// with a look at the whole package; with and without changes that wait.
func TestFindIsWhatThePackageSays(t *testing.T) {
	const config = "config t 'a'\n\toption x '1'\nconfig t\n\toption x '2'\nconfig u 'b'\n\toption x '3'\nconfig t 'a'\n\toption y '4'\n"
	for name, delta := range map[string]string{"committed": "", "changed": "@p.a='c'\np.b.x='9'\n-p.a\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "p"), config)
			write(t, filepath.Join(dir, "save", "p"), delta)
			st := Open(dir, filepath.Join(dir, "save"))
			p, err := st.Package("p")
			if err != nil {
				t.Fatal(err)
			}
			for _, section := range []string{"a", "b", "c", "none", "cfg02b619", "@t[0]", "@t[1]", "@t[2]", "@t[-1]", "@u[0]", "@[0]", "@[1]", "@[2]", "@[9]", "a-b"} {
				for _, option := range []string{"x", "y", "z"} {
					tuple := Tuple{Package: "p", Section: section, Option: option, Depth: 3}
					_, want, wantErr := p.Find(tuple)
					_, got, err := st.Find(tuple)
					if !errors.Is(err, wantErr) || err == nil && got.Value() != want.Value() {
						t.Errorf("%s.%s: %v, %v, want %v, %v", section, option, got, err, want, wantErr)
					}
				}
			}
		})
	}
}
