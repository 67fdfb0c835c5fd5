package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
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
	for _, p := range payloads[:18] {
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
