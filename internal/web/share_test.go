package web

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	ics "github.com/arran4/golang-ical"

	"github.com/bandish/bandish/internal/inquiry"
)

// answerOf returns a whole response.
func (s *server) answerOf(path string) (*http.Response, string) {
	s.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp, string(b)
}

// A citation has the same title, address and day in every format.
func TestCitations(t *testing.T) {
	s := serve(t)
	for _, page := range []string{"/cc/PK/x", "/cases/pk-2024-x", "/cases/pk-2024-x/act/moi-letter", "/actors/pk-pta", "/laws/pk-peca-2016", "/cases"} {
		for _, day := range []string{"", "as-of=2024-05-01&"} {
			address := page + "?as-of=2024-02-20"
			if day != "" {
				address = page + "?as-of=2024-05-01"
			}
			for format, kind := range map[string]string{"text": "text/plain", "bibtex": "application/x-bibtex", "ris": "application/x-research-info-systems", "csl": "application/vnd.citationstyles.csl+json"} {
				resp, text := s.answerOf(page + "?" + day + "format=" + format)
				if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) {
					t.Errorf("%s as %s: %d %s", page, format, resp.StatusCode, resp.Header.Get("Content-Type"))
				}
				if !strings.Contains(text, address) {
					t.Errorf("%s as %s does not give the address %s with its day:\n%s", page, format, address, text)
				}
				if format == "csl" && !json.Valid([]byte(text)) {
					t.Errorf("%s: no JSON: %s", page, text)
				}
				if format == "bibtex" && strings.Count(text, "{") != strings.Count(text, "}") {
					t.Errorf("%s: braces do not match: %s", page, text)
				}
			}
		}
	}
}

// What a title holds cannot leave its field.
func TestCitationsOfHostileTitles(t *testing.T) {
	for _, title := range []string{"a}\n@misc{b, title={c", "x\r\nUR  - https://evil.example/\r\nER  - ", `\write18{rm}`, `","x":"`} {
		c := citation{Citation: inquiry.Citation{Title: title, Address: "https://site/" + title, Known: now}, Path: title, Shown: now}
		bib, ris := c.bibTeX(), c.ris()
		if strings.Count(bib, "\n@") > 0 || strings.Count(bib, "{") != strings.Count(bib, "}") || strings.Contains(bib, `\write18`) {
			t.Errorf("BibTeX of %q: %s", title, bib)
		}
		if strings.Count(ris, "\r\nUR  - ") != 1 || strings.Count(ris, "\r\nER  - ") != 1 {
			t.Errorf("RIS of %q: %q", title, ris)
		}
		if b, err := c.csl(); err != nil || !json.Valid(b) {
			t.Errorf("CSL of %q: %s %v", title, b, err)
		}
	}
}

