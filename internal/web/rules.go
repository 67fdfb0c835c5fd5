package web

import "net/http"

// sentence is what a rule says, for readers.
func (s *Site) sentence(id string) string { return "" }

func (s *Site) rules(w http.ResponseWriter, r *http.Request) error { return notFound("pending") }
