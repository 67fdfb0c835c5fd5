package web

import (
	"net/http"
	"time"

	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/verdict"
)

// home lists what the archive knows, or says that it knows nothing and how to
// change that.
func (s *Site) home(w http.ResponseWriter, r *http.Request) error {
	places, err := s.Store.Places(r.Context(), 500)
	if err != nil {
		return err
	}
	type place struct {
		store.Place
		Name, Country string
	}
	list := make([]place, len(places))
	for i, p := range places {
		list[i] = place{p, s.name(p.Target), store.Country(p.CC)}
	}
	return s.respond(w, r, "home.html", list, map[string]any{"Title": "Bandish: the open record of internet bans"})
}

// name is what readers call a target.
func (s *Site) name(id string) string {
	if p, ok := s.Targets.Platform(id); ok {
		return p.Name
	}
	return id
}

// countryPage is the state of all targets of a country.
type countryPage struct {
	CC      string        `json:"probe_cc"`
	Country string        `json:"country"`
	AsOf    time.Time     `json:"as_of,omitzero"`
	Targets []targetState `json:"targets"`
}

type targetState struct {
	Target       string        `json:"target"`
	Name         string        `json:"name"`
	State        verdict.State `json:"state"`
	Partial      bool          `json:"partial,omitempty"`
	AsOf         time.Time     `json:"as_of"`
	Blocked      uint32        `json:"blocked"`
	OK           uint32        `json:"ok"`
	Measurements uint32        `json:"measurements"`
	Networks     int           `json:"networks"`
}

func (s *Site) country(w http.ResponseWriter, r *http.Request) error {
	cc := r.PathValue("cc")
	if !countryCode.MatchString(cc) {
		return notFound("A country is two capital letters, as in /cc/PK.")
	}
	stands, err := s.Store.Standings(r.Context(), cc)
	if err != nil {
		return err
	}
	page := countryPage{CC: cc, Country: store.Country(cc)}
	for _, st := range stands {
		page.Targets = append(page.Targets, targetState{
			Target: st.Target, Name: s.name(st.Target), State: st.State, Partial: st.Partial, AsOf: st.AsOf,
			Blocked: st.Blocked, OK: st.OK, Measurements: st.Measurements, Networks: st.Networks,
		})
		if st.AsOf.After(page.AsOf) {
			page.AsOf = st.AsOf
		}
	}
	return s.respond(w, r, "country.html", page, map[string]any{"Title": "What is blocked in " + page.Country + "?"})
}

// answer is the page of one target in one country.
func (s *Site) answer(w http.ResponseWriter, r *http.Request) error {
	cc := r.PathValue("cc")
	if !countryCode.MatchString(cc) {
		return notFound("A country is two capital letters, as in /cc/PK/x.")
	}
	id, _, err := s.Targets.Resolve(r.PathValue("target"))
	if err != nil {
		return notFound("There is no target of this name: " + err.Error())
	}
	since, until, err := span(r)
	if err != nil {
		return err
	}
	a, err := s.Store.Answer(r.Context(), store.Question{CC: cc, Target: id, Name: s.name(id), Since: since, Until: until, Now: s.Now()})
	if err != nil {
		return err
	}
	return s.respond(w, r, "answer.html", a, map[string]any{
		"Title":    "Is " + a.Name + " blocked in " + a.Country + "?",
		"Timeline": timeline(a, since, until),
		"Shown":    s.Now().UTC(),
	})
}
