package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/bandish/bandish/internal/search"
)

// search finds words in the record and in the archived sources:
// /search?q=words&cc=PK&target=x.
func (s *Site) search(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	extra := map[string]any{"Title": "Search the record", "Query": q.Get("q")}
	if strings.TrimSpace(q.Get("q")) == "" {
		return s.respond(w, r, "search.html", nil, extra)
	}
	result, err := s.Search.Search(r.Context(), q.Get("q"), search.Options{CC: strings.ToUpper(q.Get("cc")), Target: q.Get("target"), Limit: 50})
	if errors.Is(err, search.ErrQuery) {
		return badRequest("q: " + err.Error())
	}
	if err != nil {
		return err
	}
	return s.respond(w, r, "search.html", result, extra)
}
