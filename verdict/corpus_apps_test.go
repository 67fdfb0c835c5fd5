package verdict_test

import (
	"encoding/base64"
	"fmt"
	"time"
)

// growApps makes the measurements of messengers and circumvention tools.
func growApps() []specimen {
	var all []specimen
	add := func(id, truth, mechanism, test, version string, keys map[string]any) {
		at := time.Date(2024, 2, 1+len(all)%27, 9, 0, 0, 0, time.UTC)
		doc := map[string]any{
			"annotations": map[string]any{"platform": "linux", "network_type": "mobile"}, "data_format_version": "0.2.0", "input": nil,
			"measurement_start_time": at.Format("2006-01-02 15:04:05"), "probe_asn": "AS64512", "probe_cc": "ZZ", "probe_ip": "127.0.0.1",
			"resolver_asn": "AS64512", "software_name": "ooniprobe", "software_version": "3.20.0",
			"test_name": test, "test_version": version, "test_keys": keys, "measurement_uid": id,
		}
		all = append(all, specimen{id, scenario{truth, "", mechanism}, encode(doc)})
	}
	for _, c := range []struct{ id, truth, mechanism, dc, web string }{
		{"works", "ok", "", "", ""},
		{"centres_time_out", "blocked", "tcp.timeout", "generic_timeout_error", ""},
		{"centres_refuse", "blocked", "tcp.refused", "connection_refused", ""},
		{"web_reset", "blocked", "tls.reset", "", "connection_reset"},
		{"web_times_out", "impaired", "", "", "generic_timeout_error"},
		{"nothing_answers", "impaired", "", "generic_timeout_error", "generic_timeout_error"},
	} {
		add("telegram-"+c.id, c.truth, c.mechanism, "telegram", "0.3.1", telegram(c.dc, c.web))
	}
	for _, c := range []struct{ id, truth, mechanism, chat, web, registration string }{
		{"works", "ok", "", "", "", ""},
		{"chat_times_out", "blocked", "tcp.timeout", "generic_timeout_error", "", ""},
		{"web_reset", "blocked", "tls.reset", "", "connection_reset", ""},
		{"all_reset", "blocked", "", "connection_reset", "connection_reset", "connection_reset"},
		{"all_time_out", "impaired", "", "generic_timeout_error", "generic_timeout_error", "generic_timeout_error"},
	} {
		add("whatsapp-"+c.id, c.truth, c.mechanism, "whatsapp", "0.11.1", whatsapp(c.chat, c.web, c.registration))
	}
	for _, c := range []struct{ id, truth, mechanism, failure string }{
		{"works", "ok", "", ""},
		{"reset", "blocked", "tls.reset", "connection_reset"},
		{"time_out", "impaired", "", "generic_timeout_error"},
	} {
		add("signal-"+c.id, c.truth, c.mechanism, "signal", "0.2.5", hosts(c.failure, nil,
			"chat.signal.org", "storage.signal.org", "cdn.signal.org", "cdn2.signal.org"))
	}
	start := time.Date(2024, 2, 1, 9, 0, 0, 0, time.UTC)
	add("signal-mitm", "blocked", "tls.mitm", "signal", "0.2.5", hosts("ssl_unknown_authority", selfSigned("chat.signal.org", start), "chat.signal.org"))
	add("signal-uptime_name", "ok", "", "signal", "0.2.5", with(hosts("", nil, "chat.signal.org"), "queries", lookup("uptime.signal.org", "127.0.0.1")))
	add("signal-bogon", "blocked", "dns.injection.bogon", "signal", "0.2.5", map[string]any{"queries": []any{lookup("chat.signal.org", "10.1.2.3")}})
	for _, c := range []struct{ id, truth, mechanism, failure string }{
		{"works", "ok", "", ""},
		{"time_out", "impaired", "", "generic_timeout_error"},
	} {
		add("facebook_messenger-"+c.id, c.truth, c.mechanism, "facebook_messenger", "0.2.1", messenger(c.failure))
	}
	for _, tool := range []string{"psiphon", "vanilla_tor", "torsf"} {
		add(tool+"-works", "ok", "", tool, "0.5.1", map[string]any{"failure": nil, "success": true, "bootstrap_time": 4.5})
		add(tool+"-fails", "impaired", "", tool, "0.5.1", map[string]any{"failure": "generic_timeout_error", "success": false, "bootstrap_time": 0})
	}
	add("psiphon-no_configuration", "insufficient", "", "psiphon", "0.6.0", map[string]any{"failure": "unknown_failure: httpx: request failed", "failed_operation": "top_level", "bootstrap_time": 0})
	add("vanilla_tor-old_fails", "impaired", "", "vanilla_tor", "0.1.0", map[string]any{"success": false, "timeout": 300, "tor_progress": 10})
	for _, c := range []struct{ id, truth, mechanism, authority, bridge string }{
		{"works", "ok", "", "", ""},
		{"authorities_cut", "blocked", "tcp.timeout", "generic_timeout_error", ""},
		{"all_cut", "impaired", "", "generic_timeout_error", "generic_timeout_error"},
	} {
		add("tor-"+c.id, c.truth, c.mechanism, "tor", "0.4.0", tor(c.authority, c.bridge))
	}
	for _, c := range []struct{ id, truth, failure string }{{"works", "ok", ""}, {"fails", "impaired", "generic_timeout_error"}} {
		add("openvpn-"+c.id, c.truth, "", "openvpn", "0.1.6", openvpn(c.failure))
		add("dnscheck-"+c.id, c.truth, "", "dnscheck", "0.9.2", map[string]any{"lookups": map[string]any{
			"https://dns.example/dns-query": with(map[string]any{"failure": null(c.failure)}, "tcp_connect", connect("192.0.2.53", 443, c.failure))}})
	}
	for _, c := range []struct{ id, truth, mechanism, failure string }{{"works", "ok", "", ""}, {"reset", "blocked", "tls.reset", "connection_reset"}} {
		add("echcheck-"+c.id, c.truth, c.mechanism, "echcheck", "0.1.2", map[string]any{
			"control": handshake("192.0.2.80:443", "public.example", "", nil), "target": handshake("192.0.2.80:443", "public.example", c.failure, nil)})
	}
	add("urlgetter-sni", "blocked", "tls.reset.sni", "urlgetter", "0.2.0", map[string]any{
		"tcp_connect": []any{connect("192.0.2.80", 443, "")},
		"tls_handshakes": []any{handshake("192.0.2.80:443", "wanted.example", "connection_reset", nil),
			handshake("192.0.2.80:443", "harmless.example", "", nil)}})
	add("urlgetter-works", "ok", "", "urlgetter", "0.2.0", map[string]any{
		"tcp_connect":    []any{connect("192.0.2.80", 443, "")},
		"tls_handshakes": []any{handshake("192.0.2.80:443", "wanted.example", "", nil)}})
	return all
}

