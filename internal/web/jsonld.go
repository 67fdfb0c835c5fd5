package web

import (
	"net/http"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/exchange"
	"github.com/bandish/bandish/internal/inquiry"
)

// What search engines read of a page, in the vocabulary of schema.org.
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
	ldDataset struct {
		ldThing
		Distribution []ldDownload `json:"distribution"`
	}
	ldDownload struct {
		Type   string `json:"@type"`
		Name   string `json:"name"`
		URL    string `json:"contentUrl"`
		Format string `json:"encodingFormat"`
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

const schema = exchange.SchemaOrg

// trailLD describes the trail above a page.
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

// datasetLD describes the record and all measurements as a data set; each part can be
// downloaded by itself.
func datasetLD(host string) any {
	d := ldDataset{ldThing: ldThing{schema, "Dataset", "Bandish: the open record of internet bans", "https://" + host + "/data", "What is blocked where, since when, on whose order, and how it was measured: bans, dated from measurements and reported by sources, with their evidence."}}
	for _, part := range []struct{ name, path, format string }{{"All bans, measured and reported", "/bans?format=csv", "text/csv"}, {"All bans, measured and reported", "/bans?format=json", "application/json"}, {"Bans dated from measurements", "/events?format=json", "application/json"}, {"The cases of the record", "/cases?format=json", "application/json"}, {"Countries", "/cc?format=json", "application/json"}} {
		d.Distribution = append(d.Distribution, ldDownload{"DataDownload", part.name, "https://" + host + part.path, part.format})
	}
	return d
}

// caseLD describes a case as an event. Its beginning and end are given if the record has
// days for them; a date that is not certain is left out.
func (s *Site) caseLD(r *http.Request, c *casefile.Case) []any {
	e := ldEvent{ldThing: ldThing{schema, "Event", c.Title, "https://" + r.Host + "/cases/" + c.ID, ""}, Location: &ldThing{Type: "Country", Name: inquiry.Country(c.Jurisdiction)}}
	if len(c.Summary) > 0 {
		e.Description = c.Summary[0].Text
	}
	if c.Start != nil {
		e.StartDate = exchange.CertainDay(c.Start.Date, c)
	}
	if c.End != nil {
		e.EndDate = exchange.CertainDay(c.End.Date, c)
	}
	if e.StartDate == "" {
		return nil // an event needs a beginning
	}
	return []any{e}
}

// itemLD describes a part of a case. A statement with its answer is a ClaimReview.
func (s *Site) itemLD(r *http.Request, c *casefile.Case, it any, v itemView, a *casefile.Answer) []any {
	claim, ok := it.(*casefile.Claim)
	if !ok {
		return nil
	}
	review := exchange.Edition{Records: s.Records, Case: c, Base: "https://" + r.Host + "/"}.Review(claim, a)
	if review == nil {
		return nil
	}
	review.Context, review.Name = schema, v.Name
	return []any{review}
}
