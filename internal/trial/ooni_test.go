package trial

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/lab"
)

// What OONI's engine makes of our documents, by the few of its rules that
// matter here. They are told as OONI publishes them: the comments of
// web_connectivity 0.5's classic analysis, ts-017-web-connectivity and
// df-000; none of OONI's code is used.

// ooniDocument is what those rules read.
type ooniDocument struct {
	Keys struct {
		Queries []struct {
			ooniStep
			Engine   string  `json:"engine"`
			Failure  *string `json:"failure"`
			Hostname string  `json:"hostname"`
			Answers  []struct {
				IPv4 string `json:"ipv4"`
				IPv6 string `json:"ipv6"`
			} `json:"answers"`
		} `json:"queries"`
		TCP []struct {
			ooniStep
			IP     string `json:"ip"`
			Port   int    `json:"port"`
			Status struct {
				Failure *string `json:"failure"`
			} `json:"status"`
		} `json:"tcp_connect"`
		TLS []struct {
			ooniStep
			Failure    *string `json:"failure"`
			ServerName string  `json:"server_name"`
		} `json:"tls_handshakes"`
		Requests []struct {
			ooniStep
			Failure  *string `json:"failure"`
			Response struct {
				Code    int               `json:"code"`
				Body    json.RawMessage   `json:"body"`
				Headers map[string]string `json:"headers"`
				Cut     bool              `json:"body_is_truncated"`
			} `json:"response"`
		} `json:"requests"`
		Control *struct {
			DNS struct {
				Failure *string  `json:"failure"`
				Addrs   []string `json:"addrs"`
			} `json:"dns"`
			TCP map[string]struct {
				Failure *string `json:"failure"`
			} `json:"tcp_connect"`
			TLS map[string]struct {
				Failure    *string `json:"failure"`
				ServerName string  `json:"server_name"`
			} `json:"tls_handshake"`
			HTTP struct {
				Failure *string           `json:"failure"`
				Code    int               `json:"status_code"`
				Length  int               `json:"body_length"`
				Title   string            `json:"title"`
				Headers map[string]string `json:"headers"`
			} `json:"http_request"`
		} `json:"control"`
		Blocking   any `json:"blocking"`
		Accessible any `json:"accessible"`
	} `json:"test_keys"`
}

type ooniStep struct {
	Tags []string `json:"tags"`
	Tx   int64    `json:"transaction_id"`
}

// depth is the redirect that the step belongs to, -1 where no tag says.
func (s *ooniStep) depth() int {
	for _, t := range s.Tags {
		if n, ok := strings.CutPrefix(t, "depth="); ok {
			if d, err := strconv.Atoi(n); err == nil {
				return d
			}
		}
	}
	return -1
}

func (s *ooniStep) fetches() bool { return slices.Contains(s.Tags, "fetch_body=true") }

// ooniASN is the network of a lab address in public databases of networks:
// both AS112 blocks are of AS112, the others of nobody.
func ooniASN(a string) int {
	ip, err := netip.ParseAddr(a)
	if err != nil {
		return 0
	}
	for _, p := range []string{"192.31.196.0/24", "192.175.48.0/24", "2001:4:112::/48", "2620:4f:8000::/48"} {
		if netip.MustParsePrefix(p).Contains(ip) {
			return 112
		}
	}
	return 0
}

