package lab

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// AwkwardSite is a site that is hard to measure for any prober and that nobody censors,
// with the scenario that measures it.
type AwkwardSite struct {
	Site     Site
	Scenario Scenario
}

// manner is one awkward behaviour of a web server, over HTTP and HTTPS alike.
type manner struct {
	name  string
	about string
	state string // the true state; "": not-blocked, and nothing more is demanded
	page  http.HandlerFunc
	raw   func(net.Conn)
}

// Awkward lists the awkward sites, always the same: every manner in clear text and over
// TLS; every oddity of lookup, addresses and TLS; and some mixtures.
func Awkward() []AwkwardSite {
	var a awkwardList
	for _, m := range manners() {
		for _, scheme := range []string{"http", "https"} {
			a.add(m.name, scheme, m.about, m.state, Site{Page: m.page, Raw: m.raw})
		}
	}
	a.lookups()
	a.reaches()
	a.handshakes()
	a.families()
	a.mixtures()
	return a.list
}

type awkwardList struct{ list []AwkwardSite }

func (a *awkwardList) add(name, scheme, about, state string, site Site) *AwkwardSite {
	if state == "" {
		state = "not-blocked"
	}
	slug := strings.ToLower(strings.ReplaceAll(name, " ", "-")) + "-" + scheme
	site.Name = slug + ".awkward.test"
	a.list = append(a.list, AwkwardSite{Site: site, Scenario: Scenario{
		Name: "awkward-" + slug, About: about, Input: scheme + "://" + site.Name + "/", Truth: Truth{State: state},
	}})
	return &a.list[len(a.list)-1]
}

func (a *awkwardList) lookups() {
	for _, l := range []struct {
		kind  Lookup
		about string
		state string
		addrs int
	}{
		{LookupNXDOMAIN, "the name does not exist", "down", 1},
		{LookupServfail, "the name's servers are broken", "down", 1},
		{LookupRefused, "the name's servers refuse", "down", 1},
		{LookupEmpty, "the name has no address", "", 1},
		{LookupSilent, "the name's servers are silent", "", 1},
		{LookupRotate, "a CDN gives other addresses each time", "ok", 8},
		{LookupSplit, "a CDN gives each client an address of its own", "", 6},
		{LookupCNAME, "the name is an alias of an alias", "ok", 1},
		{LookupSlow, "the name's servers are slow", "ok", 1},
		{LookupLoopback, "the name points to the loopback address", "", 1},
		{LookupPrivate, "the name points to a private address", "", 1},
	} {
		for _, scheme := range []string{"http", "https"} {
			a.add("lookup "+string(l.kind), scheme, l.about, l.state, Site{Lookup: l.kind, Addrs: l.addrs})
		}
	}
}

func (a *awkwardList) reaches() {
	for _, r := range []struct {
		kind  Reach
		about string
		state map[string]string
	}{
		{ReachRefused, "no port is open", map[string]string{"http": "down", "https": "down"}},
		{ReachSilent, "no host has the address", map[string]string{"http": "down", "https": "down"}},
		{ReachNo80, "port 80 is closed", map[string]string{"http": "down", "https": "ok"}},
		{ReachNo443, "port 443 is closed", map[string]string{"http": "ok", "https": "down"}},
		{ReachHalf, "one of two addresses belongs to no host", nil},
		{ReachReset, "the server resets whoever speaks", nil},
		{ReachHang, "the server accepts and says nothing", nil},
	} {
		for _, scheme := range []string{"http", "https"} {
			site := Site{Reach: r.kind}
			if r.kind == ReachHalf {
				site.Addrs = 2
			}
			a.add("reach "+string(r.kind), scheme, r.about, r.state[scheme], site)
		}
	}
}

func (a *awkwardList) handshakes() {
	for _, c := range []struct {
		kind  Cert
		state string
	}{
		{CertExpired, "down"}, {CertNotYet, "down"}, {CertOtherName, "down"}, {CertSelfSigned, "down"},
		{CertUnknownCA, "down"}, {CertNoSAN, "down"}, {CertBrokenChain, ""},
		{CertWildcard, "ok"}, {CertLongChain, "ok"},
	} {
		a.add("cert "+string(c.kind), "https", "the certificate: "+string(c.kind), c.state, Site{Cert: c.kind})
	}
	for _, t := range []struct {
		kind  TLS
		state string
	}{
		{TLSOnly12, "ok"}, {TLSOnly13, "ok"}, {TLSOld, ""}, {TLSHTTP1, "ok"}, {TLSClientCert, "ok"},
		{TLSNeedsCert, ""}, {TLSAlert, "down"}, {TLSPlain, ""}, {TLSSlow, "ok"}, {TLSHang, ""},
		{TLSCloses, ""}, {TLSPickyName, "ok"},
	} {
		a.add("tls "+strings.ReplaceAll(string(t.kind), ".", ""), "https", "TLS: "+string(t.kind), t.state, Site{TLS: t.kind})
	}
}

