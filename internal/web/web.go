// Package web is the site: pages that the server makes and that work without JavaScript,
// and the same values as JSON. It asks package inquiry for answers and decides no state
// itself. It writes only what readers send: notes, into the inbox, and requests for
// alerts.
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
	"maps"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/alert"
	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/inbox"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/search"
	httpserver "github.com/bandish/bandish/internal/server" // the tests have a type server
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
)

//go:embed template/*.html static/*
var files embed.FS

// Site serves the pages. Its fields must be set before the first use.
type Site struct {
	Desk    *inquiry.Desk
	Store   *store.Store
	Targets *target.Registry
	Records *casefile.Records
	Search  *search.Index
	Alerts  *alert.Subscribers             // who asked for alerts; nil: this server sends none
	Inbox   *inbox.Box                     // what readers send; nil: this server takes nothing
	Client  func(*http.Request) netip.Addr // returns who sent a request; nil: the address of the connection
	Now     func() time.Time
	Ledger  *notary.Log // nil if this server has none
	// Witnesses are the verifier strings of those that are asked to sign the ledger.
	Witnesses []string
	// Endpoints describe the API of this server; nil if it has none.
	Endpoints []api.Endpoint
	Log       *slog.Logger
	Demo      bool // the archive was made in a lab; every page says so
	Static    bool // the pages become files: they have no forms

	proving       sync.Mutex                    // held while a bundle is made
	pages         map[string]*template.Template // by file name; Handler parses them
	abbreviations expander
	languages     map[string]*catalogue // by code, without English
	languageCodes []string
}

// handler is an HTTP handler that returns an error.
type handler func(w http.ResponseWriter, r *http.Request) error

// notFound is the error of a page that does not exist; readers see its text.
type notFound string

func (n notFound) Error() string { return string(n) }

