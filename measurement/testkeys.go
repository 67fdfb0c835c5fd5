package measurement

// TestKeys holds the keys of all tests that Bandish reads. Each test fills only its
// own.
type TestKeys struct {
	// Common to most tests.
	Agent         string         `json:"agent,omitempty"`
	Failure       Failure        `json:"failure,omitempty"`
	NetworkEvents []NetworkEvent `json:"network_events"`
	Queries       []Query        `json:"queries"`
	Requests      []Transaction  `json:"requests"`
	TCPConnect    []TCPConnect   `json:"tcp_connect"` // openvpn: may be one object
	TLSHandshakes []TLSHandshake `json:"tls_handshakes"`
	QUIC          []TLSHandshake `json:"quic_handshakes,omitempty"`

	// web_connectivity.
	ClientResolver     string          `json:"client_resolver,omitempty"`
	ControlFailure     Failure         `json:"control_failure,omitempty"`
	Control            *Control        `json:"control,omitempty"`
	ControlRequest     *ControlRequest `json:"x_control_request,omitempty"`
	DuplicateResponses []Query         `json:"x_dns_duplicate_responses,omitempty"`
	LateReplies        []Query         `json:"x_dns_late_replies,omitempty"`

	// Contrasts holds the steps that are not the target's own, in JSON only. In
	// memory they are among the other steps and have tags (Auxiliary).
	Contrasts *Connection `json:"x_contrasts,omitempty"`

	// tor: results by the name of the target, which is an address or a fingerprint.
	Targets map[string]TorTarget `json:"targets,omitempty"`

	// psiphon, vanilla_tor, torsf, urlgetter with a tunnel.
	BootstrapTime   float64  `json:"bootstrap_time,omitempty"` // seconds
	MaxRuntime      float64  `json:"max_runtime,omitempty"`    // seconds
	Timeout         float64  `json:"timeout,omitempty"`        // seconds
	Success         *bool    `json:"success,omitempty"`
	Error           Failure  `json:"error,omitempty"`
	TorProgress     float64  `json:"tor_progress,omitempty"` // percent
	TorProgressTag  string   `json:"tor_progress_tag,omitempty"`
	TorLogs         []string `json:"tor_logs,omitempty"`
	TransportName   string   `json:"transport_name,omitempty"`
	Rendezvous      string   `json:"rendezvous_method,omitempty"`
	FailedOperation string   `json:"failed_operation,omitempty"`
	Tunnel          string   `json:"tunnel,omitempty"`

	// openvpn.
	Provider          string             `json:"provider,omitempty"`
	VPNProtocol       string             `json:"vpn_protocol,omitempty"`
	Transport         string             `json:"transport,omitempty"`
	Remote            string             `json:"remote,omitempty"`
	Obfuscation       string             `json:"obfuscation,omitempty"`
	SuccessHandshake  *bool              `json:"success_handshake,omitempty"`
	OpenVPNHandshakes []OpenVPNHandshake `json:"openvpn_handshake,omitempty"`

	// dnscheck: lookups by the URL of the resolver.
	Domain           string               `json:"domain,omitempty"`
	Bootstrap        *Connection          `json:"bootstrap,omitempty"`
	BootstrapFailure Failure              `json:"bootstrap_failure,omitempty"`
	Lookups          map[string]DNSLookup `json:"lookups,omitempty"`

	// echcheck 0.1: a handshake without ECH and one with it, in the keys "control"
	// and "target". Later versions use TLSHandshakes and write their connections to
	// "tcp_connects".
	ECHControl  *TLSHandshake `json:"-"`
	ECHTarget   *TLSHandshake `json:"-"`
	TCPConnects []TCPConnect  `json:"tcp_connects,omitempty"`
}

// Connection holds the archival forms of one part of a test.
type Connection struct {
	NetworkEvents []NetworkEvent `json:"network_events"`
	Queries       []Query        `json:"queries"`
	Requests      []Transaction  `json:"requests"`
	TCPConnect    []TCPConnect   `json:"tcp_connect"`
	TLSHandshakes []TLSHandshake `json:"tls_handshakes"`
	QUIC          []TLSHandshake `json:"quic_handshakes,omitempty"`
}

