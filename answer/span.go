package answer

import (
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// span is the time of one event on one network, for one target.
type span struct {
	event *event.Event
	asn   uint32 // 0: the source names no network
	whole edges  // of the event's part on the target, on any network

	onset     event.Interval
	latest    time.Time  // by this moment it had surely begun on this network
	endFirst  *time.Time // until this moment it surely held; nil while nothing shows an end
	endLatest *time.Time // by this moment it had surely ended
	lulls     []event.Phase
}

// edges are the start and the end of an event.
type edges struct {
	onset event.Interval
	end   *event.Interval
}

func (e edges) latest() time.Time {
	if e.onset.Latest != nil {
		return *e.onset.Latest
	}
	return time.Time{}
}

// spansOf returns the time of an event on each of its networks, for one target.
// Shutdowns and artefacts have none.
func spansOf(e *event.Event, target string) []span {
	if e.Kind == event.Shutdown || e.Artefact != "" {
		return nil
	}
	networks, by, whole := e.Networks, e.ByNetwork, edges{e.Onset, e.End}
	if len(e.Parts) > 0 {
		networks = nil
		for _, p := range e.Parts {
			if p.Target == target {
				networks, by, whole = p.Networks, p.ByNetwork, edges{p.Onset, p.End}
				if networks == nil {
					networks = []string{}
				}
			}
		}
		if networks == nil {
			return nil
		}
	} else if e.Target != target {
		return nil
	}
	if whole.onset.Latest == nil {
		return nil
	}
	asns := []uint32{0}
	if len(networks) > 0 {
		asns = network.Numbers(networks)
	}
	out := make([]span, 0, len(asns))
	for _, asn := range asns {
		s := newSpan(e, asn, whole)
		for i := range by {
			if by[i].Network == network.Name(asn) {
				s.narrow(&by[i])
			}
		}
		out = append(out, s)
	}
	return out
}

// newSpan makes the span of one network from what the event's phases say of it.
func newSpan(e *event.Event, asn uint32, whole edges) span {
	s := span{event: e, asn: asn, whole: whole, onset: whole.onset, latest: *whole.onset.Latest}
	if whole.end != nil {
		s.endFirst, s.endLatest = whole.end.Earliest, whole.end.Latest
		if s.endFirst == nil {
			s.endFirst = s.endLatest
		}
		if s.endLatest == nil {
			s.endLatest = s.endFirst
		}
	}
	name := network.Name(asn)
	for _, p := range e.Phases {
		of := false
		for _, n := range p.Networks {
			of = of || n == name
		}
		switch {
		case p.Kind == event.PhaseLull && p.To != nil:
			s.lulls = append(s.lulls, p)
		case p.Kind == event.PhaseSpread && of && p.From.After(s.latest):
			from := p.From
			s.latest, s.onset.Latest = from, &from
		case p.Kind == event.PhaseRestored && of:
			from := p.From
			s.endFirst, s.endLatest = &from, &from
		}
	}
	return s
}

// narrow uses a network's own dates, where they say that it joined later than the
// event began, or was restored before the event ended.
func (s *span) narrow(on *event.OnNetwork) {
	if l := on.Onset.Latest; l != nil && l.After(s.latest) {
		s.latest, s.onset.Latest = *l, l
	}
	if on.End == nil {
		return
	}
	first, last := on.End.Earliest, on.End.Latest
	if first == nil {
		first = last
	}
	if last == nil {
		last = first
	}
	if first != nil && (s.endFirst == nil || first.Before(*s.endFirst)) {
		s.endFirst, s.endLatest = first, last
	}
}

// holds reports whether the ban surely held on the network in the last second
// before t.
func (s *span) holds(t time.Time) bool {
	t = t.Add(-time.Second)
	if t.Before(s.latest) {
		return false
	}
	return s.endFirst == nil || t.Before(*s.endFirst)
}

// may reports whether the ban may have held at some time in [from, to).
func (s *span) may(from, to time.Time) bool {
	begin := s.latest
	if s.onset.Earliest != nil {
		begin = *s.onset.Earliest
	}
	return begin.Before(to) && (s.endLatest == nil || s.endLatest.After(from))
}

// covers reports whether the ban surely held through [from, to).
func (s *span) covers(from, to time.Time) bool {
	return !from.Before(s.latest) && (s.endFirst == nil || !to.After(*s.endFirst))
}

// lull reports whether the whole day before t is in a pause of the ban.
func (s *span) lull(t time.Time) bool {
	for _, l := range s.lulls {
		if !t.Add(-series.Day).Before(l.From) && !t.After(*l.To) {
			return true
		}
	}
	return false
}

// Hold is the time of a dated ban on one network.
type Hold struct {
	ASN   uint32 // 0: the source names no network
	Onset event.Interval
	End   *event.Interval // nil while nothing shows an end
}

// Holds returns the time of a dated ban of a target on each of its networks, as
// answers use it: a network may have joined later than the others, or been restored
// before them.
func Holds(e *event.Event, target string) []Hold {
	var out []Hold
	for _, s := range spansOf(e, target) {
		h := Hold{ASN: s.asn, Onset: s.onset}
		if s.endFirst != nil {
			h.End = &event.Interval{Earliest: s.endFirst, Latest: s.endLatest}
		}
		out = append(out, h)
	}
	return out
}
