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

// Rule is one thing that a censor does: which traffic it strikes, and how.
type Rule struct {
	When When
	Do   Action

	// Residual is how long the rule goes on striking the same client at the same address
	// and port after it has struck once, whatever the client says there.
	Residual time.Duration
}

// When selects the traffic that a rule strikes. An empty field matches everything.
type When struct {
	// Names are names in a DNS question, a TLS server name or an HTTP Host, in lower case.
	// A name covers its subdomains. A rule with names strikes when it has read one of
	// them; a rule without names strikes at the first packet.
	Names     []string
	Addrs     []netip.Prefix // of the far side
	Sites     []string       // sites whose addresses are added to Addrs
	Ports     []uint16       // of the far side
	Transport string         // "tcp" or "udp"
}

// Action is what a rule does: one of the types below.
type Action interface{ action() }

type (
	// Drop loses every packet of the flow, in both directions, after After bytes came from
	// the server.
	Drop struct{ After int }

	// Reset sends a TCP reset to both ends. If the packet is a SYN, the client sees a
	// refused connection, as from a closed port.
	Reset struct{}

	// Close sends the client a FIN as if from the server.
	Close struct{}

	// Unreachable answers with ICMP "host unreachable".
	Unreachable struct{}

	// Answer replies to an HTTP request as if from the server, and closes.
	Answer struct{ Response string }

	// Forge answers a DNS question as if from the resolver. With Race the question also
	// reaches the resolver, and the true answer comes second. Without it the question is
	// lost, as with a resolver that lies.
	Forge struct {
		RCode int // a response code of package dns
		Addrs []netip.Addr
		Race  bool
		// Says is the extended error (RFC 8914) with which the resolver says that it
		// withholds the name; 0 means none. Only those who ask with EDNS0 get it.
		Says uint16
	}

	// Divert sends the flow to a middlebox, which answers as if it were the server: the
	// middlebox beside a site, or one at an address.
	Divert struct {
		BoxOf string
		To    netip.AddrPort
	}

	// Slow lets through the first Burst bytes from the server, and then Rate bytes a
	// second. It drops packets that would have to wait longer than a second.
	Slow struct{ Rate, Burst int }

	// Lose drops each packet of the flow with a probability, after After bytes came from
	// the server.
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

// Censor stands on a client's line and sees every packet in both directions. It works
// between hosts inside the process and between kernels. It is safe for concurrent use.
type Censor struct {
	rules []Rule
	now   func() time.Time

	mu       sync.Mutex // guards everything below
	rng      *rand.Rand
	flows    map[flowKey]*flow
	diverted map[flowKey]netip.AddrPort // by the flow as the middlebox sees it: the address that the client wanted
	residues map[residueKey]residue
	struck   []int // for each rule, how many flows it struck
}

// NewCensor makes a censor. The first rule that matches decides about a flow. The seed
// decides which packets Lose drops.
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

// Struck returns for each rule how many flows it struck.
func (c *Censor) Struck() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.struck)
}

// flowKey names a flow, seen from the client.
type flowKey struct {
	client, server netip.AddrPort
	proto          uint8
}

// flow is what the censor remembers of a flow.
type flow struct {
	seen    bool   // a packet has passed before
	stream  []byte // the client's first bytes, in order
	next    uint32 // the sequence number after them
	settled bool   // no rule with names can match any more

	rule  *Rule
	fresh bool // the rule struck on this packet

	passed  int       // bytes that came from the server
	release time.Time // when Slow lets the next packet through
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

// ruling is what happens to a packet. Forged packets are sent first; then the packet
// itself, after a wait, if it passes.
type ruling struct {
	toClient, toServer [][]byte
	pass               []byte // the packet; nil: it is dropped
	wait               time.Duration
}

// maxStream is how many bytes of a stream the censor keeps while it looks for a name.
const maxStream = 16 << 10

// judge decides about one packet. up is true for a packet from the client.
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
		*f = flow{} // the next question is judged again
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

// look finds the rule, if any, that strikes the flow at this packet.
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

// settle makes the rule decide about the flow.
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

// residueFor returns the rule whose residual blocking covers the packet, nil for none. A
// rule that drops does so from the first packet; others wait until the client speaks.
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

// match returns the first rule about the packet's far side and the name. If name is "", it
// is the first such rule that needs no name.
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

// readName reads the client's next bytes, and returns the name that they ask for, in a DNS
// question, a ClientHello or an HTTP request. It is "" if there is none, or not yet.
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

// streamName returns the server name or the Host at the beginning of a stream. more is
// true if it may still come.
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

// within counts the packet, and reports whether fewer than limit bytes have come from the
// server.
func (f *flow) within(limit int, up bool, p *packet) bool {
	if !up {
		f.passed += len(p.raw)
	}
	return f.passed < limit
}

// resetFlow answers what the client sends with resets to both ends. What the server sends
// meanwhile is lost, so that the outcome does not depend on a race.
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

// end answers the packet on which the rule struck as if from the server. The last byte
// carries a FIN; everything after it is lost.
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

// forge answers DNS questions. Other packets pass.
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

// addressRecord answers an A or AAAA question with an address of that family.
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

// slow delays packets from the server so that they keep to the rate.
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
