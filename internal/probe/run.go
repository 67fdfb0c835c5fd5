package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
)

// TestVersion is the version of OONI's web_connectivity whose format we write.
const TestVersion = "0.5.28"

// SoftwareName is the name of this probe in its measurements.
const SoftwareName = "bandish"

// Config configures a probe.
type Config struct {
	Wire
	Resolvers Resolvers
	Innocents []Innocent   // servers that nobody blocks, for contrasts
	Control   *ControlSite // nil: there is no control, and little can be concluded
	Throttle  Throttle
	Place     Place
	Resolver  Place        // of the system's resolver; see ResolverPlace
	Own       []netip.Addr // this machine's addresses, which are scrubbed
	Version   string       // of the software

	// ASN returns the network of an address, for DNS answers. It may be nil.
	ASN func(netip.Addr) Place

	// Passive leaves out everything that a browser would not do, except the question to
	// the control.
	Passive bool

	// OnNote is called for every step when it ends, from any goroutine. It may be nil.
	OnNote func(Note)
}

// Resolvers are public resolvers that are asked besides the system's.
type Resolvers struct {
	UDP []netip.AddrPort
	DoT []SecureResolver
	DoH []SecureResolver
}

// SecureResolver is a resolver over TLS at a known address.
type SecureResolver struct {
	Name string // TLS server name
	Addr netip.AddrPort
	URL  string // for DoH only
}

// Innocent is a server that no censor is known to block. If it has no addresses, its name
// is looked up.
type Innocent struct {
	Name  string
	Addrs []netip.Addr
}

// Throttle says how to look for slowed connections.
type Throttle struct {
	Object string // URL of the control object, with "%d" for the number of bytes; "": do not look
	Bytes  int64  // greatest size of one transfer from the target in bytes, up to MaxTransfer
	Rounds int
}

// MaxTransfer is the greatest size, in bytes, of one transfer in the search for slowed
// connections.
const MaxTransfer = 2 << 20

// Place is where the probe is, as exactly as it is ever stored.
type Place struct {
	CC      string // ZZ: not known
	ASN     network.ASN
	Network string // name of the AS
}

// Note describes one step for a person.
type Note struct {
	Step     string // dns, tcp, tls, http, quic, control, contrast, throttle
	What     string // "system resolver", "x.com at 104.244.42.1:443"
	Failure  string // "" if it worked
	Detail   string
	Contrast bool
	Took     time.Duration
}

