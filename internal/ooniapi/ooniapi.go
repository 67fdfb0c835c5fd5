// Package ooniapi answers OONI's read API from a Bandish archive, with OONI's parameters
// and field names. So OONI's Explorer, notebooks and libraries can show the archive's
// data. It concludes nothing itself: anomaly, confirmed and failure are verdicts in OONI's
// words (store.Judged); incidents are the cases of the record and the events of the
// detector.
package ooniapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/network"
)

// Server answers the API. Its fields must be set before the first use.
type Server struct {
	Store   *store.Store
	Targets *target.Registry
	Records *casefile.Records
	BaseURL string // address of this server, without a slash at the end
	Now     func() time.Time
	Log     *slog.Logger

	incidents incidents
}

// handler returns what to answer as JSON. Or it writes the answer itself and returns nil.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

func (s *Server) routes() map[string]handler {
	return map[string]handler{
		"GET /api/v1/measurements":              s.measurements,
		"GET /api/v1/measurement_meta":          s.meta,
		"GET /api/v1/raw_measurement":           s.raw,
		"GET /api/v1/measurement/{uid}":         s.measurement,
		"GET /api/v1/aggregation":               s.aggregation,
		"GET /api/v1/aggregation/analysis":      s.analysis,
		"GET /api/v1/aggregation/observations":  s.observations,
		"GET /api/v1/incidents/search":          s.search,
		"GET /api/v1/incidents/show/{id}":       s.show,
		"GET /api/_/countries":                  s.countries,
		"GET /api/_/country_overview":           s.countryOverview,
		"GET /api/_/global_overview":            s.globalOverview,
		"GET /api/_/global_overview_by_month":   s.globalByMonth,
		"GET /api/_/domains":                    s.domains,
		"GET /api/_/domain_metadata":            s.domainMetadata,
		"GET /api/_/networks":                   s.networks,
		"GET /api/_/asnmeta":                    s.asnMeta,
		"GET /api/_/measurement_feedback/{uid}": s.feedback,
	}
}

// Patterns returns the patterns of [http.ServeMux] for which Handler has answers.
func (s *Server) Patterns() []string {
	var out []string
	for p := range s.routes() {
		out = append(out, p)
	}
	return out
}

// requestError is a mistake of the caller, whose text is shown.
type requestError struct {
	status int
	text   string
}

func (e *requestError) Error() string { return e.text }

func bad(format string, args ...any) error {
	return &requestError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// Handler answers all paths of Patterns.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range s.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			v, err := any(nil), inUTF8(r)
			if err == nil {
				v, err = h(w, r)
			}
			var wrong *requestError
			switch {
			case errors.As(err, &wrong):
				// Each of these words is used by one of OONI's APIs.
				s.write(w, wrong.status, map[string]any{"error": wrong.text, "detail": wrong.text, "message": wrong.text})
			case err != nil && server.Gone(r, err):
			case err != nil:
				s.Log.Error("read API", "path", r.URL.Path, "err", err)
				s.write(w, http.StatusInternalServerError, map[string]any{"error": "something broke on our side; it was logged"})
			case v != nil:
				s.write(w, http.StatusOK, v)
			}
		})
	}
	return mux
}

func (s *Server) write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.Log.Error("read API", "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":"something broke on our side; it was logged"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // an error is the client's loss
}

// inUTF8 refuses parameters that are not UTF-8: no database could look for them.
func inUTF8(r *http.Request) error {
	for name, values := range r.URL.Query() {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return bad("%s is not UTF-8", strings.ToValidUTF8(name, "?"))
			}
		}
	}
	return nil
}

// maxRows is the longest list in one answer.
const maxRows = 10_000

// selection reads the parameters that select measurements; several calls share them.
func (s *Server) selection(q url.Values) (f store.Selection, err error) {
	f = store.Selection{
		CCs: list(strings.ToUpper(q.Get("probe_cc"))), Tests: list(q.Get("test_name")), Domains: list(q.Get("domain")), Versions: list(q.Get("software_version")),
		Input: q.Get("input"), ReportID: q.Get("report_id"), UID: q.Get("measurement_uid"),
	}
	for _, a := range list(q.Get("probe_asn")) {
		n, err := network.ParseASN(a)
		if err != nil {
			return f, bad("probe_asn is %q: want the form AS64512", a)
		}
		f.ASNs = append(f.ASNs, uint32(n))
	}
	for name, to := range map[string]**bool{"confirmed": &f.Confirmed, "anomaly": &f.Anomaly, "failure": &f.Failure} {
		switch v := q.Get(name); v {
		case "", "null":
		case "true", "false":
			yes := v == "true"
			*to = &yes
		default:
			return f, bad("%s is %q: want true or false", name, v)
		}
	}
	for _, name := range []string{"category_code", "ooni_run_link_id", "engine_version", "test_version"} {
		if q.Get(name) != "" {
			return f, bad("%s is not served: this archive does not keep it beside its verdicts", name)
		}
	}
	if f.Since, err = moment(q, "since"); err != nil {
		return f, err
	}
	f.Until, err = moment(q, "until")
	return f, err
}

// list reads values separated by commas.
func list(s string) []string {
	out := strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return slices.DeleteFunc(out, func(v string) bool { return v == "" })
}

// moment reads a day or a time.
func moment(q url.Values, name string) (time.Time, error) {
	v := q.Get(name)
	if v == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", time.RFC3339, time.DateTime, "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, bad("%s is %q: want a day as 2024-02-17, or a time as 2024-02-17T10:00:00", name, v)
}

