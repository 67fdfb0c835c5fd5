package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
)

// textOf is what a reader sees of a page, and where its links lead.
// abbrTag is what stands within a sentence.
var abbrTag = regexp.MustCompile(`</?(?:abbr|code)\b[^>]*>`)

func textOf(t *testing.T, page string) (text string, hrefs map[string]bool) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(abbrTag.ReplaceAllString(page, "")))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	hrefs = map[string]bool{}
	for n := range root.Descendants() {
		if n.Type == html.TextNode && !within(n, "script") {
			b.WriteString(n.Data + " ")
		}
		for _, a := range n.Attr {
			if a.Key == "href" {
				hrefs[a.Val] = true
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " "), hrefs
}

// linked are fields of the record that name another entry: they are links.
var linked = regexp.MustCompile(`^(by|to|court|judges|respondents|who|authority|reported_by|of|law|under|replaces|act|answers|implements|repeats|contradicts|defies|withdraws|in|from|docket|consolidated|appeal_of|ref|refs|source|copies|target|targets|platform|cc|claim|event)$`)

// leaves calls f with each text and number of a JSON value and its field.
func leaves(field string, v any, f func(field, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			leaves(name, x, f)
		}
	case []any:
		for _, x := range v {
			leaves(field, x, f)
		}
	case string:
		f(field, v)
	case float64:
		f(field, fmt.Sprint(v))
	}
}

// said reports whether a page says a leaf of the record's JSON in words.
func saidOn(text string, hrefs map[string]bool, field, leaf string) bool {
	if linked.MatchString(field) {
		for h := range hrefs {
			u, err := url.Parse(h)
			if err != nil {
				continue
			}
			if parts := strings.Split(u.EscapedPath(), "/"); parts[len(parts)-1] == url.PathEscape(leaf) {
				return true
			}
		}
	}
	for _, want := range []string{leaf, spacedWords(leaf), capital(spacedWords(leaf)), thousands(leaf)} {
		if strings.Contains(text, strings.Join(strings.Fields(want), " ")) {
			return true
		}
	}
	if d, err := casefile.ParseDate(leaf); err == nil {
		return strings.Contains(text, d.Words())
	}
	return false
}

// places are fields that tell programs where a passage stands in a copy, and the
// words around it.
var places = regexp.MustCompile(`^(offset|length|extractor|sha256|prefix|suffix|id|relation|kind)$`)

// Whatever the record holds of an entry stands on the entry's page in words or as
// a link: no field is for programs only.
func TestEveryFieldOfAnEntryIsSaid(t *testing.T) {
	s := serve(t)
	entries := 0
	for _, c := range s.site.Records.Cases {
		each(c, func(it any) {
			entries++
			id := reflect.ValueOf(it).Elem().FieldByName("ID").String()
			at := itemHref(c, id)
			code, page := s.get(at)
			if code != 200 {
				t.Errorf("%s: %d", at, code)
				return
			}
			text, hrefs := textOf(t, page)
			b, err := json.Marshal(it)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			leaves("", v, func(field, leaf string) {
				if !places.MatchString(field) && leaf != "" && !saidOn(text, hrefs, field, leaf) {
					t.Errorf("%s does not say %s: %s", at, field, leaf)
				}
			})
		})
	}
	if entries < 200 {
		t.Errorf("the record has %d entries only", entries)
	}
}

// The same for actors, laws and sources.
func TestEveryFieldOfAThingIsSaid(t *testing.T) {
	s := serve(t)
	check := func(at string, thing any) {
		code, page := s.get(at)
		if code != 200 {
			t.Errorf("%s: %d", at, code)
			return
		}
		text, hrefs := textOf(t, page)
		b, _ := json.Marshal(thing)
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		leaves("", v, func(field, leaf string) {
			if field != "id" && !saidOn(text, hrefs, field, leaf) {
				t.Errorf("%s does not say %s: %s", at, field, leaf)
			}
		})
	}
	rec := s.site.Records
	for _, a := range rec.Shared.Actors {
		check("/actors/"+a.ID, a)
	}
	for _, l := range rec.Shared.Laws {
		check("/laws/"+l.ID, l)
	}
	for _, c := range rec.Cases {
		for _, src := range c.Sources {
			check("/sources/"+src.ID, src)
		}
	}
}

