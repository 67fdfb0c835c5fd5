package web

import (
	"net/http"

	"github.com/bandish/bandish/verdict"
)

// rules is the table of the rules that judge measurements.
func (s *Site) rules(w http.ResponseWriter, r *http.Request) error {
	type rule struct {
		ID        string          `json:"id"`
		Layer     string          `json:"layer"`
		Kind      string          `json:"kind"`
		Outcome   verdict.Outcome `json:"outcome,omitempty"`
		State     verdict.State   `json:"state,omitempty"`
		Mechanism string          `json:"mechanism,omitempty"`
		Sentence  string          `json:"sentence"`
		Basis     string          `json:"basis"`
	}
	var list []rule
	for _, x := range verdict.Rules() {
		list = append(list, rule{x.ID, x.Layer, x.Kind(), x.Outcome, x.State, x.Mechanism, x.Sentence, x.Basis})
	}
	return s.respond(w, r, "rules.html", list, map[string]any{"Title": "The rules that judge measurements", "Ruleset": verdict.Ruleset})
}
