// Package observation turns a measurement into observations: one row for each
// endpoint that the measurement touched. A row says what happened at every step,
// and what the control saw of the same thing. Rows are facts; package verdict says
// what they mean. The rows of a measurement hold everything that any ruleset needs,
// so that history can be judged again without the raw input. The package does no
// I/O and reads no clock.
package observation

import (
	"strings"
	"time"

	"github.com/bandish/bandish/defect"
)

// Result is how one step ended: "" when it was not tried, "ok", or a failure string
// of OONI's df-007-errors ("connection_reset").
type Result string

// Done is the result of a step that worked.
const Done Result = "ok"

// Tried reports whether the step took place.
func (r Result) Tried() bool { return r != "" }

// Failed reports whether the step took place and failed.
func (r Result) Failed() bool { return r != "" && r != Done }

// Row is what one measurement saw of one endpoint: an address and a port under a
// name. A row without an address is of a lookup that gave none.
type Row struct {
	// The measurement.
	UID         string    `json:"measurement_uid" parquet:"measurement_uid,dict"`
	ReportID    string    `json:"report_id,omitempty" parquet:"report_id,dict"`
	Sender      string    `json:"sender,omitempty" parquet:"sender,dict"`                                         // who may have sent it (PresumedSender); empty where each report is a sender of its own
	Time        time.Time `json:"measurement_start_time" parquet:"measurement_start_time,timestamp(microsecond)"` // measurement_start_time, UTC
	CC          string    `json:"probe_cc" parquet:"probe_cc,dict"`
	ASN         uint32    `json:"probe_asn" parquet:"probe_asn"`
	ResolverASN uint32    `json:"resolver_asn,omitempty" parquet:"resolver_asn"`
	TestName    string    `json:"test_name" parquet:"test_name,dict"`
	TestVersion string    `json:"test_version,omitempty" parquet:"test_version,dict"`
	Software    string    `json:"software,omitempty" parquet:"software,dict"`         // name/version
	Engine      string    `json:"engine,omitempty" parquet:"engine,dict"`             // annotations.engine_version
	Platform    string    `json:"platform,omitempty" parquet:"platform,dict"`         // annotations.platform
	NetworkType string    `json:"network_type,omitempty" parquet:"network_type,dict"` // annotations.network_type
	Input       string    `json:"input,omitempty" parquet:"input,dict"`
	Target      string    `json:"target" parquet:"target,dict"` // platform id, or host name
	Marks       []string  `json:"marks,omitempty" parquet:"marks,dict"`

	// Defects are the known defects of this version of the test (defect.Match),
	// sorted.
	Defects []string `json:"defects,omitempty" parquet:"defects,dict"`

	Raw  string `json:"raw,omitempty" parquet:"raw,dict"` // batch SHA-256
	Line uint32 `json:"line,omitempty" parquet:"line"`    // line in the batch, from 0

	Channel string `json:"channel,omitempty" parquet:"channel,dict"`   // how it came into the archive: bucket, web, file, table, submitted
	Content uint64 `json:"content,omitempty,string" parquet:"content"` // first 8 bytes of the SHA-256 of the document as it is kept: two documents may have one uid

	// The endpoint.
	Seq       uint16 `json:"seq" parquet:"seq"`                  // the row's place among the rows of the measurement, from 0
	Name      string `json:"name,omitempty" parquet:"name,dict"` // host name, lower case, punycode, no final dot
	IP        string `json:"ip,omitempty" parquet:"ip,dict"`     // canonical form; empty where a lookup gave none
	IPv4      string `json:"ipv4,omitempty" parquet:"ipv4,dict"` // the IPv4 address that IP stands for on a network with NAT64 (RFC 6052)
	Port      uint16 `json:"port,omitempty" parquet:"port"`
	IPASN     uint32 `json:"ip_asn,omitempty" parquet:"ip_asn"`            // the address's network, where the measurement names it
	Hop       uint8  `json:"hop,omitempty" parquet:"hop"`                  // 0 for the input, 1 after one redirect, …
	Literal   bool   `json:"literal,omitempty" parquet:"literal"`          // whether the name is an IP address
	Transport string `json:"transport,omitempty" parquet:"transport,dict"` // tcp, quic; empty for a lookup

	// DNS: the lookups that gave this address, or this failure. Lookups of AAAA that
	// found nothing are left out where the same resolver found A.
	DNS        Result   `json:"dns,omitempty" parquet:"dns,dict"`
	DNSEngines []string `json:"dns_engines,omitempty" parquet:"dns_engines,dict"` // "getaddrinfo", "udp 9.9.9.9:53", "doh https://dns.google/dns-query", sorted
	DNSType    string   `json:"dns_type,omitempty" parquet:"dns_type,dict"`       // A, AAAA, ANY
	DNSSeconds float64  `json:"dns_seconds,omitempty" parquet:"dns_seconds"`
	CNAMEs     []string `json:"cnames,omitempty" parquet:"cnames,dict"`     // the names through which the answers led, sorted
	DNSLate    []string `json:"dns_late,omitempty" parquet:"dns_late,dict"` // addresses in second, later answers to the same query
	// DNSExtended is what these resolvers said of their answers (RFC 8914), each as
	// CODE;ENGINE;TEXT (ExtendedError), sorted.
	DNSExtended []string `json:"dns_extended,omitempty" parquet:"dns_extended,dict"`

	TCP        Result  `json:"tcp,omitempty" parquet:"tcp,dict"`
	TCPSeconds float64 `json:"tcp_seconds,omitempty" parquet:"tcp_seconds"`

	TLS         Result  `json:"tls,omitempty" parquet:"tls,dict"`
	TLSSeconds  float64 `json:"tls_seconds,omitempty" parquet:"tls_seconds"`
	TLSVersion  string  `json:"tls_version,omitempty" parquet:"tls_version,dict"`
	ServerName  string  `json:"server_name,omitempty" parquet:"server_name,dict"` // the name that the probe sent (SNI)
	NoVerify    bool    `json:"no_verify,omitempty" parquet:"no_verify"`          // the probe did not check the certificate
	Cert        string  `json:"cert,omitempty" parquet:"cert,dict"`               // our own check of the chain: "", valid, expired, not_yet_valid, wrong_name, self_signed, unknown_authority, unreadable; real_authority or other_authority where an authority's certificate is stored in place of the server's
	CertSHA256  string  `json:"cert_sha256,omitempty" parquet:"cert_sha256,dict"` // of the first certificate
	CertSubject string  `json:"cert_subject,omitempty" parquet:"cert_subject,dict"`
	CertIssuer  string  `json:"cert_issuer,omitempty" parquet:"cert_issuer,dict"`
	TrustStore  string  `json:"trust_store,omitempty" parquet:"trust_store,dict"` // id of the roots that Cert was checked against

	QUIC        Result  `json:"quic,omitempty" parquet:"quic,dict"`
	QUICSeconds float64 `json:"quic_seconds,omitempty" parquet:"quic_seconds"`

	HTTP          Result   `json:"http,omitempty" parquet:"http,dict"`
	HTTPSeconds   float64  `json:"http_seconds,omitempty" parquet:"http_seconds"`
	URL           string   `json:"url,omitempty" parquet:"url,dict"`
	Status        uint16   `json:"status,omitempty" parquet:"status"`
	BodyBytes     int64    `json:"body_bytes,omitempty" parquet:"body_bytes"` // as received; at least so many where truncated
	BodyTruncated bool     `json:"body_truncated,omitempty" parquet:"body_truncated"`
	BodySHA256    string   `json:"body_sha256,omitempty" parquet:"body_sha256,dict"`
	Title         string   `json:"title,omitempty" parquet:"title,dict"`
	Headers       []string `json:"headers,omitempty" parquet:"headers,dict"` // names in lower case, sorted
	Location      string   `json:"location,omitempty" parquet:"location,dict"`
	Server        string   `json:"server,omitempty" parquet:"server,dict"`
	LeadsTo       string   `json:"leads_to,omitempty" parquet:"leads_to,dict"`         // another host that a short page shows in a frame or sends the visitor to; only of pages that may have been written on the path
	Fingerprints  []string `json:"fingerprints,omitempty" parquet:"fingerprints,dict"` // fingerprint.Match of those that match the address, names, headers or body, sorted
	HeaderLines   []string `json:"header_lines,omitempty" parquet:"header_lines"`      // "name: value", sorted; only of responses that may have been written on the path

	// FingerprintSet is the snapshot that Fingerprints were matched against.
	FingerprintSet string `json:"fingerprint_set,omitempty" parquet:"fingerprint_set,dict"`

	// A tunnel through the endpoint or, without an address, through the circumvention
	// network as a whole.
	Tunnel        Result  `json:"tunnel,omitempty" parquet:"tunnel,dict"`
	TunnelSeconds float64 `json:"tunnel_seconds,omitempty" parquet:"tunnel_seconds"`
	TunnelKind    string  `json:"tunnel_kind,omitempty" parquet:"tunnel_kind,dict"` // psiphon, tor, openvpn, riseupvpn, wireguard, obfs4, or_port_dirauth, …

	// Network events of the connection, which show slowness.
	ReadBytes   int64   `json:"read_bytes,omitempty" parquet:"read_bytes"`
	ReadCount   uint32  `json:"read_count,omitempty" parquet:"read_count"`
	ReadSeconds float64 `json:"read_seconds,omitempty" parquet:"read_seconds"` // from the first read to the last
	MaxGap      float64 `json:"max_gap,omitempty" parquet:"max_gap"`           // longest pause between reads, seconds
	WroteBytes  int64   `json:"wrote_bytes,omitempty" parquet:"wrote_bytes"`

	// Limited transfers of our probe, in turn from the target and from a reference
	// that nobody has a reason to slow down: bytes a second, and how many round trips
	// the target's transfer took.
	Pace          float64 `json:"pace,omitempty" parquet:"pace"`
	PaceTrips     float64 `json:"pace_trips,omitempty" parquet:"pace_trips"`
	PaceReference float64 `json:"pace_reference,omitempty" parquet:"pace_reference"`

	// Where the target was slow: the rate of the reference under the target's name
	// (the fastest of at least two transfers) and, in turn, under its own name (the
	// middle one); 0 where there are fewer.
	PaceNamed float64 `json:"pace_named,omitempty" parquet:"pace_named"`
	PaceOwn   float64 `json:"pace_own,omitempty" parquet:"pace_own"`

	// Contrasts are the results of our probe's contrasts, on the rows of the input's
	// own host: "sni_contrast tls ok" (docs/formats/probe.md), sorted. A contrast
	// made at the endpoint's address is on its rows, one made elsewhere is on all
	// rows.
	Contrasts []string `json:"contrasts,omitempty" parquet:"contrasts,dict"`

	// The control's view of the same endpoint. ControlState is "" where no control
	// was asked, "ok" where it answered, else the failure string.
	ControlState     Result   `json:"control_state,omitempty" parquet:"control_state,dict"`
	ControlDNS       Result   `json:"control_dns,omitempty" parquet:"control_dns,dict"`
	ControlAddrs     []string `json:"control_addrs,omitempty" parquet:"control_addrs,dict"` // all addresses that the control got for the name, sorted
	ControlASNs      []uint32 `json:"control_asns,omitempty" parquet:"control_asns"`        // the networks of these addresses
	ControlTCP       Result   `json:"control_tcp,omitempty" parquet:"control_tcp,dict"`
	ControlTLS       Result   `json:"control_tls,omitempty" parquet:"control_tls,dict"`
	ControlQUIC      Result   `json:"control_quic,omitempty" parquet:"control_quic,dict"`
	ControlHTTP      Result   `json:"control_http,omitempty" parquet:"control_http,dict"` // of the page as a whole, on the rows of the page
	ControlStatus    uint16   `json:"control_status,omitempty" parquet:"control_status"`
	ControlBodyBytes int64    `json:"control_body_bytes,omitempty" parquet:"control_body_bytes"`
	ControlTitle     string   `json:"control_title,omitempty" parquet:"control_title,dict"`
	ControlHeaders   []string `json:"control_headers,omitempty" parquet:"control_headers,dict"` // names, lower case, sorted
	ControlServer    string   `json:"control_server,omitempty" parquet:"control_server,dict"`
}

// Verified reports whether a server that proved its name wrote what came over this
// connection. The probe must have checked the certificate. Where the chain is
// stored we check it, too, and must not find the opposite. Where the chain ends in
// an authority that we do not know, the probe is believed, because some apps trust
// an authority of their own.
func (r *Row) Verified() bool {
	if r.NoVerify {
		return false
	}
	step := r.TLS
	if r.Transport == "quic" {
		step = r.QUIC
	}
	if !step.Tried() {
		// Old probes store only the exchange; over https it means that the handshake
		// worked.
		return (r.HTTP == Done || r.Status > 0) && strings.HasPrefix(r.URL, "https://")
	}
	return step == Done && (r.Cert == "" || r.Cert == CertValid || r.Cert == CertUnknownAuthority)
}

// FindDefects sets the row's Defects from a table, also for judging history again
// with a later table.
func (r *Row) FindDefects(t *defect.Table) {
	r.Defects = t.Match(defect.Measured{
		Test: r.TestName, Version: r.TestVersion, Software: r.Software, Engine: r.Engine, Platform: r.Platform, At: r.Time,
	})
}

// Unrecorded is the ControlState of rows from a table that does not keep the
// control's view: there may have been one.
const Unrecorded Result = "unrecorded"
