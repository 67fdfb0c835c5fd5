package web

import "net/http"

// The pages that are the same for every reader.
const (
	methodsPage page[struct{}] = "methods.html"
	dataPage    page[struct{}] = "data.html"
	aboutPage   page[struct{}] = "about.html"
	safetyPage  page[struct{}] = "safety.html"
)

func (s *Site) methods(w http.ResponseWriter, r *http.Request) error {
	return methodsPage.show(s, w, r, frame{Title: "How it is judged", About: "How Bandish judges measurements, dates bans and answers statements."}, struct{}{}, nil)
}

func (s *Site) data(w http.ResponseWriter, r *http.Request) error {
	return dataPage.show(s, w, r, frame{Title: "Get the data", About: "Every page as JSON, every measurement as it was received, and the whole record.", LD: []any{datasetLD(r.Host)}}, struct{}{}, nil)
}

func (s *Site) about(w http.ResponseWriter, r *http.Request) error {
	return aboutPage.show(s, w, r, frame{Title: "About Bandish", About: "What Bandish is, what it rests on and what it cannot say."}, struct{}{}, nil)
}

func (s *Site) safety(w http.ResponseWriter, r *http.Request) error {
	return safetyPage.show(s, w, r, frame{Title: "What measuring may cost you", About: "The risks of measuring blocked sites, and what Bandish keeps of those who do."}, struct{}{}, nil)
}
