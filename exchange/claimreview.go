package exchange

import (
	"io"

	"github.com/bandish/bandish/casefile"
)

// The terms of schema.org that are used.
type (
	ldGraph struct {
		Context any   `json:"@context"`
		Graph   []any `json:"@graph"`
	}
	ldThing struct {
		Type string `json:"@type"`
		Name string `json:"name,omitempty"`
		URL  string `json:"url,omitempty"`
	}
	// ClaimReview is a claim with its answer. The rating is a word, because a number
	// would say more than the record knows.
	ClaimReview struct {
		Context       string    `json:"@context,omitempty"`
		ID            string    `json:"@id,omitempty"`
		Type          string    `json:"@type"`
		Name          string    `json:"name,omitempty"`
		URL           string    `json:"url,omitempty"`
		ClaimReviewed string    `json:"claimReviewed"`
		Author        ldThing   `json:"author"`
		ItemReviewed  ldClaim   `json:"itemReviewed"`
		ReviewRating  ldRating  `json:"reviewRating"`
		ReviewAspect  string    `json:"reviewAspect"` // what the answer rests on: measurements or sources
		ReviewBody    string    `json:"reviewBody"`
		Citation      []ldThing `json:"citation,omitempty"`
	}
	ldClaim struct {
		ID            string    `json:"@id,omitempty"`
		Type          string    `json:"@type"`
		Text          string    `json:"text,omitempty"`
		Author        []ldThing `json:"author"`
		DatePublished string    `json:"datePublished,omitempty"`
		Appearance    []ldThing `json:"appearance,omitempty"` // where it was said
	}
	ldRating struct {
		Type          string `json:"@type"`
		AlternateName string `json:"alternateName"`
	}
)

// SchemaOrg is the JSON-LD context of ClaimReviews.
const SchemaOrg = "https://schema.org"

// ClaimReviews writes the claims of a case as JSON-LD. A claim without an answer is
// a Claim without a review. Withdrawn claims are left out.
func (e Edition) ClaimReviews(w io.Writer) error {
	out := ldGraph{Context: SchemaOrg, Graph: []any{}}
	for i := range e.Case.Claims {
		k := &e.Case.Claims[i]
		if k.Withdrawn != nil {
			continue
		}
		if review := e.Review(k, e.answer(k.ID)); review != nil {
			out.Graph = append(out.Graph, review)
		} else {
			claim := e.claim(k)
			claim.Text = k.Says
			out.Graph = append(out.Graph, claim)
		}
	}
	return writeJSON(w, out)
}

func (e Edition) answer(claim string) *casefile.Answer {
	for i := range e.Answers {
		if e.Answers[i].Claim == claim {
			return &e.Answers[i]
		}
	}
	return nil
}

// Review returns a claim with its answer; nil where the answer is nil or untested.
func (e Edition) Review(k *casefile.Claim, a *casefile.Answer) *ClaimReview {
	if a == nil || a.Verdict == casefile.Untested {
		return nil
	}
	r := &ClaimReview{
		ID: e.factIRI("claim", k.ID) + "#review", Type: "ClaimReview", URL: e.factIRI("claim", k.ID), ClaimReviewed: k.Says,
		Author: ldThing{Type: "Organization", Name: "Bandish", URL: e.Base}, ItemReviewed: e.claim(k),
		ReviewRating: ldRating{"Rating", string(a.Verdict)}, ReviewAspect: string(a.AnsweredFrom), ReviewBody: a.Reason,
	}
	for _, h := range a.Sources {
		r.Citation = append(r.Citation, e.works(h.Cites, r.Citation)...)
	}
	return r
}

func (e Edition) claim(k *casefile.Claim) ldClaim {
	c := ldClaim{ID: e.factIRI("claim", k.ID), Type: "Claim", Author: []ldThing{}, DatePublished: CertainDay(k.Date, e.Case), Appearance: e.works(k.Cites, nil)}
	for _, id := range k.By {
		who := ldThing{Type: "Organization", Name: e.Records.Name(e.Case, id)}
		if a := e.Records.Actor(e.Case, id); a != nil && schemata[a.Kind] == "Person" {
			who = ldThing{Type: "Person", Name: a.Name}
		}
		c.Author = append(c.Author, who)
	}
	return c
}

// works returns the sources of citations, each once, without those that are in had.
func (e Edition) works(cites []casefile.Cite, had []ldThing) []ldThing {
	var list []ldThing
	seen := map[string]bool{}
	for _, w := range had {
		seen[w.URL] = true
	}
	for _, cite := range cites {
		page := e.page(cite.Source)
		if seen[page] {
			continue
		}
		seen[page] = true
		work := ldThing{Type: "CreativeWork", URL: page}
		if s := e.Records.Source(e.Case, cite.Source); s != nil && s.Title != nil {
			work.Name = *s.Title
		}
		list = append(list, work)
	}
	return list
}

// CertainDay returns the day of a date, and "" where it is not certain which day it
// is.
func CertainDay(d casefile.Date, c *casefile.Case) string {
	first, ok1 := d.FirstDay(c.Zone())
	last, ok2 := d.LastDay(c.Zone())
	if !ok1 || !ok2 || !first.Equal(last) || d.Approximate() {
		return ""
	}
	return first.Format("2006-01-02")
}
