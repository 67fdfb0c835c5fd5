package answer

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/event"
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

// When says an interval in words: "on 6 November 2024", "between 6 and 7
// November 2024", "at an unknown time before 6 November 2024". It is exact to
// the day, UTC.
func When(i event.Interval) string {
	switch {
	case i.Earliest == nil && i.Latest == nil:
		return "at an unknown time"
	case i.Earliest == nil:
		return "on " + longDay(*i.Latest) + " or before"
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

// since is When as the start of a state: "since 6 November 2024", "since some
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

// networkNames are the networks in words, five at the most.
func networkNames(networks []Network) string {
	const most = 5
	var names []string
	for _, n := range networks {
		if n.ASN != 0 {
			names = append(names, fmt.Sprintf("AS%d", n.ASN))
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

// sentence is the answer in words that a reporter could quote.
func (a *Answer) sentence() string {
	var b strings.Builder
	switch {
	case a.State.Accuses() && a.Basis == Reported:
		a.sayReported(&b)
	case a.State.Accuses():
		a.sayBan(&b)
	case a.State != verdict.Insufficient:
		a.sayMeasured(&b)
	default:
		a.sayLittle(&b)
	}
	for _, d := range a.Disagree {
		b.WriteString(" " + d)
	}
	if a.Basis != Reported && a.LastMeasured != nil && a.Stale > 7 && !a.LastMeasured.Before(a.At) {
		fmt.Fprintf(&b, " That was %s ago: about today the measurements of this archive say nothing.", plural(a.Stale, "day"))
	}
	if a.Counts.Reports == 0 && a.Counts.Measurements > 0 {
		b.WriteString(" These are daily counts that OONI published, without the measurements behind them.")
	}
	if a.Known != nil {
		fmt.Fprintf(&b, " This is what was known at the end of %s.", longDay(a.Known.Add(-time.Second)))
	}
	if a.Example {
		b.WriteString(" Country ZZ is an example made in a lab and says nothing about any real network.")
	}
	return b.String()
}

// sayBan says a dated ban that holds.
func (a *Answer) sayBan(b *strings.Builder) {
	hit := a.Interfered()
	state := "is likely blocked"
	if a.State == verdict.Blocked {
		state = "is blocked"
	}
	fmt.Fprintf(b, "As of %s, %s %s in %s", longDay(a.LastDay()), a.Name, state, a.Country)
	if named := networkNames(hit); named != "" {
		fmt.Fprintf(b, " on %d of %s measured enough%s", len(hit), plural(len(a.Concluded()), "network"), named)
	}
	if h := a.held.span.event.Schedule; h != nil {
		fmt.Fprintf(b, " at certain hours (%s)", h)
	}
	if of := a.held.span.event.Of; len(of) > 0 {
		fmt.Fprintf(b, " (of it: %s)", strings.Join(of, ", "))
	}
	fmt.Fprintf(b, ", %s", since(*a.Since))
	if len(a.How) > 0 {
		if words := verdict.MechanismWords(a.How[0]); words != "" {
			fmt.Fprintf(b, " (%s: %s)", words, a.How[0])
		}
	}
	fmt.Fprintf(b, ": %d of %s there failed", a.Counts.Failed, plural(int(a.Counts.Measurements), "measurement"))
	if u := a.Counts.UsuallyFailed; u != nil {
		fmt.Fprintf(b, ", against %.0f %% in the four weeks before", math.Round(100**u))
	}
	b.WriteString(".")
	if o := a.Others; o != nil && o.Measurements > 0 {
		fmt.Fprintf(b, " On the other %s, %d of %s in the week before were ok.", plural(o.Networks, "network"), o.OK, plural(int(o.Measurements), "measurement"))
	}
	if a.Until != nil {
		fmt.Fprintf(b, " This ban ended %s.", When(*a.Until))
	}
}

// sayReported says a ban that sources report and nobody measured here.
func (a *Answer) sayReported(b *strings.Builder) {
	for i := range a.Reported {
		r := &a.Reported[i]
		if !r.Holds || r.Scope != ban.National {
			continue
		}
		verb := "is"
		if a.At.Before(floorDay(a.today)) {
			verb = "was"
		}
		if a.State == verdict.LikelyBlocked {
			verb += " likely"
		}
		verb += " blocked"
		fmt.Fprintf(b, "As of %s, %s %s in %s since %s", longDay(a.LastDay()), a.Name, verb, a.Country, longDay(r.Start))
		if r.StartBy != nil {
			fmt.Fprintf(b, " (or by %s)", longDay(*r.StartBy))
		}
		fmt.Fprintf(b, ", %s by then, as sources report (%s).", r.length(), r.by())
		switch {
		case r.End != nil:
			fmt.Fprintf(b, " They report its end on %s.", longDay(*r.End))
		case r.AtLeast:
			fmt.Fprintf(b, " It was last reported on %s.", longDay(r.Known))
		}
		break
	}
	if a.LastMeasured == nil {
		fmt.Fprintf(b, " This archive holds no measurements of %s in %s.", a.Name, a.Country)
		return
	}
	fmt.Fprintf(b, " This archive holds too few measurements of %s in %s at that time to say more.", a.Name, a.Country)
}

// say writes the time of a reported ban: "from 17 February 2024 to 7 May
// 2025, 445 days, as sources report (record pk-2024-x)."
func (r *Report) say(b *strings.Builder) {
	fmt.Fprintf(b, "from %s", longDay(r.Start))
	if r.StartBy != nil {
		fmt.Fprintf(b, " (or by %s)", longDay(*r.StartBy))
	}
	switch {
	case r.End != nil:
		fmt.Fprintf(b, " to %s, %s", longDay(*r.End), r.length())
	default:
		fmt.Fprintf(b, " on, %s; last reported on %s", r.length(), longDay(r.Known))
	}
	fmt.Fprintf(b, ", as sources report (%s).", r.by())
}

// by names where the reports stand, two at the most.
func (r *Report) by() string {
	by := r.By
	if len(by) > 2 {
		by = append(append([]string{}, by[:2]...), fmt.Sprintf("and %d more", len(by)-2))
	}
	return strings.Join(by, ", ")
}

func (r *Report) length() string {
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

// sayMeasured says what the last days of measurements show, where no ban holds.
func (a *Answer) sayMeasured(b *strings.Builder) {
	words := map[verdict.State]string{
		verdict.OK:       "is reachable",
		verdict.Down:     "is down, for the control too: nobody seems to block it",
		verdict.Impaired: "works badly or only at times, and the cause is not clear",
	}
	c := &a.Counts
	fmt.Fprintf(b, "As of %s, %s %s in %s: of %s on %s from %s on, %d were ok, %d looked blocked, %d down, %d inconclusive.",
		longDay(a.LastDay()), a.Name, words[a.State], a.Country, plural(int(c.Measurements), "measurement"), plural(c.Networks, "network"),
		longDay(c.From), c.OK, c.Blocked, c.Down, c.Inconclusive)
	a.sayPast(b)
}

// sayPast says the ban before.
func (a *Answer) sayPast(b *strings.Builder) {
	if a.Last == nil {
		return
	}
	fmt.Fprintf(b, " A ban was measured that began %s", When(a.Last.Since))
	if a.Last.Until != nil {
		fmt.Fprintf(b, " and ended %s.", When(*a.Last.Until))
		return
	}
	b.WriteString("; its end was not measured.")
}

// sayLittle says that too little was measured, and what is reported instead.
func (a *Answer) sayLittle(b *strings.Builder) {
	if len(a.Reported) > 0 {
		r := &a.Reported[0]
		if r.End != nil || r.Holds {
			fmt.Fprintf(b, "%s was blocked in %s ", a.Name, a.Country)
		} else {
			fmt.Fprintf(b, "%s was reported blocked in %s ", a.Name, a.Country)
		}
		if r.Scope != ban.National && r.Area != "" {
			fmt.Fprintf(b, "(%s) ", r.Area)
		}
		r.say(b)
		b.WriteString(" ")
	}
	switch {
	case a.LastMeasured == nil:
		fmt.Fprintf(b, "This archive holds no measurements of %s in %s.", a.Name, a.Country)
	default:
		fmt.Fprintf(b, "There are too few measurements to say whether %s was blocked in %s in the seven days to %s: there are %d, and %s.",
			a.Name, a.Country, longDay(a.LastDay()), a.Counts.Measurements, a.Missing)
		a.sayPast(b)
	}
}
