package collect

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/probe"
)

// sites is a network of invented sites that the requests to the helper ask
// for: OONI's helper was asked the same of the same sites.
type sites struct {
	*loop
	cert tls.Certificate
}

func newSites(t *testing.T) (*sites, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example.net"}, DNSNames: []string{"*.example.net", "dns.google"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	s := &sites{newLoop(t), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
	page := func(host string, more ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Server", "nginx")
			w.Header().Set("Content-Type", "text/html")
			for i := 0; i+1 < len(more); i += 2 {
				w.Header().Set(more[i], more[i+1])
			}
			body := "<html><head><title>Page of " + host + "</title></head><body>"
			w.Header().Set("Content-Length", "5476")
			io.WriteString(w, body+strings.Repeat("x", 5476-len(body)))
		}
	}
	s.site("ok.example.net", page("ok.example.net"), "93.184.216.34")
	s.site("cp1251.example.net", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<title>\xc4\xee\xf1\xf2\xf3\xef \xee\xe3\xf0\xe0\xed\xe8\xf7\xe5\xed</title>")
	}, "93.184.216.41")
	s.site("multi.example.net", page("multi.example.net", "X-A", "\xfc", "Alt-Svc", `h3=":443"; ma=3600`), "93.184.216.42", "93.184.216.43")
	for i, host := range []string{"upgrade", "redirect", "r403", "r500", "empty", "big"} {
		s.site(host+".example.net", page(host), fmt.Sprintf("93.184.216.%d", 35+i))
	}
	s.hosts["dead.example.net"] = []string{"192.0.43.99"}
	s.hosts["bogon.example.net"] = []string{"10.10.34.35"}
	s.site("dns.google", page("dns.google"), "8.8.8.8")
	for _, a := range append(many(), "5.9.10.10") {
		s.site("", page("ok.example.net"), a)
	}
	return s, roots
}

// many are forty addresses of one site.
func many() (out []string) {
	for i := range 40 {
		out = append(out, fmt.Sprintf("93.184.217.%d", 1+i))
	}
	return out
}

func (s *sites) site(host string, h http.HandlerFunc, addrs ...string) {
	secure := httptest.NewUnstartedServer(h)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{s.cert}}
	secure.StartTLS()
	s.t.Cleanup(secure.Close)
	for _, a := range addrs {
		s.serve(a+":80", h)
		s.mu.Lock()
		s.routes[a+":443"] = strings.TrimPrefix(secure.URL, "https://")
		s.mu.Unlock()
	}
	if host != "" {
		s.hosts[host] = addrs
	}
}

func (s *sites) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	_, ok := s.routes[address]
	s.mu.Unlock()
	switch a := netip.MustParseAddrPort(address); {
	case ok:
		return s.loop.DialContext(ctx, network, address)
	case a.Addr().Is6() || a.Addr().String() == "192.0.43.99":
		return nil, syscall.EHOSTUNREACH
	}
	return nil, syscall.ECONNREFUSED
}

