// SPDX-License-Identifier: Apache-2.0

package uci

import "errors"

// What an operation can fail with, beside *[ParseError] and *[os.PathError]. Test for them
// with errors.Is. The words are those scripts know from the first implementation.
//
//lint:file-ignore ST1005 capitals for that reason
var (
	ErrInvalid   = errors.New("Invalid argument")
	ErrNotFound  = errors.New("Entry not found")
	ErrParse     = errors.New("Parse error")
	ErrDuplicate = errors.New("Duplicate entry")
)

// Is makes a ParseError match ErrParse.
func (e *ParseError) Is(target error) bool { return target == ErrParse }

// RefusedError is an operation that would be accepted by the letter of the format and then
// lose data, such as renaming a section to a name that is taken.
type RefusedError struct {
	Reason string
	Err    error // ErrInvalid or ErrDuplicate
}

func (e *RefusedError) Error() string { return e.Reason }

func (e *RefusedError) Unwrap() error { return e.Err }

func refuse(err error, reason string) error { return &RefusedError{Reason: reason, Err: err} }
