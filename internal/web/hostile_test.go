package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/ban"
)

// payloads are what strangers try.
var payloads = []string{
	`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `' onmouseover='alert(1)' x='`, `javascript:alert(1)//`, `</title></style></svg><svg/onload=alert(1)>`,
	`<img src=x onerror=alert(1)>`, "data:text/html,<script>alert(1)</script>", `{{.}}<!--`, `]]></a><a href=javascript:alert(1)>`, `</script><script>alert(1)</script>`,
	`","@type":"x"}</script><b>`, "\u202egnp.exe", isolate + isolate + "x", `<iframe src=//evil.example>`, `<base href=//evil.example>`, `<meta http-equiv=refresh content=0;url=//evil.example>`,
	"a\r\nSet-Cookie: a=b", "%0d%0aLocation:%20//evil.example", "'; DROP TABLE verdicts; --", strings.Repeat("A", 3000), `..\..\..\etc\passwd`, "\xff\xfe", "0", "-1", "NaN", `${7*7}`, `{{7*7}}`, "\x00",
}

// Whatever stands in an address or in a form is shown as text, or refused: no
// page fails, and nothing in it is live.
func TestHostileAddresses(t *testing.T) {
	s := serve(t)
	var tries []string
	for _, p := range payloads {
		q, e := url.QueryEscape(p), url.PathEscape(p)
		tries = append(tries,
			"/cases/"+e, "/cases/pk-2024-x?as-of="+q, "/cases/pk-2024-x/"+e+"/"+e, "/cases/pk-2024-x/act/"+e, "/actors/"+e, "/laws/"+e, "/sources/"+e, "/actors/pk-pta?at="+q,
			"/search?q="+q, "/search?q=x&kind="+q+"&page="+q+"&cc="+q+"&target="+q, "/check?target="+q+"&cc="+q+"&at="+q+"&claim="+q, "/contribute?about="+q+"&kind="+q+"&thanks="+q,
			"/cc/"+e+"/feed.atom", "/cc/PK/"+e+"/feed.json", "/platforms/"+e+"/feed.atom", "/cases/"+e+"/courts.ics", "/embed/PK/"+e, "/embed/"+e+"/x/badge.svg", "/embed/PK/x?at="+q, "/oembed?url="+q,
			"/cc/PK/x?format="+q, "/cases/pk-2024-x?format=bibtex&as-of="+q, "/ur/"+e, "/ur/cc/PK/"+e, "/ur/cases/"+e, "/ur/is?cc="+q+"&target="+q, "/cases?as-of="+q)
	}
	tries = append(tries, "/..%2f..%2fetc/passwd", "/static/..%2f..%2fweb.go", "/ur/..%2f..%2f", "/ur//evil.example/", "//evil.example/", "/cases/../../etc", "/cases/pk-2024-x/act/..%2f..%2fclaim", "/%2e%2e/", "/cc/PK/x/%00", "/\\evil.example")
	if len(tries) < 100 {
		t.Fatalf("%d tries only", len(tries))
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, at := range tries {
		resp, err := client.Get(s.url + at)
		if err != nil {
			continue // the client itself refuses it
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode >= 500 {
			t.Errorf("%.120s: %d %v", at, resp.StatusCode, err)
		}
		if to := resp.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "evil.example/") && !strings.HasPrefix(to, "/") {
			t.Errorf("%.120s leads to %s", at, to)
		}
		if resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%.120s sets a cookie", at)
		}
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			inert(t, fmt.Sprintf("%.120s", at), string(b))
		}
	}
}

