package event

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/series"
)

// This file compares: countries, to tell changes of the whole world from those of a
// country; targets, because one ban may be of several; and the other targets of a
// network, to tell a broken probe from a ban.

// world holds what was found in all countries, and when each measured what.
type world struct {
	found   []Event
	watched map[string]map[string]*presence // by target, then by country
}

// presence holds the days on which a country measured a target, as days since 1970.
type presence struct{ days []int32 }

func (p *presence) near(day int32) bool {
	i, _ := slices.BinarySearch(p.days, day-set.World.WatchSpan)
	return i < len(p.days) && p.days[i] <= day+set.World.WatchSpan
}

// see notes on which days the country measured the target.
func (w *world) see(cells []series.Cell) {
	p := &presence{}
	days := map[int32]struct{}{}
	for i := range cells {
		if c := &cells[i]; c.VoteOK+c.VoteBlocked+c.VoteImpaired > 0 {
			days[int32(chain.FloorDay(c.Start)/86400)] = struct{}{}
		}
	}
	p.days = slices.Sorted(maps.Keys(days))
	m := w.watched[cells[0].Target]
	if m == nil {
		m = map[string]*presence{}
		w.watched[cells[0].Target] = m
	}
	m[cells[0].CC] = p
}

// apart takes out the events that began or ended at the same time as in many
// unrelated countries.
func (w *world) apart() (kept, odd []Event) {
	byTarget := map[string][]int{}
	for i := range w.found {
		for _, t := range w.found[i].Targets {
			byTarget[t] = append(byTarget[t], i)
		}
	}
	for _, t := range sortedKeys(byTarget) {
		for _, i := range byTarget[t] {
			w.compare(t, i, byTarget[t])
		}
	}
	for _, e := range w.found {
		if e.Artefact != "" {
			odd = append(odd, e)
		} else {
			kept = append(kept, e)
		}
	}
	return kept, odd
}

// compare marks an event as an artefact that began, or ended, when events of many
// other countries did. The better the moments of these are known, the less it can
// be a coincidence.
func (w *world) compare(target string, i int, others []int) {
	e := &w.found[i]
	if n := w.alwaysElsewhere(e, others); e.always && n >= set.World.Always {
		e.Artefact = fmt.Sprintf("the world or the instrument: %s always failed in %d countries", target, n)
	} else if why := w.coincides(target, e, others, func(e *Event) *Interval { return &e.Onset }); why != "" {
		e.Artefact = why + " began to fail"
	} else if why := w.coincides(target, e, others, func(e *Event) *Interval { return e.End }); why != "" {
		e.Artefact = why + " recovered"
	}
}

// alwaysElsewhere counts the countries with events like e in which everything that
// was ever measured was impaired.
func (w *world) alwaysElsewhere(e *Event, others []int) int {
	countries := map[string]bool{bloc(e.CC): true}
	for _, k := range others {
		if w.found[k].always {
			countries[bloc(w.found[k].CC)] = true
		}
	}
	return len(countries)
}

// coincides looks for the moment within the event's interval that is in the
// intervals of most countries. It says what coincides, or returns "".
func (w *world) coincides(target string, e *Event, others []int, which func(*Event) *Interval) string {
	own := which(e)
	if !own.known() {
		return ""
	}
	var moments []int64
	for _, k := range others {
		if o := which(&w.found[k]); o.known() && o.holds(own.Earliest.Unix()) {
			moments = append(moments, own.Earliest.Unix())
		} else if o.known() && own.holds(o.Earliest.Unix()) {
			moments = append(moments, o.Earliest.Unix())
		}
	}
	slices.Sort(moments)
	for _, t := range slices.Compact(moments) {
		surprise := map[string]float64{}
		for _, k := range others {
			if o := which(&w.found[k]); w.found[k].CC != e.CC && o.known() && o.holds(t) {
				c := bloc(w.found[k].CC)
				surprise[c] = max(surprise[c], math.Log(set.World.BanEvery/(o.width()+2*float64(set.World.Slack))))
			}
		}
		delete(surprise, bloc(e.CC))
		total := 0.0
		for _, cc := range sortedKeys(surprise) {
			total += surprise[cc]
		}
		n := len(surprise) + 1
		if n < set.World.Countries || total < set.World.Surprise {
			continue
		}
		watching := map[string]bool{}
		for cc, p := range w.watched[target] {
			if p.near(int32(chain.FloorDay(t) / 86400)) {
				watching[bloc(cc)] = true
			}
		}
		if (n >= set.World.Sure || float64(n) >= set.World.Share*float64(len(watching))) && !w.outlasts(e, others, which, t) {
			return fmt.Sprintf("the world or the instrument: at the same time %s in %d of the %d countries that measured it", target, n, len(watching))
		}
	}
	return ""
}

// outlasts reports whether an event went on for days after most of those that began
// with it had ended. Then a common cause does not explain it.
func (w *world) outlasts(e *Event, others []int, which func(*Event) *Interval, t int64) bool {
	var ended []int64
	lasting := 0
	for _, k := range others {
		o := &w.found[k]
		if i := which(o); o.CC == e.CC || !i.known() || !i.holds(t) {
			continue
		}
		if o.End.known() {
			ended = append(ended, o.End.Latest.Unix())
		} else {
			lasting++
		}
	}
	slices.Sort(ended)
	n := len(ended)
	return n > lasting && (e.End == nil || e.End.known() && e.End.Earliest.Unix() > ended[n/2]+set.World.Apart)
}

