// SPDX-License-Identifier: Apache-2.0

package rtnl

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Error is the kernel's refusal of one request. errors.Is finds its number:
// errors.Is(err, unix.EEXIST).
type Error struct {
	Errno unix.Errno
	Text  string // what the kernel adds (extended acknowledgement); may be empty
}

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Errno.Error()
	}
	return e.Errno.Error() + ": " + e.Text
}

func (e *Error) Unwrap() error { return e.Errno }

// parseAck reads an NLMSG_ERROR; nil is an acknowledgement without error.
func parseAck(flags uint16, body []byte) error {
	if len(body) < unix.SizeofNlMsgerr {
		return &Error{Errno: unix.EBADMSG, Text: "short acknowledgement"}
	}
	code := int32(native.Uint32(body))
	if code == 0 {
		return nil
	}
	err := &Error{Errno: unix.Errno(-code)}
	if flags&unix.NLM_F_ACK_TLVS == 0 {
		return err
	}
	at := unix.SizeofNlMsgerr
	if flags&unix.NLM_F_CAPPED == 0 { // the whole request is quoted before the attributes
		at = 4 + align(int(native.Uint32(body[4:])))
	}
	if at > 0 && at < len(body) {
		err.Text = ackText(body[at:])
	}
	return err
}

func ackText(attrs []byte) string {
	for a := (Attrs{Rest: attrs}); a.Next(); {
		if a.Kind == unix.NLMSGERR_ATTR_MSG {
			return strings.TrimRight(string(a.Text()), ". ")
		}
	}
	return ""
}
