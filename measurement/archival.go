package measurement

import (
	"encoding/json"
	"sort"
	"strings"
)

// The archival forms: what happened, step by step. T0 is the start of a step and T
// its end, both in seconds since the measurement began. Steps of one connection
// share a TransactionID, which is 0 where the probe writes none. A tag such as
// "depth=1" says to which redirect a step belongs.

// Query is one DNS lookup (df-002-dnst).
type Query struct {
	Answers          []Answer `json:"answers"`
	Engine           string   `json:"engine"` // getaddrinfo, system, udp, doh, …
	Failure          Failure  `json:"failure"`
	GetaddrinfoError int64    `json:"getaddrinfo_error,omitempty"`
	Hostname         string   `json:"hostname"`
	QueryType        string   `json:"query_type"`
	RawResponse      string   `json:"raw_response,omitempty"` // base64 of the DNS message
	Rcode            int64    `json:"rcode,omitempty"`
	ResolverHostname Input    `json:"resolver_hostname"`
	ResolverPort     Input    `json:"resolver_port"`
	ResolverAddress  string   `json:"resolver_address"`
	T0               float64  `json:"t0,omitempty"`
	T                float64  `json:"t"`
	Tags             []string `json:"tags"`
	TransactionID    int64    `json:"transaction_id,omitempty"`
}

// Answer is one record of a DNS answer. Exactly one of IPv4, IPv6 and Hostname
// is set.
type Answer struct {
	ASN        int64   `json:"asn,omitempty"`
	ASOrgName  string  `json:"as_org_name,omitempty"`
	AnswerType string  `json:"answer_type"`
	Hostname   string  `json:"hostname,omitempty"`
	IPv4       string  `json:"ipv4,omitempty"`
	IPv6       string  `json:"ipv6,omitempty"`
	TTL        *uint32 `json:"ttl"`
}

// TCPConnect is one connection (df-005-tcpconnect).
type TCPConnect struct {
	IP            string    `json:"ip"`
	Port          int64     `json:"port"`
	Status        TCPStatus `json:"status"`
	T0            float64   `json:"t0,omitempty"`
	T             float64   `json:"t"`
	Tags          []string  `json:"tags"`
	ConnID        int64     `json:"conn_id,omitempty"`
	TransactionID int64     `json:"transaction_id,omitempty"`
}

// TCPStatus is how a connection ended.
type TCPStatus struct {
	Failure Failure `json:"failure"`
	Success bool    `json:"success"`
}

// TLSHandshake is one handshake over TCP or QUIC (df-006-tlshandshake).
type TLSHandshake struct {
	Network            string   `json:"network"` // tcp, udp (QUIC); often empty
	Address            string   `json:"address"`
	CipherSuite        string   `json:"cipher_suite"`
	Failure            Failure  `json:"failure"`
	SoError            Input    `json:"so_error,omitempty"`
	NegotiatedProtocol string   `json:"negotiated_protocol"`
	NoTLSVerify        bool     `json:"no_tls_verify"`
	PeerCertificates   []Binary `json:"peer_certificates"` // DER, leaf first
	ServerName         string   `json:"server_name"`
	OuterServerName    string   `json:"outer_server_name,omitempty"`
	ECHConfig          string   `json:"echconfig,omitempty"`
	T0                 float64  `json:"t0,omitempty"`
	T                  float64  `json:"t"`
	Tags               []string `json:"tags"`
	TLSVersion         string   `json:"tls_version"`
	ConnID             int64    `json:"conn_id,omitempty"`
	TransactionID      int64    `json:"transaction_id,omitempty"`
}

// NetworkEvent is one input or output operation (df-008-netevents).
type NetworkEvent struct {
	Address       string   `json:"address,omitempty"`
	Failure       Failure  `json:"failure"`
	NumBytes      int64    `json:"num_bytes,omitempty"`
	Operation     string   `json:"operation"` // connect, read, write, tls_handshake_start, …
	Proto         string   `json:"proto,omitempty"`
	T0            float64  `json:"t0,omitempty"`
	T             float64  `json:"t"`
	Tags          []string `json:"tags,omitempty"`
	ConnID        int64    `json:"conn_id,omitempty"`
	TransactionID int64    `json:"transaction_id,omitempty"`
}

