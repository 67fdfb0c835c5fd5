// Package table reads tables of any shape in which people pass measurements
// around: CSV, JSON arrays and lines, and Parquet, each plain or compressed.
// Every row comes out as text by column name with the place it came from; a
// row that cannot be read comes out as an error with that place, and reading
// goes on.
package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	gojson "github.com/goccy/go-json"
)

// MaxDocument bounds one object of JSON, and a line of it, in bytes.
const MaxDocument = 32 << 20

// Row is one row: text by column. Empty and null columns are left out. Lists
// are written ['a','b']; a column within an object is named "object.column".
type Row struct {
	Line   int64 // from 1; a header counts as a line
	Values map[string]string
	Err    error // why the row cannot be read; Values is then nil
}

// ErrUnreadable is wrapped when nothing of a table can be read.
var ErrUnreadable = errors.New("unreadable")

// Read reads a table and calls fn with each row. It returns an error when
// nothing can be read, and the error of fn.
func Read(r io.Reader, fn func(Row) error) error {
	u := Unpacking{Floor: BombFloor}
	br, done, err := u.Plain(u.In(r))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	defer done()
	if bom, _ := br.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		br.Discard(3)
	}
	head, err := br.Peek(512)
	if len(head) == 0 {
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: %v", ErrUnreadable, err)
		}
		return fmt.Errorf("%w: it is empty", ErrUnreadable)
	}
	switch text := bytes.TrimLeft(head, " \t\r\n"); {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return readParquet(br, fn)
	case len(text) > 0 && text[0] == '[':
		return readArray(br, fn)
	case len(text) > 0 && text[0] == '{':
		return readObjects(br, fn)
	case bytes.IndexByte(head, 0) < 0 && bytes.ContainsAny(head, ",;\t"):
		return readCSV(br, fn)
	}
	return fmt.Errorf("%w: neither CSV, JSON, JSON lines nor Parquet (it begins with %.20q)", ErrUnreadable, head)
}

