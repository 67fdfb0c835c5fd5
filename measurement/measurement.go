// Package measurement holds one measurement as a probe wrote it, in OONI's data
// formats (df-000 to df-010 and the specifications of the tests).
//
// It decodes what strangers send (Decode), removes client addresses from it
// (Scrub), and encodes what our own probe found. It keeps what is written and
// concludes nothing: the probe's own conclusions (blocking, accessible,
// telegram_web_status, …) are deliberately not decoded into anything that later
// stages read. A measurement goes on to package observation. The package does no
// I/O and reads no clock.
package measurement

import "github.com/bandish/bandish/network"

// Measurement is one run of one test for one input: the outer document of OONI's
// df-000-base.
//
// Strings of a decoded Measurement may share memory with the document. Clone those
// that are kept for longer.
type Measurement struct {
	UID               string                `json:"measurement_uid,omitempty"`
	DataFormatVersion string                `json:"data_format_version,omitempty"`
	ReportID          string                `json:"report_id,omitempty"`
	Input             Input                 `json:"input"`
	TestName          string                `json:"test_name"`
	TestVersion       string                `json:"test_version,omitempty"`
	TestStartTime     Time                  `json:"test_start_time"`
	StartTime         Time                  `json:"measurement_start_time"`
	Runtime           float64               `json:"test_runtime,omitempty"` // seconds
	ProbeCC           string                `json:"probe_cc"`               // ISO 3166-1 alpha-2, upper case; ZZ: not known
	ProbeASN          network.ASN           `json:"probe_asn"`              // 0: not known
	ProbeIP           Withheld              `json:"probe_ip"`               // never read, never written
	ProbeNetwork      string                `json:"probe_network_name,omitempty"`
	ResolverASN       network.ASN           `json:"resolver_asn,omitempty"`
	ResolverIP        string                `json:"resolver_ip,omitempty"`
	ResolverNetwork   string                `json:"resolver_network_name,omitempty"`
	SoftwareName      string                `json:"software_name,omitempty"`
	SoftwareVersion   string                `json:"software_version,omitempty"`
	Options           []string              `json:"options,omitempty"`
	TestHelpers       map[string]TestHelper `json:"test_helpers,omitempty"`
	Extensions        map[string]int        `json:"extensions,omitempty"`
	Annotations       Annotations           `json:"annotations,omitempty"`
	TestKeys          TestKeys              `json:"test_keys"`

	// Defects names the parts that were left out because they do not have the type of
	// the specification. They are paths ("test_keys.requests[3].t"), in the order of
	// the document's type.
	Defects []string `json:"-"`
}

// Annotations holds the annotations that later stages need to tell defects of an
// instrument from censorship.
type Annotations struct {
	Platform      string `json:"platform,omitempty"`
	NetworkType   string `json:"network_type,omitempty"` // wifi, mobile, vpn, …
	EngineName    string `json:"engine_name,omitempty"`
	EngineVersion string `json:"engine_version,omitempty"`
	Origin        string `json:"origin,omitempty"`
}

// TestHelper is a server that took part in the test, such as the control.
type TestHelper struct {
	Address string `json:"address"`
	Type    string `json:"type"`
}
