package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/bandish/bandish/internal/cost"
)

// measurement is a run of `go test`, and the functions that make tables from what it
// prints, by the name of the table.
type measurement struct {
	name   string
	args   []string
	needs  []string // names of environment variables that must be set
	tables map[string]func(measured) (cost.Table, error)
}

var measurements = []measurement{
	{name: "documents", needs: []string{"BANDISH_VERSITYGW"},
		args:   []string{"./internal/pipeline", "-run", "^$", "-bench", "^BenchmarkCosts$", "-benchtime", "1x"},
		tables: map[string]func(measured) (cost.Table, error){cost.Documents: documents, cost.Requests: requests}},
	{name: "commits",
		args:   []string{"./internal/archive", "-run", "^$", "-bench", "^BenchmarkCommit$", "-benchtime", "200x"},
		tables: map[string]func(measured) (cost.Table, error){cost.Commits: commits}},
	{name: "snapshots",
		args:   []string{"./internal/archive", "-run", "^$", "-bench", "^BenchmarkSnapshotList$", "-benchtime", "1x"},
		tables: map[string]func(measured) (cost.Table, error){cost.Snapshots: snapshots}},
	{name: "bucket", needs: []string{"BANDISH_VERSITYGW"},
		args:   []string{"./internal/pipeline", "-run", "^$", "-bench", "^BenchmarkBucket$", "-benchtime", "1x"},
		tables: map[string]func(measured) (cost.Table, error){cost.Bucket: bucket, cost.Submissions: submissions}},
	{name: "simulation",
		args:   []string{"./internal/object", "-run", "^TestSimulation$", "-simulate", "-v"},
		tables: map[string]func(measured) (cost.Table, error){cost.Simulation: simulation}},
}

// put runs the measurement, and puts its tables into a document.
func (m measurement) put(ctx context.Context, d cost.Document) (cost.Document, error) {
	for _, name := range m.needs {
		if os.Getenv(name) == "" {
			return d, fmt.Errorf("%s: %s is not set: `go run ./internal/cost/table -help`", m.name, name)
		}
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-vet=off", "-count=1", "-timeout", "60m"}, m.args...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return d, fmt.Errorf("%s: %s: %w\n%s", m.name, strings.Join(cmd.Args, " "), err, said.String())
	}
	run, err := parseRun(said.String())
	if err != nil {
		return d, fmt.Errorf("%s: %w", m.name, err)
	}
	for name, of := range m.tables {
		t, err := of(run)
		if err != nil {
			return d, fmt.Errorf("%s: %w; it said\n%s", m.name, err, said.String())
		}
		if d, err = d.With(name, t.Markdown()); err != nil {
			return d, err
		}
	}
	return d, nil
}

// measured is what a run printed: the figures of benchmarks, and the lines of a table.
type measured struct {
	benchmarks []benchmark // in the order in which they ran
	table      []string
}

// benchmark is one result. For BenchmarkCommit/1000 the name is 1000.
type benchmark struct {
	name    string
	figures map[string]float64 // by unit
}

func parseRun(text string) (m measured, err error) {
	in := bufio.NewScanner(strings.NewReader(text))
	for in.Scan() {
		line := in.Text()
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "|--"):
			m.table = append(m.table, line)
		case strings.HasPrefix(line, "Benchmark") && len(fields) > 3:
			b, err := parseBenchmark(fields)
			if err != nil {
				return m, fmt.Errorf("%q: %w", line, err)
			}
			m.benchmarks = append(m.benchmarks, b)
		}
	}
	return m, in.Err()
}

// parseBenchmark reads the fields of a line such as BenchmarkCommit/1000-2 200 8997544
// ns/op 19719 B/commit.
func parseBenchmark(fields []string) (b benchmark, err error) {
	name := fields[0]
	if i := strings.LastIndexByte(name, '-'); i > 0 { // the number of cores
		name = name[:i]
	}
	_, b.name, _ = strings.Cut(name, "/")
	b.figures = map[string]float64{}
	for i := 2; i+1 < len(fields); i += 2 {
		if b.figures[fields[i+1]], err = strconv.ParseFloat(fields[i], 64); err != nil {
			return b, err
		}
	}
	return b, nil
}

// cell returns a figure of a benchmark, with this many digits after the point.
func (m measured) cell(name, unit string, digits int) (string, error) {
	for _, b := range m.benchmarks {
		f, ok := b.figures[unit]
		if b.name == name && ok {
			return strconv.FormatFloat(f, 'f', digits, 64), nil
		}
	}
	return "", fmt.Errorf("it printed no %s of %s", unit, name)
}

// figure names a figure for a cell: its unit, and how many digits after the point.
type figure struct {
	unit   string
	digits int
}

