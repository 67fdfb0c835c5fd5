package reported

import (
	"slices"

	"github.com/bandish/bandish/verdict"
)

// Score counts how often verdicts agree with truths. The zero value is ready.
type Score struct {
	Cases int // how many were added
	Right int // of these, how many have a right state

	// Accusations are verdicts of blocked or likely_blocked. An accusation is right
	// (Accused) if the truth allows either of the two, and false (False) if it allows
	// neither. One is missed (Missed) if the truth allows nothing else and the verdict is
	// not an accusation.
	Accused int
	False   int
	Missed  int
}

// Fits reports whether a state is a right one.
func (c *Case) Fits(state verdict.State) bool { return slices.Contains(c.Right, state) }

// Add counts a verdict on a case.
func (s *Score) Add(c *Case, state verdict.State) {
	s.Cases++
	if c.Fits(state) {
		s.Right++
	}
	may, must := slices.ContainsFunc(c.Right, accuses), !slices.ContainsFunc(c.Right, innocent)
	switch {
	case accuses(state) && may:
		s.Accused++
	case accuses(state):
		s.False++
	case must:
		s.Missed++
	}
}

func accuses(s verdict.State) bool  { return s == verdict.Blocked || s == verdict.LikelyBlocked }
func innocent(s verdict.State) bool { return !accuses(s) }

// Precision is the share of the accusations that are right, 1 if there are none.
func (s *Score) Precision() float64 { return share(s.Accused, s.Accused+s.False) }

// Recall is the share of the cases that must be accused and are, 1 if there are none.
func (s *Score) Recall() float64 { return share(s.Accused, s.Accused+s.Missed) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}
