package cost

import (
	"fmt"
	"strconv"
	"strings"
)

// The names of the tables in the document that hold what was measured.
const (
	Documents   = "a document"
	Requests    = "requests"
	Commits     = "commits"
	Snapshots   = "snapshots"
	Bucket      = "a folder and a bucket"
	Submissions = "submissions"
	Simulation  = "simulation"
)

// The names of the tables that are reckoned from those.
const (
	Whole       = "two billion"
	Bottlenecks = "bottlenecks"
	PriceList   = "prices"
)

// Measured lists the names of the tables that hold what was measured.
var Measured = []string{Documents, Requests, Commits, Snapshots, Bucket, Submissions, Simulation}

// The names of the rows of the table Documents, then of its columns.
const (
	JSONBytes    = "JSON, bytes a document"
	PerBatch     = "documents a batch"
	ImportCPU    = "import, processor seconds per 1,000 documents"
	RebuildCPU   = "rebuild from the raw batches, processor seconds per 1,000"
	RawBytes     = "raw batches, bytes a document"
	ParquetBytes = "segments of Parquet, bytes a document"

	OONI      = "OONI's documents"
	Generated = "generated documents"
)

// The names of the rows of the table Requests.
const (
	Alone       = "a submission, committed alone"
	ImportBatch = "an import, for each batch"
	RereadBatch = "a rebuild with an empty cache, for each batch"
)

// Charged lists the kinds of requests, which are the columns of the table Requests. A
// price list has prices for PUT with LIST, and for GET with HEAD.
var Charged = []string{"PUT", "LIST", "GET", "HEAD"}

// The names of columns of the table Commits, then of the table Simulation.
const (
	OpenMS      = "ms of processor time to open"
	MemoryBytes = "bytes of memory a batch"
	CommitBytes = "bytes written a commit"

	Lists         = "lists"
	CommitsSecond = "commits/s"
)

// History is about how many measurements OONI's history has.
const History = 2e9

// perDocument holds a column of the table Documents, in the units of its rows.
type perDocument struct {
	json, batch, importCPU, rebuildCPU, raw, parquet float64
}

// perBatch is how many requests a batch needs.
type perBatch struct{ puts, gets float64 }

// measured holds the measured figures that the reckoning needs.
type measured struct {
	of             map[string]perDocument
	commit, reread perBatch
	openMS         float64 // milliseconds of processor time a batch
	memory         float64 // bytes a batch
	root           float64 // commits a second that one list can take
}

// figures reads cells of the document's tables, and keeps the first error.
type figures struct {
	d   Document
	err error
}

func (f *figures) table(name string) Table {
	t, err := f.d.Table(name)
	f.fail(err)
	return t
}

func (f *figures) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *figures) at(t Table, row, column string) float64 {
	n, err := t.figure(row, column)
	f.fail(err)
	return n
}

func read(d Document) (m measured, err error) {
	f := &figures{d: d}
	t := f.table(Documents)
	m.of = map[string]perDocument{}
	for _, c := range []string{OONI, Generated} {
		one := perDocument{f.at(t, JSONBytes, c), f.at(t, PerBatch, c), f.at(t, ImportCPU, c), f.at(t, RebuildCPU, c), f.at(t, RawBytes, c), f.at(t, ParquetBytes, c)}
		if one.batch == 0 {
			f.fail(fmt.Errorf("%s: no documents in a batch", c))
		}
		m.of[c] = one
	}
	t = f.table(Requests)
	requests := func(row string) perBatch {
		return perBatch{f.at(t, row, "PUT") + f.at(t, row, "LIST"), f.at(t, row, "GET") + f.at(t, row, "HEAD")}
	}
	requests(Alone)
	m.commit, m.reread = requests(ImportBatch), requests(RereadBatch)
	t = f.table(Commits)
	if len(t.Rows) > 0 { // the last row is of the largest archive
		last := t.Rows[len(t.Rows)-1].Name
		batches, err := parseFigure(last)
		f.fail(err)
		m.openMS, m.memory = f.at(t, last, OpenMS)/batches, f.at(t, last, MemoryBytes)
	}
	m.root = f.oneList()
	return m, f.err
}

// oneList returns the most commits a second that one list took in the simulation.
func (f *figures) oneList() (most float64) {
	t := f.table(Simulation)
	lists, commits := t.column(Lists), t.column(CommitsSecond)
	if lists < 0 || commits < 0 {
		f.fail(fmt.Errorf("the table %s has no %s or no %s", Simulation, Lists, CommitsSecond))
		return 0
	}
	for _, r := range t.Rows {
		n, err := parseFigure(r.Cells[commits])
		f.fail(err)
		if r.Cells[lists] == "1" {
			most = max(most, n)
		}
	}
	if most == 0 {
		f.fail(fmt.Errorf("the table %s has no row with one list", Simulation))
	}
	return most
}

// column returns the index of a column in Row.Cells; -1 if there is none.
func (t Table) column(name string) int {
	for i, c := range t.Columns[min(1, len(t.Columns)):] {
		if c == name {
			return i
		}
	}
	return -1
}

// Reckon writes the reckoned tables of a document again, from the measured tables in it
// and a list of prices. It returns an error if a table or a figure is missing.
func Reckon(d Document, p Prices) (Document, error) {
	m, err := read(d)
	if err != nil {
		return d, err
	}
	for name, text := range map[string]string{
		Whole:       m.whole(p).Markdown(),
		Bottlenecks: m.bottlenecks(p).Markdown(),
		PriceList:   p.markdown(),
	} {
		if d, err = d.With(name, text); err != nil {
			return d, err
		}
	}
	return d, nil
}

