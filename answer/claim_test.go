package answer_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
)

// labArchive is an archive with what was measured in the lab.
type labArchive struct {
	cells  []series.Cell
	events []event.Event
	err    error
}

func (a labArchive) Evidence(_ context.Context, cc, target string, known time.Time) (answer.Evidence, error) {
	cells, _ := a.Cells(context.Background(), cc, target, time.Time{}, known, known)
	return answer.Evidence{Days: cells, Events: a.events}, a.err
}

func (a labArchive) Cells(_ context.Context, cc, target string, from, to, _ time.Time) ([]series.Cell, error) {
	var out []series.Cell
	for _, c := range a.cells {
		if c.Target != target || c.CC != cc {
			continue
		}
		if (to.IsZero() || c.Start < to.Unix()) && (from.IsZero() || c.End() > from.Unix()) {
			out = append(out, c)
		}
	}
	return out, a.err
}

// on is a day's cell of one network: so many ok, blocked, down and unclear,
// each measurement in a report of its own unless reports says fewer.
func on(day string, asn uint32, ok, blocked, down, unclear, reports uint32) series.Cell {
	from, _ := casefile.MustDate(day).Bounds(time.UTC)
	n := ok + blocked + down + unclear
	vote := func(k uint32) uint32 { return uint32(uint64(k) * uint64(reports) * series.Vote / uint64(n)) }
	return series.Cell{
		Target: "x", CC: "ZZ", ASN: asn, Start: from.Unix(), Span: 86400, Measurements: n,
		OK: ok, Likely: blocked, Down: down, Impaired: unclear, Reports: reports,
		VoteOK: vote(ok), VoteBlocked: vote(blocked), VoteDown: vote(down), VoteImpaired: vote(unclear),
	}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// measuredLab is the truth of the lab: blocked on every network from 17
// February, back on AS64514 alone by 1 April, everywhere by 7 May.
var measuredLab = labArchive{
	cells: []series.Cell{
		on("2024-02-17", 64512, 0, 5, 0, 0, 5), on("2024-02-17", 64513, 0, 4, 0, 0, 4),
		on("2024-03-12", 64512, 9, 0, 0, 0, 9), // the day before is not the day
		on("2024-03-13", 64512, 0, 8, 0, 1, 9), on("2024-03-13", 64513, 0, 6, 0, 0, 6), on("2024-03-13", 64514, 1, 1, 0, 0, 2),
		on("2024-04-01", 64512, 0, 6, 0, 0, 6), on("2024-04-01", 64514, 7, 0, 0, 0, 7),
		on("2024-05-09", 64512, 6, 0, 0, 0, 6), on("2024-05-09", 64513, 5, 0, 0, 1, 6),
		on("2024-06-02", 64512, 0, 50, 0, 0, 1), // one report, however large
		on("2024-06-03", 64512, 0, 2, 0, 0, 2),
		on("2024-06-04", 64512, 0, 0, 6, 0, 6), on("2024-06-04", 64513, 0, 0, 4, 0, 4),
		on("2024-06-05", 64512, 2, 0, 0, 4, 6),
		on("2024-06-06", 64512, 1, 0, 0, 0, 1), on("2024-06-06", 64513, 1, 0, 0, 0, 1), on("2024-06-06", 64514, 1, 0, 0, 0, 1),
	},
	events: []event.Event{{
		ID: "lab-ban", Kind: event.Block, Target: "x", Targets: []string{"x"}, CC: "ZZ", Networks: []string{"AS64512", "AS64513", "AS64514"},
		Onset:  event.Interval{Earliest: moment("2024-02-16T20:00:00Z"), Latest: moment("2024-02-17T01:00:00Z")},
		End:    &event.Interval{Earliest: moment("2024-05-06T10:00:00Z"), Latest: moment("2024-05-06T12:00:00Z")},
		Phases: []event.Phase{{Kind: event.PhaseRestored, From: at("2024-03-20T00:00:00Z"), Networks: []string{"AS64514"}}},
	}},
}

func moment(s string) *time.Time {
	t := at(s)
	return &t
}

func loadLab(t *testing.T) (*casefile.Records, *casefile.Case) {
	t.Helper()
	r, err := casefile.Load(os.DirFS("../casefile/testdata/lab"), "lab")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Lint(casefile.Checks{}) {
		t.Error(p)
	}
	return r, r.Case("zz-2024-x")
}

// On measurements with known truth each claim is answered exactly as it must.
func TestClaimsOnLabData(t *testing.T) {
	r, c := loadLab(t)
	answers, err := answer.Claims(context.Background(), r, c, casefile.Date{}, measuredLab)
	if err != nil {
		t.Fatal(err)
	}
	type want struct {
		verdict casefile.Verdict
		from    casefile.From
		reason  string
	}
	wants := map[string]want{
		"working":          {casefile.Contradicted, casefile.FromMeasurements, "“accessible” is contradicted on AS64512, AS64513, where the dated ban lab-ban holds (17 measurements on 3 networks in 17 reports: 1 ok, 15 blocked, 0 down, 1 unclear)."},
		"blocked":          {casefile.Supported, casefile.FromMeasurements, "supported on AS64512, AS64513"},
		"back":             {casefile.Supported, casefile.FromMeasurements, "supported on AS64512, AS64513"},
		"back-early":       {casefile.Mixed, casefile.FromMeasurements, "contradicted on AS64512, AS64513, where the dated ban lab-ban holds, and supported on AS64514"},
		"one-network":      {casefile.Supported, casefile.FromMeasurements, "7 measurements on 1 network in"},
		"in-part":          {casefile.Supported, casefile.FromMeasurements, "It could be reached on AS64514, and not on AS64512, AS64513"},
		"nobody-looked":    {casefile.Untested, casefile.FromSources, "This archive holds no measurements of that time. One publisher alone"},
		"one-report":       {casefile.Untested, casefile.FromSources, "Measured too little to say (50 measurements on 1 network in 1 report:"},
		"two-measurements": {casefile.Untested, casefile.FromSources, "Measured too little to say"},
		"site-down":        {casefile.Contradicted, casefile.FromMeasurements, "10 down"},
		"site-down-works":  {casefile.Contradicted, casefile.FromMeasurements, "10 down"},
		"unclear":          {casefile.Mixed, casefile.FromMeasurements, "neither supported nor contradicted on AS64512"},
		"spread-thin":      {casefile.Supported, casefile.FromMeasurements, "by all networks read as one"},
		"first-day":        {casefile.Supported, casefile.FromMeasurements, "9 blocked"},
		"no-time":          {casefile.Untested, casefile.FromNothing, "names no time"},
	}
	if len(answers) != len(wants) {
		t.Errorf("%d answers, want %d", len(answers), len(wants))
	}
	for _, a := range answers {
		w := wants[a.Claim]
		if a.Verdict != w.verdict || a.AnsweredFrom != w.from || !strings.Contains(a.Reason, w.reason) {
			t.Errorf("%s: %s from %s: %s\nwant %s from %s: %s", a.Claim, a.Verdict, a.AnsweredFrom, a.Reason, w.verdict, w.from, w.reason)
		}
	}
}

// The same case with an empty archive: nothing is answered from measurements.
func TestLabClaimsWithEmptyArchive(t *testing.T) {
	r, c := loadLab(t)
	for _, m := range []answer.Archive{nil, labArchive{}} {
		answers, err := answer.Claims(context.Background(), r, c, casefile.Date{}, m)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			want := casefile.Untested // one paper alone is too little
			if a.Verdict != want || a.AnsweredFrom == casefile.FromMeasurements {
				t.Errorf("%s: %s from %s", a.Claim, a.Verdict, a.AnsweredFrom)
			}
		}
	}
}