// ParseInput turns what a person typed into the URL to measure. A host name alone means
// its https page.
func ParseInput(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("read target %q: %w", s, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("read target %q: scheme %q is not http or https", s, u.Scheme)
	}
	if u.Hostname() == "" || u.User != nil {
		return nil, fmt.Errorf("read target %q: want a host name without a user", s)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil {
		ascii, err := idna.Lookup.ToASCII(u.Hostname())
		if err == nil {
			_, err = idna.Lookup.ToASCII(ascii) // those bytes may not have been text
		}
		if err != nil {
			return nil, fmt.Errorf("read target %q: %w", s, err)
		}
		if ascii == "" { // nothing is left, for instance of a soft hyphen
			return nil, fmt.Errorf("read target %q: want a host name without a user", s)
		}
		if u.Port() != "" {
			ascii += ":" + u.Port()
		}
		u.Host = ascii
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment = ""
	u.RawQuery = encodeQuery(u.RawQuery)
	return u, nil
}

// encodeQuery escapes the characters of a query that a request must not contain.
func encodeQuery(q string) string {
	var b strings.Builder
	for _, c := range []byte(q) {
		if c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func portOf(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}

// run is one measurement while it runs.
type run struct {
	cfg Config
	rec *record
	url *url.URL
	jar http.CookieJar

	background sync.WaitGroup // second DNS answers, slow resolvers, ECH
	offering   sync.WaitGroup // those that may know what the zone offers; they are in background too

	mu    sync.Mutex
	ends  []endpoint // the target's own, at depth 0
	ech   []byte
	h3    bool      // the HTTPS record offers it
	page  *Exchange // the last request of the load of the target's page
	known map[netip.Addr]bool

	unanswered bool // nobody answered the system's lookup

	quicEnds []Handshake

	innocentsOnce sync.Once
	found         []innocent // set by innocents
}

// endpoint is the result at one of the target's own addresses.
type endpoint struct {
	addr netip.AddrPort
	dial Dial
	tls  *Handshake // nil: it was not tried
}

func (e *endpoint) tlsFailed() bool { return e.tls != nil && e.tls.Err != nil }

// Run measures one URL. Whatever the network does is in the measurement. An error means
// that nothing could be measured, or that ctx was canceled; in the latter case the
// measurement so far comes with it.
func Run(ctx context.Context, cfg Config, input string) (*measurement.Measurement, error) {
	u, err := ParseInput(input)
	if err != nil {
		return nil, err
	}
	if cfg.Network == nil || cfg.Now == nil {
		return nil, errors.New("probe: a network and a clock are needed")
	}
	start := cfg.Now()
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", u, err)
	}
	r := &run{cfg: cfg, url: u, jar: jar, rec: newRecord(start, cfg), known: map[netip.Addr]bool{}}
	r.cfg.Watch = r.rec.event
	r.measure(ctx)
	m := r.document(start)
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return m, fmt.Errorf("probe %s: %w", u, err)
	}
	return m, nil
}

func (r *run) document(start time.Time) *measurement.Measurement {
	m := r.cfg.document(start, "web_connectivity", TestVersion)
	m.Input = measurement.Input(r.url.String())
	control, asked, failure := r.rec.keys.Control, r.rec.keys.ControlRequest, r.rec.keys.ControlFailure
	m.TestKeys = r.rec.finish()
	m.TestKeys.Agent = "redirect"
	m.TestKeys.Control, m.TestKeys.ControlRequest, m.TestKeys.ControlFailure = control, asked, failure
	if r.cfg.Control != nil {
		m.TestHelpers = map[string]measurement.TestHelper{"backend": {Address: r.cfg.Control.URL, Type: "https"}}
	}
	return m
}

// document makes a measurement without its findings.
func (c *Config) document(start time.Time, test, version string) *measurement.Measurement {
	cc := c.Place.CC
	if cc == "" {
		cc = "ZZ"
	}
	stamp := measurement.Time{Time: start.UTC().Truncate(time.Second)}
	return &measurement.Measurement{
		DataFormatVersion: "0.2.0", TestName: test, TestVersion: version, TestStartTime: stamp, StartTime: stamp,
		Runtime: c.Now().Sub(start).Seconds(),
		ProbeCC: cc, ProbeASN: c.Place.ASN, ProbeNetwork: c.Place.Network,
		ResolverASN: c.Resolver.ASN, ResolverNetwork: c.Resolver.Network,
		SoftwareName: SoftwareName, SoftwareVersion: c.Version,
		Extensions:  map[string]int{"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0},
		Annotations: measurement.Annotations{Platform: platform(), EngineName: SoftwareName, EngineVersion: c.Version},
	}
}

// platform returns the operating system by OONI's name for it.
func platform() string {
	if runtime.GOOS == "darwin" {
		return "macos"
	}
	return runtime.GOOS
}

func (r *run) note(n Note) {
	if r.cfg.OnNote != nil && n.Failure != failInterrupted {
		r.cfg.OnNote(n)
	}
}

// measure takes the steps in order. The target's own connections come first, and the
// control is asked at the same time. Contrasts come last, and only those that answer an
// open question, since each of them may be noticed.
func (r *run) measure(ctx context.Context) {
	// The background may still be waiting for second answers at the end.
	defer r.background.Wait()

	browser, others := r.resolve(ctx)
	addrs := slices.Concat(browser, others)
	control := make(chan *measurement.Control, 1)
	go func() { control <- r.askControl(ctx, addrs) }()

	var own, quic sync.WaitGroup
	if len(browser) > 0 {
		own.Go(func() { r.visit(ctx, r.url, 0, browser, tagClassic) })
		own.Go(func() { r.visitMore(ctx, others) })
	} else { // a browser would give up here; loading the page shows whether DNS is the only obstacle
		own.Go(func() { r.visit(ctx, r.url, 0, others) })
	}
	if r.url.Scheme == "https" && !r.cfg.Passive {
		quic.Go(func() { r.quic(ctx, addrs) })
	}
	ctl := <-control
	if more := r.fresh(controlAddrs(ctl)); len(more) > 0 {
		own.Go(func() { r.visitMore(ctx, more, "control_addr") })
	}
	own.Wait()
	if r.cfg.Passive || ctx.Err() != nil {
		return
	}
	// QUIC often gets no answer. The transfers need not wait for it.
	var transfers sync.WaitGroup
	transfers.Go(func() { r.throttle(ctx) })
	quic.Wait()
	transfers.Wait()
	r.contrasts(ctx, ctl)
}

// fresh returns the addresses that were not tried yet, at most maxV4 and maxV6 of them. It
// marks all of them as tried.
func (r *run) fresh(addrs []netip.Addr) []netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	var v4, v6 []netip.Addr
	for _, a := range addrs {
		a = a.Unmap()
		if r.known[a] {
			continue
		}
		r.known[a] = true
		switch {
		case a.Is4() && len(v4) < maxV4:
			v4 = append(v4, a)
		case a.Is6() && len(v6) < maxV6:
			v6 = append(v6, a)
		}
	}
	return append(v4, v6...)
}

// How many addresses of each family are tried at most.
const (
	maxV4 = 4
	maxV6 = 2
)

func controlAddrs(c *measurement.Control) []netip.Addr {
	if c == nil {
		return nil
	}
	var out []netip.Addr
	for _, s := range c.DNS.Addrs {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, a)
		}
	}
	return out
}
