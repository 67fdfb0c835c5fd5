// Package probe finds out from this network whether a platform can be reached, and records
// every step in OONI's data formats.
//
// It reaches the network only through [Network], which the kernel and the lab implement.
// It reads the time only from the clock that it is given. It records what happened and
// concludes nothing: package verdict does that, from the measurement alone. A failure of
// the network is a measurement. An error from this package means that nothing could be
// measured.
package probe

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Network is what a probe may do to the world. There are two implementations: [Kernel] and
// the lab's client.
//
// Addresses are always "ip:port" or "[ip]:port". Only LookupHost looks up names, so that
// no step resolves a name without being recorded. Errors are those of package net, or wrap
// the syscall.Errno that a kernel would return.
type Network interface {
	// DialContext connects to ip:port over "tcp" or "udp".
	DialContext(ctx context.Context, network, address string) (net.Conn, error)

	// ListenUDP opens an unconnected socket, for QUIC and for DNS queries that want to see
	// every answer. addr may be nil.
	ListenUDP(network string, addr *net.UDPAddr) (net.PacketConn, error)

	// LookupHost asks the system's resolver. Unlike DialContext, it may answer from a
	// cache or a hosts file.
	LookupHost(ctx context.Context, name string) ([]string, error)
}

// StubNetwork is a Network that knows which resolvers LookupHost asks. The system's
// functions only say that a lookup failed; the resolver itself says why.
type StubNetwork interface {
	// SystemResolvers returns these resolvers in their order; none if they are not known.
	SystemResolvers() []netip.AddrPort
}

// Kernel is the network of this machine.
type Kernel struct{}

// DialContext connects to ip:port. It refuses names.
func (Kernel) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// ListenUDP opens an unconnected socket.
func (Kernel) ListenUDP(network string, addr *net.UDPAddr) (net.PacketConn, error) {
	return net.ListenUDP(network, addr)
}

// LookupHost asks the resolver that the system is configured with.
func (Kernel) LookupHost(ctx context.Context, name string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, name)
}

// SystemResolvers returns the resolvers in /etc/resolv.conf; none on systems that keep
// them elsewhere.
func (Kernel) SystemResolvers() []netip.AddrPort {
	raw, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	return nameservers(string(raw))
}

// nameservers reads the addresses from the text of a resolv.conf.
func nameservers(text string) (out []netip.AddrPort) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil {
			out = append(out, netip.AddrPortFrom(a, 53))
		}
	}
	return out
}
