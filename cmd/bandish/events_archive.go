package main

import (
	"context"
	"fmt"
	"iter"
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
// With a country given, nothing is known of the others, and what the whole
// world shows is not told apart.
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

func detectIn(ctx context.Context, src verdictSource, f store.Filter, now time.Time) (event.Result, error) {
	d := event.NewDetector(now)
	b := series.NewBuilder(series.Hour)
	country := ""
	for r, err := range src.Verdicts(ctx, f) {
		if err != nil {
			return event.Result{}, fmt.Errorf("read the archive's verdicts: %w", err)
		}
		if r.CC != country {
			d.Country(b.Cells())
			b, country = series.NewBuilder(series.Hour), r.CC
		}
		b.Add(&r)
	}
	d.Country(b.Cells())
	return d.Finish(), nil
}
