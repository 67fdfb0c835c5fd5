package web

import (
	"net/http"

	"github.com/bandish/bandish/verdict"
)

// ruleRow is a rule as the page and the JSON show it.
type ruleRow struct {
	ID        string          `json:"id"`
	Layer     string          `json:"layer"`
	Kind      string          `json:"kind"`
	Outcome   verdict.Outcome `json:"outcome,omitempty"`
	State     verdict.State   `json:"state,omitempty"`
	Mechanism string          `json:"mechanism,omitempty"`
	Sentence  string          `json:"sentence"`
	Basis     string          `json:"basis"`
}

type rulesView struct {
	Ruleset string
	Rules   []ruleRow
}

const rulesPage page[rulesView] = "rules.html"

// rules is the table of the rules that judge measurements.
func (s *Site) rules(w http.ResponseWriter, r *http.Request) error {
	var list []ruleRow
	for _, x := range verdict.Rules() {
		list = append(list, ruleRow{x.ID, x.Layer, x.Kind(), x.Outcome, x.State, x.Mechanism, x.Sentence, x.Basis})
	}
	f := frame{Title: "The rules that judge measurements", About: "Every rule that judges a measurement, with its reason.", Trail: []crumb{{"How it is judged", "/methods"}, {"Rules", ""}}}
	return rulesPage.show(s, w, r, f, rulesView{verdict.Ruleset, list}, list)
}
