package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// latinWord is a word in Latin letters; notWords are names between marks, places,
// addresses of links and dates.
var (
	latinWord = regexp.MustCompile(`[A-Za-z]{2}`)
	notWords  = regexp.MustCompile(isolate + "[^" + isolend + "]*" + isolend + `|\{[a-z]+\}|\]\(/[^)]*\)`)
)

// Every language has every text, every platform of the record, and no text that
// nothing shows. What is missing is listed by its key.
func TestCataloguesAreWhole(t *testing.T) {
	b, err := files.ReadFile("template/lang.html")
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, m := range regexp.MustCompile(`T "([a-z_.]+)"`).FindAllStringSubmatch(string(b), -1) {
		wanted[m[1]] = true
	}
	for _, k := range langKeys() {
		wanted[k] = true
	}
	if len(wanted) < 100 {
		t.Fatalf("only %d texts are wanted", len(wanted))
	}
	all := loadCatalogues()
	if all["ur"] == nil {
		t.Fatal("there is no Urdu")
	}
	s := serve(t)
	for code, c := range all {
		for k := range wanted {
			e, ok := c.Text[k]
			if !ok {
				t.Errorf("%s: no text for %s", code, k)
			}
			for _, text := range e.texts() {
				if text == "" || strings.Count(text, "{") != strings.Count(text, "}") {
					t.Errorf("%s: %s is %q", code, k, text)
				}
				if c.Language.Dir == "rtl" && k != "nav.english" && latinWord.MatchString(notWords.ReplaceAllString(text, "")) {
					t.Errorf("%s: %s is not in the language: %q", code, k, text)
				}
			}
			if e.forms != nil && e.forms["other"] == "" && e.forms["m"] == "" {
				t.Errorf("%s: %s has no form for the rest", code, k)
			}
		}
		for k := range c.Text {
			if !wanted[k] {
				t.Errorf("%s: nothing shows %s", code, k)
			}
		}
		for _, page := range []string{"methods", "data", "safety"} {
			if p := c.Pages[page]; p.Title == "" || len(p.Blocks) < 3 {
				t.Errorf("%s: no page %s", code, page)
			}
		}
		for _, cs := range s.site.Records.Cases {
			for _, target := range cs.Targets {
				if _, ok := c.Platforms[target]; !ok {
					t.Errorf("%s: no name for the platform %s of %s", code, target, cs.ID)
				}
			}
		}
		for k := range c.Unconfirmed {
			if prefix, many := strings.CutSuffix(k, "*"); many {
				if !slices.ContainsFunc(slices.Collect(maps.Keys(c.Text)), func(key string) bool { return strings.HasPrefix(key, prefix) }) {
					t.Errorf("%s: %s is unconfirmed, and is nothing", code, k)
				}
				continue
			}
			kind, id, _ := strings.Cut(k, ".")
			_, text := c.Text[k]
			_, name := c.Platforms[id]
			_, story := c.Cases[id]
			_, prose := c.Pages[id]
			if !text && !(kind == "platform" && name) && !(kind == "case" && story) && !(kind == "page" && prose) {
				t.Errorf("%s: %s is unconfirmed, and is nothing", code, k)
			}
		}
	}
}

// Every kind of page is there in every language. What is not stands here.
func TestEveryPageIsThereInEveryLanguage(t *testing.T) {
	s := demonstration(t)
	for code := range loadCatalogues() {
		for _, at := range s.everyKind() {
			if strings.HasPrefix(at, "/ur") || strings.HasPrefix(at, "/embed") || at == "/none-such" {
				continue
			}
			want, _ := s.answerOf(at)
			resp, page := s.answerOf("/" + code + strings.TrimSuffix(at, "/"))
			if resp.StatusCode != want.StatusCode || !strings.Contains(page, `<html lang="`+code+`"`) {
				t.Errorf("%s: %s is not there: %d", code, at, resp.StatusCode)
			}
		}
	}
}

