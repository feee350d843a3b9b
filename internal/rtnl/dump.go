// SPDX-License-Identifier: Apache-2.0

package rtnl

import "golang.org/x/sys/unix"

// dumpTries is how often a dump starts anew because the table changed under it. The last
// try counts whatever happened: what it misses brings an event of its own.
const dumpTries = 8

// Dump asks for all objects of a kind. build makes the request; start is called before the
// first object, and again when the kernel says that the objects changed meanwhile and the
// dump starts anew; each gets the type and the part behind the netlink header of one
// object, valid during the call. When each returns false the dump ends there.
func (c *Conn) Dump(build func(*Message), start func(), each func(kind uint16, body []byte) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for try := 1; ; try++ {
		start()
		interrupted, err := c.dump(build, each)
		if err != nil || !interrupted || try == dumpTries {
			return err
		}
	}
}

func (c *Conn) dump(build func(*Message), each func(uint16, []byte) bool) (interrupted bool, err error) {
	c.ask(build, unix.NLM_F_DUMP)
	if err := c.send(); err != nil {
		return false, err
	}
	for {
		data, err := c.receive()
		if err != nil {
			return false, err
		}
		for f, rest, ok := cut(data); ok; f, rest, ok = cut(rest) {
			if f.seq != c.seq {
				continue
			}
			interrupted = interrupted || f.flags&unix.NLM_F_DUMP_INTR != 0
			switch {
			case f.kind == unix.NLMSG_DONE:
				return interrupted, parseDone(f)
			case f.kind == unix.NLMSG_ERROR:
				return false, parseAck(f.flags, f.body)
			case !each(f.kind, f.body):
				return false, c.reopen()
			}
		}
	}
}

// parseDone reads the end of a dump, which may carry an error.
func parseDone(f frame) error {
	if len(f.body) < 4 || native.Uint32(f.body) == 0 {
		return nil
	}
	return &Error{Errno: unix.Errno(-int32(native.Uint32(f.body)))}
}

// reopen gets rid of a dump whose rest nobody wants: the kernel refuses the next one before
// that is read or the socket is closed.
func (c *Conn) reopen() error {
	unix.Close(c.fd)
	c.fd = -1
	return c.open()
}

// Get asks for one object that is no dump. each is called with the answer.
func (c *Conn) Get(build func(*Message), each func(kind uint16, body []byte)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ask(build, 0)
	if err := c.send(); err != nil {
		return err
	}
	for {
		data, err := c.receive()
		if err != nil {
			return err
		}
		for f, rest, ok := cut(data); ok; f, rest, ok = cut(rest) {
			switch {
			case f.seq != c.seq:
			case f.kind == unix.NLMSG_ERROR:
				return parseAck(f.flags, f.body)
			default:
				each(f.kind, f.body)
				return nil
			}
		}
	}
}

// ask puts one question into the buffer.
func (c *Conn) ask(build func(*Message), flags uint16) {
	c.msg.buf = c.msg.buf[:0]
	build(&c.msg)
	c.msg.addFlags(flags)
	c.seq++
	c.msg.finish(c.seq)
}
