package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
)

// caseLine is a case in the list, with its clock.
type caseLine struct {
	ID      string          `json:"id"`
	Title   string          `json:"title"`
	CC      string          `json:"jurisdiction"`
	Country string          `json:"country"`
	Status  casefile.Status `json:"status"`
	Clock   casefile.Clock  `json:"clock"`
}

// casesView is the list of the record as it is known on a day.
type casesView struct {
	Cases []caseLineView
	When  asked
	Cite  citation
}

type caseLineView struct {
	ID, Title, Country, Status, Summary, Without string
	Points                                       []pointView
}

const casesPage page[casesView] = "cases.html"

// cases lists the record, each case with its clock.
func (s *Site) cases(w http.ResponseWriter, r *http.Request) error {
	when, err := asOf(r)
	if err != nil {
		return err
	}
	list, v := []caseLine{}, casesView{When: when}
	shown, err := s.shownCases(r.Context(), nil, when)
	if err != nil {
		return err
	}
	for _, k := range shown {
		c := k.shown
		if when.Day != "" && len(c.Computed.Chronology) == 0 {
			continue // nothing of it was known
		}
		list = append(list, caseLine{ID: c.ID, Title: c.Title, CC: c.Jurisdiction, Country: inquiry.Country(c.Jurisdiction), Status: c.Status, Clock: c.Computed.Clock})
		v.Cases = append(v.Cases, k.line())
	}
	if v.Cite, err = s.citeRecord(r, "The case record", when); err != nil {
		return err
	}
	f := frame{Title: "The case record", About: "Who asked for a ban, who ordered it, what courts said, and whether what was said was true.", Trail: []crumb{{"The record", ""}}}
	f.Cite, f.Alternates = &v.Cite, append(feedsOf("", "What changed"), alternate{"text/calendar", "Court dates", "/courts.ics"})
	return casesPage.show(s, w, r, f, v, list)
}

// line is a case with its dated turns.
func (k speaker) line() caseLineView {
	c := k.shown
	one := caseLineView{ID: c.ID + k.query, Title: c.Title, Country: inquiry.Country(c.Jurisdiction), Status: casefile.Meaning(c.Status)}
	if len(c.Summary) > 0 {
		one.Summary = c.Summary[0].Text
	}
	for _, p := range inOrder(c.Computed.Clock.Points, c) {
		if !p.Date.IsZero() {
			one.Points = append(one.Points, pointView{Turn: turnWords[p.Turn], Date: edtf(p.Date), Known: true})
		}
	}
	for _, sp := range c.Computed.Clock.Spans {
		if sp.From == casefile.Lost && sp.To == casefile.Returned {
			one.Without = spanWords(sp)
		}
	}
	return one
}

// spanWords are the days between two turns.
func spanWords(sp casefile.Span) string {
	if sp.AtMost != nil && *sp.AtMost != sp.Days {
		return thousands(strconv.FormatInt(sp.Days, 10)) + " to " + count(*sp.AtMost, "day") + " " + sp.Means
	}
	return count(sp.Days, "day") + " " + sp.Means
}

// casePage is one case as it is known now, or was on ?as-of=DAY, with its claims checked
// against the evidence.
type casePage struct {
	Case    *casefile.Case    `json:"case"`
	Answers []casefile.Answer `json:"answers"`
}

// cited is a citation as readers see it: who published it, when, how far the source is
// trusted, and the passage.
type cited struct {
	Text, Grade, Phrase, Place, Note string
	GradeName, Itself                string // words beside the grade and the address
	PhraseLang, NoteLang             string // their languages, "" for that of the page
	Href                             string // the source's page here
	URL                              string // the source itself
}

// isWeb reports whether a page may link to an address.
func isWeb(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// cites puts the sources of a fact into words.
func (k speaker) cites(list []casefile.Cite) []cited {
	var out []cited
	for _, c := range list {
		src := k.s.Records.Source(k.whole, c.Source)
		if src == nil {
			continue
		}
		one := cited{Text: src.Publisher, Grade: string(src.Reliability), Phrase: c.Phrase, Note: c.Note, Href: k.own("/sources/"+url.PathEscape(c.Source)) + k.query,
			GradeName: k.say("cite.grade", "grade"), Itself: k.say("cite.itself", "the source itself")}
		one.PhraseLang, one.NoteLang = k.notOwn(src.Language), k.english()
		if k.c != nil {
			one.Text = foreign(src.Publisher)
		}
		if day := k.day(src.Date); day != "" && !src.Date.IsZero() {
			one.Text += k.say("list.comma", ", ") + day
		}
		if src.URL != nil && isWeb(*src.URL) {
			one.URL = *src.URL
		}
		switch {
		case c.Page > 0:
			one.Place = k.say("label.page", "page") + " " + strconv.FormatInt(c.Page, 10)
		case c.Paragraph > 0:
			one.Place = k.say("label.paragraph", "paragraph") + " " + strconv.FormatInt(c.Paragraph, 10)
		}
		out = append(out, one)
	}
	return out
}

// withStatus replaces the status 200 of an answer with its own.
type withStatus struct {
	http.ResponseWriter
	status int
}

func (w *withStatus) WriteHeader(code int) {
	if code == http.StatusOK {
		code = w.status
	}
	w.ResponseWriter.WriteHeader(code)
}
