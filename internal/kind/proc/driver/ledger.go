// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ucid/internal/engine"
	"ucid/internal/kind/proc"
)

// A record is what the ledger keeps of a process: one file of mode 0600 each, because the
// environment may hold passwords.
type record struct {
	World    world     `json:"world"`
	Tag      text      `json:"tag"`
	Pid      int       `json:"pid,omitempty"`   // of the main process; 0: none
	Start    uint64    `json:"start,omitempty"` // its start time in ticks
	Want     spec      `json:"want"`
	Run      *spec     `json:"run,omitempty"` // with what it runs, where that differs
	State    string    `json:"state"`
	Held     bool      `json:"held,omitempty"` // stopped by hand
	Gone     bool      `json:"gone,omitempty"` // being removed
	Early    int       `json:"early,omitempty"`
	Restarts int       `json:"restarts,omitempty"`
	Exit     Exit      `json:"exit,omitzero"`
	Since    time.Time `json:"since"`
}

// A spec is a proc.Proc with nothing masked.
type spec struct {
	Name       text          `json:"name"`
	Command    []text        `json:"command"`
	Env        []text        `json:"env,omitempty"` // name, value, name, value …
	Dir        text          `json:"dir,omitempty"`
	User       text          `json:"user,omitempty"`
	Group      text          `json:"group,omitempty"`
	Umask      uint32        `json:"umask,omitempty"`
	Nice       int8          `json:"nice,omitempty"`
	Stdout     bool          `json:"stdout,omitempty"`
	Stderr     bool          `json:"stderr,omitempty"`
	PidFile    text          `json:"pidfile,omitempty"`
	Files      []text        `json:"files,omitempty"`
	NetDevs    []text        `json:"netdevs,omitempty"`
	Limits     []text        `json:"limits,omitempty"`
	Data       []text        `json:"data,omitempty"`
	Respawn    proc.Respawn  `json:"respawn"`
	TermAfter  time.Duration `json:"term_after"`
	Reload     uint8         `json:"reload,omitempty"`
	NoNewPrivs bool          `json:"no_new_privs,omitempty"`
	OOMScore   int16         `json:"oom_score_adj,omitempty"`
	Ready      text          `json:"ready,omitempty"`
}

func packMap(m engine.Map) []text {
	var out []text
	for k, v := range m.All() {
		out = append(out, text(k), text(v))
	}
	return out
}

func unpackMap(items []text) engine.Map {
	m := map[string]string{}
	for i := 0; i+1 < len(items); i += 2 {
		m[string(items[i])] = string(items[i+1])
	}
	return engine.MakeMap(m)
}

func packList(l engine.List) []text { return texts(l.Slice()) }

func unpackList(items []text) engine.List { return engine.MakeList(plain(items)...) }

func packSpec(p proc.Proc) spec {
	return spec{
		Name: text(p.Name), Command: packList(p.Command), Env: packMap(p.Env), Dir: text(p.Dir),
		User: text(p.User), Group: text(p.Group), Umask: p.Umask, Nice: p.Nice,
		Stdout: p.Stdout, Stderr: p.Stderr, PidFile: text(p.PidFile),
		Files: packList(p.Files), NetDevs: packList(p.NetDevs), Limits: packMap(p.Limits), Data: packMap(p.Data),
		Respawn: p.Respawn, TermAfter: p.TermAfter, Reload: p.Reload,
		NoNewPrivs: p.NoNewPrivs, OOMScore: p.OOMScore, Ready: text(p.Ready),
	}
}

func (s spec) unpack() proc.Proc {
	return proc.Proc{
		Name: string(s.Name), Command: unpackList(s.Command), Env: unpackMap(s.Env), Dir: string(s.Dir),
		User: string(s.User), Group: string(s.Group), Umask: s.Umask, Nice: s.Nice,
		Stdout: s.Stdout, Stderr: s.Stderr, PidFile: string(s.PidFile),
		Files: unpackList(s.Files), NetDevs: unpackList(s.NetDevs), Limits: unpackMap(s.Limits), Data: unpackMap(s.Data),
		Respawn: s.Respawn, TermAfter: s.TermAfter, Reload: s.Reload,
		NoNewPrivs: s.NoNewPrivs, OOMScore: s.OOMScore, Ready: string(s.Ready),
	}
}

// A ledger is a directory of records.
type ledger struct {
	dir string
}

const recordSuffix = ".json"

// stem is the part of file names that stands for a process; no name becomes a path.
func stem(name string) string { return url.PathEscape(name) }

func (l ledger) path(name string) string { return filepath.Join(l.dir, stem(name)+recordSuffix) }

// write replaces the record as a whole: a reader sees the old or the new one. It is not
// synced to disk, as it need not outlive the boot.
func (l ledger) write(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write the ledger of %s: %w", r.Want.Name, err)
	}
	path := l.path(string(r.Want.Name))
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("cannot write the ledger: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("cannot write the ledger: %w", err)
	}
	return nil
}

func (l ledger) remove(name string) error {
	if err := os.Remove(l.path(name)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// read returns all records. A torn one is put aside under another name and reported.
func (l ledger) read() (map[string]record, []error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, []error{err}
	}
	all, errs := map[string]record{}, []error(nil)
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), recordSuffix) {
			continue
		}
		r, err := l.readOne(e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all[string(r.Want.Name)] = r
	}
	return maps.Clone(all), errs
}

func (l ledger) readOne(e fs.DirEntry) (record, error) {
	path := filepath.Join(l.dir, e.Name())
	data, err := os.ReadFile(path)
	if err != nil {
		return record{}, err
	}
	var r record
	err = json.Unmarshal(data, &r)
	if err == nil && l.path(string(r.Want.Name)) != path {
		err = fmt.Errorf("it is about %q", string(r.Want.Name))
	}
	if err == nil {
		err = checkName(string(r.Want.Name))
	}
	if err != nil {
		_ = os.Rename(path, path+".bad")
		return record{}, fmt.Errorf("ledger %s is not readable and put aside as %s.bad: %w", path, e.Name(), err)
	}
	return r, nil
}
