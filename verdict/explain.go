package verdict

import (
	"slices"

	"github.com/bandish/bandish/observation"
)

// Explanation says how Judge reached a verdict.
type Explanation struct {
	Verdict Row
	Rows    []ExplainedRow // in the order of their Seq
	Fired   []Firing       // in the order of the rules
	Near    []NearMiss     // in the order of the rules
	// Supposed is the number of rows, from the first, whose facts were changed one by
	// one to find near misses. It is all rows, except in very long measurements.
	Supposed int
}

// ExplainedRow is a row with what the rest of the measurement says of it.
type ExplainedRow struct {
	*observation.Row
	Notes []string // sentences without a full stop: "the control got the same address"
}

// Firing is a rule that fired.
type Firing struct {
	Rule Rule
	Rows []uint16 // Seq of the rows on which it fired; none for a rule about the whole measurement
	Void string   // why it does not count for the verdict; mostly ""
}

// NearMiss is a rule that did not fire and would have fired if one fact had been
// different.
type NearMiss struct {
	Rule    Rule
	Missing string   // what would have had to be so: "the control had loaded the page"
	Rows    []uint16 // Seq of the rows with that fact; none where it is a fact of the whole measurement
}

// Explain judges as Judge does, and says why. It finds near misses by judging again
// with one fact changed (see suppositions), so that the conditions are those of the
// rules themselves. It looks only at rules that argue for a state or make a
// measurement invalid. It leaves out rules that argue for impaired, because these
// need only that nothing else fired.
func Explain(rows []observation.Row) Explanation {
	e := Explanation{Verdict: Judge(rows)}
	s := newScene(rows)
	var fired firings
	c := conclusion{trace: fired.add}
	c.conclude(s)
	e.Fired = fired.inOrder()
	for i := range e.Fired {
		if s.pageCame(&e.Fired[i].Rule) {
			e.Fired[i].Void = "the page came all the same"
		}
	}
	for i := range s.views {
		v := &s.views[i]
		e.Rows = append(e.Rows, ExplainedRow{v.Row, s.notes(v)})
	}
	slices.SortFunc(e.Rows, func(a, b ExplainedRow) int { return int(a.Seq) - int(b.Seq) })
	e.Supposed = mostSupposed(len(rows))
	e.Near = append(preceded(s, &fired), nearMisses(rows, e.Supposed, &fired)...)
	slices.SortStableFunc(e.Near, func(a, b NearMiss) int { return placeOf(a.Rule.ID) - placeOf(b.Rule.ID) })
	return e
}

// firings collects the rules that fire.
type firings struct{ all []Firing }

func (f *firings) of(id string) *Firing {
	for i := range f.all {
		if f.all[i].Rule.ID == id {
			return &f.all[i]
		}
	}
	return nil
}

func (f *firings) add(r *Rule, v *view) {
	at := f.of(r.ID)
	if at == nil {
		f.all = append(f.all, Firing{Rule: *r})
		at = &f.all[len(f.all)-1]
	}
	if v != nil {
		at.Rows = append(at.Rows, v.Seq)
	}
}

func (f *firings) inOrder() []Firing {
	for i := range f.all {
		slices.Sort(f.all[i].Rows)
	}
	return f.all
}

func placeOf(id string) int {
	return slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
}

// tells reports whether a near miss of the rule is worth reporting.
func (r *Rule) tells() bool {
	return r.Invalid != "" || r.State != "" && r.State != Impaired
}

// preceded returns the rules whose conditions hold on a row on which an earlier
// rule of the layer has fired.
func preceded(s *scene, fired *firings) []NearMiss {
	var found []NearMiss
	for i := range rules {
		r := &rules[i]
		if r.row == nil || !r.tells() || fired.of(r.ID) != nil {
			continue
		}
		near := NearMiss{Rule: *r, Missing: "no rule before it had spoken of the row"}
		for j := range s.views {
			if v := &s.views[j]; v.concerns(r.layer) && !v.open(r.layer) && r.row(s, v) {
				near.Rows = append(near.Rows, v.Seq)
			}
		}
		if len(near.Rows) > 0 {
			slices.Sort(near.Rows)
			found = append(found, near)
		}
	}
	return found
}

// mostSupposed returns for how many rows the facts are changed one by one. Judging
// once takes time by the square of the rows, and strangers send a thousand rows.
func mostSupposed(rows int) int {
	const work = 4_000_000
	return min(rows, max(1, work/max(1, rows*rows)))
}

// nearMisses judges again with each fact changed; facts of rows are changed in the
// first so many rows.
func nearMisses(rows []observation.Row, supposed int, fired *firings) []NearMiss {
	var found []NearMiss
	try := func(what *supposition, i int) {
		changed := slices.Clone(rows)
		if what.add != nil {
			row, ok := what.add(rows, i)
			if !ok {
				return
			}
			changed = append(changed, row)
		} else if !what.change(changed, i) {
			return
		}
		var now firings
		c := conclusion{trace: now.add}
		c.conclude(newScene(changed))
		for _, f := range now.all {
			if !f.Rule.tells() || fired.of(f.Rule.ID) != nil {
				continue
			}
			at := slices.IndexFunc(found, func(n NearMiss) bool { return n.Rule.ID == f.Rule.ID && n.Missing == what.sentence })
			if at < 0 {
				at = len(found)
				found = append(found, NearMiss{Rule: f.Rule, Missing: what.sentence})
			}
			if !what.whole {
				found[at].Rows = append(found[at].Rows, rows[i].Seq)
			}
		}
	}
	for i := range suppositions {
		what := &suppositions[i]
		if what.whole {
			try(what, 0)
			continue
		}
		for j := range supposed {
			try(what, j)
		}
	}
	for i := range found {
		slices.Sort(found[i].Rows)
	}
	return found
}

// notes says what the rest of the measurement says of a row.
func (s *scene) notes(v *view) []string {
	var notes []string
	say := func(holds bool, note string) {
		if holds {
			notes = append(notes, note)
		}
	}
	if v.IP != "" {
		say(v.vouched, "the address is genuine: the control got it, or a handshake for the name verified on it")
		say(v.kin && !v.vouched, "the address is of a network that the control's addresses are of")
		say(v.foreign, "the control got other addresses, of other networks")
		say(v.bogon, "no public server can have this address")
	}
	if v.http.Tried() {
		say(v.page && v.like == alike, "the page is the control's, by status and by title, length or headers")
		say(v.page && v.like == unlike, "the page is another than the control's, by every measure")
		say(v.page && v.like == uncertain, "the page differs from the control's, but not by every measure")
		say(v.clear, "whoever is on the path can have written the response")
	}
	return notes
}
