package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// host is a TCP/IP stack in this process with any number of addresses. It takes the place
// of a kernel for the lab's clients and servers.
type host struct {
	stack *stack.Stack
	link  *channel.Endpoint
	stop  context.CancelFunc
	pump  sync.WaitGroup
}

const (
	nicID = tcpip.NICID(1)

	// linkQueue is how many packets may wait to be sent. More are lost, as on any link.
	linkQueue = 4096
)

// newHost starts a stack. Without an address of a family it has no route for that family.
// It hands each packet that it sends to out.
func newHost(addrs []netip.Addr, out func([]byte)) (node, error) {
	h := &host{
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
			HandleLocal:        true,
		}),
		link: channel.New(linkQueue, mtu, ""),
	}
	if err := h.configure(addrs); err != nil {
		h.stack.Destroy()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.pump.Go(func() { h.forward(ctx, out) })
	return h, nil
}

func (h *host) configure(addrs []netip.Addr) error {
	if err := h.stack.CreateNIC(nicID, h.link); err != nil {
		return fmt.Errorf("create the lab's interface: %s", err)
	}
	sack := tcpip.TCPSACKEnabled(true)
	if err := h.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return fmt.Errorf("set up the lab's TCP: %s", err)
	}
	var four, six bool
	for _, a := range addrs {
		four, six = four || a.Is4(), six || a.Is6()
		full := tcpip.ProtocolAddress{Protocol: family(a), AddressWithPrefix: toTCPIP(a).WithPrefix()}
		if err := h.stack.AddProtocolAddress(nicID, full, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("give the lab's host the address %s: %s", a, err)
		}
	}
	var routes []tcpip.Route
	if four {
		routes = append(routes, tcpip.Route{Destination: header.IPv4EmptySubnet, NIC: nicID})
	}
	if six {
		routes = append(routes, tcpip.Route{Destination: header.IPv6EmptySubnet, NIC: nicID})
	}
	h.stack.SetRouteTable(routes)
	return nil
}

// forward hands the host's packets to out until the host closes.
func (h *host) forward(ctx context.Context, out func([]byte)) {
	for {
		pkt := h.link.ReadContext(ctx)
		if pkt == nil {
			return
		}
		view := pkt.ToView()
		out(view.AsSlice())
		pkt.DecRef()
	}
}

// receive takes a packet from the line.
func (h *host) receive(raw []byte) {
	proto := ipv4.ProtocolNumber
	if header.IPVersion(raw) == header.IPv6Version {
		proto = ipv6.ProtocolNumber
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(raw)})
	h.link.InjectInbound(proto, pkt)
	pkt.DecRef()
}

// close ends every connection and waits for the stack's goroutines.
func (h *host) close() {
	h.stop()
	h.pump.Wait()
	h.stack.Destroy()
	h.link.Drain()
}

func (h *host) listenTCP(at netip.AddrPort) (net.Listener, error) {
	l, err := gonet.ListenTCP(h.stack, fullAddress(at), family(at.Addr()))
	if err != nil {
		return nil, fmt.Errorf("listen on tcp %s: %w", at, err)
	}
	return &stackListener{l}, nil
}

func (h *host) listenUDP(at netip.AddrPort) (net.PacketConn, error) {
	local := fullAddress(at)
	c, err := gonet.DialUDP(h.stack, &local, nil, family(at.Addr()))
	if err != nil {
		return nil, fmt.Errorf("listen on udp %s: %w", at, err)
	}
	return newStackPacketConn(c, nil), nil
}

// dial connects to ip:port. Its errors are those of the kernel.
func (h *host) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	var c net.Conn
	var err error
	switch network {
	case "tcp", "tcp4", "tcp6":
		var t *gonet.TCPConn
		t, err = gonet.DialContextTCP(ctx, h.stack, fullAddress(to), family(to.Addr()))
		if err == nil {
			s := newStackConn(t)
			s.remote = net.TCPAddrFromAddrPort(to)
			c = s
		}
	case "udp", "udp4", "udp6":
		var u *gonet.UDPConn
		remote := fullAddress(to)
		u, err = gonet.DialUDP(h.stack, nil, &remote, family(to.Addr()))
		if err == nil {
			c = newStackPacketConn(u, net.UDPAddrFromAddrPort(to))
		}
	default:
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: opAddr(network, to), Err: kernelError("connect", err)}
	}
	return c, nil
}

