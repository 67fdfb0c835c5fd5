package answer

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

func longDay(t time.Time) string { return t.UTC().Format("2 January 2006") }

// plural is "1 network" and "2 networks".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// When puts an interval into words: "on 6 November 2024", "between 6 and 7 November
// 2024", "at an unknown time before 6 November 2024". It is exact to the day, UTC.
func When(i event.Interval) string {
	switch {
	case i.Earliest == nil && i.Latest == nil:
		return "at an unknown time"
	case i.Earliest == nil:
		return "on " + longDay(i.Latest.Add(-time.Second)) + " or before"
	case i.Latest == nil:
		return "on " + longDay(*i.Earliest) + " or later"
	}
	a, b := i.Earliest.UTC(), i.Latest.Add(-time.Second).UTC()
	if b.Before(a) {
		b = a
	}
	switch {
	case longDay(a) == longDay(b):
		return "on " + longDay(a)
	case a.Year() == b.Year() && a.Month() == b.Month():
		return fmt.Sprintf("between %d and %s", a.Day(), longDay(b))
	case a.Year() == b.Year():
		return fmt.Sprintf("between %s and %s", a.Format("2 January"), longDay(b))
	}
	return fmt.Sprintf("between %s and %s", longDay(a), longDay(b))
}

// since puts the start of a state into words: "since 6 November 2024", "since some
// time between …".
func since(i event.Interval) string {
	w := When(i)
	if rest, ok := strings.CutPrefix(w, "on "); ok {
		return "since " + rest
	}
	if strings.HasPrefix(w, "between ") {
		return "since some time " + w
	}
	return "since an unknown time"
}

