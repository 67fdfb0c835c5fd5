// Package list reads what others published of bans: KeepItOn's spreadsheets, OONI's
// incidents, SFLC's list. Each row gives reports (package ban), with the file and
// row that they came from. A row that cannot be read is set aside with its reason,
// so that rows read are reports' rows and rows aside together. It writes bans in
// the columns of KeepItOn's table, too.
package list

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/internal/table"
)

// Aside is a row that was set aside.
type Aside = table.Aside[ban.Origin]

// Import is what one file gave. Rows = rows that gave reports + len(Asides);
// a row that names several countries gives several reports.
type Import struct {
	Dataset ban.Dataset  `json:"dataset"`
	Rows    int          `json:"rows"`
	Used    int          `json:"used"`
	Reports []ban.Report `json:"reports"`
	Asides  []Aside      `json:"asides,omitempty"`
}

// Names turns words of a data set into platform ids; "" where there is none.
type Names interface {
	OfName(word string) string
	OfHost(host string, at time.Time) string
	OfTest(test string) string
}

// hostID is the platform that a host belongs to, else the host itself.
func hostID(n Names, host string, at time.Time) string {
	return cmp.Or(n.OfHost(host, at), strings.TrimPrefix(host, "www."))
}

// aside sets a row aside.
func (im *Import) aside(o ban.Origin, text, format string, args ...any) {
	im.Asides = append(im.Asides, table.NewAside(o, fmt.Sprintf(format, args...), text))
}
