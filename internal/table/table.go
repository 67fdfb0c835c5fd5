// Package table reads tables of any shape in which people pass measurements
// around: CSV, JSON arrays and lines, and Parquet, each plain or compressed.
// Every row comes out as text by column name with the place it came from; a
// row that cannot be read comes out as an error with that place, and reading
// goes on.
package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	t := csv.NewReader(r)
	for _, sep := range []rune{';', '\t'} {
		if bytes.Count(first, []byte(string(sep))) > bytes.Count(first, []byte(string(t.Comma))) || t.Comma == ',' && bytes.Count(first, []byte(",")) == 0 {
			t.Comma = sep
		}
	}
	t.ReuseRecord = true
	t.FieldsPerRecord = -1
	header, err := t.Read()
	if err != nil {
		return fmt.Errorf("%w: header: %v", ErrUnreadable, err)
	}
	columns := make([]string, len(header))
	for i, h := range header {
		columns[i] = strings.ToLower(strings.TrimSpace(strings.Clone(h)))
	}
	for {
		record, err := t.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		row := Row{}
		var pe *csv.ParseError
		switch {
		case errors.As(err, &pe):
			row.Line, row.Err = int64(pe.StartLine), pe.Err
		case err != nil: // the stream itself is broken: what was read stands
			return fn(Row{Line: t.InputOffset(), Err: fmt.Errorf("the file breaks off: %w", err)})
		default:
			line, _ := t.FieldPos(0)
			row.Line = int64(line)
			if len(record) != len(columns) {
				row.Err = fmt.Errorf("%d fields where the header has %d", len(record), len(columns))
				break
			}
			row.Values = make(map[string]string, len(columns))
			for i, v := range record {
				if v = strings.TrimSpace(v); v != "" {
					row.Values[columns[i]] = strings.Clone(v)
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
		case e != nil && !good && line == 1:
			return readDocument(io.MultiReader(bytes.NewReader(data), r), fn)
		case e != nil:
			row.Err = fmt.Errorf("not JSON: %w", e)
		default:
			if rows, ok := wrapped(object); ok && !good {
				return each(rows, fn)
			}
			good = true
			row.Values = flatten(object)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
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

// readDocument reads one object that spreads over lines.
func readDocument(r io.Reader, fn func(Row) error) error {
	data, err := io.ReadAll(io.LimitReader(r, 1<<30))
	if err != nil {
		return fmt.Errorf("%w: %v", ErrUnreadable, err)
	}
	var object map[string]any
	if err := decode(data, &object); err != nil {
		return fmt.Errorf("%w: not JSON: %v", ErrUnreadable, err)
	}
	if rows, ok := wrapped(object); ok {
		return each(rows, fn)
	}
	return fn(Row{Line: 1, Values: flatten(object)})
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
func readArray(r io.Reader, fn func(Row) error) error {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("%w: %v", ErrUnreadable, err)
	}
	for n := int64(1); dec.More(); n++ {
		var raw json.RawMessage
		row := Row{Line: n}
		if err := dec.Decode(&raw); err != nil {
			if n == 1 {
				return fmt.Errorf("%w: not JSON: %v", ErrUnreadable, err)
			}
			row.Err = fmt.Errorf("not JSON: %w; the rest of the file was not read", err)
			return fn(row)
		}
		var object map[string]any
		if err := decode(raw, &object); err != nil || object == nil {
			row.Err = errors.New("not an object")
		} else {
			row.Values = flatten(object)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
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

// readParquet reads a Parquet file. It needs random access, so a stream is
// first read into memory.
func readParquet(r io.Reader, fn func(Row) error) (err error) {
	const limit = 1 << 30
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return fmt.Errorf("%w: %v", ErrUnreadable, err)
	}
	if len(data) > limit {
		return fmt.Errorf("%w: Parquet of more than 1 GiB: split it", ErrUnreadable)
	}
	defer func() { // the decoder is not hardened against hostile files
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: Parquet: %v", ErrUnreadable, p)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
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
				n++
				if e := fn(Row{Line: n, Values: textOf(row, columns, write)}); e != nil {
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
