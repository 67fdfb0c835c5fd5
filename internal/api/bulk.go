package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

// bulkKind is a kind of segment that clients may download as a file.
type bulkKind struct {
	kind  string
	ruled bool // its segments depend on the ruleset
	about string
	row   reflect.Type
}

// bulkKinds are these kinds. Bodies of pages are left out, since strangers wrote them, and
// so are the detector's own findings.
var bulkKinds = []bulkKind{
	{archive.Verdicts, true, "Measurements with their verdicts, by day.", reflect.TypeFor[verdict.Row]()},
	{archive.Observations, false, "What happened at each step of a measurement, one row an endpoint, by day.", reflect.TypeFor[observation.Row]()},
	{archive.Cells, true, "Daily counts and votes of whole measurements, by month.", reflect.TypeFor[series.Cell]()},
	{archive.Layers, true, "Daily counts of each layer, by month.", reflect.TypeFor[series.Cell]()},
	{archive.Hours, true, "Hourly counts and votes of whole measurements, by month.", reflect.TypeFor[series.Cell]()},
	{archive.Events, true, "Dated bans, by country.", reflect.TypeFor[event.Row]()},
	{archive.Counts, false, "Daily counts that OONI published, without measurements, by month.", reflect.TypeFor[derivation.PublishedCount]()},
	{archive.Signals, false, "Signals of whole countries and networks from outside, of IODA, by month.", reflect.TypeFor[signal.Series]()},
}

// segment is a file of the archive as the API describes it.
type segment struct {
	Kind   string `json:"kind"`
	Period string `json:"period" doc:"A day, a month or a country."`
	Path   string `json:"path" doc:"Where it is read on this server; it never changes."`
	SHA256 string `json:"sha256"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
}

// segments lists the present files of a manifest, of one kind or of all.
func segments(m *archive.Manifest, kinds ...string) (out []segment) {
	for _, k := range bulkKinds {
		ruleset := ""
		if k.ruled {
			ruleset = m.Ruleset
		}
		for _, g := range m.Select(k.kind, ruleset) {
			if len(kinds) == 0 || kinds[0] == "" || kinds[0] == k.kind {
				out = append(out, segment{k.kind, g.Period, Prefix + "/segments/" + filepath.ToSlash(g.Path()), g.SHA256, g.Rows, g.Bytes})
			}
		}
	}
	return out
}

// dataPackage describes the archive as a Frictionless Data Package.
type dataPackage struct {
	Schema      string         `json:"$schema"`
	Name        string         `json:"name"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Version     string         `json:"version" doc:"Generation of the archive."`
	Created     string         `json:"created" doc:"The day."`
	Keywords    []string       `json:"keywords"`
	Licenses    []licence      `json:"licenses"`
	Sources     []dataSource   `json:"sources"`
	Citation    string         `json:"citation" doc:"How to cite the tables."`
	Resources   []dataResource `json:"resources"`
}

type licence struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Title string `json:"title"`
}

type dataSource struct {
	Title string `json:"title"`
	Path  string `json:"path"`
}

type dataResource struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Format      string      `json:"format"`
	Mediatype   string      `json:"mediatype"`
	Path        []string    `json:"path" doc:"The files, relative to this document."`
	Hashes      []string    `json:"hashes" doc:"sha256:… of each file, in the order of path."`
	Bytes       int64       `json:"bytes"`
	Rows        int64       `json:"rows"`
	Schema      tableSchema `json:"schema"`
}

type tableSchema struct {
	Fields []tableField `json:"fields"`
}

type tableField struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// tableFields describes the columns of a segment in Frictionless types.
func tableFields(t reflect.Type) []tableField {
	var out []tableField
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, tableField{name, tableType(f.Type)})
	}
	return out
}

func tableType(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch k := t.Kind(); {
	case t == timeOf:
		return "datetime"
	case k == reflect.String:
		return "string"
	case k == reflect.Bool:
		return "boolean"
	case k == reflect.Slice:
		return "array"
	case k == reflect.Struct:
		return "object"
	case k == reflect.Float32 || k == reflect.Float64:
		return "number"
	}
	return "integer"
}

func (s *Server) manifest() (*archive.Manifest, error) {
	if s.Store == nil {
		return &archive.Manifest{}, nil
	}
	return s.Store.Archive().Manifest()
}

func (s *Server) registerBulk() {
	addList(s, listing[segment]{"/segments", "segments", "The archive's tables as files", "Parquet, with their hashes; each is read with Range requests, so DuckDB and others read only what they need.", tagFiles, "/segments?kind=cells", nil}, nil, func(_ context.Context, in *struct {
		Paging
		Kind string `query:"kind" enum:"verdicts,observations,cells,layers,hours,events,counts"`
	}) (rows[segment], error) {
		m, err := s.manifest()
		if err != nil {
			return rows[segment]{}, err
		}
		return rows[segment]{list: segments(m, in.Kind)}, nil
	})
	addObject(s, "/datapackage.json", "datapackage", "The tables as a Frictionless Data Package", "Schemas, licence, citation, and the files with their hashes.", tagFiles, "/datapackage.json", nil, func(context.Context, *none) (*dataPackage, error) { return s.dataPackage() })
	s.registerSums()
	s.registerFiles()
}

