// Package artefact finds what looks like a ban and comes from the instrument:
// broken probes and lines, on which everything fails at once, and changes that
// follow a label (a software version, a ruleset, a resolver) and not the time.
// Package event gives it cells and uses what it finds. docs/DETECTION.md describes
// the model in "World or instrument" and "A broken probe or a ban of many
// platforms". The package does no I/O and reads no clock.
package artefact

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/event/parameter"
	"github.com/bandish/bandish/series"
)

// This file tells a broken probe or line from a ban of many platforms on one
// network. Both make nearly all of many targets fail at once that are usually fine
// there. A ban spares some targets, the same ones day after day; or it answers in a
// way in which nothing broken answers. Where neither is seen and other networks
// work, it is a defect: its votes are removed, and it is reported as an artefact.
// Where the country has no other network to compare with, the events stay and say
// that a defect is not ruled out.

// set are the parameters of the model.
var set = &parameter.Standard

// Tally holds the votes on one target.
type Tally struct{ Bad, OK float64 }

// Share returns the share of bad votes, from 0 to 1.
func (t *Tally) Share() float64 { return t.Bad / math.Max(t.Bad+t.OK, 1e-9) }

// Failure is a run of days on which nearly all of many targets failed on one
// network, or in some of the reports from it. From and To are Unix seconds, the
// beginnings of its first and last day.
type Failure struct {
	ASN      uint32
	From, To int64
	Reports  bool // only some of the reports from the network fail
	Targets  map[string]*Tally
	sure     float64 // bad votes by mechanisms that no defect shows
	Bad      float64
	own, all float64 // votes in the weeks around: of the networks that fail in that time, and of the whole country
}

// sureMeans reports whether a mechanism is one that no broken probe or line shows:
// a page says that it is a block. Resets, DNS errors and silence do not count,
// because a company's firewall or a portal with a log-in does the same to
// everything.
func sureMeans(mechanism string) bool { return strings.HasSuffix(mechanism, "blockpage") }

// selective reports whether some targets always worked while the others always
// failed.
func selective(targets map[string]*Tally) bool {
	fine, failed := 0, 0
	for _, t := range targets {
		switch {
		case t.Bad+t.OK < set.Defect.SparedVotes:
		case t.Share() <= set.Defect.Spared:
			fine++
		case t.Share() >= set.Defect.Struck:
			failed++
		}
	}
	return fine > 0 && failed > 0 && fine+failed >= int(set.Defect.Judged*float64(len(targets))+1e-9)
}

// Ban reports whether a failure is a ban. sole is true where nothing can tell a ban
// from a defect; ban is then true, too.
func (f *Failure) Ban() (ban, sole bool) {
	switch {
	case selective(f.Targets), f.sure >= set.Defect.Surely*f.Bad:
		return true, false
	case !f.Reports && f.own >= set.Defect.Sole*f.all:
		return true, true
	}
	return false, false
}

// explains reports whether a ban on the network explains a report in which
// everything failed: then the report is not from a broken probe.
func (f *Failure) explains(s spot) bool {
	ban, _ := f.Ban()
	return ban && f.ASN == s.asn && s.day >= f.From-set.Defect.Gap && s.day <= f.To+set.Defect.Gap
}

// spot is one day of a network, or of one report from it.
type spot struct {
	asn    uint32
	day    int64
	report uint32 // 0: the whole network
}

// Defects finds failures in sorted cells and removes the votes of those that are
// defects. It returns all failures, those that are bans among them, and by spot
// those whose votes it removed.
func Defects(cells []series.Cell) (found []*Failure, silenced map[spot]*Failure) {
	usual := map[uint32]map[string]*Tally{}
	for i := range cells {
		addTo(usual, cells[i].ASN, &cells[i])
	}
	broken := brokenDays(cells, usual)
	fs := judge(cells, broken)
	found = distinct(fs)
	silenced = onlyDefects(fs)
	Mute(cells, silenced)
	reports := brokenReports(cells, usual)
	maps.DeleteFunc(reports, func(s spot, _ bool) bool {
		return slices.ContainsFunc(found, func(f *Failure) bool { return f.explains(s) })
	})
	fs = judge(cells, reports)
	found = append(found, distinct(fs)...)
	fs = onlyDefects(fs)
	Mute(cells, fs)
	maps.Copy(silenced, fs)
	return found, silenced
}

