// SPDX-License-Identifier: Apache-2.0

package sock

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ucid/internal/control"
)

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

// started and ended tell what becomes of the calls of "hang" and "flood".
type daemon struct {
	path           string
	started, ended chan string
	stop           func()
}

// serve answers in the name of role until the end of the test.
func serve(t *testing.T, role control.Role) *daemon {
	t.Helper()
	d := &daemon{path: filepath.Join(t.TempDir(), "s"), started: make(chan string, 1000), ended: make(chan string, 1000)}
	l, err := Listen(d.path)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Methods: d.methods(), Log: slog.New(slog.DiscardHandler),
		Roles: func(uid, _ uint32, pid int32) control.Caller {
			if int(uid) != os.Getuid() || int(pid) != os.Getpid() {
				t.Errorf("the caller is uid %d, pid %d", uid, pid)
			}
			return control.Caller{Role: role, Name: "tester"}
		}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(patience):
			t.Error("the server does not end")
		}
	})
	t.Cleanup(d.stop)
	return d
}

func (d *daemon) methods() []control.Method {
	method := func(name string, role control.Role, call func(context.Context, json.RawMessage) (any, error)) control.Method {
		return control.Method{Name: name, Role: role, Call: func(ctx context.Context, c control.Caller, p json.RawMessage) (any, error) {
			if c.Role < role {
				return nil, &control.ErrForbidden{Method: name, Has: c.Role, Needs: role}
			}
			return call(ctx, p)
		}}
	}
	return []control.Method{
		method("echo", control.View, func(_ context.Context, p json.RawMessage) (any, error) { return p, nil }),
		method("fail", control.View, func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("it cannot be") }),
		method("govern", control.Administer, func(context.Context, json.RawMessage) (any, error) { return "done", nil }),
		method("hang", control.View, func(ctx context.Context, _ json.RawMessage) (any, error) {
			d.started <- "hang"
			<-ctx.Done()
			d.ended <- "hang"
			return nil, ctx.Err()
		}),
		method("count", control.View, func(context.Context, json.RawMessage) (any, error) {
			return control.Stream(func(_ context.Context, send func(any) error) error {
				for i := range 5 {
					if err := send(i); err != nil {
						return err
					}
				}
				return nil
			}), nil
		}),
		method("flood", control.View, func(context.Context, json.RawMessage) (any, error) {
			return control.Stream(func(ctx context.Context, send func(any) error) error {
				d.started <- "flood"
				defer func() { d.ended <- "flood" }()
				for text := strings.Repeat("x", 1<<16); ; {
					if err := send(text); err != nil {
						return err
					}
				}
			}), nil
		}),
	}
}

func (d *daemon) dial(t *testing.T) *Client {
	t.Helper()
	c, err := Dial(t.Context(), d.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// raw is a connection without a client.
func (d *daemon) raw(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", d.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func await(t *testing.T, what <-chan string, want string) {
	t.Helper()
	select {
	case got := <-what:
		if got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("%s did not happen", want)
	}
}

func (d *daemon) works(t *testing.T) {
	t.Helper()
	var got string
	if err := d.dial(t).Call(t.Context(), "echo", "hello", &got); err != nil || got != "hello" {
		t.Errorf("echo: %q, %v", got, err)
	}
}

func TestCalls(t *testing.T) {
	d := serve(t, control.View)
	c := d.dial(t)
	for i := range 100 {
		var got int
		if err := c.Call(t.Context(), "echo", i, &got); err != nil || got != i {
			t.Fatalf("echo %d: %d, %v", i, got, err)
		}
	}
	var seen []string
	err := c.Stream(t.Context(), "count", nil, func(v json.RawMessage) error { seen = append(seen, string(v)); return nil })
	if err != nil || strings.Join(seen, " ") != "0 1 2 3 4" {
		t.Errorf("count: %v, %v", seen, err)
	}
	d.works(t)
}

func TestErrorsCarryWords(t *testing.T) {
	c := serve(t, control.View).dial(t)
	for method, want := range map[string]RemoteError{
		"fail":   {codeFailed, "it cannot be"},
		"none":   {codeNoMethod, `there is no method "none"`},
		"govern": {codeForbidden, "govern is for those who may administer; you may view"},
	} {
		err := c.Call(t.Context(), method, nil, nil)
		if remote := (*RemoteError)(nil); !errors.As(err, &remote) || *remote != want {
			t.Errorf("%s: %v, want %v", method, err, want)
		}
	}
}

func TestNobodyMayNothing(t *testing.T) {
	c := serve(t, control.Nobody).dial(t)
	for _, method := range []string{"echo", "fail", "govern", "hang", "count", "flood"} {
		err := c.Call(t.Context(), method, nil, nil)
		if remote := (*RemoteError)(nil); !errors.As(err, &remote) || remote.Code != codeForbidden {
			t.Errorf("%s: %v, want forbidden", method, err)
		}
	}
}

func TestSocketMode(t *testing.T) {
	mask := syscall.Umask(0)
	defer syscall.Umask(mask)
	info, err := os.Stat(serve(t, control.View).path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v; want mode 0660", info.Mode(), err)
	}
}

// Whatever a client sends, it gets an error or is cut off, and others are served.
func TestGarbage(t *testing.T) {
	d := serve(t, control.View)
	for name, text := range map[string]string{
		"words":         "hello\n",
		"bytes":         "\x00\xff\xfe\x01\n",
		"nothing":       "\n\n\n",
		"array":         `[{"id":1,"method":"echo"}]` + "\n",
		"null":          "null\n",
		"number":        "42\n",
		"bad method":    `{"id":1,"method":7}` + "\n",
		"odd id":        `{"id":{"a":[1]},"method":"nope"}` + "\n",
		"deep":          `{"id":1,"method":"echo","params":` + strings.Repeat("[", 20000) + "\n",
		"http":          "GET / HTTP/1.1\r\n\r\n",
		"too long":      `{"method":"` + strings.Repeat("x", maxRequest+10) + `"}` + "\n",
		"endless":       strings.Repeat("x", 3*maxRequest),
		"two in a line": `{"id":1,"method":"echo"}{"id":2,"method":"echo"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := d.raw(t)
			conn.Write([]byte(text)) // the server may be gone before it is all sent
			conn.(*net.UnixConn).CloseWrite()
			in := bufio.NewScanner(conn)
			in.Buffer(nil, 1<<22)
			for in.Scan() {
				var m incoming
				if err := json.Unmarshal(in.Bytes(), &m); err != nil || m.Error == nil {
					t.Errorf("the answer is %.200q", in.Text())
				}
			}
			if errors.Is(in.Err(), os.ErrDeadlineExceeded) {
				t.Error("the connection stays open")
			}
		})
	}
	d.works(t)
}

func TestHalfARequest(t *testing.T) {
	d := serve(t, control.View)
	for range 50 {
		conn := d.raw(t)
		conn.Write([]byte(`{"id":1,"meth`))
		conn.Close()
	}
	waiting := d.raw(t) // and one that stays in the middle of its request
	waiting.Write([]byte(`{"id":1,"meth`))
	d.works(t)
}

func TestCallsEndWithTheConnection(t *testing.T) {
	d := serve(t, control.View)
	conn := d.raw(t)
	conn.Write([]byte(`{"id":1,"method":"hang"}` + "\n"))
	await(t, d.started, "hang")
	conn.Close()
	await(t, d.ended, "hang")
}

func TestClientThatDoesNotReadStopsNobody(t *testing.T) {
	d := serve(t, control.View)
	conn := d.raw(t)
	conn.Write([]byte(`{"id":1,"method":"flood"}` + "\n"))
	await(t, d.started, "flood")
	for range 20 {
		d.works(t)
	}
	d.stop() // and does not keep the server from ending
	await(t, d.ended, "flood")
}

func TestManyClients(t *testing.T) {
	d := serve(t, control.View)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			c, err := Dial(t.Context(), d.path)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for range 20 {
				var got int
				if err := c.Call(t.Context(), "echo", i, &got); err != nil || got != i {
					t.Errorf("client %d: %d, %v", i, got, err)
				}
			}
		})
	}
	all.Wait()
}

