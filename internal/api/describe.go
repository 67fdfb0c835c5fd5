package api

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// describe finishes the document: it adds its tags, and says what each error means.
func (s *Server) describe() {
	doc := s.api.OpenAPI()
	for _, t := range []struct{ name, text string }{
		{tagAnswers, "What a reader asks."}, {tagMeasured, "What answers rest on."}, {tagRecord, "Who did what, and who says so."},
		{tagBans, "Bans side by side, measured and reported."}, {tagFiles, "All of it, as files."}, {tagAbout, "Rules and search."},
	} {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: t.name, Description: t.text})
	}
	words := map[int]string{
		http.StatusBadRequest: "The query cannot be read", http.StatusNotFound: "There is no such thing", http.StatusGone: "The cursor is too old: begin again",
		http.StatusNotAcceptable: "The list is not written in this format", http.StatusUnprocessableEntity: "A parameter is wrong; detail says how to put it right",
		http.StatusTooManyRequests: "Too many requests in this minute: wait as long as Retry-After says", http.StatusServiceUnavailable: "Busy: try again as Retry-After says",
		http.StatusInternalServerError: broken,
	}
	for _, item := range doc.Paths {
		for code, r := range item.Get.Responses {
			if n, err := strconv.Atoi(code); err == nil && words[n] != "" {
				r.Description = words[n]
			}
		}
		delete(item.Get.Responses, "default")
	}
}
