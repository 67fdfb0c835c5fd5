// Package header reads CSV tables whose first row names the columns.
package header

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Read reads a table and makes an entry of each row. Columns may have any order; those in
// need are required. entry gets a function that returns the cell of a column by name, ""
// if there is none. The error begins with "read " and what, and names every wrong row with
// its line.
func Read[T any](r io.Reader, what string, need []string, entry func(cell func(column string) string) (T, error)) ([]T, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	names, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("read %s: header row: %w", what, err)
	}
	at := make(map[string]int, len(names))
	for i, name := range names {
		at[strings.TrimPrefix(strings.TrimSpace(name), "\ufeff")] = i
	}
	for _, name := range need {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("read %s: no column %q; want %s", what, name, strings.Join(need, ", "))
		}
	}
	var all []T
	var faults []error
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		e, err := entry(func(column string) string {
			if i, ok := at[column]; ok && i < len(row) {
				return row[i]
			}
			return ""
		})
		if err != nil {
			line, _ := c.FieldPos(0)
			faults = append(faults, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		all = append(all, e)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("read %s: %w", what, errors.Join(faults...))
	}
	return all, nil
}
