package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bandish/bandish/internal/inquiry"
)

// feedPages are the paths of the pages that have a feed, without the language.
var feedPages = []string{"", "cc/*", "cc/*/*", "platforms/*", "cases/*"}

// hasFeed reports whether the page of a path has a feed.
func hasFeed(parts []string) bool {
	return slices.ContainsFunc(feedPages, func(page string) bool {
		want := strings.Split(page, "/")
		return len(want) == len(parts) && want[0] == parts[0]
	})
}

// langFeed is the feed of a page in a language. Acts of the record stay in English.
func (s *Site) langFeed(w http.ResponseWriter, r *http.Request, c *catalogue, parts []string) error {
	if len(parts) == 0 {
		parts = []string{""}
	}
	if !hasFeed(parts) {
		return notFound("This page has no feed.")
	}
	switch parts[0] {
	case "cases":
		r.SetPathValue("id", parts[1])
	case "platforms":
		r.SetPathValue("target", parts[1])
	case "cc":
		r.SetPathValue("cc", parts[1])
		if len(parts) == 3 {
			r.SetPathValue("target", parts[2])
		}
	}
	v := langView{c: c, Code: c.code}
	words := feedWords{code: c.code, about: c.text("feed.about", nil), own: func(path string) string { return strings.TrimSuffix(c.own(path), "/") }}
	words.title = func(t feedTopic) (string, error) {
		title, err := v.topicTitle(s, r, t)
		if s.Demo {
			title = c.text("demo", nil) + " " + title
		}
		return plainName(title), err
	}
	words.item = func(one *inquiry.Change) (string, string) {
		title, text := v.feedItem(s, one)
		return plainName(title), plainName(text)
	}
	return s.feedIn(w, r, words)
}

// topicTitle names what a feed is about as the page of it does.
func (v *langView) topicTitle(s *Site, r *http.Request, t feedTopic) (string, error) {
	country := v.c.country(t.CC, inquiry.Country(t.CC))
	name, _ := v.c.platform(t.Target, s.name(t.Target))
	switch {
	case t.Case != "":
		return v.caseTitle(r.Context(), s, s.Records.Case(t.Case))
	case t.CC != "" && t.Target != "":
		return v.c.text("question", args{"name": name, "country": country}), nil
	case t.CC != "":
		return v.c.text("questions", args{"country": country}), nil
	case t.Target != "":
		return v.c.text("platform.title", args{"name": name}), nil
	}
	return v.c.text("feed.title", nil), nil
}

// feedItem is the title and the text of one entry.
func (v *langView) feedItem(s *Site, one *inquiry.Change) (title, text string) {
	var names []string
	for _, id := range one.Targets {
		name, _ := v.c.platform(id, s.names([]string{id}))
		names = append(names, name)
	}
	about := args{"names": v.c.list(names), "country": v.c.country(one.CC, inquiry.Country(one.CC)), "when": v.c.interval(one.Interval)}
	switch one.Kind {
	case inquiry.BanBegins:
		return v.c.text("feed.began", about), v.c.text("feed.began.when", about)
	case inquiry.BanEnds:
		return v.c.text("feed.ended", about), v.c.text("feed.ended.when", about)
	}
	kind := v.c.text("kind."+one.Kind, nil)
	return kind + ": " + foreign(short(one.Text)), kind + ": " + foreign(one.Text)
}
