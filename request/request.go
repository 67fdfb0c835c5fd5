// Package request holds what authorities asked of platforms: how many requests, in
// which period, and what became of them. It reads the platforms' own tables and
// rows of the record, and keeps with each figure who reports it. It never adds up
// figures of two reporters or of two data sets: figures on the same thing are shown
// side by side.
//
// A row that cannot be read is set aside with its reason: every row of a file is
// either used or set aside. The package does no I/O of its own.
package request

import (
	"fmt"
	"strconv"

	"github.com/bandish/bandish/casefile"
	csv "github.com/bandish/bandish/internal/table"
)

// Dataset names a collection of rows.
type Dataset string

// The data sets.
const (
	GoogleDetailed Dataset = "google-detailed" // requests by product and reason
	Google         Dataset = "google"          // requests and items with their outcomes
	Twitter        Dataset = "twitter"
	Lumen          Dataset = "lumen" // one notice of the Lumen database
	Mapped         Dataset = "csv"   // a table read with a given mapping
	Record         Dataset = "record"
)

// Origin says where a row is.
type Origin struct {
	Dataset Dataset `json:"dataset"`
	File    string  `json:"file"`
	SHA256  string  `json:"sha256,omitempty"` // of the file
	Row     int     `json:"row,omitempty"`    // line of the file
	Case    string  `json:"case,omitempty"`
}

// String writes the origin for people: the file and its line, or the case.
func (o Origin) String() string {
	if o.Row == 0 {
		return fmt.Sprintf("%s %s", o.Dataset, o.File)
	}
	return fmt.Sprintf("%s %s:%d", o.Dataset, o.File, o.Row)
}

// Row is one figure on requests: the record's own type for it, with its origin. In
// an imported row, Authority and ReportedBy are in the source's words; an empty
// Authority means all authorities of the country.
type Row struct {
	casefile.Request
	// Other counts outcomes that are neither compliance nor refusal, by the
	// reporter's name for them.
	Other  map[string]int64 `json:"other,omitempty"`
	Origin Origin           `json:"origin"`
}

// Aside is a row that was set aside, with its reason.
type Aside = csv.Aside[Origin]

// Import is what one file gave; Rows is Used plus len(Asides). A row of a file may
// give several requests.
type Import struct {
	Dataset  Dataset `json:"dataset"`
	Rows     int     `json:"rows"`
	Used     int     `json:"used"`
	Requests []Row   `json:"ledger"`
	Asides   []Aside `json:"asides,omitempty"`
}

// FromRecord returns the rows of the case files that are not withdrawn. Actors are
// named by their names, as in imported rows.
func FromRecord(records *casefile.Records) []Row {
	var rows []Row
	for _, c := range records.Cases {
		if c.Withdrawn != nil {
			continue
		}
		for _, q := range c.Requests {
			row := Row{Request: q, Origin: Origin{Dataset: Record, File: "records/" + c.ID, Case: c.ID}}
			for _, id := range []*string{&row.Authority, &row.ReportedBy} {
				if a := records.Actor(c, *id); a != nil {
					*id = a.Name
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// id sets the id of an imported row.
func (r *Row) id(part string) {
	r.ID = fmt.Sprintf("%s:%d", r.Origin.Dataset, r.Origin.Row)
	if part != "" {
		r.ID += ":" + part
	}
}

func number(n int64) *int64 { return &n }

// count reads a number; nil where none is given.
func count(text string) (*int64, error) {
	switch text {
	case "", "NA", "N/A", "n/a", "-", "null":
		return nil, nil
	}
	n, err := strconv.ParseInt(withoutCommas(text), 10, 64)
	if err != nil || n < 0 || n > 1e12 {
		return nil, fmt.Errorf("%q is not a count", text)
	}
	return &n, nil
}

// percent reads a share in percent; nil where none is given.
func percent(text string) (*float64, error) {
	switch text {
	case "", "NA", "N/A", "n/a", "-", "null":
		return nil, nil
	}
	if n := len(text) - 1; text[n] == '%' {
		text = text[:n]
	}
	f, err := strconv.ParseFloat(withoutCommas(text), 64)
	if err != nil || !(f >= 0 && f <= 100) {
		return nil, fmt.Errorf("%q is not a share in percent", text)
	}
	return &f, nil
}

// withoutCommas drops commas that group digits by three or, as in South Asia, by
// two.
func withoutCommas(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] == ',' && i > 0 && i+2 < len(s) {
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}
