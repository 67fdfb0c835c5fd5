package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// terminal is a writer of text for people. Text from strangers must not control their
// terminal. So control characters other than newline and tab, marks that change the
// direction of writing, and bytes that are not UTF-8 become U+FFFD. Each write must hold
// whole characters. Both outputs of every command are a terminal; exact and lossless
// bypass it.
type terminal struct{ w io.Writer }

func (t terminal) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.w, harmless(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !steers(r) {
			return r // an invalid byte has become U+FFFD
		}
		return unicode.ReplacementChar
	}, s)
}

// steers reports whether a character controls a terminal, or changes the order in which
// other characters are shown.
func steers(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// exact returns the writer below, for files that are written as they are.
func exact(w io.Writer) io.Writer {
	if t, ok := w.(terminal); ok {
		return exact(t.w)
	}
	return w
}

// lossless returns a writer for JSON. A character that controls a terminal becomes an
// escape for the same character, which only strings contain.
func lossless(w io.Writer) io.Writer { return jsonWriter{exact(w)} }

type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(p []byte) (int, error) {
	out := make([]byte, 0, len(p)+16)
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r >= 0x7f && steers(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, p[i:i+n]...)
		}
		i += n
	}
	if _, err := j.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
