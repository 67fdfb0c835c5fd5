package darkness

import (
	"cmp"
	"math"
	"slices"

	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
)

// This file finds where signals from outside fall. What counts is each signal
// against itself, at the same hour of the days before: observers count different
// things. Silence of a signal says nothing.

// Fall is a stretch of hours in which one signal was far below what it usually is.
type Fall struct {
	Observer   signal.Observer `json:"observer"`
	DataSource string          `json:"datasource"`
	Before     int64           `json:"before"`          // Unix seconds: the beginning of the last hour that was not low
	From       int64           `json:"from"`            // the end of the first low value
	To         int64           `json:"to"`              // the beginning of the last low value
	Back       int64           `json:"back"`            // the end of the first hour that was not low again; 0: there is none
	Usual      float64         `json:"usual"`           // in the hour of the day in which it fell
	Least      float64         `json:"least"`           // the lowest value
	Document   string          `json:"document_sha256"` // that holds the first low value
}

// Outage is a country or a network of which signals fell together.
type Outage struct {
	CC    string `json:"probe_cc"`
	ASN   uint32 `json:"probe_asn"` // 0: the whole country
	Falls []Fall `json:"falls"`     // one a signal, by data source
	// Heard is how often networks of it were heard meanwhile by what was measured
	// here, and Expected how often they usually are in so long a time.
	Heard    int     `json:"heard"`
	Expected float64 `json:"expected"`
}

// Watch is a time in which an observer watched a country.
type Watch struct {
	Observer signal.Observer `json:"observer"`
	From     int64           `json:"from"` // Unix seconds
	Until    int64           `json:"until"`
}

// Outside is what the signals of a country show.
type Outside struct {
	CC      string   `json:"probe_cc"`
	Outages []Outage `json:"outages"`
	Watched []Watch  `json:"watched"` // of the whole country
}

// Observers are those that saw an outage, without the ones that are left out.
func (o *Outage) Observers(but ...signal.Observer) []signal.Observer {
	var out []signal.Observer
	for _, f := range o.Falls {
		if !slices.Contains(out, f.Observer) && !slices.Contains(but, f.Observer) {
			out = append(out, f.Observer)
		}
	}
	return out
}

// Contradicted reports that the country, or the network, was heard meanwhile
// nearly as often as usual: then it was not dark.
func (o *Outage) Contradicted() bool {
	return o.Heard > 0 && float64(o.Heard) >= set.Neighbours*o.Expected
}

// FromOutside finds the falls of a country's signals, and holds them against its
// cells.
func FromOutside(signals []signal.Series, cells []series.Cell) (out Outside, is bool) {
	if len(signals) == 0 {
		return Outside{}, false
	}
	out.CC = signals[0].CC
	type name struct {
		asn    uint32
		source string
	}
	by := map[name][]signal.Series{}
	var names []name
	for _, s := range signals {
		n := name{s.ASN, s.DataSource}
		if by[n] == nil {
			names = append(names, n)
		}
		by[n] = append(by[n], s)
		if w := (Watch{s.Observer(), s.From, s.Until()}); s.ASN == 0 {
			out.Watched = append(out.Watched, w)
		}
	}
	slices.SortFunc(names, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.asn, b.asn), cmp.Compare(a.source, b.source))
	})
	for _, n := range names {
		for _, f := range falls(by[n]) {
			out.add(n.asn, f)
		}
	}
	hs, _ := presences(measured(cells))
	for i := range out.Outages {
		out.Outages[i].hear(hs)
	}
	return out, true
}

// add puts a fall to the outage in which it lies, or makes one of it.
func (out *Outside) add(asn uint32, f Fall) {
	for i := range out.Outages {
		o := &out.Outages[i]
		if o.ASN == asn && slices.ContainsFunc(o.Falls, func(g Fall) bool { return g.From <= f.To && f.From <= g.To }) {
			o.Falls = append(o.Falls, f)
			return
		}
	}
	out.Outages = append(out.Outages, Outage{CC: out.CC, ASN: asn, Falls: []Fall{f}})
}

// Span is from the first low value of an outage to its last.
func (o *Outage) Span() (from, to int64) {
	from, to = o.Falls[0].From, o.Falls[0].To
	for _, f := range o.Falls {
		from, to = min(from, f.From), max(to, f.To)
	}
	return from, to
}

// hear counts how often networks were heard while the signals were low.
func (o *Outage) hear(hs []Heard) {
	from, to := o.Span()
	before := 0
	for _, h := range hs {
		switch {
		case o.ASN != 0 && h.ASN != o.ASN:
		case h.First >= from && h.Last < to:
			o.Heard++
		case h.First >= from-span() && h.First < from:
			before++
		}
	}
	o.Expected = float64(before) * float64(to-from) / float64(span())
}

// hour is what one signal was in an hour.
type hour struct {
	start               int64
	least, middle, most float64
	first, last         int64 // the beginnings of its first and last value
	step                int64
	document            string
}

