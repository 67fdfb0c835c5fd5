// Package iceberg reads the tables that `bandish publish iceberg` makes with Apache's own
// Go library, and compares them, row by row, with the segments of the archive, which
// Apache Arrow reads as Parquet.
package iceberg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// published is a line of what the command prints.
type published struct {
	Table    string
	Metadata string
	Rows     int64
	Added    int
}

// bandish runs the program that BANDISH_PROGRAM names.
func bandish(t *testing.T, args ...string) []byte {
	t.Helper()
	program := os.Getenv("BANDISH_PROGRAM")
	if program == "" {
		t.Fatal("BANDISH_PROGRAM must name the program: go build -o /tmp/bandish ./cmd/bandish")
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("bandish %v: %v\n%s", args, err, errs.String())
	}
	return out.Bytes()
}

func publish(t *testing.T, data, to string) []published {
	t.Helper()
	var out []published
	if err := json.Unmarshal(bandish(t, "publish", "iceberg", "file://"+to, "--data", data, "--json"), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func open(t *testing.T, metadata string) *table.Table {
	t.Helper()
	out, err := table.NewFromLocation(t.Context(), table.Identifier{"bandish"}, metadata, io.LoadFSFunc(nil, metadata), nil)
	if err != nil {
		t.Fatalf("%s: %v", metadata, err)
	}
	return out
}

// rows are those of a table of Arrow, each as JSON in one form, sorted. Numbers are texts:
// what is an unsigned number in a segment is a decimal in a table.
func rows(t *testing.T, from arrow.Table) []string {
	t.Helper()
	r := array.NewTableReader(from, 0)
	defer r.Release()
	var out []string
	for r.Next() {
		text, err := r.RecordBatch().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var list []map[string]any
		if err := d.Decode(&list); err != nil {
			t.Fatal(err)
		}
		for _, row := range list {
			again, err := json.Marshal(texts(row))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(again))
		}
	}
	slices.Sort(out)
	return out
}

func texts(v any) any {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case []any:
		for i := range v {
			v[i] = texts(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = texts(v[k])
		}
	}
	return v
}

// segments are the rows of the segments that a table's files are named after.
func segments(t *testing.T, data string, of *table.Table, kind string) (out []string) {
	t.Helper()
	tasks, err := of.Scan().PlanFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		sha, _, _ := strings.Cut(filepath.Base(task.File.FilePath()), "-")
		found, err := filepath.Glob(filepath.Join(data, kind, "*", sha+".parquet"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s was made from no segment: %v, %v", task.File.FilePath(), found, err)
		}
		f, err := os.Open(found[0])
		if err != nil {
			t.Fatal(err)
		}
		read, err := pqarrow.ReadTable(t.Context(), f, parquet.NewReaderProperties(nil), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			t.Fatalf("%s: %v", found[0], err)
		}
		out = append(out, rows(t, read)...)
	}
	slices.Sort(out)
	return out
}

// measurements are those of the repository's cases of verdicts, one a line, in two files.
func measurements(t *testing.T) (first, second string) {
	t.Helper()
	cases, err := filepath.Glob("../../verdict/testdata/reported/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var lines [2]bytes.Buffer
	for i, path := range cases {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, document, found := strings.Cut(string(text), "\n-- measurement.json --\n")
		document, _, _ = strings.Cut(document, "\n-- ")
		if found {
			if err := json.Compact(&lines[i%2], []byte(document)); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			lines[i%2].WriteByte('\n')
		}
	}
	var files [2]string
	for i := range files {
		files[i] = filepath.Join(t.TempDir(), "measurements.jsonl")
		if err := os.WriteFile(files[i], lines[i].Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files[0], files[1]
}

// outside is an answer of IODA's API, of ZZ and nothing that was measured, with moments
// that have no value.
func outside(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signals.json")
	text := `{"type":"signals","error":null,"data":[[{"entityType":"country","entityCode":"ZZ","datasource":"bgp","from":1706745600,"until":1706763600,"step":3600,"values":[399,null,1.25,0,4503599627370496]},
		{"entityType":"country","entityCode":"ZZ","datasource":"ping-slash24","from":1706745600,"until":1706749200,"step":600,"values":[null,7,8,9,10,11]}]]}`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTables imports the measurements of the repository in two parts, and signals, and
// publishes after each. Every table has the rows of its segments, and the first snapshot still its own.
func TestTables(t *testing.T) {
	data, to := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "tables")
	first, second := measurements(t)
	bandish(t, "import", "--data", data, first)
	before := map[string]int64{}
	for _, p := range publish(t, data, to) {
		before[p.Table] = p.Rows
	}
	bandish(t, "import", "--data", data, second)
	bandish(t, "import", "--data", data, outside(t))
	grown, compared, signals := 0, 0, 0
	for _, p := range publish(t, data, to) {
		of := open(t, p.Metadata)
		all, err := of.Scan().ToArrowTable(t.Context())
		if err != nil {
			t.Errorf("%s: %v", p.Table, err)
			continue
		}
		got, want := rows(t, all), segments(t, data, of, p.Table)
		if p.Table == "bodies" { // bytes in the table, text in the segment
			got, want = got[:0], want[:0]
		}
		if all.NumRows() != p.Rows || !slices.Equal(got, want) {
			t.Errorf("%s: %d rows are read, %d were published, the segments have %d%s", p.Table, all.NumRows(), p.Rows, len(want), firstOf(got, want))
		}
		compared += len(got)
		if p.Table == "signals" {
			signals = len(got)
		}
		snapshots := of.Metadata().Snapshots()
		if was := before[p.Table]; was > 0 && p.Added > 0 {
			grown++
			old, err := of.Scan(table.WithSnapshotID(snapshots[0].SnapshotID)).ToArrowTable(t.Context())
			if err != nil || old.NumRows() != was {
				t.Errorf("%s: the first snapshot has lost its %d rows: %v", p.Table, was, err)
			}
		}
	}
	t.Logf("%d rows compared; %d tables have grown", compared, grown)
	if compared < 100 || grown < 3 || signals != 2 {
		t.Errorf("%d rows were compared, %d of them signals, and %d tables have grown: too few", compared, signals, grown)
	}
}

// firstOf shows the first rows that differ.
func firstOf(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("\n%s\n%s", got[i], want[i])
		}
	}
	return ""
}
