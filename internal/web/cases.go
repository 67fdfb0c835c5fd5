package web

import (
	"net/http"
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
