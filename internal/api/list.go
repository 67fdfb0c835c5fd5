package api

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/internal/store"
)

// Page is one page of a list.
type Page[T any] struct {
	Results    []T     `json:"results" nullable:"false" doc:"The rows. A page may hold fewer than limit: go on while there is a next_cursor."`
	NextCursor *string `json:"next_cursor" doc:"Give it as cursor= for the next page; null where the list ends."`
	Generation uint64  `json:"generation" doc:"Generation of the archive that the list is of."`
}

// Paging holds the parameters that all lists take.
type Paging struct {
	Format string `query:"format" enum:"json,ndjson,csv,parquet" doc:"json is a page; ndjson, csv and parquet are the whole list, or limit rows of it. Without it the Accept header decides, and else it is json."`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" doc:"Rows of a page (default 100)."`
	Cursor string `query:"cursor" maxLength:"300" doc:"next_cursor of the page before, with the same other parameters."`
	Accept string `header:"Accept" doc:"application/json, application/x-ndjson, text/csv or application/vnd.apache.parquet"`
}

func (p *Paging) page() *Paging { return p }

type paged interface{ page() *Paging }

// The media types of lists.
const (
	jsonType    = "application/json"
	ndjsonType  = "application/x-ndjson"
	csvType     = "text/csv"
	parquetType = "application/vnd.apache.parquet"
)

// format returns the format that the client asks for with format= or else with Accept;
// "json" if it names none that we have.
func (p *Paging) format() string {
	if p.Format != "" {
		return p.Format
	}
	for _, part := range strings.Split(p.Accept, ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		for format, media := range map[string]string{"json": jsonType, "ndjson": ndjsonType, "csv": csvType, "parquet": parquetType} {
			if strings.EqualFold(strings.TrimSpace(kind), media) {
				return format
			}
		}
	}
	return "json"
}

// defaultLimit is how many rows a page has if limit is not given.
const defaultLimit = 100

// rows is the source of a list: a slice, or the segments of a view.
type rows[T any] struct {
	list []T

	view   string // a name of package store; "" for a slice
	filter store.Filter
	keep   func(*T) bool // nil keeps every row
}

// cursor says where a list goes on.
type cursor struct {
	Query   string `json:"q"` // hash of the question
	Edition string `json:"e"` // the state that the list was begun at: the archive's generation, or the whole edition
	store.Position
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads a cursor and checks that it belongs to this question. Else the error
// is a 422.
func parseCursor(text, query string) (c cursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.Query != query || c.Segment < 0 || c.Row < 0 {
		return c, huma.Error422UnprocessableEntity("cursor is not one that this list gave: use next_cursor as it is, with the same other parameters, or leave it out to begin again.")
	}
	return c, nil
}

// queryOf returns a hash of the question, without cursor, limit and format.
func queryOf(u url.URL) string {
	q := u.Query()
	for _, name := range []string{"cursor", "limit", "format"} {
		q.Del(name)
	}
	sum := sha256.Sum256([]byte(u.Path + "?" + q.Encode()))
	return hex.EncodeToString(sum[:6])
}

// pins keep what a list is made of while clients page through it.
type pins struct {
	mu    sync.Mutex // guards what follows
	held  map[string]*pin
	bytes int
}

type pin struct {
	value any // a manifest or a slice
	bytes int // an estimate
	used  time.Time
}

// A pin is dropped after pinLasts, well before the segments of its manifest are removed,
// and earlier if there are too many pins or they take too many bytes.
const (
	pinLasts    = archive.Grace - 10*time.Minute
	maxPins     = 128
	maxPinBytes = 64 << 20
)

func (p *pins) get(name string, now time.Time) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.held[name]; h != nil && now.Sub(h.used) < pinLasts {
		return h.value
	}
	return nil
}

// put keeps a value of so many bytes. A value that is kept already stays as it is.
func (p *pins) put(name string, value any, bytes int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[string]*pin{}
	}
	if p.held[name] != nil {
		return
	}
	for n, h := range p.held {
		if now.Sub(h.used) >= pinLasts {
			p.drop(n)
		}
	}
	for len(p.held) > 0 && (len(p.held) >= maxPins || p.bytes+bytes > maxPinBytes) {
		oldest := ""
		for n, h := range p.held {
			if oldest == "" || h.used.Before(p.held[oldest].used) {
				oldest = n
			}
		}
		p.drop(oldest)
	}
	p.held[name] = &pin{value, bytes, now}
	p.bytes += bytes
}