// hours are those of which a signal has values, in order. Of a moment of which
// several documents tell, the largest value counts: a source that corrects itself
// has missed something, and "dark" must not come of that.
func hours(of []signal.Series) []hour {
	type value struct {
		v        float64
		step     int64
		document string
	}
	at := map[int64]value{}
	for i := range of {
		s := &of[i]
		for k, v := range s.Values {
			t := s.From + int64(k)*s.Step
			if o, ok := at[t]; v != signal.None && (!ok || v > o.v || v == o.v && s.Document < o.document) {
				at[t] = value{v, s.Step, s.Document}
			}
		}
	}
	times := make([]int64, 0, len(at))
	for t := range at {
		times = append(times, t)
	}
	slices.Sort(times)
	var out []hour
	for i := 0; i < len(times); {
		h := hour{start: times[i] - times[i]%3600, first: times[i], document: at[times[i]].document}
		var vs []float64
		for ; i < len(times) && times[i] < h.start+3600; i++ {
			vs = append(vs, at[times[i]].v)
			h.last, h.step = times[i], max(h.step, at[times[i]].step)
		}
		slices.Sort(vs)
		h.least, h.middle, h.most = vs[0], vs[len(vs)/2], vs[len(vs)-1]
		out = append(out, h)
	}
	return out
}

// end is when the last value of an hour ends.
func (h *hour) end() int64 { return h.last + h.step }

// falls are those of one signal.
func falls(of []signal.Series) []Fall {
	hs := hours(of)
	var usual [24][]hour // the hours that were not low, by the hour of the day
	var out []Fall
	for i := 0; i < len(hs); {
		h := &hs[i]
		slot := &usual[h.start%86400/3600]
		for len(*slot) > 0 && (*slot)[0].start < h.start-span() {
			*slot = (*slot)[1:]
		}
		if m := usually(*slot); m < set.SignalLeast || h.most >= set.Return*m {
			*slot = append(*slot, *h)
			i++
			continue
		}
		j := i
		for j+1 < len(hs) && low(&hs[j+1], &usual) { // time without values between two low hours is of the fall
			j++
		}
		if f := fall(hs, i, j, usually(*slot)); hs[j].end()-h.first >= set.SignalLasts && float64(hs[j].end()-h.first) <= set.Longest*86400 {
			out = append(out, f)
		}
		i = j + 1
	}
	for i := range out {
		out[i].Observer, out[i].DataSource = of[0].Observer(), of[0].DataSource
	}
	return out
}

// low reports that an hour within a fall is low, too, by what was usual at that
// hour of the day before it fell, or at any where that is not known.
func low(h *hour, usual *[24][]hour) bool {
	m := usually(usual[h.start%86400/3600])
	for k := 0; m == 0 && k < 24; k++ {
		m = usually(usual[k])
	}
	return h.most < set.Return*m
}

// usually is the median of hours, 0 where they are too few.
func usually(of []hour) float64 {
	v := make([]float64, len(of))
	for i := range of {
		v[i] = of[i].middle
	}
	return median(v)
}

// fall is that from one hour to another.
func fall(hs []hour, i, j int, usual float64) Fall {
	f := Fall{Before: hs[i-1].start, From: hs[i].first + hs[i].step, To: hs[j].last, Usual: usual, Least: math.Inf(1), Document: hs[i].document}
	for _, h := range hs[i : j+1] {
		f.Least = min(f.Least, h.least)
	}
	if j+1 < len(hs) {
		f.Back = hs[j+1].end()
	}
	return f
}

// Dates are when an outage began and ended, by what most of its observers say: where
// their intervals share a time that, else from the earliest to the latest of them.
// It has no end where one of them has not come back.
func (o *Outage) Dates(but ...signal.Observer) (onset, end [2]int64, ended bool) {
	var begin, back [][2]int64
	ended = true
	for _, f := range o.Falls {
		if slices.Contains(but, f.Observer) {
			continue
		}
		begin = append(begin, [2]int64{f.Before, f.From})
		if ended = ended && f.Back != 0; ended {
			back = append(back, [2]int64{f.To, f.Back})
		}
	}
	onset = common(begin)
	if ended {
		end = common(back)
	}
	return onset, end, ended
}

// common is what intervals share, or what they span where they share nothing.
func common(of [][2]int64) [2]int64 {
	in, all := of[0], of[0]
	for _, i := range of {
		in = [2]int64{max(in[0], i[0]), min(in[1], i[1])}
		all = [2]int64{min(all[0], i[0]), max(all[1], i[1])}
	}
	if in[0] <= in[1] {
		return in
	}
	return all
}

// Elsewhere are the observers of an outage by which as many and half of the other
// countries that they watched then fell, too: it is then the observer's.
func Elsewhere(all []Outside, o *Outage) []signal.Observer {
	from, to := o.Span()
	var out []signal.Observer
	for _, by := range o.Observers() {
		watched, fell := 0, 0
		for i := range all {
			c := &all[i]
			if c.CC == o.CC || !slices.ContainsFunc(c.Watched, func(w Watch) bool { return w.Observer == by && w.From <= from && w.Until >= from }) {
				continue
			}
			watched++
			if slices.ContainsFunc(c.Outages, func(x Outage) bool {
				return x.ASN == 0 && slices.ContainsFunc(x.Falls, func(f Fall) bool { return f.Observer == by && f.From <= to && f.To >= from })
			}) {
				fell++
			}
		}
		if fell >= set.SignalShared && 2*fell >= watched {
			out = append(out, by)
		}
	}
	return out
}