func (a *awkwardList) families() {
	for _, v := range []struct {
		kind  V6
		about string
	}{
		{V6Works, "a site with IPv6"},
		{V6Dead, "the site's IPv6 address answers nobody"},
		{V6Only, "the site has no IPv4"},
	} {
		for _, scheme := range []string{"http", "https"} {
			a.add("v6 "+string(v.kind)+" client 4", scheme, v.about+", the client has IPv4 only", "", Site{V6: v.kind})
			b := a.add("v6 "+string(v.kind)+" client 46", scheme, v.about+", the client has both", "", Site{V6: v.kind})
			b.Scenario.IPv6 = true
		}
	}
}

// mixtures adds sites with oddities of two kinds.
func (a *awkwardList) mixtures() {
	chosen := map[string]bool{"403": true, "451": true, "503": true, "captcha": true, "slow start": true, "huge": true,
		"redirect loop": true, "http 10": true, "empty reply": true, "cut short": true, "random": true, "drip": true}
	for _, m := range manners() {
		if !chosen[m.name] {
			continue
		}
		for _, with := range []struct {
			name string
			site Site
		}{
			{"rotating", Site{Lookup: LookupRotate, Addrs: 8}},
			{"cname", Site{Lookup: LookupCNAME}},
			{"tls 12", Site{TLS: TLSOnly12}},
			{"dead v6", Site{V6: V6Dead}},
			{"half dead", Site{Reach: ReachHalf, Addrs: 2}},
		} {
			site := with.site
			site.Page, site.Raw = m.page, m.raw
			a.add(m.name+" and "+with.name, "https", m.about+"; "+with.name, "", site)
		}
	}
}

// manners lists the awkward behaviours of web servers.
func manners() []manner {
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(code)
			fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body>%s</body></html>", code, http.StatusText(code), body)
		}
	}
	to := func(code int, where string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", where)
			w.WriteHeader(code)
		}
	}
	const head = "Content-Type: text/html\r\n"
	const body = "<html><head><title>A small page</title></head><body>small</body></html>\n"
	return []manner{
		{"401", "asks for a password", "", status(401, "Who are you?"), nil},
		{"403", "forbids everybody", "", status(403, "Forbidden."), nil},
		{"404", "has no such page", "", status(404, "Nothing here."), nil},
		{"410", "is gone", "", status(410, "Gone."), nil},
		{"429", "has had too many requests", "", status(429, "Slow down."), nil},
		{"451", "is unavailable for legal reasons, to everybody", "", status(451, "Unavailable by a court's order."), nil},
		{"500", "is broken", "", status(500, "Oops."), nil},
		{"502", "has a broken backend", "", status(502, "Bad gateway."), nil},
		{"503", "is under maintenance", "", status(503, "Back soon."), nil},
		{"200 denied", "serves a page that looks like a block page", "", status(200, "<h1>Access denied</h1> This page is blocked for guests. Please log in."), nil},
		{"captcha", "shows a CAPTCHA to everybody", "", captcha, nil},
		{"challenge", "shows a page of script that reloads", "", status(503, "<script>location.reload()</script>Checking your browser"), nil},

		{"redirect loop", "redirects to itself", "", to(302, "/"), nil},
		{"redirect chain", "redirects twelve times", "", chain(12), nil},
		{"redirect path", "redirects to a path", "ok", chain(1), nil},
		{"redirect cookie", "redirects until a cookie comes back", "", cookieWall, nil},
		{"redirect nowhere", "redirects to a name that does not exist", "", to(301, "https://"+UnusedName+"/"), nil},
		{"redirect closed", "redirects to a server that accepts nobody", "", to(301, "https://"+downTCP+"/"), nil},
		{"redirect loopback", "redirects to the loopback address", "", to(302, "http://127.0.0.1/"), nil},
		{"redirect broken", "redirects to an address that is none", "", to(302, "http:///"), nil},
		{"redirect scheme", "redirects to an application", "", to(302, "app://open"), nil},
		{"redirect empty", "redirects to nothing", "", to(302, ""), nil},
		{"redirect away", "redirects to another site", "ok", to(302, "https://"+InnocentName+"/"), nil},

		{"slow start", "thinks before it answers", "ok", slowStart, nil},
		{"drip", "sends its page in drips", "ok", drip, nil},
		{"huge", "has a page of 3 MB", "ok", bigPage(3 << 20), nil},
		{"empty", "answers with an empty page", "", func(http.ResponseWriter, *http.Request) {}, nil},
		{"no content", "answers that there is no content", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, nil},
		{"random", "shows other things to each visitor", "", randomPage, nil},
		{"binary", "serves bytes, not text", "", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 4096)) }, nil},
		{"latin", "serves text in an old encoding", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
			_, _ = io.WriteString(w, "<html><head><title>Caf\xe9</title></head><body>\xff\xfe\xe9</body></html>")
		}, nil},
		{"gzip", "packs its page for whoever asks", "", packed, nil},
		{"big headers", "sends 60 kB of headers", "", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 60 {
				w.Header().Set(fmt.Sprintf("X-Long-%d", i), strings.Repeat("x", 1000))
			}
			_, _ = io.WriteString(w, body)
		}, nil},
		{"many cookies", "sets forty cookies", "ok", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 40 {
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprintf("c%d", i), Value: fmt.Sprint(i)})
			}
			_, _ = io.WriteString(w, body)
		}, nil},
		{"no title", "has a page without a title", "ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<p>no title</p>") }, nil},

		{"http 10", "speaks HTTP/1.0", "ok", nil, says("HTTP/1.0 200 OK\r\n" + head + "\r\n" + body)},
		{"http 09", "speaks HTTP/0.9", "", nil, says(body)},
		{"no reason", "leaves out the reason", "", nil, says("HTTP/1.1 200\r\n" + head + "Connection: close\r\n\r\n" + body)},
		{"bare newlines", "ends its lines with LF", "", nil, says("HTTP/1.1 200 OK\nContent-Type: text/html\nConnection: close\n\n" + body)},
		{"garbage", "answers with noise", "", nil, says("\x00\x01\x02 this is not HTTP \xff\r\n\r\n")},
		{"other protocol", "speaks SSH on a port of the web", "", nil, says("SSH-2.0-OpenSSH_9.6\r\n")},
		{"empty reply", "closes without an answer", "", nil, says("")},
		{"headers only", "closes in the middle of its headers", "", nil, says("HTTP/1.1 200 OK\r\nContent-Ty")},
		{"cut short", "sends less than it announced", "", nil, says("HTTP/1.1 200 OK\r\n" + head + "Content-Length: 9000\r\n\r\n" + body)},
		{"too long", "sends more than it announced", "", nil, says("HTTP/1.1 200 OK\r\n" + head + "Connection: close\r\nContent-Length: 20\r\n\r\n" + body)},
		{"two lengths", "announces two lengths", "", nil, says("HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Length: 30\r\nConnection: close\r\n\r\n" + body)},
		{"chunks", "sends a page in chunks with extensions and trailers", "ok", nil, says("HTTP/1.1 200 OK\r\n" + head +
			"Transfer-Encoding: chunked\r\nTrailer: X-End\r\nConnection: close\r\n\r\n" + chunked(body) + "X-End: yes\r\n\r\n")},
		{"bad chunks", "sends chunks of lengths that are none", "", nil, says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + body)},
		{"open chunks", "never sends the last chunk", "", nil, says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")},
		{"early hints", "sends hints before its answer", "ok", nil, says("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n" + head + "Connection: close\r\n\r\n" + body)},
	}
}