// says is the engine's conclusion: blocking (nil, false or a string) and
// accessible (nil, true or false).
func (d *ooniDocument) says() (blocking, accessible any) {
	k := &d.Keys
	consistent := d.consistent()
	concluded := func(b, a any) (any, any) {
		if !consistent && a != true {
			return "dns", false
		}
		return b, a
	}
	blocked := func(b string) (any, any) { return concluded(b, false) }
	down := func() (any, any) { return concluded(false, false) }
	if k.Control == nil {
		return concluded(nil, nil)
	}
	pageFails := k.Control.HTTP.Failure != nil
	// From the last redirect back to the first request, and in each from the
	// page down to the lookup: the first step that says something decides, and
	// of several ends of a step the good ones come first.
	last := 0
	for i := range k.TCP {
		last = max(last, k.TCP[i].depth())
	}
	for depth := last; depth >= 0; depth-- {
		page, handshake, connect := d.ends(depth)
		switch {
		case page != nil && *page.failure == "":
			if page.code/100 == 3 || page.code == 0 {
				break
			}
			if page.overTLS || !d.differs(page) {
				return false, true
			}
			return blocked("http-diff")
		case page != nil:
			if pageFails {
				return down()
			}
			return blocked("http-failure")
		}
		if handshake != nil && *handshake.failure != "" {
			if c, ok := k.Control.TLS[handshake.endpoint]; ok && c.ServerName == handshake.name {
				if c.Failure != nil {
					return down()
				}
			}
			return blocked("http-failure")
		}
		if connect != nil && *connect.failure != "" {
			switch c, ok := k.Control.TCP[connect.endpoint]; {
			case ok && c.Failure != nil:
				return down()
			case ok:
				return blocked("tcp_ip")
			}
			return blocked("http-failure")
		}
	}
	for i := range k.Queries {
		if q := &k.Queries[i]; q.depth() == 0 && system(q.Engine) && q.Failure != nil {
			if k.Control.DNS.Failure != nil || *q.Failure == "dns_no_answer" && len(k.Control.DNS.Addrs) == 0 {
				return down()
			}
			return blocked("dns")
		}
	}
	return concluded(nil, nil)
}

// consistent compares what the system's functions found with what the control
// did: a common address or network is enough.
func (d *ooniDocument) consistent() bool {
	k := &d.Keys
	for i := range k.Queries {
		q := &k.Queries[i]
		if q.depth() != 0 || !system(q.Engine) || k.Control == nil {
			continue
		}
		if q.Failure != nil {
			if k.Control.DNS.Failure == nil && len(k.Control.DNS.Addrs) > 0 {
				return false
			}
			continue
		}
		if k.Control.DNS.Failure != nil || len(k.Control.DNS.Addrs) == 0 {
			return false // somebody answers for a name that is not there
		}
		common := false
		for _, a := range q.Answers {
			at := a.IPv4 + a.IPv6
			common = common || slices.ContainsFunc(k.Control.DNS.Addrs, func(c string) bool {
				return c == at || ooniASN(c) != 0 && ooniASN(c) == ooniASN(at)
			})
		}
		if len(q.Answers) > 0 && !common {
			return false
		}
	}
	return true
}

// classic reports whether the engine looks at an address: one that the system's
// functions found, or nobody (the input's own).
func (d *ooniDocument) classic(addr string) bool {
	known := d.Keys.Control != nil && slices.Contains(d.Keys.Control.DNS.Addrs, addr)
	for i := range d.Keys.Queries {
		q := &d.Keys.Queries[i]
		for _, a := range q.Answers {
			if a.IPv4 == addr || a.IPv6 == addr {
				if known = true; system(q.Engine) {
					return true
				}
			}
		}
	}
	return !known
}

func system(engine string) bool { return engine == "getaddrinfo" || engine == "golang_net_resolver" }

// ooniEnd is how far one connection came.
type ooniEnd struct {
	endpoint, name string
	failure        *string
	overTLS        bool
	code, length   int
	cut            bool
	title          string
	headers        map[string]string
}

// ends are the furthest steps of the connections of a redirect that were to
// load the page, those that worked first.
func (d *ooniDocument) ends(depth int) (page, handshake, connect *ooniEnd) {
	k := &d.Keys
	better := func(have **ooniEnd, e ooniEnd) {
		if *have == nil || *(*have).failure != "" && *e.failure == "" {
			*have = &e
		}
	}
	word := func(f *string) *string {
		if f == nil {
			f = new(string)
		}
		return f
	}
	for i := range k.TCP {
		c := &k.TCP[i]
		if c.depth() != depth || !c.fetches() || !d.classic(c.IP) {
			continue
		}
		e := ooniEnd{endpoint: netip.AddrPortFrom(netip.MustParseAddr(c.IP), uint16(c.Port)).String(), failure: word(c.Status.Failure)}
		step := &connect
		for j := range k.TLS {
			if h := &k.TLS[j]; h.Tx == c.Tx {
				e.name, e.failure, e.overTLS, step = h.ServerName, word(h.Failure), true, &handshake
			}
		}
		for j := range k.Requests {
			if r := &k.Requests[j]; r.Tx == c.Tx {
				var body string
				_ = json.Unmarshal(r.Response.Body, &body) // wrapped bytes have no title
				e.failure, e.code, e.length, e.cut, e.title, e.headers = word(r.Failure), r.Response.Code, len(body), r.Response.Cut, titleIn(body), r.Response.Headers
				step = &page
			}
		}
		better(step, e)
	}
	return page, handshake, connect
}

