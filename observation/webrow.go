package observation

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/measurement"
)

// FromWeb turns a row of OONI's table of observations (obs_web), in its older and
// newer columns, into a Row. get returns the text of a column, "" where it is
// absent or null. The table has neither the control's view nor the chain of
// certificates: ControlState is Unrecorded, and Cert says only whether name and
// dates fit. Columns with conclusions (probe_analysis, tls_is_certificate_valid)
// are not read. A row without a readable measurement_start_time is an error.
//
// Rows with the same measurement_uid are one measurement; Number orders them.
func FromWeb(get func(column string) string, o Options) (Row, error) {
	at, err := measurement.ColumnTime(get("measurement_start_time"))
	if err != nil {
		return Row{}, fmt.Errorf("read obs_web row: measurement_start_time: %w", err)
	}
	r := Row{
		UID: get("measurement_uid"), ReportID: get("report_id"), Time: at,
		ASN: asn(get("probe_asn")), ResolverASN: asn(get("resolver_asn")),
		TestName: get("test_name"), TestVersion: get("test_version"), Software: get("software_name"),
		Platform: get("platform"), NetworkType: get("network_type"), Engine: get("engine_version"), Input: get("input"),
		Name: CanonicalName(get("hostname")), IP: canonicalIP(get("ip")), Port: uint16(min(whole32(get("port")), math.MaxUint16)),
		IPASN: asn(get("ip_asn")), ControlState: Unrecorded,
	}
	if r.UID == "" && r.ReportID == "" {
		return Row{}, errors.New("read obs_web row: neither measurement_uid nor report_id says which measurement it is of")
	}
	if r.TestName == "" {
		r.TestName = "web_connectivity"
	}
	if r.CC, err = measurement.ColumnCountry(get("probe_cc")); err != nil {
		r.CC = "ZZ"
	}
	if v := get("software_version"); v != "" {
		r.Software += "/" + v
	}
	if r.NetworkType == "unknown" {
		r.NetworkType = ""
	}
	r.Literal = isAddr(r.Name)
	if host := HostOf(r.Input); host != "" && host != r.Name && r.Name != "" {
		r.Hop = 1 // after a redirect; the table does not say which
	}
	r.webSteps(get)
	r.webTarget(o)
	defects := o.Defects
	if defects == nil {
		defects = defect.Embedded()
	}
	r.FindDefects(defects)
	set := o.Fingerprints
	if set == nil {
		set = fingerprint.Embedded()
	}
	r.FingerprintSet = set.ID()
	if r.Location != "" {
		r.HeaderLines = append(r.HeaderLines, "location: "+r.Location)
	}
	if r.Server != "" {
		r.HeaderLines = append(r.HeaderLines, "server: "+r.Server)
	}
	if r.Verified() {
		r.HeaderLines = nil
	}
	r.Fingerprints = MatchRow(&r, "", set)
	return r, nil
}

func (r *Row) webTarget(o Options) {
	host := HostOf(r.Input)
	if host == "" {
		host = r.Name
	}
	if o.Target != nil {
		r.Target = o.Target(host, r.TestName, r.Time)
	}
	if r.Target == "" {
		r.Target = host
	}
	if r.Target == "" {
		r.Target = r.TestName
	}
}

