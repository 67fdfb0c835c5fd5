package request_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/request"
)

func platform(name string) string {
	return map[string]string{"video": "sample-video", "sample": "sample"}[strings.ToLower(name)]
}

func addsUp(t testing.TB, im *request.Import) {
	t.Helper()
	if im.Rows != im.Used+len(im.Asides) {
		t.Errorf("%d rows, %d used and %d set aside do not add up", im.Rows, im.Used, len(im.Asides))
	}
}

const labGoogle = `time_period,country,cldr_territory,requestor,product,reason,number_of_requests,items_requested_removal,items_removed_legal,items_removed_policy,items_content_not_found,items_not_enough_info,items_no_action_taken,items_content_already_removed
January - June 2024,Lab,ZZ,Police,Video,Defamation,2,10,3,1,1,1,4,0
January - June 2024,Lab,ZZ,Court,Video,Fraud,1,5,5,0,0,0,0,0
July - December 2024,Lab,ZZ,Police,Search,Fraud,1,4,0,0,0,0,3,0
January - December 2024,Lab,ZZ,Police,Video,Fraud,1,1,1,0,0,0,0,0
January - June 2024,UNKNOWN,null,Police,Video,Fraud,1,1,1,0,0,0,0,0
January - June 2024,Lab,ZZ,Police,Video,Fraud,one,1,1,0,0,0,0,0
January - June 2024,Lab,ZZ,Police,Video,Fraud,1,-1,1,0,0,0,0,0
January - June 2024,Lab,ZZ,Police,Video,Fraud
`

func TestReadGoogle(t *testing.T) {
	im, err := request.ReadGoogle(strings.NewReader(labGoogle), "lab.csv", platform)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if im.Rows != 8 || im.Used != 3 || len(im.Requests) != 6 {
		t.Fatalf("%d rows, %d used, %d requests: %+v", im.Rows, im.Used, len(im.Requests), im.Asides)
	}
	items := im.Requests[1]
	if items.Level != "item" || *items.Sent != 10 || *items.Complied != 4 || *items.Rejected != 4 || items.Other["content not found"] != 1 || items.Platform != "sample-video" || items.Period.String() != "2024-01/2024-06" || items.Note != "" {
		t.Errorf("items: %+v", items)
	}
	if odd := im.Requests[5]; odd.Note != "the outcomes add up to 3" || odd.Platform != "google" {
		t.Errorf("outcomes that do not add up: %+v", odd)
	}
	for i, want := range []string{"no half-year", `code "NULL"`, `number_of_requests: "one" is not a count`, `"-1" is not a count`, "a count is missing"} {
		if a := im.Asides[i]; a.Origin.Row != 5+i || !strings.Contains(a.Reason, want) {
			t.Errorf("aside %+v, want line %d, %q", a, 5+i, want)
		}
	}
	if _, err := request.ReadGoogle(strings.NewReader("a,b\n"), "lab.csv", platform); err == nil || !strings.Contains(err.Error(), `no column "time_period"`) {
		t.Errorf("another table: %v", err)
	}
}

const labDetailed = "Period Ending,Country/Region,CLDR Territory Code,Product,Reason,Total\n2024-06-30,Lab,ZZ,Video,Fraud,2\n2023-12-31,Lab,ZZ,Video,Fraud,7\n2023-11-30,Lab,ZZ,Video,Fraud,7\n2023-12-31,Nowhere,,Video,Fraud,7\n2023-12-31,Lab,ZZ,Video,Fraud,\n"

func TestReadGoogleDetailed(t *testing.T) {
	im, err := request.ReadGoogleDetailed(strings.NewReader(labDetailed), "lab.csv", platform)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if len(im.Requests) != 2 || len(im.Asides) != 3 || im.Requests[1].Period.String() != "2023-07/2023-12" || *im.Requests[1].Sent != 7 {
		t.Errorf("%+v", im)
	}
}

const labTwitter = `country,year,time_period,removal_request_court,removal_request_other,accounts_specified,accounts_witheld,tweets_witheld,accounts_witheld_tos,percent_of_witheld_content
ZZ,2018,January - June 2018,3,240,3004,0,5,141,0.33
ZZ,2012,July - December 2012,NA,NA,NA,NA,NA,NA,NA
ZZ,2018,January - June 2018,3,240,3004,0,0,141,33
Crotia,2018,January - June 2018,1,1,1,1,1,1,0
`

