package observation

import (
	"strings"

	"github.com/bandish/bandish/measurement"
)

// result turns a failure string into a result. Names of old probes and of the
// control become those of df-007.
func (b *builder) result(f measurement.Failure) Result {
	if f == "" {
		return Done
	}
	if r, ok := failureOf(string(f)); ok {
		return r
	}
	return Result(b.keep(string(f)))
}

// failureOf returns the result for a failure string; false where it is not known.
func failureOf(f string) (Result, bool) {
	if r, ok := failures[f]; ok {
		return r, true
	}
	if text, ok := strings.CutPrefix(f, "unknown_failure"); ok && !strings.Contains(text, "proxyconnect") && !strings.Contains(text, "socks") {
		for i := range systemErrors {
			if strings.Contains(text, systemErrors[i].text) {
				return systemErrors[i].result, true
			}
		}
	}
	return "", false
}

// failures maps the common failure strings, and their older names, to results.
var failures = map[string]Result{
	"connection_reset":             "connection_reset",
	"connection_refused":           "connection_refused",
	"connection_refused_error":     "connection_refused",
	"generic_timeout_error":        "generic_timeout_error",
	"tcp_timed_out_error":          "generic_timeout_error",
	"timeout_error":                "generic_timeout_error",
	"deferred_timeout_error":       "generic_timeout_error",
	"eof_error":                    "eof_error",
	"connection_lost_error":        "eof_error",
	"response_never_received":      "eof_error",
	"connection_done":              "eof_error",
	"connection_closed":            "connection_already_closed",
	"host_unreachable":             "host_unreachable",
	"network_unreachable":          "network_unreachable",
	"no_route_to_host_error":       "host_unreachable",
	"network_down":                 "network_down",
	"dns_nxdomain_error":           "dns_nxdomain_error",
	"dns_name_error":               "dns_nxdomain_error",
	"dns_no_answer":                "dns_no_answer",
	"dns_refused_error":            "dns_refused_error",
	"dns_server_failure":           "dns_servfail_error",
	"dns_servfail_error":           "dns_servfail_error",
	"dns_server_misbehaving":       "dns_server_misbehaving",
	"dns_lookup_error":             "dns_lookup_error",
	"android_dns_cache_no_data":    "android_dns_cache_no_data",
	"ssl_invalid_hostname":         "ssl_invalid_hostname",
	"ssl_unknown_authority":        "ssl_unknown_authority",
	"ssl_invalid_certificate":      "ssl_invalid_certificate",
	"ssl_failed_handshake":         "ssl_failed_handshake",
	"ssl_error":                    "ssl_failed_handshake",
	"unknown_error":                "unknown_error",
	"connect_error":                "connect_error",
	"network_is_unreachable_error": "network_unreachable",
}

// systemErrors are messages of systems and of Go's library that probes pass on
// after "unknown_failure" when they do not know them: messages of Android and
// Windows, and of versions before a probe had its own names (df-007). The first
// that fits counts.
var systemErrors = []struct {
	text   string
	result Result
}{
	{"No address associated with hostname", "android_dns_cache_no_data"}, // EAI_NODATA of Android's getaddrinfo
	{"no data of the requested type was found", "dns_no_answer"},         // WSANO_DATA
	{"no answer from DNS server", "dns_no_answer"},
	{"no such host", "dns_nxdomain_error"},
	{"No such host is known", "dns_nxdomain_error"}, // WSAHOST_NOT_FOUND
	{"nodename nor servname provided", "dns_nxdomain_error"},
	{"Name or service not known", "dns_nxdomain_error"},
	{"Name does not resolve", "dns_nxdomain_error"},
	{"server misbehaving", "dns_server_misbehaving"},
	{"emporary failure in name resolution", "dns_temporary_failure"},
	{"temporary error during hostname resolution", "dns_temporary_failure"}, // WSATRY_AGAIN
	{"on-recoverable failure in name resolution", "dns_non_recoverable_failure"},
	{"connection reset by peer", "connection_reset"},
	{"forcibly closed by the remote host", "connection_reset"}, // WSAECONNRESET
	{"connection refused", "connection_refused"},
	{"actively refused it", "connection_refused"}, // WSAECONNREFUSED
	{"network is unreachable", "network_unreachable"},
	{"unreachable network", "network_unreachable"}, // WSAENETUNREACH
	{"no route to host", "host_unreachable"},
	{"unreachable host", "host_unreachable"}, // WSAEHOSTUNREACH
	{"network is down", "network_down"},
	{"i/o timeout", "generic_timeout_error"},
	{"deadline exceeded", "generic_timeout_error"},
	{"operation timed out", "generic_timeout_error"},
	{"connection timed out", "generic_timeout_error"},
	{"TLS handshake timeout", "generic_timeout_error"},
	{"failed to respond", "generic_timeout_error"}, // WSAETIMEDOUT
	{"certificate signed by unknown authority", "ssl_unknown_authority"},
	{"certificate is valid for", "ssl_invalid_hostname"},
	{"certificate is not valid for any names", "ssl_invalid_hostname"},
	{"cannot validate certificate for", "ssl_invalid_hostname"},
	{"certificate has expired or is not yet valid", "ssl_invalid_certificate"},
	{"remote error: tls", "ssl_failed_handshake"},
	{"use of closed network connection", "connection_already_closed"},
}
