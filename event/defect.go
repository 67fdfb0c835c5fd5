package event

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/series"
)

// This file tells a broken probe, or line, from a ban of many platforms on one
// network. Both make nearly all of many targets fail at once that otherwise are
// fine there. A ban leaves some targets alone, day after day the same ones; or
// it answers in ways in which nothing broken answers. Where neither is seen,
// other networks that work speak for a defect: its votes are taken off, and it
// is told among the artefacts. Where the country has no other network to
// compare with, the events stay and say that a defect is not ruled out.

const (
	defectTargets  = 6 // on a day
	brokenTargets  = 5 // while an event lasts
	defectShare    = 0.8
	defectNetworks = 3 // that fail so on one day: no probe
	defectGap      = 3 * 86400
	// A target that a defect leaves alone, and one that it does not.
	spared, struck = 0.3, 0.7
	sparedVotes    = 3.0 // that must speak for a target's being left alone
	surelyShare    = 0.5 // of the bad votes, by means that no defect makes
	soleShare      = 0.8 // of a country's votes in the weeks around, that one network has
	soleSpan       = 28 * 86400
	toldVotes      = 6.0 // bad votes of a defect, to be told
)

// tally is the votes on one target.
type tally struct{ bad, ok float64 }

func (t *tally) share() float64 { return t.bad / math.Max(t.bad+t.ok, 1e-9) }

// failure is a stretch of days on which nearly all of many targets failed on
// one network, or in some of the reports from it.
type failure struct {
	asn      uint32
	from, to int64
	reports  bool // only some of the reports from the network fail so
	targets  map[string]*tally
	sure     float64 // bad votes by means that no defect makes
	bad      float64
	own, all float64 // votes of the network and of the country in the weeks around
}

// sureMeans reports whether no broken probe or line fails in this way: somebody
// says that it is blocked. Resets, errors of names and silence are what a
// firewall of a company or a portal that asks for a log-in makes of everything.
func sureMeans(mechanism string) bool { return strings.HasSuffix(mechanism, "blockpage") }

// selective reports whether some targets worked throughout while the others
// failed throughout.
func selective(targets map[string]*tally) bool {
	fine, failed := 0, 0
	for _, t := range targets {
		switch {
		case t.bad+t.ok < sparedVotes:
		case t.share() <= spared:
			fine++
		case t.share() >= struck:
			failed++
		}
	}
	return fine > 0 && failed > 0 && fine+failed >= len(targets)*2/3
}

// ban reports whether a failure is a ban, and sole whether nothing tells.
func (f *failure) ban() (ban, sole bool) {
	switch {
	case selective(f.targets), f.sure >= surelyShare*f.bad:
		return true, false
	case !f.reports && f.own >= soleShare*f.all:
		return true, true
	}
	return false, false
}

// spot is one network's day, or one report's from it.
type spot struct {
	asn    uint32
	day    int64
	report uint32 // 0: the whole network
}

// defects takes the votes of broken probes and lines from sorted cells. It
// returns the failures that were found, those that are no defects among them,
// and whose votes were taken.
func defects(cells []series.Cell) (found []*failure, silenced map[spot]*failure) {
	usual := map[uint32]map[string]*tally{}
	for i := range cells {
		addTo(usual, cells[i].ASN, &cells[i])
	}
	broken := brokenDays(cells, usual)
	fs := judge(cells, broken)
	found = distinct(fs)
	silenced = onlyDefects(fs)
	mute(cells, silenced)
	fs = judge(cells, brokenReports(cells, usual))
	found = append(found, distinct(fs)...)
	fs = onlyDefects(fs)
	mute(cells, fs)
	maps.Copy(silenced, fs)
	return found, silenced
}

func onlyDefects(fs map[spot]*failure) map[spot]*failure {
	out := map[spot]*failure{}
	for s, f := range fs {
		if ban, _ := f.ban(); !ban {
			out[s] = f
		}
	}
	return out
}

