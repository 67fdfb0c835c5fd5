package iceberg

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// Layout says how the rows of a Go type stand in the data files of a table. Iceberg has no
// unsigned numbers, and only lists of three levels. Readers refuse anything else, or read
// a large unsigned number as a negative one. So uint32 becomes long, uint64 becomes
// decimal(20, 0), and smaller ones become int.
type Layout struct {
	Schema  Schema
	LastID  int // the greatest field id that was ever given
	rows    *parquet.Schema
	file    *parquet.Schema
	columns []column // columns of the file, in order
	packing *zstd.Codec
}

// column is a column of the file.
type column struct {
	from    int // index of its column in the row
	convert func(parquet.Value) parquet.Value
}

// LayoutOf makes the layout of the rows of a type, whose fields have parquet tags. If t is
// a table, its fields keep their ids; t may be nil. raw names columns of text that may not
// be UTF-8.
func LayoutOf(row any, t *Table, raw ...string) (*Layout, error) {
	l := &Layout{rows: parquet.SchemaOf(row), packing: &zstd.Codec{Level: zstd.SpeedFastest}}
	fields, err := fieldsOf(l.rows, raw)
	if err != nil {
		return nil, err
	}
	l.Schema.Fields = fields
	had := map[string]int{}
	if t != nil {
		now, last := t.schema()
		l.Schema.ID, l.LastID, had = now.ID, last, t.allIDs()
		l.LastID = l.Schema.number(had, last)
		if !l.Schema.sameColumns(now) {
			l.Schema.ID = t.nextSchema()
		}
	} else {
		l.LastID = l.Schema.number(had, 0)
	}
	l.file = parquet.NewSchema("table", groupOf(l.rows, l.Schema.Fields))
	return l, l.match()
}

// fieldsOf returns the fields for a group of columns.
func fieldsOf(n parquet.Node, raw []string) ([]Field, error) {
	out := []Field{}
	for _, c := range n.Fields() {
		f := Field{Name: c.Name(), Required: !c.Optional()}
		var err error
		if f.Type, err = typeOf(c, slices.Contains(raw, c.Name())); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name(), err)
		}
		if c.Repeated() {
			f.Type = Type{Element: &Field{Name: "element", Required: true, Type: f.Type}}
		}
		out = append(out, f)
	}
	return out, nil
}

// isList reports whether a node is a list of three levels.
func isList(n parquet.Node) bool {
	return !n.Leaf() && n.Type().LogicalType() != nil && n.Type().LogicalType().Value != nil && strings.HasPrefix(n.Type().String(), "LIST")
}

// element returns the elements of a list of three levels.
func element(n parquet.Node) parquet.Node { return n.Fields()[0].Fields()[0] }

func typeOf(n parquet.Node, raw bool) (Type, error) {
	if isList(n) {
		e := element(n)
		of, err := typeOf(e, false)
		return Type{Element: &Field{Name: "element", Required: !e.Optional(), Type: of}}, err
	}
	if !n.Leaf() {
		fields, err := fieldsOf(n, nil)
		return Type{Fields: fields}, err
	}
	logical := ""
	if t := n.Type().LogicalType(); t != nil {
		logical = t.String()
	}
	kind := n.Type().Kind()
	name := map[string]string{"STRING": "string", "INT(8,false)": "int", "INT(16,false)": "int", "INT(32,false)": "long", "INT(64,false)": "decimal(20, 0)",
		"INT(32,true)": "int", "INT(64,true)": "long", "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)": "timestamptz"}[logical]
	if logical == "" {
		name = map[parquet.Kind]string{parquet.Boolean: "boolean", parquet.Int32: "int", parquet.Int64: "long", parquet.Float: "float", parquet.Double: "double"}[kind]
	}
	if raw && name == "string" {
		name = "binary"
	}
	if name == "" {
		return Type{}, fmt.Errorf("a table has no type for %s %s", kind, logical)
	}
	return Type{Primitive: name}, nil
}