// TorTarget is the result for one bridge or directory authority.
type TorTarget struct {
	Connection
	Failure        Failure `json:"failure"`
	TargetAddress  string  `json:"target_address"`
	TargetName     string  `json:"target_name,omitempty"`
	TargetProtocol string  `json:"target_protocol"` // or_port, or_port_dirauth, dir_port, obfs4
	TargetSource   string  `json:"target_source,omitempty"`
}

// DNSLookup is the result for one resolver of dnscheck.
type DNSLookup struct {
	Connection
	Failure         Failure `json:"failure"`
	FailedOperation Input   `json:"failed_operation"`
}

// OpenVPNHandshake is the result for one endpoint of openvpn.
type OpenVPNHandshake struct {
	BootstrapTime float64  `json:"bootstrap_time,omitempty"`
	HandshakeTime float64  `json:"handshake_time,omitempty"`
	Endpoint      string   `json:"endpoint"` // sometimes "openvpn://1.2.3.4:1194/udp"
	Failure       Failure  `json:"failure"`
	IP            string   `json:"ip"`
	Port          int64    `json:"port"`
	Transport     string   `json:"transport"`
	Provider      string   `json:"provider"`
	T0            float64  `json:"t0,omitempty"`
	T             float64  `json:"t"`
	Tags          []string `json:"tags"`
	TransactionID int64    `json:"transaction_id,omitempty"`
}

// Control is what the test helper saw of the same input from another place.
type Control struct {
	TCPConnect    map[string]ControlTCP `json:"tcp_connect"`             // by endpoint
	TLSHandshake  map[string]ControlTLS `json:"tls_handshake,omitempty"` // by endpoint
	QUICHandshake map[string]ControlTLS `json:"quic_handshake"`
	HTTPRequest   ControlHTTP           `json:"http_request"`
	HTTP3Request  *ControlHTTP          `json:"http3_request"`
	DNS           ControlDNS            `json:"dns"`
	IPInfo        map[string]IPInfo     `json:"ip_info,omitempty"` // by address
}

// ControlTCP is the control's connection to one endpoint.
type ControlTCP struct {
	Status  bool    `json:"status"`
	Failure Failure `json:"failure"`
}

// ControlTLS is the control's handshake with one endpoint.
type ControlTLS struct {
	ServerName string  `json:"server_name"`
	Status     bool    `json:"status"`
	Failure    Failure `json:"failure"`
}

// ControlHTTP is the page that the control saw, after redirects. BodyLength and
// StatusCode are -1 where there was none.
type ControlHTTP struct {
	BodyLength           int64     `json:"body_length"`
	DiscoveredH3Endpoint string    `json:"discovered_h3_endpoint"`
	Failure              Failure   `json:"failure"`
	Title                Text      `json:"title"`
	Headers              HeaderMap `json:"headers"`
	StatusCode           int64     `json:"status_code"`
}

// ControlDNS is the control's lookup. In old documents Addrs may hold CNAMEs.
type ControlDNS struct {
	Failure Failure  `json:"failure"`
	Addrs   []string `json:"addrs"`
}

// The bits of IPInfo.Flags.
const (
	ResolvedByProbe   = 1
	ResolvedByControl = 2
	IsBogon           = 4
	ValidForDomain    = 8
)

// IPInfo is what the control knows of an IP address.
type IPInfo struct {
	ASN   int64 `json:"asn"`
	Flags int64 `json:"flags"`
}

// ControlRequest is what the probe asked the control.
type ControlRequest struct {
	HTTPRequest        string              `json:"http_request"`
	HTTPRequestHeaders map[string][]string `json:"http_request_headers"`
	TCPConnect         []string            `json:"tcp_connect"`
	QUICEnabled        bool                `json:"x_quic_enabled"`
}