func TestReadTwitter(t *testing.T) {
	im, err := request.ReadTwitter(strings.NewReader(labTwitter), "lab.csv")
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if im.Used != 1 || len(im.Requests) != 4 || len(im.Asides) != 3 {
		t.Fatalf("%+v", im)
	}
	all, accounts := im.Requests[2], im.Requests[3]
	if *all.Sent != 243 || *all.RatePercent != 33 || all.Authority != "" || *accounts.Sent != 3004 || *accounts.Complied != 0 || accounts.Other["tweets withheld"] != 5 {
		t.Errorf("%+v\n%+v", all, accounts)
	}
	// The total is not added to its parts, whichever way one looks.
	for _, by := range []request.By{{Period: true}, {}, {Authority: true, Period: true}} {
		sent := int64(0)
		for _, f := range request.Summarise(im.Requests, by) {
			if f.Level == "demand" {
				sent += *f.Sent
			}
		}
		if sent != 243 {
			t.Errorf("by %+v: %d requests in all, want 243", by, sent)
		}
	}
}

func TestReadMapped(t *testing.T) {
	const table = "agency;asked\n"
	m := request.Mapping{
		Columns: map[string]string{"authority": "Agency", "period": "when", "sent": "asked", "rate_percent": "share", "platform": "service"},
		Fixed:   map[string]string{"cc": "ZZ", "reported_by": "Lab Regulator", "level": "url", "counter": "cumulative", "platform": "Sample"},
	}
	if _, err := request.ReadMapped(strings.NewReader(table), "lab.csv", m, platform); err == nil {
		t.Error("a table without the columns reads")
	}
	im, err := request.ReadMapped(strings.NewReader("Agency,when,asked,share,service\nPolice,2024-H1,\"1,23,456\",54.2%,\nPolice,Q3 2024,,,Sample\nPolice,sometime,1,,\nPolice,2024,1,120,\nPolice,2024,1,,Unknown Thing\nPolice,2024-01-01/2024-05-05,7,,video\n"), "lab.csv", m, platform)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if len(im.Requests) != 2 || len(im.Asides) != 4 {
		t.Fatalf("%+v", im)
	}
	r := im.Requests[0]
	if *r.Sent != 123456 || *r.RatePercent != 54.2 || r.Period.String() != "2024-01/2024-06" || r.Counter != "cumulative" || r.Level != "url" || r.Platform != "sample" {
		t.Errorf("%+v", r)
	}
	for i, want := range []string{"no figures", "is not a date", "share in percent", "unknown platform"} {
		if !strings.Contains(im.Asides[i].Reason, want) {
			t.Errorf("aside %q, want %q", im.Asides[i].Reason, want)
		}
	}
	for _, bad := range []request.Mapping{{}, {Columns: map[string]string{"colour": "a"}}, {Fixed: map[string]string{"cc": "ZZ", "platform": "Sample", "reported_by": "a"}}} {
		if _, err := request.ReadMapped(strings.NewReader("a\n"), "lab.csv", bad, platform); err == nil {
			t.Errorf("the mapping %+v is taken", bad)
		}
	}
}

// row is a figure of the lab with one change each.
func row(reporter, period, level string, change func(*request.Row)) request.Row {
	r := request.Row{Origin: request.Origin{Dataset: request.Mapped, File: reporter}}
	r.CC, r.Platform, r.ReportedBy, r.Level, r.Counter, r.Period = "ZZ", "sample", reporter, casefile.Level(level), "period", casefile.MustDate(period)
	change(&r)
	return r
}

func counts(sent, complied int64) func(*request.Row) {
	return func(r *request.Row) { r.Sent, r.Complied = &sent, &complied }
}