// union lists the members of the European Union. They count as one country, because
// its sanctions block in all of them at once.
const union = " AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK "

func bloc(cc string) string {
	if len(cc) == 2 && strings.Contains(union, " "+cc+" ") {
		return "EU"
	}
	return cc
}

// group unites those events of one country that began together and ended together
// on the same networks.
func group(es []Event) []Event {
	slices.SortFunc(es, func(a, b Event) int {
		return cmp.Or(strings.Compare(a.Target, b.Target), cmp.Compare(a.primary.from, b.primary.from))
	})
	used := make([]bool, len(es))
	var out []Event
	for i := range es {
		if used[i] {
			continue
		}
		members := []Event{es[i]}
		for k := i + 1; k < len(es); k++ {
			if !used[k] && !slices.ContainsFunc(members, func(m Event) bool { return m.Target == es[k].Target }) && alike(&es[i], &es[k]) {
				used[k] = true
				members = append(members, es[k])
			}
		}
		out = append(out, unite(members))
	}
	return out
}

// alike reports whether two events are one ban of two targets.
func alike(a, b *Event) bool {
	if a.Kind != b.Kind || !meet(a.Onset, b.Onset) || (a.End == nil) != (b.End == nil) || a.End != nil && !meet(*a.End, *b.End) {
		return false
	}
	shared := 0
	for _, n := range a.Networks {
		if slices.Contains(b.Networks, n) {
			shared++
		}
	}
	return float64(shared) >= set.World.GroupShared*float64(len(a.Networks)+len(b.Networks)-shared)
}

// unite makes one event from events of several targets, with the dates that they
// share.
func unite(m []Event) Event {
	if len(m) == 1 {
		return m[0]
	}
	e := m[0]
	e.Targets, e.Networks, e.Mechanisms, e.Phases, e.Evidence, e.Parts, e.ByNetwork, e.Counts = nil, []string{}, []string{}, []Phase{}, []string{}, nil, nil, Counts{}
	s := sha256.New()
	e.Reasons = nil
	var onsets, ends []Interval
	shown := map[string][]OnNetwork{}
	for i := range m {
		p := &m[i]
		e.Targets = append(e.Targets, p.Target)
		e.Networks = append(e.Networks, p.Networks...)
		for _, k := range p.Mechanisms {
			if !slices.Contains(e.Mechanisms, k) {
				e.Mechanisms = append(e.Mechanisms, k)
			}
		}
		for _, ph := range p.Phases {
			ph.Note = p.Target + ": " + ph.Note
			e.Phases = append(e.Phases, ph)
		}
		for _, r := range p.Reasons {
			e.Reasons = append(e.Reasons, p.Target+": "+r)
		}
		e.Evidence = append(e.Evidence, p.Evidence[:min(len(p.Evidence), max(4, set.Course.Evidence/len(m)))]...)
		onsets = append(onsets, p.Onset)
		if p.End != nil {
			ends = append(ends, *p.End)
		}
		e.Counts.add(p.Counts)
		e.Confidence = max(e.Confidence, p.Confidence)
		e.primary.from, e.primary.to = min(e.primary.from, p.primary.from), max(e.primary.to, p.primary.to)
		if p.State != e.State {
			e.State = Fading
		}
		e.Parts = append(e.Parts, Part{p.Target, p.Networks, p.Onset, p.End, p.State, p.Mechanisms, p.Counts, p.Confidence, p.ByNetwork})
		for _, n := range p.ByNetwork {
			shown[n.Network] = append(shown[n.Network], n)
		}
		io.WriteString(s, p.InputHash)
	}
	e.Onset = shared(onsets)
	if e.End != nil {
		end := shared(ends)
		e.End = &end
	}
	slices.SortFunc(e.Networks, byNumber)
	e.Networks = slices.Compact(e.Networks)
	for _, n := range e.Networks {
		if of := shown[n]; len(of) > 0 {
			e.ByNetwork = append(e.ByNetwork, ofAll(of))
		}
	}
	slices.SortStableFunc(e.Phases, func(a, b Phase) int { return cmp.Or(a.From.Compare(b.From), strings.Compare(a.Note, b.Note)) })
	e.Phases = e.clip(e.Phases)
	e.InputHash = sum(s)
	e.Scope = scope(&e)
	return e
}

// ofAll returns what one network showed of several targets: the counts of all, and
// the dates that they share.
func ofAll(of []OnNetwork) OnNetwork {
	out := OnNetwork{Network: of[0].Network}
	var onsets, ends []Interval
	for _, n := range of {
		onsets = append(onsets, n.Onset)
		if n.End != nil {
			ends = append(ends, *n.End)
		}
		out.Counts.add(n.Counts)
		out.Before.OK += n.Before.OK
		out.Before.Bad += n.Before.Bad
		out.Before.Usual = max(out.Before.Usual, n.Before.Usual)
	}
	out.Onset = shared(onsets)
	if len(ends) == len(of) {
		end := shared(ends)
		out.End = &end
	}
	return out
}

func (c *Counts) add(o Counts) {
	c.Blocked += o.Blocked
	c.OK += o.OK
	c.Down += o.Down
	c.Inconclusive += o.Inconclusive
	c.Measurements += o.Measurements
	c.Reports += o.Reports
}
