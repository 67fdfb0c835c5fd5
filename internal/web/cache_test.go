package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/internal/turns"
)

// counted is a site whose pages are made by next.
func counted(next http.HandlerFunc) *pages {
	now := time.Date(2024, 2, 17, 12, 0, 0, 0, time.UTC)
	s := &Site{Desk: &inquiry.Desk{Records: new(casefile.Records), Targets: new(target.Registry), Now: func() time.Time { return now }}, Log: slog.New(slog.DiscardHandler)}
	return s.inTurn(next).(*pages)
}

func visit(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A page is made once for all who read it, and for each form in which it is
// read; a mistake is made again.
func TestPagesAreKept(t *testing.T) {
	made := 0
	h := counted(func(w http.ResponseWriter, r *http.Request) {
		made++
		switch {
		case strings.HasPrefix(r.URL.Path, "/broken"):
			panic("broken")
		case strings.HasPrefix(r.URL.Path, "/missing"):
			w.WriteHeader(http.StatusNotFound)
		}
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("Range") != "" || r.Method != http.MethodGet {
			t.Errorf("a page is made in part: %s %v", r.Method, r.Header)
		}
		deliver(w, r, "text/plain", []byte("page "+r.URL.String()+" "+r.Header.Get("Accept-Encoding")))
	})
	for i, c := range []struct {
		method, path string
		headers      []string
		status, made int
	}{
		{"GET", "/a", nil, 200, 1},
		{"GET", "/a", nil, 200, 1},
		{"HEAD", "/a", nil, 200, 1},
		{"GET", "/a", []string{"Range", "bytes=1-2"}, 200, 1},
		{"GET", "/a?b", nil, 200, 2},
		{"GET", "/a", []string{"Accept", "application/json"}, 200, 3},
		{"GET", "/a", []string{"Accept-Encoding", "gzip, br"}, 200, 4},
		{"GET", "/a", []string{"Accept-Encoding", "deflate, gzip;q=0.5"}, 200, 4},
		{"GET", "/a", []string{"Accept-Encoding", "gzip;q=0"}, 200, 4},
		{"GET", "/a", []string{"Accept-Encoding", "gzip, zstd"}, 200, 5},
		{"GET", "/missing", nil, 404, 6},
		{"GET", "/missing", nil, 404, 7},
		{"GET", "/broken", nil, 500, 8},
		{"GET", "/broken", nil, 500, 9},
	} {
		w := visit(h, c.method, c.path, c.headers...)
		if w.Code != c.status || made != c.made || c.method == "HEAD" && w.Body.Len() > 0 || c.method == "GET" && w.Body.Len() == 0 {
			t.Errorf("%d: %d, made %d, want %d and %d; %q", i, w.Code, made, c.status, c.made, w.Body)
		}
	}
	tag := visit(h, "GET", "/a").Header().Get("ETag")
	if w := visit(h, "GET", "/a", "If-None-Match", `"x", W/`+tag); w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
		t.Errorf("who has it gets %d %q", w.Code, w.Body)
	}
	if h.turns.Taken() != 0 || len(h.making) != 0 {
		t.Errorf("left: %d turns, %d in the making", h.turns.Taken(), len(h.making))
	}
}

// What is kept has a bound.
func TestKeptPagesAreBounded(t *testing.T) {
	h := counted(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<20))
	})
	for i := range 300 {
		visit(h, "GET", fmt.Sprint("/", i))
	}
	size := 0
	for e := h.order.Front(); e != nil; e = e.Next() {
		size += e.Value.(*answered).size()
	}
	if size != h.bytes || size > maxPages || len(h.kept) != h.order.Len() || len(h.kept) < 40 {
		t.Errorf("%d pages of %d bytes, counted as %d", len(h.kept), size, h.bytes)
	}
}

// When what pages rest on changes, those that were kept before take no more room.
func TestPagesOfAnOlderEditionAreLetGo(t *testing.T) {
	h := counted(nil)
	keep := func(edition string, each bool, key string) {
		n := name{edition, each, key}
		h.pass(n)
		h.keep(&answered{name: n})
	}
	keep("1", false, "a")
	keep("1", false, "b")
	keep("7", true, "m")
	keep("8", true, "n")
	if len(h.kept) != 3 || h.kept["m"] != nil {
		t.Errorf("after a measurement came, %d pages are kept", len(h.kept))
	}
	keep("2", false, "c")
	if len(h.kept) != 2 || h.kept["n"] == nil || h.kept["c"] == nil || h.order.Len() != 2 || h.bytes != 2*(1<<10+1) {
		t.Errorf("after they were counted, %d pages of %d bytes are kept", len(h.kept), h.bytes)
	}
}

// Many who ask for one page at once wait for one that makes it, also when the
// first of them goes.
func TestOneMakesAPage(t *testing.T) {
	var made atomic.Int32
	began, goOn := make(chan struct{}), make(chan struct{})
	h := counted(func(w http.ResponseWriter, r *http.Request) {
		if made.Add(1) == 1 {
			close(began)
		}
		<-goOn
		if r.Context().Err() != nil {
			t.Error("the page ends with its first reader")
		}
		w.Write([]byte("page"))
	})
	first, gone := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			r := httptest.NewRequest("GET", "/a", nil)
			if i == 0 {
				r = r.WithContext(first)
			} else {
				<-began
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 {
				t.Errorf("%d", w.Code)
			}
		})
	}
	<-began
	gone()
	close(goOn)
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

// Few pages are made at a time; who finds no turn is asked to come again, and one
// network does not take all turns.
func TestTurnsOfPages(t *testing.T) {
	goOn := make(chan struct{})
	h := counted(func(w http.ResponseWriter, r *http.Request) { <-goOn })
	h.turns = turns.New(2, turnsOfOne)
	h.site.Client = func(r *http.Request) netip.Addr { return netip.MustParseAddr(r.Header.Get("From")) }
	var all sync.WaitGroup
	codes := make(chan int, 1000)
	ask := func(i int, from string) {
		all.Go(func() {
			w := visit(h, "GET", fmt.Sprint("/", i), "From", from)
			if w.Code != 200 && w.Header().Get("Retry-After") == "" {
				t.Errorf("%d without Retry-After", w.Code)
			}
			codes <- w.Code
		})
	}
	for i := range turnsOfOne + 10 {
		ask(i, "8.8.8.8")
	}
	for range 10 {
		if code := <-codes; code != http.StatusTooManyRequests {
			t.Errorf("%d, want 429", code)
		}
	}
	for i := range turns.Queue {
		ask(1000+i, fmt.Sprintf("9.9.%d.9", i%250))
	}
	busy := turnsOfOne - 2
	for range busy {
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("%d, want 503", code)
		}
	}
	close(goOn)
	all.Wait()
	close(codes)
	for code := range codes {
		if code != 200 {
			t.Errorf("who waited is answered %d", code)
		}
	}
	if n := h.turns.Taken(); n != 0 {
		t.Errorf("left: %d turns", n)
	}
}
