package event

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// This file compares intervals, and names of networks by their numbers.

func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

// known reports whether both bounds are known.
func (i *Interval) known() bool { return i != nil && i.Earliest != nil && i.Latest != nil }

// holds reports whether the interval holds a moment (Unix seconds), or nearly does:
// by World.Slack.
func (i *Interval) holds(t int64) bool {
	return i.Earliest.Unix()-set.World.Slack <= t && t <= i.Latest.Unix()+set.World.Slack
}

// width returns the length of an interval in seconds; both bounds must be known.
func (i Interval) width() float64 { return i.Latest.Sub(*i.Earliest).Seconds() }

// meet reports whether two intervals overlap, or nearly do. An interval without
// both bounds meets none.
func meet(a, b Interval) bool {
	if !a.known() || !b.known() {
		return false
	}
	return a.Earliest.Unix() <= b.Latest.Unix()+set.World.GroupSlack && b.Earliest.Unix() <= a.Latest.Unix()+set.World.GroupSlack
}

// shared returns when something happened that several intervals date by much the
// same evidence. The narrowest of many intervals is narrow by chance, and is wrong
// more often than it says. So the result has the median edges of the intervals that
// are not much wider than the narrowest. Intervals without both bounds count only
// where there are no others.
func shared(of []Interval) Interval {
	known := slices.DeleteFunc(slices.Clone(of), func(i Interval) bool { return !i.known() })
	if len(known) == 0 {
		return of[len(of)-1]
	}
	least := math.Inf(1)
	for _, i := range known {
		least = math.Min(least, i.width())
	}
	var from, to []time.Time
	for _, i := range known {
		if i.width() <= set.World.GroupWidth*math.Max(least, 1) {
			from, to = append(from, *i.Earliest), append(to, *i.Latest)
		}
	}
	slices.SortFunc(from, time.Time.Compare)
	slices.SortFunc(to, time.Time.Compare)
	return Interval{&from[(len(from)-1)/2], &to[len(to)/2]}
}

// ordered reports whether an interval does not run backwards.
func (i *Interval) ordered() bool {
	return i == nil || i.Earliest == nil || i.Latest == nil || !i.Latest.Before(*i.Earliest)
}
