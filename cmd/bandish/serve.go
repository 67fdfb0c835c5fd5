package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/assistant"
	"github.com/bandish/bandish/internal/bucket"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/inbox"
	"github.com/bandish/bandish/internal/ooniapi"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/turns"
	"github.com/bandish/bandish/internal/web"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/request"
	"github.com/spf13/cobra"
	"golang.org/x/time/rate"
)

// serveFlags are the flags of `bandish serve`.
type serveFlags struct {
	listen, admin, base    string
	demo                   bool
	places, proxies        string
	minFree, dayMiB        int64
	dayDocuments, apiLimit int
	echo, headers, bucket  string
	mailFrom, smtp         string
	witnesses, cosigns     []string
	witnessName            string
	stampURL, stampRoots   string
}

func serveCommand(env *environment) *cobra.Command {
	var o serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "serve the site over the archive, making the data folder on first run",
		Example: `bandish serve
bandish serve --demo
bandish serve --listen 0.0.0.0:8080 --base-url https://bandish.example --admin 127.0.0.1:9090`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.demo && !c.Flags().Changed("data") {
				env.data = "./bandish-demo"
			}
			return serve(c.Context(), env, &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to serve on")
	f.BoolVar(&o.demo, "demo", false, "serve a small history of country ZZ made in the lab, from ./bandish-demo unless --data names another folder")
	f.StringVar(&o.base, "base-url", "", "`address` of this server as probes reach it (default http:// and --listen)")
	f.StringVar(&o.places, "places", "", "databases of countries and networks, MMDB or CSV `files` separated by commas, to tell probes where they are")
	f.StringVar(&o.proxies, "proxy", "", "`networks` or addresses, separated by commas, of the proxies that say for whom they hand a request on (X-Forwarded-For, X-Real-IP, Forwarded); from no other is that believed")
	f.Int64Var(&o.minFree, "min-free", 1024, "`MiB` of the disk to leave free: with less, submissions are refused (507) and pages go on")
	f.IntVar(&o.dayDocuments, "daily-documents", collect.DayDocuments, "how many `documents` one client network (/24, /48) may hand in a day; 0 is no bound")
	f.Int64Var(&o.dayMiB, "daily-mib", collect.DayBytes>>20, "how many `MiB` of documents one client network may hand in a day; 0 is no bound")
	f.StringVar(&o.echo, "tcp-echo", "", "public `address` whose port 80 is to send back what it gets, for OONI's http_invalid_request_line")
	f.StringVar(&o.headers, "json-headers", "", "public `address:port` that is to say how a request arrived, for OONI's http_header_field_manipulation")
	f.StringVar(&o.admin, "admin", "", "loopback `address`, as 127.0.0.1:9090, to serve metrics (/metrics) and profiles (/debug/pprof/) on")
	f.StringVar(&o.bucket, "bucket", "", "`folder` of an archive export --layout ooni, to be served as OONI's bucket under /s3/ and /ooni-data-eu-fra/")
	f.IntVar(&o.apiLimit, "api-limit", 600, "`requests` that one client network may make of /api/v1 a minute; 0 for any number")
	f.StringVar(&o.mailFrom, "mail-from", "", "sender's `address` of alerts by mail; without it they go to webhooks alone")
	f.StringVar(&o.smtp, "smtp", "localhost:25", "mail server, as `host:port`; BANDISH_SMTP_USER and BANDISH_SMTP_PASSWORD log in")
	f.StringArrayVar(&o.witnesses, "witness", nil, "ask this `witness` to sign the ledger, as \"URL VERIFIER\" (may be repeated)")
	f.StringArrayVar(&o.cosigns, "cosign", nil, "be a witness of the ledger with this `verifier` string of its key (may be repeated)")
	f.StringVar(&o.witnessName, "witness-name", "", "`name` of this server as a witness; made up when empty")
	f.StringVar(&o.stampURL, "timestamp", "", "let the authority at this `address` (RFC 3161) date the ledger once a day")
	f.StringVar(&o.stampRoots, "timestamp-roots", "", "`file` with the authority's root certificates (PEM); without it only the form of its answer is checked")
	return c
}

// serveMemory is the heap of a server, in bytes, from which on garbage is
// collected more often; GOMEMLIMIT sets another.
const serveMemory = 640 << 20

// How often a server commits what is handed in: so many times a second in the long
// run, and so often without delay, for who hands in some measurements one by one.
const (
	commitsASecond = 2
	commitsAtOnce  = 20
)

func serve(ctx context.Context, env *environment, o *serveFlags) error {
	trusted, err := collect.ParseProxies(o.proxies)
	if err != nil {
		return usageError("serve: --proxy: %v", err)
	}
	asked, err := askedOf(o.witnesses)
	if err != nil {
		return usageError("serve: --witness: %v", err)
	}
	if env.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(serveMemory)
	}
	log, counts := server.Log(env.stderr), server.NewCounts()
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("serve: %w (choose another address with --listen)", err)
	}
	entrance, served := new(door), make(chan error, 1)
	beside.Go(func() { served <- server.Serve(ctx, l, entrance, log, counts) })
	p, err := openPipeline(env.data)
	if err != nil {
		return err
	}
	p.MinFree = o.minFree << 20
	if o.demo {
		if err := demonstration(ctx, env, p); err != nil {
			return err
		}
	}
	p.Pace = rate.NewLimiter(commitsASecond, commitsAtOnce)
	st, err := store.Open(p.Archive, "")
	if err != nil {
		return err
	}
	defer st.Close()
	if o.base == "" {
		o.base = "http://" + o.listen
	}
	cfg := collect.Config{BaseURL: o.base, Log: log, Archive: submissions{p, counts}, Proxies: trusted, Quota: collect.NewQuota(o.dayDocuments, o.dayMiB<<20, time.Now)}
	if o.admin != "" {
		l, err := server.ListenAdmin(o.admin)
		if err != nil {
			return fmt.Errorf("serve: --admin: %w", err)
		}
		measureArchive(p, counts)
		beside.Go(func() {
			if err := server.Serve(ctx, l, server.Admin(counts), log, nil); err != nil {
				log.Error("the listener of --admin ended", "err", err)
			}
		})
		fmt.Fprintf(env.stdout, "metrics on http://%s/metrics, profiles on http://%s/debug/pprof/\n", l.Addr(), l.Addr())
	}
	if err := middleboxServices(ctx, &cfg, o.echo, o.headers); err != nil {
		return err
	}
	collector, err := newCollector(p, cfg, o.places)
	if err != nil {
		return err
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		return err
	}
	index, unread, err := openSearch(ctx, env)
	if err != nil {
		return err
	}
	defer index.Close()
	for _, u := range unread {
		log.Warn("a source is not searched", "source", u)
	}
	site := &web.Site{Desk: newDesk(env.data, st, rec, p.Targets), Store: st, Targets: p.Targets, Records: rec, Search: index, Inbox: inbox.Open(env.data, time.Now), Client: trusted.Client, Now: time.Now, Log: log, Demo: o.demo, Ledger: p.Archive.Log(), Witnesses: keysOfAsked(asked)}
	m, err := p.Archive.Manifest()
	if err != nil {
		return err
	}
	if len(m.Batches) == 0 {
		fmt.Fprintf(env.stdout, "%s holds no measurements yet. Import real ones:\n  bandish import ooni --cc PK --target x --test web_connectivity --since 2024-02-10 --until 2024-02-24\n", env.data)
	}
	ooni := &ooniapi.Server{Store: st, Targets: p.Targets, Records: rec, BaseURL: o.base, Now: time.Now, Log: log}
	programs := api.New(&api.Server{Desk: site.Desk, Store: st, Targets: p.Targets, Records: rec, Search: index, Now: time.Now, Log: log, Client: trusted.Client, Limit: o.apiLimit,
		Ledger: func() ([]request.Row, error) { return ledgerOf(source.Open(env.data), rec, p.Targets) }})
	helper := &assistant.Server{Desk: site.Desk, Records: rec, Search: index, BaseURL: strings.TrimSuffix(o.base, "/"), Log: log}
	few := turns.New(4*runtime.GOMAXPROCS(0), apiTurns)
	inTurn := func(r routes) routes { return taking{r, few, trusted.Client} }
	shown, err := newLedgerServer(p, site.Desk, env.data, o, log)
	if err != nil {
		return err
	}
	apis := []routes{collector, inTurn(ooni), inTurn(programs), limited{helper, programs}, inTurn(shown)}
	if o.bucket != "" {
		root, err := os.OpenRoot(o.bucket)
		if err != nil {
			return fmt.Errorf("serve: --bucket: %w (bandish archive export --layout ooni DIR makes it)", err)
		}
		defer root.Close()
		apis = append(apis, &bucket.Folder{Root: root, Log: log})
	}
	site.Endpoints = programs.Endpoints()
	if !p.Archive.ReadOnly() {
		if site.Alerts, err = newSubscribers(env, env.data, o.base, o.mailFrom, o.smtp); err != nil {
			return err
		}
	}
	entrance.open(answers(site.Handler(), apis...))
	fmt.Fprintf(env.stdout, "serving %s on http://%s\n", env.data, l.Addr())
	if p.Archive.ReadOnly() {
		log.Warn("the archive is read-only: it is served, and no measurement is taken in")
	} else {
		beside.Go(func() { keepCounted(ctx, p, log, counts) })
		beside.Go(func() { keepWitnessed(ctx, p, asked, o, log, counts) })
		beside.Go(func() { keepTelling(ctx, site.Desk, site.Alerts, log) })
	}
	return <-served
}