func TestFeeds(t *testing.T) {
	s := serve(t)
	for _, base := range []string{"", "/cc/PK", "/cc/PK/x", "/platforms/x", "/cases/pk-2024-x", "/ur", "/ur/cc/PK", "/ur/cc/PK/x", "/ur/platforms/x", "/ur/cases/pk-2024-x"} {
		resp, text := s.answerOf(base + "/feed.atom")
		var atom struct {
			Language string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
			Title    string `xml:"title"`
			Entries  []struct {
				ID   string `xml:"id"`
				Link struct {
					Href string `xml:"href,attr"`
				} `xml:"link"`
			} `xml:"entry"`
		}
		if err := xml.Unmarshal([]byte(text), &atom); err != nil || resp.StatusCode != 200 || len(atom.Entries) == 0 {
			t.Errorf("%s/feed.atom: %d, %d entries, %v", base, resp.StatusCode, len(atom.Entries), err)
			continue
		}
		ids := map[string]bool{}
		for _, e := range atom.Entries {
			if ids[e.ID] {
				t.Errorf("%s: two entries have the id %s", base, e.ID)
			}
			ids[e.ID] = true
		}
		u, err := url.Parse(atom.Entries[0].Link.Href)
		if err != nil {
			t.Fatal(err)
		}
		language, _, _ := strings.Cut(strings.TrimPrefix(base, "/"), "/")
		if urdu := language == "ur"; urdu != (atom.Language == "ur") || urdu != inUrdu(atom.Title) || urdu != strings.HasPrefix(u.Path, "/ur/") {
			t.Errorf("%s: a feed in %q with the title %q leads to %s", base, atom.Language, atom.Title, u)
		}
		if code, _ := s.get(u.Path); code != 200 {
			t.Errorf("%s: its first entry leads to %s: %d", base, u, code)
		}
		var feed struct {
			Items []struct{ ID string } `json:"items"`
		}
		if _, text := s.answerOf(base + "/feed.json"); json.Unmarshal([]byte(text), &feed) != nil || len(feed.Items) != len(atom.Entries) {
			t.Errorf("%s/feed.json has %d items, the Atom feed %d entries", base, len(feed.Items), len(atom.Entries))
		}
	}
	for _, none := range []string{"/ur/cc/QQ/feed.atom", "/ur/cc/feed.atom", "/ur/bans/feed.json", "/cc/QQ/feed.atom", "/cases/none/feed.json", "/platforms/none/feed.atom", "/cases/none/courts.ics"} {
		if code, _ := s.get(none); code != 404 {
			t.Errorf("%s: %d", none, code)
		}
	}
}

func TestCourtDates(t *testing.T) {
	s := serve(t)
	english, urdu := s.courtDates(t, ""), s.courtDates(t, "/ur")
	if len(english) < 10 || len(urdu) != len(english) {
		t.Errorf("the Pakistan case has %d court dates, and %d in Urdu", len(english), len(urdu))
	}
	for id, e := range urdu {
		if say := e.GetProperty(ics.ComponentPropertySummary).Value; !inUrdu(say) {
			t.Errorf("%s is %q in Urdu", id, say)
		}
		if at := e.GetProperty(ics.ComponentPropertyUrl).Value; !strings.Contains(at, "/ur/cases/pk-2024-x/act/") {
			t.Errorf("%s leads to %s", id, at)
		}
		if told := e.GetProperty(ics.ComponentPropertyDescription); !slices.Equal(told.ICalParameters["LANGUAGE"], []string{"en"}) {
			t.Errorf("%s: what the record says of it is in %v", id, told.ICalParameters)
		}
	}
	if code, _ := s.get("/ur/cases/none/courts.ics"); code != 404 {
		t.Errorf("a case that is not there: %d", code)
	}
}

// inUrdu reports whether a text has letters of Urdu.
func inUrdu(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Arabic, r) })
}

// courtDates reads the calendar of the Pakistan case in a language.
func (s *server) courtDates(t *testing.T, language string) map[string]*ics.VEvent {
	t.Helper()
	resp, text := s.answerOf(language + "/cases/pk-2024-x/courts.ics")
	cal, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/calendar") {
		t.Fatalf("%d %v", resp.StatusCode, err)
	}
	seen := map[string]*ics.VEvent{}
	for _, e := range cal.Events() {
		if seen[e.Id()] != nil {
			t.Errorf("two events have the id %s", e.Id())
		}
		seen[e.Id()] = e
	}
	if _, again := s.answerOf(language + "/cases/pk-2024-x/courts.ics"); again != text {
		t.Error("the calendar changes while nothing does")
	}
	return seen
}

// small checks a card or a badge: other sites may frame it, it is under 5 KB, and
// nothing in it is live.
func (s *server) small(path string) {
	s.Helper()
	resp, text := s.answerOf(path)
	csp := resp.Header.Get("Content-Security-Policy")
	if resp.StatusCode != 200 || len(text) > 5<<10 || !strings.Contains(csp, "frame-ancestors *") || !strings.Contains(csp, "default-src 'none'") {
		s.Errorf("%s: %d, %d bytes, %s", path, resp.StatusCode, len(text), csp)
	}
	if strings.Contains(path, ".svg") {
		if err := xml.NewDecoder(bytes.NewReader([]byte(text))).Decode(new(struct{})); err != nil {
			s.Errorf("%s: %v", path, err)
		}
	} else {
		inert(s.T, path, text)
	}
}

