package table

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// MaxParquet is the greatest size of a Parquet file in bytes. The file is copied before it
// is read.
const MaxParquet = 4 << 30

// ParquetRow is one row of a table in Parquet.
type ParquetRow struct {
	Number int64    // from 1
	Fields []string // as text, by column; a list is written ['a','b']
	Err    error    // why the row is left out; Fields is then nil
}

// ReadParquet reads a table in Parquet of at most `most` bytes. head gets the names of its
// columns; those within a group are "group.column". It may refuse them with an error. fn
// gets each row. If nothing can be read, the error wraps ErrUnreadable.
//
// The format is read from its end, so the table is copied to a temporary file first. The
// file has no name while it is read, so nothing of it can stay behind.
func ReadParquet(r io.Reader, most int64, head func(columns []string) error, fn func(ParquetRow) error) (err error) {
	f, err := os.CreateTemp("", "bandish-*.parquet")
	if err != nil {
		return fmt.Errorf("read Parquet: %w", err)
	}
	if os.Remove(f.Name()) != nil { // on systems that cannot remove open files
		defer os.Remove(f.Name())
	}
	defer f.Close()
	size, err := io.Copy(f, io.LimitReader(r, most+1))
	if err != nil {
		return fmt.Errorf("read Parquet: %w", plainError(err))
	}
	if size > most {
		return fmt.Errorf("%w: a Parquet file of more than %d bytes: split it", ErrUnreadable, most)
	}
	defer func() { // the library panics on some malformed files
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: not a Parquet file: %v", ErrUnreadable, p)
		}
	}()
	pf, err := openParquet(f, size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, plainError(err))
	}
	t := newParquetText(pf.Schema())
	if err := head(t.columns); err != nil {
		return err
	}
	number := int64(0)
	for _, group := range pf.RowGroups() {
		if err := t.rows(group, maxRows(size), &number, fn); err != nil {
			return err
		}
	}
	return nil
}

// plainError removes the path of the temporary file from an error: it tells the user
// nothing.
func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// parquetText writes Parquet values as the CSV form of the same table would.
type parquetText struct {
	columns []string
	of      []int          // column of each leaf
	types   []parquet.Node // node of each leaf
	lists   []bool         // whether each column repeats
	texts   [][]string     // values of each column in the present row
}

func newParquetText(schema *parquet.Schema) *parquetText {
	t := &parquetText{}
	index := map[string]int{}
	for _, path := range schema.Columns() {
		name := path[0]
		for _, p := range path[1:] {
			if p != "list" && p != "element" && p != "item" && p != "array" {
				name += "." + p
			}
		}
		i, ok := index[name]
		if !ok {
			i = len(t.columns)
			index[name] = i
			t.columns = append(t.columns, name)
			t.lists = append(t.lists, false)
		}
		leaf, _ := schema.Lookup(path...)
		t.of = append(t.of, i)
		t.types = append(t.types, leaf.Node)
		if leaf.MaxRepetitionLevel > 0 {
			t.lists[i] = true
		}
	}
	t.texts = make([][]string, len(t.columns))
	return t
}

// rows reads the rows of one row group.
func (t *parquetText) rows(group parquet.RowGroup, most int64, number *int64, fn func(ParquetRow) error) error {
	rows := group.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, 256)
	for {
		n, err := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			if *number++; *number > most {
				return fmt.Errorf("row %d: %w", *number, errTooManyRows)
			}
			out := ParquetRow{Number: *number}
			if long := rowBytes(row); long > MaxRow {
				out.Err = fmt.Errorf("the row has %d bytes, the limit is %d", long, MaxRow)
			} else {
				out.Fields = t.text(row)
			}
			if err := fn(out); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", *number+1, plainError(err))
		}
	}
}

func (t *parquetText) text(row parquet.Row) []string {
	for i := range t.texts {
		t.texts[i] = t.texts[i][:0]
	}
	for _, v := range row {
		leaf := v.Column()
		if leaf < 0 || leaf >= len(t.of) || v.IsNull() {
			continue
		}
		i := t.of[leaf]
		t.texts[i] = append(t.texts[i], valueText(v, t.types[leaf]))
	}
	out := make([]string, len(t.columns))
	for i := range t.columns {
		if t.lists[i] {
			out[i] = List(t.texts[i])
		} else {
			out[i] = strings.Join(t.texts[i], "")
		}
	}
	return out
}

// List writes a list in one cell, as ['a','b'].
func List(items []string) string {
	var b strings.Builder
	for i, s := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("'" + strings.ReplaceAll(s, "'", `\'`) + "'")
	}
	return "[" + b.String() + "]"
}

func valueText(v parquet.Value, n parquet.Node) string {
	if lt := n.Type().LogicalType(); lt != nil {
		switch l := lt.Value.(type) {
		case *format.TimestampType:
			if l.Unit.Value != nil {
				unit := int64(l.Unit.Value.Duration())
				per := int64(time.Second) / unit
				return time.Unix(v.Int64()/per, v.Int64()%per*unit).UTC().Format(time.RFC3339Nano)
			}
		case *format.DateType:
			return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly)
		}
	}
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.FormatBool(v.Boolean())
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return strings.Clone(string(v.ByteArray()))
	}
	return v.String()
}
