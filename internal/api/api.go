// Package api answers programs, under /api/v1/: what the pages show, as JSON, lines of
// JSON, CSV and Parquet. An OpenAPI document, made from the types of the handlers,
// describes it. The package computes nothing itself: every value comes from inquiry.Desk,
// from the case record or from the segments of the archive, and pages and commands show
// the same.
//
// OONI's read API (internal/ooniapi) stands under the same path. The two share no names
// (docs/decisions/0013-two-apis-under-one-path.md).
package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/klauspost/compress/gzhttp"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/request"
)

// Prefix is the path under which the API answers.
const Prefix = "/api/v1"

// Server answers the API. Its fields must be set before New.
type Server struct {
	Desk    *inquiry.Desk
	Store   *store.Store // nil if nothing was measured
	Targets *target.Registry
	Records *casefile.Records
	Search  *search.Index                 // nil: there is no search
	Ledger  func() ([]request.Row, error) // what authorities asked of platforms; nil: only what the record has of it
	// EntryOf returns the name of the ledger and the index of the entry of a raw batch. It
	// is nil if there is no ledger.
	EntryOf func(batch string) (origin string, at int64, err error)
	Now     func() time.Time
	Log     *slog.Logger
	Client  func(*http.Request) netip.Addr // returns who sent a request; nil: the address of the connection
	Limit   int                            // how many requests a client network may make in a minute; 0: no limit

	api     huma.API
	mux     *http.ServeMux
	started string // start of this process, part of each ETag: the next process may be of another version
	pins    pins
	limiter limiter
	streams chan struct{} // a slot for each whole list that is being written
}

// maxStreams is how many whole lists are written at one time.
const maxStreams = 4

// New prepares the API. The fields of s must be set.
func New(s *Server) *Server {
	s.mux, s.started, s.streams = http.NewServeMux(), s.Now().UTC().Format(time.RFC3339Nano), make(chan struct{}, maxStreams)
	cfg := huma.DefaultConfig("Bandish", Version)
	cfg.CreateHooks = nil // no $schema links: they would repeat the Host that a client sent
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	cfg.Info.Description = about
	cfg.Info.License = &huma.License{Name: "Apache-2.0 for the program; see licence in " + Prefix + "/datapackage.json for the data", URL: "https://www.apache.org/licenses/LICENSE-2.0"}
	cfg.Info.Contact = &huma.Contact{Name: "Bandish", URL: "https://github.com/bandish/bandish"}
	cfg.Servers = []*huma.Server{{URL: "/", Description: "this server"}}
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = []huma.Transformer{explained}
	aliases(cfg.Components.Schemas)
	s.api = humago.New(s.mux, cfg)
	s.register()
	s.registerBulk()
	exact(cfg.Components.Schemas)
	s.describe()
	return s
}

// Version is the version of the API. New names may be added. A name never changes its
// meaning and never goes away.
const Version = "1.0.0"

const about = `What the pages of this server show, for programs: whether a platform is blocked in a country, since when and on what evidence; the measurements, counts and dated bans behind it; the case record; reported bans. Every answer is the one that the pages show.

Lists come as JSON in pages, and whole as lines of JSON (NDJSON), CSV and, of measurements and counts, Parquet: say format=, or ask with Accept. A page gives next_cursor while there is more, and stays with the archive as it was when the list was begun, for 50 minutes, whatever is imported meanwhile.

States: blocked, likely_blocked, impaired (unclear), down (for everybody), ok, insufficient (too little was measured: no data is never ok). Times are RFC 3339, UTC; dates of the record are EDTF. Countries are ISO 3166-1 alpha-2; ZZ is no country, what stands there was made in a lab. Networks are AS numbers.

Answers carry an ETag: ask again with If-None-Match. Errors are problem documents (RFC 9457) that say how to put the request right.

OONI's own read API stands under the same path: see docs/formats/ooniapi.md.`

// explained copies the mistakes of a request into the detail of the error, since some
// clients show nothing else.
func explained(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok || len(m.Errors) == 0 || m.Status != http.StatusUnprocessableEntity {
		return v, nil
	}
	var parts []string
	for _, e := range m.Errors {
		where := e.Location[strings.LastIndex(e.Location, ".")+1:]
		parts = append(parts, strings.TrimPrefix(where+": ", ": ")+e.Message)
	}
	slices.Sort(parts)
	m.Detail = "The request cannot be answered as it is. " + strings.Join(parts, "; ") + ". The parameters stand in " + Prefix + "/openapi.json."
	return m, nil
}

