package web

import (
	"net/http"
	"net/url"

	"github.com/bandish/bandish/internal/inquiry"
)

// measurement is the page of one measurement: what the probe saw beside what the control
// saw.
func (s *Site) measurement(w http.ResponseWriter, r *http.Request) error {
	e, ok, err := s.Desk.Measurement(r.Context(), r.PathValue("uid"), r.URL.Query().Get("content"))
	if err != nil {
		return err
	}
	if !ok {
		return notFound("The archive has no measurement of this uid.")
	}
	if e.Document != nil && r.URL.Query().Get("raw") != "" {
		deliver(w, r, "application/json", e.Document)
		return nil
	}
	m := measurementView{Measurement: e, Country: inquiry.Country(e.Verdict.CC), Name: s.name(e.Verdict.Target), Ladders: laddersOf(e.Observations)}
	f := frame{Title: "One measurement of " + m.Name + " in " + m.Country,
		Trail: []crumb{{"Countries", "/cc"}, {m.Country, "/cc/" + e.Verdict.CC}, {m.Name, "/cc/" + e.Verdict.CC + "/" + url.PathEscape(e.Verdict.Target)}, {"One measurement", ""}}, Of: []string{e.Verdict.UID}}
	c, err := s.cite(r, f.Title, times{})
	if err != nil {
		return err
	}
	f.Cite = &c
	return measurementPage.show(s, w, r, f, m, e)
}

// measurementView is the page of one measurement.
type measurementView struct {
	inquiry.Measurement
	Country, Name string
	Ladders       []ladder
}

const measurementPage page[measurementView] = "measurement.html"
