package verdict

import (
	"cmp"
	"slices"
	"strconv"
)

// Transition counts the measurements of one country and target that one
// ruleset gave one state and another ruleset another. A state is "" where the
// ruleset has no verdict on the measurement.
type Transition struct {
	CC           string `json:"probe_cc"`
	Target       string `json:"target"`
	Old          State  `json:"old"`
	New          State  `json:"new"`
	Measurements int    `json:"measurements"`
}

// Changes collects how the verdicts of two rulesets on the same measurements
// differ. The zero value is ready.
type Changes struct {
	Same   int // measurements of the same state under both
	counts map[Transition]int
}

// Add compares verdicts on the same measurements: all that both rulesets have
// of them, in any order.
func (c *Changes) Add(old, new []Row) {
	if c.counts == nil {
		c.counts = map[Transition]int{}
	}
	before := make(map[string]*Row, len(old))
	for i := range old {
		before[old[i].identity()] = &old[i]
	}
	for i := range new {
		n := &new[i]
		key := n.identity()
		o := before[key]
		delete(before, key)
		if o == nil {
			c.counts[Transition{CC: n.CC, Target: n.Target, New: n.State}]++
		} else if o.State == n.State {
			c.Same++
		} else {
			c.counts[Transition{CC: n.CC, Target: n.Target, Old: o.State, New: n.State}]++
		}
	}
	for _, o := range before {
		c.counts[Transition{CC: o.CC, Target: o.Target, Old: o.State}]++
	}
}

// identity tells measurements apart, whatever was judged of them.
func (r *Row) identity() string {
	if r.Raw != "" {
		return r.Raw + ":" + strconv.FormatUint(uint64(r.Line), 10)
	}
	return r.UID + "\x00" + r.ReportID + "\x00" + r.Input + "\x00" + r.Time.UTC().String()
}

// Transitions returns the changes by country, target and states.
func (c *Changes) Transitions() []Transition {
	all := make([]Transition, 0, len(c.counts))
	for t, n := range c.counts {
		t.Measurements = n
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Transition) int {
		return cmp.Or(cmp.Compare(a.CC, b.CC), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	return all
}
