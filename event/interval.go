package event

import (
	"cmp"
	"strings"
)

// This file compares intervals, and networks by their numbers.

func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

// known reports that both bounds are.
func (i *Interval) known() bool { return i != nil && i.Earliest != nil && i.Latest != nil }

// holds reports whether the interval holds a moment, or nearly.
func (i *Interval) holds(t int64) bool {
	return i.Earliest.Unix()-set.World.Slack <= t && t <= i.Latest.Unix()+set.World.Slack
}

// width is the length of an interval in seconds.
func (i Interval) width() float64 { return i.Latest.Sub(*i.Earliest).Seconds() }

// meet reports whether two intervals overlap, or nearly. What has no bound has
// no date to share.
func meet(a, b Interval) bool {
	if !a.known() || !b.known() {
		return false
	}
	return a.Earliest.Unix() <= b.Latest.Unix()+set.World.GroupSlack && b.Earliest.Unix() <= a.Latest.Unix()+set.World.GroupSlack
}

func narrower(a, b Interval) Interval {
	if a.Earliest == nil || b.Earliest == nil || a.Latest == nil || b.Latest == nil {
		if a.Earliest == nil || a.Latest == nil {
			return b
		}
		return a
	}
	if b.Latest.Sub(*b.Earliest) < a.Latest.Sub(*a.Earliest) {
		return b
	}
	return a
}

// ordered reports that an interval does not run backwards.
func (i *Interval) ordered() bool {
	return i == nil || i.Earliest == nil || i.Latest == nil || !i.Latest.Before(*i.Earliest)
}
