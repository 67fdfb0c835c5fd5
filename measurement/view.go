package measurement

import (
	"bytes"
	"unicode/utf8"
)

// view is a text with its escapes decoded, and the place of each of its bytes in
// the original text.
type view struct {
	text []byte
	from []int32 // the place of each byte, and of the end; nil where the text is the original
}

// at returns where byte i of a view begins in the original text.
func (v view) at(i int) int {
	if v.from == nil {
		return i
	}
	return int(v.from[i])
}

// views returns the text itself and all ways of reading it: with the escapes of
// JSON decoded and digits of other scripts replaced by ASCII; then with percent
// encoding decoded, once and a second time; then with the references of HTML; and,
// apart from these, with quoted-printable. Ways that change nothing are left out.
func views(text []byte) []view {
	plain := view{text: text}
	out := []view{plain}
	unescaped, ok := plain.undo(undoEscape, startsEscape)
	if ok {
		out = append(out, unescaped)
	}
	if v, ok := unescaped.undo(undoPrintable, '='); ok {
		out = append(out, v)
	}
	v := unescaped
	for _, step := range []struct {
		undo func([]byte) (byte, int)
		mark byte
	}{{undoPercent, '%'}, {undoPercent, '%'}, {undoReference, '&'}, {undoPercent, '%'}} {
		next, ok := v.undo(step.undo, step.mark)
		if ok {
			out, v = append(out, next), next
		}
	}
	return out
}

// startsEscape stands for the bytes at which undoEscape may apply: a backslash, and
// every byte that is not ASCII.
const startsEscape = 0

// dropped stands for a byte that is not in the view.
const dropped = 0xff

// undo makes the view in which step has replaced what it knows. step returns the
// byte that the beginning of a text means, and how many bytes that beginning has; 0
// for none. mark is the byte at which step may apply. undo returns false where
// nothing was replaced.
func (v view) undo(step func([]byte) (byte, int), mark byte) (view, bool) {
	first := v.first(step, mark)
	if first < 0 {
		return v, false
	}
	out := view{text: make([]byte, 0, len(v.text)), from: make([]int32, 0, len(v.text)+1)}
	put := func(c byte, i int) { out.text, out.from = append(out.text, c), append(out.from, int32(v.at(i))) }
	for i := 0; i < len(v.text); {
		c, n := v.text[i], 0
		if i >= first && marks(c, mark) {
			c, n = step(v.text[i:])
		}
		if n == 0 {
			put(v.text[i], i)
			i++
			continue
		}
		if c != dropped {
			put(c, i)
		}
		i += n
	}
	out.from = append(out.from, int32(v.at(len(v.text))))
	return out, true
}

// first returns the first place where step applies, -1 for none.
func (v view) first(step func([]byte) (byte, int), mark byte) int {
	for i := 0; i < len(v.text); i++ {
		if mark != startsEscape {
			k := bytes.IndexByte(v.text[i:], mark)
			if k < 0 {
				return -1
			}
			i += k
		} else if !marks(v.text[i], mark) {
			continue
		}
		if _, n := step(v.text[i:]); n > 0 {
			return i
		}
	}
	return -1
}

func marks(c, mark byte) bool {
	return c == mark || mark == startsEscape && (c == '\\' || c >= utf8.RuneSelf)
}

// undoEscape reads escapes such as \u0031, \x31 and \n, with any number of
// backslashes, and digits and full stops of other scripts.
func undoEscape(b []byte) (byte, int) {
	if b[0] != '\\' {
		r, n := utf8.DecodeRune(b)
		if c, ok := plainRune(r); ok {
			return c, n
		}
		return 0, 0
	}
	n := 1
	for n < len(b) && b[n] == '\\' {
		n++
	}
	if n == len(b) {
		return 0, 0
	}
	switch digits := b[n+1:]; b[n] {
	case '/', '"':
		return b[n], n + 1
	case 'n', 'r', 't', 'b', 'f':
		return ' ', n + 1
	case 'u', 'U':
		if r, ok := hexNumber(digits, 4); ok {
			if c, ok := plainRune(rune(r)); ok {
				return c, n + 5
			}
		}
	case 'x', 'X':
		if r, ok := hexNumber(digits, 2); ok && r < utf8.RuneSelf {
			return byte(r), n + 3
		}
	}
	return 0, 0
}

// plainRune returns the ASCII character that r is or stands for: digits, letters
// and full stops of other scripts have one. It returns dropped for characters that
// are not visible, and false for all others.
func plainRune(r rune) (byte, bool) {
	switch {
	case r < utf8.RuneSelf:
		return byte(r), true
	case r >= 0xff01 && r <= 0xff5e: // full width
		return byte(r - 0xff01 + '!'), true
	case r >= 0x660 && r <= 0x669: // Arabic
		return byte(r - 0x660 + '0'), true
	case r >= 0x6f0 && r <= 0x6f9: // Persian, Urdu
		return byte(r - 0x6f0 + '0'), true
	case r >= 0x966 && r <= 0x96f: // Devanagari
		return byte(r - 0x966 + '0'), true
	case r == 0x3002, r == 0xff61, r == 0x66b, r == 0x2024: // stops
		return '.', true
	case r == 0xad, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2069, r == 0xfeff:
		return dropped, true
	}
	return 0, false
}

func undoPercent(b []byte) (byte, int) {
	if r, ok := hexNumber(b[1:], 2); ok && r < utf8.RuneSelf {
		return byte(r), 3
	}
	return 0, 0
}

func undoPrintable(b []byte) (byte, int) { return undoPercent(b) }

// undoReference reads &#46; and &#x2e;, and the few names that addresses need.
func undoReference(b []byte) (byte, int) {
	end := bytes.IndexByte(b[:min(len(b), 12)], ';')
	if end < 3 {
		return 0, 0
	}
	switch name := string(b[1:end]); {
	case name == "period":
		return '.', end + 1
	case name == "colon":
		return ':', end + 1
	case name == "sol":
		return '/', end + 1
	case name == "percnt":
		return '%', end + 1
	case name[0] != '#':
		return 0, 0
	}
	digits, base := b[2:end], 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n := 0
	for _, c := range digits {
		d, ok := hexDigit(c)
		if !ok || d >= base || n > 1<<12 {
			return 0, 0
		}
		n = n*base + d
	}
	if c, ok := plainRune(rune(n)); ok && len(digits) > 0 {
		return c, end + 1
	}
	return 0, 0
}

// hexNumber reads so many hexadecimal digits.
func hexNumber(b []byte, digits int) (n int, ok bool) {
	if len(b) < digits {
		return 0, false
	}
	for _, c := range b[:digits] {
		d, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		n = n<<4 | d
	}
	return n, true
}

func hexDigit(c byte) (int, bool) {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0'), true
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10, true
	}
	return 0, false
}
