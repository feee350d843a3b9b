// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// An entry is what the ledger keeps of a file that is ours.
type entry struct {
	Dev    uint64 `json:"dev"`
	Inode  uint64 `json:"inode"`
	Birth  int64  `json:"birth"`  // ns since 1970, 0 where the file system does not tell; inodes are used again
	Digest string `json:"digest"` // sha256 of the content
	// Owner and Group are the words the file was asked for with; "" means the daemon's own.
	Owner string `json:"owner,omitempty"`
	Group string `json:"group,omitempty"`
	Uid   uint32 `json:"uid"`
	Gid   uint32 `json:"gid"`
	Temp  string `json:"temp,omitempty"` // where Next is before the rename
	// Next is the temporary file that is about to take the place: the daemon may die
	// between the note and the rename, before it or after it.
	Next *entry `json:"next,omitempty"`
}

// owns reports whether what was seen is a file that was written for this entry. Its
// content and mode may have drifted; the file itself is known by its inode, or, after a
// copy or a restore, by its content.
func (e entry) owns(s seen) bool {
	if e.is(s) {
		return true
	}
	return e.Next != nil && e.Next.is(s)
}

func (e entry) is(s seen) bool {
	return e.Inode != 0 && e.Dev == s.dev && e.Inode == s.inode && e.Birth == s.birth || e.Digest != "" && e.Digest == digest(s.content)
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// A ledger is one JSON file. It holds no content: that may be secret.
type ledger struct {
	path    string
	entries map[string]entry
}

func readLedger(path string) (*ledger, error) {
	l := &ledger{path: path, entries: map[string]entry{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the ledger of files: %w", err)
	}
	if err := json.Unmarshal(data, &l.entries); err != nil || l.entries == nil {
		// What it said is lost, so those files count as foreign from now on: not touched.
		l.entries = map[string]entry{}
		if err := os.Rename(path, path+".bad"); err != nil {
			return nil, fmt.Errorf("the ledger of files %s is torn and cannot be put aside: %w", path, err)
		}
	}
	return l, nil
}

// tidy removes temporary files that a daemon which died left behind.
func (l *ledger) tidy() {
	for _, e := range l.entries {
		if e.Next == nil || e.Next.Temp == "" {
			continue
		}
		if s, err := look(e.Next.Temp); err == nil && e.Next.Inode == s.inode && e.Next.Dev == s.dev && e.Next.Birth == s.birth {
			_ = os.Remove(e.Next.Temp)
		}
	}
}

// set notes an entry on disk before anything is done; nil removes it.
func (l *ledger) set(path string, e *entry) error {
	before, had := l.entries[path]
	if e == nil {
		delete(l.entries, path)
	} else {
		l.entries[path] = *e
	}
	err := l.write()
	if err == nil {
		return nil
	}
	if had {
		l.entries[path] = before
	} else {
		delete(l.entries, path)
	}
	return fmt.Errorf("cannot write the ledger of files: %w", err)
}

func (l *ledger) write() error {
	data, err := json.MarshalIndent(l.entries, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(l.path+".new", l.path)
}
