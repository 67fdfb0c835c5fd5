package verdict_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	"test_keys.queries[].answers[].ipv4",       // the address that the resolver gave
	"test_keys.control.dns.addrs[]",            // what the control got
	"test_keys.requests[].response.body",       // what came
	"test_keys.tls_handshakes[].failure",       // with a chain that does not prove the name
	"test_keys.tls_handshakes[].no_tls_verify", //
	"test_keys.control.dns.failure",            // that the name does not exist
	"test_keys.requests[].response.headers[]",  //
	"test_keys.tls_handshakes[].server_name",   //
	"test_keys.tls_handshakes[].peer_certificates[].data",
}

// No single forged field, besides those that are the evidence themselves,
// makes an innocent measurement blocked.
func TestOneForgedFieldDoesNotMakeBlocked(t *testing.T) {
	raised, likely := map[string]string{}, map[string]string{}
	seen := map[string]bool{}
	tried := 0
	for _, s := range readCorpus(t) {
		kind := strings.Join(strings.Split(s.id, "-")[:min(3, len(strings.Split(s.id, "-")))], "-")
		if strings.HasPrefix(s.truth.truth, "blocked") || seen[kind] || s.id != "works-0.5-https-0" && os.Getenv("BANDISH_LONG") == "" {
			continue
		}
		seen[kind] = true
		var doc any
		if err := json.Unmarshal(s.line, &doc); err != nil {
			t.Fatal(err)
		}
		eachLeaf(doc, "", func(path string, set func(any), old any) {
			for _, f := range forgeries {
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
