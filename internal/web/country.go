package web

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/target"
)

// countryOf returns the country that the address names, in capital letters. The error is
// notFound for a code that is not in ISO 3166-1.
func countryOf(r *http.Request) (string, error) { return knownCountry(r.PathValue("cc")) }

func knownCountry(code string) (string, error) {
	cc := strings.ToUpper(code)
	if !casefile.KnownCountry(cc) {
		return "", notFound("There is no country of this code. A country is two letters of ISO 3166-1, as in /cc/PK.")
	}
	return cc, nil
}

// place returns the country and the target that the address names.
func (s *Site) place(r *http.Request) (cc, id string, err error) {
	return s.placeOf(r.Context(), r.PathValue("cc"), r.PathValue("target"))
}

func (s *Site) placeOf(ctx context.Context, code, word string) (cc, id string, err error) {
	if cc, err = knownCountry(code); err != nil {
		return "", "", err
	}
	id, err = s.targetOf(ctx, word)
	return cc, id, err
}

// target returns the target that the address names.
func (s *Site) target(r *http.Request) (string, error) {
	return s.targetOf(r.Context(), r.PathValue("target"))
}

func (s *Site) targetOf(ctx context.Context, word string) (string, error) {
	id, err := s.Desk.Target(ctx, word)
	var unknown inquiry.UnknownTarget
	if errors.As(err, &unknown) {
		return "", notFound("There is no platform or site of this name: " + unknown.Error())
	}
	return id, err
}

// summariesView lists what is known of each country or of each platform.
type summariesView struct {
	List []inquiry.Summary
	When whenAsked
}

const (
	countriesPage page[summariesView] = "countries.html"
	platformsPage page[summariesView] = "platforms.html"
)

// countries lists the countries of which anything is known.
func (s *Site) countries(w http.ResponseWriter, r *http.Request) error {
	return s.summaries(w, r, countriesPage, s.Desk.Countries, frame{Title: "What is blocked where?", About: "Bans of platforms and sites by country, measured and reported."})
}

// countryView is the answer for each target of a country.
type countryView struct {
	CC      string          `json:"probe_cc"`
	Country string          `json:"country"`
	Targets []answer.Answer `json:"targets"`
	Cases   []answer.Case   `json:"cases"`
	When    whenAsked       `json:"-"`
	Blocked []answer.Answer `json:"-"` // those that are blocked or likely blocked
	Past    *answer.Answer  `json:"-"` // if none is blocked: what was reported last
	Laws    []crumb         `json:"-"` // the country's laws in the record
	Bodies  []crumb         `json:"-"` // the bodies of the state that the record names
}

const countryPage page[countryView] = "country.html"

