package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// judgeWeb judges the obs_web rows of one measurement with the rules in force.
func judgeWeb(options observation.Options) history.Judge {
	return func(rows []map[string]string) (verdict.Row, error) {
		out := make([]observation.Row, 0, len(rows))
		for _, v := range rows {
			r, err := observation.FromWeb(func(column string) string { return v[column] }, options)
			if err != nil {
				return verdict.Row{}, err
			}
			out = append(out, r)
		}
		observation.Number(out)
		return verdict.Judge(out), nil
	}
}

// verdictSource is an archive's verdicts in the order of the countries.
type verdictSource interface {
	Verdicts(ctx context.Context, f store.Filter) iter.Seq2[verdict.Row, error]
}

// eventsOfArchive detects in the verdicts of the archive. Only the country is
// narrowed down while reading: other targets tell a broken probe from a ban.
func eventsOfArchive(ctx context.Context, data string, q *eventsQuery) (event.Result, error) {
	a, err := archive.OpenExisting(data)
	if err != nil {
		return event.Result{}, err
	}
	st, err := store.Open(a, "")
	if err != nil {
		return event.Result{}, err
	}
	defer st.Close()
	return detectIn(ctx, st, store.Filter{CC: q.cc, Until: q.until}, q.until)
}

// detectIn detects in verdicts. Where the filter names a country, the others
// are still asked about what was found in it.
func detectIn(ctx context.Context, src verdictSource, f store.Filter, now time.Time) (event.Result, error) {
	d := event.NewDetector(now)
	if err := feed(ctx, d, src, f); err != nil {
		return event.Result{}, err
	}
	found := d.Finish()
	if f.CC == "" || len(found.Events) == 0 {
		return found, nil
	}
	if err := feedOthers(ctx, d, src, f, found.Events); err != nil {
		return event.Result{}, err
	}
	found = d.Finish()
	abroad := func(e event.Event) bool { return e.CC != f.CC }
	found.Events = slices.DeleteFunc(found.Events, abroad)
	found.Artefacts = slices.DeleteFunc(found.Artefacts, abroad)
	return found, nil
}

// around is how much of other countries' time is looked at on either side of
// an event.
const around = 60 * 24 * time.Hour

// feedOthers gives the detector what the other countries saw of the targets of
// one country's events at that time, so that it can tell the world's changes.
func feedOthers(ctx context.Context, d *event.Detector, src verdictSource, f store.Filter, events []event.Event) error {
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
			for r, err := range src.Verdicts(ctx, store.Filter{Target: t, Since: from.Add(-around), Until: until}) {
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

// feed gives the detector one country after the other.
func feed(ctx context.Context, d *event.Detector, src verdictSource, f store.Filter) error {
	b := series.NewBuilder(series.Hour)
	country := ""
	for r, err := range src.Verdicts(ctx, f) {
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
