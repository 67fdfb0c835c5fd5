// Package dial makes the connections of every fetch: sources, imports, buckets, tables,
// webhooks, mail and the test helper. It judges the address that is really dialled, after
// names are resolved and after every redirect. So no server and no name leads into the
// network of whoever runs the program. Package address says which addresses are on the
// public internet.
package dial

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bandish/bandish/address"
)

// RefusedError is the error for an address that is not dialled.
type RefusedError struct{ What, Why string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("refuse to connect to %s: %s, not of the public internet (where that is meant, --allow-private permits it)", e.What, e.Why)
}

// Policy says which addresses may be dialled: those of the public internet, without this
// machine's own. The zero value is ready.
type Policy struct {
	// Private allows every address. Whoever runs the program asked for that.
	Private bool

	Own Own
}

// For returns the policy for a host that whoever runs the program named. An IP address
// that is not on the public internet, or "localhost", is allowed, since it was clearly
// meant. A name that only leads to such an address is not.
func For(host string, private bool) *Policy {
	p := &Policy{Private: private}
	host = strings.Trim(host, "[]")
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && p.Check(a) != nil {
		p.Private = true
	}
	return p
}

// ForURL is For with the host of a URL.
func ForURL(raw string, private bool) *Policy {
	if u, err := url.Parse(raw); err == nil {
		return For(u.Hostname(), private)
	}
	return For("", private)
}

// Check returns a *RefusedError if an address must not be dialled.
func (p *Policy) Check(a netip.Addr) error {
	if p.Private {
		return nil
	}
	if why := address.Reserved(a); why != "" {
		return &RefusedError{a.String(), why}
	}
	if p.Own.Holds(a) {
		return &RefusedError{a.String(), "this machine's own address"}
	}
	return nil
}

// control judges the address of a connection just before it is made.
func (p *Policy) control(_ context.Context, _, at string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(at)
	if err != nil {
		return &RefusedError{at, "no IP address"}
	}
	return p.Check(ap.Addr())
}

// timeout is how long making a connection may take.
const timeout = 20 * time.Second

// Dialer returns a dialer for addresses that Check allows.
func (p *Policy) Dialer() *net.Dialer {
	return &net.Dialer{Timeout: timeout, ControlContext: p.control}
}

// Transport returns a transport for addresses that Check allows. It uses no proxy.
func (p *Policy) Transport() *http.Transport {
	return &http.Transport{
		DialContext: p.Dialer().DialContext, TLSHandshakeTimeout: timeout, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: 1 << 20, ResponseHeaderTimeout: 2 * time.Minute, IdleConnTimeout: time.Second,
	}
}

// Proxied is Transport through the proxy that the environment names, if it names one
// (HTTPS_PROXY and so on). The proxy may have any address. An IP address in the URL is
// judged here; where a name leads is for the proxy to judge.
func (p *Policy) Proxied() *http.Transport { return p.through(http.ProxyFromEnvironment) }

func (p *Policy) through(proxyOf func(*http.Request) (*url.URL, error)) *http.Transport {
	var proxies sync.Map // keys are host:port
	t := p.Transport()
	checked := t.DialContext
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		u, err := proxyOf(r)
		if u == nil || err != nil {
			return u, err
		}
		if a, err := netip.ParseAddr(r.URL.Hostname()); err == nil {
			if err := p.Check(a); err != nil {
				return nil, err
			}
		}
		proxies.Store(hostPort(u), true)
		return u, nil
	}
	t.DialContext = func(ctx context.Context, network, at string) (net.Conn, error) {
		if _, ok := proxies.Load(at); ok {
			return (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, at)
		}
		return checked(ctx, network, at)
	}
	return t
}

func hostPort(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[proxy.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}

// Own knows the addresses of this machine's interfaces. It reads them again from time to
// time, since networks come and go. The zero value is ready.
type Own struct {
	List func() ([]netip.Addr, error) // nil: Interfaces
	Now  func() time.Time             // nil: time.Now

	mu   sync.Mutex // guards what follows
	read time.Time
	all  []netip.Addr
}

// fresh is how long the addresses are kept.
const fresh = time.Second

// Holds reports whether an address, or an IPv4 address within it, is one of this
// machine's.
func (o *Own) Holds(a netip.Addr) bool {
	list, now := o.List, time.Now
	if list == nil {
		list = Interfaces
	}
	if o.Now != nil {
		now = o.Now
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if at := now(); o.read.IsZero() || at.Sub(o.read) >= fresh || at.Before(o.read) {
		if all, err := list(); err == nil { // on an error the old ones stay
			o.all, o.read = all, at
		}
	}
	return slices.Contains(o.all, address.Carried(a.WithZone("")))
}

// Interfaces returns the addresses that this machine's interfaces have now.
func Interfaces() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("read this machine's addresses: %w", err)
	}
	var out []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out, nil
}