func TestSummarise(t *testing.T) {
	im, err := request.ReadGoogle(strings.NewReader(labGoogle), "lab.csv", platform)
	if err != nil {
		t.Fatal(err)
	}
	rows := im.Requests
	find := func(fs []request.Figure, platform, level, authority string) *request.Figure {
		for i := range fs {
			if fs[i].Platform == platform && fs[i].Level == level && fs[i].Authority == authority {
				return &fs[i]
			}
		}
		t.Fatalf("no figure for %s, %s, %q in %+v", platform, level, authority, fs)
		return nil
	}
	all := find(request.Summarise(rows, request.By{}), "sample-video", "item", "")
	if *all.Sent != 15 || *all.Complied != 9 || *all.Rate != 60 || all.Rows != 2 || all.Other["content not found"] != 1 {
		t.Errorf("all authorities: %+v", all)
	}
	police := find(request.Summarise(rows, request.By{Authority: true}), "sample-video", "item", "Police")
	if *police.Sent != 10 || *police.Rate != 40 {
		t.Errorf("police: %+v", police)
	}
	if rows[1].Other["content not found"] != 1 {
		t.Error("adding up changed a row")
	}
	// Nothing is lost or doubled, in whatever order and by whatever dimension.
	for _, by := range []request.By{{}, {Period: true}, {Reason: true, Product: true}, {Authority: true, Period: true}} {
		rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		sent := int64(0)
		for _, f := range request.Summarise(rows, by) {
			if f.Level == "item" {
				sent += *f.Sent
			}
		}
		if sent != 19 {
			t.Errorf("by %+v: %d items, want 19", by, sent)
		}
	}
}

// A rate is over the rows that give both numbers, and unknown is not zero.
func TestRateOverKnownRows(t *testing.T) {
	sentOnly := func(r *request.Row) { n := int64(1000); r.Sent = &n }
	fs := request.Summarise([]request.Row{row("lab", "2024-01", "url", counts(10, 5)), row("lab", "2024-02", "url", sentOnly)}, request.By{})
	if len(fs) != 1 || *fs[0].Sent != 1010 || *fs[0].Rate != 50 || fs[0].Period != "2024-01/2024-02" {
		t.Errorf("%+v", fs)
	}
	fs = request.Summarise([]request.Row{row("lab", "2024-02", "url", sentOnly)}, request.By{})
	if fs[0].Rate != nil || fs[0].Complied != nil {
		t.Errorf("a rate from nothing: %+v", fs[0])
	}
}

func TestReportersAreNeverAdded(t *testing.T) {
	fs := request.Summarise([]request.Row{row("regulator", "2024-01", "url", counts(10, 5)), row("platform", "2024-01", "url", counts(8, 8))}, request.By{})
	if len(fs) != 2 {
		t.Fatalf("%+v", fs)
	}
	cs := request.Conflicts(fs)
	if len(cs) != 1 || len(cs[0].Apart) != 0 || cs[0].What != "sent 8 against 10; complied 8 against 5; share complied 100.0 % against 50.0 %" {
		t.Errorf("%+v", cs)
	}
}

func TestConflicts(t *testing.T) {
	stated := func(rate float64) func(*request.Row) { return func(r *request.Row) { r.RatePercent = &rate } }
	for _, test := range []struct {
		name string
		a, b request.Row
		want string // what and apart
	}{
		{"rates of other periods and levels", row("regulator", "2021-01/2024-06", "url", counts(69, 41)), row("platform", "2021-01/2021-06", "demand", stated(54.2)), "share complied 54.2 % against 59.4 % period level"},
		{"periods that do not meet", row("regulator", "2021", "url", stated(10)), row("platform", "2022", "url", stated(90)), ""},
		{"the same", row("regulator", "2021", "url", counts(10, 5)), row("platform", "2021", "url", counts(10, 5)), ""},
		{"one reporter against itself", row("regulator", "2021", "url", counts(10, 5)), row("regulator", "2021-01", "url", counts(10, 9)), ""},
		{"counts of other periods", row("regulator", "2021", "url", counts(10, 5)), row("platform", "2021-01", "url", counts(2, 1)), ""},
		{"information and removal", row("regulator", "2021", "url", stated(60)), row("platform", "2021", "information", stated(0)), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, c := range request.Conflicts(request.Summarise([]request.Row{test.a, test.b}, request.By{Period: true})) {
				got += c.What + " " + strings.Join(c.Apart, " ")
			}
			if got != test.want {
				t.Errorf("conflicts %q, want %q", got, test.want)
			}
		})
	}
}