func captcha(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Server", "cloud")
	w.WriteHeader(403)
	_, _ = io.WriteString(w, "<html><head><title>Just a moment...</title></head><body>Prove that you are human.</body></html>")
}

// chain redirects n times to the next path, and then shows a page.
func chain(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		at := strings.Count(r.URL.Path, "n")
		if at < n {
			w.Header().Set("Location", "/"+strings.Repeat("n", at+1))
			w.WriteHeader(302)
			return
		}
		_, _ = io.WriteString(w, "<html><head><title>The end of the chain</title></head></html>")
	}
}

func cookieWall(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie("been"); err != nil {
		http.SetCookie(w, &http.Cookie{Name: "been", Value: "here"})
		w.Header().Set("Location", "/")
		w.WriteHeader(302)
		return
	}
	_, _ = io.WriteString(w, "<html><head><title>Welcome back</title></head></html>")
}

func slowStart(w http.ResponseWriter, r *http.Request) {
	time.Sleep(slowness)
	ordinaryPage("slow")(w, r)
}

func drip(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "<html><head><title>Drip</title></head><body>")
	for range 10 {
		_ = http.NewResponseController(w).Flush() // the client may be gone
		time.Sleep(slowness / 10)
		_, _ = io.WriteString(w, "<p>drop</p>")
	}
}

func randomPage(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "<html><head><title>Something for you</title></head><body>")
	for range 1 + rand.IntN(200) {
		fmt.Fprintf(w, "<p>%d</p>", rand.Int())
	}
}

func packed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", "text/html")
	z := gzip.NewWriter(w)
	fmt.Fprint(z, "<html><head><title>Packed</title></head></html>")
	_ = z.Close() // the client may be gone
}

// says reads a request and answers with exactly these bytes.
func says(answer string) func(net.Conn) {
	return func(c net.Conn) {
		var request strings.Builder
		buf := make([]byte, 4096)
		for !strings.Contains(request.String(), "\r\n\r\n") && request.Len() < maxStream {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			request.Write(buf[:n])
		}
		_, _ = io.WriteString(c, answer)
	}
}

func chunked(body string) string {
	var b strings.Builder
	for i := 0; i < len(body); i += 7 {
		part := body[i:min(i+7, len(body))]
		fmt.Fprintf(&b, "%x;part=%d\r\n%s\r\n", len(part), i, part)
	}
	return b.String() + "0\r\n"
}
