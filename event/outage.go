package event

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/event/darkness"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/signal"
)

// This file makes events from signals from outside that fell, and adds them to the
// silences that they belong to.

// outages adds what the signals show to the silences that belong to it, and makes
// events of the rest. not holds the falls that are no events, with the reason.
func outages(all []darkness.Outside, silences []Event) (kept, not []Event) {
	kept = silences
	for i := range all {
		for k := range all[i].Outages { // those of the whole country are first
			o := &all[i].Outages[k]
			e, why := outage(all, o)
			switch at := slices.IndexFunc(kept, func(s Event) bool { return s.holds(&e) }); {
			case at >= 0 && (why == "" || why == fromOne):
				kept[at].seenFrom(&e, why == "")
			case why != "":
				e.Artefact = why
				not = append(not, e)
			default:
				kept = append(kept, e)
			}
		}
	}
	return kept, not
}

// fromOne says why a fall that only one observer saw is not an event.
const fromOne = "only one observer saw it, and a signal alone may fall by a fault of its own"

// outage makes the event of an outage; why says why it is none, "" where it is one.
func outage(all []darkness.Outside, o *darkness.Outage) (e Event, why string) {
	elsewhere := darkness.Elsewhere(all, o)
	if len(elsewhere) == len(o.Observers()) {
		elsewhere, why = nil, "the same signals of other countries fell at that time: it is what observes them, and not the country"
	}
	from, to := o.Span()
	e = Event{Kind: Shutdown, Target: "*", Targets: []string{"*"}, CC: o.CC, Networks: []string{}, State: Dark, Mechanisms: []string{"darkness"}, Detector: Version,
		Scope: "the whole country, as seen from outside", Phases: []Phase{}, Evidence: []string{}, primary: anchor{from, to}}
	if o.ASN != 0 {
		e.Networks = []string{network.Name(o.ASN)}
		e.Scope = "the network " + e.Networks[0] + ", as seen from outside"
	}
	onset, end, ended := o.Dates(elsewhere...)
	e.Onset = Interval{instant(onset[0]), instant(onset[1])}
	if ended {
		e.End = &Interval{instant(end[0]), instant(end[1])}
	}
	sum := make([]string, 0, len(o.Falls))
	for _, f := range o.Falls {
		sum = append(sum, f.Document)
		if slices.Contains(elsewhere, f.Observer) {
			continue
		}
		e.Signals = append(e.Signals, signalOf(&f, e.Networks))
		e.Reasons = append(e.Reasons, said(&f))
	}
	slices.Sort(sum)
	e.InputHash = hashOf(slices.Compact(sum))
	observers := o.Observers(elsewhere...)
	e.Confidence = math.Round((1-math.Pow(1-set.Darkness.SignalSure, float64(len(observers))))*100) / 100
	switch {
	case why != "":
	case o.Contradicted():
		why = fmt.Sprintf("meanwhile its networks were heard %d times by the measurements here, where %.1f times would be usual: it was not dark", o.Heard, o.Expected)
	case len(observers) < 2:
		why = fromOne
	}
	return e, why
}

func signalOf(f *darkness.Fall, networks []string) Signal {
	s := Signal{DataSource: f.DataSource, Network: strings.Join(networks, ""), From: *instant(f.From), Usual: f.Usual, Least: f.Least, Document: f.Document}
	if f.Back != 0 {
		s.To = instant(f.Back)
	}
	return s
}

// counted says in words what each observer counts.
var counted = map[signal.Observer]string{
	signal.Routes:    "blocks of addresses to which a route was known",
	signal.Probing:   "blocks of addresses that answered probes",
	signal.Telescope: "addresses that a telescope heard",
}

// said puts a fall into words.
func said(f *darkness.Fall) string {
	const form = "2006-01-02 15:04"
	back := "to the end of its data"
	if f.Back != 0 {
		back = "until " + instant(f.To).Format(form)
	}
	return fmt.Sprintf("seen from outside (IODA, %s), the %s fell from usually %.0f to %.0f and less, to %.0f at the least, from %s UTC %s",
		f.DataSource, counted[f.Observer], f.Usual, math.Floor(f.Usual*set.Darkness.Return), f.Least, instant(f.From).Format(form), back)
}

// holds reports whether shutdown e includes outage o: it is of the same country or
// network, or o is of a network of the country, and both share time.
func (e *Event) holds(o *Event) bool {
	return e.CC == o.CC && (e.lone() == "" || e.lone() == o.lone()) && e.primary.from <= o.primary.to && o.primary.from <= e.primary.to
}

// Concerns reports whether an event is about a target: the target is among its
// targets, or signals from outside show that the whole country was dark.
func (e *Event) Concerns(target string) bool {
	return slices.Contains(e.Targets, target) || e.SeenDark()
}

// SeenDark reports whether the event is a shutdown of a whole country that signals
// from outside show.
func (e *Event) SeenDark() bool { return e.Kind == Shutdown && len(e.Signals) > 0 && e.lone() == "" }

// lone returns the network of a shutdown of one network, and "" where the whole
// country was dark.
func (e *Event) lone() string {
	if strings.HasPrefix(e.Scope, "the network ") {
		return e.Networks[0]
	}
	return ""
}

// seenFrom adds to a shutdown what was seen from outside. An outage of one network
// changes only the signals and reasons of a shutdown of the whole country. Where
// enough is set, the outage also narrows the shutdown's dates, as far as both
// agree.
func (e *Event) seenFrom(o *Event, enough bool) {
	e.Signals = append(e.Signals, o.Signals...)
	e.Reasons = append(e.Reasons, o.Reasons...)
	e.InputHash = hashOf([]string{e.InputHash, o.InputHash})
	if e.lone() != o.lone() {
		return
	}
	e.Confidence = math.Min(0.99, math.Round((1-(1-e.Confidence)*(1-o.Confidence))*100)/100)
	if !enough {
		return
	}
	e.Onset = e.Onset.and(o.Onset)
	if e.End != nil && o.End != nil {
		end := e.End.and(*o.End)
		e.End = &end
	}
}

// and returns the common part of two intervals, or i where they have none.
func (i Interval) and(o Interval) Interval {
	if !i.known() || !o.known() || i.Latest.Before(*o.Earliest) || o.Latest.Before(*i.Earliest) {
		return i
	}
	if o.Earliest.After(*i.Earliest) {
		i.Earliest = o.Earliest
	}
	if o.Latest.Before(*i.Latest) {
		i.Latest = o.Latest
	}
	return i
}