// door lets requests in when what answers them is ready. Until then it asks to
// come again: a server that was killed at work may take a while to begin.
type door struct{ inside atomic.Pointer[http.Handler] }

func (d *door) open(h http.Handler) { d.inside.Store(&h) }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := d.inside.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "2")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "This server is starting. Ask again in a moment.", http.StatusServiceUnavailable)
}

// routes are handlers and the patterns under which they answer.
type routes interface {
	Patterns() []string
	Handler() http.Handler
}

// limited are routes whose requests count with those of the API.
type limited struct {
	routes
	by *api.Server
}

func (l limited) Handler() http.Handler { return l.by.Limited(l.routes.Handler()) }

// apiTurns is how many answers of the APIs one network may have or wait for.
const apiTurns = 16

// taking are routes that answer few requests at a time.
type taking struct {
	routes
	turns  *turns.Turns
	client func(*http.Request) netip.Addr
}

func (t taking) Handler() http.Handler { return t.turns.Handler(t.routes.Handler(), t.client) }

// answers is all that the server answers.
func answers(site http.Handler, apis ...routes) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/", site)
	mux.Handle("GET /api/v1", site) // the page; what programs ask stands below it
	for _, a := range apis {
		h := a.Handler()
		for _, pattern := range a.Patterns() {
			mux.Handle(pattern, h)
		}
	}
	return mux
}

