package ban_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/ban/list"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
)

// labNames knows invented platforms of the country ZZ.
type labNames struct{}

func (labNames) OfName(word string) string {
	return map[string]string{"sample": "sample", "chatter": "chatter", "old sample": "sample"}[strings.ToLower(word)]
}

func (labNames) OfHost(host string, _ time.Time) string {
	return map[string]string{"sample.example": "sample", "www.sample.example": "sample"}[host]
}

func (labNames) OfTest(test string) string { return map[string]string{"chatter": "chatter"}[test] }

var lab labNames

const labCSV = `start_date_type,start_date,country,geo_scope,area_name,shutdown_type,shutdown_extent,ordered_by,shutdown_status,end_date,twitter_affected,other_affected,info_source_link,event,count_year
Actual,2024-02-17,ZZ,"It affected locations in more than one state, province, or region",Nationwide,Shutdown,Service-based,Executive government,Ongoing,,No,Sample,https://a.example/1; https://a.example/2,"Sample went dark,
they say",2024
Actual,2024-02-17,ZZ,"It affected locations in more than one state, province, or region",Nationwide,Shutdown,Service-based,Executive government,Ended,2025-05-07,No,Sample,,,2025
Estimated,2023-01-01,ZZ,"It only affected one city, county, or village",Labtown,Shutdown,Full network,Military,Ended,2023-01-03,No,,,,2023
Actual,2023-06-01,ZZ; Chad,"It affected locations in more than one state, province, or region",Nationwide,Throttle,Service-based,Unknown,Unknown,,Yes,"Chatter (chat) and VPN services, ""others""",,,2023
Actual,2023-09-09,Atlantis,,,Shutdown,Full network,,,,,,,,2023
Actual,soon,ZZ,,,Shutdown,Full network,,,,,,,,2023
Actual,2023-09-09,ZZ,,,Shutdown,Full network,,Ended,2023-09-01,,,,,2023
,,,,
Actual,2023-10-01,ZZ,,,Shutdown,Service-based,,Ended,2023-10-02,,VPNs,,,2023
`

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func readLab(t testing.TB) *list.Import {
	t.Helper()
	im, err := list.ReadKeepItOnCSV(strings.NewReader(labCSV), "lab.csv", lab)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	return im
}

func TestReadKeepItOnCSV(t *testing.T) {
	im := readLab(t)
	if im.Rows != 8 || im.Used != 5 || len(im.Reports) != 6 || len(im.Asides) != 3 {
		t.Fatalf("%d rows, %d used, %d reports, %d aside; want 8, 5, 6, 3", im.Rows, im.Used, len(im.Reports), len(im.Asides))
	}
	r := im.Reports[0]
	if r.CC != "ZZ" || !slices.Equal(r.Targets, []string{"sample"}) || r.Status != ban.Ongoing || !r.Known.Equal(day("2024-12-31")) || r.Scope != ban.National || len(r.Links) != 2 || r.Title != "Sample went dark, they say" {
		t.Errorf("ongoing row: %+v", r)
	}
	if r := im.Reports[1]; r.Status != ban.Ended || !r.End.Equal(day("2025-05-07")) || r.Origin.Row != 4 {
		t.Errorf("ended row: %+v", r)
	}
	if r := im.Reports[2]; !slices.Equal(r.Targets, []string{ban.Internet}) || r.Scope != ban.Local || !r.Estimated {
		t.Errorf("network row: %+v", r)
	}
	if r := im.Reports[4]; r.CC != "TD" || r.Method != ban.Throttle || !slices.Equal(r.Targets, []string{"chatter", "x"}) || !slices.Equal(r.Other, []string{"VPN services", "others"}) {
		t.Errorf("second country of a row: %+v", r)
	}
	for i, want := range []struct {
		row    int
		reason string
	}{{7, `unknown country "Atlantis"`}, {8, `start date: "soon" is not a date`}, {9, "before it starts"}} {
		if a := im.Asides[i]; a.Origin.Row != want.row || !strings.Contains(a.Reason, want.reason) || a.Text == "" {
			t.Errorf("aside %d: %+v, want row %d, %q", i, a, want.row, want.reason)
		}
	}
	for _, bad := range []string{"", "a,b\n1,2\n", "start_date\n2024-01-01\n"} {
		if _, err := list.ReadKeepItOnCSV(strings.NewReader(bad), "bad.csv", lab); err == nil || !strings.Contains(err.Error(), "bad.csv") {
			t.Errorf("%q reads as KeepItOn: %v", bad, err)
		}
	}
}

// labXLSX is a spreadsheet whose sheets have the columns of several years. Its
// first row has a day as a spreadsheet stores it: 43525 is 2019-03-01.
func labXLSX(t testing.TB) []byte {
	t.Helper()
	return writeXLSX(t, []string{"2019", "2016+2017 ", "Notes"}, [][][]any{
		{{"ID", "start_date", "end_date ", "country ", "geo_scope", "full or service-based", "Twitter_affected", "other_service_details (specify) "}, {1, 43525, "Ongoing", " ZZ ", "Level 3", "Service-based", "TRUE", "Old Sample"}},
		{{"year", "start_date", "end_date", "country", "geo_scope", "area_name", "shutdown_type_group", "service_details"}, {2016, "26-Jan-2016", "28-Jan-2016", "ZZ", "Regional", "North", "Full network", ""}, {2017, "", "", "ZZ", "", "", "", ""}},
		{{"2017", "ZZ", "https://a.example/"}},
	})
}

