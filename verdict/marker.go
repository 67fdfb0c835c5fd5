package verdict

import "slices"

// Marker is what only many measurements together show: failures that follow a
// version of software and not the networks, and those on a network that lets
// only a list of targets through, which then do not vote, and slow loads that
// the network alone makes slow, which are likely_blocked. All that
// counts verdicts counts them through one Marker: first Add every row, then
// Mark every row. The zero value is ready.
type Marker struct {
	defects   DefectFinder
	throttles ThrottleFinder
	allowed   AllowListFinder
	found     bool
	broken    []Defect
	slow      []Throttle
}

// Add looks at a row.
func (m *Marker) Add(r *Row) {
	m.defects.Add(r)
	m.throttles.Add(r)
	m.allowed.Add(r)
}

// Mark changes a row by what all rows together show. No row may be added
// after the first call.
func (m *Marker) Mark(r *Row) {
	if !m.found {
		m.broken, m.slow, m.found = m.defects.Found(), m.throttles.Found(), true
	}
	if slices.ContainsFunc(m.broken, func(d Defect) bool { return d.Explains(r) }) {
		r.Invalid = SoftwareDefect
	}
	if m.allowed.Explains(r) {
		r.Invalid = OnAllowList
	}
	if i := slices.IndexFunc(m.slow, func(t Throttle) bool { return t.Explains(r) }); i >= 0 {
		m.slow[i].Raise(r)
	}
}
