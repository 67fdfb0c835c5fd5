package observation

import (
	"testing"
	"time"
)

func TestPresumedSender(t *testing.T) {
	at := time.Date(2026, 8, 3, 10, 0, 5, 0, time.UTC)
	row := Row{Time: at, CC: "ZZ", ASN: 64512, ResolverASN: 64513, Software: "ooniprobe-cli/3.31.0", Platform: "linux",
		UID: "20260803100012.123456_ZZ_webconnectivity_0123456789abcdef", ReportID: "20260803T100012Z_webconnectivity_ZZ_64512_n1_AAAAAAAAAAAAAAAA"}
	same := row.PresumedSender()
	if same == "" {
		t.Fatal("a report made when the measurement came in is taken for a sender")
	}
	for _, c := range []struct {
		name   string
		change func(r *Row)
		want   string // "same", "other", or "" for the report
	}{
		{"another report of the day", func(r *Row) { r.ReportID = "20260803T180000Z_webconnectivity_ZZ_64512_n1_BBBBBBBBBBBBBBBB" }, "same"},
		{"another target an hour later", func(r *Row) { r.Time = at.Add(time.Hour); r.ReportID = "20260803T110012Z_x_ZZ_64512_n1_C" }, "same"},
		{"without a report", func(r *Row) { r.ReportID = "" }, "same"},
		{"without a report, before 2026", func(r *Row) { r.ReportID = ""; r.Time = at.AddDate(-3, 0, 0) }, "other"},
		{"the probe's clock is ahead", func(r *Row) { r.Time = at.Add(time.Hour) }, "same"},
		{"the next day", func(r *Row) { r.Time = at.AddDate(0, 0, 1); r.ReportID = "" }, "other"},
		{"another network", func(r *Row) { r.ASN = 64999 }, "other"},
		{"another country", func(r *Row) { r.CC = "QM" }, "other"},
		{"another resolver", func(r *Row) { r.ResolverASN = 64999 }, "other"},
		{"another software", func(r *Row) { r.Software = "ooniprobe-android/5.3.0" }, "other"},
		{"another platform", func(r *Row) { r.Platform = "windows" }, "other"},
		{"a report opened before", func(r *Row) {
			r.ReportID = "20260803T095955Z_webconnectivity_ZZ_64512_n1_AAAAAAAAAAAAAAAA"
		}, ""},
		{"a report opened before, no uid of OONI's", func(r *Row) { r.ReportID = "20260803T100005Z_x_ZZ_64512_n1_A"; r.UID = "20260803100005.000000_ZZ_x_0" }, ""},
		{"a report of earlier years, sent late", func(r *Row) { r.Time = at.AddDate(-3, 0, 0); r.ReportID = "20230805T100012Z_x_ZZ_64512_n1_A" }, ""},
		{"a report of another form", func(r *Row) { r.ReportID = "my-report" }, ""},
	} {
		r := row
		c.change(&r)
		got := r.PresumedSender()
		switch {
		case c.want == "" && got != "", c.want == "same" && got != same, c.want == "other" && (got == "" || got == same):
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
