package verdict_test

import (
	"fmt"
	"testing"

	"github.com/bandish/bandish/verdict"
)

// What our probe's handshake with a server of WireGuard comes to.
func TestWireGuard(t *testing.T) {
	for _, c := range []struct {
		keys  string
		state verdict.State
		rule  string
	}{
		{`"success":true,"failure":null,"bootstrap_time":0.2`, verdict.OK, "tunnel_works"},
		{`"success":false,"failure":"generic_timeout_error"`, verdict.Insufficient, "wireguard_silent"},
		{`"success":false,"failure":"connection_refused"`, verdict.Impaired, "tunnel_failed"},
		{`"success":false`, verdict.Insufficient, "wireguard_silent"},
		{`"failure":null`, verdict.Insufficient, ""},
	} {
		doc := fmt.Sprintf(`{"test_name":"wireguard","test_version":"0.1.0","software_name":"bandish","measurement_start_time":"2024-02-17 10:00:00",
			"probe_cc":"ZZ","probe_asn":"AS64512","input":"wireguard://198.51.100.7:51820","test_keys":{%s}}`, c.keys)
		rows := observe(t, []byte(doc))
		v := verdict.Judge(rows)
		if v.State != c.state || c.rule != "" && (len(v.Rules) != 1 || v.Rules[0] != c.rule) {
			t.Errorf("%s: %s by %v", c.keys, v.State, v.Rules)
		}
		if c.rule != "" && (rows[0].IP != "198.51.100.7" || rows[0].Port != 51820 || rows[0].Transport != "udp" || rows[0].TunnelKind != "wireguard") {
			t.Errorf("%s: %+v", c.keys, rows[0])
		}
	}
}
