package answer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/verdict"
)

// lately is the age of a ban's last report after which the report says nothing of
// the moment.
const lately = 365 * 24 * time.Hour

// ReportedBan is a ban that others report.
type ReportedBan struct {
	ID       string     `json:"id"` // of the reconciled ban
	Start    time.Time  `json:"start"`
	StartBy  *time.Time `json:"start_by,omitempty"` // the last possible day of the start, where the start is a span
	End      *time.Time `json:"end,omitempty"`      // last day; null where no report says that it ended
	Status   ban.Status `json:"status"`
	Known    time.Time  `json:"known"` // the last day on which it was said to hold
	Days     int        `json:"days"`  // length at the moment, in days
	AtMost   int        `json:"at_most,omitempty"`
	AtLeast  bool       `json:"at_least,omitempty"` // no report says when it ended
	Holds    bool       `json:"holds"`              // whether it holds at the moment, by the reports
	Method   ban.Method `json:"method"`
	Scope    ban.Scope  `json:"scope"`
	Area     string     `json:"area,omitempty"`
	Case     string     `json:"case,omitempty"` // id of the case that describes it
	By       []string   `json:"by"`             // where it is reported, for programs: "record pk-2024-x"
	Disputes []string   `json:"disputes,omitempty"`
}

// Datasets returns the data sets that report the ban, each once.
func (r *ReportedBan) Datasets() []ban.Dataset {
	var out []ban.Dataset
	for _, by := range r.By {
		name, _, _ := strings.Cut(by, " ")
		if d := ban.Dataset(name); !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// publishers says who reports the ban: "the case record, the list of KeepItOn".
func (r *ReportedBan) publishers() string {
	var names []string
	for _, d := range r.Datasets() {
		names = append(names, d.Words())
	}
	return strings.Join(names, ", ")
}

// reported adds what others report to the answer; it is the answer where nothing
// was measured.
func (v *view) reported(a *Answer) {
	a.Reported = v.reports()
	var holds *ReportedBan
	for i := range a.Reported {
		r := &a.Reported[i]
		if r.Holds && r.Scope == ban.National && holds == nil {
			holds = r
		}
	}
	measured := a.State != verdict.Insufficient
	switch {
	case holds == nil && !measured:
		a.Basis = Nothing
	case holds == nil:
		a.Basis = Measured
	case measured:
		a.Basis = Both
	default:
		a.Basis = Reported
		a.State = verdict.LikelyBlocked
		if holds.End != nil || !holds.Known.Before(floorDay(v.at.Add(-time.Second))) {
			a.State = verdict.Blocked
		}
		a.Since, a.Until = holds.Began(), holds.Until()
	}
	v.compare(a, holds)
}

// reports returns the reported bans of the target: those that hold first, then
// those of the whole country, then the latest.
func (v *view) reports() []ReportedBan {
	out := []ReportedBan{}
	moment := v.at.Add(-time.Second)
	day := floorDay(moment)
	for i := range v.ev.Bans {
		b := &v.ev.Bans[i]
		if b.CC != v.q.CC || b.Target != v.q.Target {
			continue
		}
		length, begun := b.LengthAt(day)
		if !begun {
			continue
		}
		r := ReportedBan{ID: b.ID, Start: b.Start, Status: b.Status, Known: b.Known, Days: length.Days, AtMost: length.AtMost, AtLeast: length.AtLeast,
			Method: b.Method, Scope: b.Scope, Area: b.Area, Disputes: b.Disputes, By: []string{}}
		if !b.StartBy.IsZero() {
			by := b.StartBy
			r.StartBy = &by
		}
		if b.Status == ban.Ended {
			end := b.End
			r.End = &end
			r.Holds = !b.End.Before(day)
		} else {
			r.Holds = !b.Known.Before(day) || b.Status == ban.Ongoing && day.Sub(b.Known) <= lately
		}
		for _, rep := range b.Reports {
			if name := rep.Origin.String(); !slices.Contains(r.By, name) {
				r.By = append(r.By, name)
			}
			if r.Case == "" {
				r.Case = rep.Case
			}
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(x, y ReportedBan) int {
		switch {
		case x.Holds && !y.Holds:
			return -1
		case y.Holds && !x.Holds:
			return 1
		case x.Scope == ban.National && y.Scope != ban.National:
			return -1
		case y.Scope == ban.National && x.Scope != ban.National:
			return 1
		}
		return y.Start.Compare(x.Start)
	})
	return out
}

// Began returns when the ban began, exact to the day; Latest is exclusive.
func (r *ReportedBan) Began() *event.Interval {
	return dayInterval(r.Start, cmp.Or(r.StartBy, &r.Start))
}

// Until returns the last day of the ban as an interval; nil where no report says
// that it ended.
func (r *ReportedBan) Until() *event.Interval {
	if r.End == nil {
		return nil
	}
	return dayInterval(*r.End, r.End)
}

func dayInterval(first time.Time, last *time.Time) *event.Interval {
	after := last.AddDate(0, 0, 1)
	return &event.Interval{Earliest: &first, Latest: &after}
}

// compare writes into a.Disagree where measurements and reports differ.
func (v *view) compare(a *Answer, holds *ReportedBan) {
	measured := a.Basis == Measured || a.Basis == Both
	if !measured {
		return
	}
	if a.held != nil && holds == nil && a.State.Accuses() && !a.Partial {
		if len(a.Reported) > 0 && a.Reported[0].End != nil {
			a.Disagree = append(a.Disagree, fmt.Sprintf("Sources report that it ended on %s; the measurements show interference still.", longDay(*a.Reported[0].End)))
		}
	}
	if holds != nil && (a.State == verdict.OK || a.State == verdict.Down) {
		a.Disagree = append(a.Disagree, fmt.Sprintf("Sources report that it was blocked then (%s); the measurements of this archive do not show it.", holds.publishers()))
	}
}
