// Package collect is the server's side of measuring. A collector takes measurements in; a
// test helper gives probes a control. Both speak OONI's protocol: OONI's probes can use
// this server, and ours can use OONI's.
//
// A submission is acknowledged only when the archive says that it is durable. A client's
// address serves five purposes: to limit its rate; to find its network and country if it
// asks for them; to compare them with what it claims; to tell who submits twice in a day;
// and to remove that address from what it submits. The address is never stored or logged.
package collect

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/bandish/bandish/address"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
)

// Archive keeps submissions for ever.
type Archive interface {
	// Submit keeps one document, byte for byte. It returns nil only when the document
	// would survive a loss of power. The same bytes again are not an error, and give the
	// same receipt. If the document is not a measurement, the error wraps
	// *measurement.DecodeError. If the error wraps ErrOccupied, the document was not kept.
	// Any other error means that it may or may not have been kept, and that the client
	// will send it again.
	Submit(ctx context.Context, doc []byte, from Sender) (Receipt, error)
}

// ErrOccupied means that the archive is busy with long work and takes nothing in.
var ErrOccupied = errors.New("the archive is at work on something longer and takes nothing in now; send it again in a minute")

// ErrNoSpace means that the archive's disk is nearly full.
var ErrNoSpace = errors.New("this server's disk is nearly full and it takes nothing in now; keep it and send it again later")

// How much one client network may hand in on one day: documents, and bytes. A probe that
// tests without a pause sends about 5000 documents of 30 kB a day.
const (
	DayDocuments = 20_000
	DayBytes     = 1 << 30
)

// Receipt says under which name a submission is kept.
type Receipt struct {
	UID    string `json:"measurement_uid"`
	SHA256 string `json:"sha256"` // of the document as kept, in hex

	// Batch is the raw batch that keeps the document. Ledger is the origin of the ledger,
	// and Entry the index of the batch's entry in it. All three are left out if the
	// archive had the document already.
	Batch  string `json:"batch,omitempty"`
	Ledger string `json:"ledger,omitempty"`
	Entry  *int64 `json:"ledger_entry,omitempty"`

	// ReportID is the report that the document belongs to. The collector sets it.
	ReportID string `json:"report_id,omitempty"`
}

// Place is the network and the country of a client.
type Place struct {
	CC      string // ZZ: not known
	ASN     uint32
	Network string
}

// TestURL is one URL of a test list.
type TestURL struct {
	URL      string `json:"url"`
	Category string `json:"category_code"`
	CC       string `json:"country_code"` // ZZ: for all countries
}

// Config is what a Server needs. Archive and Now must be set.
type Config struct {
	Archive Archive
	Helper  *Helper // nil: there is no test helper
	BaseURL string  // address of this server as probes reach it, without a slash at the end
	Now     func() time.Time
	Log     *slog.Logger

	// EchoAddr and HeadersURL are the addresses of Echo and JSONHeaders. "": they do not
	// run, and probes are not told of them.
	EchoAddr   string // an IP address without a port: OONI's probes use port 80
	HeadersURL string

	// URLs returns the test list for a country. It may be nil.
	URLs func(cc string, categories []string) []TestURL

	// Locate returns the network of a client. It may be nil.
	Locate func(netip.Addr) Place

	// Proxies are the proxies that are believed when they say for whom they hand on a
	// request.
	Proxies Proxies

	Submissions *Limiter // nil: 5 a second, after 200 at once
	Requests    *Limiter // of the test helper; nil: 10 a second, after 400 at once
	Quota       *Quota   // of submissions in a day; nil: 20 000 documents and 1 GiB
	MaxBody     int64    // greatest size of a submission in bytes; 0: 16 MiB
}

// Server answers probes.
type Server struct {
	cfg     Config
	senders senders
	room    room
}

