// Package lab is a censored network for tests: clients, a provider with a resolver and a
// censor, public resolvers, web servers with real TLS, and a helper outside.
//
// It runs on gvisor's TCP/IP stack within the process, needs no root, and touches no real
// network. The same censor and servers can also run between network namespaces of the real
// kernel (see [NewKernel]). Each [Scenario] says what is true in it, and so what a probe
// and the verdict engine should find. The lab takes no part in finding it.
//
// Whatever is measured here belongs to country ZZ and to private ASNs. The package never
// imposes anything on a network that exists.
package lab

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// The names of the lab's own hosts.
const (
	HelperName    = "helper.lab.test"
	ResolverName  = "dns.lab.test"
	Resolver2Name = "dns2.lab.test"
	BlockPageName = "block.isp.test"
	InnocentName  = "innocent.test" // an ordinary site that no censor blocks
	UnusedName    = "nowhere.test"  // does not exist
)

// Lab is a running network. It serves any number of clients at one time. Each has its own
// line with its own censor.
type Lab struct {
	ca      *authority
	zone    *zone
	boxes   map[string]netip.Addr // by site
	servers *servers
	node    func([]netip.Addr, func([]byte)) (node, error) // makes a host
	far     node                                           // the host of all servers

	kernel bool

	mu      sync.RWMutex // guards what follows
	clients map[netip.Addr]*Client
	count   int
}

// node is a host of the lab: gvisor's stack, or a namespace of the kernel.
type node interface {
	ground
	receive([]byte) // takes a packet from the line
	close()
}

// New starts a lab with these sites inside this process. The caller must Close it.
func New(sites ...Site) (*Lab, error) { return newLab(newHost, true, sites) }

// ErrNoKernel means that this machine or user has no network namespaces.
var ErrNoKernel = errors.New("no lab with the real kernel")

// NewKernel starts a lab whose hosts are network namespaces of the Linux kernel, joined by
// TUN devices of this process. Servers and censor are the same; only the TCP/IP stacks
// differ. It has no IPv6. It needs root and the command ip; else the error wraps
// ErrNoKernel.
func NewKernel(sites ...Site) (*Lab, error) {
	if err := kernelReady(); err != nil {
		return nil, err
	}
	return newLab(newNamespace, false, sites)
}