func opAddr(network string, to netip.AddrPort) net.Addr {
	if strings.HasPrefix(network, "udp") {
		return net.UDPAddrFromAddrPort(to)
	}
	return net.TCPAddrFromAddrPort(to)
}

func family(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func fullAddress(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nicID, Addr: toTCPIP(a.Addr()), Port: a.Port()}
}

// kernelErrors maps the last words of an error of gvisor to the error of Linux.
var kernelErrors = []struct {
	words string
	errno syscall.Errno
}{
	{"connection was refused", syscall.ECONNREFUSED},
	{"connection refused", syscall.ECONNREFUSED},
	{"connection reset by peer", syscall.ECONNRESET},
	{"operation aborted", syscall.ECONNABORTED},
	{"network is unreachable", syscall.ENETUNREACH},
	{"no route to host", syscall.EHOSTUNREACH},
	{"host is unreachable", syscall.EHOSTUNREACH},
	{"host is down", syscall.EHOSTDOWN},
	{"machine is not on the network", syscall.ENETUNREACH},
	{"operation timed out", syscall.ETIMEDOUT},
	{"endpoint is closed for send", syscall.EPIPE},
}

// kernelError turns an error of gvisor into the one that package net would return.
func kernelError(call string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		return os.ErrDeadlineExceeded
	}
	if strings.HasSuffix(err.Error(), "endpoint is closed for receive") {
		return net.ErrClosed // by this side
	}
	for _, k := range kernelErrors {
		if strings.HasSuffix(err.Error(), k.words) {
			return os.NewSyscallError(call, k.errno)
		}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// stackConn is a TCP connection with the errors of the kernel. It knows its addresses even
// after it has ended.
type stackConn struct {
	*gonet.TCPConn
	local, remote net.Addr
}

func newStackConn(c *gonet.TCPConn) *stackConn {
	s := &stackConn{c, c.LocalAddr(), c.RemoteAddr()}
	if s.local == nil { // it was reset before we looked
		s.local = &net.TCPAddr{}
	}
	if s.remote == nil {
		s.remote = &net.TCPAddr{}
	}
	return s
}

func (c *stackConn) LocalAddr() net.Addr  { return c.local }
func (c *stackConn) RemoteAddr() net.Addr { return c.remote }

func (c *stackConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	return n, c.opError("read", err)
}

func (c *stackConn) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	return n, c.opError("write", err)
}

func (c *stackConn) opError(op string, err error) error {
	var inner *net.OpError
	if !errors.As(err, &inner) {
		return err // nil or io.EOF
	}
	return &net.OpError{Op: op, Net: inner.Net, Source: c.local, Addr: c.remote, Err: kernelError(op, err)}
}

// stackListener accepts connections of a stack.
type stackListener struct{ *gonet.TCPListener }

func (l *stackListener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if err != nil {
		return nil, net.ErrClosed
	}
	return newStackConn(c.(*gonet.TCPConn)), nil
}

// Close also stops Accept, which closing the listener below does not.
func (l *stackListener) Close() error {
	l.TCPListener.Shutdown()
	return l.TCPListener.Close()
}

// stackPacketConn is a UDP socket, connected or not.
type stackPacketConn struct {
	*gonet.UDPConn
	local, remote net.Addr // remote is nil if it is not connected
}

func newStackPacketConn(c *gonet.UDPConn, remote net.Addr) *stackPacketConn {
	return &stackPacketConn{c, c.LocalAddr(), remote}
}

func (c *stackPacketConn) LocalAddr() net.Addr  { return c.local }
func (c *stackPacketConn) RemoteAddr() net.Addr { return c.remote }

func (c *stackPacketConn) Read(b []byte) (int, error) {
	n, err := c.UDPConn.Read(b)
	return n, packetError("read", err)
}

func (c *stackPacketConn) Write(b []byte) (int, error) {
	n, err := c.UDPConn.Write(b)
	return n, packetError("write", err)
}

func (c *stackPacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(b)
	return n, from, packetError("read", err)
}

func (c *stackPacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	n, err := c.UDPConn.WriteTo(b, to)
	return n, packetError("write", err)
}

// SetReadBuffer does nothing. quic-go calls it, and complains if it is missing.
func (c *stackPacketConn) SetReadBuffer(int) error { return nil }

// SetWriteBuffer does nothing, as SetReadBuffer.
func (c *stackPacketConn) SetWriteBuffer(int) error { return nil }

func packetError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "udp", Err: kernelError(op, err)}
}