// Transaction is one HTTP exchange (df-001-httpt). Web connectivity lists the last
// exchange first.
type Transaction struct {
	Network       string       `json:"network,omitempty"` // tcp, udp (HTTP/3)
	Address       string       `json:"address,omitempty"`
	ALPN          string       `json:"alpn,omitempty"`
	Failure       Failure      `json:"failure"`
	Request       HTTPRequest  `json:"request"`
	Response      HTTPResponse `json:"response"`
	T0            float64      `json:"t0,omitempty"`
	T             float64      `json:"t"`
	Tags          []string     `json:"tags"`
	TransactionID int64        `json:"transaction_id,omitempty"`
}

// HTTPRequest is the request of a Transaction.
type HTTPRequest struct {
	Body            Text       `json:"body"`
	BodyIsTruncated bool       `json:"body_is_truncated"`
	HeadersList     HeaderList `json:"headers_list"`
	Headers         HeaderMap  `json:"headers"`
	Method          string     `json:"method"`
	Tor             TorPath    `json:"tor"`
	Transport       string     `json:"x_transport,omitempty"`
	URL             string     `json:"url"`
}

// TorPath says whether a request went through Tor.
type TorPath struct {
	ExitIP   Input `json:"exit_ip"`
	ExitName Input `json:"exit_name"`
	IsTor    bool  `json:"is_tor"`
}

// HTTPResponse is the response of a Transaction. Code is 0 where there was no
// response.
type HTTPResponse struct {
	Body            Text       `json:"body"`
	BodyIsTruncated bool       `json:"body_is_truncated"`
	Code            int64      `json:"code"`
	HeadersList     HeaderList `json:"headers_list"`
	Headers         HeaderMap  `json:"headers"`
}

// AllHeaders returns the headers, in whichever of the two forms the probe wrote
// them.
func (r *HTTPResponse) AllHeaders() []Header {
	if len(r.HeadersList) > 0 {
		return r.HeadersList
	}
	return r.Headers
}

// Get returns the first value of a header, or "". Case in the name makes no
// difference.
func (r *HTTPResponse) Get(name string) string {
	for _, h := range r.AllHeaders() {
		if strings.EqualFold(h.Name, name) {
			return string(h.Value)
		}
	}
	return ""
}

// Header is one header line.
type Header struct {
	Name  string
	Value Text
}

// HeaderList is the form [["Name","value"],…]. It keeps order and repetition.
type HeaderList []Header

// UnmarshalJSON reads the list. The name and the value of a pair may be wrapped
// bytes (Binary).
func (l *HeaderList) UnmarshalJSON(b []byte) error {
	var pairs [][]Text
	if err := quick(b, &pairs); err != nil {
		return err
	}
	if pairs == nil {
		return nil
	}
	*l = make(HeaderList, 0, len(pairs))
	for _, p := range pairs {
		if len(p) == 2 {
			*l = append(*l, Header{Name: string(p[0]), Value: p[1]})
		}
	}
	return nil
}

// MarshalJSON writes the list; a nil list is null.
func (l HeaderList) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("null"), nil
	}
	pairs := make([][2]Text, len(l))
	for i, h := range l {
		pairs[i] = [2]Text{Text(h.Name), h.Value}
	}
	return json.Marshal(pairs)
}

// HeaderMap is the form {"Name":"value"}; its headers are sorted by name.
type HeaderMap []Header

// UnmarshalJSON reads the map. A value may be wrapped bytes (Binary), or a list of
// values, as the control sometimes writes.
func (m *HeaderMap) UnmarshalJSON(b []byte) error {
	var values map[string]json.RawMessage
	if err := quick(b, &values); err != nil {
		return err
	}
	if values == nil {
		return nil
	}
	*m = make(HeaderMap, 0, len(values))
	for name, raw := range values {
		if raw[0] != '[' {
			one := Text(raw) // a number, true or false is kept as it is written
			if raw[0] == '"' || raw[0] == '{' || raw[0] == 'n' {
				if err := one.UnmarshalJSON(raw); err != nil {
					return err
				}
			}
			*m = append(*m, Header{Name: name, Value: one})
			continue
		}
		var many []Text
		if err := json.Unmarshal(raw, &many); err != nil {
			return err
		}
		for _, v := range many {
			*m = append(*m, Header{Name: name, Value: v})
		}
	}
	sort.SliceStable(*m, func(i, j int) bool { return (*m)[i].Name < (*m)[j].Name })
	return nil
}

// MarshalJSON writes the map; a nil map is null. Of a repeated name the last value
// is written, as in OONI's documents.
func (m HeaderMap) MarshalJSON() ([]byte, error) {
	if m == nil {
		return []byte("null"), nil
	}
	values := make(map[string]Text, len(m))
	for _, h := range m {
		values[h.Name] = h.Value
	}
	return json.Marshal(values)
}
