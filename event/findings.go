package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bandish/bandish/series"
)

// Findings are what the cells of one country show by themselves, before the
// countries are compared. Whoever keeps them need not read the country's cells
// again until one of them changes. They survive JSON without loss.
type Findings struct {
	CC string

	found, odd []Event
	seen       map[string]*presence // the days on which each target was measured
	dark       []darkness
}

// Find looks at all cells of one country, sorted (series.Sort). The cells may
// be changed.
func Find(cells []series.Cell) Findings {
	d := NewDetector(time.Time{})
	f := Findings{seen: map[string]*presence{}}
	if len(cells) == 0 {
		return f
	}
	f.CC = cells[0].CC
	d.Country(cells)
	f.found, f.odd, f.dark = d.found, d.odd, d.dark
	for target, by := range d.watched {
		f.seen[target] = by[f.CC]
	}
	return f
}

// Of are the findings about some targets alone: with those of all other
// countries narrowed so, Finish decides the same of a country's events of these
// targets that are no shutdowns. Presence, which tells shutdowns, is left out.
func (f Findings) Of(targets []string) Findings {
	other := func(e Event) bool {
		return !slices.ContainsFunc(e.Targets, func(t string) bool { return slices.Contains(targets, t) })
	}
	out := Findings{CC: f.CC, seen: map[string]*presence{}}
	out.found = slices.DeleteFunc(slices.Clone(f.found), other)
	for _, t := range targets {
		if p := f.seen[t]; p != nil {
			out.seen[t] = p
		}
	}
	return out
}

// Empty reports whether there is nothing in them.
func (f Findings) Empty() bool { return len(f.found)+len(f.odd)+len(f.seen)+len(f.dark) == 0 }

// Add takes the findings of one more country.
func (d *Detector) Add(f Findings) {
	d.found = append(d.found, f.found...)
	d.odd = append(d.odd, f.odd...)
	d.dark = append(d.dark, f.dark...)
	for target, p := range f.seen {
		if d.watched[target] == nil {
			d.watched[target] = map[string]*presence{}
		}
		d.watched[target][f.CC] = p
	}
}

// The written forms of findings.
type (
	findingsJSON struct {
		Detector string             `json:"detector"`
		CC       string             `json:"probe_cc"`
		Events   []eventJSON        `json:"events"`
		Aside    []eventJSON        `json:"aside"`
		Seen     map[string][]int32 `json:"seen"` // days since 1970
		Dark     []darkJSON         `json:"dark"`
	}
	eventJSON struct {
		Event
		From   int64  `json:"primary_from"`
		To     int64  `json:"primary_to"`
		Mainly string `json:"mainly"`
		Always bool   `json:"always"`
	}
	darkJSON struct {
		CC       string        `json:"probe_cc"`
		First    int64         `json:"first"`
		Days     []float64     `json:"days"`
		Last     heardJSON     `json:"last"`
		Bucket   int64         `json:"bucket"`
		Regular  []uint32      `json:"regular"`
		Silences []silenceJSON `json:"silences"`
		ASN      uint32        `json:"probe_asn"`
		Lone     []darkJSON    `json:"lone"`
		Spread   float64       `json:"spread"`
		Shape    [24]float64   `json:"shape"`
		Sum      string        `json:"sum"`
	}
	heardJSON struct {
		First int64  `json:"first"`
		Last  int64  `json:"last"`
		ASN   uint32 `json:"probe_asn"`
		UID   string `json:"measurement_uid"`
	}
	silenceJSON struct {
		Before   heardJSON `json:"before"`
		After    heardJSON `json:"after"`
		Usual    float64   `json:"usual"`
		During   int       `json:"during"`
		Networks []uint32  `json:"networks"`
		Score    float64   `json:"score"`
	}
)

// MarshalJSON writes the findings.
func (f Findings) MarshalJSON() ([]byte, error) {
	out := findingsJSON{Detector: Version, CC: f.CC, Events: eventsOut(f.found), Aside: eventsOut(f.odd), Seen: map[string][]int32{}}
	for target, p := range f.seen {
		out.Seen[target] = p.days
	}
	for i := range f.dark {
		out.Dark = append(out.Dark, f.dark[i].out())
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads findings of this version of the detector; those of
// another are an error.
func (f *Findings) UnmarshalJSON(b []byte) error {
	var in findingsJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read findings: %w", err)
	}
	if in.Detector != Version {
		return fmt.Errorf("read findings: they are of %q, and this is %s", in.Detector, Version)
	}
	*f = Findings{CC: in.CC, found: eventsIn(in.Events), odd: eventsIn(in.Aside), seen: map[string]*presence{}}
	for target, days := range in.Seen {
		f.seen[target] = &presence{days: days}
	}
	for i := range in.Dark {
		f.dark = append(f.dark, in.Dark[i].in())
	}
	return nil
}

func eventsOut(es []Event) []eventJSON {
	out := make([]eventJSON, len(es))
	for i, e := range es {
		out[i] = eventJSON{e, e.primary.from, e.primary.to, e.mainly, e.always}
	}
	return out
}

func eventsIn(es []eventJSON) []Event {
	out := make([]Event, len(es))
	for i, e := range es {
		out[i] = e.Event
		out[i].primary, out[i].mainly, out[i].always = anchor{e.From, e.To}, e.Mainly, e.Always
	}
	return out
}

func (k *darkness) out() darkJSON {
	o := darkJSON{CC: k.cc, First: k.first, Days: k.days, Last: k.last.out(), Bucket: k.bucket, Regular: k.regular,
		ASN: k.asn, Spread: k.spread, Shape: k.shape, Sum: k.sum}
	for _, s := range k.silences {
		o.Silences = append(o.Silences, silenceJSON{s.before.out(), s.after.out(), s.usual, s.during, s.networks, s.score})
	}
	for i := range k.lone {
		o.Lone = append(o.Lone, k.lone[i].out())
	}
	return o
}

func (o *darkJSON) in() darkness {
	k := darkness{cc: o.CC, first: o.First, days: o.Days, last: o.Last.in(), bucket: o.Bucket, regular: o.Regular,
		asn: o.ASN, spread: o.Spread, shape: o.Shape, sum: o.Sum}
	for _, s := range o.Silences {
		k.silences = append(k.silences, silence{s.Before.in(), s.After.in(), s.Usual, s.During, s.Networks, s.Score})
	}
	for i := range o.Lone {
		k.lone = append(k.lone, o.Lone[i].in())
	}
	return k
}

func (h heard) out() heardJSON { return heardJSON{h.first, h.last, h.asn, h.uid} }
func (h heardJSON) in() heard  { return heard{h.First, h.Last, h.ASN, h.UID} }