// New checks the configuration and fills in defaults.
func New(cfg Config) (*Server, error) {
	if cfg.Archive == nil || cfg.Now == nil {
		return nil, errors.New("collector: an archive and a clock are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Submissions == nil {
		cfg.Submissions = NewLimiter(5, 200, cfg.Now)
	}
	if cfg.Requests == nil {
		// A run of OONI's probe asks about a hundred URLs within minutes, and several
		// probes may share a network. So this limit is high; the load is limited by how
		// many requests the Helper serves at one time.
		cfg.Requests = NewLimiter(10, 400, cfg.Now)
	}
	if cfg.Quota == nil {
		cfg.Quota = NewQuota(DayDocuments, DayBytes, cfg.Now)
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 16 << 20
	}
	if cfg.Helper != nil && cfg.Helper.Guard.Unsafe {
		cfg.Log.Warn("THE TEST HELPER REACHES PRIVATE ADDRESSES: anyone who can ask it can look into this network; for the lab only")
	}
	return &Server{cfg: cfg, senders: senders{now: cfg.Now}}, nil
}

// handler is a handler that returns an error; Server.fail turns it into an answer.
type handler func(w http.ResponseWriter, r *http.Request) error

// routes lists everything that the server answers.
func (s *Server) routes() []struct {
	pattern string
	do      handler
} {
	return []struct {
		pattern string
		do      handler
	}{
		{"POST /report", s.open},
		{"POST /report/{id}", s.inRoom(s.update)},
		{"POST /report/{id}/close", s.close},
		{"POST /api/v1/measurement", s.inRoom(s.submit)},
		{"POST /api/v1/submit_measurement", s.inRoom(s.submitOne)},
		{"GET /api/v1/check-report-id", s.checkReportID},
		{"POST /api/v1/check-in", s.checkIn},
		{"GET /api/v1/test-list/urls", s.testList},
		{"GET /api/v1/test-helpers", s.testHelpers},
		{"GET /api/v1/collectors", s.collectors},
		{"POST /bouncer/net-tests", s.bouncer},
		{"POST /api/v1/test-helper", s.help},
		{"POST /{$}", s.help}, // OONI's helper answers there
		{"GET /api/v1/object", s.object},
		{"POST /api/v1/register", s.register},
		{"POST /api/v1/login", s.login},
		{"PUT /api/v1/update/{id}", s.refresh},
		{"GET /api/v1/test-list/tor-targets", s.torTargets},

		{"/api/", notServed},
		{"/bouncer/", notServed},
		{"/report", notServed},
		{"/report/", notServed},
	}
}

// Patterns returns the patterns of [http.ServeMux] for which Handler has answers.
func (s *Server) Patterns() []string {
	var out []string
	for _, r := range s.routes() {
		out = append(out, r.pattern)
	}
	return out
}

// Handler answers all paths of Patterns.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) {
			if err := r.do(w, req); err != nil {
				s.fail(w, req, err)
			}
		})
	}
	return mux
}

// notServed answers the paths of OONI's API that this server does not have.
func notServed(_ http.ResponseWriter, r *http.Request) error {
	return &answerError{status: http.StatusNotFound, reason: "not_served", message: fmt.Sprintf("this server does not answer %s %s", r.Method, r.URL.Path),
		hint: "docs/formats/collector.md lists what it answers"}
}

// answerError is an error whose text the client may see.
type answerError struct {
	status  int
	reason  string // a word for programs
	message string
	hint    string
	wait    time.Duration
}

func (e *answerError) Error() string { return e.message }

// fail answers with an error. Strangers see no internals.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var (
		known   *answerError
		refused *RefusedError
		decode  *measurement.DecodeError
		tooBig  *http.MaxBytesError
	)
	switch {
	case errors.As(err, &known):
	case errors.As(err, &refused):
		known = &answerError{status: http.StatusBadRequest, reason: "refused", message: refused.Error()}
	case errors.As(err, &decode):
		known = &answerError{status: http.StatusBadRequest, reason: string(decode.Reason), message: decode.Error(), hint: decode.Hint}
	case errors.As(err, &tooBig):
		known = &answerError{status: http.StatusRequestEntityTooLarge, reason: "too_large", message: fmt.Sprintf("the body is larger than %d bytes", tooBig.Limit)}
	case errors.Is(err, ErrBusy):
		known = &answerError{status: http.StatusServiceUnavailable, reason: "busy", message: ErrBusy.Error(), wait: 5 * time.Second}
	case errors.Is(err, errFull):
		known = &answerError{status: http.StatusServiceUnavailable, reason: "busy", message: errFull.Error(), wait: 5 * time.Second}
	case errors.Is(err, ErrNoSpace):
		known = &answerError{status: http.StatusInsufficientStorage, reason: "no_space", message: ErrNoSpace.Error(), wait: 10 * time.Minute}
	case errors.Is(err, ErrOccupied):
		known = &answerError{status: http.StatusServiceUnavailable, reason: "busy", message: ErrOccupied.Error(), wait: time.Minute}
	case server.Gone(r, err):
		return
	default:
		s.cfg.Log.Error("collector", "path", r.Pattern, "err", err)
		known = &answerError{status: http.StatusServiceUnavailable, reason: "unavailable", message: "the server could not do this now; send it again later", wait: 30 * time.Second}
	}
	if known.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(known.wait.Seconds())+1))
	}
	body := map[string]any{"error": known.message, "reason": known.reason}
	if known.hint != "" {
		body["hint"] = known.hint
	}
	writeJSON(w, known.status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // an error is the client's loss
	return nil
}

