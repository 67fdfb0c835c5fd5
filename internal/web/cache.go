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

// pages keeps what was answered, as it went out, until what it rests on
// changes: the next reader of the same page costs a look into a map. A page that
// many ask for at once is made once. What is not kept is made by few at a time;
// who finds no turn is asked to come again.
type pages struct {
	site *Site
	next http.Handler

	mu      sync.Mutex // guards what follows
	kept    map[string]*list.Element
	order   *list.List // of *answered, the one that was asked for last first
	bytes   int
	making  map[string]*answered
	edition map[bool]string // the last one seen, of pages that change with each measurement and of others
	turns   *turns.Turns
}

// The bounds of what is kept, in bytes.
const (
	maxPages = 96 << 20
	maxPage  = 2 << 20
)

// name is what an answer is found by.
type name struct {
	edition string // of what it rests on
	each    bool   // that changes with each measurement that comes
	key     string // with the edition and all else that it depends on
}

// answered is one answer, complete when done is closed.
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

// inTurn keeps the answers of next.
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
	if n.key == "" { // it is not kept
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

// turnsOfOne is how many turns one network may have or wait for.
const turnsOfOne = 64

// name names a page and all that it depends on; one without a key is not kept.
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

// inEnglish is the path of the same page in English.
func (s *Site) inEnglish(r *http.Request) string {
	if code, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); s.languages[code] != nil {
		return "/" + rest
	}
	return r.URL.Path
}

// edition names the state of what a page rests on. Pages that list measurements,
// or say what was known, change with each measurement that comes; the others
// when these were counted.
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

// preferred is the language of the site that a reader prefers to English.
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

// encodingOf is the encoding in which a reader is answered.
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

// get finds an answer, waits for who makes it, or makes it; busy is the status
// of a reader for whom there is no turn.
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
		if a.status != 0 { // whoever was to make it found no turn
			return nil, a.status
		}
	}
}

// makeOne makes an answer that others may wait for: it goes on when the reader
// who asked first has gone.
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

// keep adds an answer and lets go of those that were asked for longest ago. The
// caller holds mu.
func (p *pages) keep(a *answered) {
	p.kept[a.key] = p.order.PushFront(a)
	p.bytes += a.size()
	for p.bytes > maxPages {
		p.drop(p.order.Back())
	}
}

// pass lets go of the pages of an edition that is over: nobody finds them any
// more. The caller holds mu.
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

// give answers a reader. One who has the same gets no more than that.
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
		w.Write(a.body.Bytes()) // the reader's loss
	}
}

// names reports whether a list of tags has one, or any.
func names(list, tag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == "*" || t != "" && t == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// recorder takes an answer down.
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

// reader is the network of who asks.
func (s *Site) reader(r *http.Request) netip.Prefix {
	a, _ := netip.ParseAddr(s.client(r)) // none: it is held against nobody
	return turns.NetworkOf(a)
}
