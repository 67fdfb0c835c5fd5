package intake

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/table"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// maxParquet bounds a Parquet file, which is copied before it is read.
const maxParquet = 4 << 30

// parquet reads a table in Parquet by way of a temporary file, since the
// format is read from its end. The file has no name while it is read, so that
// nothing of it stays behind whatever happens.
func (c *cutter) parquet(r *bufio.Reader) (err error) {
	f, err := os.CreateTemp("", "bandish-*.parquet")
	if err != nil {
		return fmt.Errorf("%s: read Parquet: %w", c.name, err)
	}
	if os.Remove(f.Name()) != nil { // a system that keeps open files
		defer os.Remove(f.Name())
	}
	defer f.Close()
	size, err := io.Copy(f, io.LimitReader(r, c.maxParquet+1))
	if err != nil {
		return fmt.Errorf("%s: read Parquet: %w", c.name, plainError(err))
	}
	if size > c.maxParquet {
		return fmt.Errorf("%s: %w: a Parquet file of more than %d bytes: split it", c.name, ErrUnreadable, c.maxParquet)
	}
	defer func() { // the library panics on some malformed files
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %w: not a Parquet file: %v", c.name, ErrUnreadable, p)
		}
	}()
	pf, err := table.OpenParquet(f, size)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, plainError(err))
	}
	t := newParquetTable(pf.Schema())
	kind := TableKind(t.columns)
	lacks := lacking(kind, t.columns)
	if kind == "" {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, errTable)
	}
	line := int64(0)
	for _, group := range pf.RowGroups() {
		if err := c.rowGroup(group, t, Document{Source: c.name, Kind: kind, Lacks: lacks}, table.MaxRows(size), &line); err != nil {
			return err
		}
	}
	return nil
}

// plainError leaves out the path of the temporary file, which says nothing to
// the user.
func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func (c *cutter) rowGroup(group parquet.RowGroup, t *parquetTable, like Document, most int64, line *int64) error {
	rows := group.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, 256)
	for {
		n, err := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			if *line++; *line > most {
				return fmt.Errorf("%s: row %d: %w", c.name, *line, table.ErrTooManyRows)
			}
			d := like
			d.Line = *line
			if n := table.RowBytes(row); n > table.MaxRow {
				d.Bad = fmt.Sprintf("the row has %d bytes, the limit is %d", n, table.MaxRow)
			} else {
				d.Data = rowJSON(t.columns, t.text(row))
			}
			if err := c.emit(d); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: row %d: %w", c.name, *line+1, plainError(err))
		}
	}
}

// parquetTable spells Parquet values as the CSV form of the same table does.
type parquetTable struct {
	columns []string          // top-level names
	of      []int             // leaf → column
	types   []parquet.Node    // leaf → its node
	lists   []bool            // column → it repeats
	scratch []strings.Builder // column → text under construction
	counts  []int
}

func newParquetTable(schema *parquet.Schema) *parquetTable {
	t := &parquetTable{}
	index := map[string]int{}
	for _, path := range schema.Columns() {
		i, ok := index[path[0]]
		if !ok {
			i = len(t.columns)
			index[path[0]] = i
			t.columns = append(t.columns, path[0])
			t.lists = append(t.lists, false)
		}
		leaf, _ := schema.Lookup(path...)
		t.of = append(t.of, i)
		t.types = append(t.types, leaf.Node)
		if leaf.MaxRepetitionLevel > 0 {
			t.lists[i] = true
		}
	}
	t.scratch = make([]strings.Builder, len(t.columns))
	t.counts = make([]int, len(t.columns))
	return t
}

func (t *parquetTable) text(row parquet.Row) []string {
	for i := range t.columns {
		t.scratch[i].Reset()
		t.counts[i] = 0
	}
	for _, v := range row {
		leaf := v.Column()
		if leaf < 0 || leaf >= len(t.of) || v.IsNull() {
			continue
		}
		i := t.of[leaf]
		s := valueText(v, t.types[leaf])
		if t.lists[i] {
			if t.counts[i] > 0 {
				t.scratch[i].WriteString(",")
			}
			s = "'" + strings.ReplaceAll(s, "'", `\'`) + "'"
		}
		t.scratch[i].WriteString(s)
		t.counts[i]++
	}
	out := make([]string, len(t.columns))
	for i := range t.columns {
		out[i] = t.scratch[i].String()
		if t.lists[i] {
			out[i] = "[" + out[i] + "]"
		}
	}
	return out
}

func valueText(v parquet.Value, n parquet.Node) string {
	if lt := n.Type().LogicalType(); lt != nil {
		if ts, ok := lt.Value.(*format.TimestampType); ok && ts.Unit.Value != nil {
			unit := int64(ts.Unit.Value.Duration())
			per := int64(time.Second) / unit
			return time.Unix(v.Int64()/per, v.Int64()%per*unit).UTC().Format(time.RFC3339Nano)
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
