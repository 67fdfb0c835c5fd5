package web

import (
	"html/template"
	"strings"
	"testing"

	"github.com/jba/templatecheck"
)

// check finds what a template asks of its value that the value has not.
func (p page[T]) check(t *template.Template) error { return templatecheck.CheckHTML(t, view[T]{}) }

func (p page[T]) name() string { return string(p) }

// Every page is parsed against the value that it is given: a missing field fails
// here and not in front of a reader.
func TestTemplatesFitTheirValues(t *testing.T) {
	checked := map[string]bool{"error.html": true}
	templates := parsePages()
	for _, p := range []interface {
		name() string
		check(*template.Template) error
	}{
		homePage, blockedPage, bansPage, banPage, countriesPage, countryPage, platformsPage, platformPage, answerPage, daysPage, measurementsPage, networkPage,
		eventsPage, eventPage, measurementPage, rulesPage, methodsPage, dataPage, aboutPage, safetyPage, casePageOf, itemPage, thingPage, casesPage, checkPage, searchPage, contributePage, apiPage, hoursPage, alertsPage, ledgerPage,
	} {
		set := templates[p.name()]
		if set == nil {
			t.Errorf("there is no template %s", p.name())
			continue
		}
		checked[p.name()] = true
		if err := p.check(set.Lookup("layout")); err != nil && !strings.Contains(err.Error(), "warning") {
			t.Errorf("%s: %v", p.name(), err)
		}
	}
	checked["lang.html"] = true
	if err := templatecheck.CheckHTML(templates["lang.html"].Lookup("layout"), langView{}); err != nil && !strings.Contains(err.Error(), "warning") {
		t.Errorf("lang.html: %v", err)
	}
	for name := range templates {
		if !checked[name] {
			t.Logf("%s is not checked: its values are given in a map", name)
		}
	}
}
