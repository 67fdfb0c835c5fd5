package verdict_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// forgeries are what one field is given: nothing, another type, numbers that
// no computer measures, and whatever some rule might take for interference.
var forgeries = []any{
	nil, true, false, -1, 1e18, 1e308, "", "connection_reset", "generic_timeout_error", "dns_nxdomain_error", "ssl_unknown_authority", "eof_error",
	"10.10.34.35", "127.0.0.1", "AS0", "IR", "RU", "Kaspersky", strings.Repeat("9", 400), []any{}, map[string]any{},
	"<html><title>Blocked</title><iframe src=\"http://10.10.34.35/\">",
}

// bare says a path without its indices and the addresses in it.
var index = regexp.MustCompile(`\[[^\]]*\]`)

// Facts that a submitter writes down cannot be checked: these fields, forged
// alone in a measurement in which all is well, make it blocked. It is one vote
// then, of one report. Whatever is not in this list must not.
var telling = []string{
	"test_keys.queries[].answers[].ipv4", // the address that the resolver gave
	"test_keys.queries[].answers[].ipv6",
	"test_keys.tls_handshakes[].failure", // where the stored chain proves nothing to us: the corpus's authority is unknown
}

// No single forged field, besides those that are the evidence themselves,
// makes an innocent measurement blocked.
func TestOneForgedFieldDoesNotMakeBlocked(t *testing.T) {
	raised, likely := map[string]string{}, map[string]string{}
	seen := map[string]bool{}
	tried := 0 // BANDISH_LONG=1 tries three times as many, on a fifth of the conditions
	for _, s := range readCorpus(t) {
		condition, _, _ := strings.Cut(s.id, "-")
		if strings.HasPrefix(s.truth.truth, "blocked") || seen[condition] || s.id != "works-0.5-https-0" && os.Getenv("BANDISH_LONG") == "" {
			continue
		}
		if seen[condition] = true; len(seen)%5 != 1 && s.id != "works-0.5-https-0" {
			continue // each takes seconds
		}
		var doc any
		if err := json.Unmarshal(s.line, &doc); err != nil {
			t.Fatal(err)
		}
		nth := 0
		eachLeaf(doc, "", func(path string, set func(any), old any) {
			nth++
			for i, f := range forgeries {
				if os.Getenv("BANDISH_LONG") == "" && (nth+i)%3 != 0 {
					continue
				}
				set(f)
				tried++
				v, ok := judgeLoose(t, encode(doc.(map[string]any)))
				if !ok {
					continue
				}
				where := index.ReplaceAllString(path, "[]")
				switch v.State {
				case verdict.Blocked:
					raised[where] = fmt.Sprintf("%s with %.40v by %v", s.id, f, v.Rules)
				case verdict.LikelyBlocked:
					likely[where] = fmt.Sprintf("%s with %.40v by %v", s.id, f, v.Rules)
				}
			}
			set(old)
		})
	}
	for _, where := range slices.Sorted(maps.Keys(raised)) {
		if !slices.Contains(telling, where) {
			t.Errorf("%s makes blocked of %s", where, raised[where])
		}
	}
	for where, how := range raised {
		t.Logf("blocked: %s: %s", where, how)
	}
	t.Logf("%d forgeries; blocked through %d fields, likely_blocked through %d", tried, len(raised), len(likely))
	for _, where := range slices.Sorted(maps.Keys(likely)) {
		t.Logf("likely_blocked: %s: %s", where, likely[where])
	}
}