func TestFalls(t *testing.T) {
	cumulative := func(sent, rejected int64) func(*request.Row) {
		return func(r *request.Row) { r.Counter, r.Sent, r.Rejected = "cumulative", &sent, &rejected }
	}
	rows := []request.Row{
		row("lab", "/2022-12-22", "url", cumulative(67, 30)), row("lab", "/2022-09-22", "url", cumulative(63, 32)), row("lab", "/2023-03-01", "url", cumulative(70, 31)),
		row("other", "/2023-03-01", "url", cumulative(1, 1)),
	}
	falls := request.Falls(rows)
	if len(falls) != 1 || falls[0].Counter != "rejected" || falls[0].From != 32 || falls[0].To != 30 || falls[0].Earlier != "/2022-09-22" || falls[0].Later != "/2022-12-22" {
		t.Errorf("%+v", falls)
	}
	// Cumulative figures are not added: the latest stands.
	for _, f := range request.Summarise(rows, request.By{}) {
		if f.ReportedBy == "lab" && (*f.Sent != 70 || f.Rows != 3 || f.Period != "/2023-03-01") {
			t.Errorf("%+v", f)
		}
	}
}

func TestFromRecord(t *testing.T) {
	records, err := casefile.Load(fstest.MapFS{"zz-2024-sample/case.yaml": &fstest.MapFile{Data: []byte(`id: zz-2024-sample
title: Sample in the lab
jurisdiction: ZZ
utc_offset: "+00:00"
targets: [sample]
status: ended
start: null
end: null
actors: [{id: zz-regulator, kind: regulator, name: Lab Regulator}]
requests:
  - {id: a, authority: zz-regulator, cc: ZZ, platform: sample, period: 2024-01, counter: period, level: url, reported_by: zz-regulator, sent: 10, complied: 4, cites: []}
  - {id: b, authority: zz-regulator, cc: ZZ, platform: sample, period: 2024-02, counter: period, level: url, reported_by: nobody, sent: 10, cites: []}
`)}}, "lab")
	if err != nil {
		t.Fatal(err)
	}
	rows := request.FromRecord(records)
	if len(rows) != 2 || rows[0].Authority != "Lab Regulator" || rows[1].ReportedBy != "nobody" || rows[0].Origin.Case != "zz-2024-sample" {
		t.Fatalf("%+v", rows)
	}
	if fs := request.Summarise(rows, request.By{}); len(fs) != 2 {
		t.Errorf("hand-kept rows were added: %+v", fs)
	}
}

func shared(t testing.TB, name string) []byte {
	t.Helper()
	dir := os.Getenv("BANDISH_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(dir, "transparency", name))
	if err != nil {
		t.Skipf("no real data: %v", err)
	}
	return data
}

func TestRealTables(t *testing.T) {
	none := func(string) string { return "" }
	detailed, err := request.ReadGoogleDetailed(bytes.NewReader(shared(t, "google-government-detailed-removal-requests.csv")), "d", none)
	if err != nil {
		t.Fatal(err)
	}
	google, err := request.ReadGoogle(bytes.NewReader(shared(t, "google-government-removal-requests.csv")), "g", none)
	if err != nil {
		t.Fatal(err)
	}
	twitter, err := request.ReadTwitter(bytes.NewReader(shared(t, "twitter-removal-requests-2012-2018.csv")), "t")
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range []*request.Import{detailed, google, twitter} {
		addsUp(t, im)
		t.Logf("%s: %d rows, %d used, %d set aside, %d requests", im.Dataset, im.Rows, im.Used, len(im.Asides), len(im.Requests))
	}
	if detailed.Rows != 21065 || google.Rows != 17483 || twitter.Rows != 611 {
		t.Errorf("rows %d, %d, %d; want 21065, 17483, 611", detailed.Rows, google.Rows, twitter.Rows)
	}
	for _, r := range google.Requests {
		if r.Note != "" {
			t.Errorf("%s: %s", r.ID, r.Note)
		}
	}
	// Pakistan's requests to Google in the second half of 2020, counted from
	// the file by hand.
	i := slices.IndexFunc(request.Summarise(google.Requests, request.By{Period: true}), func(f request.Figure) bool {
		return f.CC == "PK" && f.Period == "2020-07/2020-12" && f.Level == "item" && *f.Sent == 9720
	})
	if i < 0 {
		t.Error("Pakistan's 9,720 items of the second half of 2020 are not there")
	}
}

func FuzzReadTables(f *testing.F) {
	f.Add(labGoogle)
	f.Add(labDetailed)
	f.Add(labTwitter)
	m := request.Mapping{Columns: map[string]string{"period": "p", "sent": "s", "rate_percent": "r"}, Fixed: map[string]string{"cc": "ZZ", "platform": "Sample", "reported_by": "x"}}
	f.Add("p,s,r\n2024-q1,\"1,000\",5%\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range []func() (*request.Import, error){
			func() (*request.Import, error) { return request.ReadGoogle(strings.NewReader(text), "f", platform) },
			func() (*request.Import, error) {
				return request.ReadGoogleDetailed(strings.NewReader(text), "f", platform)
			},
			func() (*request.Import, error) { return request.ReadTwitter(strings.NewReader(text), "f") },
			func() (*request.Import, error) {
				return request.ReadMapped(strings.NewReader(text), "f", m, platform)
			},
		} {
			im, err := read()
			if err != nil {
				continue
			}
			addsUp(t, im)
			figures := request.Summarise(im.Requests, request.By{Period: true})
			request.Conflicts(figures)
			request.Falls(im.Requests)
			for _, r := range im.Requests {
				if r.CC == "" || r.Period.IsZero() {
					t.Errorf("row without country or period: %+v", r)
				}
			}
		}
	})
}

