package web

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

// loadRows are about 280,000 verdicts.
const loadRows = 300_000

// mix gives pages as readers ask for them: few are asked for by most, and some
// by nobody else.
type mix struct {
	rnd          *rand.Rand
	zipf         *rand.Zipf
	uids, events []string
}

func (m *mix) next() string {
	cc := benchCountries[int(m.zipf.Uint64())%200]
	name := fmt.Sprintf("t%02d.example", m.zipf.Uint64()%60)
	switch m.rnd.IntN(20) {
	case 0, 1:
		return "/"
	case 2:
		return "/cc"
	case 3, 4, 5:
		return "/cc/" + cc
	case 6, 7, 8:
		return "/cc/" + cc + "/" + name
	case 9:
		return "/cc/" + cc + "/" + name + "?format=json"
	case 10:
		return "/cc/" + cc + "/" + name + "/feed.atom"
	case 11:
		return "/platforms/" + name
	case 12:
		return fmt.Sprintf("/networks/AS%d", 64512+m.zipf.Uint64()%12)
	case 13:
		return []string{"/events", "/blocked", "/bans", "/platforms", "/ur", "/ur/cc/" + cc + "/" + name}[m.rnd.IntN(6)]
	case 14:
		return "/cases/pk-2024-x"
	case 15:
		return "/m/" + m.uids[m.zipf.Uint64()%uint64(len(m.uids))]
	case 16:
		return fmt.Sprintf("/m/20240301%06d.123456_ZZ_webconnectivity_%016x", m.rnd.IntN(86400), m.rnd.Uint64())
	case 17:
		return "/cc/" + cc + "/" + name + "?at=2024-0" + strconv.Itoa(1+m.rnd.IntN(9)) + "-01"
	case 18:
		return m.events[int(m.zipf.Uint64())%len(m.events)]
	}
	return "/style.css"
}

// TestMixedLoad asks for pages of all sorts over 64 connections, half a minute
// or as long as BANDISH_LOAD says. Memory, open files and goroutines must not
// grow; the figures are printed.
func TestMixedLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of load")
	}
	last := 30 * time.Second
	if s := os.Getenv("BANDISH_LOAD"); s != "" {
		var err error
		if last, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	st := benchStore(t, loadRows)
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	desk := &inquiry.Desk{Store: st, Targets: reg, Records: rec, Now: func() time.Time { return now }}
	site := &Site{Desk: desk, Store: st, Targets: reg, Records: rec, Now: desk.Now, Log: slog.New(slog.DiscardHandler)}
	srv := httptest.NewServer(site.Handler())
	t.Cleanup(srv.Close)
	uids, events := loadPlaces(t, st)

	const connections = 64
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}
	var mu sync.Mutex
	type answer struct {
		at, took time.Duration
		status   int
		page     string
	}
	var all []answer
	began := time.Now()
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(i)))
			m := &mix{rnd, rand.NewZipf(rnd, 1.2, 4, 10_000), uids, events}
			var mine []answer
			for time.Since(began) < last {
				page := m.next()
				asked := time.Now()
				resp, err := client.Get(srv.URL + page)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				mine = append(mine, answer{asked.Sub(began), time.Since(asked), resp.StatusCode, page})
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	states := make(chan vitals, 1000)
	wg.Go(func() {
		for time.Since(began) < last {
			time.Sleep(last / 20)
			states <- vitalsOf(t)
		}
		close(states)
	})
	wg.Wait()
	slowest := map[string][]time.Duration{}
	for _, part := range []struct {
		name string
		from time.Duration
	}{{"all", 0}, {"the last two thirds", last / 3}} {
		var took []time.Duration
		statuses := map[int]int{}
		for _, a := range all {
			if a.at >= part.from {
				took = append(took, a.took)
				statuses[a.status]++
				if part.from > 0 {
					sort := strings.SplitN(a.page, "/", 4)
					slowest["/"+sort[1]] = append(slowest["/"+sort[1]], a.took)
				}
			}
			if a.status >= 500 && a.status != 503 || a.status == 404 != strings.HasPrefix(a.page, "/m/20240301") && a.status != 503 && a.status != 429 {
				t.Errorf("%s: %d", a.page, a.status)
			}
		}
		slices.Sort(took)
		t.Logf("%s: %.0f requests/s, p50 %v, p99 %v, max %v, statuses %v", part.name, float64(len(took))/(last-part.from).Seconds(),
			took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), statuses)
	}
	for sort, took := range slowest {
		slices.Sort(took)
		t.Logf("%-12s %6d, p99 %v", sort, len(took), took[len(took)*99/100].Round(time.Millisecond))
	}
	var seen []vitals
	for v := range states {
		seen = append(seen, v)
	}
	third := seen[len(seen)/3]
	end := seen[len(seen)-1]
	t.Logf("after a third %+v, at the end %+v", third, end)
	if end.heap > third.heap+third.heap/2+(64<<20) || end.files > third.files+32 || end.goroutines > third.goroutines+32 {
		t.Errorf("it grows: after a third %+v, at the end %+v", third, end)
	}
}

// loadPlaces are uids and pages of events of a bench's archive.
func loadPlaces(t *testing.T, st *store.Store) (uids, events []string) {
	t.Helper()
	for v, err := range st.Verdicts(t.Context(), store.Filter{CC: benchCountries[10], Since: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2024, 5, 8, 0, 0, 0, 0, time.UTC)}) {
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, v.UID)
	}
	found, err := st.Events(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Events {
		events = append(events, "/events/"+e.ID)
	}
	if len(uids) == 0 || len(events) == 0 {
		t.Fatalf("%d uids, %d events", len(uids), len(events))
	}
	return uids, events
}

// vitals are what a server must not use up.
type vitals struct {
	resident, heap    int64 // bytes; the heap's are those in use after a collection
	files, goroutines int
}

func vitalsOf(t *testing.T) vitals {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	v := vitals{heap: int64(m.HeapAlloc), goroutines: runtime.NumGoroutine()}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var pages int64
		fmt.Sscan(strings.Fields(string(b))[1], &pages)
		v.resident = pages * int64(os.Getpagesize())
	}
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Error(err)
	}
	v.files = len(files)
	return v
}
