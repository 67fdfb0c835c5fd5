package main

import (
	"context"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/store"
)

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