// allow limits the rate of the client's network.
func (s *Server) allow(l *Limiter, r *http.Request) error {
	if ok, wait := l.Allow(s.cfg.Proxies.Client(r)); !ok {
		return &answerError{status: http.StatusTooManyRequests, reason: "rate", wait: wait,
			message: "too many requests from this network; wait and send it again"}
	}
	return nil
}

// maxWindow is how many bytes of memory one zstd decoder may use.
const maxWindow = 8 << 20

// readBody reads a body and uncompresses it. limit is for both sizes, in bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	var in io.Reader = http.MaxBytesReader(w, r.Body, limit)
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("unpack zstd: %w", err)
		}
		defer z.Close()
		in = io.LimitReader(z, limit+1)
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, &answerError{status: http.StatusBadRequest, reason: "not_gzip", message: "the body is not gzip, as its Content-Encoding says"}
		}
		defer z.Close()
		in = io.LimitReader(z, limit+1)
	default:
		return nil, &answerError{status: http.StatusUnsupportedMediaType, reason: "encoding", message: fmt.Sprintf("Content-Encoding %q is not read; send gzip, zstd or none", enc)}
	}
	if mine, ok := r.Context().Value(shareKey{}).(*share); ok {
		in = sharedReader{in, mine}
	}
	body, err := io.ReadAll(in)
	var tooBig *http.MaxBytesError
	switch {
	case errors.Is(err, errFull):
		return nil, err
	case errors.As(err, &tooBig):
		return nil, err
	case err != nil:
		return nil, &answerError{status: http.StatusBadRequest, reason: "body", message: "the body could not be read to its end"}
	case int64(len(body)) > limit:
		return nil, &http.MaxBytesError{Limit: limit}
	}
	return body, nil
}

// readJSON reads a small document.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, out any) error {
	body, err := readBody(w, r, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &answerError{status: http.StatusBadRequest, reason: "not_json", message: "the body is not the JSON that is wanted: " + err.Error()}
	}
	return nil
}

// open makes up the name of a report. Nothing is stored: the name says everything.
func (s *Server) open(w http.ResponseWriter, r *http.Request) error {
	if err := s.allow(s.cfg.Submissions, r); err != nil {
		return err
	}
	var in reportTemplate
	if err := readJSON(w, r, 1<<16, &in); err != nil {
		return err
	}
	if in.Format != "" && in.Format != "json" {
		return &answerError{status: http.StatusBadRequest, reason: "format", message: fmt.Sprintf("format %q is not taken; send json", in.Format)}
	}
	return writeJSON(w, http.StatusOK, map[string]any{
		"report_id": in.id(s.cfg.Now(), randomWord(16)), "backend_version": "1.3.5", "supported_formats": []string{"json"},
	})
}

// update takes a measurement into a report.
func (s *Server) update(w http.ResponseWriter, r *http.Request) error {
	if err := checkForm(r.PathValue("id")); err != nil {
		return err
	}
	if err := s.allow(s.cfg.Submissions, r); err != nil {
		return err
	}
	doc, err := s.content(w, r)
	if err != nil {
		return err
	}
	return s.keep(w, r, doc, r.PathValue("id"))
}

// content reads the document out of its envelope. It is JSON itself, or a string with
// JSON.
func (s *Server) content(w http.ResponseWriter, r *http.Request) (json.RawMessage, error) {
	var in struct {
		Format  string          `json:"format"`
		Content json.RawMessage `json:"content"`
	}
	if err := readJSON(w, r, s.cfg.MaxBody, &in); err != nil {
		return nil, err
	}
	if len(in.Content) > 0 && in.Content[0] == '"' {
		var text string
		if err := json.Unmarshal(in.Content, &text); err != nil {
			return nil, &answerError{status: http.StatusBadRequest, reason: "not_json", message: "the content is no JSON string: " + err.Error()}
		}
		in.Content = bytes.TrimSpace([]byte(text))
	}
	if in.Format != "json" || len(in.Content) == 0 {
		return nil, &answerError{status: http.StatusBadRequest, reason: "format", message: `want {"format":"json","content":…the measurement, or a string that holds it…}`}
	}
	return in.Content, nil
}

// submit takes a measurement without an envelope.
func (s *Server) submit(w http.ResponseWriter, r *http.Request) error {
	if err := s.allow(s.cfg.Submissions, r); err != nil {
		return err
	}
	doc, err := readBody(w, r, s.cfg.MaxBody)
	if err != nil {
		return err
	}
	return s.keep(w, r, bytes.TrimSpace(doc), "")
}

