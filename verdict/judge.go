// Package verdict concludes from what one measurement shows (package observation)
// whether the network interferes: State, mechanisms, and the rules that say so. Rules
// are data in a table, each with its sentence, its basis and its kind; Judge tries them
// all. A Marker then changes verdicts by what only many measurements together show.
// Verdicts go on to package series. The package does no I/O and reads no clock:
// the same rows give the same verdict, in whatever order they come.
package verdict

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/observation"
)

// Revision is raised when the code of a rule's condition changes. The hash in
// Ruleset covers the other parts of the rules.
const Revision = "6"

// Ruleset names the rule set: its revision, and a hash of the table of rules.
var Ruleset = func() string {
	h := sha256.New()
	for i := range rules {
		r := &rules[i]
		for _, part := range []string{r.ID, r.Layer, string(r.Outcome), string(r.State), r.Mechanism, r.Invalid} {
			h.Write([]byte(part + "\x00"))
		}
	}
	return Revision + "-" + hex.EncodeToString(h.Sum(nil)[:4])
}()

// Judge returns the verdict on one measurement from its rows. It looks at nothing
// else: no clock and no other measurement, and the order of the rows does not
// matter. All rows must be of one measurement, and there must be at least one.
func Judge(rows []observation.Row) Row {
	s := newScene(rows)
	c := conclusion{fired: make([]string, 0, 8)}
	c.conclude(s)
	return c.row(s)
}

func (c *conclusion) conclude(s *scene) {
	for i := range rules {
		c.try(s, &rules[i])
	}
}

// conclusion collects the rules that fire.
type conclusion struct {
	state      State
	mechanisms []supported
	fired      []string
	invalid    []string
	decided    [7]Layer
	trace      func(*Rule, *view) // for Explain; the view is nil for a rule about the whole measurement
}

// supported is a mechanism and the state for which its rule argues.
type supported struct {
	path  string
	state State
}

var layerNames = [...]string{LayerDNS, LayerTCP, LayerTLS, LayerHTTP, LayerQUIC, LayerApp, LayerInstrument}

const (
	indexDNS = iota
	indexTCP
	indexTLS
	indexHTTP
	indexQUIC
	indexApp
	indexInstrument
)

func (c *conclusion) try(s *scene, r *Rule) {
	fired := false
	if r.whole != nil {
		if fired = r.whole(s); fired {
			c.mechanism(s, r, nil)
			c.note(r, nil)
		}
	} else if s.asked&(1<<r.layer) != 0 {
		for i := range s.views {
			v := &s.views[i]
			if !v.concerns(r.layer) || r.Outcome != OutcomeBlocked && !v.open(r.layer) || !r.row(s, v) {
				continue
			}
			fired = true
			v.close(r.layer)
			c.mechanism(s, r, v)
			c.note(r, v)
		}
	}
	if !fired {
		return
	}
	c.fired = append(c.fired, r.ID)
	if r.Invalid != "" && !slices.Contains(c.invalid, r.Invalid) {
		c.invalid = append(c.invalid, r.Invalid)
	}
	if s.pageCame(r) {
		return
	}
	if stronger(r.State, c.state) {
		c.state = r.State
	}
	at := &c.decided[r.layer]
	if at.Rule == "" || weight(r.Outcome) > weight(at.Outcome) {
		*at = Layer{Outcome: r.Outcome, Rule: r.ID}
	}
}

// pageCame reports whether a rule says that something is down although the page
// came. Then it is one server of several, or a port that the page does not need.
func (s *scene) pageCame(r *Rule) bool { return r.Outcome == OutcomeDown && s.pageOK }

func (c *conclusion) note(r *Rule, v *view) {
	if c.trace != nil {
		c.trace(r, v)
	}
}

// weight orders the outcomes of a layer's rows; the largest counts. What was seen
// on one row is not undone because another row is well.
func weight(o Outcome) int {
	switch o {
	case OutcomeBlocked:
		return 4
	case OutcomeDown:
		return 3
	case OutcomeOK:
		return 2
	case OutcomeUnknown:
		return 1
	}
	return 0
}

// precedence orders the states. A page that came counts more than steps that failed
// without explanation, but less than evidence of interference. Down explains
// failures that nothing else explains.
var precedence = []State{Blocked, LikelyBlocked, Down, Impaired, OK}

func stronger(a, b State) bool {
	if a == "" {
		return false
	}
	return b == "" || slices.Index(precedence, a) < slices.Index(precedence, b)
}

func (c *conclusion) mechanism(s *scene, r *Rule, v *view) {
	m := r.Mechanism
	if m == "" {
		return
	}
	if stem, open := strings.CutSuffix(m, "*"); open {
		m = stem + c.kind(s, r, v)
		m = strings.Trim(strings.ReplaceAll(m, "..", "."), ".")
	}
	if rest, ok := strings.CutPrefix(m, "tcp.unreachable"); ok {
		m = "ip.unreachable" + rest
	}
	if m != "" && !slices.Contains(c.mechanisms, supported{m, r.State}) {
		c.mechanisms = append(c.mechanisms, supported{m, r.State})
	}
}

