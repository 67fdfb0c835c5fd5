package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/cost"
)

// What `go test` prints becomes the tables.
func TestTablesOfARun(t *testing.T) {
	run, err := parseRun(`goos: linux
BenchmarkCosts/generated-2  1  21 ns/op  43107 JSON-B/doc  608.0 docs/batch  0.8019 import-CPU-s/1000docs  999.7 parquet-B/doc  3834 raw-B/doc  0.6501 rebuild-CPU-s/1000docs
BenchmarkCosts/OONI-2  1  37 ns/op  32293 JSON-B/doc  198.0 docs/batch  0.8311 import-CPU-s/1000docs  2996 parquet-B/doc  17161 raw-B/doc  0.8808 rebuild-CPU-s/1000docs
BenchmarkCosts/requests-2  1  20 ns/op  1.050 alone:GET  0 alone:HEAD  0 alone:LIST  7.000 alone:PUT  3.000 import:GET  0 import:HEAD  0 import:LIST  30.00 import:PUT  1.023 rebuild:GET  0 rebuild:HEAD  0 rebuild:LIST  0.79 rebuild:PUT
PASS
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   func(measured) (cost.Table, error)
		want string
	}{
		{documents, "| " + cost.ImportCPU + " | 0.83 | 0.80 |"},
		{documents, "| " + cost.RawBytes + " | 17161 | 3834 |"},
		{requests, "| " + cost.ImportBatch + " | 30.0 | 0.0 | 3.0 | 0.0 |"},
	} {
		table, err := c.of(run)
		if err != nil || !strings.Contains(table.Markdown(), c.want+"\n") {
			t.Errorf("%v: want %q in\n%s", err, c.want, table.Markdown())
		}
	}
	for name, of := range map[string]func(measured) (cost.Table, error){"bucket": bucket, "submissions": submissions, "simulation": simulation} {
		if table, err := of(run); err == nil {
			t.Errorf("%s: there was nothing to make it of, and it is\n%s", name, table.Markdown())
		}
	}
	if _, err := parseRun("BenchmarkX/1-2 1 many ns/op 3 B\n"); err == nil || !strings.Contains(err.Error(), "many") {
		t.Errorf("a figure that is none: %v", err)
	}
}

func TestBucketTable(t *testing.T) {
	run, err := parseRun(`BenchmarkBucket/folder-2 1 9 ns/op 0.70 CPU-s/1000docs 300 docs/s
BenchmarkBucket/bucket-1-2 1 9 ns/op 0.77 CPU-s/1000docs 225 docs/s
BenchmarkBucket/bucket-2-2 1 9 ns/op 0.84 CPU-s/1000docs 300 docs/s
BenchmarkBucket/bucket-4-2 1 9 ns/op 1.40 CPU-s/1000docs 150 docs/s
`)
	if err != nil {
		t.Fatal(err)
	}
	table, err := bucket(run)
	if want := "| 4 workers | 150 | 50 | 1.40 | 200 |\n"; err != nil || !strings.Contains(table.Markdown(), want) {
		t.Errorf("%v: want %q in\n%s", err, want, table.Markdown())
	}
}

// Without measuring it prints the tables of the document, and writes the document as it is.
func TestPrintsAndWrites(t *testing.T) {
	scale := filepath.Join("..", "..", "..", "docs", "SCALE.md")
	text, err := os.ReadFile(scale)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "SCALE.md")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	var out, log strings.Builder
	if err := run(t.Context(), []string{"-only", "none", "-document", path}, &out, &log); err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{cost.Whole, cost.Bottlenecks, cost.PriceList}, cost.Measured...) {
		part, err := cost.Document(text).Text(name)
		if err != nil || !strings.Contains(out.String(), strings.TrimSpace(part)) {
			t.Errorf("%s is not printed: %v", name, err)
		}
	}
	if err := run(t.Context(), []string{"-only", "none", "-document", path, "-write"}, &out, &log); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(path); err != nil || string(again) != string(text) {
		t.Errorf("it was written anew, %v, as\n%s", err, again)
	}
}

func TestRefused(t *testing.T) {
	t.Setenv("BANDISH_VERSITYGW", "")
	scale := filepath.Join("..", "..", "..", "docs", "SCALE.md")
	for _, args := range [][]string{{"-nothing"}, {"-only", "luck"}, {"-document", filepath.Join(t.TempDir(), "none")}, {"-only", "bucket", "-document", scale}} {
		var out, log strings.Builder
		if err := run(t.Context(), args, &out, &log); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