// answersOfEveryKind make every remark that an answer can.
func answersOfEveryKind() []answer.Answer {
	day := func(d int) *time.Time { t := time.Date(2024, 2, d, 0, 0, 0, 0, time.UTC); return &t }
	at := *day(20)
	half := .05
	base := answer.Answer{CC: "PK", Country: "Pakistan", Target: "x", Name: "X", At: at, LastMeasured: &at}
	counts := answer.Counts{Blocked: 9, OK: 1, Measurements: 10, Failed: 9, Reports: 3, Networks: 2, From: *day(13), UsuallyFailed: &half}
	report := answer.ReportedBan{Start: *day(1), StartBy: day(2), Days: 19, AtMost: 20, AtLeast: true, Known: *day(19), Holds: true, Scope: "national", By: []string{"record pk-2024-x", "keepiton f:3"}}
	ended := report
	ended.End, ended.AtLeast = day(18), false
	local := ended
	local.Scope, local.Area = "subnational", "Balochistan"
	var out []answer.Answer
	for _, state := range []verdict.State{verdict.OK, verdict.Down, verdict.Impaired, verdict.Insufficient} {
		a := base
		a.State, a.Basis, a.Counts, a.Stale, a.Known, a.Example = state, answer.Measured, counts, 30, day(20), true
		a.Last = &answer.Past{Since: event.Interval{Earliest: day(1), Latest: day(2)}, Until: &event.Interval{Earliest: day(3), Latest: day(4)}}
		a.Disagree, a.Informs = []string{"Sources report something else."}, &answer.Informs{Measurements: 5, Failed: 4}
		out = append(out, a)
		a.Last, a.Counts.Reports = &answer.Past{Since: event.Interval{Latest: day(2)}}, 0
		out = append(out, a)
	}
	for _, r := range []answer.ReportedBan{report, ended, local} {
		for _, state := range []verdict.State{verdict.Blocked, verdict.LikelyBlocked, verdict.Insufficient} {
			a := base
			a.State, a.Basis, a.Reported = state, answer.Reported, []answer.ReportedBan{r}
			out = append(out, a)
			a.LastMeasured = nil
			out = append(out, a)
		}
	}
	return out
}

// An answer in another language has a sentence for each remark, in the language:
// what is of another script stands between marks.
func TestSentencesInOtherLanguages(t *testing.T) {
	isolated := regexp.MustCompile(isolate + "[^" + isolend + "]*" + isolend)
	said := map[answer.RemarkKey]bool{}
	for _, c := range loadCatalogues() {
		for _, target := range []string{"x", "facebook", "example.com"} {
			for _, a := range answersOfEveryKind() {
				a.Target, a.Name = target, map[string]string{"x": "X", "facebook": "Facebook", "example.com": "example.com"}[target]
				for _, r := range a.Remarks() {
					said[r.Key] = true
				}
				text := c.sentence(&a) + " " + c.head(&a)
				if strings.Contains(text, "nil") || strings.ContainsAny(text, "{}%") || text == "" {
					t.Errorf("%s of %s: %s", c.code, target, text)
				}
				if c.Language.Dir == "rtl" {
					for _, r := range isolated.ReplaceAllString(text, "") {
						if unicode.Is(unicode.Latin, r) {
							t.Errorf("%s: a Latin letter stands without marks in: %s", c.code, text)
							break
						}
					}
				}
			}
		}
	}
	for _, k := range []answer.RemarkKey{answer.SayReported, answer.SayWasReported, answer.SayMeasured, answer.SayLittle, answer.SayPast, answer.SayDisagree, answer.SayInforms, answer.SayStale, answer.SayPublished, answer.SayKnown, answer.SayExample, answer.SayNoMeasurements, answer.SayTooFew} {
		if !said[k] {
			t.Errorf("no answer of the test makes the remark %s", k)
		}
	}
}

// Gender and number are those of the language.
func TestUrduAgrees(t *testing.T) {
	c := loadCatalogues()["ur"]
	end := time.Date(2024, 2, 18, 0, 0, 0, 0, time.UTC)
	a := answer.Answer{CC: "PK", Country: "Pakistan", State: verdict.Insufficient, Reported: []answer.ReportedBan{{Start: end.AddDate(0, 0, -5), End: &end, Days: 6, Scope: "national", By: []string{"record a"}}}}
	for target, want := range map[string]string{"x": "بلاک رہا", "facebook": "بلاک رہی"} {
		if a.Target = target; !strings.Contains(c.sentence(&a), want) {
			t.Errorf("%s: %s", target, c.sentence(&a))
		}
	}
	if one, many := c.counted("measurements", 1), c.counted("measurements", 0); one != "1 پیمائش" || many != "0 پیمائشیں" {
		t.Errorf("one is %q, none is %q", one, many)
	}
	if got := c.country("TZ", "Tanzania"); got != "تنزانیہ" {
		t.Errorf("Tanzania is %s", got)
	}
}

