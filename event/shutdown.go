package event

import (
	"fmt"
	"math"

	"github.com/bandish/bandish/event/darkness"
	"github.com/bandish/bandish/network"
)

// This file makes events of countries and networks that fell silent.

// shutdowns makes events of the silences that other countries do not share. The
// data end at end (Unix seconds) or later.
func shutdowns(dark []darkness.Presence, end int64) []Event {
	for i := range dark {
		end = max(end, dark[i].Last.Last)
	}
	var out []Event
	for i := range dark {
		k := &dark[i]
		for _, s := range k.Silences {
			spoke, compared := darkness.Spoken(dark, k, s.Before.Last, s.After.First)
			if !spoke {
				continue
			}
			e := shutdown(k, s, false)
			if !compared {
				e.Confidence = math.Round(e.Confidence*70) / 100
				e.Reasons = append(e.Reasons, "no other country's measurements are at hand to tell it from an outage of the collector")
			}
			out = append(out, e)
		}
		for i := range k.Lone {
			n := &k.Lone[i]
			for _, s := range n.Silences {
				e := shutdown(n, s, false)
				e.Confidence = math.Round(e.Confidence*70) / 100
				e.Reasons = append(e.Reasons, "the other networks of the country were heard meanwhile, and this one through several kinds of probes before and after; that all of them were switched off at once is not ruled out")
				out = append(out, e)
			}
		}
		if s, ok := k.Trailing(end); ok {
			if spoke, compared := darkness.Spoken(dark, k, s.Before.Last, end); spoke && compared {
				out = append(out, shutdown(k, s, true))
			}
		}
	}
	return out
}

// shutdown makes the event of a silence. open says that it lasts to the end of the
// data.
func shutdown(k *darkness.Presence, s darkness.Silence, open bool) Event {
	e := Event{Kind: Shutdown, Target: "*", Targets: []string{"*"}, CC: k.CC, State: Dark, Mechanisms: []string{"darkness"}, Detector: Version,
		InputHash: k.Sum, Phases: []Phase{}, Evidence: []string{}, primary: anchor{s.Before.Last, s.After.First}}
	for _, n := range s.Networks {
		e.Networks = append(e.Networks, network.Name(n))
	}
	// Without a shutdown, the next presence would come after an exponential time;
	// daily cells do not say at which hour.
	few, many := -math.Log((1+set.Darkness.Credible)/2), -math.Log((1-set.Darkness.Credible)/2)
	slack := int64(0)
	if k.Bucket == 86400 {
		slack = 86400
	}
	e.Onset = Interval{Earliest: instant(k.Await(s.Before.Last, few, s.Usual, 1) - slack), Latest: instant(k.Await(s.Before.Last, many, s.Usual, 1))}
	length := "the end of the data"
	if !open {
		e.End = &Interval{Earliest: instant(k.Await(s.After.First, many, s.Usual, -1)), Latest: instant(k.Await(s.After.First, few, s.Usual, -1) + slack)}
		if e.Onset.Latest.Unix() > s.After.First {
			e.Onset.Latest = instant(s.After.First)
		}
		if e.End.Earliest.Unix() < s.Before.Last {
			e.End.Earliest = instant(s.Before.Last)
		}
		length = instant(s.After.First).Format("2006-01-02 15:04") + " UTC"
		if s.After.UID != "" {
			e.Evidence = append(e.Evidence, s.After.UID)
		}
	}
	if s.Before.UID != "" {
		e.Evidence = append([]string{s.Before.UID}, e.Evidence...)
	}
	e.Counts.Measurements = s.During
	e.Confidence = math.Round(math.Min(0.95, 1-math.Exp(-s.Score/16))*100) / 100
	e.Scope = fmt.Sprintf("the whole country, %d networks", len(e.Networks))
	if k.ASN != 0 {
		e.Scope = "the network " + e.Networks[0]
	}
	e.Reasons = []string{fmt.Sprintf("usually networks are heard %.0f times a day; from %s UTC to %s they were heard %d times, on all targets together",
		s.Usual, instant(s.Before.Last).Format("2006-01-02 15:04"), length, s.During)}
	return e
}