// An archive that cannot be read is an error, not an answer.
func TestArchiveFails(t *testing.T) {
	r, c := loadLab(t)
	broken := labArchive{err: errors.New("disk gone")}
	if _, err := answer.Claims(context.Background(), r, c, casefile.Date{}, broken); err == nil || !strings.Contains(err.Error(), "zz-2024-x") {
		t.Errorf("answers: %v", err)
	}
}

// The clock takes the days of loss and return from the measurements, and
// keeps those of the sources beside them.
func TestClockOnLabData(t *testing.T) {
	r, c := loadLab(t)
	clock := r.Clock(c, answer.MeasuredBan(c, measuredLab.events))
	points := map[casefile.Turn]casefile.Point{}
	for _, p := range clock.Points {
		points[p.Turn] = p
	}
	lost, returned := points[casefile.Lost], points[casefile.Returned]
	if lost.From != casefile.FromMeasurements || lost.Date.String() != "[2024-02-16T20:00:00Z..2024-02-17T01:00:00Z]" || lost.Reported.String() != "2024-02-17" {
		t.Errorf("lost %+v", lost)
	}
	if returned.From != casefile.FromMeasurements || returned.Reported.String() != "2024-05-07" {
		t.Errorf("returned %+v", returned)
	}
	spans := map[string][2]int64{}
	for _, s := range clock.Spans {
		most := s.Days
		if s.AtMost != nil {
			most = *s.AtMost
		}
		spans[string(s.From)+" "+string(s.To)] = [2]int64{s.Days, most}
	}
	for name, want := range map[string][2]int64{
		"recommended ordered": {1, 1}, "ordered lost": {0, 1}, "lost returned": {79, 80}, "restore_ordered returned": {69, 69}, "lost admitted": {32, 33},
	} {
		if spans[name] != want {
			t.Errorf("%s: %v, want %v", name, spans[name], want)
		}
	}
	for _, d := range clock.Deeds {
		want := map[string]int64{"letter": 0, "order": 69, "announced": 35}[d.Ref]
		if d.Days == nil || *d.Days != want || d.From != casefile.FromMeasurements {
			t.Errorf("deed %+v, want %d days", d, want)
		}
	}
}

