package web

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

// benchStore is a year of invented verdicts of 200 two-letter codes, some of
// which are also those of real countries: nothing here was measured, the
// networks are private ones, and all of it is deleted when the benchmark ends.
// 60 targets, 12 networks a code, with their cells. BANDISH_BENCH_ROWS sets how
// many rows instead of n, BANDISH_BENCH_DIR keeps them for the next run.
func benchStore(b testing.TB, n int) *store.Store {
	b.Helper()
	if s := os.Getenv("BANDISH_BENCH_ROWS"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		n = v
	}
	dir := os.Getenv("BANDISH_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	a, err := archive.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	if m, err := a.Manifest(); err != nil || len(m.Segments) == 0 {
		fill(b, a, n)
	}
	if _, err := (&pipeline.Pipeline{Archive: a}).Count(b.Context()); err != nil { // nothing to do where it was done
		b.Fatal(err)
	}
	m, err := a.Manifest()
	if err != nil {
		b.Fatal(err)
	}
	var size, rows int64
	for _, s := range m.Select(archive.Verdicts, "bench") {
		size, rows = size+s.Bytes, rows+s.Rows
	}
	b.Logf("%d verdicts, %.1f bytes each", rows, float64(size)/float64(rows))
	s, err := store.Open(a, "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// fill writes a year of n verdicts.
func fill(b testing.TB, a *archive.Archive, n int) {
	b.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	err := a.Update(b.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "bench"
		for d := range 366 {
			day := start.AddDate(0, 0, d)
			rows := benchDay(rnd, day, n/366)
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: day.Format(time.DateOnly), Ruleset: "bench"}, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// benchCountries are real codes: pages of countries that do not exist are 404.
// What is measured of them here is invented.
var benchCountries = country.Codes()[:200]

// benchDay makes a day's rows in the order of segments: 200 countries, where
// one in ten has a tenth of all measurements.
func benchDay(rnd *rand.Rand, day time.Time, n int) []verdict.Row {
	var out []verdict.Row
	for c := range 200 {
		cc := benchCountries[c]
		share := n / 380
		if c%10 == 0 {
			share *= 10
		}
		for i := range share {
			name := fmt.Sprintf("t%02d.example", i*60/max(share, 1))
			r := verdict.Row{
				UID: fmt.Sprintf("%s%06d.%06d_%s_webconnectivity_%016x", day.Format("20060102"), i%86400, rnd.IntN(1e6), cc, rnd.Uint64()), ReportID: fmt.Sprint(cc, day.YearDay(), i%max(share/8, 1)),
				CC: cc, ASN: 64512 + uint32(rnd.IntN(12)), TestName: "web_connectivity", Software: "ooniprobe/3.20", Platform: "android", Input: "https://" + name + "/",
				Target: name, Domain: name, Time: day.Add(time.Duration(i*86400/max(share, 1)) * time.Second), State: verdict.OK, Ruleset: "bench",
				DNS: verdict.Layer{Outcome: "ok", Rule: "D1"}, TCP: verdict.Layer{Outcome: "ok", Rule: "T1"}, TLS: verdict.Layer{Outcome: "ok", Rule: "L1"}, Rules: []string{"D1", "T1", "L1"},
				Raw: fmt.Sprintf("%064x", day.YearDay()), Line: uint32(len(out)),
			}
			banned := c%10 == 0 && r.Target == "t11.example" && r.ASN < 64516 && day.YearDay() >= 60 && day.YearDay() < 200
			if rnd.IntN(12) == 0 || banned {
				r.State, r.Mechanisms, r.TLS = verdict.LikelyBlocked, []string{"tls.reset"}, verdict.Layer{Outcome: "blocked", Rule: "L2"}
			}
			out = append(out, r)
		}
	}
	return out
}

// BenchmarkQueries times what the page and the command line ask, warm.
func BenchmarkQueries(b *testing.B) {
	s := benchStore(b, 1_000_000)
	reg, err := target.Load(targets.FS)
	if err != nil {
		b.Fatal(err)
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		b.Fatal(err)
	}
	desk := &inquiry.Desk{Store: s, Targets: reg, Records: rec, Now: time.Now}
	cc := benchCountries[10]
	q := inquiry.Ask{CC: cc, Target: "t07.example"}
	a, err := desk.Answer(b.Context(), q)
	if err != nil || len(a.Days) < 300 {
		b.Fatalf("%d days, %v", len(a.Days), err)
	}
	st, err := desk.InCountry(b.Context(), cc, time.Time{}, time.Time{})
	if err != nil || len(st) != 60 {
		b.Fatalf("%d targets, %v", len(st), err)
	}
	var slow []string
	run := func(name string, fn func()) {
		fn() // warm
		b.Run(name, func(b *testing.B) {
			before := cpuTime(b)
			for b.Loop() {
				fn()
			}
			used := float64((cpuTime(b) - before).Microseconds()) / 1000 / float64(b.N)
			b.ReportMetric(used, "cpu-ms/op")
			if used > 50 {
				slow = append(slow, fmt.Sprintf("%s (%.0f ms)", name, used))
			}
		})
	}
	run("timeline of a year per network", func() {
		if _, err := s.Cells(b.Context(), store.Filter{CC: q.CC, Target: q.Target}); err != nil {
			b.Fatal(err)
		}
	})
	run("the answer that the page shows", func() {
		if _, err := desk.Answer(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	})
	index, err := search.Open(b.Context(), b.TempDir(), search.RecordDocuments(rec))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { index.Close() })
	site := (&Site{Desk: desk, Store: s, Targets: reg, Records: rec, Search: index, Now: time.Now, Log: slog.Default(), Ledger: s.Archive().Log()}).Handler()
	run("the page", func() {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", "/cc/"+cc+"/t07.example", nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), "As of 31 December 2024, t07.example is reachable") {
			b.Fatal(w.Code, w.Body.String())
		}
	})
	n := 0
	for _, page := range benchPages(b, desk, cc) {
		sep := "?"
		if strings.Contains(page, "?") {
			sep = "&"
		}
		run(page, func() { // each is made anew: no page that was kept is given
			n++
			w := httptest.NewRecorder()
			site.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("%s%sn=%d", page, sep, n), nil))
			if w.Code != 200 {
				b.Fatal(page, w.Code, w.Body.String())
			}
		})
	}
	run("state of all targets of a country", func() {
		if _, err := desk.InCountry(b.Context(), q.CC, time.Time{}, time.Time{}); err != nil {
			b.Fatal(err)
		}
	})
	run("one measurement by uid", func() {
		if _, ok, err := s.Verdict(b.Context(), a.Days[200].UID); !ok || err != nil {
			b.Fatal(ok, err)
		}
	})
	b.Logf("more than 50 ms of processor time: %s", strings.Join(slow, ", "))
}

// benchPages are an address of every kind of page, in both languages, but that of a
// measurement: its rows have no documents here.
func benchPages(b *testing.B, desk *inquiry.Desk, cc string) []string {
	record := desk.Records.Case("pk-2024-x")
	found, err := desk.Events(b.Context(), store.Filter{}, time.Time{})
	if err != nil || len(found.Events) == 0 {
		b.Fatal(len(found.Events), err)
	}
	pages := []string{"", "/blocked", "/blocked?at=2024-05-01", "/cc", "/cc/" + cc, "/cc/" + cc + "?at=2024-05-01", "/cc/" + cc + "/t11.example?at=2024-05-01", "/cc/" + cc + "/t11.example", "/cc/" + cc + "/t07.example/days", "/cc/" + cc + "/t07.example/measurements",
		"/cc/" + cc + "/t07.example/measurements?day=2024-05-01&asn=64513", "/cc/" + cc + "/t11.example/measurements?state=failed", "/platforms", "/platforms/t11.example", "/platforms/t11.example?at=2024-05-01", "/networks/AS64512", "/networks/AS64512?at=2024-05-01", "/events", "/events/" + found.Events[0].ID,
		"/bans", "/hours", "/cases", "/cases/pk-2024-x", "/cases/pk-2024-x?as-of=2024-05-01", "/cases/pk-2024-x/act/moi-letter", "/actors/pk-pta", "/laws/pk-peca-2016", "/check?target=t11.example&cc=" + cc + "&at=2024-05-01&claim=accessible", "/search?q=pakistan", "/rules", "/methods", "/data", "/about", "/ledger", "/alerts", "/contribute",
		"?at=2024-05-01", "/cc?at=2024-05-01", "/platforms?at=2024-05-01", "/events?at=2024-05-01", "/events/" + found.Events[0].ID + "?at=2025-01-01", "/bans?at=2024-05-01", "/bans/pk-x-2024-02-17", "/bans/pk-x-2024-02-17?at=2024-05-01", "/hours?at=2024-05-01",
		"/sources/" + record.Sources[0].ID, "/safety", "/api/v1"}
	kinds := map[string]bool{}
	each(record, func(it any) {
		href := itemHref(record, idOf(it))
		if kind := strings.Split(href, "/")[3]; kind != "act" && !kinds[kind] {
			kinds[kind] = true
			pages = append(pages, href)
		}
	})
	for _, p := range slices.Clone(pages) {
		pages = append(pages, "/ur"+p)
	}
	for i, p := range pages {
		if p == "" || p[0] == '?' {
			pages[i] = "/" + p
		}
	}
	return append(pages, "/cc/"+cc+"/t11.example?format=json", "/cc/"+cc+"/t11.example/days?format=csv", "/cc/"+cc+"/feed.atom", "/feed.json", "/platforms/t11.example/feed.atom", "/platforms/t11.example?format=csv", "/networks/AS64512?format=csv", "/cases/pk-2024-x/courts.ics", "/courts.ics", "/embed/"+cc+"/t11.example", "/embed/"+cc+"/t11.example/badge.svg", "/embed/cc/"+cc, "/embed/events/"+found.Events[0].ID, "/embed/bans/pk-x-2024-02-17", "/embed/cases/pk-2024-x", "/embed/networks/AS64512/badge.svg",
		"/sitemap.xml", "/cc/"+cc+"/t11.example/picture.png", "/platforms/t11.example/picture.png", "/networks/AS64512/picture.png", "/cases/pk-2024-x/picture.png", "/bans/picture.png")
}

// cpuTime is what this process has used: beside other work it says more than
// the clock.
func cpuTime(b testing.TB) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
