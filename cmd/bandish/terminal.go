package main

import (
	"io"
	"strings"
	"unicode"
)

// terminal is a writer of text for people. What comes from strangers' input
// must not steer their terminal: control characters other than newline and
// tab, marks that turn the direction of writing, and bytes that are no UTF-8
// come out as U+FFFD. Each write must hold whole characters.
type terminal struct{ w io.Writer }

func (t terminal) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.w, harmless(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return unicode.ReplacementChar
		}
		return r // an invalid byte has become U+FFFD
	}, s)
}
