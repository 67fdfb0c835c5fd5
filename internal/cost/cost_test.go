package cost

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func scale(t *testing.T) Document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "SCALE.md"))
	if err != nil {
		t.Fatal(err)
	}
	return Document(text)
}

// What docs/SCALE.md reckons is what this package reckons from the measured tables that
// stand there: after a change of either, `go run ./internal/cost/table -write -only none`.
func TestDocumentHolds(t *testing.T) {
	d := scale(t)
	for _, name := range Measured {
		if _, err := d.Table(name); err != nil {
			t.Error(err)
		}
	}
	p, err := Listed()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Reckon(d, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{Whole, Bottlenecks, PriceList} {
		want, _ := again.Text(name)
		if got, err := d.Text(name); err != nil || got != want {
			t.Errorf("%s: %v; docs/SCALE.md has\n%s\nand it comes to\n%s", name, err, got, want)
		}
	}
}

// small is a document whose figures a person can reckon with.
func small() Document {
	tables := map[string]Table{
		Documents: {Columns: []string{"", OONI, Generated}, Rows: []Row{
			{JSONBytes, []string{"45,000", "50,000"}}, {PerBatch, []string{"1,000", "500"}},
			{ImportCPU, []string{"0.36", "0.72"}}, {RebuildCPU, []string{"0.18", "0.18"}},
			{RawBytes, []string{"20,000", "5,000"}}, {ParquetBytes, []string{"1,000", "500"}},
		}},
		Requests: {Columns: append([]string{""}, Charged...), Rows: []Row{
			{Alone, []string{"7", "0", "1", "0"}}, {ImportBatch, []string{"9", "1", "1", "1"}}, {RereadBatch, []string{"0", "0", "1", "0"}},
		}},
		Commits:    {Columns: []string{"batches", OpenMS, MemoryBytes}, Rows: []Row{{"1,000", []string{"9", "700"}}, {"100,000", []string{"400", "350"}}}},
		Simulation: {Columns: []string{"workers", Lists, CommitsSecond}, Rows: []Row{{"1", []string{"1", "0.1"}}, {"1000", []string{"1", "25"}}, {"1000", []string{"30", "70"}}}},
	}
	var b strings.Builder
	for _, name := range append(append([]string{}, Measured...), Whole, Bottlenecks, PriceList) {
		fmt.Fprintf(&b, "text\n<!-- costs: %s -->\n%s<!-- end of %s -->\n", name, tables[name].Markdown(), name)
	}
	return Document(b.String())
}

func plainPrices() Prices {
	return Prices{Name: "plain", Date: "2026-01-01", Currency: "$", StorageSource: "a", RequestsSource: "b", CoreHourSource: "c",
		Storage: []Step{{UpToGB: 10_000, PerGBMonth: 0.1}, {PerGBMonth: 0.01}}, PutPer1000: 0.01, GetPer1000: 0.001, CoreHour: 0.5}
}

func TestReckon(t *testing.T) {
	d, err := Reckon(small(), plainPrices())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := d.Table(Whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ row, column, want string }{
		{"documents, TB of JSON", OONI, "90"},
		{"import, core-hours", OONI, "200"}, // 2 million thousands, 0.36 s each
		{"import, core-hours", Generated, "400"},
		{"rebuild, core-hours", OONI, "100"},
		{"raw batches, millions of objects", OONI, "2.0"},
		{"raw batches, TB", Generated, "10"},
		{"both, money a month", OONI, "1,320 $"}, // 10 TB at 0.1 and 32 TB at 0.01 a GB
		{"requests of the import, millions of PUT and LIST", OONI, "20"},
		{"requests of a rebuild with an empty cache, millions of PUT and LIST", OONI, "0"},
	} {
		if got := cell(whole, c.row, c.column); got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.row, c.column, got, c.want)
		}
	}
	stops, err := d.Table(Bottlenecks)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ row, column, want string }{
		{"commits a second, for that", "at most", "25"},
		{"commits a second, for that", "2 billion", "3.3"},
		{"commits a second, for that", "10 times that", "**33**"},
		{"GB of memory for the manifest", "100 times", "**70**"},
		{"seconds of processor time to open the archive", "10 times that", "**80**"},
		{"**stops first**", "2 billion", "nothing of this"},
		// 80 s of 60 are as far beyond as 33 commits a second of 25 and as 9.3 days of 7.
		{"**stops first**", "100 times", "seconds of processor time to open the archive"},
	} {
		if got := cell(stops, c.row, c.column); got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.row, c.column, got, c.want)
		}
	}
	if text, _ := d.Text(PriceList); !strings.Contains(text, "| … beyond 10 TB | 0.01 | there |") {
		t.Errorf("the prices are\n%s", text)
	}
}

