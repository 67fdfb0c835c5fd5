package web

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/gorilla/feeds"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/exchange"
	"github.com/bandish/bandish/internal/inquiry"
)

// feedRows is how many changes a feed holds.
const feedRows = 100

// changesOf returns what began, ended or was done, the newest first.
func (s *Site) changesOf(ctx context.Context, t inquiry.Topic) ([]change, error) {
	list, err := s.Desk.Changes(ctx, t)
	out := make([]change, 0, len(list))
	for i := range list {
		c := &list[i]
		one := change{At: c.At, Kind: changeKind(c), Text: c.Text, Href: c.Path, When: edtf(c.Date)}
		if c.Interval != nil {
			one.When = template.HTML(template.HTMLEscapeString(when(c.Interval)))
		}
		out = append(out, one)
	}
	return out, err
}

// feedOfPage returns the path of the feed of a page, "" for "".
func feedOfPage(href string) string {
	page, _, _ := strings.Cut(href, "?")
	if page == "" {
		return ""
	}
	return page + "/feed.atom"
}

// feedWords are the words of a feed in a language. title names the feed by its topic; item
// returns the title and text of an entry; own turns a path into one of the language.
type feedWords struct {
	code, about string
	title       func(feedTopic) (string, error)
	item        func(*inquiry.Change) (title, text string)
	own         func(path string) string
}

// feedTopic is what a feed is about, and the path of the page that shows the same.
type feedTopic struct {
	inquiry.Topic
	page string
}

// feed tells what changed, as Atom (feed.atom) or JSON Feed (feed.json), for the whole
// site, a country, a platform, an answer or a case.
func (s *Site) feed(w http.ResponseWriter, r *http.Request) error {
	words := feedWords{code: "en", about: "What began, ended or was done, by measurements and by the record.", title: s.englishFeedTitle, own: func(path string) string { return path }}
	words.item = func(c *inquiry.Change) (string, string) {
		return capital(changeKind(c)) + ": " + short(c.Text), c.Text
	}
	return s.feedIn(w, r, words)
}

func (s *Site) englishFeedTitle(t feedTopic) (string, error) {
	title := "What changed"
	switch {
	case t.Case != "":
		title = s.Records.Case(t.Case).Title
	case t.CC != "" && t.Target != "":
		title = s.name(t.Target) + " in " + inquiry.Country(t.CC)
	case t.CC != "":
		title = "Bans in " + inquiry.Country(t.CC)
	case t.Target != "":
		title = s.name(t.Target) + ", in all countries"
	}
	if s.Demo {
		title = "DEMONSTRATION, made in a lab: " + title
	}
	return title, nil
}

// feedTopicOf reads the topic from the path of a request.
func (s *Site) feedTopicOf(r *http.Request) (t feedTopic, err error) {
	t.page = "/"
	if id := r.PathValue("id"); id != "" {
		if s.Records.Case(id) == nil {
			return t, notFound("The record has no case of this id.")
		}
		t.Case, t.page = id, "/cases/"+url.PathEscape(id)
		return t, nil
	}
	if t.CC = r.PathValue("cc"); t.CC != "" {
		if !casefile.KnownCountry(t.CC) {
			return t, notFound("There is no country of this code.")
		}
		t.page = "/cc/" + t.CC
	}
	if word := r.PathValue("target"); word != "" {
		if t.Target, err = s.Desk.Target(r.Context(), word); err != nil {
			return t, notFound("There is no platform of this name.")
		}
		if t.page += "/" + url.PathEscape(t.Target); t.CC == "" {
			t.page = "/platforms/" + url.PathEscape(t.Target)
		}
	}
	return t, nil
}