// networkNames names at most five networks.
func networkNames(networks []Network) string {
	const most = 5
	var names []string
	for _, n := range networks {
		if n.ASN != 0 {
			names = append(names, network.Name(n.ASN))
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		return fmt.Sprintf(" (%s and %d more)", strings.Join(names[:most], ", "), len(names)-most)
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// sentence returns the answer in English, in words that a reporter could quote.
// Remarks on one ban make one sentence.
func (a *Answer) sentence() string {
	var b strings.Builder
	for _, r := range a.Remarks() {
		if b.Len() > 0 && !r.Key.joins() {
			b.WriteString(" ")
		}
		a.english(&b, r)
	}
	return b.String()
}

// joins reports whether a remark continues the sentence before it, in English.
func (k RemarkKey) joins() bool {
	switch k {
	case SayNetworks, SayHours, SayParts, SayHow, SayFailed:
		return true
	}
	return false
}

// english writes one remark.
func (a *Answer) english(b *strings.Builder, r Remark) {
	day := longDay(r.Day)
	switch r.Key {
	case SayBan:
		state := "is blocked"
		if r.Likely {
			state = "is likely blocked"
		}
		fmt.Fprintf(b, "As of %s, %s %s in %s", day, a.Name, state, a.Country)
	case SayNetworks:
		fmt.Fprintf(b, " on %d of %s measured enough%s", r.N, plural(r.Of, "network"), networkNames(r.Networks))
	case SayHours:
		fmt.Fprintf(b, " at certain hours (%s)", r.Text)
	case SayParts:
		fmt.Fprintf(b, " (of it: %s)", r.Text)
	case SayHow:
		fmt.Fprintf(b, ", %s", since(*r.Since))
		if words := verdict.MechanismWords(r.Text); words != "" {
			fmt.Fprintf(b, " (%s: %s)", words, r.Text)
		}
	case SayFailed:
		fmt.Fprintf(b, ": %d of %s there failed", r.N, plural(r.Of, "measurement"))
		if r.Usually != nil {
			fmt.Fprintf(b, ", against %.0f %% in the four weeks before", math.Round(100**r.Usually))
		}
		b.WriteString(".")
	case SayOthers:
		fmt.Fprintf(b, "On the other %s, %d of %s in the week before were ok.", plural(r.Among, "network"), r.N, plural(r.Of, "measurement"))
	case SayEnded:
		fmt.Fprintf(b, "This ban ended %s.", When(*r.Until))
	case SayReported:
		verb := "is"
		if r.Past {
			verb = "was"
		}
		if r.Likely {
			verb += " likely"
		}
		fmt.Fprintf(b, "As of %s, %s %s blocked in %s since %s", day, a.Name, verb, a.Country, longDay(r.Reported.Start))
		if r.Reported.StartBy != nil {
			fmt.Fprintf(b, " (or by %s)", longDay(*r.Reported.StartBy))
		}
		fmt.Fprintf(b, ", %s by then, as sources report (%s).", r.Reported.length(), r.Reported.publishers())
	case SayReportedEnd:
		fmt.Fprintf(b, "They report its end on %s.", day)
	case SayReportedLast:
		fmt.Fprintf(b, "It was last reported on %s.", day)
	case SayNoMeasurements:
		fmt.Fprintf(b, "This archive holds no measurements of %s in %s.", a.Name, a.Country)
	case SayTooFew:
		fmt.Fprintf(b, "This archive holds too few measurements of %s in %s at that time to say more.", a.Name, a.Country)
	case SayMeasured:
		a.englishMeasured(b, r)
	case SayPast:
		fmt.Fprintf(b, "A ban was measured that began %s", When(*r.Since))
		if r.Until == nil {
			b.WriteString("; its end was not measured.")
			return
		}
		fmt.Fprintf(b, " and ended %s.", When(*r.Until))
	case SayWasReported:
		verb := "was blocked"
		if r.Likely {
			verb = "was reported blocked"
		}
		fmt.Fprintf(b, "%s %s in %s ", a.Name, verb, a.Country)
		if r.Text != "" {
			fmt.Fprintf(b, "(%s) ", r.Text)
		}
		r.Reported.say(b)
	case SayLittle:
		fmt.Fprintf(b, "There are too few measurements to say whether %s was blocked in %s in the seven days to %s: there are %d, and %s.", a.Name, a.Country, day, r.N, r.Text)
	case SayDisagree:
		b.WriteString(r.Text)
	case SayInforms:
		if r.Of == 1 {
			fmt.Fprintf(b, "One more measurement was handed in by a sender whose network or time nothing confirms: it decides nothing, and it %s.", map[bool]string{true: "failed", false: "did not fail"}[r.N > 0])
			return
		}
		fmt.Fprintf(b, "%d more measurements were handed in by senders whose network or time nothing confirms: they decide nothing, and %d of them failed.", r.Of, r.N)
	case SayDark:
		fmt.Fprintf(b, "Signals from outside show that all of %s went dark %s", a.Country, When(*r.Since))
		if r.Until == nil {
			b.WriteString("; they show no end of it.")
			return
		}
		fmt.Fprintf(b, " and was back %s.", When(*r.Until))
	case SayStale:
		fmt.Fprintf(b, "That was %s ago: about today the measurements of this archive say nothing.", plural(r.N, "day"))
	case SayPublished:
		b.WriteString("These are daily counts that OONI published, without the measurements behind them.")
	case SayKnown:
		fmt.Fprintf(b, "This is what was known at the end of %s.", day)
	case SayExample:
		b.WriteString("Country ZZ is an example made in a lab and says nothing about any real network.")
	}
}

func (a *Answer) englishMeasured(b *strings.Builder, r Remark) {
	words := map[verdict.State]string{
		verdict.OK:       "is reachable",
		verdict.Down:     "is down, for the control too: nobody seems to block it",
		verdict.Impaired: "works badly or only at times, and the cause is not clear",
	}
	c := r.Counts
	fmt.Fprintf(b, "As of %s, %s %s in %s: of %s on %s from %s on, %d were ok, %d looked blocked, %d down, %d unclear.",
		longDay(r.Day), a.Name, words[r.State], a.Country, plural(int(c.Measurements), "measurement"), plural(c.Networks, "network"),
		longDay(c.From), c.OK, c.Blocked, c.Down, c.Inconclusive)
}

// say writes the time of a reported ban: "from 17 February 2024 to 7 May
// 2025, 445 days, as sources report (the case record)."
func (r *ReportedBan) say(b *strings.Builder) {
	fmt.Fprintf(b, "from %s", longDay(r.Start))
	if r.StartBy != nil {
		fmt.Fprintf(b, " (or by %s)", longDay(*r.StartBy))
	}
	switch {
	case r.End != nil:
		fmt.Fprintf(b, " to %s, %s", longDay(*r.End), r.length())
	case r.Days <= 0: // one day is all that is known
		fmt.Fprintf(b, " on; last reported on %s", longDay(r.Known))
	default:
		fmt.Fprintf(b, " on, %s; last reported on %s", r.length(), longDay(r.Known))
	}
	fmt.Fprintf(b, ", as sources report (%s).", r.publishers())
}

func (r *ReportedBan) length() string {
	switch {
	case r.AtLeast && r.Days >= 730:
		return fmt.Sprintf("at least %d years", r.Days/365)
	case r.AtLeast:
		return "at least " + plural(r.Days, "day")
	case r.AtMost > r.Days:
		return fmt.Sprintf("%d to %s", r.Days, plural(r.AtMost, "day"))
	}
	return plural(r.Days, "day")
}
