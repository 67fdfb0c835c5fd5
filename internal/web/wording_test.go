package web

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

var (
	snake    = regexp.MustCompile(`\b[a-z]+_[a-z_]+\b`)
	rawDate  = regexp.MustCompile(`\d{4}-\d\d(-\d\d)?T\d\d|\d{4}(-\d\d)*[~%]|\d{4}-\d\d(-\d\d)?\?|\d{4}(-\d\d)*/\d{4}|\d{4}-\d\d-\d\d \d\d:\d\d|<no value>|%!`)
	hyphened = regexp.MustCompile(`\b[a-z][a-z0-9]*(?:-[a-z0-9.]+)+\b`)
	eventID  = regexp.MustCompile(`^[a-z]{2}-.+-\d{4}q\d`)
	hash     = regexp.MustCompile(`\b[0-9a-f]{16,}\b`)
	means    = regexp.MustCompile(`\b(dns|tcp|tls|http|quic|ip|app)\.[a-z_.]*[a-z]\b`)
)

// wording knows what is no word: the ids of the record, and which capitals are
// names and no abbreviations.
type wording struct {
	ids   map[string]bool
	names map[string]bool
	means map[string]bool // ids of mechanisms
}

func (s *server) wording() wording {
	w := wording{ids: map[string]bool{}, names: map[string]bool{"ZZ": true, "OR": true, "PK": true}, means: map[string]bool{}}
	wholes, steps, endings := verdict.MechanismTerms()
	for _, m := range wholes {
		w.means[m] = strings.Contains(m, ".")
	}
	for _, step := range steps {
		for _, ending := range endings {
			w.means[step+"."+ending] = true
		}
	}
	name := func(text string) {
		for _, word := range abbreviated.FindAllString(text, -1) {
			w.names[word] = true
		}
	}
	id := func(id string) { w.ids[id] = true }
	source := func(list []casefile.Source) {
		for i := range list {
			id(list[i].ID)
			if name(list[i].Publisher); list[i].Title != nil {
				name(*list[i].Title)
			}
			for _, a := range list[i].Authors {
				name(a)
			}
		}
	}
	actor := func(list []casefile.Actor) {
		for i := range list {
			id(list[i].ID)
			name(list[i].Name + " " + strings.Join(list[i].Aliases, " "))
		}
	}
	r := s.site.Records
	source(r.Shared.Sources)
	actor(r.Shared.Actors)
	for i := range r.Shared.Laws {
		id(r.Shared.Laws[i].ID)
		name(r.Shared.Laws[i].Name) // "Federal Law 149-FZ"
	}
	for i := range r.Shared.Bans {
		id(r.Shared.Bans[i].ID)
	}
	for _, c := range r.Cases {
		id(c.ID)
		source(c.Sources)
		actor(c.Actors)
		each(c, func(it any) { id(idOf(it)) })
	}
	for _, p := range s.site.Targets.Platforms() {
		name(p.Name)
	}
	for _, cc := range country.Codes() {
		name(inquiry.Country(cc))
	}
	if s.site.Desk.Lists != nil {
		lists, err := s.site.Desk.Lists()
		if err != nil {
			panic(err) // the crawl has read them
		}
		for i := range lists {
			name(lists[i].Area) // "DG Khan"
		}
	}
	return w
}

// check finds what is no word in the prose of a page: names of programs belong
// into <code>, and an abbreviation is written out where it stands first.
func (w wording) check(t *testing.T, at string, root *html.Node) {
	t.Helper()
	said, wanted := map[string]bool{}, map[string]string{}
	for n := range root.Descendants() {
		if n.Type != html.TextNode || within(n, "code") || within(n, "pre") || within(n, "blockquote") || within(n, "style") || within(n, "script") {
			continue
		}
		text := strings.TrimSpace(n.Data)
		if within(n, "abbr") {
			said[text] = true
			continue
		}
		if found := means.FindString(text); w.means[found] || w.means[strings.TrimSuffix(found, ".sni")] {
			t.Errorf("%s: %q stands in prose: %.200s", at, found, text)
		}
		for _, bad := range []*regexp.Regexp{snake, rawDate, hash} {
			if found := bad.FindString(text); found != "" {
				t.Errorf("%s: %q stands in prose: %.200s", at, found, text)
			}
		}
		for _, found := range hyphened.FindAllString(text, -1) {
			if w.ids[found] || eventID.MatchString(found) {
				t.Errorf("%s: the id %q stands in prose: %.200s", at, found, text)
			}
		}
		if slices.ContainsFunc(asTheyAre, func(tag string) bool { return within(n, tag) }) {
			continue
		}
		for _, place := range abbreviated.FindAllStringIndex(text, -1) {
			short := strings.TrimSuffix(text[place[0]:place[1]], "s")
			if strings.HasSuffix(text[:place[0]], "(") && len(text[:place[0]]) > 4 {
				said[short] = true
			}
			path := place[0] > 0 && text[place[0]-1] == '/'
			if !said[short] && !w.names[short] && !path && wanted[short] == "" {
				wanted[short] = text
			}
		}
	}
	for short, text := range wanted {
		t.Errorf("%s: %q is not written out before: %.200s", at, short, text)
	}
}