func onlyDefects(fs map[spot]*Failure) map[spot]*Failure {
	out := map[spot]*Failure{}
	for s, f := range fs {
		if ban, _ := f.Ban(); !ban {
			out[s] = f
		}
	}
	return out
}

// Mute removes from cells the votes of the spots in of.
func Mute(cells []series.Cell, of map[spot]*Failure) {
	if len(of) == 0 {
		return
	}
	for i := range cells {
		c := &cells[i]
		if day := chain.FloorDay(c.Start); of[spot{c.ASN, day, 0}] != nil {
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

func addTo(m map[uint32]map[string]*Tally, asn uint32, c *series.Cell) {
	if c.VoteBlocked+c.VoteImpaired+c.VoteOK == 0 {
		return
	}
	if m[asn] == nil {
		m[asn] = map[string]*Tally{}
	}
	t := m[asn][c.Target]
	if t == nil {
		t = &Tally{}
		m[asn][c.Target] = t
	}
	t.Bad += float64(c.VoteBlocked+c.VoteImpaired) / series.Vote
	t.OK += float64(c.VoteOK) / series.Vote
}

// brokenDays returns the days of networks on which nearly all of many targets fail
// that are usually fine there. Days on which several networks fail so do not count.
func brokenDays(cells []series.Cell, usual map[uint32]map[string]*Tally) map[spot]bool {
	type place struct {
		asn uint32
		day int64
	}
	onDay := map[place]map[string]*Tally{}
	for i := range cells {
		c := &cells[i]
		k := place{c.ASN, chain.FloorDay(c.Start)}
		if c.VoteBlocked+c.VoteImpaired+c.VoteOK == 0 {
			continue
		}
		m := onDay[k]
		if m == nil {
			m = map[string]*Tally{}
			onDay[k] = m
		}
		t := m[c.Target]
		if t == nil {
			t = &Tally{}
			m[c.Target] = t
		}
		t.Bad += float64(c.VoteBlocked + c.VoteImpaired)
		t.OK += float64(c.VoteOK)
	}
	broken := map[spot]bool{}
	perDay := map[int64]int{}
	for k, targets := range onDay {
		if len(targets) < set.Defect.Targets {
			continue
		}
		n, bad := 0, 0
		for name, t := range targets {
			if u := usual[k.asn][name]; u.Bad > u.OK {
				continue
			}
			n++
			if t.Bad > t.OK {
				bad++
			}
		}
		if n >= set.Defect.Targets && float64(bad) >= set.Defect.Share*float64(n) {
			broken[spot{k.asn, k.day, 0}] = true
			perDay[k.day]++
		}
	}
	maps.DeleteFunc(broken, func(s spot, _ bool) bool { return perDay[s.day] >= set.Defect.Networks })
	return broken
}

// brokenReports returns the reports in which nearly all of many targets failed that
// are usually fine on their network: one of several probes was broken. Where
// reports on several networks fail so on one day, it is no probe.
func brokenReports(cells []series.Cell, usual map[uint32]map[string]*Tally) map[spot]bool {
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
			all = append(all, heard{spot{c.ASN, chain.FloorDay(c.Start), v.Report}, i, k})
		}
	}
	slices.SortFunc(all, func(a, b heard) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.asn, b.asn), cmp.Compare(a.report, b.report), cmp.Compare(a.cell, b.cell), cmp.Compare(a.voice, b.voice))
	})
	failed := func(said []heard) bool { // in the order of cells, which is that of targets
		n, bad := 0, 0
		for i := 0; i < len(said); {
			target := cells[said[i].cell].Target
			sum := int64(0)
			for ; i < len(said) && cells[said[i].cell].Target == target; i++ {
				v := cells[said[i].cell].Voices[said[i].voice]
				sum += int64(v.Bad) - int64(v.OK)
			}
			if u := usual[said[0].asn][target]; u != nil && u.Bad > u.OK {
				continue
			}
			if n++; sum > 0 {
				bad++
			}
		}
		return n >= set.Defect.Targets && float64(bad) >= set.Defect.Share*float64(n)
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
	maps.DeleteFunc(broken, func(s spot, _ bool) bool { return len(networks[s.day]) >= set.Defect.Networks })
	return broken
}

