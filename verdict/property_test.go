package verdict_test

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// strength orders the states by what they say against the network.
func strength(s verdict.State) int {
	return slices.Index([]verdict.State{verdict.Insufficient, verdict.OK, verdict.Down, verdict.Impaired, verdict.LikelyBlocked, verdict.Blocked}, s)
}

// eachSpecimen runs a law on every measurement of the corpus.
func eachSpecimen(t *testing.T, law func(t *testing.T, s specimen, before verdict.Row)) {
	for _, s := range readCorpus(t) {
		before := verdict.Judge(observe(t, s.line))
		law(t, s, before)
		if t.Failed() {
			return
		}
	}
}

// change decodes a measurement, changes it and judges it again.
func change(t *testing.T, s specimen, edit func(doc, keys map[string]any)) verdict.Row {
	var doc map[string]any
	if err := json.Unmarshal(s.line, &doc); err != nil {
		t.Fatal(err)
	}
	edit(doc, doc["test_keys"].(map[string]any))
	return verdict.Judge(observe(t, encode(doc)))
}

func TestRemovingTheControlNeverRaisesTheStrength(t *testing.T) {
	ways := map[string]func(doc, keys map[string]any){
		"no control":     func(_, k map[string]any) { delete(k, "control") },
		"control failed": func(_, k map[string]any) { delete(k, "control"); k["control_failure"] = "connection_reset" },
		"no view of the page": func(_, k map[string]any) {
			if c, ok := k["control"].(map[string]any); ok {
				delete(c, "http_request")
			}
		},
	}
	eachSpecimen(t, func(t *testing.T, s specimen, before verdict.Row) {
		if before.TestName != "web_connectivity" {
			return
		}
		for name, edit := range ways {
			after := change(t, s, edit)
			if strength(after.State) > strength(before.State) && !(name == "no view of the page" && strength(after.State) <= strength(verdict.Impaired)) {
				t.Errorf("%s: %s makes %s of %s; rules %v", s.id, name, after.State, before.State, after.Rules)
			}
		}
	})
}

func TestAnUnrelatedEndpointChangesNothing(t *testing.T) {
	extra := map[string]any{"ip": "192.0.2.200", "port": 8443, "status": map[string]any{"failure": nil, "success": true}, "t": 0.5, "transaction_id": 99999}
	eachSpecimen(t, func(t *testing.T, s specimen, before verdict.Row) {
		if before.TestName != "web_connectivity" {
			return
		}
		after := change(t, s, func(_, k map[string]any) {
			with(k, "queries", map[string]any{"answers": []any{map[string]any{"answer_type": "A", "ipv4": "192.0.2.200"}}, "engine": "system", "failure": nil,
				"hostname": "unrelated.invalid", "query_type": "A", "resolver_address": "", "t": 0.5})
			with(k, "tcp_connect", extra)
		})
		if after.State != before.State || !slices.Equal(after.Mechanisms, before.Mechanisms) {
			t.Errorf("%s: %s %v, with an unrelated endpoint %s %v; rules %v, before %v", s.id, before.State, before.Mechanisms, after.State, after.Mechanisms, after.Rules, before.Rules)
		}
	})
}

func TestShufflingChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	eachSpecimen(t, func(t *testing.T, s specimen, before verdict.Row) {
		after := change(t, s, func(_, k map[string]any) { shuffle(rng, k, before.TestName) })
		if !reflect.DeepEqual(after, before) {
			t.Errorf("%s: shuffled\n%+v\nwas\n%+v", s.id, after, before)
		}
		rows := observe(t, s.line)
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		if after := verdict.Judge(rows); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: rows shuffled\n%+v\nwas\n%+v", s.id, after, before)
		}
	})
}

// shuffle shuffles every list whose order means nothing: all but the
// certificates of a chain, the pairs of header lists, and old probes' requests,
// of which the order is all that tells the redirects apart.
func shuffle(rng *rand.Rand, v any, test string) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if name == "peer_certificates" || name == "headers_list" || name == "requests" && test == "web_connectivity" {
				continue
			}
			shuffle(rng, x, test)
		}
	case []any:
		rng.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
		for _, x := range v {
			shuffle(rng, x, test)
		}
	}
}

func TestRenamingTheHostChangesNothing(t *testing.T) {
	eachSpecimen(t, func(t *testing.T, s specimen, before verdict.Row) {
		host := observation.HostOf(before.Input)
		if host == "" || net.ParseIP(host) != nil {
			return
		}
		text := string(s.line)
		if strings.Contains(text, "peer_certificates\":[{") { // they would not fit the new name
			text = string(strip(t, s.line))
			before = verdict.Judge(observe(t, []byte(text)))
		}
		const other = "shop.elsewhere.example"
		if u, err := url.Parse(before.Input); err == nil { // as people write it: in capitals, in their own letters
			text = strings.ReplaceAll(text, u.Hostname(), other)
		}
		after := verdict.Judge(observe(t, []byte(strings.ReplaceAll(text, host, other))))
		if after.State != before.State || !slices.Equal(after.Mechanisms, before.Mechanisms) || !slices.Equal(after.Rules, before.Rules) {
			t.Errorf("%s: %s %v, under another name %s %v; rules %v, before %v", s.id, before.State, before.Mechanisms, after.State, after.Mechanisms, after.Rules, before.Rules)
		}
	})
}

