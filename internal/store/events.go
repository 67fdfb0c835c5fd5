package store

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
)

// Events returns the events of the archive as they were derived last, ordered by country
// and id, and the changes that were set aside as artefacts. Of the filter it applies
// CC, Shard and Target. The events are shared: callers must not change them.
func (s *Store) Events(_ context.Context, f Filter) (event.Result, error) {
	m, err := s.a.Manifest()
	if err != nil {
		return event.Result{}, err
	}
	var out event.Result
	for _, g := range m.Select(archive.Events, m.Ruleset) {
		if f.CC != "" && g.Period != f.CC || !f.Shard.Has(g.Period) {
			continue
		}
		list, err := s.derived.read(s.a, g)
		if err != nil {
			return event.Result{}, err
		}
		for _, e := range list {
			switch {
			case f.Target != "" && !slices.Contains(e.Targets, f.Target):
			case e.Artefact != "":
				out.Artefacts = append(out.Artefacts, e)
			default:
				out.Events = append(out.Events, e)
			}
		}
	}
	s.derived.keep(m)
	return out, nil
}

// derivedEvents keeps the events that were read from segments. Segments never change.
type derivedEvents struct {
	mu   sync.Mutex // guards what follows
	held map[string][]event.Event
}

func (d *derivedEvents) read(a *archive.Archive, g archive.Segment) ([]event.Event, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if list, ok := d.held[g.SHA256]; ok {
		return list, nil
	}
	list := []event.Event{}
	err := archive.ReadSegment(a, g, func(rows []event.Row) error {
		for i := range rows {
			e, err := rows[i].Event()
			if err != nil {
				return err
			}
			list = append(list, e)
		}
		return nil
	})
	if d.held == nil {
		d.held = map[string][]event.Event{}
	}
	if err == nil {
		d.held[g.SHA256] = list
	}
	return list, err
}

// keep drops the events of segments that are no longer listed.
func (d *derivedEvents) keep(m *archive.Manifest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	listed := map[string]bool{}
	for _, g := range m.Select(archive.Events, m.Ruleset) {
		listed[g.SHA256] = true
	}
	maps.DeleteFunc(d.held, func(sha string, _ []event.Event) bool { return !listed[sha] })
}