// row adds a row with one cell for each figure. of names the benchmark of each figure; the
// last name holds for all figures that follow.
func (m measured) row(t *cost.Table, name string, of []string, what []figure) error {
	var cells []string
	for i, f := range what {
		c, err := m.cell(of[min(i, len(of)-1)], f.unit, f.digits)
		if err != nil {
			return err
		}
		cells = append(cells, c)
	}
	t.Add(name, cells...)
	return nil
}

func documents(m measured) (cost.Table, error) {
	t := cost.Table{Columns: []string{"", cost.OONI, cost.Generated}}
	for _, r := range []struct {
		name string
		of   figure
	}{
		{cost.JSONBytes, figure{"JSON-B/doc", 0}},
		{cost.PerBatch, figure{"docs/batch", 0}},
		{cost.ImportCPU, figure{"import-CPU-s/1000docs", 2}},
		{cost.RebuildCPU, figure{"rebuild-CPU-s/1000docs", 2}},
		{cost.RawBytes, figure{"raw-B/doc", 0}},
		{cost.ParquetBytes, figure{"parquet-B/doc", 0}},
	} {
		if err := m.row(&t, r.name, []string{"OONI", "generated"}, []figure{r.of, r.of}); err != nil {
			return t, err
		}
	}
	return t, nil
}

func requests(m measured) (cost.Table, error) {
	t := cost.Table{Columns: append([]string{""}, cost.Charged...)}
	for _, r := range []struct{ name, of string }{{cost.Alone, "alone"}, {cost.ImportBatch, "import"}, {cost.RereadBatch, "rebuild"}} {
		var what []figure
		for _, kind := range cost.Charged {
			what = append(what, figure{r.of + ":" + kind, 1})
		}
		if err := m.row(&t, r.name, []string{"requests"}, what); err != nil {
			return t, err
		}
	}
	return t, nil
}

func commits(m measured) (cost.Table, error) {
	return m.each(cost.Table{Columns: []string{"batches", "segments", cost.CommitBytes, "files a commit", "ms of processor time a commit", cost.OpenMS, cost.MemoryBytes}},
		figure{"segments", 0}, figure{"B/commit", 0}, figure{"files/commit", 1}, figure{"cpu-ms/commit", 1}, figure{"cpu-ms/open", 0}, figure{"heap-B/batch", 0})
}

func snapshots(m measured) (cost.Table, error) {
	return m.each(cost.Table{Columns: []string{"batches", "objects sent", "bytes"}}, figure{"objects", 0}, figure{"B-sent", 0})
}

// each adds a row for each benchmark, with the benchmark's name.
func (m measured) each(t cost.Table, what ...figure) (cost.Table, error) {
	if len(m.benchmarks) == 0 {
		return t, fmt.Errorf("it printed no figures")
	}
	for _, b := range m.benchmarks {
		if err := m.row(&t, b.name, []string{b.name}, what); err != nil {
			return t, err
		}
	}
	return t, nil
}

func bucket(m measured) (cost.Table, error) {
	t := cost.Table{Columns: []string{"", "documents/s", "of a folder, %", "processor seconds per 1,000 documents", "of a folder, %"}}
	speed, cpu := figure{"docs/s", 0}, figure{"CPU-s/1000docs", 2}
	for _, r := range []struct{ name, of string }{{"a folder", "folder"}, {"a bucket, 1 worker", "bucket-1"}, {"2 workers", "bucket-2"}, {"4 workers", "bucket-4"}} {
		var row cost.Table
		if err := m.row(&row, r.name, []string{r.of, r.of, "folder", "folder"}, []figure{speed, cpu, speed, cpu}); err != nil {
			return t, err
		}
		var f [4]float64
		for i, c := range row.Rows[0].Cells {
			f[i], _ = strconv.ParseFloat(c, 64) // it was written from a float
		}
		percent := func(a, b float64) string { return strconv.FormatFloat(100*a/b, 'f', 0, 64) }
		c := row.Rows[0].Cells
		t.Add(r.name, c[0], percent(f[0], f[2]), c[1], percent(f[1], f[3]))
	}
	return t, nil
}

func submissions(m measured) (cost.Table, error) {
	t := cost.Table{Columns: []string{"a submission to", "ms at the median", "ms that one in ten exceeds"}}
	for _, r := range []struct{ name, of string }{{"a folder", "submit-folder"}, {"a bucket", "submit-bucket"}} {
		if err := m.row(&t, r.name, []string{r.of}, []figure{{"ms-p50", 0}, {"ms-p90", 0}}); err != nil {
			return t, err
		}
	}
	return t, nil
}

func simulation(m measured) (cost.Table, error) {
	return cost.ParseTable(strings.Join(m.table, "\n"))
}
