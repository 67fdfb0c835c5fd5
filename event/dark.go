package event

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/bandish/bandish/series"
)

// This file finds countries that fall silent. What counts is presence: that a
// network was heard at all in an hour (a day, where cells are daily), whatever
// it measured, so that a campaign of many measurements weighs little.

const (
	darkWindow   = 28    // days on either side that give the usual presence
	darkLevel    = 0.05  // share of the usual presence that is left in darkness
	darkSpread   = 1.5   // overdispersion of presence, at least
	darkEnter    = 10.0  // score that darkness must reach
	darkNetworks = 3     // networks that are heard regularly, and vanish
	darkTargets  = 2     // of fewer, silence may only mean that nobody tests them any more
	darkRegular  = 0.25  // share of days on which a regular network is heard
	darkReturn   = 0.4   // share of the usual presence that returns
	darkLongest  = 60    // days at the end of the data, beyond which it is no news
	darkCredible = 0.988 // the mass of its intervals
	neighbours   = 0.5   // share of their usual presence that others must keep

	// Of one network alone: it is often only a person who stopped measuring.
	loneEnter   = 10.0
	lonePresent = 5.0 // hours a day in which it is usually heard
	loneKinds   = 2   // of probes, by software or resolver, before and after
	loneShare   = 0.1 // share of the votes that makes a kind
)

// heard is one hour (or day) in which a network was heard.
type heard struct {
	first, last int64
	asn         uint32
	uid         string
}

// darkness is one country's presence by day, and its silences.
type darkness struct {
	cc       string
	first    int64 // day number
	days     []float64
	last     heard
	bucket   int64
	regular  []uint32 // at the end of the data
	silences []silence
	asn      uint32      // of one network's presence; 0: of all
	lone     []darkness  // the networks that fell silent alone
	spread   float64     // overdispersion of presence
	shape    [24]float64 // share of the presence by hour of the day
	sum      string
}

type silence struct {
	before, after heard   // the last heard before it and the first after it
	usual         float64 // a day
	during        int
	networks      []uint32
	score         float64
}

// darkness notes the country's presence and finds its silences.
func (d *Detector) darkness(cells []series.Cell) {
	hs, bucket := presences(measured(cells))
	if len(hs) == 0 || (bucket == 86400 && hs[0].asn == 0) {
		return
	}
	k := darkness{cc: cells[0].CC, first: floorDay(hs[0].first) / 86400, last: hs[len(hs)-1], bucket: bucket}
	k.days = make([]float64, floorDay(k.last.last)/86400-k.first+1)
	s := sha256.New()
	var buf []byte
	for _, h := range hs {
		k.days[floorDay(h.first)/86400-k.first]++
		buf = binary.AppendVarint(binary.AppendVarint(buf[:0], h.first), int64(h.asn))
		s.Write(buf)
		k.shape[(h.first%86400)/3600] += 1 / float64(len(hs))
	}
	k.sum = sum(s)
	if targetsOf(cells) >= darkTargets {
		k.find(hs)
		k.regular = regular(hs, k.last.last+1, -1)
		k.networks(hs, cells)
	}
	d.dark = append(d.dark, k)
}

// measured leaves out the bare daily counts where there are measurements, too:
// they do not say when in the day a network was heard.
func measured(cells []series.Cell) []series.Cell {
	bare := func(c series.Cell) bool {
		return c.FirstOK == 0 && c.FirstBad == 0 && len(c.Voices) == 0 && c.Span >= 86400
	}
	if n := slices.IndexFunc(cells, bare); n < 0 || !slices.ContainsFunc(cells, func(c series.Cell) bool { return !bare(c) }) {
		return cells
	}
	return slices.DeleteFunc(slices.Clone(cells), bare)
}

// targetsOf counts the targets of sorted cells.
func targetsOf(cells []series.Cell) int {
	n := 0
	for i := range cells {
		if i == 0 || cells[i].Target != cells[i-1].Target {
			n++
		}
	}
	return n
}

