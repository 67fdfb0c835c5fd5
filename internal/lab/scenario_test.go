package lab

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// allSites are those of the table and the awkward ones.
func allSites() []Site {
	sites := Sites()
	for _, a := range Awkward() {
		sites = append(sites, a.Site)
	}
	return sites
}

// TestScenarioTable: every entry is complete, its name is its own, and its
// rules bind.
func TestScenarioTable(t *testing.T) {
	t.Parallel()
	plan, err := newPlan(allSites())
	if err != nil {
		t.Fatal(err)
	}
	all := Scenarios()
	awkward := Awkward()
	if len(awkward) < 200 {
		t.Errorf("%d awkward sites, want at least 200", len(awkward))
	}
	for _, a := range awkward {
		all = append(all, a.Scenario)
		if anyOf(a.Scenario.Truth.State, func(s string) bool { return s == "blocked" }) {
			t.Errorf("%s: an awkward site is never blocked in truth", a.Scenario.Name)
		}
	}
	states := "ok down blocked impaired insufficient not-blocked not-ok"
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.Name] || s.Name == "" || s.About == "" || strings.ContainsAny(s.Name, " .") {
			t.Errorf("%q: a name of its own and a sentence are needed", s.Name)
		}
		seen[s.Name] = true
		if !strings.HasPrefix(s.Input, "http") || !strings.HasSuffix(s.Input, "/") {
			t.Errorf("%s: input %q", s.Name, s.Input)
		}
		for state := range strings.SplitSeq(s.Truth.State, "|") {
			if !strings.Contains(states, state) || state == "" {
				t.Errorf("%s: state %q", s.Name, state)
			}
		}
		if s.Truth.Mechanism != "" && s.Truth.Class() != "blocked" && s.Truth.Layer != "quic" {
			t.Errorf("%s: a mechanism belongs to a blocked scenario; a page that comes over TCP as well is ok", s.Name)
		}
		if _, err := bind(s.Rules, plan.zone, plan.boxes); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if got, ok := FindScenario(s.Name); !ok || got.Input != s.Input {
			t.Errorf("%s: not found by its name", s.Name)
		}
	}
}

// TestScenarioReach: what the truth calls ok loads, what it calls down or
// blocked does not load as it should, and each censor strikes.
func TestScenarioReach(t *testing.T) {
	t.Parallel()
	l := start(t, allSites()...)
	var all sync.WaitGroup
	slots := make(chan struct{}, 48) // most runs only wait
	run := func(s Scenario, check func(got string, struck int)) {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			c, err := l.Client(Line{Rules: s.Rules, Delay: s.Delay, IPv6: s.IPv6})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			limit := time.Second
			if s.Truth.State == "ok" {
				limit = patience
			}
			got, struck := visit(c, l.RootCAs(), s.Input, limit), 0
			for c.Censor != nil {
				// A visit that ran out of time before the censor could
				// strike says that the machine is busy.
				if struck = sum(c.Censor.Struck()); struck > 0 || limit >= patience || !strings.HasSuffix(got, "timeout") {
					break
				}
				limit *= 3
				got = visit(c, l.RootCAs(), s.Input, limit)
			}
			check(got, struck)
		})
	}
	for _, s := range Scenarios() {
		if strings.HasPrefix(s.Name, "throttle") || strings.HasPrefix(s.Name, "quic") {
			continue // loads in the end, or by other means: TestSlow and TestQUIC
		}
		run(s, func(got string, struck int) {
			clean := strings.HasPrefix(got, "200 ") && strings.Contains(got, "page") && !strings.Contains(got, "denied")
			if clean != (s.Truth.Class() == "ok") && s.Truth.State != "not-blocked" { // which may load or not
				t.Errorf("%s: in truth %v, a visit says %q", s.Name, s.Truth, got)
			}
			if s.Rules != nil && s.Name != "ok-other" && struck == 0 {
				t.Errorf("%s: the censor did not strike", s.Name)
			}
		})
	}
	for _, a := range Awkward() {
		run(a.Scenario, func(got string, _ int) {
			loaded := strings.HasPrefix(got, "200") || strings.HasPrefix(got, "302")
			if state := a.Scenario.Truth.State; state == "ok" && !loaded || state == "down" && loaded {
				t.Errorf("%s: in truth %s, a visit says %q", a.Scenario.Name, state, got)
			}
		})
	}
	all.Wait()
}

func sum(ns []int) (total int) {
	for _, n := range ns {
		total += n
	}
	return total
}

func TestTruthMismatch(t *testing.T) {
	blocked := blocked("tls", "tls.reset")
	found := Finding{"likely_blocked", map[string]string{"tls": "blocked"}, []string{"tls.reset.sni"}}
	for _, tt := range []struct {
		name  string
		truth Truth
		found Finding
		holds bool
	}{
		{"the same", blocked, found, true},
		{"another state", blocked, Finding{"impaired", found.Layers, found.Mechanisms}, false},
		{"another layer", blocked, Finding{"blocked", map[string]string{"dns": "blocked", "tls": "ok"}, found.Mechanisms}, false},
		{"another mechanism", blocked, Finding{"blocked", found.Layers, []string{"tls.resets"}}, false},
		{"one mechanism too many", blocked, Finding{"blocked", found.Layers, []string{"tls.reset", "tls.mitm"}}, false},
		{"one that may be", Truth{State: "blocked", Mechanism: "tls.reset", Also: "http"}, Finding{"blocked", found.Layers, []string{"tls.reset", "http.timeout"}}, true},
		{"only what may be", Truth{State: "blocked", Mechanism: "tls.reset", Also: "http"}, Finding{"blocked", found.Layers, []string{"http.timeout"}}, false},
		{"an alternative", Truth{State: "impaired|blocked", Layer: "dns|tls", Mechanism: "dns|tls"}, found, true},
		{"ok, with a mechanism", Truth{State: "ok"}, Finding{"ok", nil, []string{"tls.reset"}}, false},
		{"ok, by the server's choice", Truth{State: "ok"}, Finding{"ok", nil, []string{"server_side"}}, true},
		{"ok but for a layer", Truth{State: "ok", Layer: "quic", Mechanism: "quic"}, Finding{"ok", map[string]string{"quic": "blocked"}, []string{"quic.timeout"}}, true},
		{"not blocked", Truth{State: "not-blocked"}, found, false},
		{"not ok", Truth{State: "not-ok"}, found, true},
	} {
		if got := tt.truth.Mismatch(tt.found); (got == "") != tt.holds {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}
