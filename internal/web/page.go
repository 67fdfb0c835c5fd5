package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
)

// homePage is what is blocked, and what was measured.
type homePage struct {
	Blocked  []answer.Answer `json:"blocked"`
	Measured []place         `json:"measured"`
}

// place is one target in one country that the archive has measurements of.
type place struct {
	CC           string    `json:"probe_cc"`
	Country      string    `json:"country"`
	Target       string    `json:"target"`
	Name         string    `json:"name"`
	Measurements int64     `json:"measurements"`
	Last         time.Time `json:"last_measured"` // start of the last day
}

// home says what is blocked, and lists what the archive knows.
func (s *Site) home(w http.ResponseWriter, r *http.Request) error {
	blocked, err := s.Desk.Blocked(r.Context())
	if err != nil {
		return err
	}
	places, err := s.Desk.Places(r.Context(), 500)
	if err != nil {
		return err
	}
	page := homePage{Blocked: blocked, Measured: []place{}}
	for _, p := range places {
		page.Measured = append(page.Measured, place{p.CC, inquiry.Country(p.CC), p.Target, s.Desk.Name(p.Target), p.Measurements, p.Last})
	}
	return s.respond(w, r, "home.html", page, map[string]any{"Title": "Bandish: the open record of internet bans"})
}

// name is what readers call a target.
func (s *Site) name(id string) string { return s.Desk.Name(id) }

// answer is the page of one target in one country.
func (s *Site) answer(w http.ResponseWriter, r *http.Request) error {
	cc, id, err := s.place(r)
	if err != nil {
		return err
	}
	if proper := "/cc/" + cc + "/" + url.PathEscape(id); r.URL.EscapedPath() != proper {
		moveTo(w, r, proper)
		return nil
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	a, err := s.Desk.Answer(r.Context(), inquiry.Ask{CC: cc, Target: id, At: t.at, Known: t.known, Since: t.since})
	if err != nil {
		return err
	}
	return s.respond(w, r, "answer.html", a, map[string]any{
		"Title":    "Is " + a.Name + " blocked in " + a.Country + "?",
		"Timeline": timeline(a, t.since, t.at),
		"Shown":    s.Now().UTC(),
	})
}

// events lists the dated bans.
func (s *Site) events(w http.ResponseWriter, r *http.Request) error {
	found, err := s.Desk.Events(r.Context(), store.Filter{}, time.Time{})
	if err != nil {
		return err
	}
	list := found.Events
	if list == nil {
		list = []event.Event{}
	}
	return s.respond(w, r, "events.html", list, map[string]any{"Title": "Bans that were measured", "Name": s.Desk.Name, "Country": inquiry.Country})
}

// event is the page of one dated ban.
func (s *Site) event(w http.ResponseWriter, r *http.Request) error {
	found, err := s.Desk.Events(r.Context(), store.Filter{}, time.Time{})
	if err != nil {
		return err
	}
	for i := range found.Events {
		if e := &found.Events[i]; e.ID == r.PathValue("id") {
			return s.respond(w, r, "event.html", e, map[string]any{"Title": e.Scope + " in " + inquiry.Country(e.CC), "Name": s.Desk.Name, "Country": inquiry.Country(e.CC)})
		}
	}
	return notFound("There is no dated ban of this id. Ids of bans that were found no more are in no list.")
}