// Patterns returns the patterns of [http.ServeMux] for which Handler has answers.
func (s *Server) Patterns() []string {
	out := []string{Prefix + "/openapi.json"}
	for path := range s.api.OpenAPI().Paths {
		out = append(out, path)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Endpoint is one address of the API, for the page that describes it.
type Endpoint struct {
	Path, Summary, Text string
	Parameters          []Parameter
	Formats             []string // media types that it can answer with
	Example             string   // an address to try
}

// Parameter is one parameter of an endpoint.
type Parameter struct {
	Name, In, Text string
	Required       bool
}

// Endpoints returns all addresses, in the order of the tags of the document.
func (s *Server) Endpoints() []Endpoint {
	var out []Endpoint
	for path, item := range s.api.OpenAPI().Paths {
		op := item.Get
		e := Endpoint{Path: path, Summary: op.Summary, Text: op.Description}
		for _, p := range op.Parameters {
			if p.In != "header" {
				e.Parameters = append(e.Parameters, Parameter{p.Name, p.In, p.Description, p.Required})
			}
		}
		for kind := range op.Responses["200"].Content {
			e.Formats = append(e.Formats, kind)
		}
		slices.Sort(e.Formats)
		if x, ok := op.Extensions["x-example"].(string); ok {
			e.Example = x
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Endpoint) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Document returns the OpenAPI document as JSON.
func (s *Server) Document() ([]byte, error) {
	b, err := json.MarshalIndent(s.api.OpenAPI(), "", "  ")
	return append(b, '\n'), err
}

// Handler answers all addresses of Patterns.
func (s *Server) Handler() http.Handler {
	document, err := s.Document()
	if err != nil {
		panic(err) // the document is made of constants
	}
	s.mux.HandleFunc("GET "+Prefix+"/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(document) // an error is the client's loss
	})
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "There is no such address. "+Prefix+"/openapi.json describes all addresses.")
	})
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(true), gzhttp.ContentTypeFilter(func(kind string) bool {
		return !strings.HasPrefix(kind, parquetType) && gzhttp.DefaultContentTypeFilter(kind)
	}))
	if err != nil {
		panic(err) // the options are constants
	}
	return s.guarded(wrap(s.conditional(s.mux)))
}

// problem answers with a problem document (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}) // an error is the client's loss
}

// guarded sets the headers that all answers share. It refuses methods other than GET and
// HEAD, queries that cannot be read, and requests beyond the limit.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, Content-Range, Accept-Ranges")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Add("Vary", "Accept")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodOptions:
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Accept, If-None-Match, Range")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		default:
			h.Set("Allow", "GET, HEAD, OPTIONS")
			problem(w, http.StatusMethodNotAllowed, "This address is read with GET. Measurements are handed in at the collector (docs/formats/collector.md).")
			return
		}
		if !s.admit(w, r) {
			return
		}
		if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
			problem(w, http.StatusBadRequest, "The query cannot be read: escape % as %25, & as %26 and ; as %3B.")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), urlKey{}, *r.URL)))
	})
}

// admit counts a request. If the client is over its limit, admit answers 429 and returns
// false.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	if s.limiter.admit(w.Header(), s.client(r), s.Limit, s.Now()) {
		return true
	}
	problem(w, http.StatusTooManyRequests, "Too many requests in this minute. Wait as long as Retry-After says; for all rows of a list ask once with format=ndjson, or take the files of "+Prefix+"/datapackage.json.")
	return false
}

func (s *Server) client(r *http.Request) netip.Addr {
	if s.Client != nil {
		return s.Client(r)
	}
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // no address: all such requests count as one client
	return at.Addr()
}

// Limited counts the requests to next together with those to the API.
func (s *Server) Limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.admit(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// conditional gives answers an ETag, and answers 304 to a client that has the same. The
// ETag is made of the request and of the edition, so it is known before the answer is
// made.
func (s *Server) conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		edition, err := s.Desk.Edition()
		if err != nil {
			s.Log.Error("API", "path", r.URL.Path, "err", err)
			problem(w, http.StatusInternalServerError, broken)
			return
		}
		tag := tagOf(s.started, edition, r)
		w.Header().Set("Cache-Control", "no-cache") // a cache may keep it, but must ask each time whether it changed
		if match := r.Header.Get("If-None-Match"); match != "" && slices.Contains(strings.FieldsFunc(match, func(c rune) bool { return c == ',' || c == ' ' }), tag) {
			w.Header().Set("ETag", tag)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		next.ServeHTTP(&tagged{ResponseWriter: w, tag: tag}, r)
	})
}

// tagged sets the ETag on an answer with status 200.
type tagged struct {
	http.ResponseWriter
	tag  string
	done bool
}

func (t *tagged) WriteHeader(status int) {
	if !t.done && status == http.StatusOK && t.Header().Get("ETag") == "" {
		t.Header().Set("ETag", t.tag)
	}
	t.done = true
	t.ResponseWriter.WriteHeader(status)
}

func (t *tagged) Write(b []byte) (int, error) {
	if !t.done {
		t.WriteHeader(http.StatusOK)
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (t *tagged) Unwrap() http.ResponseWriter { return t.ResponseWriter }

const broken = "Something broke on our side; it was logged."

// failure turns an error of a handler into what the client is told. Strangers see no
// internals.
func (s *Server) failure(ctx context.Context, path string, err error) error {
	var known huma.StatusError
	var unknown inquiry.UnknownTarget
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &unknown):
		return huma.Error404NotFound("There is no platform or site of this name: " + unknown.Error())
	case errors.Is(err, store.ErrGone):
		return gone()
	case ctx.Err() != nil: // the client went away; nobody reads this
		return huma.Error503ServiceUnavailable("")
	}
	s.Log.Error("API", "path", path, "err", err)
	return huma.Error500InternalServerError(broken)
}

func gone() error {
	return huma.Error410Gone("This cursor belongs to a list that was begun too long ago, or before the server was restarted. Ask again without cursor=; for a whole list in one answer say format=ndjson.")
}
