package intake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/bandish/bandish/internal/table"
)

// values finds the JSON objects of a stream by their braces. They may follow one another,
// take any number of lines, and be elements of an array. A broken object does not hide the
// next ones. What is not an object comes out too, as text.
type values struct {
	r     *bufio.Reader
	limit int

	line, offset int64
	column       int
	blank        bool     // only spaces stand before this place in the line
	begun        bool     // something other than spaces was read
	array        bool     // between the elements of an array
	lists        bool     // the rows within an object come instead of it (see holdsRows)
	around       *nesting // state of the object whose rows are being read
	err          error
}

// value is one JSON object, or text that is none.
type value struct {
	Line, Offset int64 // where it begins
	Data         []byte
	Bad          string // why it is not an object; if it is over the limit, Data has the first 4 KiB
}

// maxDepth is how deep encoding/json lets values nest.
const maxDepth = 10_000

// newValues reads from a stream whose next byte has the given line and offset. limit is
// the greatest size of one object in bytes.
func newValues(r *bufio.Reader, limit int, line, offset int64) *values {
	return &values{r: r, limit: limit, line: line, offset: offset, blank: true}
}

// next returns the next value. The error is io.EOF after the last value; another error
// means that the stream broke. The braces of an object are balanced; its JSON may still be
// wrong.
func (s *values) next() (value, error) {
	for {
		b, ok := s.peek()
		switch {
		case !ok && s.array && errors.Is(s.err, io.EOF):
			s.array = false
			return value{Line: s.line, Offset: s.offset, Bad: "the source ends within an array: the closing ] is missing"}, nil
		case !ok:
			return value{Line: s.line, Offset: s.offset}, s.err
		case isSpace(b), s.array && b == ',':
			s.take()
		case b == '{':
			if v := s.value(); v.Data != nil {
				return v, nil
			}
		case b == '[' && s.array:
			v := s.value()
			if v.Bad == "" {
				v.Bad = "an element of the array is no object"
			}
			return v, nil
		case b == '[' && (!s.begun || s.opensArray()):
			s.take()
			s.array = true
		case b == ']' && s.around != nil:
			n := s.around
			s.array, s.around = false, nil
			if v := s.goOn(n, 0); v.Bad != "" {
				return v, nil
			}
		case b == ']' && s.array:
			s.take()
			s.array = false
		default:
			return s.noise(), nil
		}
	}
}

// opensArray reports whether an array begins here, and not a line of noise such as "[info]
// …".
func (s *values) opensArray() bool {
	head, _ := s.r.Peek(512)
	head = bytes.TrimLeft(head[min(1, len(head)):], " \t\r\n")
	return len(head) == 0 || head[0] == '{' || head[0] == ']'
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

func (s *values) peek() (byte, bool) {
	if s.err != nil {
		return 0, false
	}
	b, err := s.r.ReadByte()
	if err != nil {
		s.err = err
		return 0, false
	}
	s.r.UnreadByte() // a ReadByte was before it, so it cannot fail
	return b, true
}

// take reads a byte that peek has shown.
func (s *values) take() {
	b, _ := s.r.ReadByte()
	s.passed(b)
}

func (s *values) passed(b byte) {
	s.offset++
	s.column++
	switch {
	case b == '\n':
		s.line++
		s.column, s.blank = 0, true
	case !isSpace(b):
		s.blank, s.begun = false, true
	}
}

// bounded collects bytes up to a limit. If there are more, it keeps the first 4 KiB.
type bounded struct {
	data []byte
	size int64
}

func (t *bounded) add(b byte, limit int) {
	t.size++
	switch {
	case t.size <= int64(limit):
		t.data = append(t.data, b)
	case len(t.data) > table.Kept:
		t.data = bytes.Clone(t.data[:table.Kept])
	}
}

// value reads the object or array that begins here. If its braces cannot be right, it
// takes the text up to the next line that begins with a brace and is indented like this
// one. If it meets rows, it returns an empty value, and the rows come next.
func (s *values) value() value {
	indent := 0
	if s.blank {
		indent = s.column
	}
	return s.goOn(&nesting{}, indent)
}

// goOn reads the rest of a value; n says what is open.
func (s *values) goOn(n *nesting, indent int) value {
	v := value{Line: s.line, Offset: s.offset}
	var t bounded
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			s.err = err
			s.array = s.array && !errors.Is(err, io.EOF) // report one problem, not two
			v.Bad = "the source ends in the middle of a document"
			if !errors.Is(err, io.EOF) {
				v.Bad += ": " + err.Error()
			}
			break
		}
		if why := n.next(b); why != "" {
			s.r.UnreadByte()
			s.skip(&t, indent)
			v.Bad = "not JSON: " + why
			break
		}
		s.passed(b)
		t.add(b, s.limit)
		if len(n.open) == 0 {
			break
		}
		if b == '[' && s.lists && !s.array && n.opensRows(t.data) {
			s.array, s.around = true, n
			return value{}
		}
	}
	if t.size > int64(s.limit) {
		v.Bad = fmt.Sprintf("the document has %d bytes, the limit is %d", t.size, s.limit)
	}
	v.Data = t.data
	return v
}

