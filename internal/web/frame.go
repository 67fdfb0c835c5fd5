package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/bandish/bandish/internal/archive"
)

// frame is what the layout shows around every page.
type frame struct {
	Title     string
	About     string // one sentence for search engines
	Canonical string
	Picture   string // the full address of what is shown where the page is shared
	Section   string // the first part of the path: which entry of the top bar it belongs to
	Trail     []crumb
	Demo      bool
	Static    bool  // the page becomes a file: what needs a server is left out
	LD        []any // what search engines read of the page, as JSON-LD

	Alternates []alternate // feeds and the like
	Cite       *citation   // nil for a page that cannot be cited
	Embed      *embedCodes // nil for a page without a card
	When       *whenAsked  // the day that the page is of; nil where it chooses none, or has a control of its own
	Of         []string    // what the page says, as corrections name it
	Corrected  []archive.Correction
	Others     []otherLanguage
}

// alternate is the page in another form.
type alternate struct{ Type, Title, Href string }

// feedsOf are the feeds under a path, "" for the site's.
func feedsOf(path, title string) []alternate {
	return []alternate{{"application/atom+xml", title + " (Atom)", path + "/feed.atom"}, {"application/feed+json", title + " (JSON Feed)", path + "/feed.json"}}
}

// crumb is one step of the trail; the last has no address.
type crumb struct{ Name, Href string }

// view is what a template is given: the frame and the page's value.
type view[T any] struct {
	frame
	Value T
}

// page is a template's file name, with the type of the value that it shows.
type page[T any] string

// show answers with the page, or with asJSON where the reader is a program; nil
// is a page without data.
func (p page[T]) show(s *Site, w http.ResponseWriter, r *http.Request, f frame, value T, asJSON any) error {
	w.Header().Add("Vary", "Accept, Accept-Language") // beside Accept-Encoding
	if wantsJSON(r) && asJSON != nil {
		b, err := json.MarshalIndent(asJSON, "", "  ")
		if err != nil {
			return err
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		deliver(w, r, "application/json", append(b, '\n'))
		return nil
	}
	if done, err := f.Cite.citedAs(w, r); done {
		return err
	}
	if len(f.Trail) > 1 {
		f.LD = append(f.LD, trailLD(r.Host, f.Trail))
	}
	f.Others = s.inOthers(r)
	f.Demo, f.Static, f.Section, f.Canonical = s.Demo, s.Static, section(r.URL.Path), r.URL.EscapedPath()
	if f.Picture == "" {
		f.Picture = s.pictureOf(r)
	}
	var err error
	if f.Corrected, err = s.correctionsOf(r.Context(), f.Of); err != nil {
		return err
	}
	b, err := s.execute(string(p), view[T]{f, value})
	if err != nil {
		return err
	}
	deliver(w, r, "text/html; charset=utf-8", b)
	return nil
}

// correctionsOf are the corrections of what a page says.
func (s *Site) correctionsOf(ctx context.Context, of []string) ([]archive.Correction, error) {
	if len(of) == 0 || s.Store == nil {
		return nil, nil
	}
	return s.Store.Archive().Corrections(ctx, of...)
}

// section is the entry of the top bar under which a page stands: the first step of its
// trail. Lists of all countries, as /bans, stand under none.
func section(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "":
		return "home"
	case "m", "is":
		return "cc"
	case "methods", "rules", "safety", "contribute":
		return "about"
	case "actors", "laws", "sources":
		return "cases"
	}
	return first
}
