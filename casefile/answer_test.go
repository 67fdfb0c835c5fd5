package casefile_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
)

// labArchive is an archive with what was measured in the lab.
type labArchive struct {
	cells []casefile.Cell
	bans  []casefile.MeasuredBan
	err   error
}

func (a labArchive) Cells(_ context.Context, target, cc string, asns []uint32, from, to time.Time) ([]casefile.Cell, error) {
	var out []casefile.Cell
	for _, c := range a.cells {
		if c.Target != target || c.CC != cc || len(asns) > 0 && !slices.Contains(asns, uint32(c.ASN)) {
			continue
		}
		if (to.IsZero() || c.From.Before(to)) && (from.IsZero() || c.To.After(from)) {
			out = append(out, c)
		}
	}
	return out, a.err
}

func (a labArchive) Bans(_ context.Context, _, _ string, from, to time.Time) ([]casefile.MeasuredBan, error) {
	return a.bans, a.err
}

// on is a day's cell of one network: so many ok, blocked, down and unclear,
// each measurement in a report of its own unless reports says fewer.
func on(day string, asn casefile.ASN, ok, blocked, down, unclear, reports int64) casefile.Cell {
	from, _ := casefile.MustDate(day).Bounds(time.UTC)
	n := ok + blocked + down + unclear
	vote := func(k int64) int64 { return k * reports * casefile.Vote / n }
	return casefile.Cell{
		Target: "x", CC: "ZZ", ASN: asn, From: from, To: from.AddDate(0, 0, 1),
		OK: ok, Blocked: blocked, Down: down, Unclear: unclear, Reports: reports,
		Votes: casefile.Votes{OK: vote(ok), Blocked: vote(blocked), Down: vote(down), Unclear: vote(unclear)},
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
	cells: []casefile.Cell{
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
	bans: []casefile.MeasuredBan{{
		ID:    "lab-ban",
		Start: casefile.Window{Earliest: at("2024-02-16T20:00:00Z"), Latest: at("2024-02-17T01:00:00Z")},
		End:   casefile.Window{Earliest: at("2024-05-06T10:00:00Z"), Latest: at("2024-05-06T12:00:00Z")},
	}},
}

func loadLab(t *testing.T) (*casefile.Records, *casefile.Case) {
	t.Helper()
	r, err := casefile.Load(os.DirFS("testdata/lab"), "lab")
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
	answers, err := r.Answers(context.Background(), c, measuredLab)
	if err != nil {
		t.Fatal(err)
	}
	type want struct {
		verdict casefile.Verdict
		from    casefile.Origin
		reason  string
	}
	wants := map[string]want{
		"working":          {casefile.Contradicted, casefile.FromMeasurements, "17 measurements on 3 networks in 17 reports: 1 ok, 15 blocked, 0 down, 1 unclear; of 2 networks with enough measurements 0 agree with the claim, 2 disagree, 0 are mixed."},
		"blocked":          {casefile.Supported, casefile.FromMeasurements, "2 agree"},
		"back":             {casefile.Supported, casefile.FromMeasurements, "2 agree"},
		"back-early":       {casefile.Mixed, casefile.FromMeasurements, "1 agree with the claim, 1 disagree"},
		"one-network":      {casefile.Supported, casefile.FromMeasurements, "7 measurements on 1 networks"},
		"in-part":          {casefile.Supported, casefile.FromMeasurements, "1 agree with the claim, 1 disagree"},
		"nobody-looked":    {casefile.Untested, casefile.FromNothing, "Nobody measured it in that time."},
		"one-report":       {casefile.Untested, casefile.FromNothing, "Measured too little to say (50 measurements on 1 networks in 1 reports"},
		"two-measurements": {casefile.Untested, casefile.FromNothing, "Measured too little to say"},
		"site-down":        {casefile.Contradicted, casefile.FromMeasurements, "10 down"},
		"site-down-works":  {casefile.Contradicted, casefile.FromMeasurements, "10 down"},
		"unclear":          {casefile.Mixed, casefile.FromMeasurements, "1 are mixed"},
		"spread-thin":      {casefile.Supported, casefile.FromMeasurements, "all are read as one"},
		"first-day":        {casefile.Supported, casefile.FromMeasurements, "9 blocked"},
		"no-time":          {casefile.Untested, casefile.FromNothing, "names no time"},
	}
	if len(answers) != len(wants) {
		t.Errorf("%d answers, want %d", len(answers), len(wants))
	}
	schema := compile(t, "#/$defs/Answer")
	for _, a := range answers {
		w := wants[a.Claim]
		if a.Verdict != w.verdict || a.AnsweredFrom != w.from || !strings.Contains(a.Reason, w.reason) {
			t.Errorf("%s: %s from %s: %s\nwant %s from %s: %s", a.Claim, a.Verdict, a.AnsweredFrom, a.Reason, w.verdict, w.from, w.reason)
		}
		validate(t, schema, a.Claim, a)
	}
}

// The same case with an empty archive: nothing is answered from measurements.
func TestLabClaimsWithEmptyArchive(t *testing.T) {
	r, c := loadLab(t)
	for _, m := range []casefile.Measured{nil, labArchive{}} {
		answers, err := r.Answers(context.Background(), c, m)
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
	if _, err := r.Answers(context.Background(), c, broken); err == nil || !strings.Contains(err.Error(), "zz-2024-x") {
		t.Errorf("answers: %v", err)
	}
	if _, err := r.Clock(context.Background(), c, broken); err == nil {
		t.Error("clock: no error")
	}
}

// The clock takes the days of loss and return from the measurements, and
// keeps those of the sources beside them.
func TestClockOnLabData(t *testing.T) {
	r, c := loadLab(t)
	clock, err := r.Clock(context.Background(), c, measuredLab)
	if err != nil {
		t.Fatal(err)
	}
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
	shown, err := r.Show(context.Background(), c, casefile.MustDate("2024-03-20"), measuredLab)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range shown.Computed.Clock.Points {
		if p.Turn == casefile.Returned && !p.Date.IsZero() {
			t.Errorf("the end of May is known in March: %+v", p)
		}
		if p.Turn == casefile.Lost && p.From != casefile.FromMeasurements {
			t.Errorf("lost: %+v", p)
		}
	}
	answers, err := r.AnswersAsOf(context.Background(), c, casefile.MustDate("2024-03-14"), measuredLab)
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
		a, err := r.Check(context.Background(), claim, measuredLab)
		if err != nil || a.Verdict != tt.want {
			t.Errorf("%s %s: %s (%s), %v; want %s", tt.at, tt.says, a.Verdict, a.Reason, err, tt.want)
		}
		validate(t, compile(t, "#/$defs/Answer"), tt.at, a)
	}
	// Pakistan, with nothing measured: the sources of the case answer.
	a, err := load(t).Check(context.Background(), casefile.AccessClaim{Target: "x", CC: "PK", At: casefile.MustDate("2024-02-18"), Says: casefile.Accessible}, nil)
	if err != nil || a.Verdict != casefile.Contradicted || a.AnsweredFrom != casefile.FromSources {
		t.Errorf("PK: %+v, %v", a, err)
	}
}

// One reporter, however much it measures, moves no answer: the property holds
// over every verdict that its votes could try to make.
func TestOneReportMovesNothing(t *testing.T) {
	r, _ := loadLab(t)
	claim := casefile.AccessClaim{Target: "x", CC: "ZZ", At: casefile.MustDate("2024-03-13"), Says: casefile.Blocked}
	for _, reports := range []int64{3, 4, 9} {
		honest := []casefile.Cell{on("2024-03-13", 64512, 0, reports, 0, 0, reports), on("2024-03-13", 64513, 0, reports, 0, 0, reports)}
		for _, n := range []int64{1, 10, 1000, 1_000_000} {
			for _, asn := range []casefile.ASN{64512, 64513, 64520} {
				a, err := r.Check(context.Background(), claim, labArchive{cells: append(slices.Clone(honest), on("2024-03-13", asn, n, 0, 0, 0, 1))})
				if err != nil || a.Verdict != casefile.Supported {
					t.Errorf("%d measurements on %s against %d reports: %s, %v", n, asn, reports, a.Verdict, err)
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
		shown, err := r.Show(context.Background(), c, casefile.MustDate(day), nil)
		if err != nil {
			t.Fatal(err)
		}
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
		answers, err := r.Answers(context.Background(), shown, nil)
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
