package observation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/measurement"
)

// Options holds what Observe needs besides the measurement. The zero value names no
// platform, and uses the embedded fingerprints and defects and the program's own
// verifier.
type Options struct {
	// Target returns the platform that a host belonged to at a time, or "". For tests
	// of an app, host is "".
	Target       func(host, testName string, at time.Time) string
	Fingerprints *fingerprint.Set
	Defects      *defect.Table
	Verifier     *Verifier
}

// Observed is what a measurement shows.
type Observed struct {
	Known  bool   // the test is one that Bandish reads
	Rows   []Row  // in a canonical order
	Bodies []Body // each once, sorted by their hash
}

// Body is the beginning of a response that may have been written on the path. It is
// kept so that later fingerprints can be matched without the raw measurement.
type Body struct {
	SHA256 string `json:"sha256,omitempty" parquet:"sha256"` // of Text; Row.BodySHA256 has it, too
	Text   string `json:"text,omitempty" parquet:"text"`     // at most MaxBody bytes; not always UTF-8
}

// MaxBody is how many bytes of a body are kept and matched.
const MaxBody = 64 << 10

// Observe turns a measurement into rows. The order of the lists in the document
// does not matter. The rows share no memory with m. Observe cuts the lists of m to
// maxSteps.
func Observe(m *measurement.Measurement, o Options) Observed {
	if o.Fingerprints == nil {
		o.Fingerprints = fingerprint.Embedded()
	}
	if o.Defects == nil {
		o.Defects = defect.Embedded()
	}
	if o.Verifier == nil {
		o.Verifier = webVerifier()
	}
	b := &builder{m: m, o: o}
	b.base = b.baseRow()
	b.bound()
	k := &m.TestKeys
	whole := measurement.Connection{
		NetworkEvents: k.NetworkEvents, Queries: k.Queries, Requests: k.Requests,
		TCPConnect: k.TCPConnect, TLSHandshakes: k.TLSHandshakes, QUIC: k.QUIC,
	}
	whole = own(whole)
	known := true
	switch m.TestName {
	case "web_connectivity":
		b.web(whole)
	case "signal", "telegram", "whatsapp", "facebook_messenger", "urlgetter":
		b.add(b.connection(whole, false))
		b.tunnel(m.TestKeys.Tunnel, k.Failure)
	case "psiphon", "vanilla_tor", "torsf":
		b.add(b.connection(whole, false))
		b.tunnel(m.TestName, bootstrapFailure(k))
	case "openvpn":
		b.openvpn(whole)
	case "riseupvpn":
		b.riseupvpn(whole)
	case "wireguard":
		b.wireguard()
	case "tor":
		b.tor()
	case "dnscheck":
		b.dnscheck()
	case "echcheck":
		b.ech(whole)
	default:
		known = false
	}
	return Observed{Known: known, Rows: b.finish(), Bodies: b.sortedBodies()}
}

// maxSteps is how many steps each list of a measurement may have. Real ones have
// some hundreds, and the work grows with the square.
const maxSteps = 1000

// TooManySteps is the mark of rows from a measurement whose lists were cut.
const TooManySteps = "too_many_steps"

// bound cuts lists that are longer than any test writes.
func (b *builder) bound() {
	k := &b.m.TestKeys
	cut := false
	k.Queries = atMost(k.Queries, &cut)
	k.TCPConnect = atMost(k.TCPConnect, &cut)
	k.TCPConnects = atMost(k.TCPConnects, &cut)
	k.TLSHandshakes = atMost(k.TLSHandshakes, &cut)
	k.QUIC = atMost(k.QUIC, &cut)
	k.Requests = atMost(k.Requests, &cut)
	k.DuplicateResponses = atMost(k.DuplicateResponses, &cut)
	k.LateReplies = atMost(k.LateReplies, &cut)
	k.OpenVPNHandshakes = atMost(k.OpenVPNHandshakes, &cut)
	if k.Control != nil {
		k.Control.DNS.Addrs = atMost(k.Control.DNS.Addrs, &cut)
	}
	answers := 0
	for i := range k.Queries {
		answers += len(k.Queries[i].Answers)
	}
	if answers > maxSteps {
		k.Queries, cut = nil, true
	}
	nested := len(k.Targets) + len(k.Lookups)
	for _, t := range k.Targets {
		nested += steps(&t.Connection)
	}
	for _, l := range k.Lookups {
		nested += steps(&l.Connection)
	}
	if k.Bootstrap != nil {
		nested += steps(k.Bootstrap)
	}
	if nested > 4*maxSteps {
		k.Targets, k.Lookups, k.Bootstrap, cut = nil, nil, nil, true
	}
	if cut {
		b.base.Marks = append(b.base.Marks, TooManySteps)
	}
}

func atMost[T any](list []T, cut *bool) []T {
	if len(list) <= maxSteps {
		return list
	}
	*cut = true
	return list[:maxSteps]
}

func steps(c *measurement.Connection) int {
	n := len(c.TCPConnect) + len(c.TLSHandshakes) + len(c.QUIC) + len(c.Requests)
	for i := range c.Queries {
		n += 1 + len(c.Queries[i].Answers)
	}
	return n
}

// builder collects the rows of one measurement.
type builder struct {
	m      *measurement.Measurement
	o      Options
	base   Row
	rows   []Row
	bodies map[string]string
	chunk  strings.Builder
}

