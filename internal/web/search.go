package web

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/search"
)

// searchView is one page of hits, or only the form.
type searchView struct {
	Query, Kind  string
	Wrong        string // why these words cannot be searched
	Asked        bool
	Total        uint64
	How          string
	From, To     int
	Hits         []hitView
	Before, Next string // addresses of the pages before and after this one
	Kinds        []crumb
}

// hitView is one hit, and where it stands.
type hitView struct {
	Title, Kind, Where, Place string
	Href                      string
	Away                      bool // it leads to another site
	Date                      template.HTML
	Snippet                   template.HTML
}

const searchPage page[searchView] = "search.html"

// searchRows is how many hits a page shows.
const searchRows = 20

// kindWords names the kinds of hits in words for readers.
var kindWords = []struct{ kind, word string }{
	{"case", "case"}, {"act", "act"}, {"claim", "statement"}, {"docket", "case before a court"}, {"sighting", "what was seen"}, {"dispute", "what disagrees"},
	{"actor", "actor"}, {"law", "law"}, {"source", "source"}, {"ban", "ban"}, {"platform", "platform"}, {"country", "country"}, {"text", "passage of a source"},
}

// search finds words in the record and in the archived sources:
// /search?q=words&cc=PK&target=x&kind=act&page=2.
func (s *Site) search(w http.ResponseWriter, r *http.Request) error {
	v, result, err := s.searchOf(r)
	if err != nil {
		return err
	}
	f := frame{Title: "Search the record", About: "Find platforms, countries, actors, laws, acts, statements and sources."}
	switch {
	case v.Wrong != "" && wantsJSON(r):
		return badRequest("q: " + v.Wrong)
	case v.Wrong != "":
		return searchPage.show(s, &withStatus{w, http.StatusBadRequest}, r, f, v, nil)
	case !v.Asked:
		return searchPage.show(s, w, r, f, v, nil)
	}
	f.Title = "Search: " + v.Query
	return searchPage.show(s, w, r, f, v, result)
}

// searchOf searches for what the address asks. Words that cannot be searched are not an
// error; v.Wrong says what is wrong with them. result is nil if nothing was searched.
func (s *Site) searchOf(r *http.Request) (v searchView, result *search.Result, err error) {
	q := r.URL.Query()
	v = searchView{Query: q.Get("q"), Kind: q.Get("kind")}
	if strings.TrimSpace(v.Query) == "" {
		return v, result, nil
	}
	number, err := strconv.Atoi(q.Get("page"))
	if err != nil || number < 1 || number > 1000 {
		number = 1
	}
	o := search.Options{CC: strings.ToUpper(q.Get("cc")), Target: q.Get("target"), Case: q.Get("case"), Kind: v.Kind, Limit: searchRows, Offset: (number - 1) * searchRows}
	result, err = s.Search.Search(r.Context(), v.Query, o)
	if errors.Is(err, search.ErrQuery) {
		v.Wrong = "These words cannot be searched: write at least one word, and 500 letters at the most."
		return v, result, nil
	}
	if err != nil {
		return v, result, err
	}
	v.Asked, v.Total, v.How = true, result.Total, string(result.How)
	for i := range result.Hits {
		v.Hits = append(v.Hits, s.hit(&result.Hits[i]))
	}
	v.From, v.To = o.Offset+1, o.Offset+len(v.Hits)
	at := func(set func(url.Values)) string {
		u := r.URL.Query()
		set(u)
		return "?" + u.Encode()
	}
	if number > 1 {
		v.Before = at(func(u url.Values) { u.Set("page", strconv.Itoa(number-1)) })
	}
	if uint64(v.To) < v.Total && len(v.Hits) > 0 {
		v.Next = at(func(u url.Values) { u.Set("page", strconv.Itoa(number+1)) })
	}
	for _, k := range kindWords {
		c := crumb{k.word, ""}
		if k.kind != v.Kind {
			c.Href = at(func(u url.Values) { u.Set("kind", k.kind); u.Del("page") })
		}
		v.Kinds = append(v.Kinds, c)
	}
	return v, result, nil
}

// hit puts a hit into words.
func (s *Site) hit(h *search.Hit) hitView {
	v := hitView{Title: h.Title, Kind: h.Kind, Place: h.Place, Snippet: h.Snippet}
	for _, k := range kindWords {
		if k.kind == h.Kind {
			v.Kind = k.word
		}
	}
	if c := s.Records.Case(h.Case); c != nil && h.Kind != "case" {
		v.Where = c.Title
	} else if h.CC != "" && h.Kind != "country" {
		v.Where = inquiry.Country(h.CC)
	}
	if d, err := casefile.ParseDate(h.Date); err == nil && !d.IsZero() {
		v.Date = edtf(d)
	}
	if v.Href = s.hitHref(h); v.Href == "" && isWeb(h.URL) {
		v.Href, v.Away = h.URL, true
	}
	return v
}

// hitHref returns the page of a hit, "" if this site has none.
func (s *Site) hitHref(h *search.Hit) string {
	parts := strings.Split(h.ID, "/")
	last := url.PathEscape(parts[len(parts)-1])
	switch h.Kind {
	case "case":
		return "/cases/" + last
	case "actor", "law", "source":
		return "/" + h.Kind + "s/" + last
	case "platform":
		return "/platforms/" + last
	case "country":
		return "/cc/" + last
	case "ban":
		if h.Case != "" {
			return "/cases/" + url.PathEscape(h.Case)
		}
		if len(h.Targets) > 0 && h.CC != "" {
			return "/cc/" + h.CC + "/" + url.PathEscape(h.Targets[0])
		}
	case "text":
		if len(parts) == 3 {
			return s.copyHref(parts[1])
		}
	default:
		if c := s.Records.Case(h.Case); c != nil {
			return itemHref(c, parts[len(parts)-1])
		}
	}
	return ""
}

// copyHref returns the page of the source whose archived copy has this hash.
func (s *Site) copyHref(sha256 string) string {
	lists := [][]casefile.Source{s.Records.Shared.Sources}
	for _, c := range s.Records.Cases {
		lists = append(lists, c.Sources)
	}
	for _, list := range lists {
		for i := range list {
			if c := list[i].Copy; c != nil && c.SHA256 == sha256 {
				return "/sources/" + url.PathEscape(list[i].ID)
			}
		}
	}
	return ""
}
