// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// otherSource commits options the way OpenWrt's tool does: it waits for a lock on the file, goes
// on with what that file holds even when it was replaced meanwhile, writes a temporary file,
// gives up the lock and renames.
const otherSource = `#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void fail(const char *what) { perror(what); exit(1); }

int main(int argc, char **argv) /* FILE NAME COUNT */
{
	static char text[1 << 20], temp[4096];
	for (int i = 0; i < atoi(argv[3]); i++) {
		int fd = open(argv[1], O_RDWR);
		if (fd < 0 || flock(fd, LOCK_EX)) fail("lock");
		ssize_t n = read(fd, text, sizeof text - 256);
		if (n < 2) fail("read");
		n--; /* the blank line at the end */
		n += sprintf(text + n, "\toption %s%d '%d'\n\n", argv[2], i, i);
		snprintf(temp, sizeof temp, "%s.uci-XXXXXX", argv[1]);
		int out = mkstemp(temp);
		if (out < 0 || write(out, text, n) != n || fsync(out) || close(out)) fail("write");
		close(fd);
		if (rename(temp, argv[1])) fail("rename");
	}
	return 0;
}
`

func buildOther(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(path+".c", []byte(otherSource), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-O", "-o", path, path+".c").CombinedOutput(); err != nil {
		t.Fatalf("gcc is needed: %v\n%s", err, out)
	}
	return path
}

// TestOtherImplementationWaits lets another implementation wait for the file while this tool
// commits: it has to find what was committed.
func TestOtherImplementationWaits(t *testing.T) {
	t.Parallel()
	requireStrace(t)
	other := buildOther(t)
	l := newLab(t, "\nconfig t 'a'\n\n")
	l.must("set", "p.a.ours=1")
	slow := *l
	slow.wrap = []string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=700000:when=1"}
	both(&slow, l, func(l *lab, who int) {
		if who == 0 {
			l.must("commit", "p")
			return
		}
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			if _, err := os.Lstat(filepath.Join(l.conf, ".p.ucid-new")); err == nil {
				break // the commit is on its way, and holds the lock
			}
		}
		if out, err := exec.Command(other, filepath.Join(l.conf, "p"), "theirs", "1").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	if text := l.file("config/p"); !strings.Contains(text, "option ours") || !strings.Contains(text, "option theirs0") {
		t.Errorf("a change is lost: %q", text)
	}
}

// TestBesideAnotherCommitter lets both commit as fast as they can. The other one replaces a file
// that it has not locked, so that a change can be lost now and then whatever this tool does; but
// the file is whole at any time, every command does its work, and what is lost is the exception.
func TestBesideAnotherCommitter(t *testing.T) {
	t.Parallel()
	const each = 100
	other := buildOther(t)
	l := newLab(t, "\nconfig t 'a'\n\n")
	both(l, l, func(l *lab, who int) {
		if who == 1 {
			if out, err := exec.Command(other, filepath.Join(l.conf, "p"), "theirs", fmt.Sprint(each)).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			return
		}
		for i := range each {
			l.must("set", fmt.Sprintf("p.a.ours%d=%d", i, i))
			l.must("commit", "p")
			l.must("show", "p")
		}
	})
	text := l.must("export", "p")
	ours, theirs := strings.Count(text, "option ours"), strings.Count(text, "option theirs")
	t.Logf("%d of %d changes of this tool are there, %d of %d of the other", ours, each, theirs, each)
	if ours+theirs < each {
		t.Errorf("only %d and %d of %d changes are there", ours, theirs, each)
	}
}