func with(keys map[string]any, name string, item any) map[string]any {
	list, _ := keys[name].([]any)
	keys[name] = append(list, item)
	return keys
}

func lookup(name, addr string) map[string]any {
	return map[string]any{"answers": []any{map[string]any{"answer_type": "A", "ipv4": addr, "ttl": nil}}, "engine": "system", "failure": nil,
		"hostname": name, "query_type": "A", "resolver_address": "", "t": 0.1}
}

func connect(addr string, port int, failure string) map[string]any {
	return map[string]any{"ip": addr, "port": port, "status": map[string]any{"failure": null(failure), "success": failure == ""}, "t": 0.2}
}

func handshake(at, name, failure string, c *chain) map[string]any {
	var certs []any
	if c != nil {
		for _, der := range c.der {
			certs = append(certs, wrapped(der))
		}
	}
	return map[string]any{"network": "tcp", "address": at, "failure": null(failure), "no_tls_verify": false, "peer_certificates": certs,
		"server_name": name, "t": 0.3, "tags": nil, "tls_version": "TLSv1.3"}
}

func request(url, failure string, status int) map[string]any {
	return map[string]any{"failure": null(failure), "request": map[string]any{"url": url, "method": "GET"},
		"response": map[string]any{"body": "", "code": status, "headers": map[string]any{}}, "t": 0.4}
}

