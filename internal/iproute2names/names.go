// SPDX-License-Identifier: Apache-2.0

// Package iproute2names publishes the names that iproute2 and the system give to numbers: of
// routing tables, of route protocols and of protocols over IP. They are facts for services.
package iproute2names

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"ucid/internal/engine"
)

// Topics of the facts; the name is the one looked for, the answer the number in decimal.
const (
	Table    = "rt.table"
	Protocol = "rt.proto"
	IPProto  = "ip.proto"
)

// Source reads the names from the files of a system. It implements [engine.FactSource].
type Source struct {
	Root fs.FS // the root directory of the system, as in os.DirFS("/")
}

// Kind is the name of the source.
func (Source) Kind() string { return "names" }

// Directories of iproute2. What stands in a later one wins, as does a file of a directory NAME.d
// against NAME, and the later of two such files.
var directories = []string{"usr/lib/iproute2", "usr/share/iproute2", "etc/iproute2"}

// Facts reads all names. Files that are not there are no error; lines that are wrong are left out.
func (s Source) Facts(context.Context) (map[engine.Fact]string, error) {
	facts := map[engine.Fact]string{}
	var failed error
	for _, dir := range directories {
		failed = errors.Join(failed, s.read(facts, Table, dir+"/rt_tables"), s.read(facts, Protocol, dir+"/rt_protos"))
	}
	return facts, errors.Join(failed, s.file(facts, IPProto, "etc/protocols", byName))
}

// read collects the file and those of the directory beside it.
func (s Source) read(facts map[engine.Fact]string, topic, file string) error {
	failed := s.file(facts, topic, file, byNumber)
	more, err := fs.Glob(s.Root, file+".d/*.conf")
	failed = errors.Join(failed, err)
	for _, name := range more {
		failed = errors.Join(failed, s.file(facts, topic, name, byNumber))
	}
	return failed
}

// byNumber splits a line "NUMBER NAME", byName one "NAME NUMBER ALIAS …".
func byNumber(words []string) (number string, names []string) { return words[0], words[1:2] }

func byName(words []string) (number string, names []string) {
	return words[1], append(words[:1:1], words[2:]...)
}

// most bounds how much of a file is read.
const most = 1 << 20

func (s Source) file(facts map[engine.Fact]string, topic, name string, split func([]string) (string, []string)) error {
	if st, err := fs.Stat(s.Root, name); err != nil || !st.Mode().IsRegular() {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	f, err := s.Root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, most))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		number, names := split(words)
		n, err := strconv.ParseUint(number, 0, 32)
		if err != nil {
			continue
		}
		for _, name := range names {
			facts[engine.Fact{Topic: topic, Name: name}] = strconv.FormatUint(n, 10)
		}
	}
	return lines.Err()
}