// mute takes the votes of broken networks' days and of broken probes.
func mute(cells []series.Cell, of map[spot]*failure) {
	if len(of) == 0 {
		return
	}
	for i := range cells {
		c := &cells[i]
		if day := floorDay(c.Start); of[spot{c.ASN, day, 0}] != nil {
			c.VoteBlocked, c.VoteImpaired, c.VoteOK, c.VoteDown = 0, 0, 0, 0
		} else {
			for _, v := range c.Voices {
				if of[spot{c.ASN, day, v.Report}] != nil {
					hush(c, v.Report)
				}
			}
		}
	}
}

func addTo(m map[uint32]map[string]*tally, asn uint32, c *series.Cell) {
	if c.VoteBlocked+c.VoteImpaired+c.VoteOK == 0 {
		return
	}
	if m[asn] == nil {
		m[asn] = map[string]*tally{}
	}
	t := m[asn][c.Target]
	if t == nil {
		t = &tally{}
		m[asn][c.Target] = t
	}
	t.bad += float64(c.VoteBlocked+c.VoteImpaired) / series.Vote
	t.ok += float64(c.VoteOK) / series.Vote
}

// brokenDays are the days of networks on which nearly all of many targets fail
// that otherwise are fine there, unless several networks fail so that day.
func brokenDays(cells []series.Cell, usual map[uint32]map[string]*tally) map[spot]bool {
	type place struct {
		asn uint32
		day int64
	}
	onDay := map[place]map[string]*tally{}
	for i := range cells {
		c := &cells[i]
		k := place{c.ASN, floorDay(c.Start)}
		if c.VoteBlocked+c.VoteImpaired+c.VoteOK == 0 {
			continue
		}
		m := onDay[k]
		if m == nil {
			m = map[string]*tally{}
			onDay[k] = m
		}
		t := m[c.Target]
		if t == nil {
			t = &tally{}
			m[c.Target] = t
		}
		t.bad += float64(c.VoteBlocked + c.VoteImpaired)
		t.ok += float64(c.VoteOK)
	}
	broken := map[spot]bool{}
	perDay := map[int64]int{}
	for k, targets := range onDay {
		if len(targets) < defectTargets {
			continue
		}
		n, bad := 0, 0
		for name, t := range targets {
			if u := usual[k.asn][name]; u.bad > u.ok {
				continue
			}
			n++
			if t.bad > t.ok {
				bad++
			}
		}
		if n >= defectTargets && float64(bad) >= defectShare*float64(n) {
			broken[spot{k.asn, k.day, 0}] = true
			perDay[k.day]++
		}
	}
	maps.DeleteFunc(broken, func(s spot, _ bool) bool { return perDay[s.day] >= defectNetworks })
	return broken
}

// brokenReports are the reports in which nearly all of many targets failed that
// otherwise are fine on their network: one probe of several was broken. Where
// reports on several networks say so on one day, it is no probe.
func brokenReports(cells []series.Cell, usual map[uint32]map[string]*tally) map[spot]bool {
	type heard struct {
		spot
		cell, voice int
	}
	var all []heard
	for i := range cells {
		c := &cells[i]
		if c.VoteBlocked+c.VoteImpaired+c.VoteOK+c.VoteDown == 0 {
			continue
		}
		for k, v := range c.Voices {
			all = append(all, heard{spot{c.ASN, floorDay(c.Start), v.Report}, i, k})
		}
	}
	slices.SortFunc(all, func(a, b heard) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.asn, b.asn), cmp.Compare(a.report, b.report), cmp.Compare(a.cell, b.cell), cmp.Compare(a.voice, b.voice))
	})
	failed := func(said []heard) bool { // in the order of cells and so of targets
		n, bad := 0, 0
		for i := 0; i < len(said); {
			target := cells[said[i].cell].Target
			sum := int64(0)
			for ; i < len(said) && cells[said[i].cell].Target == target; i++ {
				v := cells[said[i].cell].Voices[said[i].voice]
				sum += int64(v.Bad) - int64(v.OK)
			}
			if u := usual[said[0].asn][target]; u != nil && u.bad > u.ok {
				continue
			}
			if n++; sum > 0 {
				bad++
			}
		}
		return n >= defectTargets && float64(bad) >= defectShare*float64(n)
	}
	broken := map[spot]bool{}
	networks := map[int64]map[uint32]bool{}
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].spot == all[i].spot {
			j++
		}
		if failed(all[i:j]) {
			s := all[i].spot
			broken[s] = true
			if networks[s.day] == nil {
				networks[s.day] = map[uint32]bool{}
			}
			networks[s.day][s.asn] = true
		}
		i = j
	}
	maps.DeleteFunc(broken, func(s spot, _ bool) bool { return len(networks[s.day]) >= defectNetworks })
	return broken
}