// cards opens the card and the badge of each kind of page that offers them, in the page
// itself and by oEmbed, in English and in Urdu.
func cards(s *server, event string) {
	for _, language := range []string{"", "/ur"} {
		s.cardsIn(language, event)
	}
}

func (s *server) cardsIn(language, event string) {
	s.Helper()
	host := strings.TrimPrefix(s.url, "http://")
	for _, page := range []string{"/cc/ZZ/x", "/cc/ZZ", "/events/" + event, "/bans/pk-x-2024-02-17", "/cases/pk-2024-x", "/networks/AS64512"} {
		card := language + "/embed" + cardPath(page)
		page = language + page
		on := "?at="
		if strings.HasPrefix(page, language+"/cases/") { // the day whose knowledge it shows
			on = "?as-of="
		}
		for _, day := range []string{"", on + s.site.Now().Format(time.DateOnly)} {
			s.small(card + day)
			s.small(card + badgeName + day)
			for _, path := range []string{card + day, card + badgeName + day} {
				_, text := s.answerOf(path)
				if urdu := language != ""; inUrdu(text) != urdu || strings.Contains(text, ` lang="ur"`) != urdu || strings.Contains(text, `="rtl"`) != urdu || strings.Contains(text, `href="/ur/`) != (urdu && !strings.Contains(path, badgeName)) {
					s.Errorf("%s is not in the language of its address:\n%s", path, text)
				}
			}
			if _, text := s.answerOf(page + day); !strings.Contains(text, `href="`+card+day+`"`) || !strings.Contains(text, `href="/oembed?url=`) {
				s.Errorf("%s does not offer its card", page+day)
			}
			var o struct{ HTML, Title string }
			if resp, text := s.answerOf("/oembed?url=" + url.QueryEscape("http://"+host+page+day)); json.Unmarshal([]byte(text), &o) != nil || resp.StatusCode != 200 || o.Title == "" || inUrdu(o.Title) != (language != "") || !strings.Contains(o.HTML, host+card+day+`"`) {
				s.Errorf("oEmbed of %s: %d %s", page+day, resp.StatusCode, text)
			}
		}
	}
}

func TestEmbeds(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/embed/PK/x", "/embed/PK/x?at=2024-03-01", "/embed/PK/x/badge.svg", "/embed/ZZ/x/badge.svg?at=2024-03-01"} {
		s.small(path)
	}
	if resp, _ := s.answerOf("/cc/PK/x"); !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("other sites may frame the pages themselves")
	}
	// The pinned card says what the page of that day says.
	if _, card := s.get("/embed/PK/x?at=2024-03-01"); !strings.Contains(card, "1 March 2024") || !strings.Contains(card, "blocked") {
		t.Errorf("the card of 1 March 2024: %s", card)
	}
	host := strings.TrimPrefix(s.url, "http://")
	resp, text := s.answerOf("/oembed?url=" + url.QueryEscape("http://"+host+"/cc/pk/x?at=2024-03-01"))
	var o struct{ Type, HTML, Title string }
	if err := json.Unmarshal([]byte(text), &o); err != nil || resp.StatusCode != 200 || o.Type != "rich" || !strings.Contains(o.HTML, "/embed/PK/x?at=2024-03-01") {
		t.Errorf("oEmbed: %d %s", resp.StatusCode, text)
	}
	for _, bad := range []string{"/oembed", "/oembed?url=https://evil.example/cc/PK/x", "/oembed?url=" + url.QueryEscape("http://"+host+"/cases"), "/oembed?format=xml&url=x", "/embed/rules", "/embed/events/none", "/embed/bans/none", "/embed/cases/none", "/embed/networks/AS1", "/embed/cc/QQ", "/embed/QQ/x", "/embed"} {
		if code, _ := s.get(bad); code < 400 || code >= 500 {
			t.Errorf("%s: %d", bad, code)
		}
	}
}