// judge joins a network's spots that follow each other into failures, and adds up
// what was measured there in that time.
func judge(cells []series.Cell, broken map[spot]bool) map[spot]*Failure {
	if len(broken) == 0 {
		return nil
	}
	spots := slices.SortedFunc(maps.Keys(broken), func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.asn, b.asn), cmp.Compare(a.day, b.day), cmp.Compare(a.report, b.report))
	})
	of := map[spot]*Failure{}
	var f *Failure
	var all []*Failure
	for _, s := range spots {
		if f == nil || f.ASN != s.asn || s.day-f.To > set.Defect.Gap {
			f = &Failure{ASN: s.asn, From: s.day, Reports: s.report != 0, Targets: map[string]*Tally{}}
			all = append(all, f)
		}
		f.To = s.day
		of[s] = f
	}
	with := together(all)
	for i := range cells {
		c := &cells[i]
		votes := float64(c.VoteBlocked+c.VoteImpaired+c.VoteOK) / series.Vote
		day := chain.FloorDay(c.Start)
		for _, f := range all {
			if day >= f.From-set.Defect.SoleSpan && day <= f.To+set.Defect.SoleSpan {
				f.all += votes
				if with[f][c.ASN] {
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

// together returns, for each failure, the networks that fail during it. One probe
// may have been on two of them, so two prove nothing. Where they are nearly all
// that is measured, there is no other network to compare with.
func together(fs []*Failure) map[*Failure]map[uint32]bool {
	out := map[*Failure]map[uint32]bool{}
	for _, f := range fs {
		out[f] = map[uint32]bool{}
		for _, g := range fs {
			if g.From <= f.To && f.From <= g.To {
				out[f][g.ASN] = true
			}
		}
	}
	return out
}

// add adds votes on one target, all or some of those of a cell.
func (f *Failure) add(c *series.Cell, bad, ok float64) {
	t := f.Targets[c.Target]
	if t == nil {
		t = &Tally{}
		f.Targets[c.Target] = t
	}
	t.Bad, t.OK = t.Bad+bad, t.OK+ok
	f.Bad += bad
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

// distinct returns the failures of all spots, each once, in order.
func distinct(of map[spot]*Failure) []*Failure {
	seen := map[*Failure]bool{}
	var out []*Failure
	for _, f := range of {
		if !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b *Failure) int { return cmp.Or(cmp.Compare(a.ASN, b.ASN), cmp.Compare(a.From, b.From)) })
	return out
}

// hush removes a report's votes from a cell.
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

// During returns the failure of nearly all targets on a network from a moment to
// another (Unix seconds), or nil. It looks at the whole time at once, because on a
// single day only few targets may have been measured.
func During(cells []series.Cell, asn uint32, from, to int64) *Failure {
	f := &Failure{ASN: asn, From: from, To: to - 86400, Targets: map[string]*Tally{}}
	usual := map[string]*Tally{}
	for i := range cells {
		c := &cells[i]
		bad, ok := float64(c.VoteBlocked+c.VoteImpaired)/series.Vote, float64(c.VoteOK)/series.Vote
		if c.Start >= from-set.Defect.SoleSpan && c.Start <= to+set.Defect.SoleSpan {
			f.all += bad + ok
			if c.ASN == f.ASN {
				f.own += bad + ok
			}
		}
		if c.ASN != f.ASN || bad+ok == 0 {
			continue
		}
		if c.End() > from && c.Start <= to {
			f.add(c, bad, ok)
			continue
		}
		u := usual[c.Target]
		if u == nil {
			u = &Tally{}
			usual[c.Target] = u
		}
		u.Bad, u.OK = u.Bad+bad, u.OK+ok
	}
	n, failed := 0, 0
	for name, t := range f.Targets {
		u := cmp.Or(usual[name], &Tally{})
		if u.Bad > u.OK {
			delete(f.Targets, name)
			continue
		}
		n++
		if t.Share() >= u.Share()+set.Candidate.MinRise { // one of several probes may be broken
			failed++
		}
	}
	if n < set.Defect.During || float64(failed) < set.Defect.Share*float64(n) {
		return nil
	}
	return f
}
