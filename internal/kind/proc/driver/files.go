// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// The service names the files a process reads; their digests are the driver's affair. It
// takes them when the child is forked and compares them whenever it is looked at. A file
// that changed makes Observe return an item "PATH=changed", so the process differs from the
// wish, and the change that follows reloads or restarts it. An item PATH=DIGEST has its
// digest from whoever asked, and is not looked at.

// absent is the digest of what is no file.
const absent = "-"

// settledAge is how old the last change of a file must be for its time to tell it from the
// next one.
const settledAge = 2 * time.Second

// filePaths yields the path of each item; a digest holds no "=".
func filePaths(files engine.List) iter.Seq[string] {
	return func(yield func(string) bool) {
		for item := range files.All() {
			path := item
			if i := strings.LastIndexByte(item, '='); i >= 0 {
				path = item[:i]
			}
			if !yield(path) {
				return
			}
		}
	}
}

// lookedAt reports whether the driver takes digests for this list.
func lookedAt(files engine.List) bool {
	for item := range files.All() {
		if !strings.Contains(item, "=") {
			return true
		}
	}
	return false
}

// digests completes the items that have none.
func (d *Driver) digests(files engine.List) engine.List {
	if !lookedAt(files) {
		return files
	}
	var items []string
	for item := range files.All() {
		if !strings.Contains(item, "=") {
			item += "=" + d.digest(item)
		}
		items = append(items, item)
	}
	return engine.MakeList(items...)
}

// A stamp tells one content of a file from another without reading it.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

type digested struct {
	stamp stamp
	sum   string
}

// digest returns that of the content, "-" for what is no file or cannot be read.
func (d *Driver) digest(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return absent
	}
	now := stamp{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
	if known, ok := d.sums.Load(path); ok && known.(digested).stamp == now {
		return known.(digested).sum
	}
	sum := contentSum(path)
	if time.Since(time.Unix(st.Ctim.Unix())) > settledAge {
		d.sums.Store(path, digested{now, sum})
	}
	return sum
}

func contentSum(path string) string {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return absent
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return absent
	}
	return hex.EncodeToString(h.Sum(nil))
}

// see compares the files of all processes with what their children read, without the lock.
func (d *Driver) see() {
	d.mu.Lock()
	lists := map[*process]engine.List{}
	for _, p := range d.procs {
		if lookedAt(p.m.want.Files) {
			lists[p] = p.m.want.Files
		}
	}
	d.mu.Unlock()
	if len(lists) == 0 {
		return
	}
	for p, files := range lists {
		lists[p] = d.digests(files)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, seen := range lists {
		p.seen = seen
	}
}

// moved reports whether a file of the process is not any more what its child read.
func (p *process) moved() bool {
	return lookedAt(p.m.want.Files) && !p.read.Empty() && !p.seen.Empty() && p.seen != p.read
}

// reread notes that the child has the files as they were seen.
func (p *process) reread() { p.read = p.seen }

// observed is the wish, or what it would be with the files as the child has them.
func (p *process) observed() proc.Proc {
	want := p.m.want
	if !p.moved() {
		return want
	}
	had := map[string]bool{}
	for item := range p.read.All() {
		had[item] = true
	}
	var items []string
	for item := range p.seen.All() {
		path := item[:strings.LastIndexByte(item, '=')]
		if !had[item] {
			path += "=changed"
		}
		items = append(items, path)
	}
	want.Files = engine.MakeList(items...)
	return want
}
