package web

import (
	"net/http"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
)

// What search engines read of a page, in the words of schema.org.
type (
	ldThing struct {
		Context     string `json:"@context,omitempty"`
		Type        string `json:"@type"`
		Name        string `json:"name,omitempty"`
		URL         string `json:"url,omitempty"`
		Description string `json:"description,omitempty"`
	}
	ldEvent struct {
		ldThing
		StartDate string   `json:"startDate,omitempty"`
		EndDate   string   `json:"endDate,omitempty"`
		Location  *ldThing `json:"location,omitempty"`
	}
	ldReview struct {
		ldThing
		ClaimReviewed string   `json:"claimReviewed"`
		Author        ldThing  `json:"author"`
		ItemReviewed  ldClaim  `json:"itemReviewed"`
		ReviewRating  ldRating `json:"reviewRating"`
	}
	ldClaim struct {
		Type          string  `json:"@type"`
		Author        ldThing `json:"author"`
		DatePublished string  `json:"datePublished,omitempty"`
	}
	// ldRating has a word only: a number would say more than the record knows.
	ldRating struct {
		Type          string `json:"@type"`
		AlternateName string `json:"alternateName"`
	}
	ldTrail struct {
		Context string    `json:"@context"`
		Type    string    `json:"@type"`
		List    []ldCrumb `json:"itemListElement"`
	}
	ldCrumb struct {
		Type     string `json:"@type"`
		Position int    `json:"position"`
		Name     string `json:"name"`
		Item     string `json:"item,omitempty"`
	}
)

const schema = "https://schema.org"

// trailLD is where a page stands.
func trailLD(host string, trail []crumb) any {
	out := ldTrail{Context: schema, Type: "BreadcrumbList"}
	for i, c := range trail {
		one := ldCrumb{Type: "ListItem", Position: i + 1, Name: c.Name}
		if c.Href != "" {
			one.Item = "https://" + host + c.Href
		}
		out.List = append(out.List, one)
	}
	return out
}

// caseLD is a case as an event: its beginning and end where the record has days
// for them. A date that is not certain is left out.
func (s *Site) caseLD(r *http.Request, c *casefile.Case) []any {
	e := ldEvent{ldThing: ldThing{schema, "Event", c.Title, "https://" + r.Host + "/cases/" + c.ID, ""}, Location: &ldThing{Type: "Country", Name: inquiry.Country(c.Jurisdiction)}}
	if len(c.Summary) > 0 {
		e.Description = c.Summary[0].Text
	}
	if c.Start != nil {
		e.StartDate = certainDay(c.Start.Date, c)
	}
	if c.End != nil {
		e.EndDate = certainDay(c.End.Date, c)
	}
	if e.StartDate == "" {
		return nil // an event without a beginning is none
	}
	return []any{e}
}

// certainDay is a date of the record as a day, "" where it is not certain which.
func certainDay(d casefile.Date, c *casefile.Case) string {
	first, ok1 := d.FirstDay(c.Zone())
	last, ok2 := d.LastDay(c.Zone())
	if !ok1 || !ok2 || !first.Equal(last) || d.Approximate() {
		return ""
	}
	return first.Format("2006-01-02")
}

// itemLD is a part of a case: a statement with its answer is a ClaimReview.
func (s *Site) itemLD(r *http.Request, c *casefile.Case, it any, v itemView, a *casefile.Answer) []any {
	claim, ok := it.(*casefile.Claim)
	if !ok || a == nil || a.Verdict == casefile.Untested {
		return nil
	}
	by := ldThing{Type: "Organization", Name: s.Records.Names(c, claim.By)}
	if len(claim.By) > 0 {
		if actor := s.Records.Actor(c, claim.By[0]); actor != nil && (actor.Kind == "person" || actor.Kind == "judge") {
			by.Type = "Person"
		}
	}
	return []any{ldReview{ldThing: ldThing{schema, "ClaimReview", v.Name, "https://" + r.Host + r.URL.EscapedPath(), a.Reason}, ClaimReviewed: claim.Says,
		Author: ldThing{Type: "Organization", Name: "Bandish", URL: "https://" + r.Host + "/"}, ItemReviewed: ldClaim{"Claim", by, certainDay(claim.Date, c)},
		ReviewRating: ldRating{"Rating", string(a.Verdict)}}}
}
