package event

import (
	"fmt"
	"slices"
)

// Check returns the laws that an event breaks, in words; none for a sound event.
// The detector checks every event that it makes and writes the result into
// Event.Flaws. Such flaws are faults of the detector, not of the data.
func Check(e *Event) []string {
	var out []string
	law := func(holds bool, format string, args ...any) {
		if !holds {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	law(e.Onset.Latest != nil, "its onset has no latest moment")
	law(e.Onset.ordered(), "its onset runs backwards: %s", e.Onset)
	law(slices.IsSorted(e.Targets) && slices.Contains(e.Targets, e.Target), "its target %q and targets %q disagree", e.Target, e.Targets)
	law(slices.IsSortedFunc(e.Networks, byNumber), "its networks are not sorted")
	law(e.Confidence >= 0 && e.Confidence <= 1, "its confidence is %v", e.Confidence)
	law((e.State == Ended) == (e.End != nil) || e.Kind == Shutdown, "it is %s and its end is %v", e.State, e.End)
	if e.End != nil {
		law(e.End.Earliest != nil && e.End.Latest != nil && e.End.ordered(), "its end is not an interval: %s", *e.End)
		law(e.Onset.Earliest == nil || e.End.Latest == nil || !e.End.Latest.Before(*e.Onset.Earliest), "it ends before it begins")
	}
	for i := range e.ByNetwork {
		n := &e.ByNetwork[i]
		law(slices.Contains(e.Networks, n.Network), "%s is not among its networks", n.Network)
		law(n.Onset.ordered() && n.End.ordered(), "a date on %s runs backwards", n.Network)
	}
	for i := range e.Phases {
		e.checkPhase(&e.Phases[i], law)
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		law(slices.Contains(e.Targets, p.Target), "the part %s is not among its targets", p.Target)
		law((p.State == Ended) == (p.End != nil), "the part %s is %s and its end is %v", p.Target, p.State, p.End)
	}
	return out
}

func (e *Event) checkPhase(p *Phase, law func(bool, string, ...any)) {
	law(p.To == nil || !p.To.Before(p.From), "a phase runs backwards: %s", p.Note)
	for _, n := range p.Networks {
		law(slices.Contains(e.Networks, n), "%s in a phase is not among its networks", n)
	}
	law(e.Onset.Earliest == nil || !p.From.Before(*e.Onset.Earliest), "a phase begins before the event: %s", p.Note)
	if e.End != nil && e.End.Latest != nil {
		law(!p.From.After(*e.End.Latest), "a phase begins after the event: %s", p.Note)
		law(p.Kind != PhaseBlocked && p.Kind != PhaseLull || p.To != nil && !p.To.After(*e.End.Latest), "%s after the event's end: %s", p.Kind, p.Note)
	}
	law(p.Kind != PhaseRestored || e.State != Ongoing, "a network was restored and the event is ongoing: %s", p.Note)
	law(p.Kind != PhaseLull || p.To != nil, "a lull has no end")
}
