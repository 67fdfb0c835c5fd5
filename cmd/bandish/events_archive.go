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

// eventsOfArchive gives the events of the archive or, with a last day, those
// that could be found at its end.
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
