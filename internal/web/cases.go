package web

import (
	"context"
	"fmt"
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
	shown, err := s.shownCases(r.Context(), when)
	if err != nil {
		return err
	}
	for _, k := range shown {
		c := k.shown
		if when.Day != "" && len(c.Computed.Chronology) == 0 {
			continue // nothing of it was known
		}
		list = append(list, caseLine{ID: c.ID, Title: c.Title, CC: c.Jurisdiction, Country: inquiry.Country(c.Jurisdiction), Status: c.Status, Clock: c.Computed.Clock})
		one := caseLineView{ID: c.ID + when.Query, Title: c.Title, Country: inquiry.Country(c.Jurisdiction), Status: casefile.Meaning(c.Status)}
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
		v.Cases = append(v.Cases, one)
	}
	if v.Cite, err = s.citeRecord(r, "The case record", when); err != nil {
		return err
	}
	f := frame{Title: "The case record", About: "Who asked for a ban, who ordered it, what courts said, and whether what was said was true.", Trail: []crumb{{"The record", ""}}}
	return casesPage.show(s, w, r, f, v, list)
}

// spanWords are the days between two turns.
func spanWords(sp casefile.Span) string {
	if sp.AtMost != nil && *sp.AtMost != sp.Days {
		return thousands(strconv.FormatInt(sp.Days, 10)) + " to " + count(*sp.AtMost, "day") + " " + sp.Means
	}
	return count(sp.Days, "day") + " " + sp.Means
}

// casePage is one case as it is known, or was on ?as-of=DAY, with its claims
// held against the evidence.
type casePage struct {
	Case    *casefile.Case    `json:"case"`
	Answers []casefile.Answer `json:"answers"`
}

// cited is a citation as readers see it: who published it, when, how far it is
// trusted, and the passage.
type cited struct {
	Text, Grade, Phrase, Place, Note string
	Href                             string // the source's page here
	URL                              string // the source itself
}

// isWeb reports whether an address can be followed from a page.
func isWeb(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// cites spells the sources of a fact.
func (k speaker) cites(list []casefile.Cite) []cited {
	var out []cited
	for _, c := range list {
		src := k.s.Records.Source(k.whole, c.Source)
		if src == nil {
			continue
		}
		one := cited{Text: src.Publisher, Grade: string(src.Reliability), Phrase: c.Phrase, Note: c.Note, Href: "/sources/" + url.PathEscape(c.Source) + k.query}
		if !src.Date.IsZero() {
			one.Text += ", " + src.Date.Words()
		}
		if src.URL != nil && isWeb(*src.URL) {
			one.URL = *src.URL
		}
		switch {
		case c.Page > 0:
			one.Place = "page " + strconv.FormatInt(c.Page, 10)
		case c.Paragraph > 0:
			one.Place = "paragraph " + strconv.FormatInt(c.Paragraph, 10)
		}
		out = append(out, one)
	}
	return out
}

// checkView is the question whether a statement about access was true: what the
// reader filled in, what is wrong with it, and the answer.
type checkView struct {
	Target, CC, At, Says string // as the reader wrote them
	Wrong                []string
	Choices              choices
	Words                []casefile.AccessWord
	Asked                string // the question in words
	Answer               *claimView
	Href                 string // the answer of the day
	Cite                 citation
}

const checkPage page[checkView] = "check.html"

// check answers whether a claim about access was true:
// /check?target=x&cc=PK&at=2024-03-13&claim=accessible. A form that is not right
// comes back as it was filled in.
func (s *Site) check(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := checkView{Target: q.Get("target"), CC: q.Get("cc"), At: q.Get("at"), Says: q.Get("claim"), Words: casefile.Accesses()}
	f := frame{Title: "Was it true?", About: "Ask whether what was said of access to a platform was true, and see what was measured."}
	if v.Target+v.CC+v.At+v.Says == "" {
		return s.showCheck(w, r, f, v, nil)
	}
	claim := s.claimAsked(r.Context(), &v)
	if len(v.Wrong) > 0 {
		if wantsJSON(r) {
			return badRequest(strings.Join(v.Wrong, " "))
		}
		return s.showCheck(w, r, f, v, nil)
	}
	a, err := s.Desk.Check(r.Context(), claim)
	if err != nil {
		return err
	}
	one := claimOf(&a, func(ids []string) string { return s.Records.Names(nil, ids) })
	v.Answer, v.Asked = &one, "“"+s.name(claim.Target)+" was "+v.Says+" in "+inquiry.Country(claim.CC)+"”, said of "+claim.At.Words()
	v.Href = "/cc/" + claim.CC + "/" + url.PathEscape(claim.Target)
	f.Title = "Was it true? " + s.name(claim.Target) + " in " + inquiry.Country(claim.CC) + ", " + claim.At.Words()
	if v.Cite, err = s.citeRecord(r, f.Title, asked{}); err != nil {
		return err
	}
	return s.showCheck(w, r, f, v, a)
}

// claimAsked reads the form. What is wrong with it is noted in words.
func (s *Site) claimAsked(ctx context.Context, v *checkView) casefile.AccessClaim {
	wrong := func(format string, args ...any) { v.Wrong = append(v.Wrong, fmt.Sprintf(format, args...)) }
	claim := casefile.AccessClaim{CC: strings.ToUpper(strings.TrimSpace(v.CC))}
	var err error
	if claim.Target, err = s.Desk.Target(ctx, v.Target); err != nil {
		wrong("Platform: there is none of the name %s. Write its name or address, as x or x.com.", quoted(v.Target))
	}
	if !casefile.KnownCountry(claim.CC) {
		wrong("Country: %s is no country of ISO 3166-1. Write two letters, as PK.", quoted(v.CC))
	}
	if claim.At, err = casefile.ParseDate(strings.TrimSpace(v.At)); err != nil || claim.At.IsZero() {
		wrong("Date: %s is no day. Write 2024-03-13, or 2024-03-13/2024-03-20 for a time.", quoted(v.At))
	}
	if claim.Says, err = casefile.ParseAccess(v.Says); err != nil {
		wrong("Said: %s is none of the words. Choose one from the list.", quoted(v.Says))
	}
	return claim
}

// showCheck shows the form, the answer below it. A form with mistakes answers
// with 400, so that programs notice.
func (s *Site) showCheck(w http.ResponseWriter, r *http.Request, f frame, v checkView, asJSON any) error {
	v.Choices = s.choices()
	if len(v.Wrong) > 0 {
		w = &withStatus{ResponseWriter: w, status: http.StatusBadRequest}
	}
	return checkPage.show(s, w, r, f, v, asJSON)
}

// withStatus answers with a status of its own where the page is there.
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