func (s *sites) LookupHost(ctx context.Context, name string) ([]string, error) {
	if name == "servfail.example.net" {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	return s.loop.LookupHost(ctx, name)
}

// asked are the requests by their names in helper-differences.txt.
func asked() map[string]string {
	out := map[string]string{}
	ask := func(name, url string, endpoints ...string) {
		raw, _ := json.Marshal(map[string]any{"http_request": url, "http_request_headers": map[string][]string{"User-Agent": {"Mozilla/5.0"}},
			"tcp_connect": append([]string{}, endpoints...), "x_quic_enabled": true}) // strings have JSON
		out[name] = string(raw)
	}
	for host, addr := range map[string]string{"ok": "93.184.216.34", "upgrade": "93.184.216.35", "redirect": "93.184.216.36", "r403": "93.184.216.37", "r500": "93.184.216.38",
		"empty": "93.184.216.39", "big": "93.184.216.40", "cp1251": "93.184.216.41", "multi": "93.184.216.42", "dead": "192.0.43.99", "bogon": "10.10.34.35"} {
		ask(host+"-http", "http://"+host+".example.net/", addr+":80")
		ask(host+"-https", "https://"+host+".example.net/", addr+":443")
	}
	ask("servfail", "http://servfail.example.net/")
	ask("nxdomain", "http://nx.example.net/", "93.184.216.34:80")
	ask("ip-literal", "http://93.184.216.34/", "93.184.216.34:80")
	ask("port8080", "http://ok.example.net:8080/", "93.184.216.34:8080")
	ask("port8000", "http://ok.example.net:8000/", "93.184.216.34:8000")
	ask("port5228", "http://ok.example.net/", "93.184.216.34:5228")
	ask("ipv6-ep", "https://ok.example.net/", "93.184.216.34:443", "[2606:2800:220:1:248:1893:25c8:1946]:443")
	ask("private-ep", "http://ok.example.net/", "10.0.0.1:80", "127.0.0.1:22", "169.254.169.254:80", "5.9.10.10:22")
	ask("wrong-ip", "https://ok.example.net/", "93.184.216.35:443")
	ask("localhost", "http://127.0.0.1:8080/", "127.0.0.1:8080")
	ask("ftp", "ftp://ok.example.net/")
	ask("empty-url", "")
	ask("idn", "http://пример.example.net/")
	ask("many-ep", "http://ok.example.net/")
	var endpoints []string
	for _, a := range many() {
		endpoints = append(endpoints, a+":443")
	}
	ask("many-ep", "http://ok.example.net/", endpoints...)
	ask("dnsquery-doh", "https://dns.google/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB", "8.8.8.8:443")
	ask("cookie", "http://ok.example.net/")
	ask("userinfo", "http://user:secret@ok.example.net/")
	out["nullheaders"] = `{"http_request":"http://ok.example.net/","http_request_headers":null,"tcp_connect":null}`
	out["notjson"] = `{`
	return out
}

// otherwise are the answers in which we differ from OONI's helper, and why.
var otherwise = map[string]string{
	"localhost":   "the helper reaches nothing but the public internet",
	"notjson":     "we say what was wrong; OONI's answers 400 with an empty body",
	"multi-https": "OONI's ran with QUIC switched off; ours tries it where the page offers it",
	"multi-http":  "as multi-https",
}

// TestHelperAnswersAsOONIs asks the helper what OONI's was asked, and compares
// each field in which our answer differed.
func TestHelperAnswersAsOONIs(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(shared, "ooni", "clients", "helper-differences.txt"))
	if err != nil {
		t.Skipf("the comparison of helpers is not here: %v", err)
	}
	defer f.Close()
	network, roots := newSites(t)
	helper := NewHelper(&Guard{Network: network}, probe.Wire{Now: time.Now, Roots: roots}, 4)
	helper.ASN = func(netip.Addr) uint32 { return 0 }
	base := start(t, Config{Archive: newDir(t), Helper: helper})
	requests := asked()
	var name string
	var got map[string]string
	cases, fields := 0, 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if title, ok := strings.CutPrefix(line, "### "); ok {
			name, _, _ = strings.Cut(title, ":")
			cases++
			if requests[name] == "" {
				t.Fatalf("nothing is known of the request %s", name)
			}
			status, answer := post(t, base+"/api/v1/test-helper", requests[name])
			if otherwise[name] == "" && status != http.StatusOK {
				t.Errorf("%s: %d %v", name, status, answer)
			}
			got = map[string]string{}
			flatten(t, got, "", answer)
			continue
		}
		path, values, ok := strings.Cut(strings.TrimSpace(line), ": bandish=")
		if !ok || otherwise[name] != "" && !strings.HasPrefix(path, "/http_request/") || name == "localhost" {
			continue
		}
		_, want, _ := strings.Cut(values, " oohelperd=")
		fields++
		if have, there := got[path]; want == "None" && there || want != "None" && have != want {
			t.Errorf("%s %s: %s, OONI's %s", name, path, have, want)
		}
	}
	if err := lines.Err(); err != nil || cases < 38 || fields < 300 {
		t.Errorf("%d requests, %d fields compared, %v", cases, fields, err)
	}
	t.Logf("%d fields of %d requests are as OONI's", fields, cases)
}

// flatten writes the leaves of a JSON value by their paths; an empty object and
// a list are leaves.
func flatten(t *testing.T, into map[string]string, path string, v any) {
	t.Helper()
	if m, ok := v.(map[string]any); ok && len(m) > 0 {
		for k, w := range m {
			flatten(t, into, path+"/"+k, w)
		}
		return
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, r := range text { // as the comparison spells what is not ASCII
		if r > '~' {
			text = strings.ReplaceAll(text, string(r), fmt.Sprintf(`\u%04x`, r))
		}
	}
	into[path] = text
}
