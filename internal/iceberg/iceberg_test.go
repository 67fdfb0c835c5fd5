package iceberg

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

type part struct {
	Name string `parquet:"name,dict"`
	N    uint16 `parquet:"n"`
}

type oldRow struct {
	ID    string   `parquet:"id"`
	Marks []string `parquet:"marks"`
	Gone  int64    `parquet:"gone"`
}

type newRow struct {
	At    *time.Time `parquet:"at,optional,timestamp(microsecond)"`
	ID    string     `parquet:"id"`
	Marks []string   `parquet:"marks"`
	Parts []part     `parquet:"parts,list"`
	Big   uint64     `parquet:"big"`
	ASN   uint32     `parquet:"asn"`
}

func layout(t *testing.T, row any, of *Table) *Layout {
	t.Helper()
	l, err := LayoutOf(row, of)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// next makes a version of a table with one data file.
func next(t *testing.T, of *Table, l *Layout, name string) (*Table, []File, string) {
	t.Helper()
	c := &Change{Layout: l, Location: "file:///lake/t", Time: time.Unix(1e9, 0), Properties: map[string]string{"a": "b"},
		Groups: []Group{{Name: "2026-01", Added: []DataFile{{Path: "file:///lake/t/data/" + name, Rows: 3, Size: 99, Columns: map[int]ColumnFacts{1: {Bytes: 7, Values: 3, Least: []byte("a"), Most: []byte("b")}}, Offsets: []int64{4}}}}}, Total: 1, TotalRows: 3}
	files, text, err := Next(of, c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return out, files, string(text)
}

// TestFieldsKeepTheirIDs gives a table other columns: those that stay keep their ids, the
// id of one that went is never given again.
func TestFieldsKeepTheirIDs(t *testing.T) {
	first, _, _ := next(t, nil, layout(t, oldRow{}, nil), "1.parquet")
	l := layout(t, newRow{}, first)
	second, _, _ := next(t, first, l, "2.parquet")
	was, is := first.allIDs(), l.Schema.ids()
	want := map[string]int{"id": 1, "marks": 2, "marks.element": 3, "at": 5, "parts": 6, "parts.element": 7, "parts.element.name": 8, "parts.element.n": 9, "big": 10, "asn": 11}
	if was["gone"] != 4 || !reflect.DeepEqual(is, want) {
		t.Errorf("%v, then %v", was, is)
	}
	if first.SchemaID() != 0 || second.SchemaID() != 1 || layout(t, newRow{}, second).Schema.ID != 1 {
		t.Errorf("schemas %d, %d", first.SchemaID(), second.SchemaID())
	}
	back := layout(t, oldRow{}, second) // an older program
	if back.Schema.ID != 2 || back.Schema.ids()["gone"] != 4 {
		t.Errorf("the columns that come again have the ids %v", back.Schema.ids())
	}
	text, err := json.Marshal(l.Schema)
	var again Schema
	if err != nil || json.Unmarshal(text, &again) != nil || !again.sameColumns(l.Schema) {
		t.Errorf("a schema does not come back from its JSON: %s, %v", text, err)
	}
}

// TestDataFile writes rows and reads the file as Parquet: every column has the id of its
// field, lists have three levels, and the facts are those of the rows.
func TestDataFile(t *testing.T) {
	l := layout(t, newRow{}, nil)
	at := time.Unix(1e9, 5000).UTC()
	rows := []newRow{{ID: "a", Marks: []string{"m", "n"}, Parts: []part{{"p", 65535}}, Big: 1<<64 - 1, ASN: 1<<32 - 1}, {At: &at, ID: "b"}}
	var b, again bytes.Buffer
	for _, w := range []io.Writer{&b, &again} {
		if err := WriteFile(w, l, func(yield func([]newRow) error) error { return yield(rows) }); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the same rows gave other bytes")
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	ids := l.Schema.ids()
	for _, path := range f.Schema().Columns() {
		c := f.Root()
		for _, name := range path {
			c = c.Column(name)
		}
		if name := strings.ReplaceAll(strings.Join(path, "."), ".list.", "."); c.ID() != ids[name] || ids[name] == 0 {
			t.Errorf("column %s has the id %d, want %d", name, c.ID(), ids[name])
		}
	}
	got := make([]parquet.Row, 2)
	if n, err := f.RowGroups()[0].Rows().ReadRows(got); n != 2 {
		t.Fatal(n, err)
	}
	leaf, _ := f.Schema().Lookup("asn")
	if v := got[0][len(got[0])-1]; leaf.ColumnIndex < 0 || v.IsNull() {
		t.Error("the row is cut")
	}
	for _, v := range got[0] {
		if v.Column() == int(leaf.ColumnIndex) && v.Int64() != 1<<32-1 {
			t.Errorf("asn is %v", v)
		}
	}
	d, err := Measure(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || d.Rows != 2 || len(d.Columns) != 7 {
		t.Fatalf("%+v, %v", d, err)
	}
	if c := d.Columns[ids["id"]]; string(c.Least) != "a" || string(c.Most) != "b" || c.Values != 2 {
		t.Errorf("id: %+v", c)
	}
	if c := d.Columns[ids["at"]]; c.Nulls != 1 || len(c.Least) != 8 {
		t.Errorf("at: %+v", c)
	}
	if c := d.Columns[ids["marks.element"]]; c.Least != nil {
		t.Errorf("marks: %+v", c)
	}
}

// TestManifestsComeBack reads what was written, and what another program left out.
func TestManifestsComeBack(t *testing.T) {
	table, files, text := next(t, nil, layout(t, oldRow{}, nil), "1.parquet")
	if _, again, same := next(t, nil, layout(t, oldRow{}, nil), "1.parquet"); same != text || !reflect.DeepEqual(again, files) {
		t.Error("the same change gave other bytes")
	}
	at, err := table.List()
	if err != nil || !strings.HasSuffix(at, files[1].Name) {
		t.Fatal(at, err)
	}
	list, err := ReadList(files[1].Content)
	if err != nil || len(list) != 1 || !strings.HasSuffix(list[0].Path, files[0].Name) {
		t.Fatal(list, err)
	}
	entries, err := ReadManifest(files[0].Content, list[0])
	if err != nil || len(entries) != 1 || entries[0].Rows != 3 || entries[0].sequence != 1 || entries[0].added == 0 {
		t.Fatalf("%+v, %v", entries, err)
	}
	// another program's members stay
	text = strings.Replace(text, `{"current`, `{"statistics":[1],"current`, 1)
	other, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, after := next(t, other, layout(t, oldRow{}, other), "2.parquet"); !strings.Contains(after, `"statistics":[1]`) {
		t.Error("what another program wrote is gone")
	}
}

// FuzzAvro reads what may be anything, and must end with values or an error.
func FuzzAvro(f *testing.F) {
	_, files, err := func() (*Table, []File, error) {
		l, err := LayoutOf(oldRow{}, nil)
		if err != nil {
			return nil, nil, err
		}
		files, _, err := Next(nil, &Change{Layout: l, Location: "s3://b/t", Groups: []Group{{Name: "ZZ", Added: []DataFile{{Path: "p", Columns: map[int]ColumnFacts{1: {Least: []byte("x")}}}}}}})
		return nil, files, err
	}()
	if err != nil || len(files) != 2 {
		f.Fatal(files, err)
	}
	for _, x := range files {
		f.Add(x.Content)
	}
	f.Add([]byte("Obj\x01\x04\x16avro.schema\x0c\"null\"\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _, _ = readAvro(text)
		if list, err := ReadList(text); err == nil {
			for _, m := range list {
				_, _ = ReadManifest(text, m)
			}
		}
		_, _ = ReadManifest(text, ManifestFile{})
	})
}

// A group of rows without bounds, as one of nulls alone, leaves its column without, and
// the other columns with theirs.
func TestGroupWithoutBounds(t *testing.T) {
	l := layout(t, newRow{}, nil)
	at := time.Unix(1e9, 0).UTC()
	rows := make([]newRow, rowsOfGroup+1)
	rows[rowsOfGroup] = newRow{At: &at, ASN: 64512}
	var b bytes.Buffer
	if err := WriteFile(&b, l, func(yield func([]newRow) error) error { return yield(rows) }); err != nil {
		t.Fatal(err)
	}
	d, err := Measure(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	ids := l.Schema.ids()
	if c := d.Columns[ids["at"]]; len(d.Offsets) != 2 || c.Nulls != rowsOfGroup || c.Least != nil || c.Most != nil {
		t.Errorf("%d groups, at: %+v", len(d.Offsets), c)
	}
	if c := d.Columns[ids["asn"]]; len(c.Least) != 8 || len(c.Most) != 8 {
		t.Errorf("asn: %+v", c)
	}
}