// groupOf returns the columns of a file for a group of the row.
func groupOf(n parquet.Node, fields []Field) parquet.Group {
	g := parquet.Group{}
	for i, c := range n.Fields() {
		f := fields[i]
		var node parquet.Node
		if c.Repeated() { // a list of one level
			node = parquet.List(nodeOf(c, *f.Type.Element))
		} else {
			node = bare(c, f)
		}
		if c.Optional() {
			node = parquet.Optional(node)
		}
		g[f.Name] = parquet.FieldID(node, f.ID)
	}
	return g
}

func nodeOf(n parquet.Node, f Field) parquet.Node { return parquet.FieldID(bare(n, f), f.ID) }

// bare returns a column without its id, and not marked as optional.
func bare(n parquet.Node, f Field) parquet.Node {
	switch {
	case f.Type.Element != nil:
		e := element(n)
		of := bare(e, *f.Type.Element)
		if e.Optional() {
			of = parquet.Optional(of)
		}
		return parquet.List(parquet.FieldID(of, f.Type.Element.ID))
	case f.Type.Fields != nil:
		return groupOf(n, f.Type.Fields)
	}
	node := map[string]func() parquet.Node{
		"string": parquet.String, "binary": func() parquet.Node { return parquet.Leaf(parquet.ByteArrayType) },
		"boolean": func() parquet.Node { return parquet.Leaf(parquet.BooleanType) },
		"int":     func() parquet.Node { return parquet.Leaf(parquet.Int32Type) },
		"long":    func() parquet.Node { return parquet.Leaf(parquet.Int64Type) },
		"float":   func() parquet.Node { return parquet.Leaf(parquet.FloatType) },
		"double":  func() parquet.Node { return parquet.Leaf(parquet.DoubleType) },
		"timestamptz": func() parquet.Node {
			return parquet.Timestamp(parquet.Microsecond)
		},
		"decimal(20, 0)": func() parquet.Node { return parquet.Decimal(0, 20, parquet.FixedLenByteArrayType(decimalBytes)) },
	}[f.Type.Primitive]()
	if f.Type.Primitive == "string" {
		node = parquet.Encoded(node, &parquet.RLEDictionary)
	}
	return node
}

// decimalBytes is how many bytes 20 digits and a sign need.
const decimalBytes = 9

// match finds the row's column for each column of the file. Both have the same levels,
// whichever form a list has.
func (l *Layout) match() error {
	from := map[string]parquet.LeafColumn{}
	for _, path := range l.rows.Columns() {
		leaf, _ := l.rows.Lookup(path...)
		from[plain(path)] = leaf
	}
	for _, path := range l.file.Columns() {
		to, _ := l.file.Lookup(path...)
		leaf, ok := from[plain(path)]
		if !ok || leaf.MaxDefinitionLevel != to.MaxDefinitionLevel || leaf.MaxRepetitionLevel != to.MaxRepetitionLevel {
			return fmt.Errorf("lay out column %s: the row has none of its form", strings.Join(path, "."))
		}
		c := column{from: int(leaf.ColumnIndex), convert: same}
		switch t := to.Node.Type(); {
		case leaf.Node.Type().Kind() == parquet.Int32 && t.Kind() == parquet.Int64:
			c.convert = func(v parquet.Value) parquet.Value { return parquet.Int64Value(int64(v.Uint32())) }
		case t.Kind() == parquet.FixedLenByteArray:
			c.convert = func(v parquet.Value) parquet.Value {
				return parquet.FixedLenByteArrayValue(binary.BigEndian.AppendUint64(make([]byte, decimalBytes-8, decimalBytes), v.Uint64()))
			}
		}
		l.columns = append(l.columns, c)
	}
	return nil
}

// plain returns the path of a column without the levels that only lists have.
func plain(path []string) string {
	return strings.ReplaceAll(strings.Join(path, ".")+".", ".list.element.", ".")
}

func same(v parquet.Value) parquet.Value { return v }