// badRequest is a mistake of the reader; readers see its text.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// Handler returns the whole site. Call it once.
func (s *Site) Handler() http.Handler {
	s.pages, s.languages, s.abbreviations = parsePages(), loadCatalogues(), newExpander(s.Records)
	s.languageCodes = slices.Sorted(maps.Keys(s.languages))
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /{$}":                            s.home,
		"GET /cc":                             s.countries,
		"GET /cc/{cc}":                        s.country,
		"GET /cc/{cc}/{target}":               s.answer,
		"GET /cc/{cc}/{target}/days":          s.days,
		"GET /cc/{cc}/{target}/measurements":  s.measurements,
		"GET /cc/{cc}/{target}/picture.png":   s.answerPicture,
		"GET /picture.png":                    s.sitePicture,
		"GET /platforms/{target}/picture.png": s.platformPicture,
		"GET /networks/{asn}/picture.png":     s.networkPicture,
		"GET /bans/picture.png":               s.bansPicture,
		"GET /cases/{id}/picture.png":         s.casePicture,
		"GET /cases/{id}/requests.png":        s.requestsPicture,
		"GET /is":                             s.ask,
		"GET /blocked":                        s.blocked,
		"GET /bans":                           s.bans,
		"GET /bans/{id}":                      s.ban,
		"GET /hours":                          s.hours,
		"GET /alerts":                         s.alertsIn(s.alertsForm),
		"POST /alerts":                        s.alertsIn(s.subscribe),
		"GET /alerts/confirm":                 s.alertsIn(s.settle("confirm")),
		"POST /alerts/confirm":                s.alertsIn(s.settle("confirm")),
		"GET /alerts/stop":                    s.alertsIn(s.settle("stop")),
		"POST /alerts/stop":                   s.alertsIn(s.settle("stop")),
		"GET /api/v1":                         s.programs,
		"GET /networks/{asn}":                 s.network,
		"GET /platforms":                      s.platforms,
		"GET /platforms/{target}":             s.platform,
		"GET /events":                         s.events,
		"GET /events/{id}":                    s.event,
		"GET /m/{uid}":                        s.measurement,
		"GET /rules":                          s.rules,
		"GET /methods":                        s.methods,
		"GET /ledger":                         s.ledgerPage,
		"GET /data":                           s.data,
		"GET /about":                          s.about,
		"GET /safety":                         s.safety,
		"GET /cases":                          s.cases,
		"GET /cases/{id}":                     s.caseFile,
		"GET /cases/{id}/{kind}/{item}":       s.item,
		"GET /actors/{id}":                    s.actor,
		"GET /laws/{id}":                      s.law,
		"GET /sources/{id}":                   s.source,
		"GET /check":                          s.check,
		"GET /feed.atom":                      s.feed,
		"GET /feed.json":                      s.feed,
		"GET /cc/{cc}/feed.atom":              s.feed,
		"GET /cc/{cc}/feed.json":              s.feed,
		"GET /cc/{cc}/{target}/feed.atom":     s.feed,
		"GET /cc/{cc}/{target}/feed.json":     s.feed,
		"GET /platforms/{target}/feed.atom":   s.feed,
		"GET /platforms/{target}/feed.json":   s.feed,
		"GET /cases/{id}/feed.atom":           s.feed,
		"GET /cases/{id}/feed.json":           s.feed,
		"GET /cases/{id}/courts.ics":          s.courtDates,
		"GET /cases/{id}/requests.csv":        s.caseCSV(speaker.requestTable),
		"GET /cases/{id}/chain.csv":           s.caseCSV(speaker.chainTable),
		"GET /courts.ics":                     s.courtDates,
		"GET /embed":                          s.embed,
		"GET /embed/{page...}":                s.embed,
		"GET /contribute":                     s.contribute,
		"POST /contribute":                    s.take,
		"GET /oembed":                         s.oEmbed,
		"GET /search":                         s.search,
		"GET /bundle":                         s.evidence,
		"GET /robots.txt":                     s.robots,
		"GET /sitemap.xml":                    s.sitemap,
		"GET /style.css":                      s.asset("static/style.css"),
		"GET /static/{name}":                  s.static,
		"GET /":                               func(http.ResponseWriter, *http.Request) error { return notFound("There is no such page.") },
	} {
		mux.Handle(pattern, s.wrap(h))
	}
	for _, code := range s.languageCodes {
		in, c := s.inLanguage(code), s.languages[code]
		mux.Handle("GET /"+code, s.wrap(in))
		mux.Handle("GET /"+code+"/{rest...}", s.wrap(in))
		for pattern, h := range map[string]handler{
			"POST /" + code + "/contribute":     func(w http.ResponseWriter, r *http.Request) error { return s.langTake(w, r, c) },
			"GET /" + code + "/alerts":          s.langAlertsIn(c, s.alertsForm),
			"POST /" + code + "/alerts":         s.langAlertsIn(c, s.subscribe),
			"GET /" + code + "/alerts/confirm":  s.langAlertsIn(c, s.settle("confirm")),
			"POST /" + code + "/alerts/confirm": s.langAlertsIn(c, s.settle("confirm")),
			"GET /" + code + "/alerts/stop":     s.langAlertsIn(c, s.settle("stop")),
			"POST /" + code + "/alerts/stop":    s.langAlertsIn(c, s.settle("stop")),
		} {
			mux.Handle(pattern, s.wrap(h))
		}
	}
	return s.inTurn(compressed(withoutSlash(s.onlyKnownMethods(mux))))
}

// withoutSlash redirects an address that ends in a slash to the one without.
func withoutSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.EscapedPath(); len(p) > 1 && strings.HasSuffix(p, "/") && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			moveTo(w, r, "/"+strings.Trim(p, "/"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// moveTo redirects a reader permanently to another path of this site, and keeps the query.
// The path begins with exactly one slash, so it never names another host.
func moveTo(w http.ResponseWriter, r *http.Request, path string) {
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusMovedPermanently)
}

// compressed compresses answers with zstd or gzip if the reader accepts it.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return wrap(next)
}

// wrap turns an error into a status. Strangers see no internals.
func (s *Site) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		err := h(w, r)
		if err == nil || httpserver.Gone(r, err) {
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
		s.fail(w, r, status, text)
	})
}

// failTitles are the titles of error pages, by status.
var failTitles = map[int]string{
	http.StatusNotFound: "There is nothing here", http.StatusBadRequest: "This question cannot be answered", http.StatusMethodNotAllowed: "This page can only be read", http.StatusInternalServerError: "Something went wrong",
}

