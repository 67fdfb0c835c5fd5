package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
)

// cases lists the record.
func (s *Site) cases(w http.ResponseWriter, r *http.Request) error {
	type line struct {
		ID      string          `json:"id"`
		Title   string          `json:"title"`
		CC      string          `json:"jurisdiction"`
		Country string          `json:"country"`
		Status  casefile.Status `json:"status"`
	}
	list := []line{}
	for _, c := range s.Records.Cases {
		list = append(list, line{c.ID, c.Title, c.Jurisdiction, inquiry.Country(c.Jurisdiction), c.Status})
	}
	return s.respond(w, r, "cases.html", list, map[string]any{"Title": "The case record"})
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

// check answers whether a claim about access was true:
// /check?target=x&cc=PK&at=2024-03-13&claim=accessible.
func (s *Site) check(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if q.Get("target") == "" && q.Get("cc") == "" {
		return s.respond(w, r, "check.html", nil, map[string]any{"Title": "Was it true?", "Words": casefile.Accesses()})
	}
	claim := casefile.AccessClaim{CC: strings.ToUpper(q.Get("cc"))}
	var err error
	if claim.Target, _, err = s.Targets.Resolve(q.Get("target")); err != nil {
		return badRequest("target: " + err.Error())
	}
	if !casefile.KnownCountry(claim.CC) {
		return badRequest("cc is " + strconv.Quote(q.Get("cc")) + ": want ISO 3166-1 alpha-2, as PK.")
	}
	if claim.At, err = casefile.ParseDate(q.Get("at")); err != nil || claim.At.IsZero() {
		return badRequest("at: want a date in EDTF, as 2024-03-13 or 2024-03-13/2024-03-20.")
	}
	if claim.Says, err = casefile.ParseAccess(q.Get("claim")); err != nil {
		return badRequest("claim: " + err.Error())
	}
	answer, err := s.Desk.Check(r.Context(), claim)
	if err != nil {
		return err
	}
	return s.respond(w, r, "check.html", answer, map[string]any{"Title": "Was it true?", "Words": casefile.Accesses(), "Country": inquiry.Country(claim.CC), "Asked": q})
}