func (s *Server) dataPackage() (*dataPackage, error) {
	m, err := s.manifest()
	if err != nil {
		return nil, err
	}
	today := s.Now().UTC().Format(time.DateOnly)
	p := &dataPackage{
		Schema: "https://datapackage.org/profiles/2.0/datapackage.json", Name: "bandish", Title: "Bandish: the open record of internet bans", Version: fmt.Sprint(m.Generation), Created: today,
		Description: "Tables derived from measurements of blocked platforms and sites. Columns are described in docs/formats/columns.md. Country ZZ is no country: its rows were made in a lab.",
		Keywords:    []string{"internet censorship", "network measurement", "OONI"},
		Licenses:    []licence{{"CC-BY-NC-SA-4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/", "Creative Commons Attribution-NonCommercial-ShareAlike 4.0: that of OONI's measurements, from which most tables are derived"}},
		Sources:     []dataSource{{"OONI", "https://ooni.org/data/"}},
		Citation:    fmt.Sprintf("Bandish, tables of archive generation %d, ruleset %s, retrieved on %s.", m.Generation, m.Ruleset, today),
		Resources:   []dataResource{},
	}
	for _, k := range bulkKinds {
		r := dataResource{Name: k.kind, Description: k.about, Format: "parquet", Mediatype: parquetType, Schema: tableSchema{tableFields(k.row)}}
		for _, g := range segments(m, k.kind) {
			r.Path, r.Hashes = append(r.Path, strings.TrimPrefix(g.Path, Prefix+"/")), append(r.Hashes, "sha256:"+g.SHA256)
			r.Rows, r.Bytes = r.Rows+g.Rows, r.Bytes+g.Bytes
		}
		if len(r.Path) > 0 {
			p.Resources = append(p.Resources, r)
		}
	}
	return p, nil
}

// registerSums registers a list for sha256sum --check.
func (s *Server) registerSums() {
	op := s.operation("/SHA256SUMS", "sums", "Hashes of the files", "In the form of sha256sum --check, with paths relative to this one.", tagFiles, "/SHA256SUMS", nil)
	op.Responses["200"] = &huma.Response{Description: "The list", Headers: headersOf(), Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}
	huma.Register(s.api, op, func(ctx context.Context, _ *none) (*huma.StreamResponse, error) {
		m, err := s.manifest()
		if err != nil {
			return nil, s.failure(ctx, op.Path, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			hc.SetHeader("Content-Type", "text/plain; charset=utf-8")
			for _, g := range segments(m) {
				fmt.Fprintf(hc.BodyWriter(), "%s  %s\n", g.SHA256, strings.TrimPrefix(g.Path, Prefix+"/"))
			}
		}}, nil
	})
}

// registerFiles registers the addresses of the files themselves.
func (s *Server) registerFiles() {
	op := s.operation("/segments/{kind}/{period}/{file}", "segment", "One file", "Parquet; Range requests are answered. A file never changes: another one takes its place, and this one stays for an hour.", tagFiles, "/segments?kind=cells", notFoundToo)
	file := map[string]*huma.MediaType{parquetType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	op.Responses["200"] = &huma.Response{Description: "The file", Headers: headersOf(), Content: file}
	op.Responses["206"] = &huma.Response{Description: "The part that Range asks for", Headers: headersOf(), Content: file}
	op.Responses["416"] = &huma.Response{Description: "The file has no such part"}
	huma.Register(s.api, op, func(ctx context.Context, in *struct {
		Kind   string `path:"kind" maxLength:"20"`
		Period string `path:"period" maxLength:"10"`
		File   string `path:"file" maxLength:"80" doc:"SHA-256 of the file and .parquet"`
	}) (*huma.StreamResponse, error) {
		g, err := s.fileOf(in.Kind, in.Period, in.File)
		if err != nil {
			return nil, s.failure(ctx, op.Path, err)
		}
		f, err := s.Store.Archive().Open(g.Path())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, noFile()
		}
		if err != nil {
			return nil, s.failure(ctx, op.Path, err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer f.Close()
			r, w := humago.Unwrap(hc)
			h := w.Header()
			h.Set("Content-Type", parquetType)
			h.Set("ETag", `"`+g.SHA256+`"`)
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
			http.ServeContent(&longAnswer{ResponseWriter: w, control: http.NewResponseController(w)}, r, "", time.Time{}, f)
		}}, nil
	})
}

// longAnswer is a ResponseWriter that sets a new deadline for each part of a file.
type longAnswer struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (l *longAnswer) Write(b []byte) (int, error) {
	l.control.SetWriteDeadline(time.Now().Add(partTime))
	return l.ResponseWriter.Write(b)
}

// fileOf finds the segment of a path. The segment must be listed now, or have been listed
// until a short while ago; else the error is a 404.
func (s *Server) fileOf(kind, period, file string) (archive.Segment, error) {
	m, err := s.manifest()
	if err != nil {
		return archive.Segment{}, err
	}
	g := archive.Segment{Kind: kind, Period: period, SHA256: strings.TrimSuffix(file, ".parquet")}
	for _, k := range bulkKinds {
		if k.kind != kind {
			continue
		}
		for _, listed := range m.Segments {
			if listed.Path() == g.Path() {
				return listed, nil
			}
		}
		if m.WasListed(g.Path()) {
			return g, nil
		}
	}
	return g, noFile()
}

func noFile() error {
	return huma.Error404NotFound("There is no such file now: " + Prefix + "/segments lists the present files.")
}

// pathOf joins parts to a path on this server.
func pathOf(parts ...string) string {
	out := ""
	for _, p := range parts {
		out += "/" + url.PathEscape(p)
	}
	return out
}