func TestStrayQuoteCostsOneRow(t *testing.T) {
	head, rest, _ := strings.Cut(labGoogle, "\n")
	im, err := request.ReadGoogle(strings.NewReader(head+"\n\"January - June 2024,Lab\n"+rest), "lab.csv", platform)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if im.Rows != 9 || im.Used != 3 || im.Asides[0].Text != `"January - June 2024,Lab` || im.Asides[0].Origin.Row != 2 {
		t.Errorf("%d rows, %d used: %+v", im.Rows, im.Used, im.Asides)
	}
}

// A share above nothing is never 0.0; figures of two rules are not added.
func TestRates(t *testing.T) {
	for f, want := range map[float64]string{0: "0.0 %", 0.004: "<0.1 %", 0.0499: "<0.1 %", 0.05: "0.1 %", 54.2: "54.2 %", 99.96: ">99.9 %", 100: "100.0 %"} {
		if got := request.Percent(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
	n := func(i int64) *int64 { return &i }
	row := func(rule casefile.ComplianceRule, sent, complied int64) request.Row {
		return request.Row{Request: casefile.Request{CC: "ZZ", Platform: "sample", Period: casefile.MustDate("2024-01"), Counter: "period", Level: "url", ReportedBy: "Lab", Compliance: rule, Sent: n(sent), Complied: n(complied)}, Origin: request.Origin{Dataset: request.Mapped, File: "a.csv"}}
	}
	figures := request.Summarise([]request.Row{row("item_removed", 10, 5), row("item_removed", 10, 5), row("some_withheld", 10, 9)}, request.By{})
	if len(figures) != 2 || *figures[0].Rate+*figures[1].Rate != 140 {
		t.Errorf("%+v", figures)
	}
}

// Twitter's table states 0 % in rows that count something withheld.
func TestStatedNothingBesideSomething(t *testing.T) {
	text := "country,year,time_period,removal_request_court,removal_request_other,accounts_specified,accounts_witheld,tweets_witheld,accounts_witheld_tos,percent_of_witheld_content\n" +
		"Chad,2018,January - June 2018,0,3,4,0,4,3,0\nChad,2018,July - December 2018,0,3,4,0,0,0,0\n"
	im, err := request.ReadTwitter(strings.NewReader(text), "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	stated := map[string]*float64{}
	for _, r := range im.Requests {
		if r.Level == "demand" && r.Authority == "" {
			stated[r.Period.String()] = r.RatePercent
			if r.Compliance != "some_withheld" {
				t.Errorf("rule %q", r.Compliance)
			}
		}
	}
	if len(stated) != 2 || stated["2018-01/2018-06"] != nil || stated["2018-07/2018-12"] == nil {
		t.Errorf("stated %v", stated)
	}
}
