package measurement

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

var errQuote = errors.New("not a JSON string")

// unquoteString decodes a JSON string, with its quotes, as encoding/json does.
func unquoteString(b []byte) (string, error) {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return "", errQuote
	}
	s := string(b[1 : len(b)-1])
	for i := strings.IndexByte(s, '\\'); i >= 0; {
		n := escapeBytes(s[i:])
		if n == 0 {
			return "", errQuote
		}
		i += n
		k := strings.IndexByte(s[i:], '\\')
		if k < 0 {
			break
		}
		i += k
	}
	return unquoteText(s), nil
}

// escapeBytes returns the length of the escape at the start of s, or 0 where there
// is none.
func escapeBytes(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if hexRune(s) >= 0 {
			return 6
		}
	}
	return 0
}

// unquoteText decodes the text between the quotes of a JSON string, whose escapes
// must be correct. It exists because bodies are most of a measurement and
// encoding/json takes four times as long: here text without escapes is copied
// whole.
func unquoteText(s string) string {
	i := strings.IndexByte(s, '\\')
	valid := utf8.ValidString(s)
	if i < 0 && valid {
		return s
	}
	out := make([]byte, 0, len(s))
	for i >= 0 {
		out = appendValid(out, s[:i], valid)
		var n int
		out, n = unescape(out, s[i:])
		s = s[i+n:]
		i = strings.IndexByte(s, '\\')
	}
	out = appendValid(out, s, valid)
	return unsafe.String(unsafe.SliceData(out), len(out)) // nobody else holds out
}

func appendValid(out []byte, s string, valid bool) []byte {
	if valid {
		return append(out, s...)
	}
	for _, r := range s { // one replacement character for each wrong byte, as in encoding/json
		out = utf8.AppendRune(out, r)
	}
	return out
}

// plainEscapes maps escapes of one letter to what they mean.
var plainEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f'}

// unescape appends what the escape at the start of s means, and returns the length
// of the escape.
func unescape(out []byte, s string) ([]byte, int) {
	if s[1] != 'u' {
		return append(out, plainEscapes[s[1]]), 2
	}
	r := hexRune(s)
	if r < utf8.RuneSelf {
		return append(out, byte(r)), 6
	}
	if utf16.IsSurrogate(r) {
		if pair := utf16.DecodeRune(r, hexRune(s[6:])); pair != utf8.RuneError {
			return utf8.AppendRune(out, pair), 12
		}
		r = utf8.RuneError
	}
	return utf8.AppendRune(out, r), 6
}

// hexDigits maps hexadecimal digits to their values, and all other bytes to 255.
var hexDigits = func() (of [256]uint8) {
	for i := range of {
		of[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		of[c] = uint8(i)
	}
	for i, c := range []byte("ABCDEF") {
		of[c] = uint8(10 + i)
	}
	return of
}()

// hexRune reads an escape \u with four hexadecimal digits; -1 where there is none.
func hexRune(s string) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	a, b, c, d := hexDigits[s[2]], hexDigits[s[3]], hexDigits[s[4]], hexDigits[s[5]]
	if a|b|c|d > 15 {
		return -1
	}
	return rune(a)<<12 | rune(b)<<8 | rune(c)<<4 | rune(d)
}