// skip reads the rest of a broken value.
func (s *values) skip(t *bounded, indent int) {
	for {
		b, ok := s.peek()
		if !ok {
			s.array = false // report one problem, not two
			return
		}
		if s.blank && t.size > 0 && (b == '{' && s.column == indent || b == ']' && s.array && s.column < indent) {
			return
		}
		s.take()
		t.add(b, s.limit)
	}
}

// noise reads text that is not a value: outside of arrays up to the end of the line,
// within an array up to the next element.
func (s *values) noise() value {
	v := value{Line: s.line, Offset: s.offset, Bad: "text that is no JSON document"}
	if s.array {
		v.Bad = "text in the array that is no JSON object"
	}
	var t bounded
	quoted := false
	for {
		b, ok := s.peek()
		if !ok || b == '\n' || s.array && !quoted && (b == ',' || b == ']' || b == '{') {
			break
		}
		if b == '"' {
			quoted = !quoted
		}
		s.take()
		t.add(b, s.limit)
	}
	if t.size > int64(s.limit) {
		v.Bad += fmt.Sprintf(" (%d bytes)", t.size)
	}
	v.Data = bytes.TrimSpace(t.data)
	return v
}

// nesting follows the braces of a JSON value byte by byte. It knows enough of the grammar
// to see when a value was cut off and another has begun.
type nesting struct {
	open     []byte // the open braces and brackets
	prev     byte   // the last byte outside of strings that is not a space
	inString bool
	escaped  bool
}

// next takes in a byte. If the byte cannot stand here, it returns why.
func (n *nesting) next(b byte) string {
	switch {
	case n.inString && b == '\n':
		return "a line ends within a string"
	case n.inString && n.escaped:
		n.escaped = false
		return ""
	case n.inString:
		n.escaped = b == '\\'
		n.inString = b != '"'
		return ""
	case isSpace(b):
		return ""
	}
	in := byte(0)
	if len(n.open) > 0 {
		in = n.open[len(n.open)-1]
	}
	switch b {
	case '"':
		n.inString = true
	case '{', '[':
		if in != 0 && n.prev != ':' && !(in == '[' && (n.prev == '[' || n.prev == ',')) {
			return fmt.Sprintf("%q where none can stand", b)
		}
		if len(n.open) == maxDepth {
			return fmt.Sprintf("nested more than %d deep", maxDepth)
		}
		n.open = append(n.open, b)
	case '}', ']':
		if in != b-2 { // in ASCII '{' and '}' differ by two, and so do '[' and ']'
			return fmt.Sprintf("%q closes what is not open", b)
		}
		n.open = n.open[:len(n.open)-1]
	}
	n.prev = b
	return ""
}

// holdsRows reports whether an object is an answer of OONI's API, which has its rows in a
// list.
func holdsRows(object []byte) bool {
	var n nesting
	for i, b := range object {
		if n.next(b) != "" {
			return false
		}
		if b == '[' && n.opensRows(object[:i+1]) {
			return true
		}
	}
	return false
}

// opensRows reports whether the bracket at the end of text opens the list of an object's
// rows.
func (n *nesting) opensRows(text []byte) bool {
	if string(n.open) != "{[" || n.prev != '[' { // deeper, or within a string
		return false
	}
	const space = " \t\r\n"
	key, ok := bytes.CutSuffix(bytes.TrimRight(text[:len(text)-1], space), []byte(":"))
	key = bytes.TrimRight(key, space)
	return ok && (bytes.HasSuffix(key, []byte(`"results"`)) || bytes.HasSuffix(key, []byte(`"result"`)) || bytes.HasSuffix(key, []byte(`"data"`)))
}
