package web

import (
	"fmt"
	"html/template"
	"net"
	"strconv"
	"strings"

	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/observation"
)

// ladder holds the steps at one endpoint: what the probe saw beside what the control saw.
type ladder struct {
	Name, Address string
	Hop           int
	Steps         []step
}

// step is one step of a connection.
type step struct {
	Name         string
	Key          string // key of its name in the catalogues
	Probe        outcome
	Control      outcome
	Took         string // "0.12 s"
	Bar          template.HTML
	Notes        []string
	ControlNotes []string
	seconds      float64
}

// outcome is how a step ended.
type outcome struct{ Failure observation.Result }

// Untried reports whether the step did not take place, or was not kept.
func (o outcome) Untried() bool { return !o.Failure.Tried() }

// Failed reports whether the step took place and failed.
func (o outcome) Failed() bool { return o.Failure.Failed() }

// failureWords puts the failure strings of OONI's format df-007 into words.
var failureWords = map[observation.Result]string{
	"connection_reset": "the connection was reset", "connection_refused": "the connection was refused", "generic_timeout_error": "no answer came in time", "eof_error": "the connection was closed early",
	"host_unreachable": "no way to the address", "network_unreachable": "no way to the network", "connection_aborted": "the connection was broken off",
	"dns_nxdomain_error": "the name does not exist, the resolver says", "dns_refused_error": "the resolver refused", "dns_server_failure": "the resolver failed", "dns_no_answer": "the resolver gave no address", "dns_temporary_failure": "the resolver failed for now",
	"dns_lookup_error": "the lookup failed", "dns_bogon_error": "the resolver gave an address that cannot be right", "ssl_invalid_hostname": "the certificate is of another name", "ssl_unknown_authority": "nobody known vouches for the certificate",
	"ssl_invalid_certificate": "the certificate is not valid", "ssl_failed_handshake": "the handshake failed", "interrupted": "it was interrupted",
}

// Words puts the failure into words.
func (o outcome) Words() string {
	if w, ok := failureWords[o.Failure]; ok {
		return w
	}
	return "failed"
}

// laddersOf makes a ladder of each row of a measurement.
func laddersOf(rows []observation.Row) []ladder {
	var out []ladder
	longest := 0.0
	for i := range rows {
		l := ladderOf(&rows[i])
		for _, s := range l.Steps {
			longest = max(longest, s.seconds)
		}
		out = append(out, l)
	}
	for i := range out {
		for j := range out[i].Steps {
			if s := &out[i].Steps[j]; s.seconds > 0 {
				s.Took = fmt.Sprintf("%.2f s", s.seconds)
				s.Bar = template.HTML(fmt.Sprintf(`<svg class="took" width="100%%" height="8" aria-hidden="true"><rect class="done" width="%.1f%%" height="4" y="2"/></svg>`, max(1, 100*s.seconds/longest)))
			}
		}
	}
	return out
}

func ladderOf(o *observation.Row) ladder {
	l := ladder{Name: o.Name, Address: o.IP, Hop: int(o.Hop)}
	if o.IP != "" && o.Port != 0 {
		l.Address = net.JoinHostPort(o.IP, strconv.Itoa(int(o.Port)))
	}
	add := func(key, name string, probe, control observation.Result, seconds float64, notes, controlNotes []string) {
		if probe.Tried() || control.Tried() {
			l.Steps = append(l.Steps, step{Key: key, Name: name, Probe: outcome{probe}, Control: outcome{control}, seconds: seconds, Notes: filled(notes), ControlNotes: filled(controlNotes)})
		}
	}
	var dns []string
	for _, e := range o.DNSEngines {
		dns = append(dns, engineWords(e))
	}
	for _, said := range o.DNSExtended {
		dns = append(dns, "it said (RFC 8914): "+said)
	}
	if o.IPASN != 0 {
		dns = append(dns, "the address is of "+network.Name(o.IPASN))
	}
	add("dns", "Name lookup", o.DNS, o.ControlDNS, o.DNSSeconds, dns, o.ControlAddrs)
	add("tcp", "Connection", o.TCP, o.ControlTCP, o.TCPSeconds, nil, nil)
	add("tls", "Encryption", o.TLS, o.ControlTLS, o.TLSSeconds, []string{prefixed("name sent: ", o.ServerName), prefixed("certificate, checked by us: ", strings.ReplaceAll(o.Cert, "_", " "))}, nil)
	add("quic", "QUIC", o.QUIC, o.ControlQUIC, o.QUICSeconds, nil, nil)
	page := []string{pageWords(o.Status, o.BodyBytes, o.BodyTruncated, o.Title)}
	for _, f := range o.Fingerprints {
		page = append(page, fingerprintWords(f))
	}
	add("http", "Page", o.HTTP, o.ControlHTTP, o.HTTPSeconds, page, []string{pageWords(o.ControlStatus, o.ControlBodyBytes, false, o.ControlTitle)})
	add("tunnel", "Tunnel", o.Tunnel, "", o.TunnelSeconds, []string{o.TunnelKind}, nil)
	return l
}

// fingerprintWords says what was recognised. row is "name;scope;kind;country;…".
func fingerprintWords(row string) string {
	f := strings.Split(row, ";")
	if len(f) < 4 {
		return row
	}
	what := "a known page of a block"
	if f[2] == "dns" {
		what = "a known address of a block"
	}
	if cc := f[3]; cc != "" && cc != "ZZ" {
		what += ", in " + inquiry.Country(cc)
	}
	return what
}

// engineWords says which resolver looked a name up. engine is for instance "udp
// 192.0.2.1:53".
func engineWords(engine string) string {
	kind, address, _ := strings.Cut(engine, " ")
	words, known := map[string]string{
		"system": "by the resolver of the system", "getaddrinfo": "by the resolver of the system", "golang_net_resolver": "by the resolver of the system",
		"udp": "by plain DNS", "tcp": "by DNS over TCP", "dot": "by DNS over TLS", "doh": "by DNS over HTTPS", "doh3": "by DNS over HTTP/3",
	}[kind]
	if !known {
		return engine
	}
	return strings.TrimSpace(words + " " + address)
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// filled drops empty notes.
func filled(notes []string) []string {
	var out []string
	for _, n := range notes {
		if n != "" {
			out = append(out, n)
		}
	}
	return out
}

// pageWords describes the page that the endpoint returned.
func pageWords(status uint16, bytes int64, cut bool, title string) string {
	if status == 0 {
		return ""
	}
	out := fmt.Sprintf("status %d", status)
	if bytes > 0 {
		out += fmt.Sprintf(", %s bytes", thousands(fmt.Sprint(bytes)))
	}
	if cut {
		out += " (cut)"
	}
	if title != "" {
		out += ", “" + title + "”"
	}
	return out
}
