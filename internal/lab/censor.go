package lab

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Rule is one thing that a censor does: to which traffic, and what.
type Rule struct {
	When When
	Do   Action

	// Residual is how long, once the rule has struck, the same client is kept
	// from the same address and port whatever it says there.
	Residual time.Duration
}

// When says which traffic a rule is about. An empty field matches all.
type When struct {
	// Names are looked for in the DNS question, the TLS server name and the
	// HTTP Host, lower case; a name covers its subdomains. A rule with names
	// strikes when a name is read, one without at the first packet.
	Names     []string
	Addrs     []netip.Prefix // of the far side
	Sites     []string       // names of sites whose addresses join Addrs
	Ports     []uint16       // of the far side
	Transport string         // "tcp" or "udp"
}

// Action is what a rule does: one of the types below.
type Action interface{ action() }

type (
	// Drop loses every packet of the flow, both ways, once After bytes came
	// from the server.
	Drop struct{ After int }

	// Reset sends a TCP reset to both ends. On a SYN the client sees its
	// connection refused, as from a closed port.
	Reset struct{}

	// Close sends a FIN to the client in the server's name.
	Close struct{}

	// Unreachable answers with ICMP "host unreachable".
	Unreachable struct{}

	// Answer replies to an HTTP request in the server's name and closes.
	Answer struct{ Response string }

	// Forge answers a DNS question in the resolver's name. With Race the
	// question travels on, and the true answer comes second; without, the
	// question is lost, as with a resolver that lies.
	Forge struct {
		RCode int // of package dns
		Addrs []netip.Addr
		Race  bool
		// Says, where it is not 0, is the extended error (RFC 8914) by which
		// the resolver says that it withholds the name, to those who ask with
		// EDNS0.
		Says uint16
	}

	// Divert sends the flow to a middlebox, which answers in the server's
	// name: to the one beside a site, or to an address.
	Divert struct {
		BoxOf string
		To    netip.AddrPort
	}

	// Slow passes what comes from the server at Rate bytes a second after the
	// first Burst bytes, and drops what it would hold for longer than a second.
	Slow struct{ Rate, Burst int }

	// Lose drops each packet of the flow with this probability, once After
	// bytes came from the server.
	Lose struct {
		Probability float64
		After       int
	}
)

func (Drop) action()        {}
func (Reset) action()       {}
func (Close) action()       {}
func (Unreachable) action() {}
func (Answer) action()      {}
func (Forge) action()       {}
func (Divert) action()      {}
func (Slow) action()        {}
func (Lose) action()        {}

// Censor stands on a client's line and sees every packet both ways. The same
// censor works between hosts inside the process and between kernels. It is
// safe for concurrent use.
type Censor struct {
	rules []Rule
	now   func() time.Time

	mu       sync.Mutex // guards all below
	rng      *rand.Rand
	flows    map[flowKey]*flow
	diverted map[flowKey]netip.AddrPort // seen from the middlebox: the address the client wanted
	residues map[residueKey]residue
	struck   []int // by rule: flows it struck
}

// NewCensor makes a censor that follows the rules in their order: the first
// that matches decides over a flow. The seed decides which packets Lose loses.
func NewCensor(seed uint64, rules ...Rule) *Censor {
	return &Censor{
		rules:    rules,
		now:      time.Now,
		rng:      rand.New(rand.NewPCG(seed, 0x6c6162)),
		flows:    map[flowKey]*flow{},
		diverted: map[flowKey]netip.AddrPort{},
		residues: map[residueKey]residue{},
		struck:   make([]int, len(rules)),
	}
}

// Struck counts, for each rule, the flows that it struck.
func (c *Censor) Struck() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.struck)
}

// flowKey names a flow from the client's side.
type flowKey struct {
	client, server netip.AddrPort
	proto          uint8
}

// flow is what the censor remembers of one.
type flow struct {
	seen    bool   // a packet passed before
	stream  []byte // the client's first bytes, in order
	next    uint32 // sequence number after them
	settled bool   // no name rule can match any more

	rule  *Rule
	fresh bool // the rule struck on the packet at hand

	passed  int       // bytes from the server
	release time.Time // when Slow lets the next packet go
}

type residueKey struct {
	client netip.Addr
	server netip.AddrPort
	proto  uint8
}

type residue struct {
	rule  *Rule
	until time.Time
}

// ruling is what becomes of a packet: forged ones go first, then the packet
// itself, if it passes, after a wait.
type ruling struct {
	toClient, toServer [][]byte
	pass               []byte // nil: dropped
	wait               time.Duration
}

// maxStream bounds what the censor keeps of a stream while it looks for a name.
const maxStream = 16 << 10