// demoMark is the file that says that a folder holds a demonstration; it says
// so from the first measurement on.
const (
	demoMark   = "demo"
	demoMaking = "The demonstration is being made, or was cut short: see bandish serve --demo.\n"
	demoMade   = "Made in the lab for bandish serve --demo. Nothing here was measured on a real network.\n"
)

// demoWanted reports whether the demonstration has to be made. A folder with
// real measurements is refused: a lab's must not stand beside them.
func demoWanted(p *pipeline.Pipeline, data string) (bool, error) {
	m, err := p.Archive.Manifest()
	if err != nil {
		return false, err
	}
	switch mark, err := os.ReadFile(filepath.Join(data, demoMark)); {
	case err == nil && string(mark) == demoMaking:
		return false, fmt.Errorf("serve --demo: the demonstration in %s was cut short: delete that folder, or name another with --data", data)
	case err == nil:
		return false, nil
	case len(m.Batches) > 0:
		return false, fmt.Errorf("serve --demo: %s holds measurements that are no demonstration: name an empty folder with --data", data)
	}
	return true, nil
}

// demonstration fills an empty folder with the history that the lab measured for
// this, moved so that it ends today. It takes some seconds.
func demonstration(ctx context.Context, env *environment, p *pipeline.Pipeline) error {
	data := env.data
	if wanted, err := demoWanted(p, data); err != nil || !wanted {
		return err
	}
	mark := filepath.Join(data, demoMark)
	if err := os.WriteFile(mark, []byte(demoMaking), 0o644); err != nil {
		return err
	}
	began := time.Now()
	n, err := unpackDemo(ctx, p, began)
	if err != nil {
		return fmt.Errorf("serve --demo: %w", err)
	}
	fmt.Fprintf(env.stdout, "%d measurements of country ZZ, made in a lab, are in %s after %v. Nothing of it happened anywhere.\n", n, data, time.Since(began).Round(100*time.Millisecond))
	return os.WriteFile(mark, []byte(demoMade), 0o644)
}

