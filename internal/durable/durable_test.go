// SPDX-License-Identifier: Apache-2.0

package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ucid/internal/nltest"
)

func TestMain(m *testing.M) { nltest.Main(m) }

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "file")
	for _, content := range []string{"one", "", "a longer one"} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%q, %v; want %q", got, err, content)
		}
	}
	for name, mode := range map[string]os.FileMode{"a": 0o700, "a/b": 0o700, "a/b/file": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, mode)
		}
	}
}

// What a writer that was killed left behind goes away, whatever its mode and content.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".new-file")
	if err := os.WriteFile(left, []byte("half of som"), 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || len(entries) != 1 {
		t.Errorf("%v, %v, entries %v; want 0600 and nothing else", info.Mode(), err, entries)
	}
}

// A full disk leaves the old content and no rest of the new one.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, make([]byte, 64<<10)); err == nil {
		t.Error("64 KiB went into 16")
	}
	entries, _ := os.ReadDir(dir)
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" || len(entries) != 1 {
		t.Errorf("%q, %v, entries %v; want the old content alone", got, err, entries)
	}
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Errorf("the rest still takes room: %v", err)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	if err := WriteFile(path, []byte("new")); err == nil {
		t.Error("it was written")
	}
}

func TestSomethingElseInTheWay(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "a", "file"), nil); err == nil {
		t.Error("a file served as a directory")
	}
	if err := os.MkdirAll(filepath.Join(dir, "b", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "b"), nil); err == nil {
		t.Error("a directory was replaced")
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteFile(path, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Remove(path); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it is still there")
	}
	if err := Remove(filepath.Join(path, "deeper")); err != nil {
		t.Error(err)
	}
}
