package pipeline

import (
	"fmt"
	"testing"

	"github.com/bandish/bandish/series"
)

// Days that nobody measured here are filled from published counts, and only
// those.
func TestBesideOwnMeasurements(t *testing.T) {
	cell := func(target string, asn uint32, start, span int64) series.Cell {
		return series.Cell{CC: "ZZ", Target: target, ASN: asn, Start: start, Span: span, Measurements: 1, OK: 1}
	}
	own := []series.Cell{cell("x", 64512, 5*86400+7200, 3600)}
	theirs := []series.Cell{cell("y", 64512, 5*86400, 86400), cell("x", 64513, 5*86400, 86400), cell("x", 64512, 5*86400, 86400), cell("x", 64512, 6*86400, 86400),
		cell("x", 0, 5*86400, 86400)}
	got := ""
	for _, c := range Beside(own, theirs) {
		got += fmt.Sprintf("%s-%d-%d-%d ", c.Target, c.ASN, c.Start/86400, c.Span/3600)
	}
	if want := "x-64512-5-1 x-64512-6-24 x-64513-5-24 y-64512-5-24 "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
