// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ucid/internal/engine"
	"ucid/internal/engine/enginetest"
	"ucid/internal/kind/file"
)

func open(t *testing.T, dir string) *Driver {
	t.Helper()
	d, err := New(Options{RunDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func text(path, content string) file.File {
	return file.File{Path: path, Content: engine.MakeSecret(content), Mode: 0o640}
}

func apply(d *Driver, op engine.Op, old, new file.File) error {
	for _, err := range d.Apply(context.Background(), []engine.Change[file.File]{{Op: op, Old: old, New: new}}) {
		if err != nil {
			return err
		}
	}
	return nil
}

func create(t *testing.T, d *Driver, f file.File) {
	t.Helper()
	if err := apply(d, engine.Create, file.File{}, f); err != nil {
		t.Fatal(err)
	}
}

func observed(t *testing.T, d *Driver) []file.File {
	t.Helper()
	all, err := d.Observe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func foreign(t *testing.T, d *Driver, f file.File) engine.Standing {
	t.Helper()
	all, err := d.Foreign(context.Background(), []file.File{f})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestConform(t *testing.T) {
	dir := t.TempDir()
	a, b := text(filepath.Join(dir, "a"), "one\n"), text(filepath.Join(dir, "b"), "\x00\xff")
	changed, mode := a, a
	changed.Content = engine.MakeSecret("two\n")
	mode.Mode = 0o600
	goldens := [][]file.File{{a}, {a, b}, {changed, b}, {mode}}
	if mayGive(t) {
		owned := b
		owned.Owner, owned.Group = "nobody", "1"
		goldens = append(goldens, []file.File{owned, mode})
	}
	enginetest.Conform(t, open(t, t.TempDir()), goldens...)
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// mayGive reports whether files can be given to other users here: not by an ordinary user,
// and not in a user namespace that has only one.
func mayGive(t *testing.T) bool {
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "")
	return os.Chown(path, 65534, 1) == nil
}

func TestKnownAfterRestart(t *testing.T) {
	run, f := t.TempDir(), text(filepath.Join(t.TempDir(), "f"), "geheim")
	create(t, open(t, run), f)
	again := open(t, run)
	if all := observed(t, again); len(all) != 1 || all[0] != f {
		t.Errorf("observed %v", all)
	}
	st, err := os.Stat(filepath.Join(run, "files.json"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("ledger: %v %v", st.Mode(), err)
	}
	if strings.Contains(content(t, filepath.Join(run, "files.json")), "geheim") {
		t.Error("the ledger holds the content")
	}
}

func TestForeignFilesStay(t *testing.T) {
	d, path := open(t, t.TempDir()), filepath.Join(t.TempDir(), "f")
	f := text(path, "ours")
	if s := foreign(t, d, f); s != (engine.Standing{}) {
		t.Errorf("a free place: %+v", s)
	}
	put(t, path, "theirs")
	if s := foreign(t, d, f); s.Same || s.Owner == "" {
		t.Errorf("another file: %+v", s)
	}
	if err := apply(d, engine.Create, file.File{}, f); err == nil || content(t, path) != "theirs" {
		t.Errorf("a foreign file was replaced: %v", err)
	}
	put(t, path, "ours")
	if s := foreign(t, d, f); !s.Same {
		t.Errorf("an identical file: %+v", s)
	}
	if err := apply(d, engine.Remove, f, file.File{}); err != nil || content(t, path) != "ours" {
		t.Errorf("a foreign file was removed: %v", err)
	}
}

// Somebody puts a file of his own in the place of ours.
func TestReplacedFileIsForeign(t *testing.T) {
	d, path := open(t, t.TempDir()), filepath.Join(t.TempDir(), "f")
	f := text(path, "ours")
	create(t, d, f)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(t, path, "theirs") // it may well get the inode of ours
	if all := observed(t, d); len(all) != 0 {
		t.Errorf("observed %v", all)
	}
	if s := foreign(t, d, f); s.Owner == "" {
		t.Error("it is not reported")
	}
	if err := apply(d, engine.Remove, f, file.File{}); err != nil || content(t, path) != "theirs" {
		t.Errorf("it was removed: %v", err)
	}
}

func TestDriftIsSeenAndRepaired(t *testing.T) {
	d, path := open(t, t.TempDir()), filepath.Join(t.TempDir(), "f")
	f := text(path, "ours")
	create(t, d, f)
	put(t, path, "edited") // in place
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	all := observed(t, d)
	if len(all) != 1 || all[0].Content.Reveal() != "edited" || all[0].Mode != 0o666 {
		t.Fatalf("observed %v", all)
	}
	if err := apply(d, engine.Modify, all[0], f); err != nil {
		t.Fatal(err)
	}
	if all := observed(t, d); len(all) != 1 || all[0] != f {
		t.Errorf("observed %v", all)
	}
}

func TestWhatIsRefused(t *testing.T) {
	d, dir := open(t, t.TempDir()), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	put(t, at("target"), "target")
	if err := os.Symlink(at("target"), at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner, mode := text(at("x"), ""), text(at("x"), "")
	owner.Owner, mode.Mode = "no-such-user", fs.ModeSetuid|0o755
	for want, f := range map[string]file.File{
		"a symbolic link":                text(at("link"), ""),
		"a directory":                    text(at("dir"), ""),
		"a FIFO":                         text(at("fifo"), ""),
		at("none") + " does not exist":   text(at("none/f"), ""),
		at("target") + " is not a dir":   text(at("target/f"), ""),
		"not absolute and clean":         text("etc/f", ""),
		"is not absolute and clean":      text(dir+"/../f", ""),
		"control character":              text(at("a\nb"), ""),
		`user "no-such-user" is unknown`: owner,
		"more than permission":           mode,
	} {
		if err := d.Check(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check, want %q: %v", want, err)
		}
		if err := apply(d, engine.Create, file.File{}, f); err == nil {
			t.Errorf("%s: written", f.Path)
		}
	}
	if content(t, at("target")) != "target" {
		t.Error("written through a link")
	}
	if s := foreign(t, d, text(at("link"), "target")); s.Same || !strings.Contains(s.Owner, "symbolic link") {
		t.Errorf("a link in the place: %+v", s)
	}
}

// The daemon dies between the note and the rename: either file is known as ours.
func TestDeathBeforeTheRename(t *testing.T) {
	run, path := t.TempDir(), filepath.Join(t.TempDir(), "f")
	old, next := text(path, "old"), text(path, "next")
	d := open(t, run)
	create(t, d, old)
	temp, err := newTemp(next, uint32(os.Geteuid()), uint32(os.Getegid()))
	if err != nil {
		t.Fatal(err)
	}
	defer temp.Close()
	if _, err := d.fill(temp, next, d.ledger.entries[path]); err != nil {
		t.Fatal(err)
	}
	if all := observed(t, open(t, run)); len(all) != 1 || all[0] != old {
		t.Errorf("before the rename: %v", all)
	}
	if _, err := os.Stat(temp.Name()); err == nil {
		t.Error("the temporary file is left")
	}
	put(t, temp.Name(), "next")
	if err := os.Rename(temp.Name(), path); err != nil {
		t.Fatal(err)
	}
	if all := observed(t, open(t, run)); len(all) != 1 || all[0] != next {
		t.Errorf("after the rename: %v", all)
	}
}

func TestTornLedger(t *testing.T) {
	run, path := t.TempDir(), filepath.Join(t.TempDir(), "f")
	create(t, open(t, run), text(path, "x"))
	put(t, filepath.Join(run, "files.json"), `{"`)
	d := open(t, run)
	if all := observed(t, d); len(all) != 0 {
		t.Errorf("observed %v", all)
	}
	if s := foreign(t, d, text(path, "x")); !s.Same {
		t.Errorf("what was ours: %+v", s)
	}
}

func TestWatch(t *testing.T) {
	d, path := open(t, t.TempDir()), filepath.Join(t.TempDir(), "f")
	ctx, cancel := context.WithCancel(context.Background())
	wakes, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		ended <- d.Watch(ctx, func() {
			select {
			case wakes <- struct{}{}:
			default:
			}
		})
	}()
	create(t, d, text(path, "x"))
	for n := 0; ; n++ { // the watch may not be set up yet: change it until it is seen
		put(t, path, fmt.Sprint(n))
		select {
		case <-wakes:
		case <-time.After(10 * time.Millisecond):
			if n < 500 {
				continue
			}
			t.Fatal("a change is not noticed")
		}
		break
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A reader sees the old content or the new one.
func TestReplacedInOneStep(t *testing.T) {
	d, path := open(t, t.TempDir()), filepath.Join(t.TempDir(), "f")
	a, b := text(path, strings.Repeat("a", 1<<16)), text(path, strings.Repeat("b", 1<<16))
	create(t, d, a)
	one, other := a.Content.Reveal(), b.Content.Reveal()
	stop, bad := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(bad)
		for {
			select {
			case <-stop:
				return
			default:
			}
			data, err := os.ReadFile(path)
			if s := string(data); err != nil || s != one && s != other {
				bad <- fmt.Sprint(len(s), err)
				return
			}
		}
	}()
	for range 50 {
		if err := apply(d, engine.Modify, a, b); err != nil {
			t.Fatal(err)
		}
		a, b = b, a
	}
	close(stop)
	if s, torn := <-bad; torn {
		t.Errorf("a reader saw %s", s)
	}
}
