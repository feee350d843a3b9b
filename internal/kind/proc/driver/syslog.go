// SPDX-License-Identifier: Apache-2.0

package driver

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// facilityCodes are those of syslog(3).
var facilityCodes = map[string]int{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
	"authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21,
	"local6": 22, "local7": 23,
}

const (
	severityError = 3
	severityInfo  = 6

	// maxMessage is what common syslog daemons take; a longer line goes in pieces.
	maxMessage = 8 << 10
	// syslogPatience bounds one message to a daemon that does not read; redialPause is
	// for how long one that is not there is not tried again.
	syslogPatience = time.Second
	redialPause    = time.Second
)

// A syslogger sends to the local syslog daemon. One queue uses it.
type syslogger struct {
	path string
	conn net.Conn
	next time.Time     // before that it is not dialled again
	done chan struct{} // closed: do not wait for anything any more
}

// send returns how many lines were not taken.
func (s *syslogger) send(facility, ident string, lines []Line) (lost int, err error) {
	for i, l := range lines {
		priority := facilityCodes[facility]<<3 | severityInfo
		if l.Stream == "stderr" {
			priority = facilityCodes[facility]<<3 | severityError
		}
		head := fmt.Sprintf("<%d>%s %s: ", priority, l.Time.Format(time.Stamp), ident)
		for text := range pieces(l.Text, maxMessage-len(head)) {
			if err := s.write([]byte(head + text)); err != nil {
				return len(lines) - i, err
			}
		}
	}
	return 0, nil
}

// pieces cuts a line, not within a letter. A NUL would end the message for many daemons.
func pieces(text string, most int) func(func(string) bool) {
	text = strings.ReplaceAll(text, "\x00", " ")
	return func(yield func(string) bool) {
		for len(text) > most {
			n := most
			for n > most-utf8.UTFMax && !utf8.RuneStart(text[n]) {
				n--
			}
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
		yield(text)
	}
}

// write sends one message; a daemon that was restarted is dialled once more.
func (s *syslogger) write(message []byte) error {
	var failed error
	for range 2 {
		if failed = s.dial(); failed != nil {
			return failed
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.patience()))
		if _, failed = s.conn.Write(message); failed == nil {
			return nil
		}
		if !errors.Is(failed, unix.ECONNREFUSED) && !errors.Is(failed, unix.ENOTCONN) && !errors.Is(failed, unix.ECONNRESET) {
			return failed
		}
		s.close()
	}
	return failed
}

func (s *syslogger) patience() time.Duration {
	select {
	case <-s.done:
		return time.Millisecond
	default:
		return syslogPatience
	}
}

func (s *syslogger) dial() (err error) {
	if s.conn != nil {
		return nil
	}
	if time.Now().Before(s.next) {
		return fmt.Errorf("%s does not answer", s.path)
	}
	if s.conn, err = net.Dial("unixgram", s.path); err != nil {
		s.conn, s.next = nil, time.Now().Add(redialPause)
	}
	return err
}

func (s *syslogger) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn, s.next = nil, time.Time{}
	}
}
