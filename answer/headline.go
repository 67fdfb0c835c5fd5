package answer

import (
	"fmt"
	"time"

	"github.com/bandish/bandish/verdict"
)

// old is the age of the last measurement, in days, after which a headline no longer
// says how it is today.
const old = 30

// HeadKey names what the headline of a card says. A language has words for each.
type HeadKey string

// What a headline says, and which fields of Head it uses.
const (
	HeadReported    HeadKey = "reported"     // blocked, as sources report: Past, Likely
	HeadBlocked     HeadKey = "blocked"      // blocked, as measured: Past, Likely
	HeadPartly      HeadKey = "partly"       // blocked on N of Of networks: Past, Likely
	HeadWorked      HeadKey = "worked"       // it worked on Day
	HeadWorks       HeadKey = "works"        // it works
	HeadDown        HeadKey = "down"         // down for everybody
	HeadUnclear     HeadKey = "unclear"      // not clear
	HeadWasBlocked  HeadKey = "was_blocked"  // blocked until Day, as sources report
	HeadWasReported HeadKey = "was_reported" // reported blocked; nobody measured lately
	HeadUnknown     HeadKey = "unknown"      // too little was measured
)

// HeadKeys returns all of them.
func HeadKeys() []HeadKey {
	return []HeadKey{HeadReported, HeadBlocked, HeadPartly, HeadWorked, HeadWorks, HeadDown, HeadUnclear, HeadWasBlocked, HeadWasReported, HeadUnknown}
}

// Head is what the headline of a card says, before a language puts it into words.
type Head struct {
	Key          HeadKey
	Past, Likely bool
	N, Of        int
	Day          time.Time
}

// Head decides what the headline of a card says, once for all languages. It says no
// more than the remarks do.
func (a *Answer) Head() Head {
	past := a.At.Before(floorDay(a.today))
	switch {
	case a.State.Accuses() && a.Basis == Reported:
		return Head{Key: HeadReported, Past: past, Likely: a.State != verdict.Blocked}
	case a.State.Accuses():
		h := Head{Key: HeadBlocked, Past: past, Likely: a.State != verdict.Blocked}
		if a.Partial {
			h.Key, h.N, h.Of = HeadPartly, len(a.Interfered()), len(a.Concluded())
		}
		return h
	case a.State == verdict.OK && (a.Stale > old || past):
		return Head{Key: HeadWorked, Day: a.LastDay()}
	case a.State == verdict.OK:
		return Head{Key: HeadWorks}
	case a.State == verdict.Down:
		return Head{Key: HeadDown}
	case a.State == verdict.Impaired:
		return Head{Key: HeadUnclear}
	case len(a.Reported) > 0 && a.Reported[0].End != nil:
		return Head{Key: HeadWasBlocked, Day: *a.Reported[0].End}
	case len(a.Reported) > 0:
		return Head{Key: HeadWasReported}
	}
	return Head{Key: HeadUnknown}
}

// Headline returns the answer in a few words of English, for the top of a card.
func (a *Answer) Headline() string {
	h := a.Head()
	is, word := "It is", "blocked"
	if h.Past {
		is = "It was"
	}
	if h.Likely {
		word = "likely blocked"
	}
	switch h.Key {
	case HeadReported:
		return is + " " + word + ", as sources report"
	case HeadBlocked:
		return is + " " + word
	case HeadPartly:
		return fmt.Sprintf("%s %s on %d of %s", is, word, h.N, plural(h.Of, "network"))
	case HeadWorked:
		return fmt.Sprintf("It worked on %s", longDay(h.Day))
	case HeadWorks:
		return "It works"
	case HeadDown:
		return "It is down for everybody"
	case HeadUnclear:
		return "It is not clear"
	case HeadWasBlocked:
		return fmt.Sprintf("It was blocked until %s, as sources report", longDay(h.Day))
	case HeadWasReported:
		return "It was reported blocked; nobody measured lately"
	}
	return "Not known: too little was measured"
}

// LastMeasuredDay returns the last second of the last day with measurements, or the
// zero time where there is none.
func (a *Answer) LastMeasuredDay() time.Time {
	if a.LastMeasured == nil {
		return time.Time{}
	}
	return a.LastMeasured.Add(-time.Second)
}