// A day in the address holds on every page of the record: nothing that came out
// later is told, and links to other pages of the record keep the day.
func TestDayOfKnowledge(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]int{
		"/cases/pk-2024-x/act/moi-letter":                         200,
		"/cases/pk-2024-x/act/moi-letter?as-of=2024-02-01":        404,
		"/cases/pk-2024-x/act/moi-letter?as-of=soon":              400,
		"/cases/pk-2024-x/act/none":                               404,
		"/cases/pk-2024-x/nothing/moi-letter":                     404,
		"/cases/none/act/moi-letter":                              404,
		"/actors/pk-pta":                                          200,
		"/actors/pk-pta?at=2024-03-14":                            200,
		"/actors/none":                                            404,
		"/laws/none":                                              404,
		"/sources/none":                                           404,
		"/sources/%3Cscript%3E":                                   404,
		"/cases/pk-2024-x?as-of=" + url.QueryEscape("2024-02-30"): 400,
	} {
		if code, _ := s.get(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	for _, path := range []string{"/actors/pk-pta", "/cases/pk-2024-x", "/laws/pk-constitution"} {
		_, now := s.get(path)
		code, then := s.get(path + "?as-of=2024-03-14")
		if code != 200 || len(then) >= len(now) || strings.Contains(then, "May 2025") {
			t.Errorf("%s as of 14 March 2024 (%d, %d bytes against %d) knows of 2025", path, code, len(then), len(now))
		}
		_, hrefs := textOf(t, then)
		for h := range hrefs {
			if (strings.HasPrefix(h, "/cases/pk-2024-x/") || strings.HasPrefix(h, "/actors/") || strings.HasPrefix(h, "/sources/")) && !strings.Contains(h, "as-of=2024-03-14") && h != path && !strings.Contains(h, "/feed.") && !strings.HasSuffix(h, ".ics") {
				t.Errorf("%s of 14 March 2024 leads to %s, which is of another day", path, h)
			}
		}
	}
}

// The chronology can be narrowed, and its parts are all of it.
func TestChronologyIsNarrowed(t *testing.T) {
	s := serve(t)
	entries := func(path string) int {
		t.Helper()
		code, page := s.get(path)
		_, page, ok := strings.Cut(page, `<h2 id="chronology">`)
		if code != 200 || !ok {
			t.Fatalf("%s: %d", path, code)
		}
		page, _, _ = strings.Cut(page, "<h2")
		return strings.Count(page, `<span class="when">`)
	}
	sum := 0
	for _, f := range families {
		n := entries("/cases/pk-2024-x?only=" + f.word)
		if n == 0 && f.word != "others" {
			t.Errorf("no entry is of %s", f.word)
		}
		sum += n
	}
	if all := entries("/cases/pk-2024-x"); sum != all || all < 90 {
		t.Errorf("the parts have %d entries, and all are %d", sum, all)
	}
	if then, all := entries("/cases/pk-2024-x?as-of=2024-03-01&only=courts"), entries("/cases/pk-2024-x?only=courts"); then == 0 || then >= all {
		t.Errorf("on 1 March 2024 %d entries are of courts, now %d", then, all)
	}
	if code, _ := s.get("/cases/pk-2024-x?only=x"); code != 400 {
		t.Errorf("an unknown kind: %d", code)
	}
}

// A network stands as it was measured last, also where a report of the ban goes on
// when nobody measures any more.
func TestNetworkBesideReports(t *testing.T) {
	s := serveAt(t, time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC))
	for range 4 {
		s.submit(18, 64512, "x.com", true)
	}
	s.count()
	s.site.Desk.Lists = func() ([]ban.Report, error) {
		return []ban.Report{{Origin: ban.Origin{Dataset: ban.KeepItOn, File: "f", Row: 1}, CC: "ZZ", Targets: []string{"x"}, Method: ban.Block, Scope: ban.National, Start: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC), Status: ban.Ongoing, Known: time.Date(2024, 4, 30, 0, 0, 0, 0, time.UTC)}}, nil
	}
	on, known, err := s.site.Desk.Network(t.Context(), 64512)
	if err != nil || !known || len(on.Answers) != 1 {
		t.Fatal(on, known, err)
	}
	if a := on.Answers[0]; a.Network.Counts.Measurements != 4 || len(a.Days) != 1 || a.Days[0].Date != "2024-02-18" {
		t.Errorf("at %v: %d measurements, days %+v", a.At, a.Network.Counts.Measurements, a.Days)
	}
	_, text := s.get("/networks/AS64512?format=csv")
	if !strings.Contains(text, "AS64512,ZZ,x,2024-02-18,") {
		t.Errorf("as CSV: %s", text)
	}
}