// WriteFile writes rows as a data file. produce calls yield with chunks of rows.
func WriteFile[T any](w io.Writer, l *Layout, produce func(yield func([]T) error) error) error {
	out := parquet.NewWriter(w, l.file,
		parquet.Compression(l.packing),
		parquet.CreatedBy("bandish", "1", ""),
		parquet.MaxRowsPerRowGroup(rowsOfGroup))
	var row, laid parquet.Row
	err := produce(func(rows []T) error {
		for i := range rows {
			row = l.rows.Deconstruct(row[:0], &rows[i])
			laid = l.lay(laid[:0], row)
			if _, err := out.WriteRows([]parquet.Row{laid}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Close()
}

// rowsOfGroup is how many rows a row group has at most.
const rowsOfGroup = 100_000

// lay appends the values of a row to `to`, in the order and with the types of the file.
func (l *Layout) lay(to, row parquet.Row) parquet.Row {
	begin := make([]int, len(l.columns)+1)
	for i := range row {
		begin[row[i].Column()+1] = i + 1
	}
	for i, c := range l.columns {
		for _, v := range row[begin[c.from]:begin[c.from+1]] {
			value := v
			if !v.IsNull() {
				value = c.convert(v)
			}
			to = append(to, value.Level(v.RepetitionLevel(), v.DefinitionLevel(), i))
		}
	}
	return to
}

// Measure reads from a data file what a manifest must say of it.
func Measure(r io.ReaderAt, size int64) (DataFile, error) {
	f, err := parquet.OpenFile(r, size, parquet.SkipBloomFilters(true))
	if err != nil {
		return DataFile{}, fmt.Errorf("read a data file: %w", err)
	}
	d := DataFile{Size: size, Rows: f.NumRows(), Columns: map[int]ColumnFacts{}}
	for _, g := range f.Metadata().RowGroups {
		d.Offsets = append(d.Offsets, g.FileOffset)
	}
	root := f.Root()
	for _, path := range f.Schema().Columns() {
		c, leaf := root, path
		for _, name := range leaf {
			c = c.Column(name)
		}
		d.Columns[c.ID()] = factsOf(f.Metadata().RowGroups, int(c.Index()), c.Type(), len(path) == 1)
	}
	return d, nil
}

// maxBound is how many bytes a text may have that is kept as a bound.
const maxBound = 15

// factsOf sums up the facts of a column over all row groups. It has bounds only if alone
// is true (the column is not part of a list), and if all row groups have bounds.
func factsOf(groups []format.RowGroup, index int, t parquet.Type, alone bool) ColumnFacts {
	var out ColumnFacts
	bounded := alone
	for i, g := range groups {
		m := g.Columns[index].MetaData
		out.Bytes += m.TotalCompressedSize
		out.Values += m.NumValues
		out.Nulls += m.Statistics.NullCount
		least, most := m.Statistics.MinValue, m.Statistics.MaxValue
		if bounded = bounded && bounds(t, least, most); !bounded {
			continue // one group without bounds, for instance of nulls only, leaves the column without
		}
		if i == 0 || compare(t, least, out.Least) < 0 {
			out.Least = least
		}
		if i == 0 || compare(t, most, out.Most) > 0 {
			out.Most = most
		}
	}
	if !bounded {
		out.Least, out.Most = nil, nil
	}
	return out
}

// bounds reports whether Iceberg can take the bounds of a row group as they are.
func bounds(t parquet.Type, least, most []byte) bool {
	switch t.Kind() {
	case parquet.Int32:
		return len(least) == 4 && len(most) == 4
	case parquet.Int64:
		return len(least) == 8 && len(most) == 8
	case parquet.ByteArray:
		return t.LogicalType() != nil && least != nil && most != nil && len(least) <= maxBound && len(most) <= maxBound
	}
	return false
}

func compare(t parquet.Type, a, b []byte) int {
	return t.Compare(t.Kind().Value(a), t.Kind().Value(b))
}
