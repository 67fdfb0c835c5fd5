package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bandish/bandish/event/darkness"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
)

// Findings hold what the cells of one country show before countries are compared. A
// caller that keeps them need not read the country's cells again until one changes.
// JSON keeps them without loss.
type Findings struct {
	CC string

	found, odd []Event
	seen       map[string]*presence // the days on which each target was measured
	dark       []darkness.Presence
	outside    []darkness.Outside
}

// Find returns the findings of all cells of one country, sorted (series.Sort), and
// of the signals from outside on that country. The cells may be changed.
func Find(cells []series.Cell, signals []signal.Series) Findings {
	d := NewDetector(time.Time{})
	f := Findings{seen: map[string]*presence{}}
	d.Signals(signals, cells)
	if len(signals) > 0 {
		f.CC = signals[0].CC
	}
	if len(cells) > 0 {
		f.CC = cells[0].CC
		d.Country(cells)
	}
	f.found, f.odd, f.dark, f.outside = d.world.found, d.odd, d.dark, d.outside
	for target, by := range d.world.watched {
		f.seen[target] = by[f.CC]
	}
	return f
}

// Of returns the findings about some targets alone. If the findings of all other
// countries are narrowed in the same way, Finish gives the same events of these
// targets, except shutdowns: presence, which shows them, is left out.
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

// Empty reports whether there are no findings.
func (f Findings) Empty() bool {
	return len(f.found)+len(f.odd)+len(f.seen)+len(f.dark)+len(f.outside) == 0
}

// Add adds the findings of one more country.
func (d *Detector) Add(f Findings) {
	d.world.found = append(d.world.found, f.found...)
	d.odd = append(d.odd, f.odd...)
	d.dark = append(d.dark, f.dark...)
	d.outside = append(d.outside, f.outside...)
	for target, p := range f.seen {
		if d.world.watched[target] == nil {
			d.world.watched[target] = map[string]*presence{}
		}
		d.world.watched[target][f.CC] = p
	}
}

// The JSON forms of findings.
type (
	findingsJSON struct {
		Detector string              `json:"detector"`
		CC       string              `json:"probe_cc"`
		Events   []eventJSON         `json:"events"`
		Aside    []eventJSON         `json:"aside"`
		Seen     map[string][]int32  `json:"seen"` // days since 1970
		Dark     []darkness.Presence `json:"dark"`
		Outside  []darkness.Outside  `json:"outside,omitempty"`
	}
	eventJSON struct {
		Event
		From   int64  `json:"primary_from"`
		To     int64  `json:"primary_to"`
		Mainly uint32 `json:"mainly"`
		Always bool   `json:"always"`
	}
)

// MarshalJSON writes the findings with the version of the detector.
func (f Findings) MarshalJSON() ([]byte, error) {
	out := findingsJSON{Detector: Version, CC: f.CC, Events: eventsOut(f.found), Aside: eventsOut(f.odd), Seen: map[string][]int32{}}
	for target, p := range f.seen {
		out.Seen[target] = p.days
	}
	out.Dark, out.Outside = f.dark, f.outside
	return json.Marshal(out)
}

// UnmarshalJSON reads findings of this version of the detector; those of another
// version are an error.
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
	f.dark, f.outside = in.Dark, in.Outside
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