func titleIn(body string) string {
	_, rest, ok := strings.Cut(strings.ToLower(body), "<title>")
	if !ok {
		return ""
	}
	title, _, _ := strings.Cut(rest, "</title>")
	return title
}

// differs compares a page with the control's: the same status and a like
// length, an uncommon header in common or a like title make it the same.
func (d *ooniDocument) differs(p *ooniEnd) bool {
	c := &d.Keys.Control.HTTP
	if c.Code != p.code {
		return true
	}
	if short, long := min(p.length, c.Length), max(p.length, c.Length); !p.cut && short > 0 && 10*short > 7*long {
		return false
	}
	common := strings.Fields("date content-type server cache-control vary set-cookie location expires x-powered-by content-encoding last-modified accept-ranges pragma x-frame-options etag x-content-type-options age via p3p x-xss-protection content-language cf-ray strict-transport-security link x-varnish")
	for name := range p.headers {
		for other := range c.Headers {
			if strings.EqualFold(name, other) && !slices.Contains(common, strings.ToLower(name)) {
				return false
			}
		}
	}
	words := func(title string) (out []string) {
		for _, w := range strings.Split(strings.ToLower(title), " ") {
			if len(w) >= 5 {
				out = append(out, w)
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return !slices.Equal(words(p.title), words(c.Title))
}

// unknownToOONI are the scenarios that OONI's engine cannot tell: a page that is
// only slow, and a resolver that filters because its user asked it to.
var unknownToOONI = map[string]bool{"throttle-pace": true, "dns-filters-as-asked": true}

// byChance are the scenarios that lose packets at random. OONI's engine fetches
// a page once, so it calls such a line blocked in 7 runs of 640. One such run
// says nothing: byChanceRuns in a row do.
var byChance = map[string]bool{"lossy-line": true, "lossy-line-http": true}

const byChanceRuns = 4

// reportOONI holds OONI's conclusions of the runs against the truth. Every
// blocked scenario but one must be blocked by OONI's rules too. No other
// scenario may be, except those of which OONI's engine has no notion.
func reportOONI(t *testing.T, f *Field, results []Result) {
	t.Helper()
	scenarios := map[string]bool{}
	for _, s := range lab.Scenarios() {
		scenarios[s.Name] = true
	}
	blocked, found, others := 0, 0, 0
	for i := range results {
		r := &results[i]
		if !scenarios[r.Scenario.Name] || r.Seed != 0 {
			continue
		}
		b, a := ooniSays(t, r)
		_, theirs := b.(string)
		switch {
		case r.Scenario.Truth.State != "blocked":
			others++
			if theirs && !unknownToOONI[r.Scenario.Name] && !(byChance[r.Scenario.Name] && chance(t, f, r.Scenario)) {
				t.Errorf("%s is %s, and blocked by OONI's rules (%v)", r.Scenario.Name, r.Scenario.Truth.State, b)
			}
		case theirs:
			blocked++
			found++
		default:
			blocked++
			if !unknownToOONI[r.Scenario.Name] {
				t.Errorf("%s is blocked, and %v/%v by OONI's rules", r.Scenario.Name, b, a)
			}
		}
	}
	t.Logf("by OONI's rules %d of %d blocked are blocked, of %d others none may be", found, blocked, others)
	if blocked < 40 || others < 17 || found < blocked-1 {
		t.Errorf("%d of %d blocked, %d others", found, blocked, others)
	}
}

// chance runs a scenario again with other seeds and reports whether one of the
// runs is not blocked by OONI's rules.
func chance(t *testing.T, f *Field, s lab.Scenario) bool {
	t.Helper()
	for seed := uint64(1001); seed < 1000+byChanceRuns; seed++ {
		r := runOnce(t, f, s, seed)
		b, _ := ooniSays(t, &r)
		if _, theirs := b.(string); !theirs {
			t.Logf("%s was blocked by OONI's rules by chance: seed %d is not", s.Name, seed)
			return true
		}
	}
	return false
}

// ooniSays judges a run's document by OONI's rules, from its JSON alone.
func ooniSays(t *testing.T, r *Result) (blocking, accessible any) {
	t.Helper()
	raw, err := json.Marshal(r.Measurement)
	if err != nil {
		t.Fatal(err)
	}
	var d ooniDocument
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d.says()
}
