package answer

import (
	"fmt"
	"time"

	"github.com/bandish/bandish/verdict"
)

// old is how many days ago the last measurement may be for a headline to speak
// of today.
const old = 30

// Headline is the answer in a few words, for the head of a card. It says no
// more than Sentence.
func (a *Answer) Headline() string {
	past := a.At.Before(floorDay(a.today))
	switch {
	case a.State.Accuses() && a.Basis == Reported:
		if past {
			return "It was blocked, as sources report"
		}
		return "It is blocked, as sources report"
	case a.State.Accuses():
		is := "It is"
		if past {
			is = "It was"
		}
		word := "likely blocked"
		if a.State == verdict.Blocked {
			word = "blocked"
		}
		if a.Partial {
			return fmt.Sprintf("%s %s on %d of %s", is, word, len(a.Interfered()), plural(len(a.Concluded()), "network"))
		}
		return is + " " + word
	case a.State == verdict.OK && (a.Stale > old || past):
		return fmt.Sprintf("It worked on %s", longDay(a.LastDay()))
	case a.State == verdict.OK:
		return "It works"
	case a.State == verdict.Down:
		return "It is down for everybody"
	case a.State == verdict.Impaired:
		return "It is not clear"
	case len(a.Reported) > 0 && a.Reported[0].End != nil:
		return fmt.Sprintf("It was blocked until %s, as sources report", longDay(*a.Reported[0].End))
	case len(a.Reported) > 0:
		return "It was reported blocked; nobody measured lately"
	}
	return "Not known: too little was measured"
}

// LastMeasuredDay is the last day with measurements; the zero time where there
// is none.
func (a *Answer) LastMeasuredDay() time.Time {
	if a.LastMeasured == nil {
		return time.Time{}
	}
	return a.LastMeasured.Add(-time.Second)
}
