// Package measurement holds one measurement as a probe wrote it, in OONI's
// data formats (df-000 to df-010 and the tests' own specifications).
//
// It decodes what strangers send and encodes what our own probe found. It
// reports what is written and concludes nothing: the probe's own conclusions
// (blocking, accessible, telegram_web_status, …) are deliberately not decoded
// into anything that later stages read. The package does no I/O and reads no
// clock.
package measurement

import "github.com/bandish/bandish/network"

// Measurement is one run of one test against one input, the outer document of
// OONI's df-000-base.
//
// The strings of a decoded Measurement may lie in the memory of the document: who
// keeps a few of them for longer clones them.
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
	ProbeCC           string                `json:"probe_cc"`               // ISO 3166-1 alpha-2, upper case; ZZ unknown
	ProbeASN          network.ASN           `json:"probe_asn"`              // 0 unknown
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

	// Defects names the parts that did not have the type the specification
	// gives them and were left out, as paths ("test_keys.requests[3].t"),
	// in the order of the document's type.
	Defects []string `json:"-"`
}

// Annotations are the few that later stages look at: they tell defects of an
// instrument from censorship.
type Annotations struct {
	Platform      string `json:"platform,omitempty"`
	NetworkType   string `json:"network_type,omitempty"` // wifi, mobile, vpn, …
	EngineName    string `json:"engine_name,omitempty"`
	EngineVersion string `json:"engine_version,omitempty"`
	Origin        string `json:"origin,omitempty"`
}

// TestHelper is a server that took part, the control among them.
type TestHelper struct {
	Address string `json:"address"`
	Type    string `json:"type"`
}