func telegram(dc, web string) map[string]any {
	keys := map[string]any{}
	for i := range 6 {
		addr := fmt.Sprintf("198.51.100.%d", 10+i)
		for _, port := range []int{80, 443} {
			with(keys, "tcp_connect", connect(addr, port, dc))
			if dc == "" {
				with(keys, "requests", request(fmt.Sprintf("http://%s:%d/", addr, port), "", 501))
			}
		}
	}
	with(keys, "queries", lookup("web.telegram.org", "203.0.113.40"))
	with(keys, "tcp_connect", connect("203.0.113.40", 443, ""))
	with(keys, "tls_handshakes", handshake("203.0.113.40:443", "web.telegram.org", web, nil))
	return keys
}

func whatsapp(chat, web, registration string) map[string]any {
	keys := map[string]any{}
	for i := range 8 {
		name, addr := fmt.Sprintf("e%d.whatsapp.net", i+1), fmt.Sprintf("198.51.100.%d", 30+i)
		with(keys, "queries", lookup(name, addr))
		for _, port := range []int{443, 5222} {
			with(keys, "tcp_connect", connect(addr, port, chat))
		}
	}
	for _, h := range [][3]string{{"web.whatsapp.com", "203.0.113.51", web}, {"v.whatsapp.net", "203.0.113.52", registration}} {
		with(keys, "queries", lookup(h[0], h[1]))
		with(keys, "tcp_connect", connect(h[1], 443, ""))
		with(keys, "tls_handshakes", handshake(h[1]+":443", h[0], h[2], nil))
	}
	return keys
}

func hosts(failure string, c *chain, names ...string) map[string]any {
	keys := map[string]any{}
	for i, name := range names {
		addr := fmt.Sprintf("203.0.113.%d", 60+i)
		with(keys, "queries", lookup(name, addr))
		with(keys, "tcp_connect", connect(addr, 443, ""))
		with(keys, "tls_handshakes", handshake(addr+":443", name, failure, c))
	}
	return keys
}

func messenger(failure string) map[string]any {
	keys := map[string]any{}
	for i, name := range []string{"b-api.facebook.com", "b-graph.facebook.com", "edge-mqtt.facebook.com", "star.c10r.facebook.com"} {
		addr := fmt.Sprintf("203.0.113.%d", 80+i)
		with(keys, "queries", lookup(name, addr))
		with(keys, "tcp_connect", connect(addr, 443, failure))
	}
	return keys
}

func tor(authority, bridge string) map[string]any {
	targets := map[string]any{}
	for i := range 8 {
		addr := fmt.Sprintf("198.51.100.%d", 70+i)
		targets[addr+":9001"] = map[string]any{"failure": null(authority), "target_address": addr + ":9001", "target_protocol": "or_port_dirauth",
			"tcp_connect": []any{connect(addr, 9001, authority)}}
	}
	for i := range 4 {
		addr := fmt.Sprintf("203.0.113.%d", 90+i)
		targets[fmt.Sprintf("bridge%d", i)] = map[string]any{"failure": null(bridge), "target_address": addr + ":443", "target_protocol": "obfs4",
			"tcp_connect": []any{connect(addr, 443, bridge)}}
	}
	return map[string]any{"targets": targets}
}

func openvpn(failure string) map[string]any {
	keys := map[string]any{"success": failure == ""}
	for i := range 3 {
		addr := fmt.Sprintf("198.51.100.%d", 90+i)
		with(keys, "tcp_connect", connect(addr, 1194, ""))
		with(keys, "openvpn_handshake", map[string]any{"failure": null(failure), "ip": addr, "port": 1194, "transport": "tcp", "provider": "example",
			"endpoint": "openvpn://" + addr + ":1194/tcp", "t": 1.5})
	}
	return keys
}

func wrapped(der []byte) map[string]any {
	return map[string]any{"data": base64.StdEncoding.EncodeToString(der), "format": "base64"}
}
