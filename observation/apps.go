package observation

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bandish/bandish/measurement"
)

// tunnel adds the row of a circumvention tool's bootstrap; kind "" means that there
// was none.
func (b *builder) tunnel(kind string, failure measurement.Failure) {
	if kind == "" {
		return
	}
	r := b.base
	r.Name, r.TunnelKind = b.keep(kind), b.keep(kind)
	r.Tunnel, r.TunnelSeconds = b.result(failure), b.m.TestKeys.BootstrapTime
	b.rows = append(b.rows, r)
}

// bootstrapFailure returns how a bootstrap ended, from the keys that psiphon,
// vanilla_tor and torsf share: failure, success, and how far it came.
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

// riseupvpn adds the provider's API and its gateways. The test only connects to a
// gateway and does no more.
func (b *builder) riseupvpn(c measurement.Connection) {
	rows := b.connection(c, false)
	for i := range rows {
		if r := &rows[i]; r.TCP.Tried() && !r.TLS.Tried() && !r.HTTP.Tried() && (r.Literal || r.Name == r.IP) {
			r.TunnelKind, r.Tunnel = "riseupvpn", r.TCP
		}
	}
	b.add(rows)
}

// wireguard adds the row of our probe's handshake with a server. The test has no
// lists; its input names the server.
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

// tor adds a row for each bridge and each directory authority.
func (b *builder) tor() {
	for _, id := range slices.Sorted(maps.Keys(b.m.TestKeys.Targets)) {
		t := b.m.TestKeys.Targets[id]
		if t.Failure == "" && steps(&t.Connection) == 0 && len(t.NetworkEvents) == 0 {
			continue // the test ended before it reached this target
		}
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

// dnscheck adds the rows of a resolver under test: its bootstrap, and the lookups
// through each of its addresses.
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

// ech adds the handshakes of echcheck, a row for each. TunnelKind marks those with
// ECH, and those with a random configuration in its place (GREASE).
func (b *builder) ech(c measurement.Connection) {
	k := &b.m.TestKeys
	handshakes := c.TLSHandshakes
	c.TLSHandshakes, c.TCPConnect = nil, append(c.TCPConnect, k.TCPConnects...)
	places := b.connection(c, false)
	used := make([]bool, len(places))
	shake := func(h *measurement.TLSHandshake, kind string) {
		if h == nil {
			return
		}
		rows := b.connection(measurement.Connection{TLSHandshakes: []measurement.TLSHandshake{*h}}, false)
		for i := range rows {
			r := &rows[i]
			if kind != "" {
				r.TunnelKind, r.Tunnel = kind, r.TLS
			}
			for j := range places {
				if p := &places[j]; p.IP == r.IP && (p.Port == r.Port || p.Port == 0) {
					used[j] = true
					r.Name, r.IPASN, r.TCP, r.TCPSeconds = p.Name, p.IPASN, p.TCP, p.TCPSeconds
					r.DNS, r.DNSEngines, r.DNSType, r.DNSSeconds, r.CNAMEs = p.DNS, p.DNSEngines, p.DNSType, p.DNSSeconds, p.CNAMEs
				}
			}
		}
		b.add(rows)
	}
	shake(k.ECHControl, "")
	shake(k.ECHTarget, "ech")
	for i := range handshakes {
		h := &handshakes[i]
		switch {
		case h.ECHConfig == "GREASE":
			shake(h, "ech_grease")
		case h.ECHConfig != "" || h.OuterServerName != "":
			shake(h, "ech")
		default:
			shake(h, "")
		}
	}
	for j := range places {
		if !used[j] {
			b.add(places[j : j+1])
		}
	}
}