// What is blocked, and what a network blocks, is said for the end of any day, by
// what was known on any day; the citation carries both, and each link too.
func TestListsOnADay(t *testing.T) {
	s := serve(t)
	for range 4 {
		s.submit(18, 64512, "x.com", true)
	}
	s.count()
	for path, want := range map[string]string{
		"/blocked?at=2024-02-19":                               `<a href="/cc/PK/x?at=2024-02-19">X in Pakistan</a>`, // 17 February 2024 to 7 May 2025
		"/blocked?as-of=2024-02-16":                            "",
		"/ur/blocked?at=2024-02-19":                            `href="/ur/cc/PK/x?at=2024-02-19"`,
		"/networks/AS64512?at=2024-02-18":                      "at the end of <time",
		"/ur/networks/AS64512":                                 `name="at"`,
		"/ur/platforms/x?at=2024-02-19":                        `value="2024-02-19"`,
		"/cc/PK?at=2024-02-19":                                 "as-of=2024-02-20",
		"/platforms/x":                                         "/platforms/x?as-of=2024-02-20",
		"/check?target=x&cc=PK&at=2024-02-19&claim=accessible": "/check?at=2024-02-19&amp;cc=PK&amp;claim=accessible&amp;target=x",
	} {
		code, page := s.get(path)
		if code != 200 || !strings.Contains(page, want) {
			t.Errorf("%s: %d, without %q", path, code, want)
		}
	}
	for path, not := range map[string]string{"/blocked?at=2024-02-01": "X in Pakistan", "/blocked?at=2024-02-19&as-of=2024-02-16": "X in Pakistan", "/networks/AS64512?as-of=2024-02-16": "likely blocked</span><br>"} {
		if code, page := s.get(path); code != 200 || strings.Contains(page, not) {
			t.Errorf("%s: %d, with %q", path, code, not)
		}
	}
	if code, _ := s.get("/blocked?at=never"); code != 400 {
		t.Errorf("a day that is none: %d", code)
	}
	for _, path := range []string{"/blocked?at=2024-02-19&format=json", "/networks/AS64512?at=2024-02-18&format=ris", "/check?target=x&cc=PK&at=2024-02-19&claim=accessible&format=bibtex", "/cc/PK?format=csl", "/platforms/x?format=text"} {
		if code, text := s.get(path); code != 200 || strings.Contains(text, "<html") {
			t.Errorf("%s: %d", path, code)
		}
	}
}

// How much of a country a ban reaches is said in the same words on its own page, in the
// list of bans and beside the answer, and no more than its reports say.
func TestWhereABanHolds(t *testing.T) {
	for want, one := range map[string]struct {
		scope ban.Scope
		area  string
		of    []ban.Dataset
	}{
		"the whole country":                   {ban.National, "Nationwide", []ban.Dataset{ban.KeepItOn}},
		"the whole country ":                  {ban.National, "", []ban.Dataset{ban.Record, ban.KeepItOn}},
		"Nationwide, except the capital":      {ban.National, "Nationwide, except the capital", []ban.Dataset{ban.KeepItOn}},
		"no part of the country is named":     {ban.National, "", []ban.Dataset{ban.KeepItOn}},
		"the networks that were measured":     {ban.National, "", []ban.Dataset{ban.Measured}},
		"a part of the country":               {ban.Regional, "", nil},
		"a place in the country":              {ban.Local, "", nil},
		"Jammu, and all of the Kashmir vale ": {ban.Regional, "Jammu, and all of the Kashmir vale", nil},
	} {
		if got := whereWords(one.scope, one.area, one.of); got != strings.TrimSpace(want) {
			t.Errorf("%v: %q", one, got)
		}
	}
	s := serve(t)
	_, ofBan := s.get("/bans/pk-x-2024-02-17")
	_, answer := s.get("/cc/PK/x")
	if !strings.Contains(ofBan, "<dd>the whole country</dd>") || !strings.Contains(answer, `<td data-label="Where">the whole country</td>`) {
		t.Error("the page of a ban and the answer say otherwise where it held")
	}
}

// The entry of the top bar is the first step of the trail; a list of all countries has
// none.
func TestSections(t *testing.T) {
	for path, want := range map[string]string{"/": "home", "/bans": "bans", "/bans/x": "bans", "/events/x": "events", "/networks/AS64512": "networks", "/hours": "hours", "/cc/PK/x": "cc", "/m/x": "cc", "/sources/x": "cases", "/rules": "about"} {
		if got := section(path); got != want {
			t.Errorf("%s stands under %q", path, got)
		}
	}
	s := serve(t)
	if _, page := s.get("/bans"); strings.Contains(page, "aria-current") {
		t.Error("the list of all bans stands under an entry of the top bar")
	}
}
