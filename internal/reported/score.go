package reported

import (
	"slices"

	"github.com/bandish/bandish/verdict"
)

// Score counts how verdicts agree with truths. The zero value is ready.
type Score struct {
	Cases int // added
	Right int // of them, those whose state is one that is right

	// Accusations are verdicts of blocked or likely_blocked. One is right where
	// the truth allows either, and false where it allows neither. One is missed
	// where the truth allows nothing else and the verdict is no accusation.
	Accused int
	False   int
	Missed  int
}

// Fits reports whether a state is one that is right.
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

// Precision is the share of accusations that are right, 1 where there are
// none.
func (s *Score) Precision() float64 { return share(s.Accused, s.Accused+s.False) }

// Recall is the share of what must be accused that is, 1 where nothing must.
func (s *Score) Recall() float64 { return share(s.Accused, s.Accused+s.Missed) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}
