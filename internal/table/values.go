package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Values finds the JSON objects of a stream by their braces: one after another,
// over any number of lines, bare or as the elements of an array. One broken
// object does not hide the next, and whatever is no object comes out too, as
// text.
type Values struct {
	r     *bufio.Reader
	limit int

	line, offset int64
	column       int
	blank        bool // only spaces before this place of the line
	begun        bool // something but spaces was read
	array        bool // between the elements of one
	err          error
}

// Value is one JSON object, or text that is none.
type Value struct {
	Line, Offset int64 // where it begins
	Data         []byte
	Bad          string // why it is no object; of one over the limit Data is the first 4 KiB
}

// maxDepth is how deep encoding/json lets a value nest.
const maxDepth = 10_000

// NewValues reads from a stream whose next byte is at the given line and
// offset. The limit is of one object, in bytes.
func NewValues(r *bufio.Reader, limit int, line, offset int64) *Values {
	return &Values{r: r, limit: limit, line: line, offset: offset, blank: true}
}

// Next returns the next value; io.EOF after the last one, another error where
// the stream breaks. An object has balanced braces; its JSON may yet be wrong.
func (s *Values) Next() (Value, error) {
	for {
		b, ok := s.peek()
		switch {
		case !ok && s.array && errors.Is(s.err, io.EOF):
			s.array = false
			return Value{Line: s.line, Offset: s.offset, Bad: "the source ends within an array: the closing ] is missing"}, nil
		case !ok:
			return Value{Line: s.line, Offset: s.offset}, s.err
		case isSpace(b), s.array && b == ',':
			s.take()
		case b == '{':
			return s.value(), nil
		case b == '[' && s.array:
			v := s.value()
			if v.Bad == "" {
				v.Bad = "an element of the array is no object"
			}
			return v, nil
		case b == '[' && (!s.begun || s.opensArray()):
			s.take()
			s.array = true
		case b == ']' && s.array:
			s.take()
			s.array = false
		default:
			return s.noise(), nil
		}
	}
}

// opensArray tells an array that follows other values from a line of noise
// such as "[info] …".
func (s *Values) opensArray() bool {
	head, _ := s.r.Peek(512)
	head = bytes.TrimLeft(head[min(1, len(head)):], " \t\r\n")
	return len(head) == 0 || head[0] == '{' || head[0] == ']'
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

func (s *Values) peek() (byte, bool) {
	if s.err != nil {
		return 0, false
	}
	b, err := s.r.ReadByte()
	if err != nil {
		s.err = err
		return 0, false
	}
	s.r.UnreadByte() // follows a ReadByte: it cannot fail
	return b, true
}

// take consumes a byte that peek has shown.
func (s *Values) take() {
	b, _ := s.r.ReadByte()
	s.passed(b)
}

func (s *Values) passed(b byte) {
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

// bounded gathers bytes up to a limit, of more the first 4 KiB.
type bounded struct {
	data []byte
	size int64
}

func (t *bounded) add(b byte, limit int) {
	t.size++
	switch {
	case t.size <= int64(limit):
		t.data = append(t.data, b)
	case len(t.data) > kept:
		t.data = bytes.Clone(t.data[:kept])
	}
}

// value reads the object or array that begins here. When its braces cannot be
// right it takes the text up to the next line that begins with a brace as far
// in as this one's.
func (s *Values) value() Value {
	v := Value{Line: s.line, Offset: s.offset}
	indent := 0
	if s.blank {
		indent = s.column
	}
	var t bounded
	var n nesting
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			s.err = err
			s.array = s.array && !errors.Is(err, io.EOF) // one problem, not two
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
	}
	if t.size > int64(s.limit) {
		v.Bad = fmt.Sprintf("the document has %d bytes, the limit is %d", t.size, s.limit)
	}
	v.Data = t.data
	return v
}

// skip takes the rest of a broken value.
func (s *Values) skip(t *bounded, indent int) {
	for {
		b, ok := s.peek()
		if !ok {
			s.array = false // one problem, not two
			return
		}
		if s.blank && t.size > 0 && (b == '{' && s.column == indent || b == ']' && s.array && s.column < indent) {
			return
		}
		s.take()
		t.add(b, s.limit)
	}
}

// noise reads text that is no value: outside of arrays a line, inside up to
// the next element.
func (s *Values) noise() Value {
	v := Value{Line: s.line, Offset: s.offset, Bad: "text that is no JSON document"}
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

// nesting follows the braces of a JSON value byte by byte. It knows as much of
// the grammar as tells that a value was cut off and another has begun.
type nesting struct {
	open     []byte // the braces and brackets that are open
	prev     byte   // the last byte outside strings that is no space
	inString bool
	escaped  bool
}

// next takes in a byte; when it cannot stand here it says why.
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
		if in != b-2 { // '{' and '}' are two apart in ASCII, so are '[' and ']'
			return fmt.Sprintf("%q closes what is not open", b)
		}
		n.open = n.open[:len(n.open)-1]
	}
	n.prev = b
	return ""
}
