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

// changesOf lists what began, ended or was done, the newest first.
func (s *Site) changesOf(ctx context.Context, t inquiry.Topic) ([]change, error) {
	list, err := s.Desk.Changes(ctx, t)
	out := make([]change, 0, len(list))
	for i := range list {
		c := &list[i]
		one := change{At: c.At, Kind: spacedWords(c.Kind), Text: c.Text, Href: c.Path, When: edtf(c.Date)}
		switch c.Kind {
		case inquiry.BanBegins:
			one.Kind = "Ban begins"
		case inquiry.BanEnds:
			one.Kind = "Ban ends"
		}
		if c.Interval != nil {
			one.When = template.HTML(template.HTMLEscapeString(when(c.Interval)))
		}
		out = append(out, one)
	}
	return out, err
}

// feedOfPage is the feed of the answer that a link leads to, "" for none.
func feedOfPage(href string) string {
	page, _, _ := strings.Cut(href, "?")
	if page == "" {
		return ""
	}
	return page + "/feed.atom"
}

// feed is what changed, as Atom (feed.atom) or JSON Feed (feed.json), of all, of
// a country, a platform, an answer or a case.
func (s *Site) feed(w http.ResponseWriter, r *http.Request) error {
	name, page := "What changed", "/"
	var t inquiry.Topic
	switch {
	case r.PathValue("id") != "":
		c := s.Records.Case(r.PathValue("id"))
		if c == nil {
			return notFound("The record has no case of this id.")
		}
		t.Case, name, page = c.ID, c.Title, "/cases/"+c.ID
	case r.PathValue("cc") != "" || r.PathValue("target") != "":
		if t.CC = r.PathValue("cc"); t.CC != "" && !casefile.KnownCountry(t.CC) {
			return notFound("There is no country of this code.")
		}
		if word := r.PathValue("target"); word != "" {
			id, err := s.Desk.Target(r.Context(), word)
			if err != nil {
				return notFound("There is no platform of this name.")
			}
			t.Target = id
		}
		switch {
		case t.CC == "":
			name, page = s.name(t.Target)+", in all countries", "/platforms/"+url.PathEscape(t.Target)
		case t.Target == "":
			name, page = "Bans in "+inquiry.Country(t.CC), "/cc/"+t.CC
		default:
			name, page = s.name(t.Target)+" in "+inquiry.Country(t.CC), "/cc/"+t.CC+"/"+url.PathEscape(t.Target)
		}
	}
	list, err := s.changesOf(r.Context(), t)
	if err != nil {
		return err
	}
	base := "https://" + r.Host
	f := &feeds.Feed{Title: name + " – Bandish", Id: base + r.URL.EscapedPath(), Link: &feeds.Link{Href: base + page}, Description: "What began, ended or was done, by measurements and by the record.", Author: &feeds.Author{Name: "Bandish"}, Updated: time.Unix(0, 0).UTC()}
	if s.Demo {
		f.Title = "DEMONSTRATION, made in a lab: " + f.Title
	}
	for _, c := range list[:min(len(list), feedRows)] {
		f.Add(&feeds.Item{Title: capital(c.Kind) + ": " + short(c.Text), Id: base + c.Href + "#" + url.PathEscape(c.Kind), Link: &feeds.Link{Href: base + c.Href}, Description: c.Text, Created: c.At.UTC(), Updated: c.At.UTC()})
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
	}
	if err != nil {
		return err
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	deliver(w, r, kind, []byte(text))
	return nil
}

// courtDates are the hearings of a case, or of all, as a calendar.
func (s *Site) courtDates(w http.ResponseWriter, r *http.Request) error {
	cal := ics.NewCalendarFor("bandish")
	cal.SetName("Court dates of internet bans")
	found := false
	for _, c := range s.Records.Cases {
		if id := r.PathValue("id"); id != "" && c.ID != id || c.Withdrawn != nil {
			continue
		}
		found = true
		for i := range c.Dockets {
			d := &c.Dockets[i]
			court := s.Records.Names(c, []string{d.Court})
			for _, a := range c.Hearings(d.ID) {
				s.courtDate(cal, r, c, a.ID, a.Date, a.Cites, court+": "+a.What)
				s.courtDate(cal, r, c, a.ID+"-next", a.Next, a.Cites, court+": put off to this day")
			}
		}
	}
	if !found {
		return notFound("The record has no case of this id.")
	}
	deliver(w, r, "text/calendar; charset=utf-8", []byte(cal.Serialize()))
	return nil
}

// courtDate adds a day of a court. A date that is not one certain day is left
// out: a calendar cannot say "about".
func (s *Site) courtDate(cal *ics.Calendar, r *http.Request, c *casefile.Case, id string, date casefile.Date, cites []casefile.Cite, text string) {
	day := exchange.CertainDay(date, c)
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return
	}
	e := cal.AddEvent(c.ID + "-" + id + "@bandish")
	known, ok := s.Records.KnownSince(c, cites).FirstDay(time.UTC)
	if !ok {
		known = at
	}
	e.SetDtStampTime(known)
	e.SetAllDayStartAt(at)
	e.SetAllDayEndAt(at.AddDate(0, 0, 1))
	e.SetSummary(text)
	e.SetURL("https://" + r.Host + itemHref(c, strings.TrimSuffix(id, "-next")))
}
