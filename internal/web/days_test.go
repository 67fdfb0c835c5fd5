package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/api"
)

// timeless are the templates of pages on which a day has no meaning, and why.
var timeless = map[string]string{
	"measurement.html": "one measurement is of one moment", "measurements.html": "its own form narrows the list from a day to a day", "check.html": "the day is part of the question",
	"search.html": "it finds what is there now", "contribute.html": "a form", "alerts.html": "a form; alerts speak of what comes", "ledger.html": "its entries are in their order, and ?before= pages through them",
	"rules.html": "the rules of this program", "methods.html": "the methods of this program", "data.html": "says where the data are", "api.html": "describes the API", "about.html": "says who and why", "safety.html": "advice",
	"error.html": "nothing is there", "embed.html": "for other sites; it takes the day from its address", "lang.html": "pages of other languages, which are asked for by themselves here",
}

// days asks each kind of page about a day: it has a control of the day, its citation
// carries the day, it says so in each language, and it gives what the API gives.
func days(t *testing.T, s *server) {
	var events []struct {
		ID    string
		Onset struct{ Latest time.Time }
	}
	if _, text := s.get("/events?format=json"); json.Unmarshal([]byte(text), &events) != nil || len(events) == 0 {
		t.Fatalf("no events: %.200s", text)
	}
	begun := slices.MinFunc(events, func(a, b struct {
		ID    string
		Onset struct{ Latest time.Time }
	}) int {
		return a.Onset.Latest.Compare(b.Onset.Latest)
	})
	day := begun.Onset.Latest.AddDate(0, 0, 2).UTC().Format(time.DateOnly)
	programs := api.New(&api.Server{Desk: s.site.Desk, Store: s.site.Store, Targets: s.site.Targets, Records: s.site.Records, Now: s.site.Now, Log: s.site.Log}).Handler()
	pages := map[string]struct{ page, api string }{
		"home.html": {"/", ""}, "blocked.html": {"/blocked", "/answers?"}, "countries.html": {"/cc", "/countries?limit=1000&"}, "country.html": {"/cc/ZZ", "/answers?limit=1000&country=ZZ&"}, "platforms.html": {"/platforms", "/platforms?limit=1000&"},
		"platform.html": {"/platforms/x", "/answers?limit=1000&target=x&"}, "answer.html": {"/cc/ZZ/x", "/answer?country=ZZ&target=x&"}, "days.html": {"/cc/ZZ/x/days", ""}, "network.html": {"/networks/AS64512", "/networks/AS64512?"},
		"events.html": {"/events", "/events?limit=1000&"}, "event.html": {"/events/" + begun.ID, ""}, "bans.html": {"/bans", "/bans?limit=1000&"}, "ban.html": {"/bans/pk-x-2024-02-17", ""}, "hours.html": {"/hours", "/hours?limit=1000&"},
		"cases.html": {"/cases", ""}, "case.html": {"/cases/pk-2024-x", ""}, "item.html": {"/cases/pk-2024-x/act/moi-letter", ""}, "thing.html": {"/actors/pk-pta", ""},
	}
	for name := range s.site.pages {
		if _, has := pages[name]; has == (timeless[name] != "") {
			t.Errorf("%s: either it is asked about a day here, or it is named with the reason why not", name)
		}
	}
	control := regexp.MustCompile(`<input type="date" name="(at|as-of)"`)
	cited := regexp.MustCompile(`<blockquote class="cite"[^>]*>(?:[^<]|</?bdi>)*\?[^<]*(at|as-of)=` + day)
	for name, p := range pages {
		for _, path := range []string{p.page, strings.TrimSuffix("/ur"+p.page, "/")} {
			resp, page := s.answerOf(path + "?at=" + day)
			if resp.StatusCode != http.StatusOK || !control.MatchString(page) || !cited.MatchString(page) {
				t.Errorf("%s?at=%s (%s): status %d, a control: %v, a citation of the day: %v", path, day, name, resp.StatusCode, control.MatchString(page), cited.MatchString(page))
			}
			if _, now := s.answerOf(path); !control.MatchString(now) || !strings.Contains(now, `<blockquote class="cite"`) {
				t.Errorf("%s (%s) has no control of the day, or no citation", path, name)
			}
			if code, _ := s.get(path + "?at=yesterday"); code != http.StatusBadRequest {
				t.Errorf("%s?at=yesterday: %d", path, code)
			}
		}
		if p.api == "" {
			continue
		}
		_, shown := s.get(p.page + "?format=json&at=" + day)
		w := httptest.NewRecorder()
		programs.ServeHTTP(w, httptest.NewRequest("GET", api.Prefix+p.api+"at="+day, nil))
		var onPage, given any
		if err := json.Unmarshal([]byte(shown), &onPage); err != nil {
			t.Fatalf("%s: %v: %.200s", p.page, err, shown)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &given); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %v: %.200s", p.api, w.Code, err, w.Body)
		}
		list := func(v any, member string) any {
			if m, ok := v.(map[string]any); ok && m[member] != nil {
				return m[member]
			}
			return v
		}
		switch name {
		case "country.html":
			onPage = list(onPage, "targets")
		case "platform.html":
			onPage = list(onPage, "countries")
		}
		if given = list(given, "results"); !reflect.DeepEqual(onPage, given) {
			t.Errorf("%s?at=%s gives something else than the API's %s", p.page, day, p.api)
		}
	}
	cards(s, begun.ID)
	before := begun.Onset.Latest.AddDate(0, 0, -30).UTC().Format(time.DateOnly)
	if code, _ := s.get("/events/" + begun.ID + "?at=" + before); code != http.StatusNotFound {
		t.Errorf("a ban that had not begun is shown: %d", code)
	}
	if _, list := s.get("/events?at=" + before); strings.Contains(list, "/events/"+begun.ID) {
		t.Error("a ban that had not begun is in the list of that day")
	}
}

// What is cited from a page of a language leads to that page, and says its language.
func TestCitationsInUrdu(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/cc/PK/x", "/cc/PK", "/cases/pk-2024-x", "/cases/pk-2024-x/act/moi-letter", "/bans/pk-x-2024-02-17", "/sources/" + url.PathEscape(s.site.Records.Case("pk-2024-x").Sources[0].ID)} {
		for format, want := range map[string]string{"text": "، اردو میں۔", "bibtex": "language = {Urdu}", "ris": "LA  - ur\r\n", "csl": `"language": "ur"`} {
			resp, text := s.answerOf("/ur" + path + "?format=" + format)
			if resp.StatusCode != http.StatusOK || !strings.Contains(text, resp.Request.URL.Host+"/ur"+path+"?") || !strings.Contains(text, want) {
				t.Errorf("/ur%s as %s: %d %s", path, format, resp.StatusCode, text)
			}
			if _, english := s.answerOf(path + "?format=" + format); strings.Contains(english, "Urdu") || strings.Contains(english, "/ur/") {
				t.Errorf("%s as %s: %s", path, format, english)
			}
		}
	}
}
