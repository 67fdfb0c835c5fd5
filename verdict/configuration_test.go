package verdict_test

import (
	"encoding/json"
	"testing"

	"github.com/bandish/bandish/verdict"
)

// Tests to which the collector gave no configuration say nothing; those that
// began, or that the network cut off from the collector, are not among them.
func TestWithoutConfiguration(t *testing.T) {
	for _, c := range []struct {
		name    string
		keys    keys
		state   verdict.State
		invalid string
	}{
		{"refused by the collector", keys{"failure": "unknown_failure: httpx: request failed", "failed_operation": "top_level", "bootstrap_time": 0, "max_runtime": 300}, verdict.Insufficient, "no_configuration"},
		{"an older engine's word", keys{"failure": "psiphon configuration is not available", "bootstrap_time": 0}, verdict.Insufficient, "no_configuration"},
		{"the collector was not reached", keys{"failure": "generic_timeout_error", "failed_operation": "top_level", "bootstrap_time": 0}, verdict.Impaired, ""},
		{"the tunnel did not come up", keys{"failure": "unknown_failure: tunnel: not started", "bootstrap_time": 0}, verdict.Impaired, ""},
		{"it works", keys{"failure": nil, "bootstrap_time": 4.5}, verdict.OK, ""},
	} {
		line, err := json.Marshal(app("psiphon", "0.6.0", c.keys))
		if err != nil {
			t.Fatal(err)
		}
		if r := verdict.Judge(observe(t, line)); r.State != c.state || r.Invalid != c.invalid {
			t.Errorf("%s: %s %q, want %s %q", c.name, r.State, r.Invalid, c.state, c.invalid)
		}
	}
}