// judge puts the spots of a network that follow each other together, and adds
// up what was measured there meanwhile.
func judge(cells []series.Cell, broken map[spot]bool) map[spot]*failure {
	if len(broken) == 0 {
		return nil
	}
	spots := slices.SortedFunc(maps.Keys(broken), func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.asn, b.asn), cmp.Compare(a.day, b.day), cmp.Compare(a.report, b.report))
	})
	of := map[spot]*failure{}
	var f *failure
	var all []*failure
	for _, s := range spots {
		if f == nil || f.asn != s.asn || s.day-f.to > defectGap {
			f = &failure{asn: s.asn, from: s.day, reports: s.report != 0, targets: map[string]*tally{}}
			all = append(all, f)
		}
		f.to = s.day
		of[s] = f
	}
	for i := range cells {
		c := &cells[i]
		votes := float64(c.VoteBlocked+c.VoteImpaired+c.VoteOK) / series.Vote
		day := floorDay(c.Start)
		for _, f := range all {
			if day >= f.from-soleSpan && day <= f.to+soleSpan {
				f.all += votes
				if c.ASN == f.asn {
					f.own += votes
				}
			}
		}
		if f := of[spot{c.ASN, day, 0}]; f != nil {
			f.add(c, float64(c.VoteBlocked+c.VoteImpaired)/series.Vote, float64(c.VoteOK)/series.Vote)
		}
		for _, v := range c.Voices {
			if f := of[spot{c.ASN, day, v.Report}]; f != nil {
				f.add(c, float64(v.Bad)/series.Vote, float64(v.OK)/series.Vote)
			}
		}
	}
	return of
}

// add adds the votes on one target, of a cell's or some of them.
func (f *failure) add(c *series.Cell, bad, ok float64) {
	t := f.targets[c.Target]
	if t == nil {
		t = &tally{}
		f.targets[c.Target] = t
	}
	t.bad, t.ok = t.bad+bad, t.ok+ok
	f.bad += bad
	var sure, named float64
	for _, y := range c.Tallies {
		if y.Kind == series.Mechanism {
			named += float64(y.Bad)
			if sureMeans(y.Name) {
				sure += float64(y.Bad)
			}
		}
	}
	if named > 0 {
		f.sure += bad * sure / named
	}
}

// distinct are the failures of all spots, in order.
func distinct(of map[spot]*failure) []*failure {
	seen := map[*failure]bool{}
	var out []*failure
	for _, f := range of {
		if !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b *failure) int { return cmp.Or(cmp.Compare(a.asn, b.asn), cmp.Compare(a.from, b.from)) })
	return out
}

// hush takes a report's votes from a cell.
func hush(c *series.Cell, report uint32) {
	for _, v := range c.Voices {
		if v.Report != report {
			continue
		}
		blocked := uint32(uint64(v.Bad) * uint64(c.VoteBlocked) / max(uint64(c.VoteBlocked)+uint64(c.VoteImpaired), 1))
		c.VoteBlocked -= min(blocked, c.VoteBlocked)
		c.VoteImpaired -= min(v.Bad-blocked, c.VoteImpaired)
		c.VoteOK -= min(v.OK, c.VoteOK)
	}
	c.Voices = slices.DeleteFunc(slices.Clone(c.Voices), func(v series.Voice) bool { return v.Report == report })
}

// artefact tells a defect whose votes were taken off.
func (f *failure) artefact(cc string) Event {
	var names []string
	for _, n := range sortedKeys(f.targets) {
		if t := f.targets[n]; t.bad > t.ok {
			names = append(names, n)
		}
	}
	what := "a probe or the line"
	if f.reports {
		what = "a probe"
	}
	day := func(t int64) *time.Time { return instant(t) }
	e := Event{Kind: Block, Target: names[0], Targets: names, CC: cc, Networks: []string{networkName(f.asn)}, State: Ended,
		Onset: Interval{day(f.from), day(f.from + 86400)}, End: &Interval{day(f.to), day(f.to + 86400)},
		Mechanisms: []string{}, Phases: []Phase{}, Evidence: []string{}, Detector: Version, Confidence: 0.05, primary: anchor{f.from, f.to + 86400},
		Artefact: fmt.Sprintf("the instrument: nearly all of %d targets failed there at once that are otherwise fine, and the country's other networks worked: %s was broken", len(f.targets), what)}
	e.Scope = scope(&e)
	e.Reasons = []string{e.Artefact}
	return e
}

