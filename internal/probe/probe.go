// SPDX-License-Identifier: Apache-2.0

// Package probe finds out whether the machine can still be reached, or reach something.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A Probe succeeds or says why not.
type Probe func(context.Context) error

// Persist tries again at this pace, each try bounded in time.
const (
	pace    = time.Second
	tryTime = 5 * time.Second
)

// Parse understands ping:ADDRESS, tcp:HOST:PORT, http://… and https://… (also written
// http:URL), and a command with arguments separated by blanks, which is run without a shell
// and succeeds with status 0.
func Parse(s string) (Probe, error) {
	kind, rest, _ := strings.Cut(s, ":")
	switch {
	case kind == "ping":
		addr, err := netip.ParseAddr(rest)
		if err != nil {
			return nil, fmt.Errorf("probe %q: %q is not an address", s, rest)
		}
		return func(ctx context.Context) error { return ping(ctx, addr) }, nil
	case kind == "tcp":
		if host, port, err := net.SplitHostPort(rest); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("probe %q: want tcp:HOST:PORT", s)
		}
		return func(ctx context.Context) error { return connect(ctx, rest) }, nil
	case kind == "http" || kind == "https":
		if !strings.HasPrefix(rest, "//") {
			s = rest
		}
		u, err := url.Parse(s)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("probe %q: want http:URL", s)
		}
		return func(ctx context.Context) error { return get(ctx, u.String()) }, nil
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		return nil, errors.New("a probe is ping:ADDRESS, tcp:HOST:PORT, http:URL or a command")
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, fmt.Errorf("probe %q: %w", s, err)
	}
	return func(ctx context.Context) error { return command(ctx, words) }, nil
}

// command runs a program in a process group of its own, which ends as a whole.
func command(ctx context.Context, words []string) error {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd.Run()
}

func connect(ctx context.Context, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func get(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	reply.Body.Close()
	if reply.StatusCode >= 400 {
		return errors.New(reply.Status)
	}
	return nil
}

// ping sends one echo request and waits for its reply.
func ping(ctx context.Context, to netip.Addr) error {
	network, request, reply, protocol := "ip4:icmp", icmp.Type(ipv4.ICMPTypeEcho), icmp.Type(ipv4.ICMPTypeEchoReply), 1
	if to.Is6() {
		network, request, reply, protocol = "ip6:ipv6-icmp", ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58
	}
	conn, err := icmp.ListenPacket(network, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	id := os.Getpid() & 0xffff
	message := icmp.Message{Type: request, Body: &icmp.Echo{ID: id, Seq: 1, Data: []byte("ucid probe")}}
	packet, err := message.Marshal(nil)
	if err != nil {
		return err
	}
	if _, err := conn.WriteTo(packet, &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}); err != nil {
		return err
	}
	return awaitEcho(conn, to, reply, protocol, id)
}

func awaitEcho(conn *icmp.PacketConn, to netip.Addr, reply icmp.Type, protocol, id int) error {
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if peer, ok := from.(*net.IPAddr); !ok || !peer.IP.Equal(to.AsSlice()) {
			continue
		}
		m, err := icmp.ParseMessage(protocol, buffer[:n])
		if err != nil {
			continue
		}
		if echo, ok := m.Body.(*icmp.Echo); ok && m.Type == reply && echo.ID == id {
			return nil
		}
	}
}

// Persist tries a probe until it succeeds or ctx ends; it returns the last error.
func Persist(ctx context.Context, s string) error {
	probe, err := Parse(s)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, tryTime)
		err := probe(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}