// In the view of a day the archive too ends with that day.
func TestMeasuredAsOf(t *testing.T) {
	r, c := loadLab(t)
	answers, err := answer.Claims(context.Background(), r, c, casefile.MustDate("2024-03-14"), measuredLab)
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != 2 || answers[0].Verdict != casefile.Contradicted {
		t.Errorf("answers of 14 March: %+v", answers)
	}
}

// Anyone can ask about a claim that stands in no case.
func TestCheck(t *testing.T) {
	r, _ := loadLab(t)
	for _, tt := range []struct {
		at, says string
		want     casefile.Verdict
	}{
		{"2024-03-13", "accessible", casefile.Contradicted},
		{"2024-03-13", "blocked", casefile.Supported},
		{"2024-03-13/2024-04-01", "blocked", casefile.Mixed},
		{"2023-01-01", "accessible", casefile.Untested},
		{"2024-06-02", "blocked", casefile.Untested},
	} {
		claim := casefile.AccessClaim{Target: "x", CC: "ZZ", At: casefile.MustDate(tt.at), Says: casefile.Access(tt.says)}
		a, err := answer.Check(context.Background(), r, claim, measuredLab)
		if err != nil || a.Verdict != tt.want {
			t.Errorf("%s %s: %s (%s), %v; want %s", tt.at, tt.says, a.Verdict, a.Reason, err, tt.want)
		}
	}
}

