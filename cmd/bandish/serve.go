package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/assistant"
	"github.com/bandish/bandish/internal/bucket"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/inbox"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/ooniapi"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/internal/turns"
	"github.com/bandish/bandish/internal/web"
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

// serveMemory is the size of a server's heap, in bytes, from which on garbage is collected
// more often. GOMEMLIMIT sets another.
const serveMemory = 640 << 20

// serveGarbage is how much garbage a server's heap may hold before it is collected, in
// percent of what is in use. GOGC sets another. Collecting takes less than a hundredth of
// a server's processor time, so a low value costs little.
const serveGarbage = 50

// How often a server commits what is handed in: commits a second in the long run, and how
// many may come without delay. The latter helps clients that hand in a few measurements
// one by one.
const (
	commitsASecond = 2
	commitsAtOnce  = 20
)

// serving is a server that is starting: what its parts share.
type serving struct {
	*serveFlags
	env     *environment
	trusted collect.Proxies
	asked   []notary.Asked // witnesses that are asked to sign
	log     *slog.Logger
	metrics *server.Metrics
	p       *pipeline.Pipeline
	site    *web.Site

	beside sync.WaitGroup // what runs until the server ends
	opened []io.Closer    // closed when nothing runs any more
}

func serve(ctx context.Context, env *environment, o *serveFlags) error {
	s := &serving{serveFlags: o, env: env, log: server.Log(env.stderr), metrics: server.NewMetrics()}
	var err error
	if s.trusted, err = collect.ParseProxies(o.proxies); err != nil {
		return usageError("serve: --proxy: %v", err)
	}
	if s.asked, err = askedOf(o.witnesses); err != nil {
		return usageError("serve: --witness: %v", err)
	}
	if env.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(serveMemory)
	}
	if env.getenv("GOGC") == "" {
		debug.SetGCPercent(serveGarbage)
	}
	ctx, stop := context.WithCancel(ctx)
	defer s.end(stop)
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("serve: %w (choose another address with --listen)", err)
	}
	if o.base == "" {
		o.base = "http://" + o.listen
	}
	entrance, served := new(door), make(chan error, 1)
	s.beside.Go(func() { served <- server.Serve(ctx, l, entrance, s.log, s.metrics) })
	if err := s.open(ctx); err != nil {
		return err
	}
	apis, err := s.apis(ctx)
	if err != nil {
		return err
	}
	entrance.open(answers(s.site.Handler(), apis...))
	fmt.Fprintf(env.stdout, "serving %s on http://%s\n", env.where(), l.Addr())
	s.keep(ctx)
	return <-served
}

// end stops what runs, waits for it, and closes what was opened, the last first.
func (s *serving) end(stop context.CancelFunc) {
	stop()
	s.beside.Wait()
	for _, c := range slices.Backward(s.opened) {
		c.Close() // it was only read
	}
}

// open opens what the pages answer from, and makes the site. If the demonstration is
// wanted, it fills the archive with it.
func (s *serving) open(ctx context.Context) error {
	var err error
	if s.p, err = openPipeline(s.env.data); err != nil {
		return err
	}
	s.p.MinFree = s.minFree << 20
	if s.demo {
		if err := demonstration(ctx, s.env, s.p); err != nil {
			return err
		}
	}
	s.p.Pace = rate.NewLimiter(commitsASecond, commitsAtOnce)
	st, err := s.env.openStore(ctx, s.p.Archive)
	if err != nil {
		return err
	}
	s.opened = append(s.opened, st)
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		return err
	}
	index, unread, err := openSearch(ctx, s.env)
	if err != nil {
		return err
	}
	s.opened = append(s.opened, index)
	for _, u := range unread {
		s.log.Warn("a source is not searched", "source", u)
	}
	m, err := s.p.Archive.Manifest()
	if err != nil {
		return err
	}
	if m.Totals().Batches == 0 {
		fmt.Fprintf(s.env.stdout, "%s holds no measurements yet. Import real ones:\n  bandish import ooni --cc PK --target x --test web_connectivity --since 2024-02-10 --until 2024-02-24\n", s.env.where())
	}
	s.site = &web.Site{Desk: newDesk(s.env.data, st, rec, s.p.Targets), Store: st, Targets: s.p.Targets, Records: rec, Search: index, Inbox: inbox.Open(s.env.data, time.Now), Client: s.trusted.Client, Now: time.Now, Log: s.log, Demo: s.demo, Ledger: s.p.Archive.Log(), Witnesses: keysOfAsked(s.asked)}
	if s.env.copied.bucket != "" { // notes and subscribers would be kept on this machine alone
		s.site.Inbox = nil
		return nil
	}
	if !s.p.Archive.ReadOnly() {
		s.site.Alerts, err = newSubscribers(s.env, s.env.data, s.base, s.mailFrom, s.smtp)
	}
	return err
}

