package event

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
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

// shared is when a moment was that several intervals hold, by evidence that is
// much the same. The narrowest of many is narrow by chance, and misses more often
// than it says; so of those that are not much wider than it, the edges in the
// middle are taken. One that is not bounded says nothing where another is.
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

// ordered reports that an interval does not run backwards.
func (i *Interval) ordered() bool {
	return i == nil || i.Earliest == nil || i.Latest == nil || !i.Latest.Before(*i.Earliest)
}
