package verdict

import (
	"cmp"
	"slices"
	"strconv"
)

// Transition is the number of measurements of one country and target to which one
// ruleset gave the state Old and another ruleset the state New. A state is "" where
// that ruleset has no verdict on the measurement.
type Transition struct {
	CC           string `json:"probe_cc"`
	Target       string `json:"target"`
	Old          State  `json:"old"`
	New          State  `json:"new"`
	Measurements int    `json:"measurements"`
}

// Changes collects how the verdicts of two rulesets on the same measurements
// differ. The zero value is ready to use.
type Changes struct {
	Same   int // measurements with the same state under both
	counts map[Transition]int
}

// Add compares the verdicts of two rulesets on some measurements. old and new must
// have all verdicts on these measurements, in any order.
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

// identity returns a key that is the same for all verdicts on one measurement.
func (r *Row) identity() string {
	if r.Raw != "" {
		return r.Raw + ":" + strconv.FormatUint(uint64(r.Line), 10)
	}
	return r.UID + "\x00" + r.ReportID + "\x00" + r.Input + "\x00" + r.Time.UTC().String()
}

// Transitions returns the changes, sorted by country, target and states.
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