// soundNetworks looks at the events that are mainly one network's, on which
// nearly all failed while they lasted, and at those of the same network and
// time: they are set aside, or say what speaks against a defect.
func (d *Detector) soundNetworks(cells []series.Cell, failures []*failure, events []Event) []Event {
	var out []*failure
	for _, f := range failures {
		if ban, sole := f.ban(); !ban && f.bad >= toldVotes {
			d.odd = append(d.odd, f.artefact(cells[0].CC))
		} else if sole {
			out = append(out, f)
		}
	}
	for i := range events {
		if f := duringEvent(cells, &events[i]); f != nil {
			if ban, sole := f.ban(); !ban || sole {
				out = append(out, f)
			}
		}
	}
	return slices.DeleteFunc(events, func(e Event) bool {
		i := slices.IndexFunc(out, func(f *failure) bool {
			return e.mainly == networkName(f.asn) && e.primary.from <= f.to+86400 && f.from <= e.primary.to
		})
		if i < 0 {
			return false
		}
		return !d.doubt(out[i], &e, events)
	})
}

// doubt tells an event with less confidence where nothing tells it from a
// defect, and sets it aside where the other networks do. It reports whether it
// stays.
func (d *Detector) doubt(f *failure, e *Event, events []Event) bool {
	if _, sole := f.ban(); !sole {
		e.Artefact = "the instrument: on " + e.mainly + " nearly all of the other targets failed meanwhile, too"
		d.odd = append(d.odd, *e)
		return false
	}
	for i := range events {
		if o := &events[i]; o.Target == e.Target && o.primary == e.primary {
			o.Confidence = math.Round(60*o.Confidence) / 100
			o.Reasons = append(o.Reasons, fmt.Sprintf("nearly everything that was measured on %s failed meanwhile, and no other network was measured enough to compare with: a defect of the probe or the line is not ruled out", e.mainly))
		}
	}
	return true
}

// duringEvent is the failure of nearly all targets on the network that is
// mainly an event's, while it lasted, or nil. (The days of a failure are single
// days, on which few targets may have been measured.)
func duringEvent(cells []series.Cell, e *Event) *failure {
	asn, err := strconv.ParseUint(strings.TrimPrefix(e.mainly, "AS"), 10, 32)
	if err != nil {
		return nil
	}
	f := &failure{asn: uint32(asn), from: e.primary.from, to: e.primary.to - 86400, targets: map[string]*tally{}}
	usual := map[string]*tally{}
	for i := range cells {
		c := &cells[i]
		bad, ok := float64(c.VoteBlocked+c.VoteImpaired)/series.Vote, float64(c.VoteOK)/series.Vote
		if c.Start >= e.primary.from-soleSpan && c.Start <= e.primary.to+soleSpan {
			f.all += bad + ok
			if c.ASN == f.asn {
				f.own += bad + ok
			}
		}
		if c.ASN != f.asn || bad+ok == 0 {
			continue
		}
		if c.End() > e.primary.from && c.Start <= e.primary.to {
			f.add(c, bad, ok)
			continue
		}
		u := usual[c.Target]
		if u == nil {
			u = &tally{}
			usual[c.Target] = u
		}
		u.bad, u.ok = u.bad+bad, u.ok+ok
	}
	n, failed := 0, 0
	for name, t := range f.targets {
		u := cmp.Or(usual[name], &tally{})
		if u.bad > u.ok {
			delete(f.targets, name)
			continue
		}
		n++
		if t.share() >= u.share()+minRise { // one probe of several may be broken
			failed++
		}
	}
	if n < brokenTargets || float64(failed) < defectShare*float64(n) {
		return nil
	}
	return f
}
