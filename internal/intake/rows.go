package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/bandish/bandish/internal/table"
	gojson "github.com/goccy/go-json"
)

// Row is one row as text, by the names of its columns in lower case. Empty and null values
// are left out. Lists are written ['a','b']; a column within an object is "object.column".
type Row struct {
	Source string // as in Document
	Line   int64  // from 1; a header counts as a line
	Values map[string]string
	Err    error // why the row cannot be read; Values is then nil
}

// ReadRows splits one source as Read does, and calls fn with each row of its tables and
// each JSON object. Tables may have any columns, separated by commas, semicolons or tabs.
// If an object has a list "results", "result" or "data" of objects, these come instead of
// it. The error is the first error of fn, or means that the source cannot be read to its
// end.
func ReadRows(r io.Reader, name string, fn func(Row) error) error {
	u := &unpacking{floor: bombFloor}
	c := &cutter{name: name, members: maxMembers, rows: true, emit: func(r *record) error { return fn(r.row()) }}
	return c.read(u, u.weighed(r), 0)
}

// row turns the record into text by column.
func (r *record) row() Row {
	row := Row{Source: r.source, Line: r.line}
	switch {
	case r.bad != "" && r.table == nil && len(r.data) > 0:
		row.Err = fmt.Errorf("%s: %.40q", r.bad, r.data)
	case r.bad != "":
		row.Err = errors.New(r.bad)
	case r.table != nil:
		row.Values = make(map[string]string, len(r.fields))
		for i, v := range r.fields {
			if v = strings.TrimSpace(v); v != "" && v != "[]" {
				row.Values[r.table.names[i]] = strings.Clone(v) // v is part of the text of the whole row, which must not stay in memory
			}
		}
	default:
		var object map[string]any
		if err := decode(r.data, &object); err != nil {
			row.Err = fmt.Errorf("not JSON: %w", err)
		} else {
			row.Values = flatten(object)
		}
	}
	return row
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

// flatten writes all values of an object as text.
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
			out[name] = table.List(parts)
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
