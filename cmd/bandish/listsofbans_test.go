package main

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/internal/inquiry"
)

// Every list of bans tells a measured ban as its answer does: the same interval of
// its start and of its end, the day until which it was measured, the same length.
func TestListsOfBansTellTheDatesOfTheAnswer(t *testing.T) {
	data := kenyaArchive(t)
	base := serverOver(t, data)
	for _, query := range []string{"", "?at=2024-11-15", "?as-of=2024-11-15"} {
		var a inquiry.Answered
		asking(t, base)("/cc/KE/telegram?format=json&"+strings.TrimPrefix(query, "?"), &a)
		since, until, event := a.Since, a.Until, a.Event
		if a.Last != nil && event == "" {
			since, until, event = &a.Last.Since, a.Last.Until, a.Last.Event
		}
		if since == nil || event == "" {
			t.Fatalf("%q: the answer names no ban: %s", query, a.Sentence)
		}
		want := toldDates{began: answer.When(*since), ended: "measured until " + a.LastMeasured.Add(-time.Second).Format("2 January 2006"), lengths: map[string][]string{}}
		if until != nil {
			want.ended = answer.When(*until)
		}
		own := "/events/" + event
		told := 0
		for _, page := range []string{"/", "/blocked", "/bans", "/bans/ke-telegram-2024-11-07", "/cc", "/cc/KE", "/cc/KE/telegram", "/platforms/telegram", "/events", own, "/embed/KE/telegram", "/embed/bans/ke-telegram-2024-11-07", "/embed" + own} {
			for _, block := range blocksOn(t, base+page+query, page) {
				if want.check(t, page+query, block) {
					told++
				}
			}
		}
		if told < 8 {
			t.Errorf("%q: the dates of the ban stand in %d places only", query, told)
		}
		if len(want.lengths) > 1 {
			t.Errorf("%q: its length is told in %d ways: %v", query, len(want.lengths), want.lengths)
		}
	}
}

// toldDates are the dates of a ban as its answer tells them.
type toldDates struct {
	began, ended string
	lengths      map[string][]string // every length that a page tells, and which pages do
}

var (
	november = regexp.MustCompile(`\b([5-9]|2[0-5])( and [0-9]+)? November( 2024|[^ 0-9]| [^0-9]|$)`) // days about its start and its end
	hour     = regexp.MustCompile(`[0-9]+ November 2024, [0-9:]+ UTC`)                                // a page of an event gives its interval to the minute
	lasting  = regexp.MustCompile(`(at least )?[0-9]+( to [0-9]+)? days\b`)
)

// check holds a part of a page against the dates, and reports whether it tells any.
func (w toldDates) check(t *testing.T, page, text string) bool {
	rest := hour.ReplaceAllString(text, "")
	for _, phrase := range []string{w.began, w.ended} {
		rest = strings.ReplaceAll(rest, phrase, "")
		rest = strings.ReplaceAll(rest, strings.TrimPrefix(phrase, "on "), "")
	}
	for _, day := range []string{"As of 15 November 2024", "the end of 15 November 2024", "on 15 November 2024"} {
		rest = strings.ReplaceAll(rest, day, "")
	}
	if left := november.FindAllString(rest, -1); left != nil {
		t.Errorf("%s tells the ban by %q: %s", page, left, text)
	}
	for _, l := range lasting.FindAllString(text, -1) {
		w.lengths[l] = append(w.lengths[l], page)
	}
	return rest != text
}

// blocksOn are the rows, entries and paragraphs of a page that link to the ban of
// Telegram in Kenya or to its answer; on the ban's own pages its head.
func blocksOn(t *testing.T, address, page string) []string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", address, resp.StatusCode, err)
	}
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && slices.Contains([]string{"tr", "li", "p"}, n.Data) {
			if ofIt.MatchString(page) && n.Data == "p" || linksToIt(n) {
				blocks = append(blocks, strings.Join(strings.Fields(textOf(n)), " "))
			}
			return
		}
		if n.Type == html.ElementNode && n.Data == "section" && strings.Contains(textOf(n), "the case record") { // a report that gives its own dates
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(root)
	return blocks
}

var (
	ofIt   = regexp.MustCompile(`^(/embed)?/(bans/ke-telegram-2024-|events/ke-telegram-)|^/embed/KE/telegram`)
	linked = regexp.MustCompile(`^/(bans/ke-telegram-2024-|events/ke-telegram-|cc/KE/telegram(\?|$|#))`)
)

func linksToIt(n *html.Node) bool {
	for d := range n.Descendants() {
		if d.Data == "a" && slices.ContainsFunc(d.Attr, func(a html.Attribute) bool { return a.Key == "href" && linked.MatchString(a.Val) }) {
			return true
		}
	}
	return false
}

// textOf is what stands in a part of a page.
func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.ChildNodes() {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data + " ")
		case c.Data != "svg": // a drawing names every day
			b.WriteString(textOf(c))
		}
	}
	return b.String()
}
