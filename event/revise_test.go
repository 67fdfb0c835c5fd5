package event_test

import (
	"slices"
	"testing"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/verdict"
)

func known(events []event.Event) map[string]event.Event {
	out := map[string]event.Event{}
	for _, e := range events {
		out[e.ID] = e
	}
	return out
}

// The life of an alert: new, silent while only counts grow, ended; and
// withdrawn when the data no longer show it.
func TestRevise(t *testing.T) {
	rows := between(120, 50, 80).rows()
	during := detect(slices.DeleteFunc(slices.Clone(rows), func(r verdict.Row) bool { return r.Time.After(at(70)) })).Events
	all := detect(rows).Events
	r := event.Revise(nil, during)
	if len(r) != 1 || r[0].Action != event.Announced || r[0].Why == "" {
		t.Fatalf("first: %+v", r)
	}
	if r := event.Revise(known(during), during); len(r) != 0 {
		t.Errorf("the same again: %+v", r)
	}
	r = event.Revise(known(during), all)
	if len(r) != 1 || r[0].Action != event.Over || r[0].ID != during[0].ID || len(r[0].Changes) == 0 {
		t.Errorf("ended: %+v", r)
	}
	r = event.Revise(known(during), nil)
	if len(r) != 1 || r[0].Action != event.Withdrawn || r[0].Event.Target != "x" {
		t.Errorf("withdrawn: %+v", r)
	}
}

// An event whose number shifts, because an earlier one came to light, keeps
// the id that it was announced by.
func TestReviseKeepsID(t *testing.T) {
	old := detect(between(120, 50, 80).rows()).Events[0]
	earlier := detect(between(40, 10, 20).rows()).Events[0]
	later := old
	later.ID = "zz-x-2024q1-2"
	r := event.Revise(known([]event.Event{old}), []event.Event{earlier, later})
	if len(r) != 1 || r[0].Action != event.Announced || r[0].ID == old.ID {
		t.Errorf("got %+v", r)
	}
}