func (r *Row) webSteps(get func(string) string) {
	if engine := get("dns_engine"); engine != "" || get("dns_failure") != "" {
		if engine == "" {
			engine = "system"
		}
		if addr := get("dns_engine_resolver_address"); addr != "" && engine != "system" && engine != "getaddrinfo" {
			engine += " " + addr
		}
		r.DNSEngines, r.DNSType = []string{engine}, get("dns_query_type")
		r.DNS = webResult(get("dns_failure"))
		if r.DNS == Done && r.IP == "" {
			answer := get("dns_answer")
			if r.IP = canonicalIP(answer); r.IP == "" {
				r.DNS = "dns_no_answer"
				if hostLike(answer) {
					r.CNAMEs = []string{CanonicalName(answer)}
				}
			}
		}
		if r.DNS.Failed() {
			r.IP = ""
		}
	}
	if f := get("tcp_failure"); f != "" || measurement.ColumnTruth(get("tcp_success")) {
		r.TCP = webResult(f)
	}
	if f := get("tls_failure"); f != "" || measurement.ColumnTruth(get("tls_success")) {
		r.TLS = webResult(f)
		r.TLSSeconds, _ = strconv.ParseFloat(get("tls_handshake_time"), 64)
		r.TLSVersion, r.ServerName = get("tls_version"), CanonicalName(get("tls_server_name"))
		r.ReadBytes, r.ReadCount = int64(whole32(get("tls_handshake_read_bytes"))), whole32(get("tls_handshake_read_count"))
		r.WroteBytes = int64(whole32(get("tls_handshake_write_bytes")))
		r.CertSubject, r.CertIssuer = get("tls_end_entity_certificate_subject"), get("tls_end_entity_certificate_issuer")
		r.CertSHA256 = get("tls_end_entity_certificate_fingerprint")
		r.Cert = r.webCert(get)
	}
	if url := get("http_request_url"); url != "" {
		r.URL, r.HTTP = url, webResult(get("http_failure"))
		to := placeOf(url)
		if r.Port == 0 {
			r.Port = to.port
		}
		r.HTTPSeconds, _ = strconv.ParseFloat(get("http_runtime"), 64)
		r.Status = uint16(min(whole32(get("http_response_status_code")), 999))
		r.BodyBytes, r.BodyTruncated = int64(whole32(get("http_response_body_length"))), measurement.ColumnTruth(get("http_response_body_is_truncated"))
		r.Location, r.Server = get("http_response_header_location"), get("http_response_header_server")
	}
	if r.TCP.Tried() || r.TLS.Tried() || r.HTTP.Tried() {
		r.Transport = "tcp"
		if n := get("http_network"); n == "udp" || n == "quic" {
			r.Transport = "quic"
		}
	}
}

// webCert checks what the table keeps of a certificate.
func (r *Row) webCert(get func(string) string) string {
	if r.CertSubject == "" {
		return ""
	}
	after, errAfter := measurement.ColumnTime(get("tls_end_entity_certificate_not_valid_after"))
	before, errBefore := measurement.ColumnTime(get("tls_end_entity_certificate_not_valid_before"))
	name := r.ServerName
	if name == "" {
		name = r.Name
	}
	switch names := measurement.ColumnList(get("tls_end_entity_certificate_san_list")); {
	case len(names) == 0 && r.TLS.Failed() && !hostLike(commonName(r.CertSubject)):
		return CertOtherAuthority
	case r.CertSubject == r.CertIssuer:
		return CertSelfSigned
	case len(names) > 0 && !anyFits(names, name):
		return CertWrongName
	case errBefore == nil && r.Time.Before(before):
		return CertNotYetValid
	case errAfter == nil && r.Time.After(after):
		return CertExpired
	}
	return CertUnknownAuthority
}

// commonName returns the CN of "CN=R3,O=Let's Encrypt,C=US", "" where there is
// none.
func commonName(subject string) string {
	for part := range strings.SplitSeq(subject, ",") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return name
		}
	}
	return ""
}

func anyFits(patterns []string, name string) bool {
	for _, p := range patterns {
		if strings.EqualFold(p, name) || wildcard(p, name) {
			return true
		}
	}
	return false
}

func webResult(failure string) Result {
	if failure == "" {
		return Done
	}
	if r, ok := failureOf(failure); ok {
		return r
	}
	return Result(failure)
}

// asn reads the number of a network; what is none is 0, not known.
func asn(s string) uint32 {
	n, _ := measurement.ColumnNetwork(s)
	return n
}

// whole32 reads a number that may be written as "443.0".
func whole32(s string) uint32 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f > math.MaxUint32 {
		return 0
	}
	return uint32(f)
}

// Number puts the rows of one measurement in order and numbers them, as Observe
// does.
func Number(rows []Row) {
	b := &builder{rows: rows}
	b.finish()
}
