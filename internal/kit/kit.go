// Package kit holds the commands of a person who measures, shared by bandish and by the
// small static program bandish-probe. It asks for consent, runs probes, shows what they
// find, keeps results while there is no network, and submits them.
//
// It concludes nothing itself. The packages that observe and judge everybody's
// measurements do so here too.
package kit

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/dial"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/network"
)

// Env is the part of the world that the commands touch.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Network        probe.Network
	Now            func() time.Time
	Version        string

	Roots    *x509.CertPool // nil: those of the system
	Timeouts probe.Timeouts // zero: the usual ones
}

// The exit codes of a probe. Besides, 0 means reachable, and 2 a mistake in the arguments.
const (
	ExitBlocked = 3
	ExitDown    = 4
	ExitUnclear = 5

	exitInterrupted = 130
)

// ExitError ends the program with an exit code. Err may be nil.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return "exit status " + strconv.Itoa(e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

func usage(format string, args ...any) error {
	return &ExitError{Code: 2, Err: fmt.Errorf(format, args...)}
}

// options are the flags that the commands share.
type options struct {
	data       string
	yes        bool
	passive    bool
	submit     bool
	collector  string
	helper     string
	maxTime    time.Duration
	cc         string
	asn        string
	geo        string
	roots      string
	throttle   string
	innocents  string
	resolvers  string
	all        bool
	list       string
	circumvent bool
	wireguard  string
	bridges    string
}

// The public servers that are used unless the flags name others. OONI's helpers are open
// to all probes; the resolvers and the control object are open to everybody.
const (
	ooniCollector = "https://api.ooni.org" // --collector ooni
	defaultHelper = "https://0.th.ooni.org/"
	defaultObject = "https://speed.cloudflare.com/__down?bytes=%d"
)

var (
	defaultInnocents = []string{"www.example.com", "www.iana.org"}
	defaultResolvers = probe.Resolvers{
		UDP: []netip.AddrPort{netip.MustParseAddrPort("8.8.8.8:53"), netip.MustParseAddrPort("9.9.9.9:53")},
		DoT: []probe.SecureResolver{{Name: "dns.quad9.net", Addr: netip.MustParseAddrPort("9.9.9.9:853")}},
		DoH: []probe.SecureResolver{
			{Name: "dns.google", Addr: netip.MustParseAddrPort("8.8.4.4:443"), URL: "https://dns.google/dns-query"},
			{Name: "cloudflare-dns.com", Addr: netip.MustParseAddrPort("1.1.1.1:443"), URL: "https://cloudflare-dns.com/dns-query"},
		},
	}
)

// CollectorVariable is the environment variable that names the collector if --collector
// does not.
const CollectorVariable = "BANDISH_COLLECTOR"

func (o *options) flags(fs *flag.FlagSet, env *Env) {
	usual := ""
	if env.Getenv != nil {
		usual = env.Getenv(CollectorVariable)
	}
	fs.StringVar(&o.data, "data", "./bandish-data", "the data `folder`")
	fs.BoolVar(&o.yes, "yes", false, "consent without being asked, for scripts; submits nothing by itself")
	fs.BoolVar(&o.passive, "passive", false, "do only what a browser does: no contrasts, no public resolvers, no QUIC, no transfers")
	fs.BoolVar(&o.submit, "submit", false, "send the results to the collector")
	fs.StringVar(&o.collector, "collector", usual, "`URL` of a Bandish server or another OONI-compatible collector; ooni is OONI's own (default: $"+CollectorVariable+")")
	fs.StringVar(&o.helper, "helper", "", "`URL` of a web_connectivity test helper; none for no control (default: the collector's, or "+defaultHelper+")")
	fs.DurationVar(&o.maxTime, "max-time", time.Minute, "longest `time` for one URL")
	fs.StringVar(&o.cc, "cc", "", "the `country` you are in, two letters (default: from --geo or the collector, else unknown)")
	fs.StringVar(&o.asn, "asn", "", "the `network` you are in, AS64512 (default: like --cc)")
	fs.StringVar(&o.geo, "geo", "", "MMDB, CSV or TSV `FILE` with networks and countries (default: geo.* in the data folder)")
	fs.StringVar(&o.roots, "roots", "", "PEM `FILE` of certificate authorities to trust instead of the system's")
	fs.StringVar(&o.throttle, "object", "", "`URL` of the control object for throttling, %d stands for bytes; none to leave that out")
	fs.StringVar(&o.innocents, "innocent", strings.Join(defaultInnocents, ","), "`names` of servers that nobody blocks, for contrasts")
	fs.StringVar(&o.resolvers, "resolvers", "", "`addresses` of public resolvers to ask by UDP instead of the usual; none to leave them out")
	fs.BoolVar(&o.all, "all", false, "probe every platform of the registry")
	fs.StringVar(&o.list, "country-list", "", "probe the URLs of a test list in Citizen Lab's CSV `FILE`")
	fs.BoolVar(&o.circumvent, "circumvention", false, "probe the sites of the registry's circumvention tools, Tor's authorities, and Tor through an installed tor")
	fs.StringVar(&o.bridges, "bridges", "", "start an installed tor through each bridge of a `FILE`, a torrc line each: obfs4, webtunnel, snowflake")
	fs.StringVar(&o.wireguard, "wireguard", "", "try the handshake with each peer of a WireGuard configuration `FILE`; its keys stay here")
}

