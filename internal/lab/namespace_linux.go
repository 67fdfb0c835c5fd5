package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace of this kernel: the kernel's TCP/IP instead of
// gvisor's. Its only interface is a TUN device whose other end this process holds, or
// leads to a router, another namespace, that has such a device. So everything that is sent
// in it ends in this process.
type namespace struct {
	name   string
	fd     int // file descriptor of the namespace
	tun    *os.File
	router *namespace // nil: the namespace has the TUN device itself
	pump   sync.WaitGroup
	once   sync.Once
}

// tunName is the name of the interface inside a namespace.
const tunName = "lab0"

var namespaces atomic.Uint32 // how many this process has made; tells their names apart

// kernelReady returns an error that wraps ErrNoKernel if something is missing for
// namespaces.
func kernelReady() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it must run as root", ErrNoKernel)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("%w: the command ip is missing (Debian package iproute2)", ErrNoKernel)
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("%w: /dev/net/tun is missing", ErrNoKernel)
	}
	sweep()
	return nil
}

// sweep removes the namespaces of labs whose process was killed.
func sweep() {
	left, err := filepath.Glob("/run/netns/" + namePrefix + "*")
	if err != nil {
		return
	}
	for _, path := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), namePrefix), "-")
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, os.ErrNotExist) {
			_ = ipCommand("", "netns", "del", filepath.Base(path)) // another process may have been quicker
		}
	}
}

// namePrefix begins the name of every namespace. The id of our process follows.
const namePrefix = "bandish-lab-"

// newNamespace makes a namespace with these addresses. It hands each packet that it sends
// to out.
func newNamespace(addrs []netip.Addr, out func([]byte)) (node, error) {
	n, err := addNamespace()
	if err != nil {
		return nil, err
	}
	if err := n.openTUN(addrs); err != nil {
		n.close()
		return nil, fmt.Errorf("set up namespace %s: %w", n.name, err)
	}
	n.pump.Go(func() { n.forward(out) })
	return n, nil
}

// routerInside is the router's address on the side of its client.
const routerInside = "100.127.255.254"

// newRouted makes a namespace with an IPv4 address behind a router. The router is a second
// namespace; the commands run in it when it forwards.
func newRouted(addr netip.Addr, commands [][]string, out func([]byte)) (node, error) {
	n, err := addNamespace()
	if err != nil {
		return nil, err
	}
	if n.router, err = addNamespace(); err != nil {
		n.close()
		return nil, err
	}
	if err := n.join(addr, commands); err != nil {
		n.close()
		return nil, fmt.Errorf("set up namespace %s behind %s: %w", n.name, n.router.name, err)
	}
	n.router.pump.Go(func() { n.router.forward(out) })
	return n, nil
}

// join connects the namespace with its router, and runs the router's commands.
func (n *namespace) join(addr netip.Addr, commands [][]string) error {
	r := n.router
	if err := r.openTUN(nil); err != nil {
		return err
	}
	n.tun = r.tun
	link := fmt.Sprintf("link add up0 netns %s mtu %d type veth peer name down0 netns %s mtu %d\n", n.name, mtu, r.name, mtu)
	if err := ipCommand(link, "-batch", "-"); err != nil {
		return err
	}
	inside := fmt.Sprintf("link set lo up\nlink set up0 up\naddr add %s/32 dev up0\nroute add %s/32 dev up0\nroute add default via %s\n", addr, routerInside, routerInside)
	if err := ipCommand(inside, "-n", n.name, "-batch", "-"); err != nil {
		return err
	}
	outside := fmt.Sprintf("link set down0 up\naddr add %s/32 dev down0\nroute add %s/32 dev down0\n", routerInside, addr)
	if err := ipCommand(outside, "-n", r.name, "-batch", "-"); err != nil {
		return err
	}
	if err := r.set("ip_forward", "1"); err != nil {
		return err
	}
	for _, c := range commands {
		if err := ipCommand("", append([]string{"netns", "exec", r.name}, c...)...); err != nil {
			return err
		}
	}
	return nil
}

// addNamespace makes a namespace and opens it.
func addNamespace() (*namespace, error) {
	n := &namespace{name: fmt.Sprintf("%s%d-%d", namePrefix, os.Getpid(), namespaces.Add(1)), fd: -1}
	if err := ipCommand("", "netns", "add", n.name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKernel, err)
	}
	var err error
	if n.fd, err = unix.Open("/run/netns/"+n.name, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		n.close()
		return nil, fmt.Errorf("open namespace %s: %w", n.name, err)
	}
	// Not what this machine prefers: BBR, for one, is hardly slowed by what Lose drops.
	if err := n.set("tcp_congestion_control", "reno"); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// set changes a setting of the namespace's TCP/IP.
func (n *namespace) set(name, value string) error {
	err := n.do(func() error { return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0) })
	if err != nil {
		return fmt.Errorf("set %s of namespace %s: %w", name, n.name, err)
	}
	return nil
}

// openTUN gives the namespace its interface with the addresses.
func (n *namespace) openTUN(addrs []netip.Addr) error {
	if err := n.do(func() (err error) { n.tun, err = openTUN(); return err }); err != nil {
		return err
	}
	var batch strings.Builder
	fmt.Fprintf(&batch, "link set lo up\nlink set %s mtu %d up\n", tunName, mtu)
	for _, a := range addrs {
		if a.Is4() {
			fmt.Fprintf(&batch, "addr add %s/32 dev %s\n", a, tunName)
		}
	}
	fmt.Fprintf(&batch, "route add default dev %s\n", tunName)
	return ipCommand(batch.String(), "-n", n.name, "-batch", "-")
}

// ipCommand runs the command ip with this input.
func ipCommand(input string, args ...string) error {
	cmd := exec.Command("ip", args...)
	cmd.Stdin = strings.NewReader(input)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(output.String()))
	}
	return nil
}

// openTUN makes the interface in the namespace of the calling thread.
func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(tunName)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("name interface %s: %w", tunName, err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make interface %s: %w", tunName, err)
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

// do calls f on a thread that has entered the namespace. Sockets that f opens stay in the
// namespace. The thread ends afterwards, so that no other code runs in the namespace by
// mistake.
func (n *namespace) do(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter namespace %s: %w", n.name, err)
			return
		}
		result <- f()
	}()
	return <-result
}

func (n *namespace) forward(out func([]byte)) {
	buf := make([]byte, 1<<16)
	for {
		k, err := n.tun.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err == nil {
			out(append([]byte(nil), buf[:k]...))
		}
	}
}

// receive hands a packet to the namespace's kernel, which may drop it.
func (n *namespace) receive(raw []byte) { _, _ = n.tun.Write(raw) }

func (n *namespace) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	var c net.Conn
	err := n.do(func() (err error) {
		var d net.Dialer
		c, err = d.DialContext(ctx, network, to.String())
		return err
	})
	return c, err
}

func (n *namespace) listenTCP(at netip.AddrPort) (net.Listener, error) {
	var l net.Listener
	err := n.do(func() (err error) {
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
		return err
	})
	return l, err
}

func (n *namespace) listenUDP(at netip.AddrPort) (net.PacketConn, error) {
	var c net.PacketConn
	err := n.do(func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		return err
	})
	return c, err
}

// close removes the namespace. Nothing may use it any more.
func (n *namespace) close() {
	n.once.Do(func() {
		if n.router != nil {
			n.router.close()
		} else if n.tun != nil {
			n.tun.Close()
		}
		n.pump.Wait()
		if n.fd >= 0 {
			unix.Close(n.fd)
		}
		_ = ipCommand("", "netns", "del", n.name) // nothing can be done about an error
	})
}