func (s *Site) country(w http.ResponseWriter, r *http.Request) error {
	cc, err := countryOf(r)
	if err != nil {
		return err
	}
	if r.URL.EscapedPath() != "/cc/"+cc {
		moveTo(w, r, "/cc/"+cc)
		return nil
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	answers, err := s.Desk.InCountry(r.Context(), cc, t.at, t.known)
	if err != nil {
		return err
	}
	if wantsCSV(r) {
		return answersCSV(w, r, answers)
	}
	v := countryView{CC: cc, Country: inquiry.Country(cc), Targets: answers, When: t.asked(r), Cases: []answer.Case{}}
	for _, c := range s.Records.Cases {
		if c.Jurisdiction == cc && c.Withdrawn == nil {
			v.Cases = append(v.Cases, answer.Case{ID: c.ID, Title: c.Title})
		}
	}
	for i := range answers {
		if answers[i].State.Accuses() {
			v.Blocked = append(v.Blocked, answers[i])
		}
		if r := answers[i].Reported; len(r) > 0 && (v.Past == nil || r[0].Known.After(v.Past.Reported[0].Known)) {
			v.Past = &answers[i]
		}
	}
	v.Laws, v.Bodies = s.lawsOf(cc), s.bodiesOf(cc)
	f := frame{Title: "What is blocked in " + v.Country + "?", About: "Which platforms and sites are blocked in " + v.Country + ", since when, and on what evidence.",
		Trail: []crumb{{"Countries", "/cc"}, {v.Country, ""}}, Alternates: feedsOf("/cc/"+cc, v.Country)}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	f.embeddable(r, f.Title, t.query())
	return countryPage.show(s, w, r, f, v, v)
}

// lawsOf returns the laws of a country that the record has.
func (s *Site) lawsOf(cc string) []crumb {
	var out []crumb
	add := func(list []casefile.Law) {
		for i := range list {
			if l := &list[i]; l.CC == cc {
				out = append(out, crumb{l.Name, "/laws/" + url.PathEscape(l.ID)})
			}
		}
	}
	add(s.Records.Shared.Laws)
	for _, c := range s.Records.Cases {
		add(c.Laws)
	}
	return out
}

// bodiesOf returns the bodies of a state that the record names: ministries, regulators,
// agencies and courts.
func (s *Site) bodiesOf(cc string) []crumb {
	var out []crumb
	add := func(list []casefile.Actor) {
		for i := range list {
			switch a := &list[i]; a.Kind {
			case "government", "ministry", "regulator", "agency", "legislature", "court":
				if a.CC == cc {
					out = append(out, crumb{capital(a.Name), "/actors/" + url.PathEscape(a.ID)})
				}
			}
		}
	}
	add(s.Records.Shared.Actors)
	for _, c := range s.Records.Cases {
		add(c.Actors)
	}
	return out
}

// platforms lists the platforms and sites of which anything is known.
func (s *Site) platforms(w http.ResponseWriter, r *http.Request) error {
	return s.summaries(w, r, platformsPage, s.Desk.Platforms, frame{Title: "Platforms and sites", About: "Where each platform is blocked, measured and reported."})
}

func (s *Site) summaries(w http.ResponseWriter, r *http.Request, p page[summariesView], of func(ctx context.Context, at, known time.Time) ([]inquiry.Summary, error), f frame) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	list, err := of(r.Context(), t.at, t.known)
	if err != nil {
		return err
	}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	return p.show(s, w, r, f, summariesView{list, t.asked(r)}, list)
}

// platformView is the answer for each country of a target.
type platformView struct {
	Target    string           `json:"target"`
	Name      string           `json:"name"`
	Platform  *target.Platform `json:"platform,omitempty"`
	Countries []answer.Answer  `json:"countries"`
	Cases     []answer.Case    `json:"cases"`
	When      whenAsked        `json:"-"`
	Map       template.HTML    `json:"-"`
	Blocked   []answer.Answer  `json:"-"` // those where it is blocked or likely blocked
}

const platformPage page[platformView] = "platform.html"

// platform says where a target is blocked.
func (s *Site) platform(w http.ResponseWriter, r *http.Request) error {
	id, err := s.target(r)
	if err != nil {
		return err
	}
	if proper := "/platforms/" + url.PathEscape(id); r.URL.EscapedPath() != proper {
		moveTo(w, r, proper)
		return nil
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	answers, err := s.Desk.OfTarget(r.Context(), id, t.at, t.known)
	if err != nil {
		return err
	}
	if wantsCSV(r) {
		return answersCSV(w, r, answers)
	}
	v := platformView{Target: id, Name: s.Desk.Name(id), Countries: answers, When: t.asked(r), Cases: []answer.Case{}}
	for i := range answers {
		if answers[i].State.Accuses() {
			v.Blocked = append(v.Blocked, answers[i])
		}
	}
	v.Platform, _ = s.Targets.Platform(id)
	if len(answers) > 0 && !wantsJSON(r) {
		v.Map = worldMap(id, answers, v.When.Query)
	}
	for _, c := range s.Records.Cases {
		for _, t := range c.Targets {
			if t == id && c.Withdrawn == nil {
				v.Cases = append(v.Cases, answer.Case{ID: c.ID, Title: c.Title})
			}
		}
	}
	f := frame{Title: "Where is " + v.Name + " blocked?", About: "The countries in which " + v.Name + " is blocked, since when, and on what evidence.",
		Trail: []crumb{{"Platforms", "/platforms"}, {v.Name, ""}}, Alternates: feedsOf("/platforms/"+url.PathEscape(id), v.Name)}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	return platformPage.show(s, w, r, f, v, v)
}
