// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"errors"
	"fmt"
)

// A command of a script. run reports false when the script has ended.
type command interface {
	run(*evaluation) bool
}

type (
	sequence  []command
	ifCommand struct {
		condition       condition
		then, otherwise command // otherwise may be nil
	}
	caseCommand struct {
		variable string
		blocks   map[string]command
	}
	returnCommand struct{}
	runCommand    struct {
		place string
		argv  []template
	}
)

const (
	ifForm     = `an if is ["if", condition, block, block]`
	caseForm   = `a case is ["case", variable, {value: block}]`
	returnForm = `a return is ["return"]`
	runForm    = `a command is ["run_script", argument, …]`
)

// maxArguments is how many arguments a command may have, itself included.
const maxArguments = 256

// block reads a command, or a list of blocks.
func (c *compiler) block(n *node) (command, error) {
	if n.kind != array {
		return nil, n.errorf("expected a command or a list of commands, found %v", n.kind)
	}
	if len(n.items) > 0 && n.items[0].kind == text {
		return c.command(n)
	}
	var all sequence
	for _, item := range n.items {
		one, err := c.block(item)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (c *compiler) command(n *node) (command, error) {
	switch name := n.items[0].text; name {
	case "if":
		return c.ifCommand(n)
	case "case":
		return c.caseCommand(n)
	case "return":
		return returnCommand{}, n.wantArray(returnForm, 1, 1)
	case "run_script":
		return c.runCommand(n)
	default:
		return nil, n.items[0].errorf("unknown command %s", quote(name))
	}
}

func (c *compiler) ifCommand(n *node) (command, error) {
	if err := n.wantArray(ifForm, 3, 4); err != nil {
		return nil, err
	}
	var i ifCommand
	var err error
	if i.condition, err = c.condition(n.items[1]); err != nil {
		return nil, err
	}
	if i.then, err = c.block(n.items[2]); err != nil {
		return nil, err
	}
	if len(n.items) == 4 {
		i.otherwise, err = c.block(n.items[3])
	}
	return i, err
}

func (c *compiler) caseCommand(n *node) (command, error) {
	if err := n.wantArray(caseForm, 3, 3); err != nil {
		return nil, err
	}
	variable, err := n.items[1].wantString("the name of a variable")
	if err != nil {
		return nil, err
	}
	if n.items[2].kind != table {
		return nil, n.items[2].errorf("%s; found %v", caseForm, n.items[2].kind)
	}
	choice := caseCommand{variable, map[string]command{}}
	for _, item := range n.items[2].items {
		if choice.blocks[item.key], err = c.block(item); err != nil {
			return nil, err
		}
	}
	return choice, nil
}

func (c *compiler) runCommand(n *node) (command, error) {
	if err := n.wantArray(runForm, 2, 1+maxArguments); err != nil {
		return nil, err
	}
	r := runCommand{place: n.place()}
	for _, item := range n.items[1:] {
		if _, err := item.wantString("an argument"); err != nil {
			return nil, err
		}
		t, err := readTemplate(item)
		if err != nil {
			return nil, err
		}
		r.argv = append(r.argv, t)
	}
	if len(r.argv[0]) == 0 {
		return nil, n.items[1].errorf("the name of the program is empty")
	}
	return r, nil
}

func (s sequence) run(e *evaluation) bool {
	for _, c := range s {
		if !c.run(e) {
			return false
		}
	}
	return true
}

// run does nothing when the condition can not be decided.
func (c ifCommand) run(e *evaluation) bool {
	ok, err := c.condition.holds(e)
	switch {
	case err != nil:
		e.errs = append(e.errs, err)
		return true
	case ok:
		return c.then.run(e)
	case c.otherwise != nil:
		return c.otherwise.run(e)
	}
	return true
}

func (c caseCommand) run(e *evaluation) bool {
	value, ok := e.data[c.variable]
	if !ok {
		return true
	}
	block, ok := c.blocks[value]
	return !ok || block.run(e)
}

func (returnCommand) run(*evaluation) bool { return false }

func (c runCommand) run(e *evaluation) bool {
	argv, err := c.expand(e)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("%s: %w", c.place, err))
		return true
	}
	e.add(argv)
	return true
}

func (c runCommand) expand(e *evaluation) ([]string, error) {
	argv := make([]string, len(c.argv))
	for i, t := range c.argv {
		var err error
		if argv[i], err = t.expand(e); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	if argv[0] == "" {
		return nil, errors.New("the name of the program is empty")
	}
	return argv, nil
}
