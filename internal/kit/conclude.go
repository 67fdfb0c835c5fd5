package kit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// judge is the verdict engine, set up for the kit.
type judge struct {
	options observation.Options
}

// newJudge judges with the platforms of the registry.
func newJudge(registry *target.Registry) judge {
	return judge{observation.Options{Verifier: observation.NewVerifier(), Target: registry.Of}}
}

// conclude observes and judges a measurement. If nothing can be observed, the state is
// insufficient.
func (j judge) conclude(m *measurement.Measurement) (verdict.Row, error) {
	seen := observation.Observe(m, j.options)
	if len(seen.Rows) == 0 {
		return verdict.Row{State: verdict.Insufficient}, nil
	}
	return verdict.Judge(seen.Rows), nil
}

// exitCode is what a verdict means to a script.
func exitCode(v verdict.Row) int {
	switch {
	case v.Invalid != "":
		return ExitUnclear
	case v.State == verdict.OK:
		return 0
	case v.State == verdict.Blocked, v.State == verdict.LikelyBlocked:
		return ExitBlocked
	case v.State == verdict.Down:
		return ExitDown
	}
	return ExitUnclear
}

// sentence puts a verdict into words.
func sentence(m *measurement.Measurement, v verdict.Row, place string) string {
	what := cmp.Or(string(m.Input), m.TestName)
	if m.TestName == "wireguard" {
		return wireGuardSentence(m, what)
	}
	switch exitCode(v) {
	case 0:
		return fmt.Sprintf("%s is reachable from here (%s).", what, place)
	case ExitBlocked:
		likely := ""
		if v.State == verdict.LikelyBlocked {
			likely = "likely "
		}
		return fmt.Sprintf("%s is %sblocked here (%s): %s.", what, likely, place, mechanism(v))
	case ExitDown:
		return fmt.Sprintf("%s is down: it cannot be reached from elsewhere either.", what)
	}
	if v.Invalid != "" {
		return fmt.Sprintf("%s: nothing can be concluded: %s.", what, strings.ReplaceAll(v.Invalid, "_", " "))
	}
	return fmt.Sprintf("%s: unclear (%s). Something may be wrong, or there was no control to compare with.", what, v.State)
}

// wireGuardSentence says what a handshake with a WireGuard server showed. Silence has more
// reasons than an ordinary sentence has room for.
func wireGuardSentence(m *measurement.Measurement, what string) string {
	if m.TestKeys.Success != nil && *m.TestKeys.Success {
		return what + " answers the handshake."
	}
	return fmt.Sprintf("%s: %s. A server answers only who it knows, so that this may be a block, or a key that it does not know.", what, failureWords(string(m.TestKeys.Failure)))
}

// words puts mechanisms into words. The longest id that begins a mechanism counts.
var words = []struct{ id, text string }{
	{"dns.injection", "the name is answered with addresses that are not its own"},
	{"dns.nxdomain", "the resolver says that the name does not exist"},
	{"dns.refused", "the resolver refuses the name"},
	{"dns.timeout", "the resolver does not answer for the name"},
	{"dns", "the name cannot be looked up here"},
	{"tcp.reset", "connections to its addresses are reset"},
	{"tcp.timeout", "connections to its addresses are dropped"},
	{"tcp.refused", "connections to its addresses are refused"},
	{"tcp", "its addresses cannot be connected to"},
	{"tls.reset", "the TLS handshake is reset"},
	{"tls.timeout", "the TLS handshake is dropped"},
	{"tls.mitm", "somebody else's certificate is put in the way"},
	{"tls.throttle", "the connection is slowed down"},
	{"tls", "the TLS handshake is broken off"},
	{"http.blockpage", "a block page is shown instead"},
	{"http.redirect", "the request is sent to another site"},
	{"http.reset", "the connection is reset after the request"},
	{"http.timeout", "the request gets no answer"},
	{"http.throttle", "the page is slowed down"},
	{"http", "the page cannot be loaded"},
	{"quic", "QUIC is blocked"},
}

func mechanism(v verdict.Row) string {
	var out []string
	for _, m := range v.Mechanisms {
		text := m
		for _, w := range words {
			if m == w.id || strings.HasPrefix(m, w.id+".") {
				text = w.text + " [" + m + "]"
				break
			}
		}
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return "rules " + strings.Join(v.Rules, ", ")
	}
	return strings.Join(out, "; ")
}

// blocking writes a verdict in the fields of OONI's format, for tools that read them.
func blocking(v verdict.Row) (blocking, accessible any) {
	switch exitCode(v) {
	case 0:
		return false, true
	case ExitDown:
		return false, false
	case ExitUnclear:
		return nil, nil
	}
	first := ""
	if len(v.Mechanisms) > 0 {
		first = v.Mechanisms[0]
	}
	switch {
	case strings.HasPrefix(first, "dns"):
		return "dns", false
	case strings.HasPrefix(first, "tcp"), strings.HasPrefix(first, "ip."):
		return "tcp_ip", false
	case first == "http.blockpage", first == "http.redirect":
		return "http-diff", false
	}
	return "http-failure", false
}

// triggers says which contrasts of a measurement worked and which did not: facts side by
// side, for a person to read.
func triggers(m *measurement.Measurement) []string {
	outcome := func(list []measurement.TLSHandshake, tag string) (string, bool) {
		for _, h := range list {
			if slices.Contains(h.Tags, tag) {
				if h.Failure == "" || h.Failure == "ssl_failed_handshake" {
					return "answered", true
				}
				return failureWords(string(h.Failure)), true
			}
		}
		return "", false
	}
	var out []string
	for _, c := range []struct{ tag, text string }{
		{"sni_contrast", "another name at the same address"}, {"no_sni", "no name at the same address"},
		{"innocent_baseline", "an ordinary server with its own name"}, {"innocent_server", "this name at that ordinary server"},
		{"tls12", "this name over TLS 1.2"}, {"tls13", "this name over TLS 1.3"}, {"ech", "this name hidden by ECH"},
		{"repeat", "the same once more"},
	} {
		if s, ok := outcome(m.TestKeys.TLSHandshakes, c.tag); ok {
			out = append(out, c.text+": "+s)
		}
	}
	if s, ok := outcome(m.TestKeys.QUIC, "quic_contrast"); ok {
		out = append(out, "another name over QUIC at the same address: "+s)
	}
	return out
}