func within(n *html.Node, tag string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Type == html.ElementNode && p.Data == tag {
			return true
		}
	}
	return false
}

// An abbreviation is written out where a page uses it first, and nowhere else.
func TestAbbreviationsAreWrittenOut(t *testing.T) {
	e := expander{"PTA": "Pakistan Telecommunication Authority", "AT": "A <thing> & more"}
	for page, want := range map[string]string{
		`<p title="PTA">PTA and PTA</p>`:                             `<p title="PTA"><abbr title="Pakistan Telecommunication Authority">PTA</abbr> and PTA</p>`,
		`<p>Pakistan Telecommunication Authority (PTA); the PTA</p>`: `<p>Pakistan Telecommunication Authority (PTA); the PTA</p>`,
		`<code>PTA</code><svg><text>PTA</text></svg> PTAs`:           `<code>PTA</code><svg><text>PTA</text></svg> <abbr title="Pakistan Telecommunication Authority">PTA</abbr>s`,
		`<abbr title="x">PTA</abbr> PTA`:                             `<abbr title="x">PTA</abbr> PTA`,
		`<a href="?a=1&amp;b">AT</a>&AT; <!-- PTA -->`:               `<a href="?a=1&amp;b"><abbr title="A &lt;thing&gt; &amp; more">AT</abbr></a>&AT; <!-- PTA -->`,
		`<script>"PTA"</script><title>PTA</title><TD Class=A>X</TD>`: `<script>"PTA"</script><title>PTA</title><TD Class=A>X</TD>`,
	} {
		if got := string(e.expand([]byte(page))); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", page, got, want)
		}
	}
}

var jsonKey = regexp.MustCompile(`^[a-z0-9_]+$`)

// sentences calls f with every text of a JSON value, and checks the names of its
// members.
func sentences(t *testing.T, at string, v any, f func(text string)) {
	t.Helper()
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, e := range v {
			sentences(t, at, e, f)
		}
	case map[string]any:
		for k, e := range v {
			if !jsonKey.MatchString(k) {
				t.Errorf("%s: a member is called %q", at, k)
			}
			sentences(t, at, e, f)
		}
	}
}

// answers finds the addresses of the answers and the bans in a JSON value.
func answersIn(v any, found map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			answersIn(e, found)
		}
	case map[string]any:
		cc, _ := v["probe_cc"].(string)
		target, _ := v["target"].(string)
		if cc != "" && target != "" && v["sentence"] != nil {
			found["/cc/"+cc+"/"+url.PathEscape(target)] = true
		}
		id, named := v["id"].(string)
		if named && v["measurements"] != nil {
			found["/platforms/"+id], found["/cc/"+id] = true, true
		}
		if named && v["reports"] != nil {
			found["/bans/"+id] = true
		}
		if named && v["onset"] != nil {
			found["/events/"+id] = true
		}
		for _, e := range v {
			answersIn(e, found)
		}
	}
}

// What programs get is spelt as in the pages of the formats, and each sentence of
// it stands on a page. (Of the record, TestEveryFieldOfAnEntryIsSaid asks more.)
func TestJSONIsOnPages(t *testing.T) {
	s := demonstration(t)
	pages := map[string]string{}
	textAt := func(at string) string {
		if _, ok := pages[at]; !ok {
			_, body := s.get(at)
			pages[at], _ = textOf(t, body)
		}
		return pages[at]
	}
	for _, at := range s.everyKind() {
		mark := "?"
		if strings.Contains(at, "?") {
			mark = "&"
		}
		resp, body := s.answerOf(at + mark + "format=json")
		if strings.HasPrefix(at, "/ur") || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		others, texts := map[string]bool{}, map[string]bool{}
		answersIn(v, others)
		sentences(t, at, v, func(text string) {
			if text = strings.Join(strings.Fields(text), " "); strings.Count(text, " ") >= 3 && !scope.MatchString(text) && !strings.Contains(textAt(at), text) {
				texts[text] = true
			}
		})
		if recordPage.MatchString(at) {
			continue
		}
		for text := range texts {
			if m, rest, ok := strings.Cut(text, ": "); ok && verdict.MechanismWords(m) != "" {
				text = rest // the mechanism is said in words
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(others)), func(o string) bool { return strings.Contains(textAt(o), text) }) {
				t.Errorf("%s: no page says %q", at, text)
			}
		}
	}
}

// scope is how an event names its platforms for programs: by their ids.
var scope = regexp.MustCompile(`^\S+ on \d+ networks$`)

// recordPage are pages of the record, and what is found in it.
var recordPage = regexp.MustCompile(`^/(cases|actors|laws|sources|search|check|m)\b`)
