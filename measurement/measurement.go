// Package measurement holds one measurement as a probe wrote it, in OONI's
// data formats (df-000 to df-010 and the tests' own specifications).
//
// It decodes what strangers send and encodes what our own probe found. It
// reports what is written and concludes nothing: the probe's own conclusions
// (blocking, accessible, telegram_web_status, …) are deliberately not decoded
// into anything that later stages read. The package does no I/O and reads no
// clock.
package measurement

import "time"

// Measurement is one run of one test against one input, the outer document of
// OONI's df-000-base.
type Measurement struct {
	UID               string      `json:"measurement_uid,omitempty"`
	DataFormatVersion string      `json:"data_format_version,omitempty"`
	ReportID          string      `json:"report_id,omitempty"`
	Input             string      `json:"input,omitempty"`
	TestName          string      `json:"test_name"`
	TestVersion       string      `json:"test_version,omitempty"`
	TestStartTime     Time        `json:"test_start_time"`
	StartTime         Time        `json:"measurement_start_time"`
	Runtime           float64     `json:"test_runtime,omitempty"` // seconds
	ProbeCC           string      `json:"probe_cc"`               // ISO 3166-1 alpha-2, upper case; ZZ unknown
	ProbeASN          ASN         `json:"probe_asn"`              // 0 unknown
	ProbeNetwork      string      `json:"probe_network_name,omitempty"`
	ResolverASN       ASN         `json:"resolver_asn,omitempty"`
	ResolverNetwork   string      `json:"resolver_network_name,omitempty"`
	SoftwareName      string      `json:"software_name,omitempty"`
	SoftwareVersion   string      `json:"software_version,omitempty"`
	Annotations       Annotations `json:"annotations,omitempty"`
	TestKeys          TestKeys    `json:"test_keys"`

	// Defects names the parts that did not have the type the specification
	// gives them and were left out, as paths ("test_keys.requests").
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

// Time is a UTC instant written as OONI writes it, "2006-01-02 15:04:05"; RFC
// 3339 is read too.
type Time struct{ time.Time }

// ASN is an autonomous system number, written "AS17557"; a bare number is read
// too.
type ASN uint32
