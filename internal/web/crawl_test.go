package web

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/ban/list"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/pipeline"
)

// The whole site over an empty archive, and over one with real measurements.
func TestCrawlOfAnEmptyArchive(t *testing.T) { crawl(t, serve(t)) }

func TestCrawlOfTheDemonstration(t *testing.T) {
	s := demonstration(t)
	days(t, s)
	seen := crawl(t, s)
	for _, want := range []string{"/cc/ZZ/x", "/networks/AS64512", "/ur/cc/ZZ/x", "/ur/networks/AS64512", "/ur/events", "/ur/platforms/x", "/cc/ZZ/x/days?format=csv", "/cases/pk-2024-x/chain.csv", "/ur/cc/ZZ/x/measurements"} {
		if !seen[want] {
			t.Errorf("no link leads to %s", want)
		}
	}
}

// shared is the folder of real data, beside the repository or where BANDISH_SHARED
// says.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("BANDISH_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the real data is not here: set BANDISH_SHARED")
	}
	return dir
}

func (s *server) load(paths ...string) {
	s.Helper()
	for _, path := range paths {
		sources, err := intake.List(s.Context(), path, intake.Filter{}, intake.Buckets{})
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.p.Import(s.Context(), sources, pipeline.Want{}, nil); err != nil {
			s.Fatal(err)
		}
	}
	s.count()
}

func TestCrawlOfKenya(t *testing.T) {
	if os.Getenv("BANDISH_LONG") == "" {
		t.Skip("the demonstration is crawled, and real data with BANDISH_LONG=1")
	}
	dir := shared(t)
	s := serveAt(t, time.Date(2024, 12, 2, 12, 0, 0, 0, time.UTC))
	s.load(filepath.Join(dir, "series", "kenya-2024-telegram.org-observations.csv.gz"))
	seen := crawl(t, s)
	for _, want := range []string{"/cc/KE/telegram", "/events/ke-telegram-2024q4", "/networks/AS33771", "/cc/KE/telegram/days", "/bans", "/blocked", "/methods", "/safety", "/ur/events/ke-telegram-2024q4", "/ur/networks/AS33771"} {
		if !seen[want] {
			t.Errorf("no link leads to %s", want)
		}
	}
}

// All real data at once: measurements as others recorded them, counts, and every
// imported list of bans.
func TestCrawlOfAllRealData(t *testing.T) {
	if os.Getenv("BANDISH_LONG") == "" {
		t.Skip("takes a minute: set BANDISH_LONG=1")
	}
	s := realData(t)
	if seen := crawl(t, s); len(seen) < 1000 || !seen["/ur/platforms/x"] {
		t.Errorf("the crawl found %d pages only", len(seen))
	}
}

// realData serves all real data at once, as it stood on 1 June 2026.
func realData(t *testing.T) *server {
	t.Helper()
	dir := shared(t)
	s := serveAt(t, time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	s.load(filepath.Join(dir, "ooni", "real"), filepath.Join(dir, "ooni", "scenarios"), filepath.Join(dir, "series", "kenya-2024-telegram.org-observations.csv.gz"), filepath.Join(dir, "series", "imap-2023-2024-aggregation.csv"))
	names := s.site.Targets
	var reports []ban.Report
	for _, list := range []struct {
		path string
		read func(content []byte) (*list.Import, error)
	}{
		{"shutdowns/Keepiton_raw_dataset.xlsx", func(c []byte) (*list.Import, error) { return list.ReadKeepItOnXLSX(c, "KeepItOn", names) }},
		{"shutdowns/stop-snapshot-2026-05-20.csv", func(c []byte) (*list.Import, error) {
			return list.ReadKeepItOnCSV(bytes.NewReader(c), "STOP", names)
		}},
		{"shutdowns/sflc-india-shutdowns.json", func(c []byte) (*list.Import, error) { return list.ReadSFLC(c, "SFLC") }},
		{"incidents/ooni-incidents.json", func(c []byte) (*list.Import, error) { return list.ReadOONIIncidents(c, "OONI", names) }},
	} {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(list.path)))
		if err != nil {
			t.Fatal(err)
		}
		im, err := list.read(content)
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, im.Reports...)
	}
	s.site.Desk.Lists = func() ([]ban.Report, error) { return reports, nil }
	return s
}

// visits is how many pages of a kind are visited: there are thousands of
// measurements, and of lists of them.
func visits(kind string) int {
	long := os.Getenv("BANDISH_LONG") != ""
	switch some := strings.HasPrefix(kind, "m/") || strings.HasSuffix(kind, "?"); {
	case some && long:
		return 12
	case some:
		return 4
	case long:
		return 120
	}
	return 30
}

