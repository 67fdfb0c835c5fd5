package event

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// This file asks whether a broken probe or line explains an event that is mainly on
// one network.

// soundNetworks looks for failures on the networks of events: times in which nearly
// all targets failed there. An event that such a defect explains is set aside.
// Where nothing can tell a ban from a defect, the event stays, with a lower
// confidence and a reason that says so. It returns the events that stay, and in odd
// those that do not, with one more for each defect.
func soundNetworks(cells []series.Cell, failures []*artefact.Failure, events []Event) (kept, odd []Event) {
	var out []*artefact.Failure
	for _, f := range failures {
		if ban, sole := f.Ban(); !ban {
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
	for _, e := range events {
		switch failed, sole := failedOn(&e, out); {
		case failed == nil:
		case sole:
			e.doubt(failed)
		default:
			e.Artefact = "the instrument: on " + failed[0] + " nearly all of the other targets failed meanwhile, too"
			odd = append(odd, e)
			continue
		}
		kept = append(kept, e)
	}
	return kept, odd
}

// failedOn returns the networks on which nearly everything failed while an event
// lasted: the one that shows nearly all of the event, or else all of its networks.
// sole says that nothing tells a ban from a defect on any of them.
func failedOn(e *Event, failures []*artefact.Failure) (networks []string, sole bool) {
	if e.mainly != 0 {
		networks = []string{network.Name(e.mainly)}
	} else {
		networks = e.Networks
	}
	sole = true
	for _, n := range networks {
		i := slices.IndexFunc(failures, func(f *artefact.Failure) bool {
			return network.Name(f.ASN) == n && e.primary.from <= f.To+86400 && f.From <= e.primary.to
		})
		if i < 0 {
			return nil, false
		}
		_, unsure := failures[i].Ban()
		sole = sole && unsure
	}
	if len(networks) == 0 || !sole && e.mainly == 0 {
		return nil, false
	}
	return networks, sole
}

// doubt lowers the confidence of an event that nothing tells from a defect, and
// gives the reason.
func (e *Event) doubt(networks []string) {
	e.Confidence = math.Round(set.Defect.Doubted*e.Confidence) / 100
	e.Reasons = append(slices.Clone(e.Reasons), fmt.Sprintf("nearly everything that was measured on %s failed meanwhile, and no other network was measured enough to compare with: a defect of the probe or the line is not ruled out", strings.Join(networks, " and ")))
}

// broken makes the artefact of a defect whose votes were removed.
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
	e := Event{Kind: Block, Target: names[0], Targets: names, CC: cc, Networks: []string{network.Name(f.ASN)}, State: Ended,
		Onset: Interval{day(f.From), day(f.From + 86400)}, End: &Interval{day(f.To), day(f.To + 86400)},
		Mechanisms: []string{}, Phases: []Phase{}, Evidence: []string{}, Detector: Version, Confidence: 0.05, primary: anchor{f.From, f.To + 86400},
		Artefact: fmt.Sprintf("the instrument: nearly all of %d targets failed there at once that are otherwise fine, and the country's other networks worked: %s was broken", len(f.Targets), what)}
	e.Scope = scope(&e)
	e.Reasons = []string{e.Artefact}
	return e
}