// judge decides over one packet, up from the client or down to it.
func (c *Censor) judge(up bool, raw []byte) ruling {
	p, ok := parsePacket(raw)
	if !ok {
		return ruling{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !up {
		if wanted, ok := c.diverted[flowKey{p.dst, p.src, p.proto}]; ok {
			return ruling{pass: p.redirect(wanted, p.dst)}
		}
	}
	f := c.flowOf(up, &p)
	if f.rule == nil {
		c.look(f, up, &p)
	}
	f.seen = true
	if f.rule == nil {
		return ruling{pass: raw}
	}
	r := c.strike(f, up, &p)
	f.fresh = false
	if p.proto == protoUDP && p.dst.Port() == 53 {
		*f = flow{} // the next question is judged anew
	}
	return r
}

func (c *Censor) flowOf(up bool, p *packet) *flow {
	k := flowKey{p.src, p.dst, p.proto}
	if !up {
		k = flowKey{p.dst, p.src, p.proto}
	}
	f := c.flows[k]
	if f == nil || up && p.proto == protoTCP && p.flags&(flagSYN|flagACK) == flagSYN && p.seq+1 != f.next {
		f = &flow{}
		c.flows[k] = f
	}
	if up && p.proto == protoTCP && p.flags&flagSYN != 0 {
		f.next = p.seq + 1
	}
	return f
}

// look finds the rule that strikes the flow on this packet, if one does.
func (c *Censor) look(f *flow, up bool, p *packet) {
	if !up {
		return
	}
	if rule := c.residueFor(p); rule != nil {
		f.rule = rule
		return
	}
	if !f.seen {
		if rule := c.match(p, ""); rule != nil {
			c.settle(f, p, rule)
			return
		}
	}
	name := f.readName(p)
	if name == "" {
		return
	}
	if rule := c.match(p, name); rule != nil {
		c.settle(f, p, rule)
	}
}

// settle makes the rule decide over the flow.
func (c *Censor) settle(f *flow, p *packet, rule *Rule) {
	f.rule, f.fresh, f.stream = rule, true, nil
	for i := range c.rules {
		if &c.rules[i] == rule {
			c.struck[i]++
		}
	}
	if rule.Residual > 0 {
		c.residues[residueKey{p.src.Addr(), p.dst, p.proto}] = residue{rule, c.now().Add(rule.Residual)}
	}
}

// residueFor is the rule whose residual blocking covers the packet. A rule
// that drops does so from the first packet; others wait for the client to
// speak.
func (c *Censor) residueFor(p *packet) *Rule {
	k := residueKey{p.src.Addr(), p.dst, p.proto}
	left, ok := c.residues[k]
	if !ok {
		return nil
	}
	if !c.now().Before(left.until) {
		delete(c.residues, k)
		return nil
	}
	if do, drops := left.rule.Do.(Drop); (!drops || do.After > 0) && len(p.payload) == 0 {
		return nil
	}
	return left.rule
}

// match is the first rule about the packet's far side and the name; with no
// name, the first rule that asks for none.
func (c *Censor) match(p *packet, name string) *Rule {
	for i := range c.rules {
		if w := &c.rules[i].When; w.covers(p) && w.coversName(name) {
			return &c.rules[i]
		}
	}
	return nil
}

func (w *When) covers(p *packet) bool {
	switch {
	case w.Transport == "tcp" && p.proto != protoTCP, w.Transport == "udp" && p.proto != protoUDP:
		return false
	case len(w.Ports) > 0 && !slices.Contains(w.Ports, p.dst.Port()):
		return false
	case len(w.Addrs) == 0:
		return true
	}
	return slices.ContainsFunc(w.Addrs, func(a netip.Prefix) bool { return a.Contains(p.dst.Addr()) })
}

func (w *When) coversName(name string) bool {
	if len(w.Names) == 0 || name == "" {
		return len(w.Names) == 0 && name == ""
	}
	return slices.ContainsFunc(w.Names, func(n string) bool {
		return name == n || strings.HasSuffix(name, "."+n)
	})
}

// readName reads on in what the client says and returns the name that it asks
// for: of a DNS question, a ClientHello or an HTTP request. "" where there is
// none or not yet.
func (f *flow) readName(p *packet) string {
	if f.settled || len(p.payload) == 0 {
		return ""
	}
	if p.proto == protoUDP {
		q, ok := question(p)
		if !ok {
			return ""
		}
		return strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	}
	if p.proto != protoTCP || p.seq != f.next {
		return ""
	}
	f.next += uint32(len(p.payload))
	f.stream = append(f.stream, p.payload...)
	name, more := streamName(f.stream)
	if !more || len(f.stream) > maxStream {
		f.settled, f.stream = true, nil
	}
	return name
}

// streamName finds the server name or the Host in the beginning of a stream;
// more says that it may yet come.
func streamName(stream []byte) (name string, more bool) {
	if stream[0] == 22 {
		name, err := helloName(stream)
		return strings.ToLower(name), err == errMore
	}
	head, _, whole := strings.Cut(string(stream), "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, "host") {
			host, _, _ := strings.Cut(strings.TrimSpace(v), ":")
			return strings.ToLower(host), !whole
		}
	}
	return "", !whole
}

// question reads a DNS query over UDP.
func question(p *packet) (*dns.Msg, bool) {
	if p.dst.Port() != 53 {
		return nil, false
	}
	q := new(dns.Msg)
	if q.Unpack(p.payload) != nil || q.Response || len(q.Question) != 1 {
		return nil, false
	}
	return q, true
}

// strike carries out the flow's rule on one of its packets.
func (c *Censor) strike(f *flow, up bool, p *packet) ruling {
	switch do := f.rule.Do.(type) {
	case Reset:
		return resetFlow(up, p)
	case Close:
		return f.end(up, p, flagFIN|flagACK, nil)
	case Answer:
		return f.end(up, p, 0, []byte(do.Response))
	case Unreachable:
		if !up {
			return ruling{}
		}
		return ruling{toClient: [][]byte{p.answerUnreachable(routerAddr(p.dst.Addr()))}}
	case Forge:
		return c.forge(do, up, p)
	case Divert:
		c.diverted[flowKey{p.src, do.To, p.proto}] = p.dst
		return ruling{pass: p.redirect(p.src, do.To)}
	case Slow:
		return c.slow(f, do, up, p)
	case Lose:
		if f.within(do.After, up, p) || c.rng.Float64() >= do.Probability {
			return ruling{pass: p.raw}
		}
		return ruling{}
	case Drop:
		if f.within(do.After, up, p) {
			return ruling{pass: p.raw}
		}
		return ruling{}
	}
	return ruling{}
}

// within reports whether the flow has yet to pass so many bytes from the
// server, and counts the packet.
func (f *flow) within(limit int, up bool, p *packet) bool {
	if !up {
		f.passed += len(p.raw)
	}
	return f.passed < limit
}

// resetFlow resets both ends on what the client sends. What the server sends
// meanwhile is lost, so that the outcome does not hang on a race.
func resetFlow(up bool, p *packet) ruling {
	if !up || p.proto != protoTCP || p.flags&flagRST != 0 {
		return ruling{}
	}
	r := ruling{toClient: [][]byte{p.answerTCP(flagRST|flagACK, nil)}}
	if p.flags&flagSYN == 0 {
		r.toServer = [][]byte{p.resetServer()}
	}
	return r
}

// end answers the packet on which the rule struck in the server's name, with
// the last byte carrying a FIN, and loses everything after.
func (f *flow) end(up bool, p *packet, flags uint8, body []byte) ruling {
	if !up || !f.fresh || p.proto != protoTCP {
		return ruling{}
	}
	r := ruling{toServer: [][]byte{p.resetServer()}}
	const segment = mtu - 100
	seq := p.ack
	for len(body) > segment {
		r.toClient = append(r.toClient, tcpPacket(p.dst, p.src, seq, p.nextSeq(), flagACK, body[:segment]))
		seq += segment
		body = body[segment:]
	}
	if flags == 0 {
		flags = flagPSH | flagFIN | flagACK
	}
	r.toClient = append(r.toClient, tcpPacket(p.dst, p.src, seq, p.nextSeq(), flags, body))
	return r
}

// forge answers DNS questions; other packets pass.
func (c *Censor) forge(do Forge, up bool, p *packet) ruling {
	q, ok := question(p)
	if !up || !ok {
		return ruling{pass: p.raw}
	}
	r := ruling{}
	if wire, err := forgedAnswer(q, do).Pack(); err == nil {
		r.toClient = [][]byte{p.answerUDP(wire)}
	}
	if do.Race {
		r.pass = p.raw
	}
	return r
}

func forgedAnswer(q *dns.Msg, do Forge) *dns.Msg {
	answer := new(dns.Msg)
	answer.SetRcode(q, do.RCode)
	answer.RecursionAvailable = true
	for _, a := range do.Addrs {
		if rr := addressRecord(q.Question[0], a, 300); rr != nil {
			answer.Answer = append(answer.Answer, rr)
		}
	}
	if do.Says != 0 && q.IsEdns0() != nil {
		answer.SetEdns0(1232, false)
		answer.IsEdns0().Option = append(answer.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: do.Says, ExtraText: "withheld in the lab"})
	}
	return answer
}

// addressRecord answers an A or AAAA question with an address of its family.
func addressRecord(q dns.Question, a netip.Addr, ttl uint32) dns.RR {
	h := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: ttl}
	switch {
	case q.Qtype == dns.TypeA && a.Is4():
		return &dns.A{Hdr: h, A: a.AsSlice()}
	case q.Qtype == dns.TypeAAAA && a.Is6():
		return &dns.AAAA{Hdr: h, AAAA: a.AsSlice()}
	}
	return nil
}

// slow holds what comes from the server to the rate.
func (c *Censor) slow(f *flow, do Slow, up bool, p *packet) ruling {
	if up {
		return ruling{pass: p.raw}
	}
	if f.within(do.Burst, up, p) {
		return ruling{pass: p.raw}
	}
	now := c.now()
	if f.release.Before(now) {
		f.release = now
	}
	wait := f.release.Sub(now)
	if wait > time.Second {
		return ruling{}
	}
	cost := time.Duration(len(p.raw)) * time.Second / time.Duration(do.Rate)
	f.release = f.release.Add(cost)
	return ruling{pass: p.raw, wait: wait + cost}
}