// parse reads flags, which may stand before, between and after the arguments. It returns
// the arguments.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, &ExitError{}
			}
			return nil, &ExitError{Code: 2}
		}
		n := len(args) - fs.NArg()
		if n > 0 && args[n-1] == "--" {
			return append(rest, fs.Args()...), nil
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

// config turns the flags into the configuration of a probe.
func (o *options) config(env *Env) (probe.Config, error) {
	cfg := probe.Config{
		Wire:    probe.Wire{Network: env.Network, Now: env.Now, Roots: env.Roots, Timeouts: env.Timeouts},
		Version: env.Version, Passive: o.passive, Resolvers: defaultResolvers,
		Throttle: probe.Throttle{Bytes: 512 << 10, Rounds: 2},
	}
	for _, name := range strings.Split(o.innocents, ",") {
		if name = strings.TrimSpace(name); name != "" && name != "none" {
			cfg.Innocents = append(cfg.Innocents, probe.Innocent{Name: name})
		}
	}
	for _, set := range []func(*Env, *probe.Config) error{o.setRoots, o.setResolvers, o.setServers, o.setPlace} {
		if err := set(env, &cfg); err != nil {
			return cfg, err
		}
	}
	cfg.Own = ownAddresses()
	return cfg, nil
}

func (o *options) setRoots(_ *Env, cfg *probe.Config) error {
	if o.roots == "" {
		return nil
	}
	pem, err := os.ReadFile(o.roots)
	if err != nil {
		return fmt.Errorf("read certificate authorities: %w", err)
	}
	cfg.Roots = x509.NewCertPool()
	if !cfg.Roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("read certificate authorities: %s holds no certificate in PEM", o.roots)
	}
	return nil
}

func (o *options) setResolvers(_ *Env, cfg *probe.Config) error {
	if o.resolvers == "" {
		return nil
	}
	cfg.Resolvers = probe.Resolvers{}
	if o.resolvers == "none" {
		return nil
	}
	for _, s := range strings.Split(o.resolvers, ",") {
		ap, err := netip.ParseAddrPort(strings.TrimSpace(s))
		if err != nil {
			a, err := netip.ParseAddr(strings.TrimSpace(s))
			if err != nil {
				return usage("--resolvers: %q is no address", s)
			}
			ap = netip.AddrPortFrom(a, 53)
		}
		cfg.Resolvers.UDP = append(cfg.Resolvers.UDP, ap)
	}
	return nil
}

// setServers chooses the control and the control object: those that flags name, or else
// the collector's, or else public ones.
func (o *options) setServers(_ *Env, cfg *probe.Config) error {
	if o.collector == "ooni" {
		o.collector = ooniCollector
	}
	for _, raw := range []string{o.collector, o.helper, o.throttle} {
		if u, err := url.Parse(strings.ReplaceAll(raw, "%d", "0")); raw != "" && raw != "none" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return usage("%q is not the URL of a server", raw)
		}
	}
	helper, object := defaultHelper, defaultObject
	if o.collector != "" && !isOONI(o.collector) {
		base := strings.TrimSuffix(o.collector, "/")
		helper, object = base+"/api/v1/test-helper", base+"/api/v1/object?bytes=%d"
	}
	if o.helper != "" {
		helper = o.helper
	}
	if o.throttle != "" {
		object = o.throttle
	}
	if helper != "none" {
		cfg.Control = o.site(helper, cfg)
	}
	if object != "none" {
		cfg.Throttle.Object = object
	}
	return nil
}

// site is a server that the probe talks to about the measurement.
func (o *options) site(url string, cfg *probe.Config) *probe.ControlSite {
	return &probe.ControlSite{URL: url, Resolvers: cfg.Resolvers.DoH}
}