func newLab(newNode func([]netip.Addr, func([]byte)) (node, error), ipv6 bool, sites []Site) (*Lab, error) {
	l := &Lab{node: newNode, kernel: !ipv6, clients: map[netip.Addr]*Client{}}
	plan, err := newPlan(sites)
	if err != nil {
		return nil, err
	}
	plan.ipv6 = ipv6
	l.ca, l.zone, l.boxes = plan.ca, plan.zone, plan.boxes
	if l.far, err = l.node(plan.hostAddrs(), l.route); err != nil {
		return nil, err
	}
	l.servers = newServers(l.far, plan.ca, plan.zone)
	if err := plan.start(l.servers); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close ends the servers and the remaining clients, and waits for both.
func (l *Lab) Close() {
	l.mu.RLock()
	var clients []*Client
	for _, c := range l.clients {
		if !slices.Contains(clients, c) { // a client has an address for each family
			clients = append(clients, c)
		}
	}
	l.mu.RUnlock()
	for _, c := range clients {
		c.Close()
	}
	l.servers.close()
	l.far.close()
}

// route hands a packet from the servers to its client.
func (l *Lab) route(raw []byte) {
	p, ok := parsePacket(raw)
	if !ok {
		return
	}
	l.mu.RLock()
	c := l.clients[p.dst.Addr()]
	l.mu.RUnlock()
	if c != nil {
		c.line.carry(false, raw)
	}
}

// receive hands a packet from a client to the servers. It drops packets to the loopback
// address: they would get nowhere outside either, and the stack would log them.
func (l *Lab) receive(raw []byte) {
	if p, ok := parsePacket(raw); ok && !p.dst.Addr().IsLoopback() {
		l.far.receive(raw)
	}
}

// RootCAs returns the authorities that a client of the lab trusts.
func (l *Lab) RootCAs() *x509.CertPool { return l.ca.pool() }

// Addrs returns the addresses of a site.
func (l *Lab) Addrs(site string) []netip.Addr { return l.zone.records[site].addrs }

// HandleHelper serves the helper's API over TLS at HelperName. Call it at most once,
// before the first client dials.
func (l *Lab) HandleHelper(h http.Handler) error {
	site := Site{Name: HelperName, Page: h.ServeHTTP}
	return l.servers.site(&site, []netip.Addr{helperAddr})
}

// BoxAddr returns the address of the middlebox beside a site.
func (l *Lab) BoxAddr(site string) netip.Addr { return l.boxes[site] }

// Addresses of the provider's hosts, for the commands of Routed.
var (
	BlockPageAddr = blockPageAddr
	LiarAddr      = liarAddr // a resolver that answers every name with a private address
)

// Outside returns a client on a network that no censor sees and that has IPv6. The helper
// measures from there.
func (l *Lab) Outside() (*Client, error) {
	return l.connect(nil, 0, publicResolver, vantageAddr, vantageAddr6)
}

// Client starts a client of the provider with its own line. The caller must Close it.
func (l *Lab) Client(line Line) (*Client, error) {
	l.mu.Lock()
	n := l.count
	l.count++
	l.mu.Unlock()
	addrs := []netip.Addr{clientAddr(n)}
	if line.IPv6 {
		addrs = append(addrs, clientAddr6(n))
	}
	var censor *Censor
	if len(line.Rules) > 0 {
		rules, err := bind(line.Rules, l.zone, l.boxes)
		if err != nil {
			return nil, err
		}
		censor = NewCensor(line.Seed, rules...)
	}
	return l.connect(censor, line.Delay, ispResolver, addrs...)
}

// Routed starts a client behind a router of the real kernel. The commands (of nft,
// iptables) run in the router: they are a censor that we did not write. The client has
// IPv4 only. The lab must come from NewKernel.
func (l *Lab) Routed(commands ...[]string) (*Client, error) {
	if !l.kernel {
		return nil, fmt.Errorf("%w: this lab is inside the process", ErrNoKernel)
	}
	l.mu.Lock()
	addr := clientAddr(l.count)
	l.count++
	l.mu.Unlock()
	return l.join(func(out func([]byte)) (node, error) { return newRouted(addr, commands, out) }, nil, 0, ispResolver, addr)
}

// Line is how a client is connected.
type Line struct {
	Rules []Rule        // of the censor; without rules there is no censor
	Seed  uint64        // for everything that the censor leaves to chance
	Delay time.Duration // for each direction
	IPv6  bool
}

func (l *Lab) connect(censor *Censor, delay time.Duration, resolver netip.Addr, addrs ...netip.Addr) (*Client, error) {
	host := func(out func([]byte)) (node, error) { return l.node(addrs, out) }
	return l.join(host, censor, delay, resolver, addrs...)
}

// join makes a client's host and joins it to the servers by a line.
func (l *Lab) join(newNode func(out func([]byte)) (node, error), censor *Censor, delay time.Duration, resolver netip.Addr, addrs ...netip.Addr) (*Client, error) {
	c := &Client{lab: l, addrs: addrs, resolver: resolver, Censor: censor}
	c.line = newLine(censor, delay, func(raw []byte) { c.host.receive(raw) }, l.receive)
	var err error
	ready := make(chan struct{}) // a kernel sends packets before it is asked to
	c.host, err = newNode(func(raw []byte) {
		<-ready
		c.line.carry(true, raw)
	})
	close(ready)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range addrs {
		if l.clients[a] != nil {
			return nil, fmt.Errorf("connect a client to the lab: address %s is taken", a)
		}
		l.clients[a] = c
	}
	return c, nil
}

// Client is a host of the lab, and the network that a probe uses.
type Client struct {
	Censor *Censor // the censor on its line; nil if there is none

	lab      *Lab
	addrs    []netip.Addr
	resolver netip.Addr
	host     node
	line     *line
	once     sync.Once
}

// DialContext connects to ip:port over "tcp" or "udp".
func (c *Client) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return c.host.dial(ctx, network, to)
}

// ListenUDP opens an unconnected socket. Without an address it is bound to the client's
// IPv4 address.
func (c *Client) ListenUDP(network string, addr *net.UDPAddr) (net.PacketConn, error) {
	at := netip.AddrPortFrom(c.addrs[0], 0)
	if addr != nil {
		at = netip.AddrPortFrom(at.Addr(), uint16(addr.Port))
		if a, ok := netip.AddrFromSlice(addr.IP); ok && !a.IsUnspecified() {
			at = netip.AddrPortFrom(a.Unmap(), at.Port())
		} else if ok && a.Is6() || network == "udp6" {
			at = netip.AddrPortFrom(c.addrs[len(c.addrs)-1], at.Port())
		}
	}
	return c.host.listenUDP(at)
}

// LookupHost asks the provider's resolver.
func (c *Client) LookupHost(ctx context.Context, name string) ([]string, error) {
	return lookupHost(ctx, c.host, c.resolver, name)
}

// SystemResolvers returns the resolver that LookupHost asks.
func (c *Client) SystemResolvers() []netip.AddrPort {
	return []netip.AddrPort{netip.AddrPortFrom(c.resolver, 53)}
}

// Addrs returns the client's own addresses.
func (c *Client) Addrs() []netip.Addr { return slices.Clone(c.addrs) }

// Close ends the client's connections and takes it off the network.
func (c *Client) Close() {
	c.once.Do(func() {
		c.lab.mu.Lock()
		for _, a := range c.addrs {
			delete(c.lab.clients, a)
		}
		c.lab.mu.Unlock()
		c.host.close()
		c.line.close()
	})
}
