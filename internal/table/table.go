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
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// maxLine is the longest line of JSON that is read.
const maxLine = 8 << 20

// Row is one row: text by column. Empty and null columns are left out. Lists
// are joined with "|"; a column within an object is named "object.column".
type Row struct {
	Line   int64 // from 1; a header counts as a line
	Values map[string]string
	Err    error // why the row cannot be read; Values is then nil
}

// ErrUnreadable is wrapped when nothing of a table can be read.
var ErrUnreadable = errors.New("not a table that bandish knows")

// Read reads a table and calls fn with each row. It returns an error when
// nothing can be read, and the error of fn.
func Read(r io.Reader, fn func(Row) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	for range 2 {
		head, _ := br.Peek(4)
		switch {
		case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
			z, err := gzip.NewReader(br)
			if err != nil {
				return fmt.Errorf("%w: gzip: %v", ErrUnreadable, err)
			}
			defer z.Close()
			br = bufio.NewReaderSize(z, 1<<16)
		case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
			if err != nil {
				return fmt.Errorf("%w: zstd: %v", ErrUnreadable, err)
			}
			defer z.Close()
			br = bufio.NewReaderSize(z, 1<<16)
		}
	}
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
		data, err := readLine(r)
		if len(data) == 0 && err != nil {
			return nil
		}
		line++
		text := bytes.TrimSpace(data)
		if len(text) == 0 {
			continue
		}
		row := Row{Line: line}
		var object map[string]any
		switch e := decode(text, &object); {
		case len(data) > maxLine:
			row.Err = fmt.Errorf("the line is longer than %d bytes", maxLine)
		case e != nil && !good && line == 1 && goesOn(text, r):
			return readDocument(io.MultiReader(bytes.NewReader(data), r), fn)
		case e != nil:
			row.Err = fmt.Errorf("not JSON: %w", e)
		default:
			wrapper := !good
			good = true
			if rows, ok := wrapped(object); ok && wrapper {
				if err := each(rows, fn); err != nil {
					return err
				}
				continue
			}
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

// readLine reads a line. Of one that is too long only the beginning is kept,
// one byte more than allowed.
func readLine(r *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine + 1 - len(out); room > 0 {
			out = append(out, part[:min(len(part), room)]...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return out, err
		}
	}
}

// readDocument reads an object that spreads over lines, row by row where it
// holds a list of them, and the objects that follow it. Neither a row nor what
// else the object holds may be longer than a line.
func readDocument(r io.Reader, fn func(Row) error) error {
	in := &budget{r: r, left: maxLine}
	dec := json.NewDecoder(in)
	dec.UseNumber()
	n := int64(0)
	row := func(raw json.RawMessage) error {
		n++
		in.left = maxLine
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
		return 0, fmt.Errorf("a value is longer than %d bytes", maxLine)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func wrapped(object map[string]any) ([]any, bool) {
	for _, k := range []string{"results", "result", "data"} {
		if rows, ok := object[k].([]any); ok {
			return rows, true
		}
	}
	return nil, false
}

func each(rows []any, fn func(Row) error) error {
	for i, v := range rows {
		row := Row{Line: int64(i + 1)}
		if object, ok := v.(map[string]any); ok {
			row.Values = flatten(object)
		} else {
			row.Err = errors.New("not an object")
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
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
	values := NewValues(r, maxLine, 1, 0)
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
				parts = append(parts, t)
			}
		}
		if len(parts) > 0 {
			out[name] = strings.Join(parts, "|")
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

// maxParquet bounds a Parquet file, which is held in memory.
const maxParquet = 256 << 20

// readParquet reads a Parquet file. It needs random access, so a stream is
// first read into memory.
func readParquet(r io.Reader, fn func(Row) error) (err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxParquet+1))
	if err != nil {
		return fmt.Errorf("%w: %v", ErrUnreadable, err)
	}
	if len(data) > maxParquet {
		return fmt.Errorf("%w: Parquet of more than %d MiB: split it", ErrUnreadable, maxParquet>>20)
	}
	defer func() { // the decoder is not hardened against hostile files
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: Parquet: %v", ErrUnreadable, p)
		}
	}()
	f, err := OpenParquet(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("%w: Parquet: %v", ErrUnreadable, err)
	}
	columns, write := leaves(f.Schema())
	n := int64(0)
	buf := make([]parquet.Row, 256)
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		for {
			k, err := rows.ReadRows(buf)
			for _, row := range buf[:k] {
				if n++; n > MaxRows(int64(len(data))) {
					rows.Close()
					return fn(Row{Line: n, Err: ErrTooManyRows})
				}
				out := Row{Line: n}
				if long := RowBytes(row); long > MaxRow {
					out.Err = fmt.Errorf("the row has %d bytes, the limit is %d", long, MaxRow)
				} else {
					out.Values = textOf(row, columns, write)
				}
				if e := fn(out); e != nil {
					rows.Close()
					return e
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				rows.Close()
				if n == 0 {
					return fmt.Errorf("%w: Parquet: %v", ErrUnreadable, err)
				}
				return fn(Row{Line: n + 1, Err: fmt.Errorf("not Parquet from here: %w; the rest was not read", err)})
			}
		}
		rows.Close()
	}
	return nil
}

// leaves names the leaf columns ("dns.outcome") and says how to write them.
func leaves(s *parquet.Schema) (names []string, write []func(parquet.Value) string) {
	for _, path := range s.Columns() {
		leaf, _ := s.Lookup(path...)
		var parts []string
		for _, p := range path {
			if p != "list" && p != "element" && p != "item" && p != "array" {
				parts = append(parts, strings.ToLower(p))
			}
		}
		names = append(names, strings.Join(parts, "."))
		write = append(write, writer(leaf.Node))
	}
	return names, write
}

func writer(node parquet.Node) func(parquet.Value) string {
	lt := node.Type().LogicalType()
	if lt == nil {
		return plain
	}
	switch t := lt.Value.(type) {
	case *format.TimestampType:
		unit := int64(1e9)
		switch t.Unit.Value.(type) {
		case *format.MilliSeconds:
			unit = 1e3
		case *format.MicroSeconds:
			unit = 1e6
		}
		return func(v parquet.Value) string { return fmt.Sprintf("@%d", floorDiv(v.Int64(), unit)) }
	case *format.DateType:
		return func(v parquet.Value) string { return fmt.Sprintf("@%d", int64(v.Int32())*86400) }
	}
	return plain
}

func plain(v parquet.Value) string { return strings.TrimSpace(v.String()) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func textOf(row parquet.Row, columns []string, write []func(parquet.Value) string) map[string]string {
	out := make(map[string]string, len(columns))
	for _, v := range row {
		c := v.Column()
		if v.IsNull() || c < 0 || c >= len(columns) {
			continue
		}
		text := write[c](v)
		if text == "" {
			continue
		}
		if old, ok := out[columns[c]]; ok {
			text = old + "|" + text
		}
		out[columns[c]] = text
	}
	return out
}
