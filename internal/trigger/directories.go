// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"errors"
	"os"
	"sync"
	"time"
)

const (
	patience = time.Second // how long isdir waits for a file system
	maxHung  = 16          // how many stats may be left behind
)

var errNoAnswer = errors.New("the file system does not answer")

// directories answers isdir. A network file system whose server is gone can hold a stat for ever:
// it is then left behind, and the same path is not asked for again until it comes back.
type directories struct {
	mu   sync.Mutex
	open map[string]*question
	stat func(string) (os.FileInfo, error) // os.Stat if nil
}

type question struct {
	until    time.Time
	answered chan struct{}
	yes      bool // once answered is closed
}

// is reports whether path is a directory, as far as that is known within a second.
func (d *directories) is(path string) (bool, error) {
	q := d.ask(path)
	if q == nil {
		return false, errNoAnswer
	}
	timer := time.NewTimer(time.Until(q.until))
	defer timer.Stop()
	select {
	case <-q.answered:
		return q.yes, nil
	case <-timer.C:
		return false, errNoAnswer
	}
}

// ask returns the question for path: the open one, or a new one, or nil if too many hang.
func (d *directories) ask(path string) *question {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.open[path]; q != nil {
		return q
	}
	if d.hung() >= maxHung {
		return nil
	}
	if d.open == nil {
		d.open = map[string]*question{}
	}
	q := &question{until: time.Now().Add(patience), answered: make(chan struct{})}
	d.open[path] = q
	go d.answer(path, q)
	return q
}

func (d *directories) hung() int {
	n, now := 0, time.Now()
	for _, q := range d.open {
		if now.After(q.until) {
			n++
		}
	}
	return n
}

func (d *directories) answer(path string, q *question) {
	stat := d.stat
	if stat == nil {
		stat = os.Stat
	}
	info, err := stat(path)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, path)
	q.yes = err == nil && info.IsDir()
	close(q.answered)
}