// keep gives a document to the archive and then acknowledges it. report is the name of the
// report that it belongs to, "" for none.
func (s *Server) keep(w http.ResponseWriter, r *http.Request, doc []byte, report string) error {
	receipt, err := s.store(r, doc, report)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, receipt)
}

// store gives a document to the archive. It removes the client's address first, and adds
// the name of the report.
func (s *Server) store(r *http.Request, doc []byte, report string) (Receipt, error) {
	var own []netip.Addr
	client := s.cfg.Proxies.Client(r)
	if address.Reserved(client) == "" {
		own = append(own, client)
	}
	if err := measurement.Budget(doc); err != nil {
		return Receipt{}, err
	}
	doc, _ = measurement.Scrub(doc, own...)
	doc, report = inReport(doc, report)
	size := int64(len(doc))
	if ok, wait := s.cfg.Quota.use(client, size); !ok {
		return Receipt{}, &answerError{status: http.StatusTooManyRequests, reason: "quota", wait: wait,
			message: "this network has handed in all that it may for today; keep the measurement and send it again tomorrow"}
	}
	receipt, err := s.cfg.Archive.Submit(r.Context(), doc, s.sender(client))
	if err != nil {
		s.cfg.Quota.giveBack(client, size)
	}
	receipt.ReportID = report
	return receipt, err
}

// submitOne takes a measurement without a report, as OONI's probes send it since July
// 2026, and gives it one. The probes also send anonymous credentials. This server does not
// read them, and says that the submitter is not verified.
func (s *Server) submitOne(w http.ResponseWriter, r *http.Request) error {
	if err := s.allow(s.cfg.Submissions, r); err != nil {
		return err
	}
	doc, err := s.content(w, r)
	if err != nil {
		return err
	}
	receipt, err := s.store(r, doc, "")
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Receipt
		Verified bool    `json:"is_verified"`
		Status   string  `json:"verification_status"`
		Protocol string  `json:"protocol_version"`
		Error    *string `json:"error"`
		Response *string `json:"submit_response"`
	}{Receipt: receipt, Status: "unverified", Protocol: protocolVersion})
}

// protocolVersion is the version of OONI's protocol for anonymous submission that
// submitOne speaks.
const protocolVersion = "0.1.0"

// close answers a probe that ends a report. Nothing needs to be done.
func (s *Server) close(w http.ResponseWriter, r *http.Request) error {
	if err := checkForm(r.PathValue("id")); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct{}{})
}

// checkReportID says whether a report exists. Every well-formed name does.
func (s *Server) checkReportID(w http.ResponseWriter, r *http.Request) error {
	found := checkForm(r.URL.Query().Get("report_id")) == nil
	return writeJSON(w, http.StatusOK, map[string]any{"found": found, "error": "", "v": 1})
}

// features are the switches that OONI's probes ask for. Tests that need the secrets of
// others, or their own tor, are off.
var features = map[string]bool{
	"webconnectivity_0.5": true, "psiphon_enabled": false, "tor_enabled": false,
	"torsf_enabled": false, "vanilla_tor_enabled": false, "openvpn_enabled": false,
}

