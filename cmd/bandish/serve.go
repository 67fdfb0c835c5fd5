package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
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
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/web"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/request"
)

func serveCommand() command {
	return command{
		name:  "serve",
		usage: "[--listen 127.0.0.1:8080] [--demo]",
		about: "serve the site over the archive, making the data folder on first run",
		run:   runServe,
	}
}

func runServe(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "serve")
	data := dataFlag(fs)
	listen := fs.String("listen", "127.0.0.1:8080", "`address` to serve on")
	demonstrate := fs.Bool("demo", false, "serve a small history of country ZZ made in the lab, from ./bandish-demo unless --data names another folder")
	base := fs.String("base-url", "", "`address` of this server as probes reach it (default http:// and --listen)")
	places := fs.String("places", "", "databases of countries and networks, MMDB or CSV `files` separated by commas, to tell probes where they are")
	echo := fs.String("tcp-echo", "", "public `address` whose port 80 is to send back what it gets, for OONI's http_invalid_request_line")
	headers := fs.String("json-headers", "", "public `address:port` that is to say how a request arrived, for OONI's http_header_field_manipulation")
	export := fs.String("bucket", "", "`folder` of an archive export --layout ooni, to be served as OONI's bucket under /s3/ and /ooni-data-eu-fra/")
	limit := fs.Int("api-limit", 600, "`requests` that one client network may make of /api/v1 a minute; 0 for any number")
	mailFrom := fs.String("mail-from", "", "sender's `address` of alerts by mail; without it they go to webhooks alone")
	smtp := fs.String("smtp", "localhost:25", "mail server, as `host:port`; BANDISH_SMTP_USER and BANDISH_SMTP_PASSWORD log in")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError("serve: unexpected %q", rest[0])
	}
	if *demonstrate && *data == fs.Lookup("data").DefValue {
		*data = "./bandish-demo"
	}
	p, err := openPipeline(*data)
	if err != nil {
		return err
	}
	var making demoProgress
	unmade := false
	if *demonstrate {
		if unmade, err = demoWanted(p, *data); err != nil {
			return err
		}
	}
	st, err := store.Open(p.Archive, "")
	if err != nil {
		return err
	}
	defer st.Close()
	if _, err := p.Count(ctx); err != nil && !errors.Is(err, archive.ErrReadOnly) {
		return err
	}
	log := slog.New(slog.NewTextHandler(env.stderr, nil))
	if *base == "" {
		*base = "http://" + *listen
	}
	cfg := collect.Config{BaseURL: *base, Log: log}
	if err := middleboxServices(ctx, &cfg, *echo, *headers); err != nil {
		return err
	}
	collector, err := newCollector(p, cfg, *places)
	if err != nil {
		return err
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		return err
	}
	index, unread, err := openSearch(ctx, *data, "")
	if err != nil {
		return err
	}
	defer index.Close()
	for _, u := range unread {
		log.Warn("a source is not searched", "source", u)
	}
	site := &web.Site{Desk: newDesk(*data, st, rec, p.Targets), Store: st, Targets: p.Targets, Records: rec, Search: index, Inbox: inbox.Open(*data, time.Now), Now: time.Now, Log: log, Demo: *demonstrate, Making: making.text}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("serve: %w (choose another address with --listen)", err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		return err
	}
	if len(m.Batches) == 0 && !unmade {
		fmt.Fprintf(env.stdout, "%s holds no measurements yet. Import real ones:\n  bandish import ooni --cc PK --target x --test web_connectivity --since 2024-02-10 --until 2024-02-24\n", *data)
	}
	fmt.Fprintf(env.stdout, "serving %s on http://%s\n", *data, l.Addr())
	ooni := &ooniapi.Server{Store: st, Targets: p.Targets, Records: rec, BaseURL: *base, Now: time.Now, Log: log}
	programs := api.New(&api.Server{Desk: site.Desk, Store: st, Targets: p.Targets, Records: rec, Search: index, Now: time.Now, Log: log, Limit: *limit,
		Ledger: func() ([]request.Row, error) { return ledgerOf(source.Open(*data), rec, p.Targets) }})
	helper := &assistant.Server{Desk: site.Desk, Records: rec, Search: index, BaseURL: strings.TrimSuffix(*base, "/"), Log: log}
	apis := []routes{collector, ooni, programs, limited{helper, programs}}
	if *export != "" {
		root, err := os.OpenRoot(*export)
		if err != nil {
			return fmt.Errorf("serve: --bucket: %w (bandish archive export --layout ooni DIR makes it)", err)
		}
		defer root.Close()
		apis = append(apis, &bucket.Folder{Root: root, Log: log})
	}
	site.Endpoints = programs.Endpoints()
	if p.Archive.ReadOnly() {
		log.Warn("the archive is read-only: it is served, and no measurement is taken in")
	} else {
		go keepCounted(ctx, p, log)
		if site.Alerts, err = newSubscribers(env, *data, *base, *mailFrom, *smtp); err != nil {
			return err
		}
		go keepTelling(ctx, site.Desk, site.Alerts, log)
	}
	mux := answers(site.Handler(), apis...)
	if !unmade {
		return serveUntil(ctx, l, mux)
	}
	return serveWhileMaking(ctx, l, mux, func(ctx context.Context) error { return demoOnce(ctx, env, p, *data, &making) })
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