// fail answers with an error page in the language of the address.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	w.Header().Set("Cache-Control", "no-store")
	if wantsJSON(r) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]string{"error": text})
		return
	}
	var page []byte
	var err error
	if c := s.languageOf(r); c != nil {
		page, err = s.langFail(c, status)
	} else {
		page, err = s.render("error.html", map[string]any{"Title": failTitles[status], "Text": text, "Section": section(r.URL.Path), "Missing": status == http.StatusNotFound})
	}
	if err != nil {
		s.Log.Error("show an error", "err", err)
		page = []byte(template.HTMLEscapeString(text))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page) // an error is the reader's loss
}

// languageOf returns the catalogue of the language of an address, nil for English.
func (s *Site) languageOf(r *http.Request) *catalogue {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return s.languages[first]
}

// onlyKnownMethods answers a method that an address does not take with status 405, the
// header Allow, and a page that says so.
func (s *Site) onlyKnownMethods(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if h, pattern := mux.Handler(r); pattern == "" {
				said := &unsaid{header: http.Header{}}
				h.ServeHTTP(said, r)
				if said.status == http.StatusMethodNotAllowed {
					w.Header().Set("Allow", said.header.Get("Allow"))
					s.wrap(func(w http.ResponseWriter, r *http.Request) error {
						s.fail(w, r, http.StatusMethodNotAllowed, "Nothing can be sent to this address. Open it in a browser, or ask with GET.")
						return nil
					}).ServeHTTP(w, r)
					return
				}
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// unsaid is a ResponseWriter that keeps the status and the header and drops the text.
type unsaid struct {
	header http.Header
	status int
}

func (u *unsaid) Header() http.Header         { return u.header }
func (u *unsaid) WriteHeader(code int)        { u.status = code }
func (u *unsaid) Write(b []byte) (int, error) { return len(b), nil }

// wantsJSON reports whether the reader is a program: it sends ?format=json, or an Accept
// header that begins with application/json.
func wantsJSON(r *http.Request) bool {
	return r.URL.Query().Get("format") == "json" || strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

// deliver answers with body and an ETag made of its hash. A reader who already has these
// bytes gets 304.
func deliver(w http.ResponseWriter, r *http.Request, mediaType string, body []byte) {
	sum := sha256.Sum256(body)
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-cache") // a cache may keep it, but must ask each time whether it changed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// parsePages parses each page together with the layout. The templates are part of the
// program: it panics if one does not parse.
func parsePages() map[string]*template.Template {
	layout := template.Must(template.New("").Funcs(functions).ParseFS(files, "template/layout.html", "template/parts.html"))
	names, err := fs.Glob(files, "template/*.html")
	if err != nil {
		panic(err)
	}
	pages := make(map[string]*template.Template, len(names))
	for _, name := range names {
		if name == "template/layout.html" || name == "template/parts.html" {
			continue
		}
		pages[path.Base(name)] = template.Must(template.Must(layout.Clone()).ParseFS(files, name))
	}
	return pages
}

func (s *Site) render(page string, data map[string]any) ([]byte, error) {
	data["Demo"], data["Static"] = s.Demo, s.Static
	return s.execute(page, data)
}

// execute fills in the template of a page.
func (s *Site) execute(page string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := s.pages[page].ExecuteTemplate(&b, "layout", data); err != nil {
		return nil, fmt.Errorf("render %s: %w", page, err)
	}
	return s.abbreviations.expand(b.Bytes()), nil
}

// asset serves a file that is part of the program.
func (s *Site) asset(name string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		b, err := files.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
			return notFound("There is no such file.")
		}
		if err != nil {
			return err
		}
		kind := map[string]string{".css": "text/css; charset=utf-8", ".woff2": "font/woff2", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}[path.Ext(name)]
		age := "max-age=300"
		if path.Ext(name) == ".woff2" {
			age = "max-age=2592000"                            // a changed font gets another name
			w.Header().Set("Access-Control-Allow-Origin", "*") // for a card in a frame without an origin
		}
		w.Header().Set("Cache-Control", age)
		deliver(w, r, kind, b)
		return nil
	}
}

func (s *Site) static(w http.ResponseWriter, r *http.Request) error {
	return s.asset("static/"+r.PathValue("name"))(w, r)
}
