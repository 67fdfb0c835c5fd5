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
	"sync/atomic"
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
	rnd      *rand.Rand
	zipf     *rand.Zipf
	events   []string
	networks uint64 // so many, from AS64512 on
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
		return fmt.Sprintf("/networks/AS%d", 64512+m.zipf.Uint64()%m.networks)
	case 13:
		return []string{"/events", "/blocked", "/bans", "/platforms", "/ur", "/ur/cc/" + cc + "/" + name}[m.rnd.IntN(6)]
	case 14:
		return "/cases/pk-2024-x"
	case 15:
		return "/cc/" + cc + "/" + name + "/measurements"
	case 16:
		return fmt.Sprintf("/m/20240301%06d.123456_ZZ_webconnectivity_%016x", m.rnd.IntN(86400), m.rnd.Uint64())
	case 17:
		return "/cc/" + cc + "/" + name + "?at=2024-0" + strconv.Itoa(1+m.rnd.IntN(9)) + "-01"
	case 18:
		return m.events[int(m.zipf.Uint64())%len(m.events)]
	}
	return "/style.css"
}

// TestMixedLoad asks for pages of all sorts over 64 connections: first for each of
// some hundred once, which is the cost of making them, then at random for these,
// 20 seconds or as long as BANDISH_LOAD says; without BANDISH_LONG or BANDISH_LOAD it
// asks the demonstration for 2 seconds. Memory, open files and goroutines must not grow
// meanwhile; the figures are printed.
func TestMixedLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of load")
	}
	last := 20 * time.Second
	if s := os.Getenv("BANDISH_LOAD"); s != "" {
		var err error
		if last, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	var st *store.Store
	var now time.Time
	networks := uint64(12)
	if os.Getenv("BANDISH_LONG") == "" && os.Getenv("BANDISH_LOAD") == "" {
		small := demonstration(t)
		st, now, last, networks = small.site.Store, small.site.Now(), 2*time.Second, 3
	} else {
		st, now = benchStore(t, loadRows), time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	desk := &inquiry.Desk{Store: st, Targets: reg, Records: rec, Now: func() time.Time { return now }}
	site := &Site{Desk: desk, Store: st, Targets: reg, Records: rec, Now: desk.Now, Log: slog.New(slog.DiscardHandler)}
	srv := httptest.NewServer(site.Handler())
	t.Cleanup(srv.Close)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}

	rnd := rand.New(rand.NewPCG(7, 7))
	m := &mix{rnd, rand.NewZipf(rnd, 1.2, 4, 10_000), loadPlaces(t, st), networks}
	var drawn []string
	for range 600 {
		drawn = append(drawn, m.next())
	}
	once := slices.Compact(slices.Sorted(slices.Values(drawn)))
	var at atomic.Int64
	load(t, "each once", client, srv.URL, func(*rand.Rand) (string, bool) {
		i := int(at.Add(1)) - 1
		return once[min(i, len(once)-1)], i < len(once)
	})
	first := vitalsOf(t)
	began := time.Now()
	load(t, "at random", client, srv.URL, func(r *rand.Rand) (string, bool) {
		return drawn[r.IntN(len(drawn))], time.Since(began) < last
	})
	end := vitalsOf(t)
	t.Logf("before %+v, at the end %+v", first, end)
	if end.heap > first.heap+first.heap/2+(64<<20) || end.resident > first.resident+first.resident/2+(128<<20) || end.files > first.files+32 || end.goroutines > first.goroutines+32 {
		t.Errorf("it grows: before %+v, at the end %+v", first, end)
	}
}

const connections = 64

// load asks for what next says, until it says no more, over many connections.
// What is refused for the moment is asked for again.
func load(t *testing.T, name string, client *http.Client, base string, next func(*rand.Rand) (string, bool)) {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	statuses := map[int]int{}
	began, used := time.Now(), cpuTime(t)
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(8, uint64(i)))
			for {
				page, more := next(rnd)
				if !more {
					return
				}
				for status := 503; status == 503; {
					before := time.Now()
					resp, err := client.Get(base + page)
					if err != nil {
						t.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					status = resp.StatusCode
					if status != 503 && status != 200 && !(status == 404 && strings.HasPrefix(page, "/m/")) {
						t.Errorf("%s: %d", page, status)
					}
					mu.Lock()
					took = append(took, time.Since(before))
					statuses[status]++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	seconds, used := time.Since(began).Seconds(), cpuTime(t)-used
	slices.Sort(took)
	t.Logf("%s: %d requests, %.0f a second, p50 %v, p99 %v, max %v, statuses %v; %v of processor time each, those who ask included", name, len(took), float64(len(took))/seconds,
		took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(100*time.Microsecond), took[len(took)-1].Round(time.Millisecond), statuses, (used / time.Duration(len(took))).Round(time.Microsecond))
}

// loadPlaces are the pages of the events of a bench's archive.
func loadPlaces(t *testing.T, st *store.Store) (events []string) {
	t.Helper()
	found, err := st.Events(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Events {
		events = append(events, "/events/"+e.ID)
	}
	if len(events) == 0 {
		t.Fatal("no events")
	}
	return events
}

// vitals are what a server must not use up.
type vitals struct {
	resident, heap    int64 // bytes; the heap's are those in use after a collection
	files, goroutines int
}

func vitalsOf(t testing.TB) vitals {
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
