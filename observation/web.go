package observation

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/bandish/bandish/measurement"
)

// web adds the rows of web_connectivity, with what the control saw.
func (b *builder) web(c measurement.Connection) {
	rows := b.connection(c, true)
	if len(rows) == 0 {
		r := b.base
		to := placeOf(string(b.m.Input))
		r.Name, r.Port, r.URL = b.keep(to.name), to.port, r.Input
		rows = append(rows, r)
	}
	b.late(rows)
	b.contrasts(rows)
	b.paces(rows)
	v := b.controlView()
	translated(rows, v.addrs, v.name)
	for i := range rows {
		v.apply(&rows[i])
	}
	b.add(rows)
}

// late adds the addresses of second answers to the rows of their names.
func (b *builder) late(rows []Row) {
	k := &b.m.TestKeys
	for _, list := range [][]measurement.Query{k.DuplicateResponses, k.LateReplies} {
		for i := range list {
			if measurement.Auxiliary(list[i].Tags) {
				continue
			}
			name := CanonicalName(list[i].Hostname)
			for j := range list[i].Answers {
				ip := canonicalIP(list[i].Answers[j].IPv4 + list[i].Answers[j].IPv6)
				if ip == "" {
					continue
				}
				ip = b.keep(ip)
				for n := range rows {
					if rows[n].Name == name && rows[n].DNS.Tried() {
						rows[n].DNSLate = append(rows[n].DNSLate, ip)
					}
				}
			}
		}
	}
	for i := range rows {
		rows[i].DNSLate = sortedSet(rows[i].DNSLate)
	}
}

// controlView is what the control saw, in the form of rows.
type controlView struct {
	b       *builder
	state   Result
	name    string // the name that the control looked up
	control *measurement.Control
	dns     Result
	addrs   []string
	asns    []uint32
	http    Result
	status  uint16
	title   string
	server  string
	headers []string
}

func (b *builder) controlView() *controlView {
	k := &b.m.TestKeys
	v := &controlView{b: b, control: k.Control, name: HostOf(b.base.Input)}
	switch {
	case k.ControlFailure != "":
		v.state = b.result(k.ControlFailure)
		return v
	case k.Control == nil:
		return v
	}
	c := k.Control
	v.state = Done
	for _, a := range c.DNS.Addrs {
		if ip := canonicalIP(a); ip != "" {
			v.addrs = append(v.addrs, b.keep(ip))
		}
	}
	v.addrs = sortedSet(v.addrs)
	v.dns = b.result(c.DNS.Failure)
	if v.dns == Done && len(v.addrs) == 0 {
		v.dns = "dns_no_answer"
		if isAddr(v.name) {
			v.dns = ""
		}
	}
	for addr, info := range c.IPInfo {
		if info.ASN > 0 && slices.Contains(v.addrs, canonicalIP(addr)) {
			v.asns = append(v.asns, uint32(info.ASN))
		}
	}
	slices.Sort(v.asns)
	v.asns = slices.Compact(v.asns)
	v.http = b.result(c.HTTPRequest.Failure)
	if v.http == Done && c.HTTPRequest.StatusCode <= 0 {
		v.http = "" // it did not fetch the page
	}
	v.status = uint16(max(min(c.HTTPRequest.StatusCode, 999), 0))
	v.title = b.keep(strings.ToValidUTF8(cut(strings.TrimSpace(string(c.HTTPRequest.Title)), 500), ""))
	for _, h := range c.HTTPRequest.Headers {
		v.headers = append(v.headers, strings.ToLower(b.keep(h.Name)))
		if strings.EqualFold(h.Name, "server") {
			v.server = b.keep(cut(string(h.Value), 256))
		}
	}
	v.headers = sortedSet(v.headers)
	if v.state == Done && v.dns == "dns_no_answer" && v.http == "" && len(c.TCPConnect) == 0 {
		v.state = "unknown_error" // an empty answer shows nothing
		v.dns = ""
	}
	return v
}

func (v *controlView) apply(r *Row) {
	r.ControlState = v.state
	if v.state != Done {
		return
	}
	r.ControlHTTP, r.ControlStatus = v.http, v.status
	if r.HTTP.Tried() {
		r.ControlBodyBytes, r.ControlTitle, r.ControlHeaders = v.control.HTTPRequest.BodyLength, v.title, v.headers
		r.ControlServer = v.server
	}
	if r.Name == v.name {
		r.ControlDNS, r.ControlAddrs, r.ControlASNs = v.dns, v.addrs, v.asns
	}
	if r.IPASN == 0 {
		r.IPASN = uint32(max(v.control.IPInfo[r.IP].ASN, 0))
	}
	if r.IP == "" || r.Port == 0 {
		return
	}
	at := net.JoinHostPort(cmp.Or(r.IPv4, r.IP), strconv.Itoa(int(r.Port)))
	if c, ok := v.control.TCPConnect[at]; ok {
		r.ControlTCP = v.step(c.Status, c.Failure)
	}
	if c, ok := v.control.TLSHandshake[at]; ok && v.same(c.ServerName, r) {
		r.ControlTLS = v.step(c.Status, c.Failure)
	}
	if c, ok := v.control.QUICHandshake[at]; ok && v.same(c.ServerName, r) {
		r.ControlQUIC = v.step(c.Status, c.Failure)
	}
}

func (v *controlView) step(ok bool, f measurement.Failure) Result {
	if !ok && f == "" {
		return "unknown_error"
	}
	return v.b.result(f)
}

// same reports whether the control's handshake used the name that the probe sent. A
// handshake with another name at the same address says nothing about it.
func (v *controlView) same(serverName string, r *Row) bool {
	name := cmp.Or(CanonicalName(serverName), v.name)
	return name == cmp.Or(r.ServerName, r.Name)
}