// whole returns the table of what OONI's whole history costs.
func (m measured) whole(p Prices) Table {
	t := Table{Columns: []string{"", OONI, Generated}}
	row := func(name string, of func(perDocument) string) { t.Add(name, of(m.of[OONI]), of(m.of[Generated])) }
	cores := func(per1000 float64) float64 { return History / 1000 * per1000 / 3600 }
	batches := func(d perDocument) float64 { return History / d.batch }
	money := func(f float64) string { return short(f) + " " + p.Currency }

	row("documents, TB of JSON", func(d perDocument) string { return short(History * d.json / 1e12) })
	row("import, core-hours", func(d perDocument) string { return short(cores(d.importCPU)) })
	row("… money", func(d perDocument) string { return money(cores(d.importCPU) * p.CoreHour) })
	row("rebuild, core-hours", func(d perDocument) string { return short(cores(d.rebuildCPU)) })
	row("… money", func(d perDocument) string { return money(cores(d.rebuildCPU) * p.CoreHour) })
	row("raw batches, millions of objects", func(d perDocument) string { return short(batches(d) / 1e6) })
	row("raw batches, TB", func(d perDocument) string { return short(History * d.raw / 1e12) })
	row("segments of Parquet, TB", func(d perDocument) string { return short(History * d.parquet / 1e12) })
	row("both, money a month", func(d perDocument) string { return money(p.Month(History * (d.raw + d.parquet))) })
	for _, r := range []struct {
		name string
		of   perBatch
	}{{"requests of the import", m.commit}, {"requests of a rebuild with an empty cache", m.reread}} {
		row(r.name+", millions of PUT and LIST", func(d perDocument) string { return short(batches(d) * r.of.puts / 1e6) })
		row("… of GET and HEAD", func(d perDocument) string { return short(batches(d) * r.of.gets / 1e6) })
		row("… money", func(d perDocument) string { return money(p.Requests(batches(d)*r.of.puts, batches(d)*r.of.gets)) })
	}
	return t
}

// The limits that we chose: the time to import the whole history, and what a usual server
// has or may take. week is in seconds.
const (
	week         = 7 * 24 * 3600.0
	memoryLimit  = 16e9 // bytes
	openingLimit = 60.0 // seconds
)

// bottlenecks returns the table of what grows with the history, at 1, 10 and 100 times its
// size, and which of it passes its limit first. It reckons with OONI's documents.
func (m measured) bottlenecks(p Prices) Table {
	d := m.of[OONI]
	t := Table{Columns: []string{"", "at most", "2 billion", "10 times that", "100 times"}}
	first, worst := []string{"nothing of this", "nothing of this", "nothing of this"}, []float64{1, 1, 1}
	row := func(name string, limit float64, of func(documents float64) float64) {
		r := Row{Name: name, Cells: []string{""}}
		if limit > 0 {
			r.Cells[0] = short(limit)
		}
		for i, times := range []float64{1, 10, 100} {
			n := of(History * times)
			cell := short(n)
			if limit > 0 && n > limit {
				cell = "**" + cell + "**"
			}
			if limit > 0 && n/limit > worst[i] {
				first[i], worst[i] = name, n/limit
			}
			r.Cells = append(r.Cells, cell)
		}
		t.Rows = append(t.Rows, r)
	}
	batches := func(n float64) float64 { return n / d.batch }
	row("cores that import it in a week", 0, func(n float64) float64 { return n / 1000 * d.importCPU / week })
	row("cores that rebuild it in a week", 0, func(n float64) float64 { return n / 1000 * d.rebuildCPU / week })
	row("commits a second, for that", m.root, func(n float64) float64 { return batches(n) / week })
	row("days of commits, one after the other, at the most a second that one list takes", 7, func(n float64) float64 { return batches(n) / m.root / 86400 })
	row("GB of memory for the manifest", memoryLimit/1e9, func(n float64) float64 { return batches(n) * m.memory / 1e9 })
	row("seconds of processor time to open the archive", openingLimit, func(n float64) float64 { return batches(n) * m.openMS / 1000 })
	row("storage, "+p.Currency+" a month", 0, func(n float64) float64 { return p.Month(n * (d.raw + d.parquet)) })
	t.Add("**stops first**", append([]string{""}, first...)...)
	return t
}

func (p Prices) markdown() string {
	t := Table{Columns: []string{"", p.Currency, "from"}}
	for i, s := range p.Storage {
		name, from := "a GB and month", p.StorageSource
		if i > 0 {
			name, from = fmt.Sprintf("… beyond %s TB", short(p.Storage[i-1].UpToGB/1000)), "there"
		}
		t.Add(name, price(s.PerGBMonth), from)
	}
	t.Add("1,000 PUT or LIST", price(p.PutPer1000), p.RequestsSource)
	t.Add("1,000 GET or HEAD", price(p.GetPer1000), "there")
	t.Add("a core-hour", price(p.CoreHour), p.CoreHourSource)
	return fmt.Sprintf("%s; written down on %s. %s\n\n%s", p.Name, p.Date, p.Note, t.Markdown())
}

func price(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// short writes a figure of 0 or more with two or three significant digits, larger ones as
// a whole number with commas between thousands.
func short(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 0.1:
		return strconv.FormatFloat(f, 'g', 2, 64)
	case f < 9.95:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	s := strconv.FormatFloat(f, 'f', 0, 64)
	var groups []string
	for ; len(s) > 3; s = s[:len(s)-3] {
		groups = append([]string{s[len(s)-3:]}, groups...)
	}
	return strings.Join(append([]string{s}, groups...), ",")
}
