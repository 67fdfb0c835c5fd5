package pipeline

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
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
	for _, c := range derivation.Beside(own, theirs) {
		got += fmt.Sprintf("%s-%d-%d-%d ", c.Target, c.ASN, c.Start/86400, c.Span/3600)
	}
	if want := "x-64512-5-1 x-64512-6-24 x-64513-5-24 y-64512-5-24 "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// table is counts of a target that fails for twenty days in a country.
func table(cc, target string, days int) []byte {
	var b strings.Builder
	b.WriteString("measurement_start_day,probe_cc,probe_asn,domain,anomaly_count,confirmed_count,failure_count,ok_count,measurement_count\n")
	start := time.Date(2023, 9, 1, 0, 0, 0, 0, time.UTC)
	for d := range days {
		for n := range 3 {
			bad, ok := 0, 12
			if d >= 40 && d < 60 {
				bad, ok = 12, 0
			}
			fmt.Fprintf(&b, "%s,%s,%d,%s,%d,0,0,%d,%d\n", start.AddDate(0, 0, d).Format(time.DateOnly), cc, 64512+n, target, bad, ok, bad+ok)
		}
	}
	return []byte(b.String())
}

// Events are derived for the countries that changed; the others' files stay.
// A rebuild, and a process that remembers nothing, come to the same bytes.
func TestEventsFollowWhatChanged(t *testing.T) {
	t.Parallel()
	p := open(t)
	of := func(kind, cc string) string {
		m, err := p.Archive.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range m.Select(kind, m.Ruleset) {
			if s.Period == cc {
				return s.SHA256
			}
		}
		return ""
	}
	bring(t, p, Want{}, write(t, "a.csv", append(table("QM", "a.test", 100), table("QN", "b.test", 100)[len(header(table("QN", "", 0))):]...)))
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	foundM, foundN, eventsM, eventsN := of(archive.Findings, "QM"), of(archive.Findings, "QN"), of(archive.Events, "QM"), of(archive.Events, "QN")
	if foundM == "" || foundN == "" || eventsM == "" || eventsN == "" {
		t.Fatalf("no events were derived: %q %q %q %q", foundM, foundN, eventsM, eventsN)
	}
	if n, err := p.Count(t.Context()); err != nil || n != 0 || of(archive.Events, "QM") != eventsM {
		t.Errorf("counting again changed something: %d months, %v", n, err)
	}
	bring(t, p, Want{}, write(t, "b.csv", table("QM", "c.test", 100)))
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if of(archive.Findings, "QM") == foundM || of(archive.Findings, "QN") != foundN || of(archive.Events, "QN") != eventsN {
		t.Error("new counts of QM must change its findings, and none of QN's")
	}
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := segments(t, p)
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if after := segments(t, p); !slices.Equal(before, after) {
		t.Errorf("rebuilt %v\nwere %v", after, before)
	}
	fresh, err := newPipeline(p.Archive.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fresh.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := segments(t, fresh); !slices.Equal(before, after) {
		t.Errorf("a fresh process made %v of %v", after, before)
	}
}

func header(table []byte) []byte { return table[:bytes.IndexByte(table, '\n')+1] }