// writeXLSX writes a spreadsheet of numbers and text.
func writeXLSX(t testing.TB, names []string, sheets [][][]any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	part := func(name, content string) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	var list, relations string
	for i, rows := range sheets {
		list += fmt.Sprintf(`<sheet name=%q sheetId="%d" r:id="rId%[2]d"/>`, names[i], i+1)
		relations += fmt.Sprintf(`<Relationship Id="rId%d" Type="%sworksheet" Target="worksheets/sheet%[1]d.xml"/>`, i+1, kind)
		var cells string
		for _, row := range rows {
			cells += "<row>"
			for _, cell := range row {
				if text, ok := cell.(string); ok {
					cells += `<c t="inlineStr"><is><t>` + text + `</t></is></c>`
				} else {
					cells += fmt.Sprintf(`<c><v>%v</v></c>`, cell)
				}
			}
			cells += "</row>"
		}
		part(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1), "<worksheet><sheetData>"+cells+"</sheetData></worksheet>")
	}
	part("_rels/.rels", `<Relationships><Relationship Id="rId1" Type="`+kind+`officeDocument" Target="xl/workbook.xml"/></Relationships>`)
	part("xl/workbook.xml", `<workbook xmlns:r="`+strings.TrimSuffix(kind, "/")+`"><sheets>`+list+`</sheets></workbook>`)
	part("xl/_rels/workbook.xml.rels", `<Relationships>`+relations+`</Relationships>`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadKeepItOnXLSX(t *testing.T) {
	im, err := list.ReadKeepItOnXLSX(labXLSX(t), "lab.xlsx", lab)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if im.Rows != 4 || len(im.Reports) != 2 || len(im.Asides) != 2 {
		t.Fatalf("%d rows, %d reports, asides %+v", im.Rows, len(im.Reports), im.Asides)
	}
	r := im.Reports[0]
	if !r.Start.Equal(day("2019-03-01")) || r.Status != ban.Ongoing || !r.Known.Equal(day("2019-12-31")) || !slices.Equal(r.Targets, []string{"sample", "x"}) || r.Origin.Sheet != "2019" || r.Origin.Row != 2 {
		t.Errorf("2019: %+v", r)
	}
	if r := im.Reports[1]; !r.End.Equal(day("2016-01-28")) || r.Scope != ban.Regional || !slices.Equal(r.Targets, []string{ban.Internet}) {
		t.Errorf("2016: %+v", r)
	}
	if _, err := list.ReadKeepItOnXLSX([]byte("no spreadsheet"), "lab.xlsx", lab); err == nil {
		t.Error("garbage reads as a spreadsheet")
	}
}

const labIncidents = `{"incidents": [
 {"id": "1", "title": "ZZ blocked Sample", "start_time": "2024-02-18T00:00:00Z", "update_time": "2024-03-01T10:00:00Z", "end_time": "2025-05-06T00:00:00Z", "CCs": ["ZZ"], "ASNs": [64512], "domains": ["www.sample.example"], "test_names": ["web_connectivity"]},
 {"id": "2", "title": "ZZ blocked others", "start_time": "2024-05-01T00:00:00Z", "update_time": "2024-05-20T10:00:00Z", "end_time": null, "CCs": ["ZZ"], "domains": ["www.free.example"], "test_names": ["chatter"]},
 {"id": "3", "title": "nowhere", "start_time": "2024-05-01T00:00:00Z", "CCs": [], "domains": ["a.example"]},
 {"id": "4", "title": "nothing", "start_time": "2024-05-01T00:00:00Z", "CCs": ["ZZ"]},
 {"id": "5", "start_time": "long ago", "CCs": ["ZZ"], "domains": ["a.example"]},
 {"id": 6},
 {"id": "7", "start_time": "2024-05-01T00:00:00Z", "end_time": "2024-04-01T00:00:00Z", "CCs": ["ZZ"], "domains": ["a.example"]},
 {"id": "8", "start_time": "2024-05-01T00:00:00Z", "CCs": ["XX"], "domains": ["a.example"]}
]}`

func TestReadOONIIncidents(t *testing.T) {
	im, err := list.ReadOONIIncidents([]byte(labIncidents), "incidents.json", lab)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if im.Rows != 8 || len(im.Reports) != 2 || len(im.Asides) != 6 {
		t.Fatalf("%d rows, %d reports, asides %+v", im.Rows, len(im.Reports), im.Asides)
	}
	if r := im.Reports[0]; !slices.Equal(r.Targets, []string{"sample"}) || r.Status != ban.Ended || r.Networks != "AS64512" || r.Origin.ID != "1" {
		t.Errorf("ended: %+v", r)
	}
	if r := im.Reports[1]; !slices.Equal(r.Targets, []string{"chatter", "free.example"}) || r.Status != ban.Ongoing || !r.Known.Equal(day("2024-05-20")) {
		t.Errorf("ongoing: %+v", r)
	}
	if _, err := list.ReadOONIIncidents([]byte(`"x"`), "incidents.json", lab); err == nil {
		t.Error("a string reads as incidents")
	}
}

func TestReadSFLC(t *testing.T) {
	im, err := list.ReadSFLC([]byte(`[
	 {"state:name": "Testland", "districts": ["North", "South"], "date": "2017-05-24", "duration": "48", "active": false, "description": "A test.", "source": "https://a.example/"},
	 {"state:name": "Testland", "date": "2017-05-24", "duration": null, "active": true},
	 {"date": "2017-05-24"}, {"state:name": "Testland", "date": "24 May"}, {"state:name": "Testland", "date": "2017-05-24", "duration": "long"}, 7]`), "sflc.json")
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if len(im.Reports) != 2 || len(im.Asides) != 4 {
		t.Fatalf("%+v", im)
	}
	if r := im.Reports[0]; r.Area != "North, South, Testland" || !r.End.Equal(day("2017-05-26")) {
		t.Errorf("%+v", r)
	}
	if r := im.Reports[1]; r.Status != ban.Ongoing {
		t.Errorf("%+v", r)
	}
}

// report is a national block of Sample in ZZ with one change each.
func report(dataset ban.Dataset, row int, start, end string, change ...func(*ban.Report)) ban.Report {
	r := ban.Report{Origin: ban.Origin{Dataset: dataset, File: string(dataset), Row: row}, CC: "ZZ", Targets: []string{"sample"}, Method: ban.Block, Scope: ban.National, Start: day(start), Known: day(start), Status: ban.Unknown}
	if end != "" {
		r.Status, r.End, r.Known = ban.Ended, day(end), day(end)
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func ongoing(known string) func(*ban.Report) {
	return func(r *ban.Report) { r.Status, r.Known = ban.Ongoing, day(known) }
}

func area(name string) func(*ban.Report) {
	return func(r *ban.Report) { r.Scope, r.Area = ban.Regional, name }
}

func TestReconcile(t *testing.T) {
	throttle := func(r *ban.Report) { r.Method = ban.Throttle }
	abroad := func(r *ban.Report) { r.CC = "TD" }
	both := func(r *ban.Report) { r.Targets = []string{"chatter", "sample"} }
	estimated := func(r *ban.Report) { r.Estimated = true }
	for _, test := range []struct {
		name    string
		reports []ban.Report
		want    []string // target, start, end or status, number of reports
	}{
		{"yearly sheets repeat an ongoing ban", []ban.Report{
			report(ban.KeepItOn, 1, "2024-02-17", "", ongoing("2024-12-31")), report(ban.KeepItOn, 2, "2024-02-17", "2025-05-07"),
		}, []string{"sample 2024-02-17 2025-05-07 2"}},
		{"two bans of one data set, days apart", []ban.Report{
			report(ban.KeepItOn, 1, "2024-04-30", "2024-04-30"), report(ban.KeepItOn, 2, "2024-05-02", "2024-05-03"),
		}, []string{"sample 2024-04-30 2024-04-30 1", "sample 2024-05-02 2024-05-03 1"}},
		{"another data set, a day later", []ban.Report{
			report(ban.KeepItOn, 1, "2024-04-30", "2024-04-30"), report(ban.OONI, 1, "2024-05-01", "2024-05-01"),
		}, []string{"sample 2024-04-30 2024-04-30 2"}},
		{"one inside the other", []ban.Report{
			report(ban.KeepItOn, 1, "2024-01-01", "2024-06-01"), report(ban.OONI, 1, "2024-03-01", "2024-03-05"),
		}, []string{"sample 2024-01-01 2024-06-01 2"}},
		{"an estimate against a day", []ban.Report{
			report(ban.KeepItOn, 1, "2024-01-01", "", estimated), report(ban.OONI, 1, "2024-01-20", "2024-03-05"),
		}, []string{"sample 2024-01-01 2024-03-05 2"}},
		{"the record's dates before others'", []ban.Report{
			report(ban.OONI, 1, "2024-02-16", "2025-05-06"), report(ban.Record, 0, "2024-02-17", "2025-05-07"),
		}, []string{"sample 2024-02-17 2025-05-07 2"}},
		{"slowed down, then blocked", []ban.Report{
			report(ban.KeepItOn, 1, "2021-03-10", "", ongoing("2025-12-31"), throttle), report(ban.KeepItOn, 2, "2022-02-26", "", ongoing("2025-12-31")),
		}, []string{"sample 2021-03-10 ongoing 1", "sample 2022-02-26 ongoing 1"}},
		{"a later ban is not swallowed by a row that wrongly goes on", []ban.Report{
			report(ban.KeepItOn, 1, "2024-08-30", "2024-08-30"), report(ban.KeepItOn, 2, "2024-08-30", "", ongoing("2025-12-31")), report(ban.OONI, 1, "2025-05-20", "", ongoing("2025-08-01")),
		}, []string{"sample 2024-08-30 2024-08-30 2", "sample 2025-05-20 ongoing 1"}},
		{"two countries", []ban.Report{report(ban.OONI, 1, "2024-01-01", "2024-01-02"), report(ban.OONI, 2, "2024-01-01", "2024-01-02", abroad)},
			[]string{"sample 2024-01-01 2024-01-02 1", "sample 2024-01-01 2024-01-02 1"}},
		{"two platforms in one report", []ban.Report{report(ban.OONI, 1, "2024-01-01", "2024-01-02", both)},
			[]string{"chatter 2024-01-01 2024-01-02 1", "sample 2024-01-01 2024-01-02 1"}},
		{"two regions", []ban.Report{report(ban.KeepItOn, 1, "2024-01-01", "2024-01-02", area("North")), report(ban.KeepItOn, 2, "2024-01-01", "2024-01-02", area("South"))},
			[]string{"sample 2024-01-01 2024-01-02 1", "sample 2024-01-01 2024-01-02 1"}},
		{"a region under two names in two data sets", []ban.Report{report(ban.KeepItOn, 1, "2024-01-01", "2024-01-02", area("Entire Kappa Valley, Lambda and Kappa State")), report(ban.OONI, 2, "2024-01-02", "", area("Kappa, Lambda and Kappa"))},
			[]string{"sample 2024-01-01 2024-01-02 2"}},
		{"a block and a throttling of the same days", []ban.Report{
			report(ban.KeepItOn, 1, "2024-01-01", "2024-01-05"), report(ban.KeepItOn, 2, "2024-01-01", "2024-01-05", throttle),
		}, []string{"sample 2024-01-01 2024-01-05 2"}},
		{"a throttling of other days", []ban.Report{
			report(ban.KeepItOn, 1, "2024-01-01", "2024-01-05"), report(ban.KeepItOn, 2, "2024-01-01", "2024-03-05", throttle),
		}, []string{"sample 2024-01-01 2024-01-05 1", "sample 2024-01-01 2024-03-05 1"}},
		{"an ongoing ban that a list misses for two years", []ban.Report{
			report(ban.KeepItOn, 1, "2021-02-05", "", ongoing("2021-12-31")), report(ban.KeepItOn, 2, "2024-02-16", "", ongoing("2025-12-31")),
		}, []string{"sample 2021-02-05 ongoing 2"}},
		{"an ongoing ban that a list misses for seven", []ban.Report{
			report(ban.KeepItOn, 1, "2018-02-05", "", ongoing("2018-12-31")), report(ban.KeepItOn, 2, "2025-12-01", "", ongoing("2025-12-31")),
		}, []string{"sample 2018-02-05 ongoing 1", "sample 2025-12-01 ongoing 1"}},
		{"a ban that began anew in between had ended", []ban.Report{
			report(ban.KeepItOn, 1, "2020-10-17", "", ongoing("2020-12-31")), report(ban.KeepItOn, 2, "2022-08-30", "2022-08-31"), report(ban.KeepItOn, 3, "2023-05-20", "", ongoing("2023-12-31")),
		}, []string{"sample 2020-10-17 ongoing 1", "sample 2022-08-30 2022-08-31 1", "sample 2023-05-20 ongoing 1"}},
		{"a state and a district of it", []ban.Report{report(ban.KeepItOn, 1, "2024-01-01", "2024-01-02", area("Lambda state")), report(ban.KeepItOn, 2, "2024-01-01", "2024-01-02", area("Kappa district, Lambda state"))},
			[]string{"sample 2024-01-01 2024-01-02 1", "sample 2024-01-01 2024-01-02 1"}},
		{"a region inside a national ban", []ban.Report{report(ban.KeepItOn, 1, "2024-01-01", "2024-02-02"), report(ban.KeepItOn, 2, "2024-01-01", "2024-01-02", area("South"))},
			[]string{"sample 2024-01-01 2024-02-02 1", "sample 2024-01-01 2024-01-02 1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 5 { // the order of reports must not matter
				rand.Shuffle(len(test.reports), func(i, j int) { test.reports[i], test.reports[j] = test.reports[j], test.reports[i] })
				var got []string
				ids := make(map[string]bool)
				for _, b := range ban.Reconcile(test.reports) {
					end := string(b.Status)
					if b.Status == ban.Ended {
						end = b.End.Format(time.DateOnly)
					}
					got = append(got, strings.Join([]string{b.Target, b.Start.Format(time.DateOnly), end, string(rune('0' + len(b.Reports)))}, " "))
					if ids[b.ID] {
						t.Errorf("two bans are called %s", b.ID)
					}
					ids[b.ID] = true
				}
				if !slices.Equal(got, test.want) {
					t.Fatalf("bans\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
			}
		})
	}
}

// An area that is not the nation is not national, whatever the number of
// places.
func TestScope(t *testing.T) {
	for area, want := range map[string]ban.Scope{
		"Nationwide": ban.National, "National": ban.National, "nation wide": ban.National, "Entire country": ban.National, "Countrywide shutdown": ban.National,
		"Nationwide, except the north": ban.National, "entire Chad": ban.National, "": ban.National,
		"Labtown, Testville and Mocksham": ban.Regional, "all regions except Labtown": ban.Regional, "most of the country": ban.Regional,
	} {
		text := "start_date,country,geo_scope,area_name,shutdown_extent\n2024-01-01,Chad,\"It affected locations in more than one state, province, or region\",\"" + area + "\",Full network\n"
		im, err := list.ReadKeepItOnCSV(strings.NewReader(text), "scope.csv", lab)
		if err != nil || len(im.Reports) != 1 {
			t.Fatal(err, im)
		}
		if got := im.Reports[0].Scope; got != want {
			t.Errorf("%q is %s, want %s", area, got, want)
		}
	}
}

// A row of an older edition meets the same row of a newer one, though the
// newer one names other services.
func TestEditionsMeet(t *testing.T) {
	old := report(ban.KeepItOn, 1, "2016-03-17", "", func(r *ban.Report) {
		r.Origin.File, r.Targets, r.Other = "old.csv", nil, []string{"calls"}
	})
	fresh := report(ban.KeepItOn, 2, "2016-03-17", "", func(r *ban.Report) { r.Origin.File, r.Targets = "new.csv", []string{"chatter"} })
	later := report(ban.KeepItOn, 3, "2025-03-17", "2025-03-18", func(r *ban.Report) { r.Origin.File = "new.csv" })
	bans, decisions := ban.ReconcileBy([]ban.Report{old, fresh, later}, ban.Hand{})
	if len(bans) != 2 || bans[0].Target != "chatter" || len(bans[0].Reports) != 2 {
		t.Fatalf("%+v", bans)
	}
	if i := slices.IndexFunc(decisions, func(d ban.Decision) bool { return d.Kind == ban.Edition }); i < 0 || decisions[i].Report != old.Origin || decisions[i].With != fresh.Origin {
		t.Errorf("decisions %+v", decisions)
	}
}

// Every report of every ban has its decision; those of a person win.
func TestDecisions(t *testing.T) {
	reports := []ban.Report{report(ban.KeepItOn, 1, "2024-01-01", "2024-01-03"), report(ban.KeepItOn, 2, "2024-01-01", "2024-01-03"), report(ban.KeepItOn, 3, "2024-05-01", "2024-05-02")}
	hand, err := ban.ParseHand([]byte("together:\n  - {reports: ['keepiton keepiton:1', 'keepiton keepiton:3'], why: It never ended.}\napart:\n  - {reports: ['keepiton keepiton:1', 'keepiton keepiton:2'], why: Two offices.}\n"))
	if err != nil {
		t.Fatal(err)
	}
	bans, decisions := ban.ReconcileBy(reports, hand)
	if len(bans) != 2 || len(bans[0].Reports)+len(bans[1].Reports) != 3 || len(decisions) != 3 {
		t.Fatalf("%d bans, decisions %+v", len(bans), decisions)
	}
	for _, d := range decisions {
		if d.Report.Row == 3 && (d.Kind != ban.ByHand || d.With.Row != 1 || d.Why != "It never ended.") {
			t.Errorf("row 3: %+v", d)
		}
		if d.Ban == "" || d.Why == "" || d.Target != "sample" {
			t.Errorf("%+v", d)
		}
	}
	if missing := hand.Missing(reports[1:]); !slices.Equal(missing, []string{"keepiton keepiton:1"}) {
		t.Errorf("missing %v", missing)
	}
	for _, bad := range []string{"together: [{reports: [a, b]}]", "together: [{reports: [a], why: x}]", "toghether: []", "- a"} {
		if _, err := ban.ParseHand([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestDisputes(t *testing.T) {
	b := ban.Reconcile([]ban.Report{
		report(ban.KeepItOn, 1, "2024-02-17", "", ongoing("2024-12-31")), report(ban.KeepItOn, 2, "2024-02-17", "2025-05-07"), report(ban.OONI, 3, "2024-02-18", "2025-05-06"),
	})[0]
	if want := []string{"it began on 18 February 2024, by the incidents of OONI", "it ended on 6 May 2025, by the incidents of OONI"}; !slices.Equal(b.Disputes, want) {
		t.Errorf("disputes %q, want %q", b.Disputes, want)
	}
	b = ban.Reconcile([]ban.Report{report(ban.KeepItOn, 1, "2024-08-30", "2024-08-30"), report(ban.KeepItOn, 2, "2024-08-30", "", ongoing("2025-12-31"))})[0]
	if want := []string{"it still held on 31 December 2025, by the list of KeepItOn"}; !slices.Equal(b.Disputes, want) {
		t.Errorf("disputes %q, want %q", b.Disputes, want)
	}
}

func TestRankAsOf(t *testing.T) {
	measured := report(ban.Measured, 1, "2024-02-17", "2025-05-08")
	bans := ban.Reconcile([]ban.Report{
		report(ban.Record, 1, "2024-02-17", "2025-05-07"), measured,
		report(ban.KeepItOn, 2, "2021-01-01", "", ongoing("2021-12-31")),
		report(ban.KeepItOn, 3, "2020-05-05", "2020-05-05"),
		report(ban.KeepItOn, 4, "2019-05-05", ""),
	})
	type row struct {
		start string
		rank  int
		ban.Length
	}
	for _, test := range []struct {
		asOf string
		want []row
	}{
		{"2026-01-01", []row{{"2024-02-17", 1, ban.Length{Days: 446}}, {"2021-01-01", 2, ban.Length{Days: 364, AtLeast: true}}, {"2019-05-05", 3, ban.Length{AtLeast: true}}, {"2020-05-05", 3, ban.Length{}}}},
		{"2024-03-14", []row{{"2021-01-01", 1, ban.Length{Days: 364, AtLeast: true}}, {"2024-02-17", 2, ban.Length{Days: 26, Ongoing: true}}, {"2019-05-05", 3, ban.Length{AtLeast: true}}, {"2020-05-05", 3, ban.Length{}}}},
		{"2021-03-01", []row{{"2021-01-01", 1, ban.Length{Days: 59, Ongoing: true}}, {"2019-05-05", 2, ban.Length{AtLeast: true}}, {"2020-05-05", 2, ban.Length{}}}},
		{"2000-01-01", nil},
	} {
		var got []row
		for _, r := range ban.Rank(bans, day(test.asOf)) {
			got = append(got, row{r.Start.Format(time.DateOnly), r.Rank, r.Length})
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("as of %s:\n%+v\nwant\n%+v", test.asOf, got, test.want)
		}
	}
	r := ban.Rank(bans, day("2026-01-01"))[0]
	if r.Measured == nil || *r.Measured != (ban.Length{Days: 446}) || r.Shortest != 445 || r.Longest != 446 {
		t.Errorf("measured %+v, %d to %d days", r.Measured, r.Shortest, r.Longest)
	}
}

// A start or an end that is one of several days makes a length that is known
// only between two bounds; the least ranks.
func TestLengthOfSpans(t *testing.T) {
	spans := func(startBy, endFrom string) func(*ban.Report) {
		return func(r *ban.Report) {
			if startBy != "" {
				r.StartBy = day(startBy)
			}
			if endFrom != "" {
				r.EndFrom = day(endFrom)
			}
		}
	}
	for _, test := range []struct {
		name string
		r    ban.Report
		asOf string
		want ban.Length
	}{
		{"days on both sides", report(ban.Record, 1, "2024-03-01", "2024-03-20", spans("2024-03-03", "2024-03-18")), "2026-01-01", ban.Length{Days: 15, AtMost: 19}},
		{"over before it began at the latest", report(ban.Record, 1, "2024-03-01", "2024-03-02", spans("2024-03-03", "")), "2026-01-01", ban.Length{Days: 0, AtMost: 1}},
		{"no end", report(ban.Record, 1, "2024-03-01", "", spans("2024-03-31", "")), "2026-01-01", ban.Length{AtLeast: true}},
		{"held later", report(ban.Record, 1, "2024-03-01", "", spans("2024-03-31", ""), ongoing("2024-12-31")), "2026-01-01", ban.Length{Days: 275, AtLeast: true}},
		{"while it may have begun", report(ban.Record, 1, "2024-03-01", "2024-05-01", spans("2024-03-31", "")), "2024-03-10", ban.Length{AtMost: 9, Ongoing: true}},
	} {
		bans := ban.Reconcile([]ban.Report{test.r})
		if l, ok := bans[0].LengthAt(day(test.asOf)); !ok || l != test.want {
			t.Errorf("%s: %+v (%t), want %+v", test.name, l, ok, test.want)
		}
		if r := ban.Rank(bans, day(test.asOf))[0]; r.Shortest != test.want.Days || r.Longest != max(test.want.Days, test.want.AtMost) {
			t.Errorf("%s: %d to %d days", test.name, r.Shortest, r.Longest)
		}
	}
}

// Two editions write the same services with other capitals.
func TestReconcileServicesWithoutID(t *testing.T) {
	service := func(words ...string) func(*ban.Report) {
		return func(r *ban.Report) { r.Targets, r.Other = nil, words }
	}
	bans := ban.Reconcile([]ban.Report{
		report(ban.KeepItOn, 1, "2018-12-21", "2019-02-20", service("Social Media")),
		report(ban.KeepItOn, 2, "2018-12-21", "2019-02-20", service("Social media")),
		report(ban.KeepItOn, 3, "2018-12-21", "2019-02-20", service("VoIP")),
	})
	if len(bans) != 2 {
		t.Errorf("%d bans, want 2: %+v", len(bans), bans)
	}
}

// What is exported reads back as the same bans.
func TestExportRoundTrip(t *testing.T) {
	name := func(id string) string { return strings.ToUpper(id[:1]) + id[1:] }
	reports := []ban.Report{
		report(ban.Record, 1, "2024-02-17", "2025-05-07", func(r *ban.Report) { r.Targets, r.Title = []string{"chatter", "sample", "x"}, "=SUM(A1)" }),
		report(ban.Record, 2, "2023-01-01", "2023-01-03", area("North"), func(r *ban.Report) { r.Targets = []string{ban.Internet} }),
		report(ban.Record, 4, "2023-07-17", "2023-08-01", func(r *ban.Report) { r.Targets = []string{"news.example.org", "sample"} }),
		report(ban.Record, 5, "2023-07-17", "2023-08-01", func(r *ban.Report) { r.Targets, r.Other = nil, []string{"Search Engines"} }),
		report(ban.Record, 6, "2023-07-17", "2023-08-01", func(r *ban.Report) { r.Targets, r.Other = nil, []string{"VoIP"} }),
		report(ban.Record, 3, "2022-01-01", "", ongoing("2024-12-31"), func(r *ban.Report) { r.Method = ban.Throttle }),
	}
	bans := ban.Reconcile(reports)
	var out bytes.Buffer
	if err := list.ExportKeepItOn(&out, bans, day("2026-01-01"), name); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "'=SUM(A1)") {
		t.Error("a title that is a formula is exported as one")
	}
	im, err := list.ReadKeepItOnCSV(&out, "export.csv", lab)
	if err != nil || len(im.Asides) > 0 || im.Rows != 6 {
		t.Fatalf("%+v, %v", im, err)
	}
	again := ban.Reconcile(im.Reports)
	if len(again) != len(bans) {
		for _, b := range again {
			t.Logf("came back: %s", b.ID)
		}
		t.Fatalf("%d bans come back, want %d", len(again), len(bans))
	}
	for i := range bans {
		a, b := bans[i], again[i]
		if a.ID != b.ID || a.Status != b.Status || !a.End.Equal(b.End) || a.Method != b.Method || a.Scope != b.Scope || !a.Known.Equal(b.Known) {
			t.Errorf("%s comes back as %s: %+v", a.ID, b.ID, b)
		}
	}
}

func checkReports(t *testing.T, im *list.Import) {
	addsUp(t, im)
	for _, r := range im.Reports {
		if r.CC == "" || r.Start.IsZero() || r.Known.Before(r.Start) || r.Status == ban.Ended && r.End.Before(r.Start) {
			t.Errorf("impossible report %+v", r)
		}
	}
	bans := ban.Reconcile(im.Reports)
	n := 0
	for _, b := range bans {
		n += len(b.Reports)
	}
	want := 0
	for _, r := range im.Reports {
		want += max(1, len(r.Targets))
	}
	if n != want {
		t.Errorf("%d reports × targets came out as %d in bans", want, n)
	}
}

func FuzzReadKeepItOnCSV(f *testing.F) {
	f.Add(labCSV)
	f.Add("country,start_date\nZZ,1/2/2019\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		if im, err := list.ReadKeepItOnCSV(strings.NewReader(text), "f", lab); err == nil {
			checkReports(t, im)
		}
	})
}

func FuzzReadKeepItOnXLSX(f *testing.F) {
	f.Add(labXLSX(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if im, err := list.ReadKeepItOnXLSX(data, "f", lab); err == nil {
			checkReports(t, im)
		}
	})
}

func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(labIncidents))
	f.Add([]byte(`[{"state:name": "A", "date": "2017-05-24", "duration": 1e5}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if im, err := list.ReadOONIIncidents(data, "f", lab); err == nil {
			checkReports(t, im)
		}
		if im, err := list.ReadSFLC(data, "f"); err == nil {
			checkReports(t, im)
		}
	})
}

// The JSON form keeps what the text form needs.
func TestRankedJSON(t *testing.T) {
	ranked := ban.Rank(ban.Reconcile([]ban.Report{report(ban.Record, 1, "2024-02-17", "2025-05-07")}), day("2026-01-01"))
	text, err := json.Marshal(ranked)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "T00:00:00Z") {
		t.Errorf("a day is written as an instant: %s", text)
	}
	for _, want := range []string{`"rank":1`, `"days":445`, `"id":"zz-sample-2024-02-17"`, `"measured":null`, `"status":"ended"`, `"start":"2024-02-17"`, `"end":"2025-05-07"`, `"ban":{`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}

func TestFromEvents(t *testing.T) {
	at := func(s string) *time.Time { return ptr(day(s)) }
	part := func(target string) event.Part {
		return event.Part{Target: target, Networks: []string{"AS64512"}, Onset: event.Interval{Earliest: at("2024-02-17"), Latest: at("2024-02-18")}, End: &event.Interval{Earliest: at("2025-05-06"), Latest: at("2025-05-08")}}
	}
	measured := func(_, target string) time.Time { // the end of the last day
		if target == "sample" {
			return day("2025-09-10")
		}
		return day("2026-01-01")
	}
	reports := ban.FromEvents([]event.Event{
		{ID: "e1", Kind: event.Block, CC: "ZZ", Targets: []string{"chatter", "sample"}, Parts: []event.Part{part("chatter"), part("sample")}},
		{ID: "e2", Kind: event.Throttling, CC: "ZZ", Target: "sample", Onset: event.Interval{Latest: at("2025-08-02")}},
		{ID: "e3", Kind: event.Shutdown, CC: "ZZ", Target: "*", Onset: event.Interval{Latest: at("2025-09-01")}, End: &event.Interval{Latest: at("2025-09-03")}},
		{ID: "e4", Kind: event.Block, CC: "ZZ", Target: "sample", Onset: event.Interval{Latest: at("2027-01-01")}},
		{ID: "e5", Kind: event.Block, CC: "ZZ", Target: "sample", Onset: event.Interval{Latest: at("2024-01-01")}, Artefact: "a broken probe"},
		{ID: "e6", Kind: event.Block, CC: "ZZ", Target: "sample", Onset: event.Interval{Earliest: at("2024-01-01")}},
		{ID: "e7", Kind: event.Block, CC: "ZZ", Target: "chatter", Onset: event.Interval{Earliest: at("2025-10-02"), Latest: at("2025-10-04")}},
	}, measured, day("2026-01-01"))
	var got []string
	for _, r := range reports {
		began, until, ended := r.Began(), r.Until(), "no end"
		if until != nil {
			ended = until.String()
		}
		l, _ := r.LengthAt(day("2026-01-01"))
		got = append(got, fmt.Sprintf("%s %s %s: %s; %s; known %s; %+v", r.Origin.ID, r.Targets[0], r.Method, began, ended, r.Known.Format(time.DateOnly), l))
	}
	want := []string{ // a last day is the one before an exclusive bound
		"e1 chatter block: between 2024-02-17 00:00 and 2024-02-18 00:00 UTC; between 2025-05-06 00:00 and 2025-05-08 00:00 UTC; known 2025-05-07; {Days:444 AtMost:445 AtLeast:false Ongoing:false}",
		"e1 sample block: between 2024-02-17 00:00 and 2024-02-18 00:00 UTC; between 2025-05-06 00:00 and 2025-05-08 00:00 UTC; known 2025-05-07; {Days:444 AtMost:445 AtLeast:false Ongoing:false}",
		"e2 sample throttle: before 2025-08-02 00:00 UTC; no end; known 2025-09-09; {Days:39 AtMost:0 AtLeast:true Ongoing:false}",
		"e3 internet block: before 2025-09-01 00:00 UTC; between 2025-09-03 00:00 and 2025-09-04 00:00 UTC; known 2025-09-03; {Days:3 AtMost:0 AtLeast:true Ongoing:false}",
		"e7 chatter block: between 2025-10-02 00:00 and 2025-10-04 00:00 UTC; no end; known 2025-12-31; {Days:89 AtMost:0 AtLeast:true Ongoing:false}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("reports\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A ban that measurements saw begin goes on from no ban of the year before, of which
// no end is known.
func TestMeasuredStartIsNoContinuation(t *testing.T) {
	said := report(ban.Record, 1, "2023-11-08", "")
	said.Status, said.Known = ban.Ongoing, day("2023-11-20")
	measured := report(ban.Measured, 2, "2024-11-06", "")
	measured.StartBy, measured.Status, measured.Known = day("2024-11-07"), ban.Ongoing, day("2024-11-15")
	for _, open := range []bool{false, true} {
		measured.StartOpen = open
		want := 2
		if open { // nothing was measured before
			want = 1
		}
		if bans := ban.Reconcile([]ban.Report{said, measured}); len(bans) != want {
			t.Errorf("start open %v: %d bans, want %d", open, len(bans), want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestFromRecord(t *testing.T) {
	record, err := casefile.Load(fstest.MapFS{
		"zz-2024-sample/case.yaml": &fstest.MapFile{Data: []byte("id: zz-2024-sample\ntitle: t\njurisdiction: ZZ\nutc_offset: \"+05:00\"\ntargets: [sample]\nstatus: ended\nstart: {date: 2024-02-17T22:00:00+05:00, cites: []}\nend: {date: 2025-05-07, cites: []}\n")},
		"shared/bans.yaml": &fstest.MapFile{Data: []byte(`bans:
  - {id: zz-a, cc: ZZ, targets: [sample], start: 2024-02-17, end: 2025-05-07, case: zz-2024-sample, cites: []}
  - {id: zz-b, cc: ZZ, targets: [chatter], start: 2020-01, end: null, cites: []}
  - {id: zz-c, cc: ZZ, targets: [chatter], start: null, end: null, cites: []}
  - {id: zz-e, cc: ZZ, targets: [sample], start: 2009-06-02, end: 2024-08-31/.., cites: []}
  - {id: zz-d, cc: ZZ, targets: [sample], start: 2021-03-10, end: null, method: throttling, cites: []}
`)},
	}, "lab")
	if err != nil {
		t.Fatal(err)
	}
	reports := ban.FromRecord(record, day("2026-01-01"))
	if len(reports) != 4 {
		t.Fatalf("%+v", reports)
	}
	if r := reports[2]; r.Status != ban.Ongoing || !r.Known.Equal(day("2024-08-31")) {
		t.Errorf("an end that is open: %+v", r)
	}
	if r := reports[0]; r.Case != "zz-2024-sample" || !r.Start.Equal(day("2024-02-17")) || !r.End.Equal(day("2025-05-07")) {
		t.Errorf("a case: %+v", r)
	}
	if r := reports[1]; r.Status != ban.Unknown || !r.Estimated || !r.Start.Equal(day("2020-01-01")) {
		t.Errorf("a start within a month: %+v", r)
	}
	if r := reports[3]; r.Method != ban.Throttle {
		t.Errorf("throttling: %+v", r)
	}
}

func TestStrayQuoteCostsOneRow(t *testing.T) {
	whole := readLab(t)
	head, rest, _ := strings.Cut(labCSV, "\n")
	im, err := list.ReadKeepItOnCSV(strings.NewReader(head+"\n\"Actual,2024-02-17\n"+rest), "lab.csv", lab)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, im)
	if im.Rows != whole.Rows+1 || im.Used != whole.Used || im.Asides[0].Text != `"Actual,2024-02-17` || im.Asides[0].Origin.Row != 2 {
		t.Errorf("%d rows, %d used: %+v", im.Rows, im.Used, im.Asides)
	}
}
