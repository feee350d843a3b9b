// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"

	"ucid/uci"
)

// maxWords is one more than the words a batch line may have.
const maxWords = 4

// runBatch runs the commands of the input, one a line. Errors are printed and the next line
// is run; the exit code is 0 unless the input cannot be read.
func (t *tool) runBatch() int {
	if t.batch != nil {
		return exitUsage
	}
	t.store.KeepLoaded()
	t.batch = uci.NewScanner(t.input)
	for {
		if t.loaded {
			t.batch.Restart()
		}
		t.loaded = false
		words, more, err := t.batch.Scan(maxWords)
		switch {
		case !more:
			return t.endBatch()
		case err != nil:
			t.fail(err)
		case len(words) == maxWords:
			t.complain("Too many arguments\n")
		case len(words) > 0:
			if t.batchLine(words) == exitStop {
				return 0
			}
		}
		t.out.flush()
	}
}

func (t *tool) batchLine(words []string) int {
	if strings.EqualFold(words[0], "exit") {
		return exitStop
	}
	code := t.command(words)
	if code == exitUsage {
		t.complain("Unknown command\n")
	}
	return code
}

func (t *tool) endBatch() int {
	if err := t.batch.Err(); err != nil {
		return t.fail(err)
	}
	return 0
}

func (t *tool) complain(text string) {
	if !t.quiet {
		t.stderr(text)
	}
}

// importText replaces or merges packages by the text of the input; in a batch, of what
// follows the command.
func (t *tool) importText(args []string) int {
	if len(args) > 1 || t.merge && len(args) == 0 {
		return exitUsage
	}
	text, err := t.inputText()
	if err != nil {
		return t.fail(err)
	}
	t.loaded = true
	switch {
	case len(args) == 1 && args[0] == "":
		err = uci.ErrInvalid
	case t.merge:
		err = t.store.Merge(args[0], text)
	case len(args) == 1:
		err = t.store.Import(args[0], text)
	default:
		err = t.store.Import("", text)
	}
	if err != nil {
		return t.fail(err)
	}
	return 0
}

func (t *tool) inputText() ([]byte, error) {
	if t.batch != nil {
		return []byte(t.batch.Rest()), nil
	}
	return io.ReadAll(t.input)
}
