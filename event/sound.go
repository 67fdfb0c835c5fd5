package event

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/series"
)

// This file asks of events that are mainly one network's whether a broken probe
// or line explains them.

// soundNetworks looks at the events that are mainly one network's, on which
// nearly all failed while they lasted, and at those of the same network and
// time: they are set aside, or say what speaks against a defect. It returns those
// that stay, and what is set aside, the failures that are defects among it.
func soundNetworks(cells []series.Cell, failures []*artefact.Failure, events []Event) (kept, odd []Event) {
	var out []*artefact.Failure
	for _, f := range failures {
		if ban, sole := f.Ban(); !ban && f.Bad >= set.Defect.Told {
			odd = append(odd, broken(f, cells[0].CC))
		} else if sole {
			out = append(out, f)
		}
	}
	for i := range events {
		e := &events[i]
		if e.mainly == 0 {
			continue
		}
		if f := artefact.During(cells, e.mainly, e.primary.from, e.primary.to); f != nil {
			if ban, sole := f.Ban(); !ban || sole {
				out = append(out, f)
			}
		}
	}
	kept = slices.DeleteFunc(events, func(e Event) bool {
		i := slices.IndexFunc(out, func(f *artefact.Failure) bool {
			return e.mainly != 0 && e.mainly == f.ASN && e.primary.from <= f.To+86400 && f.From <= e.primary.to
		})
		if i < 0 {
			return false
		}
		if _, sole := out[i].Ban(); sole {
			doubt(&e, events)
			return false
		}
		e.Artefact = "the instrument: on " + networkName(e.mainly) + " nearly all of the other targets failed meanwhile, too"
		odd = append(odd, e)
		return true
	})
	return kept, odd
}

// doubt tells an event with less confidence where nothing tells it from a defect.
func doubt(e *Event, events []Event) {
	for i := range events {
		if o := &events[i]; o.Target == e.Target && o.primary == e.primary {
			o.Confidence = math.Round(set.Defect.Doubted*o.Confidence) / 100
			o.Reasons = append(o.Reasons, fmt.Sprintf("nearly everything that was measured on %s failed meanwhile, and no other network was measured enough to compare with: a defect of the probe or the line is not ruled out", networkName(e.mainly)))
		}
	}
}

// broken tells a defect whose votes were taken off.
func broken(f *artefact.Failure, cc string) Event {
	var names []string
	for _, n := range sortedKeys(f.Targets) {
		if t := f.Targets[n]; t.Bad > t.OK {
			names = append(names, n)
		}
	}
	what := "a probe or the line"
	if f.Reports {
		what = "a probe"
	}
	day := func(t int64) *time.Time { return instant(t) }
	e := Event{Kind: Block, Target: names[0], Targets: names, CC: cc, Networks: []string{networkName(f.ASN)}, State: Ended,
		Onset: Interval{day(f.From), day(f.From + 86400)}, End: &Interval{day(f.To), day(f.To + 86400)},
		Mechanisms: []string{}, Phases: []Phase{}, Evidence: []string{}, Detector: Version, Confidence: 0.05, primary: anchor{f.From, f.To + 86400},
		Artefact: fmt.Sprintf("the instrument: nearly all of %d targets failed there at once that are otherwise fine, and the country's other networks worked: %s was broken", len(f.Targets), what)}
	e.Scope = scope(&e)
	e.Reasons = []string{e.Artefact}
	return e
}
