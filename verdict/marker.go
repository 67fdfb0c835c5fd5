package verdict

import "slices"

// Marker finds what only many measurements together show. Failures that follow a
// version of software and not the networks, and failures on a network that lets
// only approved sites through, then do not vote. Slow loads that only the network
// can explain become likely_blocked. Everything that counts verdicts must use one
// Marker: first Add every row, then Mark every row. The zero value is ready to use.
type Marker struct {
	defects   DefectFinder
	throttles ThrottleFinder
	allowed   AllowListFinder
	found     bool
	broken    []Defect
	slow      []Throttle
}

// Add adds a row.
func (m *Marker) Add(r *Row) {
	m.defects.Add(r)
	m.throttles.Add(r)
	m.allowed.Add(r)
}

// Mark changes a row by what all rows together show. No row may be added after the
// first call.
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
