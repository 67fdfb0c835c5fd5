package main

import (
	"context"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/observation"
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
	return st.Events(ctx, store.Filter{CC: q.cc, Until: q.until}, q.until)
}
