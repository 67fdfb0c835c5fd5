package main

import (
	"context"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/store"
)

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