// The form of contributions keeps what was written on an error, keeps nothing
// that is not right, and shows nothing that is live.
func TestHostileForms(t *testing.T) {
	s := serve(t)
	good := url.Values{"kind": {"wrong"}, "about": {"/cc/PK/x"}, "text": {"The court sat on the 21st, as its own list says."}, "source": {"https://example.org/list"}}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(form url.Values, header map[string]string) (*http.Response, string) {
		r, err := http.NewRequest("POST", s.url+"/contribute", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for k, v := range header {
			r.Header.Set(k, v)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	tries := 0
	for _, field := range []string{"kind", "about", "source", "text"} {
		for _, p := range payloads {
			form := url.Values{}
			for k, v := range good {
				form[k] = v
			}
			form.Set(field, p)
			if field == "text" {
				form.Set("source", "") // so that it comes back
			}
			tries++
			resp, page := send(form, nil)
			if resp.StatusCode != 400 {
				t.Errorf("%s = %.60q: %d", field, p, resp.StatusCode)
			}
			inert(t, field, page)
			if !strings.Contains(page, "https://example.org/list") && field != "source" && field != "text" {
				t.Errorf("%s = %.60q: the form lost the rest", field, p)
			}
		}
	}
	if tries < 100 {
		t.Fatalf("%d tries only", tries)
	}
	if list, err := s.site.Inbox.List("new"); err != nil || len(list) != 0 {
		t.Errorf("%d notes that are not right were kept, %v", len(list), err)
	}
	// From another site, too long, filled in by a program: not kept.
	if resp, _ := send(good, map[string]string{"Sec-Fetch-Site": "cross-site"}); resp.StatusCode != 400 {
		t.Errorf("a form of another site: %d", resp.StatusCode)
	}
	long, robot := url.Values{}, url.Values{"website": {"x"}}
	for k, v := range good {
		long[k], robot[k] = v, v
	}
	long.Set("text", strings.Repeat("x", maxForm))
	if resp, _ := send(long, nil); resp.StatusCode != 400 {
		t.Errorf("a form that is too long: %d", resp.StatusCode)
	}
	send(robot, nil)
	if list, err := s.site.Inbox.List("new"); err != nil || len(list) != 0 {
		t.Errorf("%d notes were kept, %v", len(list), err)
	}
	// A good one is kept, and the reader is thanked.
	resp, _ := send(good, nil)
	to := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/contribute?thanks=") {
		t.Fatalf("a good form: %d %s", resp.StatusCode, to)
	}
	if _, page := s.get(to); !strings.Contains(page, "It was kept.") {
		t.Error("the reader is not thanked")
	}
	list, err := s.site.Inbox.List("new")
	if err != nil || len(list) != 1 || list[0].Text != good.Get("text") {
		t.Errorf("kept: %v %v", list, err)
	}
	for range 10 { // another note each time: the sender is limited, and told so
		good.Set("text", good.Get("text")+" And more.")
		resp, _ = send(good, nil)
	}
	if resp.StatusCode != 400 {
		t.Errorf("the eleventh note of an hour: %d", resp.StatusCode)
	}
}

// poison writes a text into every text of the record that is no name of another
// entry.
func poison(field string, v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(field, v.Elem(), text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(field, v.Index(i), text)
		}
	case reflect.Struct:
		if v.Type() == dateType {
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				poison(name, v.Field(i), text)
			}
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && field != "id" && field != "jurisdiction" && field != "utc_offset" && !linked.MatchString(field) {
			v.SetString(text)
		}
	}
}

// No text of the record can do anything in a page, a feed, a citation or a
// calendar.
func TestHostileRecord(t *testing.T) {
	for i, p := range payloads[:18] {
		if i%3 != 1 && os.Getenv("BANDISH_LONG") == "" {
			continue
		}
		s := serve(t)
		c := s.site.Records.Case("pk-2024-x")
		poison("", reflect.ValueOf(c).Elem(), p)
		pages := []string{"/", "/cases", "/cases/pk-2024-x", "/actors/" + c.Acts[0].By[0], "/sources/" + c.Sources[0].ID, "/cc/PK/x", "/ur/cases/pk-2024-x", "/ur", "/ur/cc/PK/x", "/cases/pk-2024-x/feed.atom", "/cases/pk-2024-x/courts.ics", "/cases/pk-2024-x?format=ris"}
		for _, id := range []string{c.Acts[0].ID, c.Claims[0].ID, c.Dockets[0].ID, c.Requests[0].ID, c.Sightings[0].ID, c.Disputes[0].ID} {
			pages = append(pages, itemHref(c, id))
		}
		for _, at := range pages {
			resp, page := s.answerOf(at)
			if resp.StatusCode != 200 {
				t.Errorf("%.40q in the record: %s: %d", p, at, resp.StatusCode)
			}
			if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
				inert(t, fmt.Sprintf("%s with %.40q", at, p), page)
			}
			if strings.HasSuffix(at, ".ics") && strings.Contains(page, "\nSet-Cookie") {
				t.Errorf("%s: a text makes a line of its own", at)
			}
		}
	}
}

// No text of a measurement can do anything in a page: markup stands in each of
// its fields, and the pages that show it are asked for.
func TestHostileMeasurements(t *testing.T) {
	s := serve(t)
	var uids []string
	for i, p := range payloads[:18] {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		doc := fmt.Sprintf(`{"input":"https://x.com/%[2]d","annotations":{"a":%[1]s},"measurement_start_time":"2024-02-17 %02[2]d:00:00","probe_asn":"AS64512","probe_cc":"ZZ","probe_network_name":%[1]s,"resolver_network_name":%[1]s,"report_id":%[1]s,"software_name":%[1]s,"software_version":%[1]s,"test_name":"web_connectivity","test_version":%[1]s,"test_start_time":"2024-02-17 00:00:00","test_keys":{"client_resolver":%[1]s,"queries":[{"engine":%[1]s,"failure":%[1]s,"hostname":"x.com","query_type":"A","answers":[{"answer_type":"A","ipv4":"104.244.42.1","as_org_name":%[1]s}]}],"tcp_connect":[{"ip":"104.244.42.1","port":443,"status":{"failure":%[1]s,"success":false}}],"tls_handshakes":[{"address":"104.244.42.1:443","server_name":%[1]s,"failure":%[1]s,"peer_certificates":null}],"requests":[{"network":"tcp","address":"104.244.42.1:443","failure":%[1]s,"request":{"url":"https://x.com/","method":%[1]s},"response":{"code":200,"body":%[1]s,"headers":{"Server":%[1]s}}}],"title":%[1]s,"control":{"http_request":{"body_length":10,"failure":null,"title":%[1]s,"headers":{},"status_code":200}},"control_failure":%[1]s,"blocking":%[1]s}}`, text, i)
		r, err := s.p.SubmitAt(t.Context(), []byte(doc), s.p.Now())
		if err != nil {
			continue // it is set aside
		}
		uids = append(uids, r.UID)
	}
	if len(uids) < 12 {
		t.Fatalf("only %d were taken", len(uids))
	}
	s.count()
	pages := []string{"/", "/cc/ZZ", "/cc/ZZ/x", "/cc/ZZ/x/days", "/cc/ZZ/x/measurements", "/networks/AS64512", "/ur/cc/ZZ/x", "/ur/cc/ZZ/x/measurements"}
	for _, uid := range uids {
		pages = append(pages, "/m/"+url.PathEscape(uid), "/ur/m/"+url.PathEscape(uid))
	}
	for _, at := range pages {
		code, page := s.get(at)
		if code != 200 {
			t.Errorf("%s: %d", at, code)
		}
		inert(t, at, page)
	}
}