func cell(t Table, row, column string) string {
	for _, r := range t.Rows {
		if i := t.column(column); r.Name == row && i >= 0 {
			return r.Cells[i]
		}
	}
	return "no such cell"
}

// Where a mark, a cell or a figure is missing, the error names it.
func TestDocumentsThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct{ old, by, want string }{
		"no beginning":     {"<!-- costs: commits -->", "", "costs: commits"},
		"no end":           {"<!-- end of commits -->", "", "end of commits"},
		"twice":            {"text\n<!-- costs: commits -->", "<!-- costs: commits -->\n<!-- costs: commits -->", "costs: commits"},
		"no row":           {"| " + RawBytes, "| raw", RawBytes},
		"no figure":        {"| 45,000 |", "| many |", `"many" is no figure`},
		"below nothing":    {"| 45,000 |", "| -1 |", `"-1" is no figure`},
		"not a number":     {"| 45,000 |", "| NaN |", `"NaN" is no figure`},
		"a cell too few":   {"| 45,000 |", "|", "cells, want"},
		"no list of one":   {"| 1 | 0.1 |\n| 1000 | 1 | 25 |", "| 7 | 0.1 |", "no row with one list"},
		"an empty batch":   {"| 1,000 | 500 |", "| 0 | 500 |", "no documents in a batch"},
		"nowhere to write": {"<!-- costs: bottlenecks -->", "", "costs: bottlenecks"},
	} {
		text := strings.Replace(string(small()), c.old, c.by, 1)
		if text == string(small()) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := Reckon(Document(text), plainPrices()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
	}
}

func TestPrices(t *testing.T) {
	p := plainPrices()
	for bytes, want := range map[float64]float64{0: 0, 1e9: 0.1, 10e12: 1000, 11e12: 1010} {
		if got := p.Month(bytes); math.Abs(got-want) > 1e-9 {
			t.Errorf("%g bytes cost %g a month, want %g", bytes, got, want)
		}
	}
	if got := p.Requests(2000, 5000); math.Abs(got-0.025) > 1e-12 {
		t.Errorf("requests cost %g", got)
	}
	text := string(list)
	for name, c := range map[string][2]string{
		"a word that nobody knows": {`"date"`, `"dates"`},
		"no day":                   {`"2026-11-28"`, `"today"`},
		"no source":                {`"core_hour_source": "`, `"core_hour_source": "", "note": "`},
		"free":                     {`"core_hour": 0.0408`, `"core_hour": 0`},
		"steps in no order":        {`"up_to_gb": 500000`, `"up_to_gb": 5`},
		"a last step with an end":  {`{"per_gb_month": 0.021}`, `{"up_to_gb": 600000, "per_gb_month": 0.021}`},
	} {
		if !strings.Contains(text, c[0]) {
			t.Fatalf("%s: %q is not in the list", name, c[0])
		}
		if _, err := readPrices([]byte(strings.Replace(text, c[0], c[1], 1))); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestShort(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 0.04321: "0.043", 0.5: "0.5", 9.94: "9.9", 9.96: "10", 43.4: "43", 1320: "1,320", 1234567: "1,234,567"} {
		if got := short(f); got != want {
			t.Errorf("%g is written %q, want %q", f, got, want)
		}
	}
}
