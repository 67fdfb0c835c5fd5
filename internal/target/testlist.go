package target

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// ListEntry is one URL of a Citizen Lab test list.
type ListEntry struct {
	Line     int // in the file, from 1
	URL      string
	Host     string // of the URL, in the form of hostName
	Category string // code, "GRP"
	About    string // the category's description
	Added    string // the date, as the list has it
	Source   string
	Notes    string
}

// Rejected is a row of a test list that was left out.
type Rejected struct {
	Line   int
	Row    string
	Reason string
}

// ReadTestList reads a test list with Citizen Lab's CSV columns, in any order; url and
// category_code are required. Rows that are wrong are not an error: they come back as
// rejected. Entries and rejected together are all rows.
func ReadTestList(r io.Reader) ([]ListEntry, []Rejected, error) {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = true
	header, err := reader.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("read test list header: %w", err)
	}
	column := make(map[string]int)
	for i, name := range header {
		column[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	for _, need := range []string{"url", "category_code"} {
		if _, ok := column[need]; !ok {
			return nil, nil, fmt.Errorf("read test list: no column %q in the header; this is not a Citizen Lab list", need)
		}
	}
	var entries []ListEntry
	var rejected []Rejected
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return entries, rejected, nil
		}
		if pe := new(csv.ParseError); errors.As(err, &pe) {
			rejected = append(rejected, Rejected{pe.StartLine, strings.Join(row, ","), pe.Err.Error()})
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read test list: %w", err)
		}
		line, _ := reader.FieldPos(0)
		cell := func(name string) string {
			if i, ok := column[name]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		e := ListEntry{
			Line: line, URL: cell("url"), Category: cell("category_code"), About: cell("category_description"),
			Added: cell("date_added"), Source: cell("source"), Notes: cell("notes"),
		}
		reason := e.check()
		if reason != "" {
			rejected = append(rejected, Rejected{line, strings.Join(row, ","), reason})
			continue
		}
		entries = append(entries, e)
	}
}

// check fills in the host, and returns what is wrong with the entry; "" for nothing.
func (e *ListEntry) check() string {
	u, err := url.Parse(e.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Sprintf("%q is not an http or https URL", e.URL)
	}
	if e.Host = hostName(u.Host); e.Host == "" {
		return fmt.Sprintf("no host name in %q", e.URL)
	}
	if e.Category == "" {
		return "no category code"
	}
	return ""
}
