// Package probe finds out from this network whether a platform can be reached
// and keeps every step in OONI's data formats.
//
// It reaches the network only through [Network], which the kernel and the lab
// satisfy, and reads the time only from the clock it is given. It records what
// happened and draws no conclusion: that is for package verdict, which reads
// the measurement like any other. A failure of the network is a measurement;
// an error from this package means that nothing could be measured.
package probe

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Network is what a probe may do to the world. Two implementations exist:
// [Kernel] and the lab's client.
//
// Addresses are always "ip:port" or "[ip]:port"; a name is looked up only by
// LookupHost, so that no step resolves behind the recorder's back. Errors are
// those of package net, or wrap the syscall.Errno that a kernel would return.
type Network interface {
	// DialContext connects to ip:port over "tcp" or "udp".
	DialContext(ctx context.Context, network, address string) (net.Conn, error)

	// ListenUDP opens a socket that is not connected, for QUIC and for DNS
	// queries that want to see every answer. The address may be nil.
	ListenUDP(network string, addr *net.UDPAddr) (net.PacketConn, error)

	// LookupHost asks the system's resolver. Unlike DialContext it may return
	// the answers of a cache or of a hosts file.
	LookupHost(ctx context.Context, name string) ([]string, error)
}

// StubNetwork is a Network that knows which resolvers LookupHost asks. The
// system's functions say of a refusal no more than that something failed; asked
// directly, the resolver says what.
type StubNetwork interface {
	// SystemResolvers are those resolvers, the first first; none where they
	// are not known.
	SystemResolvers() []netip.AddrPort
}

// Kernel is the network of this machine.
type Kernel struct{}

// DialContext connects to ip:port and refuses names.
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

// LookupHost asks the resolver that the system is set up with.
func (Kernel) LookupHost(ctx context.Context, name string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, name)
}

// SystemResolvers are those of /etc/resolv.conf; systems that keep them
// elsewhere have none here.
func (Kernel) SystemResolvers() []netip.AddrPort {
	raw, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	return nameservers(string(raw))
}

// nameservers reads the addresses out of a resolv.conf.
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
