package measurement

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var errQuote = errors.New("not a JSON string")

// unquoteString decodes a JSON string to what encoding/json decodes it to. It
// exists because bodies make up most of a measurement, and encoding/json takes
// four times as long over them: here runs without escapes are copied whole.
func unquoteString(b []byte) (string, error) {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return "", errQuote
	}
	b = b[1 : len(b)-1]
	i := bytes.IndexByte(b, '\\')
	if i < 0 {
		if utf8.Valid(b) {
			return string(b), nil
		}
		i = len(b)
	}
	var out strings.Builder
	out.Grow(len(b))
	for i >= 0 && i < len(b) {
		writeValid(&out, b[:i])
		n, err := unescape(&out, b[i:])
		if err != nil {
			return "", err
		}
		b = b[i+n:]
		i = bytes.IndexByte(b, '\\')
	}
	writeValid(&out, b)
	return out.String(), nil
}

func writeValid(out *strings.Builder, b []byte) {
	if utf8.Valid(b) {
		out.Write(b)
		return
	}
	for len(b) > 0 { // one replacement for each wrong byte, as encoding/json has it
		r, n := utf8.DecodeRune(b)
		out.WriteRune(r)
		b = b[n:]
	}
}

// unescape writes what the escape at the start of b stands for, and returns
// its length.
func unescape(out *strings.Builder, b []byte) (int, error) {
	if len(b) < 2 {
		return 0, errQuote
	}
	switch b[1] {
	case '"', '\\', '/':
		out.WriteByte(b[1])
	case 'n':
		out.WriteByte('\n')
	case 't':
		out.WriteByte('\t')
	case 'r':
		out.WriteByte('\r')
	case 'b':
		out.WriteByte('\b')
	case 'f':
		out.WriteByte('\f')
	case 'u':
		r := hexRune(b)
		if r < 0 {
			return 0, errQuote
		}
		if utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, hexRune(b[6:])); pair != utf8.RuneError {
				out.WriteRune(pair)
				return 12, nil
			}
			r = utf8.RuneError
		}
		out.WriteRune(r)
		return 6, nil
	default:
		return 0, errQuote
	}
	return 2, nil
}

// hexRune reads an escape \u with four hexadecimal digits; -1 where it is none.
func hexRune(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