// middleboxServices starts the services with which OONI's probes find
// middleboxes, where an address is given, until ctx ends.
func middleboxServices(ctx context.Context, cfg *collect.Config, echo, headers string) error {
	start := func(address string, serve func(context.Context, net.Listener, *slog.Logger) error) error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("serve: %w (choose another address)", err)
		}
		go func() {
			if err := serve(ctx, l, cfg.Log); err != nil {
				cfg.Log.Error("a service for probes ended", "err", err)
			}
		}()
		return nil
	}
	if echo != "" {
		if err := start(net.JoinHostPort(echo, "80"), collect.Echo); err != nil {
			return err
		}
		cfg.EchoAddr = echo
	}
	if headers != "" {
		if err := start(headers, collect.JSONHeaders); err != nil {
			return err
		}
		cfg.HeadersURL = "http://" + headers
	}
	return nil
}

// newCollector is the collector and test helper over the pipeline. places may
// be empty: networks are then not known.
func newCollector(p *pipeline.Pipeline, cfg collect.Config, places string) (*collect.Server, error) {
	wire := probe.Wire{Now: time.Now}
	guard := &collect.Guard{Network: probe.Kernel{}}
	cfg.Helper, cfg.Now = collect.NewHelper(guard, wire, 32), time.Now
	if cfg.Archive == nil {
		cfg.Archive = submissions{p: p}
	}
	cfg.URLs = func(string, []string) []collect.TestURL { return platformURLs(p) }
	if places != "" {
		known, err := probe.OpenPlaces(strings.Split(places, ",")...) // open as long as the program runs
		if err != nil {
			return nil, fmt.Errorf("open the database of networks: %w", err)
		}
		cfg.Helper.ASN = func(a netip.Addr) uint32 { return uint32(known.Lookup(a).ASN) }
		cfg.Locate = func(a netip.Addr) collect.Place {
			at := known.Lookup(a)
			return collect.Place{CC: at.CC, ASN: uint32(at.ASN), Network: at.Network}
		}
	}
	return collect.New(cfg)
}

// submissions hands what the collector takes to the pipeline, and counts what
// becomes of it.
type submissions struct {
	p      *pipeline.Pipeline
	counts *server.Counts
}

func (s submissions) Submit(ctx context.Context, doc []byte, from collect.Sender) (collect.Receipt, error) {
	r, err := s.p.Submit(ctx, doc, pipeline.Sender{CC: from.Place.CC, ASN: from.Place.ASN, Key: from.Key})
	s.counts.Add("bandish_submissions_total", "outcome", outcomeOf(r, err))
	return receiptOf(r, err)
}

// outcomeOf says in a word what became of a submission.
func outcomeOf(r pipeline.Receipt, err error) string {
	var refused *pipeline.Rejected
	switch {
	case errors.As(err, &refused):
		return "refused"
	case errors.Is(err, pipeline.ErrOccupied):
		return "busy"
	case errors.Is(err, pipeline.ErrNoSpace):
		return "no_space"
	case errors.Is(err, context.Canceled):
		return "gone"
	case err != nil:
		return "failed"
	case r.New:
		return "added"
	}
	return "known"
}

