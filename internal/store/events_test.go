package store

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

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
		found, err := detect(t.Context(), rows.read, Filter{CC: "XA"}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Events) != want || len(found.Events)+len(found.Artefacts) != 1 {
			t.Errorf("%d countries: %d events, %d artefacts; want %d events of one change", countries, len(found.Events), len(found.Artefacts), want)
		}
	}
}