// serveWhileMaking serves while something is made in the background, and no
// longer when that fails.
func serveWhileMaking(ctx context.Context, l net.Listener, h http.Handler, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() {
		err := work(ctx)
		if err != nil {
			cancel(err)
		}
		done <- err
	}()
	err := serveUntil(ctx, l, h)
	cancel(err)
	return errors.Join(err, <-done)
}

// demoMark is the file that says that a folder holds a demonstration; it says
// so from the first measurement on.
const (
	demoMark   = "demo"
	demoMaking = "The lab is still at it, or was cut short: see bandish serve --demo.\n"
	demoMade   = "Made in the lab by bandish serve --demo. Nothing here was measured on a real network.\n"
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

// demoOnce makes the demonstration, which takes some seconds.
func demoOnce(ctx context.Context, env *environment, p *pipeline.Pipeline, data string, progress *demoProgress) error {
	mark := filepath.Join(data, demoMark)
	if err := os.WriteFile(mark, []byte(demoMaking), 0o644); err != nil {
		return err
	}
	progress.set("The lab begins to measure.")
	err := makeDemo(ctx, env, p, data, time.Now().UTC(), demoPerDay, func(done, of int) {
		progress.set(fmt.Sprintf("The lab is still measuring: %d of %d measurements are made.", done, of))
	})
	if err != nil {
		return err
	}
	progress.set("")
	return os.WriteFile(mark, []byte(demoMade), 0o644)
}

// demoProgress is what the pages say of a demonstration in the making.
type demoProgress struct{ now atomic.Value }

func (p *demoProgress) set(s string) { p.now.Store(s) }

func (p *demoProgress) text() string {
	s, _ := p.now.Load().(string)
	return s
}

// middleboxServices starts the services with which OONI's probes find
// middleboxes, where an address is given, until ctx ends.
func middleboxServices(ctx context.Context, cfg *collect.Config, echo, headers string) error {
	start := func(address string, serve func(context.Context, net.Listener) error) error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("serve: %w (choose another address)", err)
		}
		go func() {
			if err := serve(ctx, l); err != nil {
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
	cfg.Archive, cfg.Helper, cfg.Now = submissions{p}, collect.NewHelper(guard, wire, 32), time.Now
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

// submissions hands what the collector takes to the pipeline.
type submissions struct{ p *pipeline.Pipeline }

func (s submissions) Submit(ctx context.Context, doc []byte, from collect.Sender) (collect.Receipt, error) {
	return receiptOf(s.p.Submit(ctx, doc, pipeline.Sender{CC: from.Place.CC, ASN: from.Place.ASN, Key: from.Key}))
}

// receiptOf is the pipeline's answer in the collector's terms.
func receiptOf(r pipeline.Receipt, err error) (collect.Receipt, error) {
	var refused *pipeline.Rejected
	var undecoded *measurement.DecodeError
	if errors.As(err, &refused) && !errors.As(err, &undecoded) {
		err = &measurement.DecodeError{Reason: "refused", Hint: refused.Reason, Err: err}
	}
	if errors.Is(err, pipeline.ErrOccupied) {
		err = fmt.Errorf("%w: %w", collect.ErrOccupied, err)
	}
	return collect.Receipt{UID: r.UID, SHA256: r.SHA256}, err
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
func keepCounted(ctx context.Context, p *pipeline.Pipeline, log *slog.Logger) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := settle(ctx, p); err != nil && ctx.Err() == nil {
			log.Error("count what was submitted", "err", err)
		}
		for _, n := range p.Archive.Notices() {
			log.Warn(n)
		}
	}
}

// serveUntil serves until ctx ends and then lets running requests finish.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: time.Minute,
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(stop)
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}
