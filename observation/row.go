// Package observation turns a measurement into observations: one row for each
// endpoint that the measurement touched, saying what happened to it at every
// step and what the control saw of the same thing. Rows are facts; what they
// mean is for package verdict. The rows of a measurement hold all that any
// ruleset needs, so that history can be judged again without the raw input.
package observation

import (
	"strings"
	"time"

	"github.com/bandish/bandish/defect"
)

// Result is the end of one step: "" when it was not tried, "ok", or the
// failure string of OONI's df-007-errors ("connection_reset").
type Result string

// Done is the result of a step that worked.
const Done Result = "ok"

// Tried reports whether the step took place.
func (r Result) Tried() bool { return r != "" }

// Failed reports whether the step took place and failed.
func (r Result) Failed() bool { return r != "" && r != Done }

// Row is what one measurement saw of one endpoint (an address and a port
// under a name), or, with no address, of one lookup that gave none.
type Row struct {
	// The measurement.
	UID         string    `parquet:"measurement_uid,dict"`
	ReportID    string    `parquet:"report_id,dict"`
	Sender      string    `parquet:"sender,dict"`                                   // who may have sent it (PresumedSender); empty: the report is the sender
	Time        time.Time `parquet:"measurement_start_time,timestamp(microsecond)"` // measurement_start_time, UTC
	CC          string    `parquet:"probe_cc,dict"`
	ASN         uint32    `parquet:"probe_asn"`
	ResolverASN uint32    `parquet:"resolver_asn"`
	TestName    string    `parquet:"test_name,dict"`
	TestVersion string    `parquet:"test_version,dict"`
	Software    string    `parquet:"software,dict"`     // name/version
	Engine      string    `parquet:"engine,dict"`       // annotations.engine_version
	Platform    string    `parquet:"platform,dict"`     // annotations.platform
	NetworkType string    `parquet:"network_type,dict"` // annotations.network_type
	Input       string    `parquet:"input,dict"`
	Target      string    `parquet:"target,dict"` // platform id, or host name
	Marks       []string  `parquet:"marks,dict"`

	// Defects are the known defects of this version of the test (defect.Match),
	// sorted.
	Defects []string `parquet:"defects,dict"`

	Raw  string `parquet:"raw,dict"` // batch SHA-256
	Line uint32 `parquet:"line"`     // line in the batch, from 0

	Channel string `parquet:"channel,dict"` // how it came into the archive: bucket, web, file, table, submitted
	Content uint64 `parquet:"content"`      // hash of the document as it is kept: a uid is not a claim, and two documents may name one

	// The endpoint.
	Seq       uint16 `parquet:"seq"`       // place among the measurement's rows
	Name      string `parquet:"name,dict"` // host name, lower case, punycode, no final dot
	IP        string `parquet:"ip,dict"`   // canonical; empty when a lookup gave none
	IPv4      string `parquet:"ipv4,dict"` // the address that a network with NAT64 has put into IP (RFC 6052)
	Port      uint16 `parquet:"port"`
	IPASN     uint32 `parquet:"ip_asn"`         // the address's network, where the measurement says
	Hop       uint8  `parquet:"hop"`            // 0 for the input, 1 after one redirect, …
	Literal   bool   `parquet:"literal"`        // the name is an address
	Transport string `parquet:"transport,dict"` // tcp, quic; empty for a lookup

	// DNS: which lookups gave this address, or this failure. Lookups of AAAA
	// that found nothing where the same resolver found A are left out.
	DNS        Result   `parquet:"dns,dict"`
	DNSEngines []string `parquet:"dns_engines,dict"` // "getaddrinfo", "udp 9.9.9.9:53", "doh https://dns.google/dns-query", sorted
	DNSType    string   `parquet:"dns_type,dict"`    // A, AAAA, ANY
	DNSSeconds float64  `parquet:"dns_seconds"`
	CNAMEs     []string `parquet:"cnames,dict"`   // names that the answers led through, sorted
	DNSLate    []string `parquet:"dns_late,dict"` // addresses of second, later answers to the same query
	// DNSExtended is what these resolvers said of their answers (RFC 8914):
	// CODE;ENGINE;TEXT, sorted (ExtendedError).
	DNSExtended []string `parquet:"dns_extended,dict"`

	TCP        Result  `parquet:"tcp,dict"`
	TCPSeconds float64 `parquet:"tcp_seconds"`

	TLS         Result  `parquet:"tls,dict"`
	TLSSeconds  float64 `parquet:"tls_seconds"`
	TLSVersion  string  `parquet:"tls_version,dict"`
	ServerName  string  `parquet:"server_name,dict"` // the name sent
	NoVerify    bool    `parquet:"no_verify"`        // the probe did not check the certificate
	Cert        string  `parquet:"cert,dict"`        // our own check of the chain: "", valid, expired, not_yet_valid, wrong_name, self_signed, unknown_authority, unreadable; real_authority and other_authority where an authority's certificate is stored in the place of the server's
	CertSHA256  string  `parquet:"cert_sha256,dict"` // of the first of the chain
	CertSubject string  `parquet:"cert_subject,dict"`
	CertIssuer  string  `parquet:"cert_issuer,dict"`
	TrustStore  string  `parquet:"trust_store,dict"` // id of the roots that Cert was checked against

	QUIC        Result  `parquet:"quic,dict"`
	QUICSeconds float64 `parquet:"quic_seconds"`

	HTTP          Result   `parquet:"http,dict"`
	HTTPSeconds   float64  `parquet:"http_seconds"`
	URL           string   `parquet:"url,dict"`
	Status        uint16   `parquet:"status"`
	BodyBytes     int64    `parquet:"body_bytes"` // as received; at least, where truncated
	BodyTruncated bool     `parquet:"body_truncated"`
	BodySHA256    string   `parquet:"body_sha256,dict"`
	Title         string   `parquet:"title,dict"`
	Headers       []string `parquet:"headers,dict"` // names, lower case, sorted
	Location      string   `parquet:"location,dict"`
	Server        string   `parquet:"server,dict"`
	LeadsTo       string   `parquet:"leads_to,dict"`     // host that a short page, which may have been written on the path, frames or sends the visitor to
	Fingerprints  []string `parquet:"fingerprints,dict"` // fingerprint.Match of those that matched address, names, headers or body, sorted
	HeaderLines   []string `parquet:"header_lines"`      // "name: value", sorted, of responses that may have been written on the path

	// FingerprintSet is the snapshot that Fingerprints were matched against.
	FingerprintSet string `parquet:"fingerprint_set,dict"`

	// A tunnel through the endpoint, or through the circumvention network as
	// a whole where there is no address.
	Tunnel        Result  `parquet:"tunnel,dict"`
	TunnelSeconds float64 `parquet:"tunnel_seconds"`
	TunnelKind    string  `parquet:"tunnel_kind,dict"` // psiphon, tor, openvpn, riseupvpn, wireguard, obfs4, or_port_dirauth, …

	// Network events of the connection, for slowness.
	ReadBytes   int64   `parquet:"read_bytes"`
	ReadCount   uint32  `parquet:"read_count"`
	ReadSeconds float64 `parquet:"read_seconds"` // first to last read
	MaxGap      float64 `parquet:"max_gap"`      // longest pause between reads, seconds
	WroteBytes  int64   `parquet:"wrote_bytes"`

	// Bounded transfers of our probe, taken in turn from the target and from a
	// reference that nobody has a reason to slow: bytes a second, and how many
	// round trips the target's took.
	Pace          float64 `parquet:"pace"`
	PaceTrips     float64 `parquet:"pace_trips"`
	PaceReference float64 `parquet:"pace_reference"`

	// Where the target was slow: what the reference gave under the target's
	// name, and in turn under its own. The fastest of at least two under the
	// target's name, and the middle one under its own; 0 where there are fewer.
	PaceNamed float64 `parquet:"pace_named"`
	PaceOwn   float64 `parquet:"pace_own"`

	// What became of our probe's contrasts, on the rows of the input's own host:
	// "sni_contrast tls ok" (docs/formats/probe.md), sorted. Those made at the
	// endpoint's address stand on its rows, those made elsewhere on all.
	Contrasts []string `parquet:"contrasts,dict"`

	// The control's view of the same endpoint. ControlState is "" when no
	// control was asked for, "ok" when it answered, else its failure string.
	ControlState     Result   `parquet:"control_state,dict"`
	ControlDNS       Result   `parquet:"control_dns,dict"`
	ControlAddrs     []string `parquet:"control_addrs,dict"` // every address the control got for the name, sorted
	ControlASNs      []uint32 `parquet:"control_asns"`       // and their networks
	ControlTCP       Result   `parquet:"control_tcp,dict"`
	ControlTLS       Result   `parquet:"control_tls,dict"`
	ControlQUIC      Result   `parquet:"control_quic,dict"`
	ControlHTTP      Result   `parquet:"control_http,dict"` // for the page as a whole, on the rows of the page
	ControlStatus    uint16   `parquet:"control_status"`
	ControlBodyBytes int64    `parquet:"control_body_bytes"`
	ControlTitle     string   `parquet:"control_title,dict"`
	ControlHeaders   []string `parquet:"control_headers,dict"` // names, lower case, sorted
	ControlServer    string   `parquet:"control_server,dict"`
}

// Verified reports whether what came over this connection was written by a
// server that proved its name: the probe checked the certificate, and our own
// check of the chain, where it is stored, does not gainsay it. That the chain
// ends in an authority we do not know counts as claimed: some apps pin their
// own.
func (r *Row) Verified() bool {
	if r.NoVerify {
		return false
	}
	step := r.TLS
	if r.Transport == "quic" {
		step = r.QUIC
	}
	if !step.Tried() {
		// Old probes keep only the exchange; over https it means that the
		// handshake was good.
		return (r.HTTP == Done || r.Status > 0) && strings.HasPrefix(r.URL, "https://")
	}
	return step == Done && (r.Cert == "" || r.Cert == CertValid || r.Cert == CertUnknownAuthority)
}

// FindDefects looks the row's test up in a table, for judging history again
// under a later one too.
func (r *Row) FindDefects(t *defect.Table) {
	r.Defects = t.Match(defect.Measured{
		Test: r.TestName, Version: r.TestVersion, Software: r.Software, Engine: r.Engine, Platform: r.Platform, At: r.Time,
	})
}

// Unrecorded is the ControlState of rows that come from a table which does not
// keep the control's view: there may have been one.
const Unrecorded Result = "unrecorded"
