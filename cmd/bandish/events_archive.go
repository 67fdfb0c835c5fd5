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

// judgeWeb returns a function that judges the obs_web rows of one measurement under the
// rules in force.
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

// eventsOfArchive returns the events of the archive; if q.until is set, those that could
// be found at that time.
func eventsOfArchive(ctx context.Context, env *environment, q *eventsQuery) (event.Result, error) {
	if _, err := archive.OpenExisting(env.data); err != nil {
		return event.Result{}, err
	}
	desk, done, err := env.desk(ctx)
	if err != nil {
		return event.Result{}, err
	}
	defer done()
	return desk.Events(ctx, store.Filter{CC: q.cc, Target: q.target, Shard: q.shard}, q.until)
}
