// Package darkness finds countries and networks that fall silent. It counts
// presence: whether a network was heard at all in an hour (in a day, where cells
// are daily), whatever it measured. So a campaign of many measurements has little
// weight. Cells and signals from outside (package signal) come in; package event
// makes events of the silences and outages that go out. docs/DETECTION.md describes
// the model in "Darkness". The package does no I/O and reads no clock.
package darkness

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/event/parameter"
	"github.com/bandish/bandish/series"
)

// set are the parameters of the model.
var set = &parameter.Standard.Darkness

// Heard is one hour (or one day) in which a network was heard.
type Heard struct {
	First int64  `json:"first"` // Unix seconds
	Last  int64  `json:"last"`
	ASN   uint32 `json:"probe_asn"`
	UID   string `json:"measurement_uid"`
}

// Presence says on which days a country, or one network, was heard, and has its
// silences.
type Presence struct {
	CC       string      `json:"probe_cc"`
	First    int64       `json:"first"` // first day, in days since 1970
	Days     []float64   `json:"days"`  // by day: how many hours (or days) networks were heard
	Last     Heard       `json:"last"`
	Bucket   int64       `json:"bucket"`  // in seconds: being heard in it counts once
	Regular  []uint32    `json:"regular"` // networks that are heard regularly at the end of the data
	Silences []Silence   `json:"silences"`
	ASN      uint32      `json:"probe_asn"` // of the presence of one network; 0: of all
	Lone     []Presence  `json:"lone"`      // networks that fell silent alone
	Spread   float64     `json:"spread"`    // how much more the days vary than Poisson's
	Shape    [24]float64 `json:"shape"`     // share of the presence in each hour of the day, UTC
	Sum      string      `json:"sum"`       // SHA-256 of the cells it rests on
}

// Silence is a time in which almost nothing was heard.
type Silence struct {
	Before   Heard    `json:"before"` // the last heard before it
	After    Heard    `json:"after"`  // the first heard after it
	Usual    float64  `json:"usual"`  // how often networks are usually heard in a day
	During   int      `json:"during"` // how often they were heard in the silence
	Networks []uint32 `json:"networks"`
	Score    float64  `json:"score"` // nats
}

// Of returns a country's presence and silences from its sorted cells. It is false
// where nothing was heard, where cells are longer than a day, and where daily cells
// name no network.
func Of(cells []series.Cell) (k Presence, is bool) {
	hs, bucket := presences(measured(cells))
	if len(hs) == 0 || bucket > 86400 || (bucket == 86400 && hs[0].ASN == 0) {
		return Presence{}, false
	}
	k = Presence{CC: cells[0].CC, First: chain.FloorDay(hs[0].First) / 86400, Last: hs[len(hs)-1], Bucket: bucket}
	k.Days = make([]float64, chain.FloorDay(k.Last.Last)/86400-k.First+1)
	s := sha256.New()
	var buf []byte
	for _, h := range hs {
		k.Days[chain.FloorDay(h.First)/86400-k.First]++
		buf = binary.AppendVarint(binary.AppendVarint(buf[:0], h.First), int64(h.ASN))
		s.Write(buf)
		k.Shape[(h.First%86400)/3600] += 1 / float64(len(hs))
	}
	k.Sum = hex.EncodeToString(s.Sum(nil))
	if targetsOf(cells) >= set.Targets {
		k.find(hs)
		k.Regular = regular(hs, k.Last.Last+1, -1)
		k.networks(hs, cells)
	}
	return k, true
}

// measured leaves out bare daily counts where there are measurements, too: counts
// do not say when in the day a network was heard.
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

