package darkness

import (
	"cmp"
	"math"
	"slices"

	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
)

// This file finds where signals from outside fall. Each signal is compared with
// itself at the same hour of earlier days, because observers count different
// things. A signal without values says nothing.

// Fall is a time in which one signal was far below its usual values. Times are Unix
// seconds.
type Fall struct {
	Observer   signal.Observer `json:"observer"`
	DataSource string          `json:"datasource"`
	Before     int64           `json:"before"`          // the beginning of the last hour that was not low
	From       int64           `json:"from"`            // the end of the first low value
	To         int64           `json:"to"`              // the beginning of the last low value
	Back       int64           `json:"back"`            // the end of the next hour that was not low; 0: there is none
	Usual      float64         `json:"usual"`           // the usual value at the hour of the day in which it fell
	Least      float64         `json:"least"`           // the lowest value
	Document   string          `json:"document_sha256"` // the document that holds the first low value
}

// Outage is a time in which signals of a country or a network fell together.
type Outage struct {
	CC    string `json:"probe_cc"`
	ASN   uint32 `json:"probe_asn"` // 0: the whole country
	Falls []Fall `json:"falls"`     // one for each signal, by data source
	// Heard says how often its networks were heard in that time by measurements here.
	// Expected says how often they usually are in as much time.
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

// Observers returns the observers that saw an outage, except those in but.
func (o *Outage) Observers(but ...signal.Observer) []signal.Observer {
	var out []signal.Observer
	for _, f := range o.Falls {
		if !slices.Contains(out, f.Observer) && !slices.Contains(but, f.Observer) {
			out = append(out, f.Observer)
		}
	}
	return out
}

// Contradicted reports whether the country, or the network, was heard nearly as
// often as usual in that time. Then it was not dark.
func (o *Outage) Contradicted() bool {
	return o.Heard > 0 && float64(o.Heard) >= set.Neighbours*o.Expected
}

// FromOutside finds the falls of a country's signals and compares them with its
// cells. It is false without signals.
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

// add adds a fall to the outage that it overlaps, or makes an outage of it.
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

// Span returns the time from the first low value of an outage to its last, in Unix
// seconds.
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

// hour is what one signal was in one hour.
type hour struct {
	start               int64
	least, middle, most float64
	first, last         int64 // the beginnings of its first and last value
	step                int64
	document            string
}

// hours returns the hours in which a signal has values, in order. Where several
// documents have a value for one moment, the largest counts: a source that corrects
// itself had missed something, and that must not look like darkness.
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

// end returns when the last value of an hour ends.
func (h *hour) end() int64 { return h.last + h.step }

// falls returns the falls of one signal.
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
		for j+1 < len(hs) && low(&hs[j+1], &usual) { // time without values between two low hours belongs to the fall
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

// low reports whether an hour in a fall is low, too: compared with what was usual
// at that hour of the day before the fall, or at any hour where that is not known.
func low(h *hour, usual *[24][]hour) bool {
	m := usually(usual[h.start%86400/3600])
	for k := 0; m == 0 && k < 24; k++ {
		m = usually(usual[k])
	}
	return h.most < set.Return*m
}

// usually returns the median of hours, or 0 where there are too few.
func usually(of []hour) float64 {
	v := make([]float64, len(of))
	for i := range of {
		v[i] = of[i].middle
	}
	return median(v)
}

// fall makes the fall from hour i to hour j.
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

// Dates returns when an outage began and ended, without the observers in but. Where
// the intervals of its observers share a time, that is the result, else the whole
// span of them. It has not ended where one signal has not come back.
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

// common returns the part that intervals share, or their whole span where they
// share none.
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

// Elsewhere returns the observers that explain an outage themselves: half or more
// of the other countries that they watched, and at least SignalShared of them, fell
// at the same time.
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