// number reads a whole number up to most. If it is not given, it is otherwise.
func number(q url.Values, name string, otherwise, most int) (int, error) {
	v := q.Get(name)
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, bad("%s is %q: want a whole number", name, v)
	}
	return min(n, most), nil
}

// categoryOf returns the category of a host in OONI's test lists. Platforms of the
// registry are social media; of others nothing is known.
func (s *Server) categoryOf(host string) string {
	if s.Targets != nil && s.Targets.OfHost(host, s.Now()) != "" {
		return "GRP"
	}
	return "MISC"
}

func (s *Server) countries(_ http.ResponseWriter, r *http.Request) (any, error) {
	type one struct {
		Code  string `json:"alpha_2"`
		Count int64  `json:"count"`
		Name  string `json:"name"`
	}
	groups, err := s.Store.Aggregate(r.Context(), store.Selection{}, []string{"probe_cc"}, "")
	out := []one{}
	for _, g := range groups {
		out = append(out, one{g.Values[0], g.Measurements, inquiry.Country(g.Values[0])})
	}
	return map[string]any{"countries": out}, err
}

func (s *Server) countryOverview(_ http.ResponseWriter, r *http.Request) (any, error) {
	cc := strings.ToUpper(r.URL.Query().Get("probe_cc"))
	if len(cc) != 2 {
		return nil, bad("probe_cc is %q: want a country as PK", cc)
	}
	t, err := s.Store.Totals(r.Context(), cc)
	var first *string
	if !t.First.IsZero() {
		day := t.First.Format(time.DateOnly)
		first = &day
	}
	return map[string]any{"first_bucket_date": first, "measurement_count": t.Measurements, "network_count": t.Networks}, err
}

func (s *Server) globalOverview(_ http.ResponseWriter, r *http.Request) (any, error) {
	t, err := s.Store.Totals(r.Context(), "")
	return map[string]any{"network_count": t.Networks, "country_count": t.Countries, "measurement_count": t.Measurements}, err
}

func (s *Server) globalByMonth(_ http.ResponseWriter, r *http.Request) (any, error) {
	type point struct {
		Date  string `json:"date"`
		Value int64  `json:"value"`
	}
	months, err := s.Store.Months(r.Context(), s.Now().AddDate(-2, 0, 0))
	networks, countries, measurements := []point{}, []point{}, []point{}
	for _, m := range months {
		at := m.Start + "T00:00:00+00:00"
		networks, countries, measurements = append(networks, point{at, m.Networks}), append(countries, point{at, m.Countries}), append(measurements, point{at, m.Measurements})
	}
	return map[string]any{"networks_by_month": networks, "countries_by_month": countries, "measurements_by_month": measurements}, err
}

func (s *Server) domains(_ http.ResponseWriter, r *http.Request) (any, error) {
	type one struct {
		Name     string `json:"domain_name"`
		Category string `json:"category_code"`
		Count    int64  `json:"measurement_count"`
	}
	groups, err := s.Store.Aggregate(r.Context(), store.Selection{Tests: []string{"web_connectivity"}}, []string{"domain"}, "")
	out := []one{}
	for _, g := range groups {
		if g.Values[0] != "" {
			out = append(out, one{g.Values[0], s.categoryOf(g.Values[0]), g.Measurements})
		}
	}
	return map[string]any{"v": 0, "results": out}, err
}

func (s *Server) domainMetadata(_ http.ResponseWriter, r *http.Request) (any, error) {
	domain := r.URL.Query().Get("domain")
	if domain == "" {
		return nil, bad("domain is missing")
	}
	return map[string]any{"category_code": s.categoryOf(domain), "canonical_domain": strings.TrimPrefix(domain, "www.")}, nil
}

func (s *Server) networks(_ http.ResponseWriter, r *http.Request) (any, error) {
	type one struct {
		ASN   int64   `json:"probe_asn"`
		Count int64   `json:"cnt"`
		Name  *string `json:"org_name"` // there is no database of networks here
	}
	groups, err := s.Store.Aggregate(r.Context(), store.Selection{}, []string{"probe_asn"}, "")
	out := []one{}
	for _, g := range groups {
		n, err := strconv.ParseInt(g.Values[0], 10, 64)
		if err != nil {
			return nil, err
		}
		out = append(out, one{ASN: n, Count: g.Measurements})
	}
	return map[string]any{"v": 0, "results": out}, err
}

// asnMeta names a network as its last measurement did.
func (s *Server) asnMeta(_ http.ResponseWriter, r *http.Request) (any, error) {
	asn, err := network.ParseASN(r.URL.Query().Get("asn"))
	if err != nil {
		return nil, bad("asn is %q: want a number", r.URL.Query().Get("asn"))
	}
	name := "Unknown"
	rows, err := s.Store.Measurements(r.Context(), store.Selection{ASNs: []uint32{uint32(asn)}}, false, 0, 1)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		doc, err := s.document(&rows[i])
		if err != nil {
			return nil, err
		}
		var m struct {
			Name string `json:"probe_network_name"`
		}
		if json.Unmarshal(doc, &m) == nil && m.Name != "" {
			name = m.Name
		}
	}
	return map[string]any{"org_name": name}, nil
}

// feedback has nothing to tell: this server takes no opinions on measurements.
func (s *Server) feedback(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]any{"summary": map[string]int{}}, nil
}

// limited returns a context with a deadline, for calls that may read much.
func (s *Server) limited(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), time.Minute)
}