// presences returns the hours in which networks were heard, sorted by time, and the
// length of an hour (or day) in seconds.
func presences(cells []series.Cell) ([]Heard, int64) {
	type key struct {
		asn   uint32
		start int64
	}
	bucket := int64(3600)
	for i := range cells {
		bucket = max(bucket, cells[i].Span)
	}
	at := map[key]Heard{}
	for i := range cells {
		c := &cells[i]
		if c.Measurements == 0 {
			continue
		}
		h := Heard{First: math.MaxInt64, ASN: c.ASN, UID: cmp.Or(c.FirstOKUID, c.FirstBadUID)}
		for _, t := range []int64{c.FirstOK, c.LastOK, c.FirstBad, c.LastBad} {
			if t != 0 {
				h.First, h.Last = min(h.First, t), max(h.Last, t)
			}
		}
		if h.Last == 0 { // the cell does not say when
			h.First, h.Last = c.Start, c.End()-1
			if c.Span <= 3600 {
				h.First, h.Last = c.Start+c.Span/2, c.Start+c.Span/2
			}
		}
		k := key{c.ASN, c.Start - c.Start%bucket}
		if o, ok := at[k]; ok {
			if o.First < h.First || o.First == h.First && o.UID < h.UID {
				h.UID = o.UID
			}
			h.First, h.Last = min(h.First, o.First), max(h.Last, o.Last)
		}
		at[k] = h
	}
	hs := make([]Heard, 0, len(at))
	for _, h := range at {
		hs = append(hs, h)
	}
	slices.SortFunc(hs, func(a, b Heard) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.ASN, b.ASN))
	})
	return hs, bucket
}

// find looks for silences: times in steps of six hours (or days) in which almost
// nothing is heard, scored against the usual presence.
func (k *Presence) find(hs []Heard) {
	width := max(k.Bucket, min(set.Width, 86400))
	begin := k.First * 86400
	n := int((chain.FloorDay(k.Last.Last)+86400-begin)/width) + 1
	counts := make([]float64, n)
	perDay := int(86400 / width)
	shape := make([]float64, perDay)
	for _, h := range hs {
		i := int((h.First - begin) / width)
		counts[i]++
		shape[i%perDay]++
	}
	for i := range shape {
		shape[i] /= float64(len(hs))
	}
	usual := k.usual()
	k.Spread = dispersion(k.Days, usual)
	for a := 0; a < n; {
		score, best, b := 0.0, 0.0, a
		for i := a; i < n; i++ {
			rate := usual[min(i/perDay, len(usual)-1)] * shape[i%perDay]
			score += (counts[i]*math.Log(set.Level) + (1-set.Level)*rate) / k.Spread
			if score > best {
				best, b = score, i+1
			}
			if score <= 0 || score < best-set.Enter {
				break
			}
		}
		if best <= 0 || best < set.Enter {
			a++
			continue
		}
		k.add(hs, begin+int64(a)*width, begin+int64(b)*width, best)
		a = b
	}
}

// usual returns for every day the larger of the medians of the days before and
// after it.
func (k *Presence) usual() []float64 {
	out := make([]float64, len(k.Days))
	for i := range k.Days {
		out[i] = max(median(k.Days[max(0, i-set.Window):i]), median(k.Days[i+1:min(len(k.Days), i+1+set.Window)]))
	}
	return out
}

// span returns the time on either side that gives the usual presence, in seconds.
func span() int64 { return int64(set.Window) * 86400 }

