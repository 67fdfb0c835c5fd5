package store

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// rowsOf is an archive in memory.
type rowsOf []verdict.Row

func (rs rowsOf) read(_ context.Context, f Filter) iter.Seq2[verdict.Row, error] {
	return func(yield func(verdict.Row, error) bool) {
		for _, r := range rs {
			if f.CC != "" && r.CC != f.CC || f.Target != "" && r.Target != f.Target ||
				!f.Since.IsZero() && r.Time.Before(f.Since) || !f.Until.IsZero() && !r.Time.Before(f.Until) {
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func none(context.Context, Filter) ([]series.Cell, error) { return nil, nil }

// Asked for one country, other countries are still looked at: what all of them
// show is no event.
func TestOneCountryKnowsTheWorld(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for countries, want := range map[int]int{2: 1, 6: 0} {
		var rows rowsOf
		for c := range countries {
			for i := range 900 {
				day := 120 * rng.Float64()
				r := verdict.Row{UID: fmt.Sprint(c, "-", i), ReportID: fmt.Sprint(c, "-", i), Time: start.Add(time.Duration(day * 24 * float64(time.Hour))),
					CC: fmt.Sprintf("X%c", 'A'+c), ASN: 64512 + uint32(i%3), Target: "x", State: verdict.OK}
				if day > 50 && day < 60 {
					r.State = verdict.Blocked
				}
				rows = append(rows, r)
			}
		}
		found, err := detect(t.Context(), source{rows.read, none}, Filter{CC: "XA"}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Events) != want || len(found.Events)+len(found.Artefacts) != 1 {
			t.Errorf("%d countries: %d events, %d artefacts; want %d events of one change", countries, len(found.Events), len(found.Artefacts), want)
		}
	}
}

// Days that nobody measured here are filled from published counts, and only
// those.
func TestBesideOwnMeasurements(t *testing.T) {
	cell := func(target string, asn uint32, start, span int64) series.Cell {
		return series.Cell{CC: "ZZ", Target: target, ASN: asn, Start: start, Span: span, Measurements: 1, OK: 1}
	}
	own := []series.Cell{cell("x", 64512, 5*86400+7200, 3600)}
	theirs := []series.Cell{cell("y", 64512, 5*86400, 86400), cell("x", 64513, 5*86400, 86400), cell("x", 64512, 5*86400, 86400), cell("x", 64512, 6*86400, 86400),
		cell("x", 0, 5*86400, 86400), cell("x", 64512, 6*86400, 86400)}
	got := ""
	for _, c := range beside(own, theirs) {
		got += fmt.Sprintf("%s-%d-%d-%d ", c.Target, c.ASN, c.Start/86400, c.Span/3600)
	}
	if want := "x-64512-5-1 x-64512-6-24 x-64513-5-24 y-64512-5-24 "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