// of returns the mechanisms that support a state, sorted. With them are those of
// rules that argue for no state: what else is wrong.
func (c *conclusion) of(state State) []string {
	var paths []string
	for _, m := range c.mechanisms {
		against := m.state == Blocked || m.state == LikelyBlocked
		if m.state == "" && state != Insufficient || m.state == state && state != Down || against && (state == Blocked || state == LikelyBlocked) {
			paths = append(paths, m.path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// kind returns the end of a mechanism: how the step failed.
func (c *conclusion) kind(s *scene, r *Rule, v *view) string {
	switch {
	case v == nil:
		return s.worst(r)
	case withECH(v) && r.Layer == LayerApp:
		return "tls." + failureKind(v.Tunnel)
	case strings.HasPrefix(r.Mechanism, "tls.mitm"):
		if v.Cert == observation.CertSelfSigned {
			return "self_signed"
		}
		return "ca_signed"
	case r.Layer == LayerTLS:
		if s.otherName(v) {
			return failureKind(v.tls) + ".sni"
		}
		return failureKind(v.tls)
	case r.Layer == LayerTCP:
		return failureKind(v.tcp)
	case r.Layer == LayerQUIC:
		return failureKind(v.quic)
	case r.Layer == LayerDNS:
		return failureKind(v.dns)
	}
	return failureKind(v.http)
}

// worst returns the mechanism of an app's failing groups.
func (s *scene) worst(r *Rule) string {
	if strings.HasPrefix(r.ID, "tunnel_") {
		return s.tunnelMechanism()
	}
	least := ""
	for _, g := range s.app.groups {
		if g.tried == 0 || g.worked > 0 {
			continue
		}
		m := g.step + "." + failureKind(g.failure)
		if certificateFailure(g.failure) {
			m = "tls.mitm"
		}
		if least == "" || m < least {
			least = m
		}
	}
	return least
}

// tunnelMechanism returns the step that fails at most of the tool's servers.
func (s *scene) tunnelMechanism() string {
	count := map[string]int{}
	for i := range s.views {
		v := &s.views[i]
		switch {
		case !v.Tunnel.Failed():
		case v.tcp.Failed():
			count["tcp."+failureKind(v.tcp)]++
		case v.tls.Failed():
			count["tls."+failureKind(v.tls)]++
		}
	}
	most := ""
	for m, n := range count {
		if most == "" || n > count[most] || n == count[most] && m < most {
			most = m
		}
	}
	return most
}

// failureKind returns the last word of a mechanism.
func failureKind(f observation.Result) string {
	switch f {
	case "connection_reset":
		return "reset"
	case "connection_refused":
		return "refused"
	case "generic_timeout_error":
		return "timeout"
	case "eof_error":
		return "eof"
	case "host_unreachable", "network_unreachable":
		return "unreachable"
	case "dns_nxdomain_error":
		return "nxdomain"
	case "dns_refused_error":
		return "refused"
	}
	return "error"
}

func (c *conclusion) row(s *scene) Row {
	f := s.first
	r := Row{
		UID: f.UID, ReportID: f.ReportID, Sender: f.Sender, Time: f.Time, CC: f.CC, ASN: f.ASN, ResolverASN: f.ResolverASN,
		TestName: f.TestName, Software: f.Software, Platform: f.Platform, Input: f.Input, Target: f.Target,
		Domain: observation.HostOf(f.Input), State: c.state, Ruleset: Ruleset, Fingerprints: f.FingerprintSet,
		Marks: f.Marks, Raw: f.Raw, Line: f.Line, Channel: f.Channel, Content: f.Content,
	}
	if r.Domain == "" && s.unrecorded() {
		r.Domain = f.Name
	}
	if r.State == "" {
		r.State = Insufficient
	}
	for _, invalid := range c.invalid {
		if r.Invalid == "" || spoils(invalid) && !spoils(r.Invalid) {
			r.Invalid = invalid
		}
	}
	if r.Invalid != "" && spoils(r.Invalid) {
		r.State = Insufficient
	}
	r.BytesPerSecond = float32(s.pace().BytesPerSecond)
	slices.Sort(c.fired)
	r.Mechanisms, r.Rules = c.of(r.State), c.fired
	for i, at := range []*Layer{&r.DNS, &r.TCP, &r.TLS, &r.HTTP, &r.QUIC, &r.App} {
		*at = c.decided[i]
	}
	return r
}

// reportTime returns the collector's time in a report's id; false where there is
// none.
func reportTime(id string) (time.Time, bool) {
	if len(id) < 16 {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102T150405Z", id[:16])
	return t, err == nil
}
