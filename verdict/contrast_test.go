package verdict

import (
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/observation"
)

// The trigger is named only where contrasts leave nothing else; they never
// make a block of what is none.
func TestNameTriggers(t *testing.T) {
	row := func(tls observation.Result, contrasts ...string) observation.Row {
		return observation.Row{
			UID: "u", Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC), CC: "ZZ", ASN: 64512, TestName: "web_connectivity",
			Input: "https://x.example/", Target: "x.example", Name: "x.example", IP: "104.16.0.1", Port: 443, Transport: "tcp",
			DNS: observation.Done, DNSEngines: []string{"getaddrinfo"}, TCP: observation.Done, TLS: tls, ServerName: "x.example",
			ControlState: observation.Done, ControlDNS: observation.Done, ControlAddrs: []string{"104.16.0.1"}, ControlTCP: observation.Done,
			ControlTLS: observation.Done, ControlHTTP: observation.Done, ControlStatus: 200, Contrasts: contrasts,
		}
	}
	for _, c := range []struct {
		name      string
		row       observation.Row
		mechanism string
	}{
		{"no contrast", row("connection_reset"), "tls.reset"},
		{"another name is answered", row("connection_reset", "sni_contrast tls ok"), "tls.reset.sni"},
		{"another name gets an alert", row("generic_timeout_error", "sni_contrast tls ssl_failed_handshake"), "tls.timeout.sni"},
		{"another name fails as well", row("connection_reset", "sni_contrast tls connection_reset"), "tls.reset"},
		{"the name fails elsewhere", row("connection_reset", "innocent_baseline tls ok", "innocent_server tls connection_reset"), "tls.reset.sni"},
		{"it fails otherwise elsewhere", row("connection_reset", "innocent_baseline tls ok", "innocent_server tls ssl_failed_handshake"), "tls.reset"},
		{"elsewhere is dead", row("connection_reset", "innocent_baseline tls connection_reset", "innocent_server tls connection_reset"), "tls.reset"},
	} {
		got := Judge([]observation.Row{c.row})
		if !slices.Contains(got.Mechanisms, c.mechanism) {
			t.Errorf("%s: %v (%s), want %s", c.name, got.Mechanisms, got.State, c.mechanism)
		}
	}
	if got := Judge([]observation.Row{row(observation.Done, "sni_contrast tls connection_reset", "innocent_server tls connection_reset")}); got.State == Blocked || got.State == LikelyBlocked {
		t.Errorf("failing contrasts alone made %s", got.State)
	}
}