// One reporter, however much it measures, moves no answer: the property holds
// over every verdict that its votes could try to make.
func TestOneReportMovesNothing(t *testing.T) {
	r, _ := loadLab(t)
	claim := casefile.AccessClaim{Target: "x", CC: "ZZ", At: casefile.MustDate("2024-03-13"), Says: casefile.Blocked}
	for _, reports := range []uint32{3, 4, 9} {
		honest := []series.Cell{on("2024-03-13", 64512, 0, reports, 0, 0, reports), on("2024-03-13", 64513, 0, reports, 0, 0, reports)}
		for _, n := range []uint32{1, 10, 1000, 1_000_000} {
			for _, asn := range []uint32{64512, 64513, 64520} {
				a, err := answer.Check(context.Background(), r, claim, labArchive{cells: append(slices.Clone(honest), on("2024-03-13", asn, n, 0, 0, 0, 1)), events: measuredLab.events})
				if err != nil || a.Verdict != casefile.Supported {
					t.Errorf("%d measurements on AS%d against %d reports: %s, %v", n, asn, reports, a.Verdict, err)
				}
			}
		}
	}
}

// What is withdrawn is shown as such and carries no conclusion; before its
// withdrawal it did.
func TestWithdrawn(t *testing.T) {
	r, c := loadLab(t)
	gone := &casefile.Withdrawal{Date: casefile.MustDate("2024-07-10"), Reason: "made up"}
	c.Act("letter").Withdrawn, c.Sighting("paper-saw").Withdrawn, c.Claim("working").Withdrawn = gone, gone, gone
	for day, want := range map[string]bool{"2024-07-09": false, "2024-07-10": true} {
		shown := r.Show(c, casefile.MustDate(day), nil)
		n := 0
		for _, e := range shown.Computed.Chronology {
			if e.Withdrawn != nil {
				n++
			}
		}
		if wantN := map[bool]int{false: 0, true: 3}[want]; n != wantN {
			t.Errorf("%s: %d entries are withdrawn, want %d", day, n, wantN)
		}
		for _, p := range shown.Computed.Clock.Points {
			if p.Turn == casefile.Ordered && p.Date.IsZero() != want {
				t.Errorf("%s: ordered %s", day, p.Date)
			}
		}
		answers, err := answer.Claims(context.Background(), r, shown, casefile.Date{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			if a.Claim == "working" && want {
				t.Errorf("%s: a withdrawn claim is answered", day)
			}
			if a.Claim == "first-day" && (len(a.Sources) == 0) != want {
				t.Errorf("%s: the sighting speaks %d times", day, len(a.Sources))
			}
		}
	}
}

// A ban that measurements saw begin long after a case began is not the ban of that
// case, unless the case says that it went on, or not when it began.
func TestMeasuredBanOfCase(t *testing.T) {
	at := func(day string) *time.Time {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return &d
	}
	later := []event.Event{{ID: "zz-x-2024q4", CC: "ZZ", Target: "x", Onset: event.Interval{Earliest: at("2024-11-06"), Latest: at("2024-11-07")}}}
	unseen := []event.Event{{ID: "zz-x-2024q4", CC: "ZZ", Target: "x", Onset: event.Interval{Latest: at("2024-11-07")}}}
	bound := func(date string) *casefile.Bound { return &casefile.Bound{Date: casefile.MustDate(date)} }
	for name, c := range map[string]struct {
		start, end *casefile.Bound
		events     []event.Event
		found      bool
	}{
		"a year before, no end":          {bound("2023-11-08"), nil, later, false},
		"a year before, and it went on":  {bound("2023-11-08"), bound("2024-12-01"), later, true},
		"a year before, onset not seen":  {bound("2023-11-08"), nil, unseen, true},
		"the same days, no end":          {bound("2024-11-07"), nil, later, true},
		"begun then or later, who knows": {bound("2023-11-08/.."), nil, later, true},
	} {
		got := answer.MeasuredBan(&casefile.Case{Jurisdiction: "ZZ", Targets: []string{"x"}, Start: c.start, End: c.end}, c.events)
		if (got != nil) != c.found {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
