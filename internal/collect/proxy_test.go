package collect

import (
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// thisMachine is a proxy on this machine.
var thisMachine = Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Only a proxy says who a client is, and of what it says only the last hop
// that is none of the proxies; whatever is in doubt is the connection's.
func TestClientBehindAProxy(t *testing.T) {
	ours, err := ParseProxies("127.0.0.1, ::1,10.1.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	type headers map[string][]string
	for _, c := range []struct {
		name    string
		proxies Proxies
		remote  string
		headers headers
		want    string
	}{
		{"no header", nil, "9.9.9.1:1234", nil, "9.9.9.1"},
		{"a stranger names another", ours, "9.9.9.1:1234", headers{"X-Forwarded-For": {"8.8.8.8"}, "X-Real-IP": {"8.8.8.8"}, "Forwarded": {"for=8.8.8.8"}}, "9.9.9.1"},
		{"no proxy is configured: X-Forwarded-For", nil, "127.0.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8"}}, "127.0.0.1"},
		{"no proxy is configured: X-Real-IP", nil, "127.0.0.1:1", headers{"X-Real-IP": {"8.8.8.8"}}, "127.0.0.1"},
		{"no proxy is configured: Forwarded", nil, "127.0.0.1:1", headers{"Forwarded": {"for=8.8.8.8"}}, "127.0.0.1"},
		{"another loopback address is nobody else", nil, "127.9.8.7:1", nil, "127.0.0.1"},
		{"nor is IPv6", nil, "[::1]:1", headers{"X-Forwarded-For": {"8.8.8.8"}}, "127.0.0.1"},
		{"loopback that is no proxy, beside one that is", Proxies{netip.MustParsePrefix("10.1.0.0/16")}, "127.0.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8"}}, "127.0.0.1"},
		{"a proxy", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8"}}, "8.8.8.8"},
		{"a proxy by IPv6", ours, "[::1]:1", headers{"X-Forwarded-For": {"8.8.8.8"}}, "8.8.8.8"},
		{"the client's word stands before", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"1.1.1.1, 8.8.8.8"}}, "8.8.8.8"},
		{"in a line of its own", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"1.1.1.1", "8.8.8.8"}}, "8.8.8.8"},
		{"two proxies", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"1.1.1.1, 8.8.8.8, 10.1.2.3"}}, "8.8.8.8"},
		{"a network that is no proxy", ours, "10.2.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8"}}, "10.2.0.1"},
		{"only proxies", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"10.1.2.3"}}, "127.0.0.1"},
		{"no address", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8, nonsense"}}, "127.0.0.1"},
		{"an empty hop", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8,"}}, "127.0.0.1"},
		{"loopback by a proxy", ours, "10.1.0.1:1", headers{"X-Forwarded-For": {"127.0.0.7"}}, "10.1.0.1"},
		{"with a port", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8:4711"}}, "8.8.8.8"},
		{"IPv6", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"2a00:1450::1"}}, "2a00:1450::1"},
		{"IPv4 in IPv6", ours, "[::ffff:127.0.0.1]:1", headers{"X-Forwarded-For": {"::ffff:8.8.8.8"}}, "8.8.8.8"},
		{"X-Real-IP", ours, "127.0.0.1:1", headers{"X-Real-IP": {"8.8.8.8"}}, "8.8.8.8"},
		{"Forwarded", ours, "127.0.0.1:1", headers{"Forwarded": {`for=1.1.1.1, proto=https;For="[2a00:1450::1]:47"`}}, "2a00:1450::1"},
		{"Forwarded without a client", ours, "127.0.0.1:1", headers{"Forwarded": {"for=1.1.1.1, proto=https"}}, "127.0.0.1"},
		{"Forwarded that hides it", ours, "127.0.0.1:1", headers{"Forwarded": {"for=_hidden"}}, "127.0.0.1"},
		{"two headers agree", ours, "127.0.0.1:1", headers{"X-Real-IP": {"8.8.8.8"}, "X-Forwarded-For": {"8.8.8.8"}}, "8.8.8.8"},
		{"the client wrote the header that the proxy does not", ours, "127.0.0.1:1", headers{"X-Real-IP": {"8.8.8.8"}, "X-Forwarded-For": {"1.1.1.1"}}, "127.0.0.1"},
		{"and another one", ours, "127.0.0.1:1", headers{"X-Forwarded-For": {"8.8.8.8"}, "Forwarded": {"for=1.1.1.1"}}, "127.0.0.1"},
		{"no connection", ours, "", headers{"X-Forwarded-For": {"8.8.8.8"}}, "invalid IP"},
	} {
		r := httptest.NewRequest("POST", "/report", nil)
		r.RemoteAddr = c.remote
		for k, values := range c.headers {
			for _, v := range values {
				r.Header.Add(k, v)
			}
		}
		if got := c.proxies.Client(r).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if p, err := ParseProxies(""); err != nil || len(p) != 0 {
		t.Errorf("%v %v", p, err)
	}
	if _, err := ParseProxies("10.1.0.0/16, proxy.example"); err == nil {
		t.Error("a name is taken for a network")
	}
}

// What comes over loopback from no proxy shares one rate, whoever it says to be.
func TestLoopbackIsOneClient(t *testing.T) {
	base := start(t, Config{Archive: newDir(t), Submissions: NewLimiter(0.01, 2, time.Now)})
	for i, want := range []int{200, 200, 429} {
		client := netip.AddrFrom4([4]byte{8, 8, byte(i), 8}).String()
		if status, answer := post(t, base+"/api/v1/measurement", doc, "X-Forwarded-For", client, "X-Real-IP", client); status != want {
			t.Errorf("request %d: %d %v", i, status, answer)
		}
	}
}
