// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/kind/proc"
)

// A Driver supervises the processes of one run directory. See [New].
type Driver struct {
	opt     Options
	log     *slog.Logger
	world   world
	ledger  ledger
	lock    *os.File
	inherit daemonState
	cgroups cgroups
	reaper  bool // orphans are given to us

	poll   *poller
	forks  pool   // of forks: they may take a while, or hang
	stops  *queue // of signals to trees, and of looking for what is left
	events *queue

	syslog   *syslogger
	syslogs  *queue // of lines to it
	logFiles *queue // of lines to files

	sigs   chan os.Signal
	done   chan struct{}
	strays sync.WaitGroup
	asks   sync.WaitGroup // for readiness

	mu        sync.Mutex
	closed    bool
	early     []sender // said that they are ready before they were known
	notifying bool     // the socket for that is open
	procs     map[string]*process
	rings     map[string]*ring
	dirty     map[*process]struct{} // wait for a sweep
	waiting   []*process            // for what they need, or for another to be gone
	looking   *time.Timer           // the next look at these
	parked    map[*process]struct{} // removed, but needed by others that go first
	news      map[chan struct{}]struct{}
	sums      sync.Map // path of a file: digested
}

// New takes over what an earlier driver left in the run directory, children that still
// run, output that nobody read, and goes on from there. Only one driver at a time can
// have a run directory.
func New(opt Options) (*Driver, error) {
	d := &Driver{
		opt: opt, log: opt.Log, ledger: ledger{filepath.Join(opt.RunDir, "proc")},
		done: make(chan struct{}), sigs: make(chan os.Signal, 1),
		procs: map[string]*process{}, rings: map[string]*ring{}, dirty: map[*process]struct{}{}, parked: map[*process]struct{}{},
		news: map[chan struct{}]struct{}{},
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.opt.Ring <= 0 {
		d.opt.Ring = defaultRing
	}
	var err error
	if d.world, err = thisWorld(); err != nil {
		return nil, err
	}
	d.cgroups = cgroups(opt.Cgroup)
	if err := d.cgroups.open(); err != nil {
		return nil, err
	}
	if err := d.claim(); err != nil {
		return nil, err
	}
	if d.inherit, err = inheritable(); err != nil {
		d.lock.Close()
		return nil, err
	}
	d.inherit.notify = notifyName(d.ledger.dir)
	if d.poll, err = newPoller(); err != nil {
		d.lock.Close()
		unix.Close(d.inherit.null)
		return nil, err
	}
	keepOwnFiles()
	d.reaper = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil
	d.stops, d.events = newQueue(), newQueue()
	d.syslog = &syslogger{path: cmp.Or(opt.Syslog, "/dev/log"), done: d.done}
	d.syslogs, d.logFiles = newQueue(), newQueue()
	d.watchStrays()
	d.takeOver()
	letGo()
	return d, nil
}

// keepOwnFiles makes sure that what the daemon itself inherited goes no further.
func keepOwnFiles() {
	const first, last = 3, 1<<32 - 1
	if unix.CloseRange(first, last, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	entries, _ := os.ReadDir("/proc/self/fd") // before Linux 5.11
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
}

// claim makes the directory and locks it.
func (d *Driver) claim() error {
	dir := d.ledger.dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the run directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("cannot protect the run directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot lock the run directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("another process supervisor runs on %s", dir)
		}
		return fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	d.lock = f
	return nil
}

// Close lets go of the children, which go on; the next Driver adopts them.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	close(d.done)
	for _, p := range d.procs {
		p.m.disarm()
	}
	if d.looking != nil {
		d.looking.Stop()
	}
	d.mu.Unlock()
	signal.Stop(d.sigs)
	d.strays.Wait()
	d.asks.Wait()
	d.forks.close()
	d.stops.close()
	d.events.close()
	d.poll.close()
	d.syslogs.close()
	d.logFiles.close()
	d.syslog.close()
	for _, p := range d.procs {
		for _, s := range []*stream{p.out, p.errs} {
			if s != nil {
				unix.Close(s.spool.fd) // the poller has closed the other
			}
		}
	}
	unix.Close(d.inherit.null)
	return d.lock.Close()
}

func (d *Driver) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// add begins to supervise a process; the ledger knows it before anything happens.
func (d *Driver) add(want proc.Proc) (*process, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	p := d.newProcess(want, want.Name+":"+hex.EncodeToString(random[:]))
	if err := p.save(); err != nil {
		return nil, err
	}
	d.procs[want.Name] = p
	return p, nil
}

func (d *Driver) newProcess(want proc.Proc, tag string) *process {
	p := &process{d: d, name: want.Name, tag: tag, ring: d.ring(want.Name), pidfd: -1, report: -1}
	p.m = machine{h: p, want: want, run: want}
	return p
}

// files names the streams that may have left something in the run directory.
func (p *process) files() []string {
	if p.captured {
		return []string{"stdout", "stderr"}
	}
	return nil
}

// forget ends the supervision of a process of which nothing is left.
func (p *process) forget() {
	name := p.m.want.Name
	if err := p.d.ledger.remove(name); err != nil {
		p.d.log.Error("cannot remove from the ledger", "name", name, "error", err)
	}
	for _, s := range []*stream{p.out, p.errs} {
		if s != nil {
			p.d.poll.forget(s)
		}
	}
	for _, name := range p.files() {
		_ = unix.Unlink(p.fifo(name)) // one call, unlike os.Remove
		(&spool{path: p.fifo(name) + spoolSuffix}).remove()
	}
	p.d.cgroups.remove(name)
	delete(p.d.procs, name)
	p.d.dropRing(name)
	p.d.unpark()
	p.d.lookSoon()
	p.d.wakeAll()
}

// save writes what the next daemon has to know.
func (p *process) save() error {
	m := &p.m
	r := record{
		World: p.d.world, Tag: text(p.tag), Want: packSpec(m.want), State: m.st.String(),
		Held: m.held, Gone: m.gone, Early: m.early, Restarts: m.restarts, Exit: m.exit, Since: m.since,
		Files: packList(p.read),
	}
	if m.alive {
		r.Pid, r.Start = p.main.pid, p.main.start
		if m.run != m.want {
			run := packSpec(m.run)
			r.Run = &run
		}
	}
	err := p.d.ledger.write(r)
	if err != nil {
		p.d.log.Error("the ledger is not written", "name", m.want.Name, "error", err)
	}
	return err
}

func (d *Driver) subscribe() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := make(chan struct{}, 1)
	d.news[c] = struct{}{}
	return c
}

func (d *Driver) unsubscribe(c chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.news, c)
}

func (d *Driver) wakeAll() {
	for c := range d.news {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
