// SPDX-License-Identifier: Apache-2.0

// Package sock is the control socket: JSON-RPC 2.0 over a unix stream socket, one message a
// line. A call whose result is a stream is answered by notifications "item" that carry the id
// of the call, and by a last result of null.
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
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"ucid/internal/control"
)

// Limits of a connection.
const (
	maxRequest     = 1 << 20 // bytes of one message from a client
	maxConnections = 128
	maxCalls       = 64               // of one connection that are not answered yet
	writeTime      = 10 * time.Second // a client that does not read for so long is dropped
)

// Error codes of JSON-RPC 2.0, and ours above them.
const (
	codeParse     = -32700
	codeNoMethod  = -32601
	codeFailed    = -32000
	codeForbidden = -32001
)

type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type reply struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Result  any             `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
	Method  string          `json:"method,omitempty"` // "item" in a notification
	Params  any             `json:"params,omitempty"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// item is one piece of a stream.
type item struct {
	ID    json.RawMessage `json:"id"`
	Value any             `json:"value"`
}

// A Server answers on the control socket.
type Server struct {
	Methods []control.Method
	Roles   func(uid, gid uint32, pid int32) control.Caller
	Log     *slog.Logger

	byName map[string]control.Method
	slots  chan struct{}
}

// Listen makes the socket at path, mode 0660. A socket that nobody answers on is replaced.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("another ucid answers on %s", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is in the way: not a socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := restricted.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, mode)
}

// mode is that of the socket.
const mode = 0o660

// restricted makes sockets with no more than that mode from the first moment on: a socket
// hands its own mode to the file it is bound to. A umask would count for all threads.
var restricted = net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
	var modeErr error
	err := raw.Control(func(fd uintptr) { modeErr = unix.Fchmod(int(fd), mode) })
	return errors.Join(err, modeErr)
}}

// Serve answers until ctx ends. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.byName = map[string]control.Method{}
	for _, m := range s.Methods {
		s.byName[m.Name] = m
	}
	s.slots = make(chan struct{}, maxConnections)
	var open sync.WaitGroup
	defer open.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case s.slots <- struct{}{}:
			open.Go(func() {
				s.connection(ctx, conn.(*net.UnixConn))
				<-s.slots
			})
		default:
			conn.Close()
		}
	}
}

// connection serves one client: its calls run one beside the other.
func (s *Server) connection(ctx context.Context, conn *net.UnixConn) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var calls sync.WaitGroup
	defer calls.Wait()
	defer cancel()
	caller, err := s.caller(conn)
	if err != nil {
		s.Log.Warn("a caller cannot be identified", "error", err)
		return
	}
	out := &writer{conn: conn}
	slots := make(chan struct{}, maxCalls)
	in := bufio.NewScanner(conn)
	in.Buffer(make([]byte, 0, 4096), maxRequest)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			out.fail(nil, codeParse, errors.New("not a JSON-RPC request: "+err.Error()))
			return
		}
		select {
		case slots <- struct{}{}:
			calls.Go(func() {
				s.call(ctx, caller, r, out)
				<-slots
			})
		default:
			out.fail(r.ID, codeFailed, fmt.Errorf("at most %d calls at a time on one connection", maxCalls))
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		out.fail(nil, codeParse, fmt.Errorf("a request is at most %d bytes", maxRequest))
	}
}

// caller asks the kernel who is at the other end.
func (s *Server) caller(conn *net.UnixConn) (control.Caller, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return control.Caller{}, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, credErr); err != nil {
		return control.Caller{}, err
	}
	return s.Roles(cred.Uid, cred.Gid, cred.Pid), nil
}

func (s *Server) call(ctx context.Context, caller control.Caller, r request, out *writer) {
	m, ok := s.byName[r.Method]
	if !ok {
		out.fail(r.ID, codeNoMethod, fmt.Errorf("there is no method %q", r.Method))
		return
	}
	result, err := m.Call(ctx, caller, r.Params)
	if stream, ok := result.(control.Stream); ok && err == nil {
		err = stream(ctx, func(v any) error { return out.send(reply{Method: "item", Params: item{r.ID, v}}) })
		result = nil
	}
	switch forbidden := (*control.ErrForbidden)(nil); {
	case errors.As(err, &forbidden):
		out.fail(r.ID, codeForbidden, err)
	case err != nil:
		out.fail(r.ID, codeFailed, err)
	default:
		out.send(reply{ID: r.ID, Result: result})
	}
}

// A writer sends messages whole, from several calls.
type writer struct {
	mu   sync.Mutex
	conn net.Conn
}

func (w *writer) send(r reply) error {
	r.Version = "2.0"
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err = w.conn.Write(append(text, '\n'))
	if err != nil {
		w.conn.Close()
	}
	return err
}

func (w *writer) fail(id json.RawMessage, code int, err error) {
	w.send(reply{ID: id, Error: &rpcError{code, err.Error()}})
}
