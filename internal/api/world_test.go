package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

// A world is a server over an archive of invented measurements of country ZZ
// from private networks, with the record.
type world struct {
	*Server
	archive *archive.Archive
	url     string
}

// first is the first day of the world's measurements.
var first = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// indexes is the folder of the index of the record, which all tests search.
var (
	indexes  string
	indexing sync.Mutex
)

func TestMain(m *testing.M) {
	frugal.Tests()
	var err error
	if indexes, err = os.MkdirTemp("", "bandish-api"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(indexes)
	os.Exit(code)
}

// newWorld makes a world with so many days of so many measurements.
func newWorld(t testing.TB, days, aDay int) *world {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{archive: a}
	for d := range days {
		w.addDay(t, d, 0, aDay)
	}
	w.count(t)
	w.serve(t, a)
	return w
}

// serve serves the API over an archive.
func (w *world) serve(t testing.TB, a *archive.Archive) {
	t.Helper()
	st, err := store.Open(a, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	indexing.Lock() // who comes first builds it
	index, err := search.Open(t.Context(), indexes, append(search.RecordDocuments(rec), search.PlaceDocuments(reg)...))
	indexing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	now := func() time.Time { return time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC) }
	lists := func() ([]ban.Report, error) { return nil, nil }
	desk := &inquiry.Desk{Store: st, Records: rec, Targets: reg, Now: now, Lists: lists}
	w.Server = New(&Server{Desk: desk, Store: st, Targets: reg, Records: rec, Search: index, Now: now, Log: slog.New(slog.DiscardHandler)})
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(srv.Close)
	w.url = srv.URL
}

// addDay commits a day's measurements, those from number from to number to, as
// segments of their own: x is blocked on one network in the second half.
func (w *world) addDay(t testing.TB, d, from, to int) {
	t.Helper()
	day := first.AddDate(0, 0, d)
	var verdicts []verdict.Row
	var observations []observation.Row
	for i := from; i < to; i++ {
		at := day.Add(time.Duration(i) * 24 * time.Hour / time.Duration(max(to, 1)))
		asn := 64512 + uint32(i%4)
		uid := fmt.Sprintf("%s.%06d_ZZ_webconnectivity_%016x", at.Format("20060102150405"), i, d<<32|i)
		v := verdict.Row{UID: uid, ReportID: fmt.Sprintf("r%d-%d", d, i/4), CC: "ZZ", ASN: asn, TestName: "web_connectivity", Software: "=cmd()/1", Platform: "linux",
			Input: "https://x.com/", Target: "x", Domain: "x.com", Time: at, State: verdict.OK, Ruleset: verdict.Ruleset, Rules: []string{"dns_vouched", "tcp_connected"},
			DNS: verdict.Layer{Outcome: "ok", Rule: "dns_vouched"}, TCP: verdict.Layer{Outcome: "ok", Rule: "tcp_connected"}, Channel: verdict.File, Content: uint64(i) + 1<<60}
		if asn == 64513 && d >= 15 {
			v.State, v.Mechanisms, v.TLS = verdict.Blocked, []string{"tls.reset"}, verdict.Layer{Outcome: "blocked", Rule: "tls_reset"}
		}
		verdicts = append(verdicts, v)
		observations = append(observations, observation.Row{UID: uid, ReportID: v.ReportID, Time: at, CC: "ZZ", ASN: asn, TestName: v.TestName, Input: v.Input, Target: "x", Name: "x.com", IP: "192.0.2.1", Port: 443, Status: 200, Title: "A, \"title\"", Content: v.Content})
	}
	err := w.archive.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = verdict.Ruleset
		if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: day.Format(time.DateOnly), Ruleset: verdict.Ruleset}, verdicts); err != nil {
			return err
		}
		_, err := archive.AddSegment(u, archive.Segment{Kind: archive.Observations, Period: day.Format(time.DateOnly)}, observations)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) count(t testing.TB) {
	t.Helper()
	if _, err := (&pipeline.Pipeline{Archive: w.archive}).Count(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// get asks the server.
func (w *world) get(t testing.TB, path string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // leaves encodings as they are
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}
