package measurement

import (
	"encoding/json"
	"reflect"
	"testing"
)

// The steps that are not the target's own are written apart, and stand among
// the others again when they are read.
func TestContrastsAreWrittenApart(t *testing.T) {
	own, other := []string{"classic", "depth=0"}, []string{"depth=0", TagContrast, "dns_no_server"}
	m := Measurement{TestName: "web_connectivity", ProbeCC: "ZZ", TestKeys: TestKeys{
		Queries:       []Query{{Hostname: "a", T: 0.1, Tags: own}, {Hostname: "b", T: 0.2, Tags: other}, {Hostname: "c", T: 0.3, Tags: own}},
		TCPConnect:    []TCPConnect{{IP: "192.0.2.1", T: 0.1, Tags: []string{"depth=0", TagResolver}}},
		TLSHandshakes: []TLSHandshake{{ServerName: "a", T: 0.1, Tags: own}},
		Requests:      []Transaction{{T: 0.3, Tags: own}, {T: 0.2, Tags: other}},
		NetworkEvents: []NetworkEvent{{Operation: "read", T: 0.1, Tags: own}, {Operation: "write", T: 0.2, Tags: other}},
	}}
	if err := m.StartTime.UnmarshalJSON([]byte(`"2024-02-17 00:00:00"`)); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Keys struct {
			Queries, Requests []struct{ Hostname string }
			TCP               []any            `json:"tcp_connect"`
			TLS               []any            `json:"tls_handshakes"`
			Events            []any            `json:"network_events"`
			Contrasts         map[string][]any `json:"x_contrasts"`
		} `json:"test_keys"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	k, c := doc.Keys, doc.Keys.Contrasts
	if len(k.Queries) != 2 || len(k.Requests) != 1 || k.TCP == nil || len(k.TCP) != 0 || len(k.TLS) != 1 || len(k.Events) != 1 {
		t.Errorf("the target's own are %s", raw)
	}
	if len(c["queries"]) != 1 || len(c["requests"]) != 1 || len(c["tcp_connect"]) != 1 || len(c["tls_handshakes"]) != 0 || len(c["network_events"]) != 1 {
		t.Errorf("the contrasts are %v", c)
	}
	again, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"queries": {again.TestKeys.Queries, m.TestKeys.Queries}, "connects": {again.TestKeys.TCPConnect, m.TestKeys.TCPConnect},
		"requests": {again.TestKeys.Requests, m.TestKeys.Requests}, "events": {again.TestKeys.NetworkEvents, m.TestKeys.NetworkEvents},
	} {
		first, err1 := json.Marshal(pair[0])
		second, err2 := json.Marshal(pair[1])
		if err1 != nil || err2 != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%s read back: %s, were %s", name, first, second)
		}
	}
	if again.TestKeys.Contrasts != nil {
		t.Error("the contrasts stand in two places")
	}
}
