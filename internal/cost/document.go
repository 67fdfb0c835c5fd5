package cost

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Table is a table of the document, with a name for each row and each column.
type Table struct {
	Columns []string // the first is the heading of the rows' names, usually ""
	Rows    []Row
}

// Row is one row of a Table.
type Row struct {
	Name  string
	Cells []string // one for each column but the first
}

// Add appends a row.
func (t *Table) Add(name string, cells ...string) {
	t.Rows = append(t.Rows, Row{Name: name, Cells: cells})
}

// Markdown returns the table in Markdown.
func (t Table) Markdown() string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.Columns)
	b.WriteString(strings.Repeat("|---", len(t.Columns)) + "|\n")
	for _, r := range t.Rows {
		line(append([]string{r.Name}, r.Cells...))
	}
	return b.String()
}

// ParseTable reads the Markdown table at the beginning of a text, and ignores what
// follows. A table without rows, or with a row of another length, is an error.
func ParseTable(text string) (t Table, err error) {
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if !strings.HasPrefix(l, "|") {
			break
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(l, "|"), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case i == 0:
			t.Columns = cells
		case len(cells) != len(t.Columns):
			return t, fmt.Errorf("line %d has %d cells, want %d: %s", i+1, len(cells), len(t.Columns), l)
		case i > 1:
			t.Rows = append(t.Rows, Row{Name: cells[0], Cells: cells[1:]})
		}
	}
	if len(t.Rows) == 0 {
		return t, errors.New("there is no table")
	}
	return t, nil
}

// figure returns the number in a cell, which may have commas between thousands.
func (t Table) figure(row, column string) (float64, error) {
	for _, r := range t.Rows {
		if r.Name != row {
			continue
		}
		for i, c := range t.Columns[1:] {
			if c == column {
				return parseFigure(r.Cells[i])
			}
		}
	}
	return 0, fmt.Errorf("there is no cell of %q and %q", row, column)
}

func parseFigure(cell string) (float64, error) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", ""), 64)
	if err != nil || f < 0 || f != f || f > 1e18 {
		return 0, fmt.Errorf("%q is no figure", cell)
	}
	return f, nil
}

// Document is a text with tables between marks:
//
//	<!-- costs: NAME -->
//	…
//	<!-- end of NAME -->
type Document string

// part returns where the text between the marks of a name begins and ends.
func (d Document) part(name string) (from, to int, err error) {
	begin, end := "<!-- costs: "+name+" -->\n", "<!-- end of "+name+" -->"
	from = strings.Index(string(d), begin)
	if from < 0 || strings.Count(string(d), begin) != 1 {
		return 0, 0, fmt.Errorf("want one line %q", strings.TrimSpace(begin))
	}
	from += len(begin)
	n := strings.Index(string(d[from:]), end)
	if n < 0 {
		return 0, 0, fmt.Errorf("want a line %q", end)
	}
	return from, from + n, nil
}

// Text returns the text between the marks of a name.
func (d Document) Text(name string) (string, error) {
	from, to, err := d.part(name)
	return string(d[from:to]), err
}

// Table returns the table between the marks of a name.
func (d Document) Table(name string) (Table, error) {
	text, err := d.Text(name)
	if err != nil {
		return Table{}, err
	}
	t, err := ParseTable(text)
	if err != nil {
		return t, fmt.Errorf("the table %s: %w", name, err)
	}
	return t, nil
}

// With returns the document with another text between the marks of a name.
func (d Document) With(name, text string) (Document, error) {
	from, to, err := d.part(name)
	if err != nil {
		return d, err
	}
	return d[:from] + Document(text) + d[to:], nil
}