// Data for search engines is JSON of schema.org and says what the page says.
func TestLinkedData(t *testing.T) {
	s := serve(t)
	for path, want := range map[string][]string{
		"/data":            {`"@type":"Dataset"`, `"@type":"DataDownload"`, `/bans?format=csv"`},
		"/cases/pk-2024-x": {`"@type":"Event"`, `"startDate":"2024-02-17"`, `"@type":"BreadcrumbList"`},
		"/cases/pk-2024-x/claim/" + s.site.Records.Case("pk-2024-x").Claims[0].ID: {`"@type":"ClaimReview"`, `"alternateName":`},
	} {
		_, page := s.get(path)
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s has no %s", path, w)
			}
		}
		inert(t, path, page)
	}
}

// A picture says what its page says, and the page names it by its full address.
func TestPicturesForSharing(t *testing.T) {
	s := serve(t)
	s.submit(18, 64512, "x.com", true)
	s.submit(18, 64512, "x.com", true)
	s.count()
	host := strings.TrimPrefix(s.url, "http://")
	for page, picture := range map[string]string{
		"/cc/PK/x": "/cc/PK/x/picture.png", "/cc/PK/x?at=2024-03-01&networks=all": "/cc/PK/x/picture.png?at=2024-03-01", "/ur/cc/PK/x": "/ur/cc/PK/x/picture.png",
		"/ur/cc/PK/x?as-of=2024-03-01": "/ur/cc/PK/x/picture.png?as-of=2024-03-01", "/cases": "/picture.png", "/cc/PK": "/picture.png", "/ur": "/picture.png",
		"/": "/platforms/x/picture.png", "/platforms/x?at=2024-03-01": "/platforms/x/picture.png?at=2024-03-01", "/ur/platforms/x": "/ur/platforms/x/picture.png", "/bans": "/bans/picture.png", "/networks/AS64512": "/networks/AS64512/picture.png",
		"/cases/pk-2024-x": "/cases/pk-2024-x/picture.png", "/cases/pk-2024-x/act/moi-letter?as-of=2024-05-01": "/cases/pk-2024-x/picture.png?as-of=2024-05-01", "/ur/cases/pk-2024-x": "/ur/cases/pk-2024-x/picture.png", "/cases/ng-2021-x": "/cases/ng-2021-x/picture.png",
		itemHref(s.site.Records.Case("pk-2024-x"), s.site.Records.Case("pk-2024-x").Requests[0].ID): "/cases/pk-2024-x/requests.png",
	} {
		if _, text := s.answerOf(page); !strings.Contains(text, `property="og:image" content="https://`+host+picture+`"`) {
			t.Errorf("%s does not name %s", page, picture)
		}
		resp, body := s.answerOf(picture)
		keepShot(t, "og_"+strings.NewReplacer("/", "_", "?", "-").Replace(strings.Trim(picture, "/")), []byte(body))
		c, err := png.DecodeConfig(strings.NewReader(body))
		if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/png" || c.Width != 1200 || c.Height != 630 || len(body) > 150<<10 {
			t.Errorf("%s: %d %s, %d × %d, %d bytes: %v", picture, resp.StatusCode, resp.Header.Get("Content-Type"), c.Width, c.Height, len(body), err)
		}
	}
	for path, want := range map[string]int{"/cc/QQ/x/picture.png": 404, "/cc/PK/none-such/picture.png": 404, "/ur/cc/QQ/x/picture.png": 404, "/platforms/none-such/picture.png": 404, "/ur/platforms/none-such/picture.png": 404, "/cases/none/picture.png": 404, "/ur/cases/none/picture.png": 404, "/cases/ng-2021-x/requests.png": 404, "/networks/AS4200000000/picture.png": 404, "/ur/blocked/picture.png": 404} {
		if code, _ := s.get(path); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
}
