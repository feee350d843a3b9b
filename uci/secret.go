// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"fmt"
	"io"
	"unique"
)

// A Secret is a password or a key. Nothing prints it: fmt with any verb, encoding/json,
// log/slog and text encoders all show "***". Two secrets with the same text are ==.
type Secret struct{ text unique.Handle[string] }

const hidden = "***"

// NewSecret hides text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal gives the text.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.text.Value()
}

// IsZero reports whether there is no secret, or an empty one.
func (s Secret) IsZero() bool { return s == Secret{} }

// String gives "***", or "" when there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// GoString gives what String gives.
func (s Secret) GoString() string { return s.String() }

// Format prints what String gives, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText gives what String gives: encoders and loggers ask for it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
