package web

import (
	"bytes"
	"container/list"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/bandish/bandish/internal/turns"
)

// pages keeps finished answers, as they were sent, until the data that they rest on
// changes. The next reader of the same page costs one look into a map. A page that many
// ask for at one time is made once. Few pages are made at one time; a reader who gets no
// turn is told to come again.
type pages struct {
	site *Site
	next http.Handler

	mu      sync.Mutex // guards what follows
	kept    map[string]*list.Element
	order   *list.List // of *answered; the one asked for last stands first
	bytes   int
	making  map[string]*answered
	edition map[bool]string // the last one seen; true: of pages that change with each measurement, false: of all others
	turns   *turns.Turns
}

// The bounds of what is kept, in bytes.
const (
	maxPages = 96 << 20
	maxPage  = 2 << 20
)

// name identifies an answer.
type name struct {
	edition string // the state of the data that the answer rests on
	each    bool   // the answer changes with each measurement that comes in
	key     string // the edition and everything else that the answer depends on; "" is never kept
}

// answered is one answer; it is complete when done is closed.
type answered struct {
	name
	done   chan struct{}
	route  string // the pattern that it was made under
	status int
	header http.Header
	body   bytes.Buffer
	failed bool
}

func (a *answered) size() int { return len(a.key) + a.body.Cap() + 1<<10 }

// inTurn wraps next in a cache of its answers.
func (s *Site) inTurn(next http.Handler) http.Handler {
	return &pages{site: s, next: next, kept: map[string]*list.Element{}, order: list.New(), making: map[string]*answered{},
		edition: map[bool]string{}, turns: turns.New(2*runtime.GOMAXPROCS(0), turnsOfOne)}
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || strings.HasPrefix(r.URL.Path, "/contribute") {
		p.next.ServeHTTP(w, r)
		return
	}
	n, err := p.name(r)
	if err != nil {
		p.site.Log.Error("name a page", "err", err)
		http.Error(w, "This server cannot read its archive now.", http.StatusServiceUnavailable)
		return
	}
	if n.key == "" { // it must not be kept
		leave, busy := p.turns.Enter(r.Context(), p.site.reader(r))
		if busy != 0 {
			turns.ComeAgain(w, busy)
			return
		}
		defer leave()
		p.next.ServeHTTP(w, r)
		return
	}
	a, busy := p.get(r, n)
	if busy != 0 {
		turns.ComeAgain(w, busy)
		return
	}
	a.give(w, r)
}

// turnsOfOne is how many turns one network may hold or wait for.
const turnsOfOne = 64

// name returns the name of the page that r asks for. A name without a key means: do not
// keep the answer.
func (p *pages) name(r *http.Request) (name, error) {
	if len(r.URL.RawQuery) > 1<<10 || strings.Contains(r.URL.RawQuery, "raw=") || p.site.inEnglish(r) == "/ledger" || r.URL.Path == "/bundle" {
		return name{}, nil
	}
	n, err := p.site.edition(r)
	if err != nil {
		return name{}, err
	}
	n.key = strings.Join([]string{n.edition, strconv.FormatBool(p.site.Demo), encodingOf(r), strconv.FormatBool(strings.HasPrefix(r.Header.Get("Accept"), "application/json")), p.site.preferred(r), r.Host, r.URL.EscapedPath(), r.URL.RawQuery}, "\x00")
	return n, nil
}

// inEnglish returns the path of the same page in English.
func (s *Site) inEnglish(r *http.Request) string {
	if code, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); s.languages[code] != nil {
		return "/" + rest
	}
	return r.URL.Path
}

// edition names the state of the data that a page rests on. Pages that list measurements,
// or that say what was known on a day, change with each measurement that comes in. All
// other pages change when new measurements have been counted.
func (s *Site) edition(r *http.Request) (name, error) {
	if s.Desk == nil {
		return name{}, nil
	}
	path := s.inEnglish(r)
	each := strings.HasPrefix(path, "/m/") || strings.HasPrefix(path, "/data") ||
		strings.Contains(path, "/measurements") || strings.Contains(r.URL.RawQuery, "as-of")
	e, err := s.Desk.Edition()
	if !each {
		e.Generation = 0
	}
	corrected := int64(0)
	if s.Store != nil {
		corrected = s.Store.Archive().Corrected()
	}
	return name{edition: fmt.Sprint(e, corrected), each: each}, err
}

// preferred returns the code of the language that the reader's Accept-Language puts first,
// if the site has it; else "".
func (s *Site) preferred(r *http.Request) string {
	prefers, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(prefers) == 0 {
		return ""
	}
	base, _ := prefers[0].Base()
	if s.languages[base.String()] == nil {
		return ""
	}
	return base.String()
}

// encodingOf returns the encoding for the answer: "zstd", "gzip", or "" for none.
func encodingOf(r *http.Request) string {
	takes := map[string]bool{}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		q = strings.ReplaceAll(q, " ", "")
		takes[strings.ToLower(strings.TrimSpace(name))] = q != "q=0" && !strings.HasPrefix(q, "q=0.0")
	}
	for _, name := range []string{"zstd", "gzip"} {
		if takes[name] {
			return name
		}
	}
	return ""
}

