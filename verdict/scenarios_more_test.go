package verdict_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/verdict"
)

// The scenarios with parts written otherwise, as other probes, places and
// times write them: the truth stays the same.
func TestScenariosWrittenOtherwise(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	ways := map[string]func(doc, keys map[string]any){
		"elsewhere": func(doc, _ map[string]any) {
			doc["probe_asn"], doc["probe_cc"], doc["resolver_asn"] = "AS64777", "ZZ", "AS64777"
		},
		"no networks of addresses": func(doc, k map[string]any) {
			remove(doc, "asn", "as_org_name")
			if c, ok := k["control"].(map[string]any); ok {
				delete(c, "ip_info")
			}
		},
		"no conclusions": func(_, k map[string]any) {
			for name := range k {
				if strings.HasPrefix(name, "x_") || strings.HasSuffix(name, "_match") || slices.Contains([]string{"blocking", "accessible", "dns_consistency", "body_proportion"}, name) {
					delete(k, name)
				}
			}
		},
		"header lists only": func(_, k map[string]any) {
			for _, r := range listOf(k, "requests") {
				delete(r["response"].(map[string]any), "headers")
			}
		},
		"header maps only": func(_, k map[string]any) {
			for _, r := range listOf(k, "requests") {
				delete(r["response"].(map[string]any), "headers_list")
			}
		},
		"no certificates": func(_, k map[string]any) { remove(k, "peer_certificates") },
		"shuffled":        func(_, k map[string]any) { shuffle(rng, k, "web_connectivity") },
		"numbered afresh": func(_, k map[string]any) { renumber(k, map[float64]float64{}) },
		"no doh":          func(_, k map[string]any) { onlyEngines(k, "getaddrinfo", "system") },
		"no beginnings":   func(doc, _ map[string]any) { remove(doc, "t0", "quic_handshakes", "x_dns_duplicate_responses") },
	}
	weaker := map[string]bool{"no certificates": true, "no doh": true, "no networks of addresses": true}
	n, weak := 0, map[string]int{}
	eachScenario(t, func(name, path string, truth scenario) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for way, edit := range ways {
			var doc map[string]any
			if err := json.Unmarshal(raw, &doc); err != nil {
				t.Fatal(err)
			}
			edit(doc, doc["test_keys"].(map[string]any))
			v, ok := judgeLoose(t, encode(doc))
			n++
			fault := truth.fits(v)
			accused := truth.truth != "blocked" && (v.State == verdict.Blocked || v.State == verdict.LikelyBlocked)
			switch {
			case !ok:
				t.Errorf("%s, %s: not read", name, way)
			case accused || fault != "" && !weaker[way]:
				t.Errorf("%s, %s: %s %v by %v: %s", name, way, v.State, v.Mechanisms, v.Rules, fault)
			case fault != "":
				weak[way]++
				t.Logf("weaker: %s, %s: %s by %v: %s", name, way, v.State, v.Rules, fault)
			}
		}
	})
	t.Logf("%d judged; weaker where parts are missing: %v", n, weak)
}

// renumber gives the transactions other numbers.
func renumber(v any, given map[float64]float64) {
	switch v := v.(type) {
	case map[string]any:
		if old, ok := v["transaction_id"].(float64); ok {
			if given[old] == 0 {
				given[old] = float64(1 + len(given))
			}
			v["transaction_id"] = given[old]
		}
		for _, x := range v {
			renumber(x, given)
		}
	case []any:
		for _, x := range v {
			renumber(x, given)
		}
	}
}

// onlyEngines keeps the lookups of some resolvers.
func onlyEngines(keys map[string]any, engines ...string) {
	var kept []any
	for _, q := range listOf(keys, "queries") {
		if e, _ := q["engine"].(string); slices.Contains(engines, e) || e == "" {
			kept = append(kept, q)
		}
	}
	keys["queries"] = kept
}
