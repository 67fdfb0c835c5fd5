package answer

import (
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/verdict"
)

// RemarkKey names a kind of remark. A language has a sentence for each.
type RemarkKey string

// The kinds of remarks, in the order in which an answer makes them.
const (
	SayBan            RemarkKey = "ban"             // a dated ban holds: Day, Since, Likely
	SayNetworks       RemarkKey = "networks"        // on N of Of networks: Networks
	SayHours          RemarkKey = "hours"           // at certain hours: Text
	SayParts          RemarkKey = "parts"           // of some hosts only: Text
	SayHow            RemarkKey = "how"             // since when, and by which mechanism: Since, Text (may be "")
	SayFailed         RemarkKey = "failed"          // N of Of measurements failed: Usually
	SayOthers         RemarkKey = "others"          // N of Of measurements on the other networks worked: Among
	SayEnded          RemarkKey = "ended"           // the ban ended: Until
	SayReported       RemarkKey = "reported"        // sources report a ban that holds: Day, Reported, Likely, Past
	SayReportedEnd    RemarkKey = "reported_end"    // they report its end: Day
	SayReportedLast   RemarkKey = "reported_last"   // it was last reported: Day
	SayWasReported    RemarkKey = "was_reported"    // sources report a ban: Reported, Text (the area), Likely (nothing confirms it)
	SayNoMeasurements RemarkKey = "no_measurements" // nothing was ever measured here
	SayTooFew         RemarkKey = "too_few"         // too little was measured to say more
	SayMeasured       RemarkKey = "measured"        // what the last days show: Day, State, Counts
	SayLittle         RemarkKey = "little"          // too little was measured: Day, N, Text (what is missing, in English)
	SayPast           RemarkKey = "past"            // a measured ban is over: Since, Until (nil: not measured)
	SayDisagree       RemarkKey = "disagree"        // measured and reported differ: Text in English, State as measured
	SayInforms        RemarkKey = "informs"         // N of Of measurements that were handed in and decide nothing failed
	SayDark           RemarkKey = "dark"            // the whole country was dark: Since, Until (nil: no end is shown)
	SayStale          RemarkKey = "stale"           // the measurements are N days old
	SayPublished      RemarkKey = "published"       // they are counts that OONI published
	SayKnown          RemarkKey = "known"           // what was known on Day
	SayExample        RemarkKey = "example"         // country ZZ
)

// RemarkKeys returns all kinds.
func RemarkKeys() []RemarkKey {
	return []RemarkKey{SayBan, SayNetworks, SayHours, SayParts, SayHow, SayFailed, SayOthers, SayEnded, SayReported, SayReportedEnd, SayReportedLast, SayWasReported,
		SayNoMeasurements, SayTooFew, SayMeasured, SayLittle, SayPast, SayDisagree, SayInforms, SayDark, SayStale, SayPublished, SayKnown, SayExample}
}

// Remark is one thing that an answer says. What is said is decided here, once for
// all languages; each language has its own words. The constants say which fields
// each kind uses; the others are zero.
type Remark struct {
	Key          RemarkKey
	Day          time.Time
	Since, Until *event.Interval
	N, Of        int
	Among        int // number of networks
	Networks     []Network
	Counts       *Counts
	Usually      *float64
	Reported     *ReportedBan
	State        verdict.State
	Text         string
	Likely, Past bool
}