func readCSV(r *bufio.Reader, fn func(Row) error) error {
	head, _ := r.Peek(4096)
	first, _, _ := bytes.Cut(head, []byte("\n"))
	comma := ','
	for _, sep := range []rune{';', '\t'} {
		if bytes.Count(first, []byte(string(sep))) > bytes.Count(first, []byte(string(comma))) || comma == ',' && bytes.Count(first, []byte(",")) == 0 {
			comma = sep
		}
	}
	t, err := NewCSV(r, comma)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	for i, c := range t.Columns {
		t.Columns[i] = strings.ToLower(c)
	}
	for {
		in, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil { // the stream itself is broken: what was read stands
			return fn(Row{Line: in.Line, Err: fmt.Errorf("the file breaks off: %w", err)})
		}
		row := Row{Line: in.Line, Err: in.Err}
		if in.Err == nil {
			row.Values = make(map[string]string, len(t.Columns))
			for i, v := range in.Fields {
				if v = strings.TrimSpace(v); v != "" {
					row.Values[t.Columns[i]] = strings.Clone(v)
				}
			}
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

// readObjects reads JSON lines, or one object that holds the rows in "results",
// "result" or "data".
func readObjects(r *bufio.Reader, fn func(Row) error) error {
	line, good := int64(0), false
	for {
		data, dropped, err := ReadLine(r, MaxDocument)
		if len(data) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		line++
		if err != nil && !errors.Is(err, io.EOF) { // the stream itself is broken: what was read stands
			return fn(Row{Line: line, Err: fmt.Errorf("the file breaks off: %w", err)})
		}
		text := bytes.TrimSpace(data)
		if len(text) == 0 {
			continue
		}
		row := Row{Line: line}
		var object map[string]any
		switch e := decode(text, &object); {
		case dropped > 0:
			row.Err = fmt.Errorf("the line is longer than %d bytes", MaxDocument)
		case e != nil && !good && line == 1 && goesOn(text, r):
			return readDocument(io.MultiReader(bytes.NewReader(data), r), fn)
		case e != nil:
			row.Err = fmt.Errorf("not JSON: %w", e)
		default:
			if !good && wraps(object) {
				return readDocument(io.MultiReader(bytes.NewReader(data), r), fn)
			}
			good = true
			row.Values = flatten(object)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

// goesOn reports whether a line begins an object of several lines: it opens
// more than it closes, and the next line can follow.
func goesOn(line []byte, r *bufio.Reader) bool {
	var n nesting
	for _, b := range line {
		if n.next(b) != "" {
			return false
		}
	}
	if n.inString || len(n.open) == 0 {
		return false
	}
	head, _ := r.Peek(512)
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) == 0 {
		return true
	}
	return n.next(head[0]) == ""
}

// readDocument reads an object that spreads over lines, row by row where it
// holds a list of them, and the objects that follow it. Neither a row nor what
// else the object holds may be longer than a line.
func readDocument(r io.Reader, fn func(Row) error) error {
	in := &budget{r: r, left: MaxDocument}
	dec := json.NewDecoder(in)
	dec.UseNumber()
	n := int64(0)
	row := func(raw json.RawMessage) error {
		n++
		in.left = MaxDocument
		var object map[string]any
		if err := decode(raw, &object); err != nil {
			return fn(Row{Line: n, Err: errors.New("not an object")})
		}
		return fn(Row{Line: n, Values: flatten(object)})
	}
	object, refused, err := document(dec, row)
	switch {
	case refused != nil:
		return refused
	case err != nil && n == 0:
		return fmt.Errorf("%w: not JSON: %w", ErrUnreadable, err)
	case err != nil:
		return fn(Row{Line: n + 1, Err: fmt.Errorf("not JSON: %w; the rest of the file was not read", err)})
	case object != nil:
		n++
		if err := fn(Row{Line: n, Values: flatten(object)}); err != nil {
			return err
		}
	}
	in.left = math.MaxInt
	return readValues(bufio.NewReader(io.MultiReader(dec.Buffered(), in)), n, fn)
}

// document reads one object. It gives the elements of its lists of rows to
// row; the object is returned when it has none.
func document(dec *json.Decoder, row func(json.RawMessage) error) (object map[string]any, refused, err error) {
	if _, err := dec.Token(); err != nil { // the brace
		return nil, nil, err
	}
	object = map[string]any{}
	lists := false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		name, _ := key.(string) // a key is always text
		var v any
		if name != "results" && name != "result" && name != "data" {
			if err := dec.Decode(&v); err != nil {
				return nil, nil, err
			}
			object[name] = v
			continue
		}
		open, err := dec.Token()
		if err != nil {
			return nil, nil, err
		}
		switch open {
		default:
			object[name] = open
			continue
		case json.Delim('{'):
			inner := map[string]any{}
			for dec.More() {
				k, err := dec.Token()
				if err == nil {
					err = dec.Decode(&v)
				}
				if err != nil {
					return nil, nil, err
				}
				inner[k.(string)] = v
				v = nil
			}
			object[name] = inner
		case json.Delim('['):
			lists = true
			for dec.More() {
				var raw json.RawMessage
				if err := dec.Decode(&raw); err != nil {
					return nil, nil, err
				}
				if err := row(raw); err != nil {
					return nil, err, nil
				}
			}
		}
		if _, err := dec.Token(); err != nil { // the end of the list or object
			return nil, nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, err
	}
	if lists {
		return nil, nil, nil
	}
	return object, nil, nil
}

// budget fails when more is read than is left.
type budget struct {
	r    io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("a value is longer than %d bytes", MaxDocument)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// wraps reports whether an object holds a list of rows.
func wraps(object map[string]any) bool {
	for _, k := range []string{"results", "result", "data"} {
		if _, ok := object[k].([]any); ok {
			return true
		}
	}
	return false
}

// readArray reads a JSON array; a row's line is its place in it.
func readArray(r *bufio.Reader, fn func(Row) error) error {
	var held *Row // the first, when it is bad: it may be that nothing is a row
	err := readValues(r, 0, func(row Row) error {
		if row.Line == 1 && row.Err != nil {
			held = &row
			return nil
		}
		if held != nil {
			first := *held
			held = nil
			if err := fn(first); err != nil {
				return err
			}
		}
		return fn(row)
	})
	if held != nil && err == nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, held.Err)
	}
	return err
}

// readValues reads JSON objects over any number of lines and arrays of them,
// after n rows. What is no object comes out as an error.
func readValues(r *bufio.Reader, n int64, fn func(Row) error) error {
	values := NewValues(r, MaxDocument, 1, 0)
	for {
		v, err := values.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		n++
		if err != nil {
			return fn(Row{Line: n, Err: fmt.Errorf("the file breaks off: %w", err)})
		}
		row := Row{Line: n}
		var object map[string]any
		if v.Bad != "" {
			row.Err = fmt.Errorf("%s: %.40q", v.Bad, v.Data)
		} else if err := decode(v.Data, &object); err != nil {
			row.Err = fmt.Errorf("not JSON: %w", err)
		} else {
			row.Values = flatten(object)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

func decode(data []byte, into *map[string]any) error {
	dec := gojson.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if *into == nil {
		return errors.New("not an object")
	}
	if rest, err := io.ReadAll(dec.Buffered()); err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return fmt.Errorf("text after the object: %.40q", bytes.TrimSpace(rest))
	}
	return nil
}

// flatten writes every value of an object as text.
func flatten(object map[string]any) map[string]string {
	out := make(map[string]string, len(object))
	for k, v := range object {
		put(out, strings.ToLower(k), v, 0)
	}
	return out
}

func put(out map[string]string, name string, v any, depth int) {
	if text := scalar(v); text != "" {
		out[name] = text
		return
	}
	switch v := v.(type) {
	case []any:
		var parts []string
		for _, x := range v {
			if t := scalar(x); t != "" {
				parts = append(parts, quoted(t))
			}
		}
		if len(parts) > 0 {
			out[name] = "[" + strings.Join(parts, ",") + "]"
		}
	case map[string]any:
		if depth < 2 {
			for k, x := range v {
				put(out, name+"."+strings.ToLower(k), x, depth+1)
			}
		}
	}
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func readParquet(r io.Reader, fn func(Row) error) error {
	var names []string
	var refused error // by fn
	last := int64(0)
	err := ReadParquet(r, MaxParquet, func(columns []string) error {
		for _, c := range columns {
			names = append(names, strings.ToLower(c))
		}
		return nil
	}, func(in ParquetRow) error {
		row := Row{Line: in.Number, Err: in.Err}
		last = in.Number
		if in.Err == nil {
			row.Values = make(map[string]string, len(names))
			for i, v := range in.Fields {
				if v = strings.TrimSpace(v); v != "" && v != "[]" {
					row.Values[names[i]] = v
				}
			}
		}
		refused = fn(row)
		return refused
	})
	switch {
	case err == nil || refused != nil || errors.Is(err, ErrUnreadable):
		return err
	case last == 0:
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return fn(Row{Line: last + 1, Err: fmt.Errorf("%w; the rest was not read", err)})
}