// The pages of a language say the same state as the English ones, hold nothing
// that is live, and leave no key in place of a text.
func TestPagesInUrdu(t *testing.T) {
	s := serve(t)
	for _, asn := range []int{64512, 64513} {
		for range 4 {
			s.submit(18, asn, "x.com", true)
		}
	}
	s.count()
	for _, path := range []string{"", "/about", "/cases", "/cases/pk-2024-x", "/cases/pk-2024-x?as-of=2024-03-14", "/cases/ke-2024-telegram", "/cc/PK", "/cc/ZZ", "/cc/PK/x", "/cc/PK/x?at=2024-03-01", "/cc/ZZ/x", "/cc/BR/x", "/cc/pk/facebook",
		"/blocked", "/cc", "/platforms", "/platforms/x", "/platforms/x?at=2024-03-01", "/networks/AS64512", "/events", "/cc/ZZ/x/measurements", "/cc/PK/x/measurements", "/check", "/check?target=x&cc=PK&at=2024-03-13&claim=accessible", "/search", "/search?q=pakistan"} {
		resp, page := s.answerOf("/ur" + path)
		if resp.StatusCode != 200 || !strings.Contains(page, `<html lang="ur" dir="rtl">`) || resp.Header.Get("Content-Language") != "ur" {
			t.Errorf("/ur%s: %d", path, resp.StatusCode)
			continue
		}
		inert(t, "/ur"+path, page)
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		s.wording().check(t, "/ur"+path, root)
		if strings.ContainsAny(page, isolate+isolend) && !strings.Contains(page, "<title>") {
			t.Errorf("/ur%s: marks are left in the page", path)
		}
		text, _ := textOf(t, page)
		if m := regexp.MustCompile(`\b(say|state|turn|kind|status|date|case|answer)\.[a-z_]+`).FindString(text); m != "" && path != "/about" {
			t.Errorf("/ur%s shows the key %s", path, m)
		}
	}
	for _, path := range []string{"/cc/ZZ/x", "/cc/PK/x", "/cc/PK/x?at=2024-03-01"} {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		_, text := s.get(path + sep + "format=json")
		var a inquiry.Answered
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
		if _, page := s.get("/ur" + path); !strings.Contains(page, `class="state s-`+string(a.State)+`"`) {
			t.Errorf("/ur%s does not say %s", path, a.State)
		}
	}
	for _, none := range []string{"/ur/nothing", "/ur/cases/none", "/ur/cc/QQ", "/ur/cc/PK/none-such", "/xx"} {
		if code, _ := s.get(none); code != 404 {
			t.Errorf("%s: %d", none, code)
		}
	}
}

// Every page is there in every language.
func TestNoPageIsMissingInOtherLanguages(t *testing.T) {
	for _, at := range []string{"/", "/blocked", "/bans", "/bans/x", "/hours", "/cc", "/cc/PK", "/cc/PK/x", "/cc/PK/x/days", "/cc/PK/x/measurements", "/m/x", "/platforms", "/platforms/x", "/networks/AS64512", "/events", "/events/x",
		"/rules", "/methods", "/data", "/api/v1", "/about", "/safety", "/contribute", "/cases", "/cases/x", "/cases/x/act/x", "/actors/x", "/laws/x", "/sources/x", "/check", "/search", "/alerts", "/ledger"} {
		if show, _ := langPageOf(strings.Split(strings.Trim(at, "/"), "/")); show == nil {
			t.Errorf("%s is not there in other languages", at)
		}
	}
}

// What cannot be answered is said in the language, with the status of a mistake.
func TestMistakesInUrdu(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{"/ur/check?target=x&cc=PK&at=never&claim=accessible": "اس سوال کا جواب نہیں دیا جا سکا", "/ur/search?q=" + strings.Repeat("a", 600): "کم از کم ایک لفظ لکھیں"} {
		resp, page := s.answerOf(path)
		if resp.StatusCode != 400 || !strings.Contains(page, want) || !strings.Contains(page, `dir="rtl"`) {
			t.Errorf("%.60s: %d", path, resp.StatusCode)
		}
	}
}

// The reader's browser proposes a language, and the address decides it.
func TestLanguageIsProposed(t *testing.T) {
	s := serve(t)
	for want, accept := range map[bool]string{true: "ur-PK,ur;q=0.9,en;q=0.5", false: "en-GB,ur;q=0.5"} {
		r, err := http.NewRequest("GET", s.url+"/cc/PK/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", accept)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		page := make([]byte, 8<<10)
		n, _ := resp.Body.Read(page)
		resp.Body.Close()
		text := string(page[:n])
		if proposed := strings.Contains(text, `dir="rtl"><a href="/ur/cc/PK/x"`); proposed != want || !strings.Contains(text, `<html lang="en"`) {
			t.Errorf("%s: proposed is %v", accept, proposed)
		}
		if !slices.Contains(resp.Header.Values("Vary"), "Accept, Accept-Language") {
			t.Errorf("Vary is %v", resp.Header.Values("Vary"))
		}
	}
}

// A mechanism is said in the language, with its name: the English page says it, so
// every language does.
func TestMechanismsInOtherLanguages(t *testing.T) {
	mechanisms := []string{"tls.reset.sni", "tls.timeout.sni", "tcp.timeout", "dns.injection.bogon", "quic.eof", "http.reset", "tls.mitm.self_signed", "dns.servfail", "app.timeout"}
	for _, c := range loadCatalogues() {
		for _, m := range mechanisms {
			if verdict.MechanismWords(m) == "" {
				t.Fatalf("English has no words for %s", m)
			}
			words, name, found := strings.Cut(c.how(m), " ("+isolate)
			if !found || name != m+isolend+")" || words == "" || strings.ContainsAny(words, isolate+"{}") {
				t.Errorf("%s: %s is %q", c.code, m, c.how(m))
			}
		}
		if got := c.how("unheard.of"); got != foreign("unheard.of") {
			t.Errorf("%s: what nobody knows is %q", c.code, got)
		}
	}
}