// get finds an answer, waits for the one that is being made, or makes it. busy is 0, or
// the HTTP status for a reader who gets no turn.
func (p *pages) get(r *http.Request, n name) (a *answered, busy int) {
	for {
		p.mu.Lock()
		p.pass(n)
		if e := p.kept[n.key]; e != nil {
			p.order.MoveToFront(e)
			p.mu.Unlock()
			return e.Value.(*answered), 0
		}
		a, making := p.making[n.key]
		if !making {
			a = &answered{name: n, done: make(chan struct{}), header: http.Header{}}
			p.making[n.key] = a
		}
		p.mu.Unlock()
		if !making {
			return p.makeOne(r, a)
		}
		select {
		case <-a.done:
			if !a.failed {
				return a, 0
			}
		case <-r.Context().Done():
			return nil, http.StatusServiceUnavailable
		}
		if r.Context().Err() != nil {
			return nil, http.StatusServiceUnavailable
		}
		if a.status != 0 { // whoever was making it got no turn
			return nil, a.status
		}
	}
}

// makeOne makes an answer that other readers may be waiting for. It does not stop when the
// reader who asked first goes away.
func (p *pages) makeOne(r *http.Request, a *answered) (*answered, int) {
	leave, busy := p.turns.Enter(context.WithoutCancel(r.Context()), p.site.reader(r))
	a.failed, a.status = true, busy
	defer func() {
		p.mu.Lock()
		delete(p.making, a.key)
		if !a.failed && a.status == http.StatusOK && a.size() <= maxPage && a.edition == p.edition[a.each] {
			p.keep(a)
		}
		p.mu.Unlock()
		close(a.done)
	}()
	if busy != 0 {
		return nil, busy
	}
	defer leave()
	p.make(r, a)
	return a, 0
}

func (p *pages) make(r *http.Request, a *answered) {
	defer func() {
		if x := recover(); x != nil {
			p.site.Log.Error("a page panicked", "path", r.URL.Path, "err", fmt.Sprint(x), "stack", string(debug.Stack()))
			a.status, a.failed = http.StatusInternalServerError, false
			a.header, a.body = http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, bytes.Buffer{}
			a.body.WriteString("Something broke on our side; it was logged.\n")
		}
	}()
	whole := r.Clone(context.WithoutCancel(r.Context()))
	whole.Method = http.MethodGet
	for _, h := range []string{"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range"} {
		whole.Header.Del(h)
	}
	whole.Header.Set("Accept-Encoding", encodingOf(r))
	p.next.ServeHTTP(&recorder{a}, whole)
	a.route = whole.Pattern
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.header.Del("Accept-Ranges")
	a.failed = false
}

// keep adds an answer, and drops the answers that nobody asked for the longest time until
// all fit in maxPages bytes. The caller holds mu.
func (p *pages) keep(a *answered) {
	p.kept[a.key] = p.order.PushFront(a)
	p.bytes += a.size()
	for p.bytes > maxPages {
		p.drop(p.order.Back())
	}
}

// pass drops the answers of earlier editions: nobody can find them any more. The caller
// holds mu.
func (p *pages) pass(n name) {
	if p.edition[n.each] == n.edition {
		return
	}
	p.edition[n.each] = n.edition
	for e := p.order.Front(); e != nil; {
		next := e.Next()
		if a := e.Value.(*answered); a.each == n.each && a.edition != n.edition {
			p.drop(e)
		}
		e = next
	}
}

func (p *pages) drop(e *list.Element) {
	old := p.order.Remove(e).(*answered)
	delete(p.kept, old.key)
	p.bytes -= old.size()
}

// give sends the answer to a reader. A reader who already has these bytes gets only 304.
func (a *answered) give(w http.ResponseWriter, r *http.Request) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if r.Pattern = a.route; a.route == "" {
		r.Pattern = "/"
	}
	if tag := a.header.Get("ETag"); tag != "" && a.status == http.StatusOK && names(r.Header.Get("If-None-Match"), tag) {
		for _, k := range []string{"Content-Type", "Content-Encoding", "Content-Length"} {
			w.Header().Del(k)
		}
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if a.body.Len() > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		w.Write(a.body.Bytes()) // an error is the reader's loss
	}
}

// names reports whether list, a header If-None-Match, has the tag or is "*".
func names(list, tag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == "*" || t != "" && t == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// recorder is a ResponseWriter that writes into an answered.
type recorder struct{ a *answered }

func (r *recorder) Header() http.Header { return r.a.header }

func (r *recorder) WriteHeader(status int) {
	if r.a.status == 0 {
		r.a.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.a.body.Write(b)
}

// reader returns the network of the one who asks, as a prefix.
func (s *Site) reader(r *http.Request) netip.Prefix {
	a, _ := netip.ParseAddr(s.client(r)) // no address: no limit per network holds
	return turns.NetworkOf(a)
}
