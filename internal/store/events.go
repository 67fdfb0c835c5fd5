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
	return detect(ctx, source{s.Verdicts, s.countCells}, f, now)
}

// source is where detection reads: verdicts, and the daily cells that others
// counted.
type source struct {
	verdicts verdicts
	counts   func(ctx context.Context, f Filter) ([]series.Cell, error)
}

// verdicts gives verdicts in the order of the countries.
type verdicts func(ctx context.Context, f Filter) iter.Seq2[verdict.Row, error]

func detect(ctx context.Context, from source, f Filter, now time.Time) (event.Result, error) {
	d := event.NewDetector(now)
	if err := feed(ctx, d, from, f); err != nil {
		return event.Result{}, err
	}
	found := d.Finish()
	if f.CC == "" || len(found.Events) == 0 {
		return found, nil
	}
	if err := feedOthers(ctx, d, from, f, found.Events); err != nil {
		return event.Result{}, err
	}
	found = d.Finish()
	abroad := func(e event.Event) bool { return e.CC != f.CC }
	found.Events = slices.DeleteFunc(found.Events, abroad)
	found.Artefacts = slices.DeleteFunc(found.Artefacts, abroad)
	return found, nil
}

// feed gives the detector one country after the other.
func feed(ctx context.Context, d *event.Detector, from source, f Filter) error {
	published, err := from.counts(ctx, f)
	if err != nil {
		return err
	}
	theirs := map[string][]series.Cell{}
	for _, c := range published {
		theirs[c.CC] = append(theirs[c.CC], c)
	}
	give := func(cc string, own []series.Cell) {
		d.Country(beside(own, theirs[cc]))
		delete(theirs, cc)
	}
	b := series.NewBuilder(series.Hour).WithParts()
	country := ""
	for r, err := range from.verdicts(ctx, f) {
		if err != nil {
			return fmt.Errorf("read the archive's verdicts: %w", err)
		}
		if r.CC != country {
			if country != "" {
				give(country, b.Cells())
			}
			b, country = series.NewBuilder(series.Hour).WithParts(), r.CC
		}
		b.Add(&r)
	}
	if country != "" {
		give(country, b.Cells())
	}
	for _, cc := range slices.Sorted(maps.Keys(theirs)) {
		give(cc, nil)
	}
	return nil
}

// around is how much of other countries' time is looked at on either side of
// an event.
const around = 60 * 24 * time.Hour

// feedOthers gives the detector what the other countries saw of the targets of
// one country's events at that time.
func feedOthers(ctx context.Context, d *event.Detector, from source, f Filter, events []event.Event) error {
	builders := map[string]*series.Builder{}
	theirs := map[string][]series.Cell{}
	for _, e := range events {
		begin, to := *e.Onset.Latest, *e.Onset.Latest
		if e.End != nil && e.End.Latest != nil {
			to = *e.End.Latest
		}
		until := to.Add(around)
		if !f.Until.IsZero() && until.After(f.Until) {
			until = f.Until
		}
		for _, t := range e.Targets {
			window := Filter{Target: t, Since: begin.Add(-around), Until: until}
			published, err := from.counts(ctx, window)
			if err != nil {
				return err
			}
			for _, c := range published {
				if c.CC != f.CC {
					theirs[c.CC] = append(theirs[c.CC], c)
				}
			}
			for r, err := range from.verdicts(ctx, window) {
				if err != nil {
					return fmt.Errorf("read the archive's verdicts: %w", err)
				}
				if r.CC == f.CC || r.Target != t {
					continue
				}
				if builders[r.CC] == nil {
					builders[r.CC] = series.NewBuilder(series.Hour).WithParts()
				}
				builders[r.CC].Add(&r)
			}
		}
	}
	for other := range theirs {
		if builders[other] == nil {
			builders[other] = series.NewBuilder(series.Hour).WithParts()
		}
	}
	for _, other := range slices.Sorted(maps.Keys(builders)) {
		d.Country(beside(builders[other].Cells(), theirs[other]))
	}
	return nil
}