// drop drops a value. The caller holds mu.
func (p *pins) drop(name string) {
	p.bytes -= p.held[name].bytes
	delete(p.held, name)
}

// reading is a list, opened at one state of the archive.
type reading[T any] struct {
	rows[T]
	s          *Server
	query      string
	edition    string
	generation uint64
	manifest   *archive.Manifest // of a view; nil for a slice or without an archive
	from       store.Position
}

// open returns the list that the cursor was begun at, or the list as it is now. If that
// state is no longer kept, the error is a 410.
func open[T any](ctx context.Context, s *Server, u url.URL, p *Paging, make func(context.Context) (rows[T], error)) (*reading[T], error) {
	r := &reading[T]{s: s, query: queryOf(u)}
	var at cursor
	if p.Cursor != "" {
		var err error
		if at, err = parseCursor(p.Cursor, r.query); err != nil {
			return nil, err
		}
		r.from = at.Position
	}
	for range 3 { // the edition must not change while the list is being made
		before, err := s.Desk.Edition()
		if err != nil {
			return nil, err
		}
		made, err := make(ctx)
		if err != nil {
			return nil, err
		}
		r.rows, r.generation = made, before.Generation
		if made.view != "" {
			return r, r.pinManifest(at.Edition)
		}
		r.edition = fmt.Sprint(before.Generation, ".", before.Lists, ".", before.Day)
		if at.Edition != "" && at.Edition != r.edition {
			kept, ok := s.pins.get(r.query+"@"+at.Edition, s.Now()).([]T)
			if !ok {
				return nil, gone()
			}
			r.list, r.edition = kept, at.Edition
			fmt.Sscan(at.Edition, &r.generation)
			return r, nil
		}
		after, err := s.Desk.Edition()
		if err != nil {
			return nil, err
		}
		if after == before {
			return r, nil
		}
	}
	return r, nil
}

// pinManifest finds the manifest of a generation; "" is the present one.
func (r *reading[T]) pinManifest(generation string) error {
	if r.s.Store == nil {
		return nil
	}
	m, err := r.s.Store.Archive().Manifest()
	if err != nil {
		return err
	}
	r.edition = fmt.Sprint(m.Generation)
	if generation != "" && generation != r.edition {
		kept, ok := r.s.pins.get(r.view+"@"+generation, r.s.Now()).(*archive.Manifest)
		if !ok {
			return gone()
		}
		m, r.edition = kept, generation
	}
	r.manifest, r.generation = m, m.Generation
	return nil
}

// bytesOfSegment estimates what a segment takes in a manifest, in bytes.
const bytesOfSegment = 512

// errEnough ends a scan without an error.
var errEnough = errors.New("enough rows")

