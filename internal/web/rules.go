package web

import (
	"net/http"

	"github.com/bandish/bandish/verdict"
)

type rulesView struct {
	Ruleset string
	Rules   []verdict.Listed
}

const rulesPage page[rulesView] = "rules.html"

// rules is the table of the rules that judge measurements.
func (s *Site) rules(w http.ResponseWriter, r *http.Request) error {
	list := verdict.Listing()
	f := frame{Title: "The rules that judge measurements", About: "Every rule that judges a measurement, with its reason.", Trail: []crumb{{"How it is judged", "/methods"}, {"Rules", ""}}}
	return rulesPage.show(s, w, r, f, rulesView{verdict.Ruleset, list}, list)
}
