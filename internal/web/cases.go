package web

import (
	"net/http"
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

// cited is a citation as readers see it.
type cited struct{ Text, URL, Phrase string }

// isWeb reports whether an address can be followed from a page.
func isWeb(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// citation spells the sources of a fact.
func (s *Site) citation(c *casefile.Case) func([]casefile.Cite) []cited {
	return func(cites []casefile.Cite) []cited {
		var out []cited
		for _, k := range cites {
			src := s.Records.Source(c, k.Source)
			if src == nil {
				continue
			}
			one := cited{Text: src.Publisher}
			if !src.Date.IsZero() {
				one.Text += ", " + src.Date.Words()
			}
			if src.URL != nil && isWeb(*src.URL) {
				one.URL = *src.URL
			}
			one.Phrase = k.Phrase
			out = append(out, one)
		}
		return out
	}
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
