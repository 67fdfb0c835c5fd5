// Package web is the site: pages made on the server that work without
// JavaScript, and the same values as JSON. It reads the archive through
// package store and changes nothing.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
)

//go:embed template/*.html template/style.css
var files embed.FS

// Site serves the pages. Its fields are set before first use.
type Site struct {
	Desk    *inquiry.Desk
	Store   *store.Store
	Targets *target.Registry
	Records *casefile.Records
	Search  *search.Index
	Now     func() time.Time
	Log     *slog.Logger
	Demo    bool // the archive was made in a lab: every page says so

	// Making says how far the lab is, "" when it is through. It may be nil.
	Making func() string

	pages map[string]*template.Template // by file name; Handler parses them
}

// handler is an HTTP handler that returns its failure.
type handler func(w http.ResponseWriter, r *http.Request) error

// notFound is the failure of a page that does not exist; its text is shown.
type notFound string

func (n notFound) Error() string { return string(n) }

// badRequest is a mistake of the reader's; its text is shown.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// Handler is the site's contents. It is called once.
func (s *Site) Handler() http.Handler {
	s.pages = parsePages()
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /{$}":              s.home,
		"GET /cc/{cc}":          s.country,
		"GET /cc/{cc}/{target}": s.answer,
		"GET /events":           s.events,
		"GET /events/{id}":      s.event,
		"GET /m/{uid}":          s.measurement,
		"GET /rules":            s.rules,
		"GET /cases":            s.cases,
		"GET /cases/{id}":       s.caseFile,
		"GET /check":            s.check,
		"GET /search":           s.search,
		"GET /style.css":        s.style,
		"GET /":                 func(http.ResponseWriter, *http.Request) error { return notFound("There is no such page.") },
	} {
		mux.Handle(pattern, s.wrap(h))
	}
	return mux
}

// wrap turns a failure into a status; strangers see no internals.
func (s *Site) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		err := h(w, r)
		if err == nil {
			return
		}
		status, text := http.StatusInternalServerError, "Something broke on our side; it was logged."
		var nf notFound
		var bad badRequest
		switch {
		case errors.As(err, &nf):
			status, text = http.StatusNotFound, string(nf)
		case errors.As(err, &bad):
			status, text = http.StatusBadRequest, string(bad)
		default:
			s.Log.Error("request failed", "path", r.URL.Path, "err", err)
		}
		if wantsJSON(r) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(map[string]string{"error": text})
			return
		}
		page, err := s.render("error.html", map[string]any{"Title": http.StatusText(status), "Text": text})
		if err != nil {
			s.Log.Error("show an error", "err", err)
			page = []byte(template.HTMLEscapeString(text))
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		w.Write(page) // the reader's loss
	})
}

// wantsJSON reports whether the reader is a program: ?format=json, or an
// Accept header that asks for it.
func wantsJSON(r *http.Request) bool {
	return r.URL.Query().Get("format") == "json" || strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

// respond shows one value as a page or as JSON.
func (s *Site) respond(w http.ResponseWriter, r *http.Request, page string, value any, extra map[string]any) error {
	w.Header().Set("Vary", "Accept")
	if wantsJSON(r) {
		b, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		deliver(w, r, "application/json", append(b, '\n'))
		return nil
	}
	data := map[string]any{"Value": value}
	for k, v := range extra {
		data[k] = v
	}
	b, err := s.render(page, data)
	if err != nil {
		return err
	}
	deliver(w, r, "text/html; charset=utf-8", b)
	return nil
}

// deliver answers with what was made of the present state. A reader who has
// the same gets no more than that answer.
func deliver(w http.ResponseWriter, r *http.Request, mediaType string, body []byte) {
	sum := sha256.Sum256(body)
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-cache") // may be kept, and is asked for again
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// parsePages parses each page within the layout. The templates are part of the
// program: one that does not parse is a panic, and no test passes.
func parsePages() map[string]*template.Template {
	layout := template.Must(template.New("").Funcs(functions).ParseFS(files, "template/layout.html"))
	names, err := fs.Glob(files, "template/*.html")
	if err != nil {
		panic(err)
	}
	pages := make(map[string]*template.Template, len(names))
	for _, name := range names {
		pages[path.Base(name)] = template.Must(template.Must(layout.Clone()).ParseFS(files, name))
	}
	return pages
}

func (s *Site) render(page string, data map[string]any) ([]byte, error) {
	data["Demo"] = s.Demo
	if s.Making != nil {
		data["Making"] = s.Making()
	}
	var b bytes.Buffer
	if err := s.pages[page].ExecuteTemplate(&b, "layout", data); err != nil {
		return nil, fmt.Errorf("render %s: %w", page, err)
	}
	return b.Bytes(), nil
}

func (s *Site) style(w http.ResponseWriter, r *http.Request) error {
	b, err := files.ReadFile("template/style.css")
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "max-age=300")
	deliver(w, r, "text/css; charset=utf-8", b)
	return nil
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

// times are the days that an address names, as moments: since is the start of
// a day, at and known are exclusive ends.
type times struct{ since, at, known time.Time }

// timesOf reads ?since=, ?at= (or ?until=) and ?as-of=, each a day. "At" is the
// day that is asked about; "as of" is the day whose knowledge is used.
func timesOf(r *http.Request) (times, error) {
	var t times
	for _, p := range []struct {
		name string
		to   *time.Time
	}{{"since", &t.since}, {"until", &t.at}, {"at", &t.at}, {"as-of", &t.known}} {
		v := r.URL.Query().Get(p.name)
		if v == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, v)
		if err != nil {
			return t, badRequest(fmt.Sprintf("%s is %q: want a day as 2024-02-17.", p.name, v))
		}
		if *p.to = day; p.name != "since" {
			*p.to = day.AddDate(0, 0, 1)
		}
	}
	if !t.since.IsZero() && !t.at.IsZero() && !t.since.Before(t.at) {
		return t, badRequest("since is after the day that is asked about.")
	}
	return t, nil
}

// functions are those of the templates.
var functions = template.FuncMap{
	"stamp":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
	"minute": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"day":    func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"words":  stateWord,
	"when":   when,
	"share":  func(f *float64) string { return fmt.Sprintf("%.0f %%", 100**f) },
	"path":   url.PathEscape,
	"inc":    func(i int) int { return i + 1 },
}

// stateWord is a state as a reader calls it.
func stateWord(s any) string {
	switch fmt.Sprint(s) {
	case "blocked":
		return "blocked"
	case "likely_blocked":
		return "likely blocked"
	case "impaired":
		return "unclear"
	case "down":
		return "down"
	case "ok":
		return "ok"
	}
	return "too little data"
}

// when says an interval in words; nil is not known.
func when(i *event.Interval) string {
	if i == nil {
		return "not known"
	}
	return answer.When(*i)
}