func (s *Site) feedIn(w http.ResponseWriter, r *http.Request, words feedWords) error {
	t, err := s.feedTopicOf(r)
	if err != nil {
		return err
	}
	name, err := words.title(t)
	if err != nil {
		return err
	}
	list, err := s.Desk.Changes(r.Context(), t.Topic)
	if err != nil {
		return err
	}
	base := "https://" + r.Host
	f := &feeds.Feed{Title: name + " – Bandish", Id: base + r.URL.EscapedPath(), Link: &feeds.Link{Href: base + words.own(t.page)}, Description: words.about, Author: &feeds.Author{Name: "Bandish"}, Updated: time.Unix(0, 0).UTC()}
	for i := range list[:min(len(list), feedRows)] {
		c := &list[i]
		title, text := words.item(c)
		href := base + words.own(c.Path)
		f.Add(&feeds.Item{Title: title, Id: href + "#" + url.PathEscape(changeKind(c)), Link: &feeds.Link{Href: href}, Description: text, Created: c.At.UTC(), Updated: c.At.UTC()})
	}
	if len(list) > 0 {
		f.Updated = list[0].At.UTC()
	}
	text, kind := "", "application/atom+xml; charset=utf-8"
	if strings.HasSuffix(r.URL.Path, ".json") {
		kind = "application/feed+json"
		text, err = f.ToJSON()
	} else {
		text, err = f.ToAtom()
		text = strings.Replace(text, "<feed ", `<feed xml:lang="`+words.code+`" `, 1)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Language", words.code)
	deliver(w, r, kind, []byte(text))
	return nil
}

// changeKind says what kind of change it is: a ban begins, a ban ends, or the kind of an
// act.
func changeKind(c *inquiry.Change) string {
	switch c.Kind {
	case inquiry.BanBegins:
		return "Ban begins"
	case inquiry.BanEnds:
		return "Ban ends"
	}
	return spacedWords(c.Kind)
}

// courtDates is a calendar of the hearings of a case, or of all cases.
func (s *Site) courtDates(w http.ResponseWriter, r *http.Request) error { return s.courts(w, r, nil) }

// courts is that calendar in language lang (nil: English). What a court did stays in
// English, as the record has it.
func (s *Site) courts(w http.ResponseWriter, r *http.Request, lang *catalogue) error {
	cal := ics.NewCalendarFor("bandish")
	cal.SetName(plainName(speaker{c: lang}.say("courts.title", "Court dates of internet bans")))
	found := false
	for _, c := range s.Records.Cases {
		if id := r.PathValue("id"); id != "" && c.ID != id || c.Withdrawn != nil {
			continue
		}
		found = true
		k := speaker{s: s, whole: c, shown: c, c: lang}
		for i := range c.Dockets {
			d := &c.Dockets[i]
			court := s.Records.Names(c, []string{d.Court})
			if lang != nil {
				court = k.full(d.Court)
			}
			for _, a := range c.Hearings(d.ID) {
				held, told := court+": "+a.What, ""
				if lang != nil {
					held, told = lang.text("courts.held", args{"court": court, "kind": lang.text("kind."+string(a.Kind), nil)}), a.What
				}
				put := court + ": " + k.say("courts.put", "put off to this day")
				s.courtDate(cal, r, k, courtDay{a.ID, "", a.Date, a.Cites, held, told})
				s.courtDate(cal, r, k, courtDay{a.ID, "-next", a.Next, a.Cites, put, told})
			}
		}
	}
	if !found {
		return notFound("The record has no case of this id.")
	}
	deliver(w, r, "text/calendar; charset=utf-8", []byte(cal.Serialize()))
	return nil
}

// courtDay is one day of a court: the act that tells of it, a suffix that makes its id
// unique, and its text.
type courtDay struct {
	act, suffix string
	date        casefile.Date
	cites       []casefile.Cite
	text, told  string // told is in English, "" if text says it already
}

// courtDate adds a day of a court to the calendar. A date that is not one certain day is
// left out: a calendar cannot say "about".
func (s *Site) courtDate(cal *ics.Calendar, r *http.Request, k speaker, d courtDay) {
	c := k.whole
	day := exchange.CertainDay(d.date, c)
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return
	}
	e := cal.AddEvent(c.ID + "-" + d.act + d.suffix + "@bandish")
	known, ok := s.Records.KnownSince(c, d.cites).FirstDay(time.UTC)
	if !ok {
		known = at
	}
	e.SetDtStampTime(known)
	e.SetAllDayStartAt(at)
	e.SetAllDayEndAt(at.AddDate(0, 0, 1))
	if k.c == nil {
		e.SetSummary(d.text)
	} else {
		e.SetSummary(plainName(d.text), &ics.KeyValues{Key: "LANGUAGE", Value: []string{k.c.code}})
		e.SetDescription(d.told, &ics.KeyValues{Key: "LANGUAGE", Value: []string{"en"}})
	}
	e.SetURL("https://" + r.Host + k.href(d.act))
}