// apis returns what programs, probes and assistants ask, besides the pages.
func (s *serving) apis(ctx context.Context) ([]routes, error) {
	if err := s.measure(ctx); err != nil {
		return nil, err
	}
	cfg := collect.Config{BaseURL: s.base, Log: s.log, Archive: submissions{s.p, s.metrics}, Proxies: s.trusted, Quota: collect.NewQuota(s.dayDocuments, s.dayMiB<<20, time.Now)}
	if err := middleboxServices(ctx, &cfg, s.echo, s.headers); err != nil {
		return nil, err
	}
	collector, err := newCollector(s.p, cfg, s.places)
	if err != nil {
		return nil, err
	}
	site, registry := s.site, s.p.Targets
	ooni := &ooniapi.Server{Store: site.Store, Targets: registry, Records: site.Records, BaseURL: s.base, Now: time.Now, Log: s.log}
	programs := api.New(&api.Server{Desk: site.Desk, Store: site.Store, Targets: registry, Records: site.Records, Search: site.Search, Now: time.Now, Log: s.log, Client: s.trusted.Client, Limit: s.apiLimit,
		Ledger: func() ([]request.Row, error) { return requestsOf(s.env.sources(), site.Records, registry) }})
	site.Endpoints = programs.Endpoints()
	helper := &assistant.Server{Desk: site.Desk, Records: site.Records, Search: site.Search, BaseURL: strings.TrimSuffix(s.base, "/"), Log: s.log}
	shown, err := newLedgerServer(s.p, site.Desk, s.env.data, s.serveFlags, s.log)
	if err != nil {
		return nil, err
	}
	few := turns.New(4*runtime.GOMAXPROCS(0), apiTurns)
	inTurn := func(r routes) routes { return taking{r, few, s.trusted.Client} }
	apis := []routes{collector, inTurn(ooni), inTurn(programs), limited{helper, programs}, inTurn(shown)}
	if s.bucket != "" {
		root, err := os.OpenRoot(s.bucket)
		if err != nil {
			return nil, fmt.Errorf("serve: --bucket: %w (bandish archive export --layout ooni DIR makes it)", err)
		}
		s.opened = append(s.opened, root)
		apis = append(apis, &bucket.Folder{Root: root, Log: s.log})
	}
	return apis, nil
}

// keep starts what the server does besides answering: it counts what was submitted, has
// its ledger signed, and sends alerts.
func (s *serving) keep(ctx context.Context) {
	if s.p.Archive.ReadOnly() {
		s.log.Warn("the archive is read-only: it is served, and no measurement is taken in")
		return
	}
	s.beside.Go(func() { keepCounted(ctx, s.p, s.log, s.metrics) })
	s.beside.Go(func() { keepWitnessed(ctx, s.p, s.asked, s.serveFlags, s.log, s.metrics) })
	if s.site.Alerts != nil {
		s.beside.Go(func() { keepTelling(ctx, s.site.Desk, s.site.Alerts, s.log) })
	}
}

// keepCounted counts what was submitted, and merges segments.
func keepCounted(ctx context.Context, p *pipeline.Pipeline, log *slog.Logger, metrics *server.Metrics) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		if err := p.Archive.ReadLedger(ctx); err != nil && ctx.Err() == nil { // so that the first reader does not have to wait
			log.Error("read the ledger", "err", err)
		}
		start := time.Now()
		if err := settle(ctx, p); err != nil && ctx.Err() == nil {
			metrics.Add("bandish_tick_failures_total")
			log.Error("count what was submitted", "err", err)
		}
		metrics.Took("bandish_tick_duration_seconds", time.Since(start))
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
