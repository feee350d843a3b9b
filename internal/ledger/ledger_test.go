// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.json")
	var got []string
	if ok, err := Read(path, &got); ok || err != nil {
		t.Errorf("no file: %v, %v; want false and no error", ok, err)
	}
	for _, words := range [][]string{{"a", "b"}, {"c"}} {
		if err := Write(path, words); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := Read(path, &got); !ok || err != nil || len(got) != 1 || got[0] != "c" {
		t.Errorf("read %v, %v, %v; want [c]", got, ok, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info, err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files %v, want one", files)
	}
}

func TestTornFileIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.json")
	if err := os.WriteFile(path, []byte(`["a`), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, err := Read(path, new([]string)); ok || err != nil {
		t.Errorf("%v, %v; want false and no error", ok, err)
	}
	if _, err := Read(filepath.Dir(path), new([]string)); err == nil {
		t.Error("a directory is read")
	}
	if err := Write(filepath.Dir(path), "text"); err == nil {
		t.Error("a directory is replaced")
	}
}

func TestBoot(t *testing.T) {
	if id := Boot(); len(id) != 36 || id != Boot() {
		t.Errorf("the boot is %q", id)
	}
}
