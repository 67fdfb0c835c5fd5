// Package list reads lists of bans that others published: KeepItOn's spreadsheets,
// OONI's incidents, SFLC's list. It turns each row into reports (package ban) that
// name their file and row. A row that cannot be read is set aside with its reason:
// every row of a file either gives reports or is set aside. It also writes bans in
// the columns of KeepItOn's table. The package does no I/O.
package list

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/internal/table"
)

// Aside is a row that was set aside, with its reason.
type Aside = table.Aside[ban.Origin]

// Import is what one file gave. Rows is the number of rows that gave reports plus
// len(Asides). A row that names several countries gives several reports.
type Import struct {
	Dataset ban.Dataset  `json:"dataset"`
	Rows    int          `json:"rows"`
	Used    int          `json:"used"`
	Reports []ban.Report `json:"reports"`
	Asides  []Aside      `json:"asides,omitempty"`
}

// Names returns the platform id of a word, a host or a test; "" where there is
// none.
type Names interface {
	OfName(word string) string
	OfHost(host string, at time.Time) string
	OfTest(test string) string
}

// hostID returns the platform of a host, else the host itself without "www.".
func hostID(n Names, host string, at time.Time) string {
	return cmp.Or(n.OfHost(host, at), strings.TrimPrefix(host, "www."))
}

// aside adds a row to Asides, with its reason.
func (im *Import) aside(o ban.Origin, text, format string, args ...any) {
	im.Asides = append(im.Asides, table.NewAside(o, fmt.Sprintf(format, args...), text))
}