// strip takes the certificates away, as collectors of some time did.
func strip(t *testing.T, line []byte) []byte {
	var doc map[string]any
	if err := json.Unmarshal(line, &doc); err != nil {
		t.Fatal(err)
	}
	for _, h := range listOf(doc["test_keys"].(map[string]any), "tls_handshakes") {
		h["peer_certificates"] = nil
	}
	return encode(doc)
}

// What a submitter concludes, and what he says of his own address, counts for
// nothing.
func TestForgedConclusionsChangeNothing(t *testing.T) {
	forged := []map[string]any{
		{"blocking": "dns", "accessible": false},
		{"blocking": false, "accessible": true, "dns_consistency": "consistent"},
		{"x_blocking_flags": 63, "body_length_match": false, "headers_match": false, "title_match": false, "body_proportion": 0.01},
		{"telegram_tcp_blocking": true, "telegram_web_status": "blocked", "whatsapp_endpoints_status": "blocked", "signal_backend_status": "blocked",
			"facebook_tcp_blocking": true, "registration_server_status": "blocked"},
	}
	eachSpecimen(t, func(t *testing.T, s specimen, before verdict.Row) {
		for _, lies := range forged {
			after := change(t, s, func(doc, k map[string]any) {
				for name, value := range lies {
					k[name] = value
				}
				for _, h := range listOf(k, "tls_handshakes") {
					h["tls_is_certificate_valid"] = false
				}
				for _, c := range listOf(k, "tcp_connect") {
					c["status"].(map[string]any)["blocked"] = true
				}
				doc["probe_ip"] = "192.0.2.99"
			})
			if !reflect.DeepEqual(after, before) {
				t.Errorf("%s: with %v\n%+v\nwas\n%+v", s.id, lies, after, before)
			}
		}
	})
}

// A network with NAT64 wraps the addresses of the Internet it translates to:
// they are the same addresses.
func TestAddressesBehindNAT64(t *testing.T) {
	wrapped := rows(plain(func(r *row) { r.ControlTCP = "" }))
	wrapped[0].IP = "64:ff9b::c633:6401"
	if v := verdict.Judge(wrapped); v.DNS.Rule != "dns_vouched" || v.State != verdict.OK {
		t.Errorf("%s by %v", v.State, v.Rules)
	}
	wrapped[0].IP = "64:ff9b::a0a:2223" // 10.10.34.35
	if v := verdict.Judge(wrapped); !slices.Contains(v.Mechanisms, "dns.injection.bogon") {
		t.Errorf("%s %v by %v", v.State, v.Mechanisms, v.Rules)
	}
}

// Nothing is ok that nobody vouches for: without a control and without a
// handshake, no measurement of a page is.
func TestNothingVouchesNothingIsOK(t *testing.T) {
	eachSpecimen(t, func(t *testing.T, s specimen, before verdict.Row) {
		if before.TestName != "web_connectivity" || strings.HasPrefix(before.Input, "https") || before.State != verdict.OK {
			return
		}
		after := change(t, s, func(_, k map[string]any) {
			delete(k, "control")
			for _, r := range listOf(k, "requests") {
				if u, _ := r["request"].(map[string]any)["url"].(string); strings.HasPrefix(u, "https") {
					return // a page over TLS vouches for itself
				}
			}
			delete(k, "tls_handshakes")
		})
		if after.State == verdict.OK && !slices.Contains(after.Rules, "http_page_verified") && !slices.Contains(after.Rules, "http_server_side") {
			t.Errorf("%s is ok by %v", s.id, after.Rules)
		}
	})
}

// Parts that some probes never wrote may cost a verdict its strength; they
// never make an accusation of what is none.
func TestMissingPartsNeverAccuse(t *testing.T) {
	for i, parts := range [][]string{
		{"transaction_id"}, {"transaction_id", "tags"}, {"asn"}, {"ip_info"}, {"tls_handshake"}, {"t0", "t"}, {"no_tls_verify"}, {"cipher_suite", "tls_version"},
		{"engine", "resolver_address"}, {"network_events"}, {"annotations"}, {"software_name", "software_version"},
	} {
		nth := 0
		eachSpecimen(t, func(t *testing.T, s specimen, before verdict.Row) {
			if nth++; (nth+i)%3 != 0 && os.Getenv("BANDISH_LONG") == "" { // each has its turn
				return
			}
			if strings.HasPrefix(s.truth.truth, "blocked") || strings.HasPrefix(s.id, "far_and_slow") && slices.Contains(parts, "t") {
				return // the times are all that tells of the distance
			}
			if strings.HasPrefix(s.id, "notice_only_by_udp") && slices.Contains(parts, "engine") {
				return // and the engine all that tells whose resolver lied
			}
			after := change(t, s, func(doc, _ map[string]any) { remove(doc, parts...) })
			if after.State == verdict.Blocked || after.State == verdict.LikelyBlocked {
				t.Errorf("%s without %v: %s %v by %v", s.id, parts, after.State, after.Mechanisms, after.Rules)
			}
		})
	}
}

// remove deletes keys wherever they stand.
func remove(v any, keys ...string) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range keys {
			delete(v, k)
		}
		for _, x := range v {
			remove(x, keys...)
		}
	case []any:
		for _, x := range v {
			remove(x, keys...)
		}
	}
}
