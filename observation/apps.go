package observation

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bandish/bandish/measurement"
)

// tunnel adds the row of a circumvention tool's bootstrap, if it ran.
func (b *builder) tunnel(kind string, failure measurement.Failure) {
	if kind == "" {
		return
	}
	r := b.base
	r.Name, r.TunnelKind = b.keep(kind), b.keep(kind)
	r.Tunnel, r.TunnelSeconds = b.result(failure), b.m.TestKeys.BootstrapTime
	b.rows = append(b.rows, r)
}

// bootstrapFailure tells how a bootstrap ended from the keys that psiphon,
// vanilla_tor and torsf share: failure, success and how far it came.
func bootstrapFailure(k *measurement.TestKeys) measurement.Failure {
	switch {
	case k.Failure != "":
		return k.Failure
	case k.Error != "":
		return k.Error
	case k.Success != nil && !*k.Success:
		return "generic_timeout_error"
	}
	return ""
}

func (b *builder) openvpn(c measurement.Connection) {
	k := &b.m.TestKeys
	rows := b.connection(c, false)
	for i := range k.OpenVPNHandshakes {
		h := &k.OpenVPNHandshakes[i]
		ip, p := canonicalIP(h.IP), port(h.Port)
		if ip == "" {
			host, hp := splitEndpoint(strings.TrimPrefix(h.Endpoint, "openvpn://"))
			ip, p = canonicalIP(host), hp
		}
		b.openvpnEndpoint(&rows, ip, p, h.Transport, h.Failure, cmp.Or(h.HandshakeTime, h.BootstrapTime))
	}
	if len(k.OpenVPNHandshakes) == 0 && (k.SuccessHandshake != nil || k.Success != nil || k.Failure != "") {
		failure := k.Failure
		if ok := cmp.Or(k.SuccessHandshake, k.Success); failure == "" && ok != nil && !*ok {
			failure = "generic_timeout_error"
		}
		host, p := splitEndpoint(k.Remote)
		b.openvpnEndpoint(&rows, canonicalIP(host), p, k.Transport, failure, k.BootstrapTime)
	}
	b.add(rows)
}

func (b *builder) openvpnEndpoint(rows *[]Row, ip string, p uint16, transport string, f measurement.Failure, took float64) {
	transport = cmp.Or(transport, "tcp")
	at := slices.IndexFunc(*rows, func(r Row) bool {
		return r.IP == ip && r.Port == p && r.Transport == transport && !r.Tunnel.Tried() && !r.HTTP.Tried()
	})
	if at < 0 {
		r := b.base
		r.Name, r.IP, r.Port, r.Transport = b.keep(ip), b.keep(ip), p, b.keep(transport)
		r.Literal = ip != ""
		*rows = append(*rows, r)
		at = len(*rows) - 1
	}
	r := &(*rows)[at]
	r.TunnelKind, r.Tunnel, r.TunnelSeconds = "openvpn", b.result(f), took
}

// riseupvpn adds the provider's API and its gateways. The test does no more at a
// gateway than to connect.
func (b *builder) riseupvpn(c measurement.Connection) {
	rows := b.connection(c, false)
	for i := range rows {
		if r := &rows[i]; r.TCP.Tried() && !r.TLS.Tried() && !r.HTTP.Tried() && (r.Literal || r.Name == r.IP) {
			r.TunnelKind, r.Tunnel = "riseupvpn", r.TCP
		}
	}
	b.add(rows)
}

// wireguard adds the row of our probe's handshake with a server. The test has
// no lists: the input says where it went.
func (b *builder) wireguard() {
	host, p := splitEndpoint(strings.TrimPrefix(string(b.m.Input), "wireguard://"))
	ip := canonicalIP(host)
	k := &b.m.TestKeys
	if ip == "" || k.Success == nil && k.Failure == "" {
		return
	}
	r := b.base
	r.Name, r.IP, r.Port, r.Transport, r.Literal = b.keep(ip), b.keep(ip), p, "udp", true
	r.TunnelKind, r.Tunnel, r.TunnelSeconds = "wireguard", b.result(bootstrapFailure(k)), k.BootstrapTime
	b.add([]Row{r})
}

// tor adds a row for each bridge and directory authority.
func (b *builder) tor() {
	for _, id := range slices.Sorted(maps.Keys(b.m.TestKeys.Targets)) {
		t := b.m.TestKeys.Targets[id]
		rows := b.connection(t.Connection, false)
		host, p := splitEndpoint(t.TargetAddress)
		ip := canonicalIP(host)
		at := slices.IndexFunc(rows, func(r Row) bool { return r.IP == ip && r.Port == p })
		if at < 0 {
			r := b.base
			r.IP, r.Port, r.Transport = b.keep(ip), p, "tcp"
			rows = append(rows, r)
			at = len(rows) - 1
		}
		r := &rows[at]
		r.Name = b.keep(cmp.Or(t.TargetName, ip, id))
		r.TunnelKind, r.Tunnel = b.keep(t.TargetProtocol), b.result(t.Failure)
		if (t.TargetProtocol == "or_port" || t.TargetProtocol == "or_port_dirauth") && t.Failure == "" && r.TCP == "" {
			r.TCP = Done
		}
		b.add(rows)
	}
}

// dnscheck adds the rows of a resolver under test: its bootstrap, and the
// lookups through each of its addresses.
func (b *builder) dnscheck() {
	k := &b.m.TestKeys
	if k.Bootstrap != nil {
		b.add(b.connection(*k.Bootstrap, false))
	}
	for _, url := range slices.Sorted(maps.Keys(k.Lookups)) {
		l := k.Lookups[url]
		rows := b.connection(l.Connection, false)
		to := placeOf(url)
		at := slices.IndexFunc(rows, func(r Row) bool { return r.IP != "" && r.Port != 0 })
		if at < 0 {
			r := b.base
			r.Name, r.Port, r.URL = b.keep(to.name), to.port, b.keep(url)
			rows = append(rows, r)
			at = len(rows) - 1
		}
		rows[at].TunnelKind, rows[at].Tunnel = "resolver", b.result(l.Failure)
		b.add(rows)
	}
}

// ech adds the handshakes of echcheck; TunnelKind tells the one with ECH.
func (b *builder) ech(c measurement.Connection) {
	k := &b.m.TestKeys
	for _, h := range []*measurement.TLSHandshake{k.ECHControl, k.ECHTarget} {
		if h == nil {
			continue
		}
		one := measurement.Connection{TLSHandshakes: []measurement.TLSHandshake{*h}}
		rows := b.connection(one, false)
		if h == k.ECHTarget && len(rows) > 0 {
			rows[0].TunnelKind, rows[0].Tunnel = "ech", rows[0].TLS
		}
		b.add(rows)
	}
	rows := b.connection(c, false)
	for i := range c.TLSHandshakes {
		h := &c.TLSHandshakes[i]
		if h.ECHConfig == "" && h.OuterServerName == "" {
			continue
		}
		for j := range rows {
			if rows[j].ServerName == CanonicalName(h.ServerName) && rows[j].TLS.Tried() {
				rows[j].TunnelKind, rows[j].Tunnel = "ech", rows[j].TLS
			}
		}
	}
	b.add(rows)
}
