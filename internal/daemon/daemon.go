// SPDX-License-Identifier: Apache-2.0

// Package daemon puts the parts together: settings, drivers, engine, control and socket.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/api/sock"
	"ucid/internal/control"
	"ucid/internal/engine"
	"ucid/internal/event"
	procdriver "ucid/internal/kind/proc/driver"
	"ucid/internal/settings"

	_ "ucid/services/all" // the services of this build
)

// eventsKept is how many events can be looked at afterwards.
const eventsKept = 1000

// parts are what a daemon is made of.
type parts struct {
	lock    *os.File
	engine  *engine.Engine
	drivers *drivers
	control *control.Control
}

// open makes the parts; nothing is observed or changed yet.
func open(s settings.Settings, log *slog.Logger) (*parts, error) {
	if err := prepare(s); err != nil {
		return nil, err
	}
	lock, err := lockDir(s.RunDir)
	if err != nil {
		return nil, err
	}
	events := event.NewLog(eventsKept, time.Now)
	e := engine.New(engine.Options{Log: log, Event: func(ev engine.Event) { events.Add(fromEngine(ev)) }})
	d, err := openDrivers(s, control.Globals(s), log, events)
	if err != nil {
		lock.Close()
		return nil, err
	}
	d.register(e)
	c := control.Open(s, e, events, d.procs, log)
	c.Fire = d.triggers.Fire
	return &parts{lock, e, d, c}, nil
}

func (p *parts) close() {
	p.drivers.close()
	p.lock.Close()
}

// serve runs everything until ctx ends or a part of it fails.
func serve(ctx context.Context, s settings.Settings, c *control.Control, d *drivers, log *slog.Logger, reload <-chan os.Signal) error {
	listener, err := sock.Listen(s.Socket)
	if err != nil {
		return fmt.Errorf("cannot open the control socket: %w", err)
	}
	if err := share(s, log); err != nil {
		listener.Close()
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	run := func(name string, part func(context.Context) error) {
		running.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	run("netlink monitor", d.monitor.Run)
	run("control", func(ctx context.Context) error {
		return c.Run(ctx, func() {
			server := &sock.Server{Methods: c.Methods(), Roles: roles(s), Log: log}
			run("control socket", func(ctx context.Context) error { return server.Serve(ctx, listener) })
			log.Info("ready", "socket", s.Socket, "config", s.ConfDir)
		})
	})
	run("signals", func(ctx context.Context) error { return reloadOn(ctx, c, reload) })
	<-ctx.Done()
	listener.Close()
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, errUpgrade) {
		return cause
	}
	return nil
}

func reloadOn(ctx context.Context, c *control.Control, reload <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case sig := <-reload:
			if _, err := c.Apply(ctx, control.Request{Who: sig.String()}); err != nil {
				return err
			}
		}
	}
}

// prepare checks what the daemon may do and makes its directories.
func prepare(s settings.Settings) error {
	if err := mayConfigure(); err != nil {
		return err
	}
	for _, dir := range []string{s.RunDir, s.StateDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cannot make the directory %s: %w", dir, err)
		}
	}
	return nil
}

// mayConfigure reports whether this process may change the network (capabilities(7)).
func mayConfigure() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	if data[0].Effective&(1<<unix.CAP_NET_ADMIN) == 0 {
		return fmt.Errorf("ucid run needs to be root: it lacks CAP_NET_ADMIN, without which it cannot set routes (uid %d)", os.Geteuid())
	}
	return nil
}

// lockDir makes sure that one daemon uses a run directory. The lock ends with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "ucid.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		var holder [32]byte
		n, _ := f.Read(holder[:])
		f.Close()
		return nil, fmt.Errorf("another ucid (pid %s) uses %s; give this one a directory of its own with UCID_RUNDIR",
			strings.TrimSpace(string(holder[:n])), dir)
	}
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return f, err
}

// lockTries is how often a lock is tried for: a child of the daemon before, between its fork
// and its exec, may hold it for some milliseconds.
const lockTries = 20

func flock(f *os.File) error {
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for try := 1; ; try++ {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || try == lockTries {
			return err
		}
		<-pace.C
	}
}

func fromEngine(e engine.Event) event.Event {
	return event.Event{Name: e.Ref.Kind + "." + e.Name, Subject: e.Ref.Name, Text: e.Text, Where: e.Origin.String()}
}

func fromProc(e procdriver.Event) event.Event {
	text := ""
	switch {
	case e.What == procdriver.EventStarted:
		text = fmt.Sprintf("pid %d", e.Pid)
	case !e.Exit.Time.IsZero():
		text = fmt.Sprintf("pid %d: %v", e.Pid, e.Exit)
	}
	return event.Event{Name: "proc." + e.What, Subject: e.Name, Text: text}
}