// Remarks returns what the answer says, in order.
func (a *Answer) Remarks() []Remark {
	var out []Remark
	switch {
	case a.State.Accuses() && a.Basis == Reported:
		out = a.remarkReported()
	case a.State.Accuses():
		out = a.remarkBan()
	case a.State != verdict.Insufficient:
		out = append([]Remark{{Key: SayMeasured, Day: a.LastDay(), State: a.State, Counts: &a.Counts}}, a.remarkPast()...)
	default:
		out = a.remarkLittle()
	}
	for _, d := range a.Disagree {
		out = append(out, Remark{Key: SayDisagree, Text: d, State: a.State})
	}
	if a.Informs != nil {
		out = append(out, Remark{Key: SayInforms, N: int(a.Informs.Failed), Of: int(a.Informs.Measurements)})
	}
	if a.Dark != nil {
		out = append(out, Remark{Key: SayDark, Since: &a.Dark.Since, Until: a.Dark.Until})
	}
	if a.Basis != Reported && a.LastMeasured != nil && a.Stale > 7 && !a.LastMeasured.Before(a.At) {
		out = append(out, Remark{Key: SayStale, N: a.Stale})
	}
	if a.Counts.Reports == 0 && a.Counts.Measurements > 0 {
		out = append(out, Remark{Key: SayPublished})
	}
	if a.Known != nil {
		out = append(out, Remark{Key: SayKnown, Day: a.Known.Add(-time.Second)})
	}
	if a.Example {
		out = append(out, Remark{Key: SayExample})
	}
	return out
}

// remarkBan says that a dated ban holds.
func (a *Answer) remarkBan() []Remark {
	hit := a.Interfered()
	out := []Remark{{Key: SayBan, Day: a.LastDay(), Since: a.Since, Likely: a.State != verdict.Blocked}}
	if networkNames(hit) != "" {
		out = append(out, Remark{Key: SayNetworks, N: len(hit), Of: len(a.Concluded()), Networks: hit})
	}
	if h := a.held.span.event.Schedule; h != nil {
		out = append(out, Remark{Key: SayHours, Text: h.String()})
	}
	if of := a.held.span.event.Of; len(of) > 0 {
		out = append(out, Remark{Key: SayParts, Text: strings.Join(of, ", ")})
	}
	how := Remark{Key: SayHow, Since: a.Since}
	if len(a.How) > 0 {
		how.Text = a.How[0]
	}
	out = append(out, how, Remark{Key: SayFailed, N: int(a.Counts.Failed), Of: int(a.Counts.Measurements), Usually: a.Counts.UsuallyFailed})
	if o := a.Others; o != nil && o.Measurements > 0 {
		out = append(out, Remark{Key: SayOthers, N: int(o.OK), Of: int(o.Measurements), Among: o.Networks})
	}
	if a.Until != nil {
		out = append(out, Remark{Key: SayEnded, Until: a.Until})
	}
	return out
}

// remarkReported says that sources report a ban where nobody measured.
func (a *Answer) remarkReported() []Remark {
	var out []Remark
	for i := range a.Reported {
		r := &a.Reported[i]
		if !r.Holds || r.Scope != ban.National {
			continue
		}
		out = append(out, Remark{Key: SayReported, Day: a.LastDay(), Reported: r, Past: a.At.Before(floorDay(a.today)), Likely: a.State == verdict.LikelyBlocked})
		switch {
		case r.End != nil:
			out = append(out, Remark{Key: SayReportedEnd, Day: *r.End})
		case r.AtLeast:
			out = append(out, Remark{Key: SayReportedLast, Day: r.Known})
		}
		break
	}
	return append(out, a.remarkNone())
}

// remarkNone says that nothing was measured, or too little.
func (a *Answer) remarkNone() Remark {
	if a.LastMeasured == nil && a.Informs == nil {
		return Remark{Key: SayNoMeasurements}
	}
	return Remark{Key: SayTooFew}
}

// remarkPast says that there was a ban before; nil where there was none.
func (a *Answer) remarkPast() []Remark {
	if a.Last == nil {
		return nil
	}
	return []Remark{{Key: SayPast, Since: &a.Last.Since, Until: a.Last.Until}}
}

// remarkLittle says that too little was measured, and what is reported instead.
func (a *Answer) remarkLittle() []Remark {
	var out []Remark
	if len(a.Reported) > 0 {
		r := &a.Reported[0]
		one := Remark{Key: SayWasReported, Reported: r, Likely: r.End == nil && !r.Holds}
		if r.Scope != ban.National {
			one.Text = r.Area
		}
		out = append(out, one)
	}
	if a.LastMeasured == nil {
		return append(out, a.remarkNone())
	}
	out = append(out, Remark{Key: SayLittle, Day: a.LastDay(), N: int(a.Counts.Measurements), Text: a.Missing})
	return append(out, a.remarkPast()...)
}