// setPlace finds the country and the network. They come from the flags, or else from a
// local database, for a public address of this machine. Later the collector is asked too,
// with consent.
func (o *options) setPlace(_ *Env, cfg *probe.Config) error {
	files := []string{o.geo}
	if o.geo == "" {
		files = nil
		for _, ext := range []string{"mmdb", "csv", "tsv"} {
			found, err := filepath.Glob(filepath.Join(o.data, "geo*."+ext))
			if err != nil {
				return err
			}
			files = append(files, found...)
		}
	}
	places, err := probe.OpenPlaces(files...)
	if err != nil {
		return fmt.Errorf("open the database of networks: %w", err)
	}
	if len(files) > 0 {
		cfg.ASN = places.Lookup // stays open as long as the program runs
	}
	cfg.Place.CC = "ZZ"
	for _, a := range ownAddresses() {
		if a.IsGlobalUnicast() && !a.IsPrivate() {
			if p := places.Lookup(a); p.ASN != 0 || p.CC != "ZZ" {
				cfg.Place = p
				break
			}
		}
	}
	if o.cc != "" {
		cfg.Place.CC = strings.ToUpper(o.cc)
		if len(cfg.Place.CC) != 2 || strings.Trim(cfg.Place.CC, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return usage("--cc %q: want two letters, as PK", o.cc)
		}
	}
	if o.asn != "" {
		asn, err := network.ParseASN(o.asn)
		if err != nil {
			return usage("--asn: %v", err)
		}
		cfg.Place.ASN, cfg.Place.Network = asn, ""
	}
	return nil
}

// ownAddresses returns this machine's addresses, which are scrubbed from what servers
// repeat.
func ownAddresses() []netip.Addr {
	all, err := dial.Interfaces()
	if err != nil {
		return nil // we know of none to scrub; public addresses are scrubbed anyway
	}
	return slices.DeleteFunc(all, netip.Addr.IsLoopback)
}

// isOONI reports whether a collector is OONI's, whose helpers are other servers.
func isOONI(collector string) bool {
	u, err := url.Parse(collector)
	return err == nil && (u.Hostname() == "ooni.org" || strings.HasSuffix(u.Hostname(), ".ooni.org"))
}

// checkIn asks the collector where this probe is, if that is not known, and which test
// helper to use, if no flag names one. A helper that is not https is not used on the
// collector's word: anybody on the path could answer in its place. The user is told, and
// can name it.
func (o *options) checkIn(ctx context.Context, e *Env, cfg *probe.Config) {
	if o.collector == "" || o.helper != "" && cfg.Place.ASN != 0 && cfg.Place.CC != "ZZ" {
		return
	}
	var out struct {
		CC      string      `json:"probe_cc"`
		ASN     network.ASN `json:"probe_asn"`
		Network string      `json:"probe_network_name"`
		Conf    struct {
			Helpers map[string][]struct {
				Address string `json:"address"`
				Type    string `json:"type"`
			} `json:"test_helpers"`
		} `json:"conf"`
	}
	site := o.site(o.collector, cfg)
	in := map[string]any{
		"charging": true, "on_wifi": false, "platform": "unknown", "run_type": "manual", "web_connectivity": map[string]any{"category_codes": []string{}},
		"probe_asn": cfg.Place.ASN.String(), "probe_cc": cfg.Place.CC, "software_name": probe.SoftwareName, "software_version": cfg.Version,
	}
	if site.Post(ctx, &cfg.Wire, "api/v1/check-in", in, &out) != nil {
		return // "not known" is an answer too
	}
	if cfg.Place.ASN == 0 {
		cfg.Place.ASN, cfg.Place.Network = out.ASN, out.Network
	}
	if cfg.Place.CC == "ZZ" && len(out.CC) == 2 {
		cfg.Place.CC = strings.ToUpper(out.CC)
	}
	if o.helper != "" {
		return
	}
	ignored := ""
	for _, h := range out.Conf.Helpers["web-connectivity"] {
		u, err := url.Parse(h.Address)
		switch {
		case err != nil || u.Host == "" || h.Type != "https":
		case u.Scheme == "https":
			cfg.Control = o.site(h.Address, cfg)
			return
		case ignored == "":
			ignored = u.Redacted()
		}
	}
	if ignored != "" && (cfg.Control == nil || cfg.Control.URL != ignored) {
		instead := "no control is asked"
		if cfg.Control != nil {
			instead = cfg.Control.URL + " is used"
		}
		fmt.Fprintf(e.Stderr, "the collector names the test helper %q, which is not https: %s. To use it, say --helper %s\n", ignored, instead, ignored)
	}
}
