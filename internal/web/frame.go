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
	Picture   string // the full address of the picture for places where the page is shared
	Section   string // which entry of the top bar the page belongs to, as section says it
	Trail     []crumb
	Demo      bool
	Static    bool  // the page becomes a file: what needs a server is left out
	LD        []any // the page in words for search engines, as JSON-LD

	Alternates []alternate // feeds and other forms of the page
	Cite       *citation   // nil for a page that cannot be cited
	Embed      *embedCodes // nil for a page without a card
	When       *whenAsked  // the day that the page speaks of; nil if the page has no choice, or has its own control
	Of         []string    // the ids under which corrections speak of this page
	Corrected  []archive.Correction
	Others     []otherLanguage
}

// alternate is the page in another form, with the form's media type.
type alternate struct{ Type, Title, Href string }

// feedsOf returns the feeds below a path; "" is the path of the whole site.
func feedsOf(path, title string) []alternate {
	return []alternate{{"application/atom+xml", title + " (Atom)", path + "/feed.atom"}, {"application/feed+json", title + " (JSON Feed)", path + "/feed.json"}}
}

// crumb is one step of the trail above a page; the last has no address.
type crumb struct{ Name, Href string }

// view is what a template gets: the frame and the page's value.
type view[T any] struct {
	frame
	Value T
}

// page is the file name of a template, with the type of the value that it shows.
type page[T any] string

// show answers with the page. A reader that is a program gets asJSON instead, unless it is
// nil.
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

// correctionsOf returns the corrections that name any of the ids.
func (s *Site) correctionsOf(ctx context.Context, of []string) ([]archive.Correction, error) {
	if len(of) == 0 || s.Store == nil {
		return nil, nil
	}
	return s.Store.Archive().Corrections(ctx, of...)
}

// section returns the entry of the top bar under which a page stands: the first step of
// its trail. Lists of all countries, such as /bans, stand under none.
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