func median(v []float64) float64 {
	if len(v) < set.Least {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[len(s)/2]
}

// dispersion returns by how much less a silence surprises than if presence were
// Poisson distributed. Days differ by a factor that is taken to be Gamma
// distributed; the quartiles show its spread. Nothing is then heard with the
// probability (1 + µ/κ)^-κ, not exp(-µ).
func dispersion(days, usual []float64) float64 {
	var ratio []float64
	mean := 0.0
	for i, u := range usual {
		if u > 0 {
			ratio = append(ratio, days[i]/u)
			mean += u
		}
	}
	if len(ratio) < set.Window {
		return 2 * set.Spread
	}
	mean /= float64(len(ratio))
	slices.Sort(ratio)
	sd := (ratio[len(ratio)*3/4] - ratio[len(ratio)/4]) / 1.35
	excess := sd*sd - 1/mean
	if excess <= 0.01 {
		return set.Spread
	}
	return math.Max(set.Spread, mean*excess/math.Log1p(mean*excess))
}

// add keeps a silence between from and to if the country came back and several
// regular networks fell silent together.
func (k *Presence) add(hs []Heard, from, to int64, score float64) {
	nets := regular(hs, from, -1)
	if k.ASN == 0 && len(nets) < set.Networks || len(nets) == 0 {
		return
	}
	i := slices.IndexFunc(hs, func(h Heard) bool { return h.First >= from })
	j := slices.IndexFunc(hs, func(h Heard) bool { return h.First >= to })
	if i < 0 || j < 0 {
		return // it did not come back; Trailing looks at the end of the data
	}
	// The edges of the stretch are buckets. The silence is the longest pause around
	// it.
	a, b := i-1, j
	for a+1 < b && a+1 < len(hs) && hs[a+1].First < from+6*3600 && float64(b-a) > 2 && hs[a+1].First-hs[max(a, 0)].Last < (to-from)/4 {
		a++
	}
	for b-1 > a && hs[b-1].First >= to-6*3600 && hs[b].First-hs[b-1].Last < (to-from)/4 {
		b--
	}
	if a < 0 {
		return
	}
	dayA, dayB := chain.FloorDay(hs[a].Last)/86400-k.First, chain.FloorDay(hs[b].First)/86400-k.First
	before := median(k.Days[max(0, dayA-int64(set.Window)):dayA])
	after := median(k.Days[min(int64(len(k.Days)), dayB+1):min(int64(len(k.Days)), dayB+1+int64(set.Window))])
	if before == 0 || after < set.Return*before {
		return
	}
	back := 0
	for _, n := range regular(hs, hs[b].First, 1) {
		if slices.Contains(nets, n) {
			back++
		}
	}
	if 2*back < len(nets) {
		return
	}
	usual, days := min(before, after), float64(hs[b].First-hs[a].Last)/chain.Day
	score = min(score, (float64(b-a-1)*math.Log(set.Level)+(1-set.Level)*usual*days)/k.Spread)
	if score < set.Enter {
		return
	}
	k.Silences = append(k.Silences, Silence{Before: hs[a], After: hs[b], Usual: usual, During: b - a - 1, Networks: nets, Score: score})
}

// networks finds the silences of single networks that the whole country does not
// share.
func (k *Presence) networks(hs []Heard, cells []series.Cell) {
	byNet := map[uint32][]Heard{}
	for _, h := range hs {
		byNet[h.ASN] = append(byNet[h.ASN], h)
	}
	if k.Bucket > 3600 || len(byNet) < 2 {
		return
	}
	for _, asn := range slices.Sorted(maps.Keys(byNet)) {
		own := byNet[asn]
		if float64(len(own)) < set.LonePresent*float64(set.Window) || asn == 0 {
			continue
		}
		n := Presence{CC: k.CC, ASN: asn, First: chain.FloorDay(own[0].First) / 86400, Last: own[len(own)-1], Bucket: k.Bucket}
		n.Days = make([]float64, chain.FloorDay(n.Last.Last)/86400-n.First+1)
		for _, h := range own {
			n.Days[chain.FloorDay(h.First)/86400-n.First]++
			n.Shape[(h.First%86400)/3600] += 1 / float64(len(own))
		}
		n.find(own)
		n.Silences = slices.DeleteFunc(n.Silences, func(s Silence) bool {
			return s.Usual < set.LonePresent || k.shared(&s) || !k.others(&s, byNet, asn) || kinds(cells, asn, &s) < set.LoneKinds
		})
		if len(n.Silences) > 0 {
			n.Sum = k.Sum
			k.Lone = append(k.Lone, n)
		}
	}
}

// shared reports whether the whole country was silent then.
func (k *Presence) shared(s *Silence) bool {
	return slices.ContainsFunc(k.Silences, func(c Silence) bool {
		return c.Before.Last < s.After.First && s.Before.Last < c.After.First
	})
}

// others reports whether the country's other networks were heard as usual.
func (k *Presence) others(s *Silence, byNet map[uint32][]Heard, but uint32) bool {
	from, to := s.Before.Last, s.After.First
	before, during := 0.0, 0.0
	for asn, hs := range byNet {
		if asn == but {
			continue
		}
		for _, h := range hs {
			switch {
			case h.First > from && h.First < to:
				during++
			case h.First > from-span() && h.First <= from:
				before++
			}
		}
	}
	return during >= set.Neighbours*before*float64(to-from)/float64(span()) && during > 0
}

// kinds counts the kinds of probes through which a network was heard both before
// and after a silence. One probe that was switched off is one kind.
func kinds(cells []series.Cell, asn uint32, s *Silence) int {
	type label struct {
		kind series.Kind
		name string
	}
	var before, after = map[label]float64{}, map[label]float64{}
	total := map[series.Kind][2]float64{}
	for i := range cells {
		c := &cells[i]
		if c.ASN != asn || c.Start < s.Before.Last-span() || c.Start > s.After.First+span() || c.End() > s.Before.Last && c.Start < s.After.First && c.Start > s.Before.Last {
			continue
		}
		side, m := 0, before
		if c.Start > s.Before.Last {
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
		if t := total[l.kind]; w >= set.LoneShare*t[0] && after[l] >= set.LoneShare*t[1] {
			n[l.kind]++
		}
	}
	return max(n[series.Software], n[series.Resolver])
}

// regular returns the networks that were heard on many of the days before a time
// (side -1) or after it (side 1).
func regular(hs []Heard, at int64, side int) []uint32 {
	lo, hi := at-span(), at
	if side > 0 {
		lo, hi = at, at+span()
	}
	lo, hi = max(lo, chain.FloorDay(hs[0].First)), min(hi, chain.FloorDay(hs[len(hs)-1].Last)+86400)
	days := map[uint32]map[int64]bool{}
	for _, h := range hs {
		if h.First >= lo && h.First < hi {
			if days[h.ASN] == nil {
				days[h.ASN] = map[int64]bool{}
			}
			days[h.ASN][chain.FloorDay(h.First)] = true
		}
	}
	var out []uint32
	for asn, d := range days {
		if float64(len(d)) >= set.Regular*math.Max(float64(hi-lo)/86400, 7) {
			out = append(out, asn)
		}
	}
	slices.Sort(out)
	return out
}

// Trailing returns the silence that lasts to the end of the data, end in Unix
// seconds; false where there is none.
func (k *Presence) Trailing(end int64) (Silence, bool) {
	n := len(k.Days)
	usual := median(k.Days[max(0, n-1-set.Window) : n-1])
	quiet := float64(end-k.Last.Last) / chain.Day
	score := (1 - set.Level) * usual * quiet / math.Max(k.Spread, set.Spread)
	ok := score >= 2*set.Enter && quiet >= 1 && quiet <= set.Longest && len(k.Regular) >= set.Networks && steady(k.Days)
	return Silence{Before: k.Last, Usual: usual, Networks: k.Regular, Score: score}, ok
}

// steady reports whether no campaign raised the presence: the last four weeks are
// like those before.
func steady(days []float64) bool {
	n := len(days)
	if n < 2*set.Window {
		return false
	}
	now, then := median(days[n-1-set.Window:n-1]), median(days[max(0, n-1-3*set.Window):n-1-set.Window])
	return then >= set.Steady*now
}

// Spoken reports whether the countries other than k, taken together, were heard as
// usual on the days from from to to (Unix seconds), and whether there were any.
func Spoken(all []Presence, k *Presence, from, to int64) (spoke, compared bool) {
	a, b := chain.FloorDay(from)/86400, chain.FloorDay(to)/86400
	var usual, then float64
	for i := range all {
		o := &all[i]
		if o.CC == k.CC {
			continue
		}
		for day := a; day <= b; day++ {
			x := day - o.First
			if x < 7 || x >= int64(len(o.Days)) {
				continue
			}
			usual += median(o.Days[max(0, x-int64(set.Window)):x])
			then += o.Days[x]
		}
	}
	return then >= set.Neighbours*usual, usual > 0
}

// Await returns the time after a moment (before it, for side -1) by which so many
// presences are expected, with the usual course of the day. usual is the presence
// of a day.
func (k *Presence) Await(at int64, expected, usual float64, side int64) int64 {
	const step = 600
	for range 30 * 86400 / step {
		h := ((at % 86400) + 86400) % 86400 / 3600
		rate := usual * math.Max(k.Shape[h], 0.005) * step / 3600
		if k.Bucket == 86400 {
			rate = usual * step / chain.Day
		}
		if expected <= rate {
			return at + side*int64(step*expected/rate)
		}
		expected -= rate
		at += side * step
	}
	return at
}