// What is added to a measurement in which all is well, of things that others
// than the target did, accuses nobody.
func TestAddedPartsDoNotAccuse(t *testing.T) {
	read := func(i int, tags ...string) any {
		return map[string]any{"failure": nil, "operation": "read", "num_bytes": 900, "proto": "tcp", "t": 1 + float64(i)*0.4, "tags": tags, "transaction_id": 1}
	}
	var slow, transfers []any
	for i := range 60 {
		slow = append(slow, read(i))
		transfers = append(transfers, read(i, "contrast", "throttle", "throttle_target"), read(i, "contrast", "throttle", "throttle_name"))
	}
	bogon := []any{lookup("www.a.example", "10.10.34.35")}
	added := map[string]func(keys map[string]any, host, addr string){
		"slow events": func(k map[string]any, _, _ string) { k["network_events"] = slow },
		"endless events": func(k map[string]any, _, _ string) {
			k["network_events"] = []any{map[string]any{"operation": "read", "num_bytes": 1e18, "t": 1e300, "transaction_id": 1}, read(1)}
		},
		"slow transfers": func(k map[string]any, _, _ string) { k["network_events"] = transfers },
		"later answers": func(k map[string]any, _, _ string) {
			k["x_dns_duplicate_responses"], k["x_dns_late_replies"] = bogon, bogon
		},
		"flags": func(k map[string]any, _, _ string) {
			k["x_status"], k["x_null_null_flags"], k["x_blocking_flags"] = 4256, 16, 63
		},
		"failure as a whole": func(k map[string]any, _, _ string) {
			k["failure"], k["dns_experiment_failure"], k["http_experiment_failure"] = "connection_reset", "dns_nxdomain_error", "connection_reset"
		},
		"another name's certificate": func(k map[string]any, _, addr string) {
			with(k, "tls_handshakes", handshake(addr+":443", "other.example", "ssl_unknown_authority", selfSigned("other.example", time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC))))
		},
		"another name reset": func(k map[string]any, _, addr string) {
			with(k, "tls_handshakes", handshake(addr+":443", "other.example", "connection_reset", nil))
		},
		"a contrast that failed": func(k map[string]any, host, addr string) {
			h := handshake(addr+":443", host, "connection_reset", nil)
			h["tags"] = []string{"contrast", "innocent_server"}
			with(k, "tls_handshakes", h)
		},
		"another control": func(k map[string]any, _, _ string) {
			k["control_2"], k["x_control_request"] = k["control"], map[string]any{"http_request": "x"}
		},
	}
	for _, s := range readCorpus(t) {
		if !strings.HasPrefix(s.id, "works-") && !strings.HasPrefix(s.id, "captcha_https-") && !strings.HasPrefix(s.id, "expired-") {
			continue
		}
		for name, add := range added {
			after := change(t, s, func(doc, k map[string]any) {
				if c := listOf(k, "tcp_connect"); len(c) > 0 {
					u, _ := url.Parse(doc["input"].(string))
					add(k, u.Hostname(), c[0]["ip"].(string))
				}
			})
			if after.State == verdict.Blocked || after.State == verdict.LikelyBlocked {
				t.Errorf("%s with %s: %s %v by %v", s.id, name, after.State, after.Mechanisms, after.Rules)
			}
		}
	}
}

// eachLeaf visits every value of a document that is no container, and every
// container, with a way to replace it.
func eachLeaf(v any, path string, visit func(path string, set func(any), old any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			at := path + "." + k
			if strings.ContainsAny(k, ".:") { // an address
				at = path + "[" + k + "]"
			}
			old := v[k]
			visit(strings.TrimPrefix(at, "."), func(x any) { v[k] = x }, old)
			eachLeaf(old, at, visit)
		}
	case []any:
		for i, old := range v {
			at := fmt.Sprintf("%s[%d]", path, i)
			visit(strings.TrimPrefix(at, "."), func(x any) { v[i] = x }, old)
			eachLeaf(old, at, visit)
		}
	}
}

// judgeLoose judges what can be read of a document.
func judgeLoose(t *testing.T, line []byte) (verdict.Row, bool) {
	t.Helper()
	m, err := measurement.Decode(line)
	if err != nil {
		return verdict.Row{}, false
	}
	o := observation.Observe(m, observation.Options{Verifier: verifier})
	if !o.Known {
		return verdict.Row{}, false
	}
	return verdict.Judge(o.Rows), true
}
