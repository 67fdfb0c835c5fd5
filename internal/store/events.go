package store

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Events dates bans from the verdicts of the archive. The filter's target is
// for the caller to apply afterwards: other targets tell a broken probe from a
// ban. Where the filter names a country, the others are still asked about what
// was found in it, so that the world's changes are told apart.
func (s *Store) Events(ctx context.Context, f Filter, now time.Time) (event.Result, error) {
	f.Target = ""
	return detect(ctx, s.Verdicts, f, now)
}

// verdicts gives verdicts in the order of the countries.
type verdicts func(ctx context.Context, f Filter) iter.Seq2[verdict.Row, error]

func detect(ctx context.Context, read verdicts, f Filter, now time.Time) (event.Result, error) {
	d := event.NewDetector(now)
	if err := feed(ctx, d, read, f); err != nil {
		return event.Result{}, err
	}
	found := d.Finish()
	if f.CC == "" || len(found.Events) == 0 {
		return found, nil
	}
	if err := feedOthers(ctx, d, read, f, found.Events); err != nil {
		return event.Result{}, err
	}
	found = d.Finish()
	abroad := func(e event.Event) bool { return e.CC != f.CC }
	found.Events = slices.DeleteFunc(found.Events, abroad)
	found.Artefacts = slices.DeleteFunc(found.Artefacts, abroad)
	return found, nil
}

// feed gives the detector one country after the other.
func feed(ctx context.Context, d *event.Detector, read verdicts, f Filter) error {
	b := series.NewBuilder(series.Hour)
	country := ""
	for r, err := range read(ctx, f) {
		if err != nil {
			return fmt.Errorf("read the archive's verdicts: %w", err)
		}
		if r.CC != country {
			d.Country(b.Cells())
			b, country = series.NewBuilder(series.Hour), r.CC
		}
		b.Add(&r)
	}
	d.Country(b.Cells())
	return nil
}

// around is how much of other countries' time is looked at on either side of
// an event.
const around = 60 * 24 * time.Hour

// feedOthers gives the detector what the other countries saw of the targets of
// one country's events at that time.
func feedOthers(ctx context.Context, d *event.Detector, read verdicts, f Filter, events []event.Event) error {
	builders := map[string]*series.Builder{}
	for _, e := range events {
		from, to := *e.Onset.Latest, *e.Onset.Latest
		if e.End != nil && e.End.Latest != nil {
			to = *e.End.Latest
		}
		until := to.Add(around)
		if !f.Until.IsZero() && until.After(f.Until) {
			until = f.Until
		}
		for _, t := range e.Targets {
			for r, err := range read(ctx, Filter{Target: t, Since: from.Add(-around), Until: until}) {
				if err != nil {
					return fmt.Errorf("read the archive's verdicts: %w", err)
				}
				if r.CC == f.CC || r.Target != t {
					continue
				}
				if builders[r.CC] == nil {
					builders[r.CC] = series.NewBuilder(series.Hour)
				}
				builders[r.CC].Add(&r)
			}
		}
	}
	for _, other := range slices.Sorted(maps.Keys(builders)) {
		d.Country(builders[other].Cells())
	}
	return nil
}
