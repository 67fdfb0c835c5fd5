// Package observation turns a measurement into observations: one row for each
// endpoint that the measurement touched, saying what happened to it at every
// step and what the control saw of the same thing. Rows are facts; what they
// mean is for package verdict. The rows of a measurement hold all that any
// ruleset needs, so that history can be judged again without the raw input.
package observation

import "time"

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
	UID         string
	ReportID    string
	Time        time.Time // measurement_start_time, UTC
	CC          string
	ASN         uint32
	ResolverASN uint32
	TestName    string
	TestVersion string
	Software    string // name/version
	Platform    string // annotations.platform
	NetworkType string // annotations.network_type
	Input       string
	Target      string // platform id, or host name
	Marks       []string
	Raw         string // batch SHA-256
	Line        uint32 // line in the batch, from 0

	// The endpoint.
	Seq       uint16 // place among the measurement's rows
	Name      string // host name, lower case, punycode, no final dot
	IP        string // canonical; empty when a lookup gave none
	Port      uint16
	IPASN     uint32 // the address's network, where the measurement says
	Hop       uint8  // 0 for the input, 1 after one redirect, …
	Literal   bool   // the name is an address
	Transport string // tcp, quic; empty for a lookup

	// DNS: which lookups gave this address, or this failure.
	DNS        Result
	DNSEngines []string // "getaddrinfo", "udp 9.9.9.9:53", "doh https://dns.google/dns-query", sorted
	DNSType    string   // A, AAAA, ANY
	DNSSeconds float64
	DNSLate    []string // addresses of second, later answers to the same query

	TCP        Result
	TCPSeconds float64

	TLS         Result
	TLSSeconds  float64
	TLSVersion  string
	ServerName  string // the name sent
	NoVerify    bool   // the probe did not check the certificate
	Cert        string // our own check of the chain: "", valid, expired, not_yet_valid, wrong_name, self_signed, unknown_authority, unreadable
	CertSHA256  string // of the leaf
	CertSubject string
	CertIssuer  string

	QUIC        Result
	QUICSeconds float64

	HTTP          Result
	HTTPSeconds   float64
	URL           string
	Status        uint16
	BodyBytes     int64
	BodyTruncated bool
	BodySHA256    string
	Title         string
	Headers       []string // names, lower case, sorted
	Location      string
	Server        string
	Fingerprints  []string // names of those that matched, sorted

	// Network events of the connection, for slowness.
	ReadBytes   int64
	ReadCount   uint32
	ReadSeconds float64 // first to last read
	MaxGap      float64 // longest pause between reads, seconds
	WroteBytes  int64

	// The control's view of the same endpoint. ControlState is "" when no
	// control was asked for, "ok" when it answered, else its failure string.
	ControlState     Result
	ControlDNS       Result
	ControlAddrs     []string // every address the control got for the name, sorted
	ControlASNs      []uint32 // and their networks
	ControlTCP       Result
	ControlTLS       Result
	ControlQUIC      Result
	ControlHTTP      Result // for the page as a whole, on the rows of the page
	ControlStatus    uint16
	ControlBodyBytes int64
	ControlTitle     string
	ControlHeaders   []string // names, lower case, sorted
}