// presences are the hours in which networks were heard, sorted by time.
func presences(cells []series.Cell) ([]heard, int64) {
	type key struct {
		asn   uint32
		start int64
	}
	bucket := int64(3600)
	for i := range cells {
		bucket = max(bucket, cells[i].Span)
	}
	at := map[key]heard{}
	for i := range cells {
		c := &cells[i]
		if c.Measurements == 0 {
			continue
		}
		h := heard{first: math.MaxInt64, asn: c.ASN, uid: cmp.Or(c.FirstOKUID, c.FirstBadUID)}
		for _, t := range []int64{c.FirstOK, c.LastOK, c.FirstBad, c.LastBad} {
			if t != 0 {
				h.first, h.last = min(h.first, t), max(h.last, t)
			}
		}
		if h.last == 0 { // it does not say when
			h.first, h.last = c.Start, c.End()-1
			if c.Span <= 3600 {
				h.first, h.last = c.Start+c.Span/2, c.Start+c.Span/2
			}
		}
		k := key{c.ASN, c.Start - c.Start%bucket}
		if o, ok := at[k]; ok {
			if o.first < h.first || o.first == h.first && o.uid < h.uid {
				h.uid = o.uid
			}
			h.first, h.last = min(h.first, o.first), max(h.last, o.last)
		}
		at[k] = h
	}
	hs := make([]heard, 0, len(at))
	for _, h := range at {
		hs = append(hs, h)
	}
	slices.SortFunc(hs, func(a, b heard) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.asn, b.asn))
	})
	return hs, bucket
}

// find looks for silences: stretches of six hours (or days) where next to
// nothing is heard, scored against the usual presence.
func (k *darkness) find(hs []heard) {
	width := max(k.bucket, 6*3600)
	begin := k.first * 86400
	n := int((floorDay(k.last.last)+86400-begin)/width) + 1
	counts := make([]float64, n)
	perDay := int(86400 / width)
	shape := make([]float64, perDay)
	for _, h := range hs {
		i := int((h.first - begin) / width)
		counts[i]++
		shape[i%perDay]++
	}
	for i := range shape {
		shape[i] /= float64(len(hs))
	}
	usual := k.usual()
	k.spread = dispersion(k.days, usual)
	for a := 0; a < n; {
		score, best, b := 0.0, 0.0, a
		for i := a; i < n; i++ {
			rate := usual[min(i/perDay, len(usual)-1)] * shape[i%perDay]
			score += (counts[i]*math.Log(darkLevel) + (1-darkLevel)*rate) / k.spread
			if score > best {
				best, b = score, i+1
			}
			if score <= 0 || score < best-darkEnter {
				break
			}
		}
		if best < darkEnter {
			a++
			continue
		}
		k.add(hs, begin+int64(a)*width, begin+int64(b)*width, best)
		a = b
	}
}

// usual is, for every day, the larger of the medians before and after it.
func (k *darkness) usual() []float64 {
	out := make([]float64, len(k.days))
	for i := range k.days {
		out[i] = max(median(k.days[max(0, i-darkWindow):i]), median(k.days[i+1:min(len(k.days), i+1+darkWindow)]))
	}
	return out
}