// crawl follows every link from the start page and looks at each page: it is
// there, what stands in it is in words, and none of its ids is used twice.
func crawl(t *testing.T, s *server) map[string]bool {
	t.Helper()
	queue, seen, of := []string{"/"}, map[string]bool{"/": true}, map[string]int{}
	words := s.wording()
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		code, body := s.get(at)
		if code != 200 {
			t.Errorf("%s: %d", at, code)
			continue
		}
		if strings.Contains(at, "format=") || strings.Contains(at, "raw=1") || !strings.HasPrefix(body, "<!doctype html>") {
			continue
		}
		root, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		inert(t, at, body)
		words.check(t, at, root)
		namesTwin(t, at, root)
		if strings.HasPrefix(at, "/ur") {
			marksEnglish(t, at, root)
		}
		ids := map[string]bool{}
		for n := range root.Descendants() {
			for _, a := range n.Attr {
				if a.Key == "id" && ids[a.Val] {
					t.Errorf("%s: the id %q stands there twice", at, a.Val)
				}
				if a.Key == "id" {
					ids[a.Val] = true
				}
			}
		}
		for n := range root.Descendants() {
			for _, a := range n.Attr {
				if a.Key != "href" || n.Data == "link" && a.Val == at {
					continue
				}
				if anchor, ok := strings.CutPrefix(a.Val, "#"); ok && !ids[anchor] {
					t.Errorf("%s: there is no #%s", at, anchor)
				}
				next := resolved(at, a.Val)
				if next == "" || strings.HasPrefix(next, "/ledger/") { // files of the ledger, which package notary serves
					continue
				}
				if kind := kindOf(next); !seen[next] && of[kind] < visits(kind) {
					seen[next] = true
					of[kind]++
					queue = append(queue, next)
				}
			}
		}
	}
	t.Logf("%d pages", len(seen))
	if len(seen) < 40 {
		t.Errorf("the crawl found %d pages only", len(seen))
	}
	return seen
}

// namesTwin fails the test where a page that is there in both languages does not name the
// other one, as search engines want it.
func namesTwin(t *testing.T, at string, root *html.Node) {
	t.Helper()
	own, err := url.Parse(at)
	if err != nil || strings.Contains(own.Path, "/embed/") {
		return
	}
	rest, urdu := strings.CutPrefix(own.Path, "/ur")
	code, path := "en", cmp.Or(rest, "/")
	if !urdu {
		code, path = "ur", strings.TrimSuffix("/ur"+own.Path, "/")
	}
	if show, _ := langPageOf(strings.Split(strings.Trim(strings.TrimPrefix(own.EscapedPath(), "/ur"), "/"), "/")); show == nil {
		return
	}
	for n := range root.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		if n.Data != "link" || attr["rel"] != "alternate" || attr["type"] != "" || attr["hreflang"] != code {
			continue
		}
		if twin, err := url.Parse(attr["href"]); err == nil && twin.Path == path && twin.Query().Encode() == own.Query().Encode() {
			return
		}
	}
	t.Errorf("%s does not name its twin %s", at, path)
}

// noPage are the ends of addresses that lead to data or to a picture: they have no
// language of their own.
var noPage = regexp.MustCompile(`format=|raw=1|^/bundle|^/embed|\.(atom|json|csv|ics|png|svg)(\?|$)`)

// englishWords are words enough to be a sentence in English.
var englishWords = regexp.MustCompile(`[A-Za-z’']+([ ,]+[A-Za-z’']+){4,}`)

// marksEnglish fails the test where a page of another language leads to one in English,
// or says a sentence in English, without saying so.
func marksEnglish(t *testing.T, at string, root *html.Node) {
	t.Helper()
	attr := func(n *html.Node, key string) (string, bool) {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val, true
			}
		}
		return "", false
	}
	var walk func(n *html.Node, english bool)
	walk = func(n *html.Node, english bool) {
		if code, ok := attr(n, "lang"); ok {
			english = code != "ur"
		}
		switch {
		case n.Type == html.TextNode && !english && englishWords.MatchString(n.Data):
			t.Errorf("%s says in English, and does not mark it: %.100q", at, n.Data)
		case n.Data == "head" || n.Data == "code" || n.Data == "pre" || n.Data == "option" || n.Data == "title":
			return // names that cannot hold markup, and what programs read
		case n.Data == "a":
			href, _ := attr(n, "href")
			next := resolved(at, href)
			if in, _ := attr(n, "hreflang"); next != "" && !strings.HasPrefix(next, "/ur") && in != "en" && !noPage.MatchString(next) {
				t.Errorf("%s leads to %s, which is in English, and does not say so", at, next)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, english)
		}
	}
	walk(root, false)
}

// resolved is a link's address on this site without its anchor, "" for others.
func resolved(at, href string) string {
	base, err := url.Parse("http://site" + at)
	if err != nil {
		return ""
	}
	u, err := base.Parse(href)
	if err != nil || u.Host != "site" {
		return ""
	}
	return u.RequestURI()
}

// kindOf is the kind of page of an address.
func kindOf(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	parts := strings.Split(u.Path, "/")
	kind := parts[1]
	if kind == "ur" && len(parts) > 2 {
		parts = parts[1:]
		kind += "/" + parts[1]
	}
	if len(parts) > 2 {
		kind += fmt.Sprint("/", len(parts))
	}
	switch {
	case len(parts) > 4 && parts[1] == "cases" && os.Getenv("BANDISH_LONG") == "": // the pages of claims are one kind
		kind += "/" + parts[3]
	case len(parts) > 4:
		kind += "/" + parts[4]
	}
	if u.RawQuery != "" {
		kind += "?"
	}
	return kind
}