// checkIn tells a probe where it is, what to measure, and which helpers to use.
func (s *Server) checkIn(w http.ResponseWriter, r *http.Request) error {
	if err := s.allow(s.cfg.Submissions, r); err != nil {
		return err
	}
	in := struct {
		ProbeASN string `json:"probe_asn"`
		ProbeCC  string `json:"probe_cc"`
		RunType  string `json:"run_type"`
		Charging bool   `json:"charging"`
		Web      struct {
			Categories []string `json:"category_codes"`
		} `json:"web_connectivity"`
	}{RunType: "timed", Charging: true}
	if err := readJSON(w, r, 1<<16, &in); err != nil {
		return err
	}
	place := s.place(r, in.ProbeCC, in.ProbeASN)
	asn := network.ASN(place.ASN).String()
	urls := s.urls(place.CC, in.Web.Categories)
	if limit := urlsOf(in.RunType, in.Charging); len(urls) > limit {
		urls = urls[:limit]
	}
	tests := map[string]any{}
	if len(urls) > 0 {
		tests["web_connectivity"] = map[string]any{
			"report_id": reportTemplate{ProbeASN: asn, ProbeCC: place.CC, TestName: "web_connectivity"}.id(s.cfg.Now(), randomWord(16)),
			"urls":      urls,
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{
		"v": 1, "utc_time": s.cfg.Now().UTC().Format(time.RFC3339),
		"probe_asn": asn, "probe_cc": place.CC, "probe_network_name": place.Network,
		"conf":  map[string]any{"features": features, "test_helpers": s.helpers()},
		"tests": tests,
	})
}

// urlsOf is how many URLs a run measures: all if a person started it, fewer on a timer,
// fewest on battery. The numbers are OONI's.
func urlsOf(runType string, charging bool) int {
	switch {
	case runType == "manual":
		return 9999
	case charging:
		return 100
	}
	return 20
}

// place is the network and country that the probe claims. What it does not claim comes
// from its address.
func (s *Server) place(r *http.Request, cc, asn string) Place {
	var p Place
	if n, err := network.ParseASN(asn); err == nil {
		p.ASN = uint32(n)
	}
	if p.CC = strings.ToUpper(cc); !isCountry.MatchString(p.CC) {
		p.CC = "ZZ"
	}
	if s.cfg.Locate == nil || p.ASN != 0 && p.CC != "ZZ" {
		return p
	}
	found := s.cfg.Locate(s.cfg.Proxies.Client(r))
	if p.ASN == 0 {
		p.ASN, p.Network = found.ASN, found.Network
	}
	if p.CC == "ZZ" && found.CC != "" {
		p.CC = found.CC
	}
	return p
}

func (s *Server) urls(cc string, categories []string) []TestURL {
	if s.cfg.URLs == nil {
		return []TestURL{}
	}
	return append([]TestURL{}, s.cfg.URLs(cc, categories)...)
}

// service is one server in the bouncer's answer.
type service struct {
	Address string `json:"address"`
	Type    string `json:"type"`
}

func (s *Server) helpers() map[string][]service {
	out := map[string][]service{}
	if s.cfg.Helper != nil {
		out["web-connectivity"] = []service{{s.cfg.BaseURL + "/api/v1/test-helper", "https"}}
	}
	if s.cfg.EchoAddr != "" {
		out["tcp-echo"] = []service{{s.cfg.EchoAddr, "legacy"}}
	}
	if s.cfg.HeadersURL != "" {
		out["http-return-json-headers"] = []service{{s.cfg.HeadersURL, "legacy"}}
	}
	return out
}

func (s *Server) testHelpers(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, s.helpers())
}

func (s *Server) collectors(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, []service{{s.cfg.BaseURL, "https"}})
}

// bouncer tells the oldest probes which collector and helper to use for each test.
func (s *Server) bouncer(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Tests []struct {
			Name string `json:"name"`
		} `json:"net-tests"`
	}
	if err := readJSON(w, r, 1<<16, &in); err != nil {
		return err
	}
	tests := []map[string]any{}
	for _, t := range in.Tests {
		tests = append(tests, map[string]any{"name": t.Name, "collector": s.cfg.BaseURL, "input-hashes": nil, "test-helpers": map[string]string{}})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"net-tests": tests})
}

func (s *Server) testList(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	var categories []string
	if c := q.Get("category_codes"); c != "" {
		categories = strings.Split(c, ",")
	}
	list := s.urls(s.place(r, cmp.Or(q.Get("probe_cc"), q.Get("country_code")), "").CC, categories)
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n >= 0 && n < len(list) {
		list = list[:n]
	}
	return writeJSON(w, http.StatusOK, map[string]any{
		"metadata": map[string]any{"count": len(list), "current_page": -1, "limit": -1, "next_url": "", "pages": 1}, "results": list,
	})
}

// help is the test helper's address.
func (s *Server) help(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Helper == nil {
		return &answerError{status: http.StatusNotFound, reason: "no_helper", message: "this server is no test helper"}
	}
	if err := s.allow(s.cfg.Requests, r); err != nil {
		return err
	}
	var in measurement.ControlRequest
	if err := readJSON(w, r, 1<<16, &in); err != nil {
		return err
	}
	out, err := s.cfg.Helper.Measure(r.Context(), &in)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// maxObject is the greatest size of a control object in bytes.
const maxObject = 2 << 20

// object is the control object for a probe that looks for throttling: random bytes, which
// no middlebox can compress.
func (s *Server) object(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	if err != nil || n < 0 || n > maxObject {
		return &answerError{status: http.StatusBadRequest, reason: "bytes", message: fmt.Sprintf("want ?bytes= from 0 to %d", maxObject)}
	}
	if err := s.allow(s.cfg.Requests, r); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	w.Header().Set("Cache-Control", "no-store")
	io.CopyN(w, rand.Reader, n) // an error is the client's loss
	return nil
}