func median(v []float64) float64 {
	if len(v) < 7 {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[len(s)/2]
}

// dispersion says by how much less a silence surprises than if the presence of
// each day were Poisson's: days differ by a factor that is taken to be Gamma
// distributed, whose spread the quartiles tell, and nothing is then heard with
// the chance (1 + µ/κ)^-κ and not exp(-µ).
func dispersion(days, usual []float64) float64 {
	var ratio []float64
	mean := 0.0
	for i, u := range usual {
		if u > 0 {
			ratio = append(ratio, days[i]/u)
			mean += u
		}
	}
	if len(ratio) < darkWindow {
		return 2 * darkSpread
	}
	mean /= float64(len(ratio))
	slices.Sort(ratio)
	sd := (ratio[len(ratio)*3/4] - ratio[len(ratio)/4]) / 1.35
	excess := sd*sd - 1/mean
	if excess <= 0.01 {
		return darkSpread
	}
	return math.Max(darkSpread, mean*excess/math.Log1p(mean*excess))
}

// add keeps a silence between from and to when the country came back, and when
// several regular networks fell silent together.
func (k *darkness) add(hs []heard, from, to int64, score float64) {
	nets := regular(hs, from, -1)
	if k.asn == 0 && len(nets) < darkNetworks || len(nets) == 0 {
		return
	}
	i := slices.IndexFunc(hs, func(h heard) bool { return h.first >= from })
	j := slices.IndexFunc(hs, func(h heard) bool { return h.first >= to })
	if i < 0 || j < 0 {
		return // not back: Finish looks at the end of the data
	}
	// The edges of the stretch are buckets; the silence is the longest pause
	// around it.
	a, b := i-1, j
	for a+1 < b && a+1 < len(hs) && hs[a+1].first < from+6*3600 && float64(b-a) > 2 && hs[a+1].first-hs[max(a, 0)].last < (to-from)/4 {
		a++
	}
	for b-1 > a && hs[b-1].first >= to-6*3600 && hs[b].first-hs[b-1].last < (to-from)/4 {
		b--
	}
	if a < 0 {
		return
	}
	dayA, dayB := floorDay(hs[a].last)/86400-k.first, floorDay(hs[b].first)/86400-k.first
	before := median(k.days[max(0, dayA-darkWindow):dayA])
	after := median(k.days[min(int64(len(k.days)), dayB+1):min(int64(len(k.days)), dayB+1+darkWindow)])
	if before == 0 || after < darkReturn*before {
		return
	}
	back := 0
	for _, n := range regular(hs, hs[b].first, 1) {
		if slices.Contains(nets, n) {
			back++
		}
	}
	if 2*back < len(nets) {
		return
	}
	usual, days := min(before, after), float64(hs[b].first-hs[a].last)/day
	score = min(score, (float64(b-a-1)*math.Log(darkLevel)+(1-darkLevel)*usual*days)/k.spread)
	if score < darkEnter {
		return
	}
	k.silences = append(k.silences, silence{before: hs[a], after: hs[b], usual: usual, during: b - a - 1, networks: nets, score: score})
}

// networks finds the silences of single networks that the country as a whole
// does not share.
func (k *darkness) networks(hs []heard, cells []series.Cell) {
	byNet := map[uint32][]heard{}
	for _, h := range hs {
		byNet[h.asn] = append(byNet[h.asn], h)
	}
	if k.bucket > 3600 || len(byNet) < 2 {
		return
	}
	for _, asn := range slices.Sorted(maps.Keys(byNet)) {
		own := byNet[asn]
		if float64(len(own)) < lonePresent*darkWindow || asn == 0 {
			continue
		}
		n := darkness{cc: k.cc, asn: asn, first: floorDay(own[0].first) / 86400, last: own[len(own)-1], bucket: k.bucket}
		n.days = make([]float64, floorDay(n.last.last)/86400-n.first+1)
		for _, h := range own {
			n.days[floorDay(h.first)/86400-n.first]++
			n.shape[(h.first%86400)/3600] += 1 / float64(len(own))
		}
		n.find(own)
		n.silences = slices.DeleteFunc(n.silences, func(s silence) bool {
			return s.score < loneEnter || s.usual < lonePresent || k.shared(&s) || !k.others(&s, byNet, asn) || kinds(cells, asn, &s) < loneKinds
		})
		if len(n.silences) > 0 {
			n.sum = k.sum
			k.lone = append(k.lone, n)
		}
	}
}

// shared reports whether the whole country was silent then.
func (k *darkness) shared(s *silence) bool {
	return slices.ContainsFunc(k.silences, func(c silence) bool {
		return c.before.last < s.after.first && s.before.last < c.after.first
	})
}

// others reports whether the country's other networks kept their presence.
func (k *darkness) others(s *silence, byNet map[uint32][]heard, but uint32) bool {
	from, to := s.before.last, s.after.first
	before, during := 0.0, 0.0
	for asn, hs := range byNet {
		if asn == but {
			continue
		}
		for _, h := range hs {
			switch {
			case h.first > from && h.first < to:
				during++
			case h.first > from-darkWindow*86400 && h.first <= from:
				before++
			}
		}
	}
	return during >= neighbours*before*float64(to-from)/(darkWindow*86400) && during > 0
}

// kinds counts the kinds of probes that a network was heard through both before
// and after a silence. One probe that was switched off is one kind.
func kinds(cells []series.Cell, asn uint32, s *silence) int {
	type label struct {
		kind series.Kind
		name string
	}
	var before, after = map[label]float64{}, map[label]float64{}
	total := map[series.Kind][2]float64{}
	for i := range cells {
		c := &cells[i]
		if c.ASN != asn || c.Start < s.before.last-darkWindow*86400 || c.Start > s.after.first+darkWindow*86400 || c.End() > s.before.last && c.Start < s.after.first && c.Start > s.before.last {
			continue
		}
		side, m := 0, before
		if c.Start > s.before.last {
			side, m = 1, after
		}
		for _, t := range c.Tallies {
			if t.Kind == series.Software || t.Kind == series.Resolver {
				w := float64(t.Bad + t.OK)
				m[label{t.Kind, t.Name}] += w
				sum := total[t.Kind]
				sum[side] += w
				total[t.Kind] = sum
			}
		}
	}
	n := map[series.Kind]int{}
	for l, w := range before {
		if t := total[l.kind]; w >= loneShare*t[0] && after[l] >= loneShare*t[1] {
			n[l.kind]++
		}
	}
	return max(n[series.Software], n[series.Resolver])
}

// regular are the networks heard on many of the days before a time (side -1)
// or after it (side 1).
func regular(hs []heard, at int64, side int) []uint32 {
	lo, hi := at-darkWindow*86400, at
	if side > 0 {
		lo, hi = at, at+darkWindow*86400
	}
	lo, hi = max(lo, floorDay(hs[0].first)), min(hi, floorDay(hs[len(hs)-1].last)+86400)
	days := map[uint32]map[int64]bool{}
	for _, h := range hs {
		if h.first >= lo && h.first < hi {
			if days[h.asn] == nil {
				days[h.asn] = map[int64]bool{}
			}
			days[h.asn][floorDay(h.first)] = true
		}
	}
	var out []uint32
	for asn, d := range days {
		if float64(len(d)) >= darkRegular*math.Max(float64(hi-lo)/86400, 7) {
			out = append(out, asn)
		}
	}
	slices.Sort(out)
	return out
}

// shutdowns makes events of the silences that the other countries do not share.
func (d *Detector) shutdowns() []Event {
	end := d.now
	for i := range d.dark {
		end = max(end, d.dark[i].last.last)
	}
	var out []Event
	for i := range d.dark {
		k := &d.dark[i]
		for _, s := range k.silences {
			spoke, compared := d.othersSpeak(k, s.before.last, s.after.first)
			if !spoke {
				continue
			}
			e := k.event(s, false)
			if !compared {
				e.Confidence = math.Round(e.Confidence*70) / 100
				e.Reasons = append(e.Reasons, "no other country's measurements are at hand to tell it from an outage of the collector")
			}
			out = append(out, e)
		}
		for i := range k.lone {
			n := &k.lone[i]
			for _, s := range n.silences {
				e := n.event(s, false)
				e.Confidence = math.Round(e.Confidence*70) / 100
				e.Reasons = append(e.Reasons, "the other networks of the country were heard meanwhile, and this one through several kinds of probes before and after; that all of them were switched off at once is not ruled out")
				out = append(out, e)
			}
		}
		if s, ok := k.trailing(end); ok {
			if spoke, compared := d.othersSpeak(k, s.before.last, end); spoke && compared {
				out = append(out, k.event(s, true))
			}
		}
	}
	return out
}

// trailing is a silence that lasts to the end of the data.
func (k *darkness) trailing(end int64) (silence, bool) {
	n := len(k.days)
	usual := median(k.days[max(0, n-1-darkWindow) : n-1])
	quiet := float64(end-k.last.last) / day
	score := (1 - darkLevel) * usual * quiet / math.Max(k.spread, darkSpread)
	ok := score >= 2*darkEnter && quiet >= 1 && quiet <= darkLongest && len(k.regular) >= darkNetworks && steady(k.days)
	return silence{before: k.last, usual: usual, networks: k.regular, score: score}, ok
}

// steady reports that presence was not raised by a campaign: the last four
// weeks are like those before.
func steady(days []float64) bool {
	n := len(days)
	if n < 2*darkWindow {
		return false
	}
	now, then := median(days[n-1-darkWindow:n-1]), median(days[max(0, n-1-3*darkWindow):n-1-darkWindow])
	return then >= 0.5*now
}

// othersSpeak reports whether the other countries together kept their presence
// in the days touched, and whether there were any.
func (d *Detector) othersSpeak(k *darkness, from, to int64) (spoke, compared bool) {
	a, b := floorDay(from)/86400, floorDay(to)/86400
	var usual, then float64
	for i := range d.dark {
		o := &d.dark[i]
		if o.cc == k.cc {
			continue
		}
		for day := a; day <= b; day++ {
			x := day - o.first
			if x < 7 || x >= int64(len(o.days)) {
				continue
			}
			usual += median(o.days[max(0, x-darkWindow):x])
			then += o.days[x]
		}
	}
	return then >= neighbours*usual, usual > 0
}

// await is the time after (before, for side -1) a moment by which so many
// presences are expected, with the usual course of the day.
func (k *darkness) await(at int64, expected, usual float64, side int64) int64 {
	const step = 600
	for range 30 * 86400 / step {
		h := ((at % 86400) + 86400) % 86400 / 3600
		rate := usual * math.Max(k.shape[h], 0.005) * step / 3600
		if k.bucket == 86400 {
			rate = usual * step / day
		}
		if expected <= rate {
			return at + side*int64(step*expected/rate)
		}
		expected -= rate
		at += side * step
	}
	return at
}

func (k *darkness) event(s silence, open bool) Event {
	e := Event{Kind: Shutdown, Target: "*", Targets: []string{"*"}, CC: k.cc, State: Dark, Mechanisms: []string{"darkness"}, Detector: Version,
		InputHash: k.sum, Phases: []Phase{}, Evidence: []string{}, primary: anchor{s.before.last, s.after.first}}
	for _, n := range s.networks {
		e.Networks = append(e.Networks, networkName(n))
	}
	// Had it not been dark yet, the next presence would have come after an
	// exponential time; daily cells do not say when in the day.
	few, many := -math.Log((1+darkCredible)/2), -math.Log((1-darkCredible)/2)
	slack := int64(0)
	if k.bucket == 86400 {
		slack = 86400
	}
	e.Onset = Interval{Earliest: instant(k.await(s.before.last, few, s.usual, 1) - slack), Latest: instant(k.await(s.before.last, many, s.usual, 1))}
	length := "the end of the data"
	if !open {
		e.End = &Interval{Earliest: instant(k.await(s.after.first, many, s.usual, -1)), Latest: instant(k.await(s.after.first, few, s.usual, -1) + slack)}
		if e.Onset.Latest.Unix() > s.after.first {
			e.Onset.Latest = instant(s.after.first)
		}
		if e.End.Earliest.Unix() < s.before.last {
			e.End.Earliest = instant(s.before.last)
		}
		length = instant(s.after.first).Format("2006-01-02 15:04") + " UTC"
		if s.after.uid != "" {
			e.Evidence = append(e.Evidence, s.after.uid)
		}
	}
	if s.before.uid != "" {
		e.Evidence = append([]string{s.before.uid}, e.Evidence...)
	}
	e.Counts.Measurements = s.during
	e.Confidence = math.Round(math.Min(0.95, 1-math.Exp(-s.score/16))*100) / 100
	e.Scope = fmt.Sprintf("the whole country, %d networks", len(e.Networks))
	if k.asn != 0 {
		e.Scope = "the network " + e.Networks[0]
	}
	e.Reasons = []string{fmt.Sprintf("usually networks are heard %.0f times a day; from %s UTC to %s they were heard %d times, on all targets together",
		s.usual, instant(s.before.last).Format("2006-01-02 15:04"), length, s.during)}
	return e
}
