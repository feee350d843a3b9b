// SPDX-License-Identifier: Apache-2.0

package sock

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// A Client talks to the daemon. It makes one call at a time.
type Client struct {
	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
	next int
}

// ErrNotRunning says that no daemon answers.
type ErrNotRunning struct{ Socket string }

func (e *ErrNotRunning) Error() string {
	return "ucid is not running: nothing answers on " + e.Socket + "; start it with 'ucid run'"
}

// A RemoteError is what the daemon answered instead of a result.
type RemoteError struct {
	Code    int
	Message string
}

func (e *RemoteError) Error() string { return e.Message }

// Dial connects to the socket at path.
func Dial(ctx context.Context, path string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, &ErrNotRunning{path}
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("no permission to talk to ucid on %s; be root, or a member of the socket's group", path)
	case err != nil:
		return nil, err
	}
	return &Client{conn: conn, in: bufio.NewReader(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Call calls a method; result may be nil.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	return c.call(ctx, method, params, result, func(json.RawMessage) error { return nil })
}

// Stream calls a method whose result comes piece by piece.
func (c *Client) Stream(ctx context.Context, method string, params any, item func(json.RawMessage) error) error {
	return c.call(ctx, method, params, nil, item)
}

// incoming is a message from the daemon: a reply or a piece of a stream.
type incoming struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *rpcError       `json:"error"`
	Method string          `json:"method"`
	Params struct {
		Value json.RawMessage `json:"value"`
	} `json:"params"`
}

func (c *Client) call(ctx context.Context, method string, params, result any, item func(json.RawMessage) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if err := c.send(method, params); err != nil {
		return c.broken(ctx, err)
	}
	for {
		line, err := c.in.ReadBytes('\n')
		if err != nil {
			return c.broken(ctx, err)
		}
		var m incoming
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("the daemon's answer is not JSON: %w", err)
		}
		switch {
		case m.Method == "item":
			if err := item(m.Params.Value); err != nil {
				return err
			}
		case m.Error != nil:
			return &RemoteError{m.Error.Code, m.Error.Message}
		case result == nil:
			return nil
		default:
			return json.Unmarshal(m.Result, result)
		}
	}
}

func (c *Client) send(method string, params any) error {
	c.next++
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": c.next, "method": method, "params": params})
	if err != nil {
		return err
	}
	_, err = c.conn.Write(append(text, '\n'))
	return err
}

// broken explains a connection that ended.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return errors.New("the daemon ended the connection: it is stopping, or has too many of them")
	}
	return err
}