// No text of an imported list can do anything in a page, a feed or a table.
func TestHostileLists(t *testing.T) {
	s := serve(t)
	var reports []ban.Report
	for i, p := range payloads[:18] {
		day := time.Date(2020+i%4, time.Month(1+i%12), 3, 0, 0, 0, 0, time.UTC)
		reports = append(reports, ban.Report{Origin: ban.Origin{Dataset: ban.KeepItOn, File: p, Sheet: p, Row: i + 1, ID: p}, CC: "ZZ", Targets: []string{"x"}, Other: []string{p}, Method: ban.Block, Scope: ban.National, Area: p,
			Start: day, End: day.AddDate(0, 0, 2), Status: ban.Ended, Known: day.AddDate(0, 0, 2), Title: p, OrderedBy: p, DecisionMaker: p, Cause: p, Justification: p, Networks: p, Links: []string{p}, Columns: map[string]string{p: p}})
		reports = append(reports, ban.Report{Origin: ban.Origin{Dataset: ban.SFLC, File: p, Row: i + 1}, CC: "ZZ", Targets: []string{ban.Unnamed}, Other: []string{p}, Method: ban.Block, Scope: ban.Local, Area: p, Start: day, Status: ban.Unknown, Known: day})
	}
	s.site.Desk.Lists = func() ([]ban.Report, error) { return reports, nil }
	ranked, err := s.site.Desk.Longest(t.Context(), time.Time{}, time.Time{})
	if err != nil || len(ranked) < 18 {
		t.Fatalf("%d bans, %v", len(ranked), err)
	}
	pages := []string{"/", "/bans", "/bans?format=csv", "/hours", "/cc", "/cc/ZZ", "/cc/ZZ/x", "/platforms/x", "/feed.atom", "/cc/ZZ/x/feed.json", "/ur", "/ur/bans", "/ur/hours", "/ur/cc/ZZ/x", "/embed/ZZ/x"}
	for i := range ranked {
		if ranked[i].CC == "ZZ" {
			pages = append(pages, "/bans/"+url.PathEscape(ranked[i].ID), "/ur/bans/"+url.PathEscape(ranked[i].ID))
		}
	}
	for _, at := range pages {
		resp, page := s.answerOf(at)
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", at, resp.StatusCode)
		}
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			inert(t, at, page)
		}
	}
}

// Questions that are too long, and clients that send byte by byte or go away, are
// refused or waited for: none is answered with a failure of the server, and the
// next reader is served.
func TestOversizedAndSlow(t *testing.T) {
	s := serve(t)
	long := strings.Repeat("a", 100_000)
	for _, at := range []string{"/search?q=" + long, "/cc/PK/" + long, "/cc/PK/x?at=" + long, "/check?target=" + long + "&cc=PK&at=2024-01-01&claim=blocked", "/ur/search?q=" + long, "/contribute?about=/" + long, "/cases/" + long, "/m/" + long, "/" + strings.Repeat("a/", 20_000), "/?" + strings.Repeat("a=b&", 20_000)} {
		code, page := s.get(at)
		if code >= 500 || len(page) > 2_000_000 {
			t.Errorf("%.60s…: %d, %d bytes", at, code, len(page))
		}
	}
	for _, sent := range []string{"GET /cc/PK/x HTTP/1.1\r\nHost: a\r\n", "POST /contribute HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000000\r\n\r\nkind=", "GET / HTTP/1.1\r\nHost: a\r\nX: " + long, "\x16\x03\x01\x02\x00", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []byte(sent[:min(len(sent), 200)]) { // byte by byte
			if _, err := c.Write([]byte{b}); err != nil {
				break
			}
		}
		if code, _ := s.get("/safety"); code != 200 {
			t.Errorf("beside a slow client: %d", code)
		}
		c.Close()
	}
}