func TestTooManyConnections(t *testing.T) {
	d := serve(t, control.View)
	for range maxConnections {
		if err := d.dial(t).Call(t.Context(), "echo", 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	err := d.dial(t).Call(t.Context(), "echo", 1, nil)
	if err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("one more: %v", err)
	}
}

func TestTooManyCallsOnOneConnection(t *testing.T) {
	d := serve(t, control.View)
	conn := d.raw(t)
	for i := range maxCalls {
		fmt.Fprintf(conn, `{"id":%d,"method":"hang"}`+"\n", i)
		await(t, d.started, "hang")
	}
	fmt.Fprintln(conn, `{"id":"last","method":"hang"}`)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, `"id":"last"`) || !strings.Contains(line, "at a time") {
		t.Errorf("%q, %v", line, err)
	}
	d.works(t)
}

func TestListenRefuses(t *testing.T) {
	d := serve(t, control.View)
	if _, err := Listen(d.path); err == nil || !strings.Contains(err.Error(), "another ucid answers") {
		t.Errorf("a second: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("a file: %v", err)
	}
	if _, err := Listen(filepath.Join(file, "s")); err == nil {
		t.Error("below a file")
	}
	if _, err := Listen(filepath.Join(t.TempDir(), strings.Repeat("long", 50))); err == nil {
		t.Error("a path of 200 bytes")
	}
}

func TestClientErrors(t *testing.T) {
	ctx := t.Context()
	none := filepath.Join(t.TempDir(), "none")
	if _, err := Dial(ctx, none); !errors.As(err, new(*ErrNotRunning)) || !strings.Contains(err.Error(), none) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: none, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(ctx, none); !errors.As(err, new(*ErrNotRunning)) {
		t.Errorf("a socket of the past: %v", err)
	}

	d := serve(t, control.View)
	c := d.dial(t)
	short, cancel := context.WithCancel(ctx)
	go func() { <-d.started; cancel() }()
	if err := c.Call(short, "hang", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	c = d.dial(t)
	go func() { <-d.started; d.stop() }()
	if err := c.Call(ctx, "hang", nil, nil); err == nil || !strings.Contains(err.Error(), "ended the connection") && !strings.Contains(err.Error(), "canceled") {
		t.Errorf("the daemon ends: %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); c.Call(ctx, "echo", nil, nil) == nil; { // it may end a moment later
		if time.Now().After(deadline) {
			t.Fatal("calls after the end")
		}
	}
}

func TestAnswerThatIsNotJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err == nil {
			conn.Write([]byte("220 smtp ready\n"))
			conn.Close()
		}
	}()
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Call(t.Context(), "echo", nil, nil); err == nil || strings.Contains(err.Error(), "smtp") && strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