// keep copies a string out of the document, so that rows do not keep the document
// in memory. Small strings share a chunk.
func (b *builder) keep(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if b.chunk.Cap()-b.chunk.Len() < len(s) {
		b.chunk = strings.Builder{}
		b.chunk.Grow(max(4096, len(s)))
	}
	start := b.chunk.Len()
	b.chunk.WriteString(s)
	return b.chunk.String()[start:]
}

func (b *builder) baseRow() Row {
	m := b.m
	host := HostOf(string(m.Input))
	software := m.SoftwareName
	if m.SoftwareVersion != "" {
		software += "/" + m.SoftwareVersion
	}
	r := Row{
		UID: b.keep(m.UID), ReportID: b.keep(m.ReportID), Time: m.StartTime.Time,
		CC: b.keep(m.ProbeCC), ASN: uint32(m.ProbeASN), ResolverASN: uint32(m.ResolverASN),
		TestName: b.keep(m.TestName), TestVersion: b.keep(m.TestVersion), Software: b.keep(software), Engine: b.keep(m.Annotations.EngineVersion),
		Platform: b.keep(m.Annotations.Platform), NetworkType: b.keep(m.Annotations.NetworkType),
		Input: b.keep(string(m.Input)), FingerprintSet: b.o.Fingerprints.ID(),
	}
	r.FindDefects(b.o.Defects)
	if b.o.Target != nil {
		r.Target = b.o.Target(host, m.TestName, m.StartTime.Time)
	}
	if r.Target == "" {
		r.Target = b.keep(host)
	}
	if r.Target == "" {
		r.Target = r.TestName
	}
	return r
}

func (b *builder) add(rows []Row) {
	if len(b.rows) == 0 {
		b.rows = rows[:len(rows):len(rows)] // rows are large: they are not copied
		return
	}
	b.rows = append(b.rows, rows...)
}

// finish puts the rows in order and numbers them.
func (b *builder) finish() []Row {
	if len(b.rows) == 0 {
		b.rows = append(b.rows, b.base) // that there was a measurement is a fact, too
	}
	translated(b.rows, nil, "")
	sort.Slice(b.rows, func(i, j int) bool { return compareRows(&b.rows[i], &b.rows[j]) < 0 })
	for i := range b.rows {
		b.rows[i].Seq = uint16(min(i, 1<<16-1))
	}
	return b.rows
}

// compareRows is the canonical order of a measurement's rows: by redirect, name,
// address and port, then by the other fields.
func compareRows(x, y *Row) int {
	if c := cmp.Or(cmp.Compare(x.Hop, y.Hop), cmp.Compare(x.Name, y.Name), cmp.Compare(x.IP, y.IP), cmp.Compare(x.Port, y.Port)); c != 0 {
		return c // nearly always this decides
	}
	return cmp.Or(
		cmp.Compare(x.Transport, y.Transport), cmp.Compare(x.URL, y.URL),
		cmp.Compare(x.DNS, y.DNS), cmp.Compare(x.TCP, y.TCP), cmp.Compare(x.TLS, y.TLS), cmp.Compare(x.HTTP, y.HTTP),
		cmp.Compare(x.QUIC, y.QUIC), cmp.Compare(x.Tunnel, y.Tunnel), cmp.Compare(x.TunnelKind, y.TunnelKind), cmp.Compare(x.ServerName, y.ServerName),
		cmp.Compare(x.Status, y.Status), cmp.Compare(x.BodyBytes, y.BodyBytes),
		slices.Compare(x.DNSEngines, y.DNSEngines), cmp.Compare(x.DNSType, y.DNSType),
		cmp.Compare(x.TCPSeconds, y.TCPSeconds), cmp.Compare(x.TLSSeconds, y.TLSSeconds),
		cmp.Compare(x.HTTPSeconds, y.HTTPSeconds), cmp.Compare(x.ReadBytes, y.ReadBytes),
		cmp.Compare(x.BodySHA256, y.BodySHA256), cmp.Compare(x.CertSHA256, y.CertSHA256),
	)
}

func (b *builder) sortedBodies() []Body {
	if len(b.bodies) == 0 {
		return nil
	}
	all := make([]Body, 0, len(b.bodies))
	for sum, text := range b.bodies {
		all = append(all, Body{sum, text})
	}
	slices.SortFunc(all, func(x, y Body) int { return strings.Compare(x.SHA256, y.SHA256) })
	return all
}

// engine returns the name of a lookup's resolver, as in Row.DNSEngines.
func (b *builder) engine(q *measurement.Query) string {
	e := q.Engine
	if e == "" {
		e = "system"
	}
	if q.ResolverAddress != "" && e != "system" && e != "getaddrinfo" {
		e += " " + q.ResolverAddress
	}
	return b.keep(e)
}

// depth reads from a step's tags to which redirect it belongs.
func depth(tags []string) (uint8, bool) {
	for _, t := range tags {
		if n, ok := strings.CutPrefix(t, "depth="); ok {
			if d, err := strconv.ParseUint(n, 10, 8); err == nil {
				return uint8(d), true
			}
		}
	}
	return 0, false
}

func sortedSet(list []string) []string {
	sort.Strings(list)
	return slices.Compact(list)
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// seconds returns how long a step took, 0 where that is not known: old probes write
// only its end.
func seconds(t0, t float64) float64 {
	if t0 <= 0 || t < t0 {
		return 0
	}
	return t - t0
}
