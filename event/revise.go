package event

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Action says what a revision announces.
type Action string

// The actions.
const (
	Announced Action = "new"
	Updated   Action = "updated"
	Over      Action = "ended"     // it ended, which was not announced before
	Withdrawn Action = "withdrawn" // the data no longer show the event
)

// Revision is a difference between what was announced and what is found now.
type Revision struct {
	Action  Action   `json:"action"`
	ID      string   `json:"id"` // the event's id as it was first announced
	Changes []Change `json:"changes,omitempty"`
	Why     string   `json:"why"`
	Event   Event    `json:"event"` // as it is now; a withdrawn event as it was last
}

// Change is one field that changed, in words.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Revise compares the events that were last announced, by id, with those that are
// found now. It returns what must be announced, sorted by id. Counts that only grow
// are not announced.
//
// An event whose id changed is the announced one if country, kind of event, a
// target and a time are common to both. It keeps the id by which it was announced;
// Revise writes that id into now.
func Revise(announced map[string]Event, now []Event) []Revision {
	var out []Revision
	seen := map[string]bool{}
	for i := range now {
		if _, ok := announced[now[i].ID]; ok {
			seen[now[i].ID] = true
		}
	}
	for i := range now {
		e := &now[i]
		old, ok := announced[e.ID]
		if ok && !overlap(&old, e) { // the id went to another ban
			ok = false
			seen[e.ID] = false
		}
		if !ok {
			old, ok = predecessor(announced, seen, e)
		}
		if !ok {
			e.ID = unused(announced, now, e, i)
			out = append(out, Revision{Action: Announced, ID: e.ID, Why: strings.Join(e.Reasons, "; "), Event: *e})
			continue
		}
		e.ID = old.ID
		seen[old.ID] = true
		if changes := difference(&old, e); len(changes) > 0 {
			r := Revision{Action: Updated, ID: e.ID, Changes: changes, Why: reason(&old, e), Event: *e}
			if old.End == nil && e.End != nil {
				r.Action = Over
			}
			out = append(out, r)
		}
	}
	for id, old := range announced {
		if !seen[id] {
			out = append(out, Revision{Action: Withdrawn, ID: id, Event: old,
				Why: "with the measurements and rules there are now, this is no longer found to be an event"})
		}
	}
	slices.SortFunc(out, func(a, b Revision) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func predecessor(announced map[string]Event, seen map[string]bool, e *Event) (Event, bool) {
	for _, id := range sortedKeys(announced) {
		if old := announced[id]; !seen[id] && overlap(&old, e) {
			return old, true
		}
	}
	return Event{}, false
}

// overlap reports whether two events have the country, the kind of event, a target
// and a time in common.
func overlap(a, b *Event) bool {
	if a.CC != b.CC || (a.Kind == Shutdown) != (b.Kind == Shutdown) {
		return false
	}
	if !slices.ContainsFunc(a.Targets, func(t string) bool { return slices.Contains(b.Targets, t) }) {
		return false
	}
	before := func(x, y *Event) bool { // x ended before y can have begun
		return x.End != nil && x.End.Latest != nil && y.Onset.Earliest != nil && x.End.Latest.Before(*y.Onset.Earliest)
	}
	return !before(a, b) && !before(b, a)
}

// unused returns an id for an event that was never announced and is no other event's.
func unused(announced map[string]Event, now []Event, e *Event, at int) string {
	taken := func(id string) bool {
		if _, ok := announced[id]; ok {
			return true
		}
		for i := range now {
			if i != at && now[i].ID == id {
				return true
			}
		}
		return false
	}
	id, stem := e.ID, e.ID
	if head, tail, ok := cutLast(id, "-"); ok && strings.Trim(tail, "0123456789") == "" {
		stem = head
	}
	for n := 2; taken(id); n++ {
		id = fmt.Sprintf("%s-%d", stem, n)
	}
	return id
}

func cutLast(s, sep string) (head, tail string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func difference(old, e *Event) []Change {
	var out []Change
	add := func(field, from, to string) {
		if from != to {
			out = append(out, Change{field, from, to})
		}
	}
	end := func(i *Interval) string {
		if i == nil {
			return ""
		}
		return i.String()
	}
	add("state", string(old.State), string(e.State))
	add("onset", old.Onset.String(), e.Onset.String())
	add("end", end(old.End), end(e.End))
	add("targets", strings.Join(old.Targets, ", "), strings.Join(e.Targets, ", "))
	add("networks", strings.Join(old.Networks, ", "), strings.Join(e.Networks, ", "))
	add("mechanisms", strings.Join(old.Mechanisms, ", "), strings.Join(e.Mechanisms, ", "))
	return out
}

func reason(old, e *Event) string {
	var why []string
	if old.Detector != e.Detector {
		why = append(why, fmt.Sprintf("the detector changed from %s to %s", old.Detector, e.Detector))
	}
	if old.InputHash != e.InputHash {
		n := e.Counts.Measurements - old.Counts.Measurements
		switch {
		case n > 0:
			why = append(why, fmt.Sprintf("%d more measurements of it", n))
		case n < 0:
			why = append(why, fmt.Sprintf("%d measurements fewer of it", -n))
		default:
			why = append(why, "measurements before or after it, or their verdicts, changed")
		}
	}
	return cmp.Or(strings.Join(why, "; "), "what other targets or countries show changed")
}
