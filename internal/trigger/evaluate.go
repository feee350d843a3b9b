// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	maxData   = 16 << 10 // bytes of the names and values of an event's data
	maxOutput = 64 << 10 // bytes that one evaluation may expand
)

var (
	errTooLong  = fmt.Errorf("with its variables it is longer than the %d bytes that one event may expand", maxOutput)
	errZeroByte = errors.New("with its variables it holds a zero byte")
)

// A Command is what a script wants to run.
type Command struct {
	Argv  []string      // at least the program, whose name is not empty; no zero bytes
	Delay time.Duration // the shortest that was wished for this argv
}

// evaluation is one run of the scripts of a list.
type evaluation struct {
	data  map[string]string
	isDir func(string) (bool, error)
	delay time.Duration // of the trigger whose script runs
	room  int           // bytes that may still be expanded
	found []Command
	index map[string]int // of found, by argv
	errs  []error
}

// Evaluate returns what an event asks for, each argv once. The trigger that stands last is
// evaluated first, as under procd. The error says what could not be evaluated; the commands are
// those of the rest. Data of more than 16 KiB is refused. A script with isdir may take up to a second when a file system hangs.
func (l List) Evaluate(event string, data map[string]string) ([]Command, error) {
	return l.evaluate(func(t *Trigger) bool { return t.Matches(event) }, data, new(directories).is)
}

func (l List) evaluate(listens func(*Trigger) bool, data map[string]string, isDir func(string) (bool, error)) ([]Command, error) {
	if err := checkData(data); err != nil {
		return nil, err
	}
	e := evaluation{data: data, isDir: isDir, room: maxOutput, index: map[string]int{}}
	for i := len(l) - 1; i >= 0; i-- {
		if t := &l[i]; listens(t) {
			e.delay = t.Delay
			t.script.run(&e)
		}
	}
	return e.found, errors.Join(e.errs...)
}

func (e *evaluation) add(argv []string) {
	key := argvKey(argv)
	if i, ok := e.index[key]; ok {
		e.found[i].Delay = min(e.found[i].Delay, e.delay)
		return
	}
	e.index[key] = len(e.found)
	e.found = append(e.found, Command{Argv: argv, Delay: e.delay})
}

// argvKey is the same for equal arguments only, as long as none of them holds a zero byte.
func argvKey(argv []string) string { return strings.Join(argv, "\x00") }

func checkData(data map[string]string) error {
	size := 0
	for name, value := range data {
		size += len(name) + len(value)
	}
	if size > maxData {
		return fmt.Errorf("the data of the event has %d bytes, %d are allowed", size, maxData)
	}
	return nil
}

// Data reads the data of an event from a JSON table. Scripts see strings alone, as under procd:
// other values are left out.
func Data(raw json.RawMessage) (map[string]string, error) {
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("the data of the event is not a JSON table: %w", err)
	}
	data := make(map[string]string, len(all))
	for name, value := range all {
		if s, ok := value.(string); ok {
			data[name] = s
		}
	}
	return data, checkData(data)
}
