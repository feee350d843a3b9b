// SPDX-License-Identifier: Apache-2.0

package rtnl

import "golang.org/x/sys/unix"

// batch is how many requests go into one send. From 64 on it gains little; 256 errors still
// fit into the receive buffer.
const batch = 256

// Do sends n requests, each built by build with its number, in as few system calls as
// possible and in their order. It returns nil when the kernel did them all, else one error
// for each request, nil for those that were done. A batch is not atomic: a request that
// fails does not keep the kernel from doing the ones behind it.
func (c *Conn) Do(n int, build func(m *Message, i int)) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	fail := func(i int, err error) {
		if errs == nil {
			errs = make([]error, n)
		}
		errs[i] = err
	}
	for first := 0; first < n; {
		count := c.fill(first, n, build)
		writes.Add(uint64(count))
		if err := c.exchange(first, count, fail); err != nil {
			for i := first; i < first+count; i++ {
				fail(i, err)
			}
		}
		first += count
	}
	return errs
}

// One sends one request that changes something and waits for its acknowledgement.
func (c *Conn) One(build func(m *Message)) error {
	if errs := c.Do(1, func(m *Message, _ int) { build(m) }); errs != nil {
		return errs[0]
	}
	return nil
}

// fill puts the requests from first on into the buffer and returns how many they are. The
// last one asks for an acknowledgement.
func (c *Conn) fill(first, n int, build func(*Message, int)) int {
	c.msg.buf = c.msg.buf[:0]
	count := 0
	for first+count < n && count < batch && len(c.msg.buf) < batchSize {
		build(&c.msg, first+count)
		count++
		c.msg.finish(c.seq + uint32(count))
	}
	c.msg.addFlags(unix.NLM_F_ACK)
	return count
}

// exchange sends the buffer and collects the answers until that of the last request.
func (c *Conn) exchange(first, count int, fail func(int, error)) error {
	base := c.seq + 1
	c.seq += uint32(count)
	if err := c.send(); err != nil {
		return err
	}
	for {
		data, err := c.receive()
		if err != nil {
			return err
		}
		for f, rest, ok := cut(data); ok; f, rest, ok = cut(rest) {
			at := f.seq - base
			if f.kind != unix.NLMSG_ERROR || at >= uint32(count) {
				continue // a late answer to something before
			}
			if err := parseAck(f.flags, f.body); err != nil {
				fail(first+int(at), err)
			}
			if at == uint32(count)-1 {
				return nil
			}
		}
	}
}