// measureArchive adds gauges of the archive and of what is being decoded. What
// another program imports shows in those of the manifest.
func measureArchive(p *pipeline.Pipeline, counts *server.Counts) {
	of := func(read func(*archive.Manifest) float64) func() float64 {
		return func() float64 {
			m, err := p.Archive.Manifest()
			if err != nil {
				return math.NaN()
			}
			return read(m)
		}
	}
	counts.Gauge("bandish_archive_generation", of(func(m *archive.Manifest) float64 { return float64(m.Generation) }))
	counts.Gauge("bandish_archive_batches", of(func(m *archive.Manifest) float64 { return float64(len(m.Batches)) }))
	counts.Gauge("bandish_archive_segments", of(func(m *archive.Manifest) float64 { return float64(len(m.Segments)) }))
	counts.Gauge("bandish_archive_raw_bytes", of(func(m *archive.Manifest) (n float64) {
		for _, b := range m.Batches {
			n += float64(b.Bytes)
		}
		return n
	}))
	for _, kind := range []string{archive.KindMeasurements, archive.KindWeb, archive.KindAggregation} {
		counts.Gauge("bandish_archive_documents", of(func(m *archive.Manifest) (n float64) {
			for _, b := range m.Batches {
				if b.Kind == kind {
					n += float64(b.Documents)
				}
			}
			return n
		}), "kind", kind)
	}
	counts.Gauge("bandish_archive_last_batch_timestamp_seconds", of(func(m *archive.Manifest) (at float64) {
		for _, b := range m.Batches {
			at = max(at, float64(b.Added.Unix()))
		}
		return at
	}))
	counts.Gauge("bandish_set_aside_bytes", func() float64 { return float64(p.SetAside()) })
	counts.Gauge("bandish_decodes_in_flight", func() float64 { return float64(p.Load().Decoding) })
	counts.Gauge("bandish_submissions_waiting", func() float64 { return float64(p.Load().Waiting) })
	counts.Gauge("bandish_submissions_waiting_bytes", func() float64 { return float64(p.Load().WaitingBytes) })
}

// receiptOf is the pipeline's answer in the collector's terms.
func receiptOf(r pipeline.Receipt, err error) (collect.Receipt, error) {
	var refused *pipeline.Rejected
	var undecoded *measurement.DecodeError
	if errors.As(err, &refused) && !errors.As(err, &undecoded) {
		err = &measurement.DecodeError{Reason: "refused", Hint: refused.Reason, Err: err}
	}
	if errors.Is(err, pipeline.ErrNoSpace) {
		err = fmt.Errorf("%w: %w", collect.ErrNoSpace, err)
	}
	if errors.Is(err, pipeline.ErrOccupied) {
		err = fmt.Errorf("%w: %w", collect.ErrOccupied, err)
	}
	out := collect.Receipt{UID: r.UID, SHA256: r.SHA256, Batch: r.Batch, Ledger: r.Ledger}
	if r.Ledger != "" {
		out.Entry = &r.Entry
	}
	return out, err
}

// platformURLs are the registry's platforms as a test list.
func platformURLs(p *pipeline.Pipeline) []collect.TestURL {
	var out []collect.TestURL
	for _, t := range p.Targets.Platforms() {
		if hosts := t.HostNames(time.Now()); len(hosts) > 0 {
			out = append(out, collect.TestURL{URL: "https://" + hosts[0] + "/", Category: "GRP", CC: "ZZ"})
		}
	}
	return out
}

// keepCounted brings cells up to what was submitted, and merges segments.
func keepCounted(ctx context.Context, p *pipeline.Pipeline, log *slog.Logger, counts *server.Counts) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		if err := p.Archive.ReadLedger(ctx); err != nil && ctx.Err() == nil { // so that the first who asks does not wait
			log.Error("read the ledger", "err", err)
		}
		start := time.Now()
		if err := settle(ctx, p); err != nil && ctx.Err() == nil {
			counts.Add("bandish_tick_failures_total")
			log.Error("count what was submitted", "err", err)
		}
		counts.Took("bandish_tick_duration_seconds", time.Since(start))
		for _, n := range p.Archive.Notices() {
			log.Warn(n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