// each calls fn with each row from r.from on, and the position after it. A row that keep
// rejects comes as nil, so that a scan can also stop there. If fn returns errEnough, each
// ends without an error.
func (r *reading[T]) each(ctx context.Context, fn func(row *T, after store.Position) error) error {
	var err error
	if r.view == "" {
		for i := int(min(r.from.Row, int64(len(r.list)))); i < len(r.list) && err == nil; i++ {
			err = fn(&r.list[i], store.Position{Row: int64(i) + 1})
		}
	} else if r.manifest != nil {
		err = store.Scan(ctx, r.s.Store, r.manifest, r.view, &r.filter, r.from, func(row *T, after store.Position) error {
			if r.keep != nil && !r.keep(row) {
				row = nil
			}
			return fn(row, after)
		})
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// patience is how long a page looks for rows before it ends early.
const patience = 10 * time.Second

// take reads one page.
func (r *reading[T]) take(ctx context.Context, limit int) (*Page[T], error) {
	page := &Page[T]{Results: []T{}, Generation: r.generation}
	last, began, seen, more := r.from, time.Now(), 0, false
	err := r.each(ctx, func(row *T, after store.Position) error {
		if seen++; len(page.Results) == limit || seen%4096 == 0 && time.Since(began) > patience {
			more = true
			return errEnough
		}
		last = after
		if row != nil {
			page.Results = append(page.Results, *row)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if more {
		next := cursor{r.query, r.edition, last}.String()
		page.NextCursor = &next
		if r.view == "" {
			var row T
			r.s.pins.put(r.query+"@"+r.edition, r.list, len(r.list)*2*int(unsafe.Sizeof(row)), r.s.Now())
		} else {
			slim := store.OfView(r.manifest, r.view)
			r.s.pins.put(r.view+"@"+r.edition, slim, len(slim.Segments)*bytesOfSegment, r.s.Now())
		}
	}
	return page, nil
}

// write writes page in a format that streams, or all rows if page is nil.
func (r *reading[T]) write(ctx context.Context, w io.Writer, format string, page *Page[T]) error {
	out, err := newWriter[T](w, format)
	if err != nil {
		return err
	}
	if page != nil {
		for i := range page.Results {
			if err := out.row(&page.Results[i]); err != nil {
				return err
			}
		}
		return out.end()
	}
	if err := r.each(ctx, func(row *T, _ store.Position) error {
		if row == nil {
			return nil
		}
		return out.row(row)
	}); err != nil {
		return err
	}
	return out.end()
}

// writer writes rows in one format.
type writer[T any] struct {
	row func(*T) error
	end func() error
}

// parquetRows is how many rows a Parquet writer gets at once.
const parquetRows = 512

func newWriter[T any](w io.Writer, format string) (*writer[T], error) {
	switch format {
	case "ndjson":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return &writer[T]{func(row *T) error { return e.Encode(row) }, func() error { return nil }}, nil
	case "csv":
		columns := columnsOf(reflect.TypeFor[T]())
		out, record := csv.NewWriter(w), make([]string, len(columns))
		for i, c := range columns {
			record[i] = c.name
		}
		if err := out.Write(record); err != nil {
			return nil, err
		}
		return &writer[T]{func(row *T) error {
			v := reflect.ValueOf(row).Elem()
			for i := range columns {
				record[i] = columns[i].text(v)
			}
			return out.Write(record)
		}, func() error { out.Flush(); return out.Error() }}, nil
	case "parquet":
		out := parquet.NewGenericWriter[T](w, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), parquet.CreatedBy("bandish", "1", ""), parquet.MaxRowsPerRowGroup(20_000))
		var some []T
		flush := func() error {
			_, err := out.Write(some)
			some = some[:0]
			return err
		}
		return &writer[T]{func(row *T) error {
			if some = append(some, *row); len(some) == parquetRows {
				return flush()
			}
			return nil
		}, func() error { return errors.Join(flush(), out.Close()) }}, nil
	}
	return nil, fmt.Errorf("format %q", format)
}

// listing describes a list for the document.
type listing[T any] struct {
	path, name, summary, text, tag, example string
	errors                                  []int
}

// addList registers a list. It answers with a page as JSON, or with the whole list as
// lines of JSON, CSV or, if parquet is not nil, Parquet.
func addList[T, I any, P interface {
	*I
	paged
}](s *Server, d listing[T], parquet func(ctx context.Context, r *reading[T], w io.Writer) error, of func(ctx context.Context, in *I) (rows[T], error)) {
	op := s.operation(d.path, d.name, d.summary, d.text, d.tag, d.example, append([]int{http.StatusGone, http.StatusNotAcceptable, http.StatusServiceUnavailable}, d.errors...))
	registry := s.api.OpenAPI().Components.Schemas
	row := registry.Schema(reflect.TypeFor[T](), true, "")
	ok := &huma.Response{Description: "A page, or the whole list", Headers: headersOf(), Content: map[string]*huma.MediaType{
		jsonType:   {Schema: registry.Schema(reflect.TypeFor[Page[T]](), true, "")},
		ndjsonType: {Schema: row},
		csvType:    {Schema: &huma.Schema{Type: huma.TypeString, Description: "With a header. Columns are the fields of a row, those of objects as a.b; lists of words are joined by spaces, other lists are JSON. A text that begins like a formula has an apostrophe before it."}},
	}}
	ok.Headers["Link"] = &huma.Param{Description: "The next page, rel=next", Schema: &huma.Schema{Type: huma.TypeString}}
	if parquet != nil {
		ok.Content[parquetType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	op.Responses["200"] = ok
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		p := P(in).page()
		format := p.format()
		if format == "parquet" && parquet == nil {
			return nil, huma.Error406NotAcceptable("This list is not written as Parquet: take format=json, ndjson or csv.")
		}
		u := requestURL(ctx)
		r, err := open(ctx, s, u, p, func(ctx context.Context) (rows[T], error) { return of(ctx, in) })
		if err != nil {
			return nil, s.failure(ctx, u.Path, err)
		}
		var page *Page[T]
		if format == "json" || p.Limit > 0 {
			limit := p.Limit
			if limit == 0 {
				limit = defaultLimit
			}
			if page, err = r.take(ctx, limit); err != nil {
				return nil, s.failure(ctx, u.Path, err)
			}
		} else {
			select {
			case s.streams <- struct{}{}:
			default:
				return nil, huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("As many whole lists as this server can write are being written. Try again in a minute, take pages with format=json, or the files of "+Prefix+"/datapackage.json."), http.Header{"Retry-After": {"60"}})
			}
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			if page == nil {
				defer func() { <-s.streams }()
			}
			_, w := humago.Unwrap(hc)
			if page != nil && page.NextCursor != nil {
				w.Header().Set("Link", "<"+nextOf(u, *page.NextCursor)+`>; rel="next"`)
			}
			err := r.answer(hc.Context(), w, format, page, parquet)
			if err != nil {
				if r, _ := humago.Unwrap(hc); !server.Gone(r, err) {
					s.Log.Error("API", "path", u.Path, "err", err)
				}
				panic(http.ErrAbortHandler) // cut the connection, so that the client sees that the list is not whole
			}
		}}, nil
	})
}

// answer writes a list with its media type.
func (r *reading[T]) answer(ctx context.Context, w http.ResponseWriter, format string, page *Page[T], parquet func(ctx context.Context, r *reading[T], w io.Writer) error) error {
	media := map[string]string{"json": jsonType, "ndjson": ndjsonType, "csv": csvType + "; charset=utf-8", "parquet": parquetType}[format]
	w.Header().Set("Content-Type", media)
	if format == "json" {
		b, err := json.Marshal(page)
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	}
	buf := bufio.NewWriterSize(&patient{w: w, control: http.NewResponseController(w)}, 256<<10)
	if format == "parquet" && page == nil {
		if err := parquet(ctx, r, buf); err != nil {
			return err
		}
		return buf.Flush()
	}
	if format == "parquet" { // a page as Parquet
		some := *r
		some.view, some.list, some.from = "", page.Results, store.Position{}
		if err := parquet(ctx, &some, buf); err != nil {
			return err
		}
		return buf.Flush()
	}
	if err := r.write(ctx, buf, format, page); err != nil {
		return err
	}
	return buf.Flush()
}

// asParquet writes rows with the columns of their type.
func asParquet[T any](ctx context.Context, r *reading[T], w io.Writer) error {
	return r.write(ctx, w, "parquet", nil)
}

// patient is a ResponseWriter that sets a new deadline for each part of a long answer.
type patient struct {
	w       io.Writer
	control *http.ResponseController
}

const partTime = time.Minute

func (p *patient) Write(b []byte) (int, error) {
	p.control.SetWriteDeadline(time.Now().Add(partTime)) // if it cannot be set, the server's own deadline holds
	return p.w.Write(b)
}

// nextOf returns the address of the next page without the host, so that a client stays on
// the host it asked.
func nextOf(u url.URL, cursor string) string {
	q := u.Query()
	q.Set("cursor", cursor)
	return u.Path + "?" + q.Encode()
}

type urlKey struct{}

// requestURL returns the address that was asked.
func requestURL(ctx context.Context) url.URL {
	u, _ := ctx.Value(urlKey{}).(url.URL)
	return u
}
