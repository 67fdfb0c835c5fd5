package ban

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
)

// justifications are KeepItOn's categories of the reasons that a state gives. The
// words of a ground in the record show its category.
var justifications = []struct {
	name  string
	words *regexp.Regexp
}{
	{"National security/ Counter-terrorism", regexp.MustCompile(`(?i)national security|terroris|integrity of the country`)},
	{"Public safety/ Quell unrest/ Restore public order", regexp.MustCompile(`(?i)public (?:safety|order)|unrest|violence|riot|protest|chaos`)},
	{"Fake news/ Hate speech/ Incendiary content/ Promoting violence", regexp.MustCompile(`(?i)false (?:news|propaganda|information)|fake|hate|disinformation|incit`)},
	{"School exams", regexp.MustCompile(`(?i)\bexam`)},
	{"Illegal content", regexp.MustCompile(`(?i)pornograph|sexual|obscen|unlawful content|illegal content|blasphem|terms of the licen|did not comply`)},
	{"Technical problems/ Infrastructure failure", regexp.MustCompile(`(?i)technical|cable|maintenance`)},
}

// justified returns the categories of grounds; "Other" where there is none.
func justified(grounds []string) string {
	var names []string
	for _, j := range justifications {
		if slices.ContainsFunc(grounds, j.words.MatchString) {
			names = append(names, j.name)
		}
	}
	if names == nil {
		return "Other"
	}
	return strings.Join(names, "; ")
}

// tell fills in what a case says in the terms of KeepItOn's table: who ordered the
// ban, on what grounds and by what laws, and whether the state admitted it. What
// the case does not say stays empty.
func (r *Report) tell(records *casefile.Records, c *casefile.Case) {
	t := &telling{report: r, records: records, c: c, col: map[string]string{"info_source": "News media article"}}
	for _, b := range []*casefile.Bound{c.Start, c.End} {
		if b != nil {
			t.cites = append(t.cites, b.Cites...)
		}
	}
	for i := range c.Acts {
		if c.Acts[i].Withdrawn == nil {
			t.act(&c.Acts[i])
		}
	}
	if len(t.grounds) > 0 {
		r.Justification = justified(t.grounds)
		t.set("gov_just_details", strings.Join(t.grounds, "; "))
	}
	if len(t.laws) > 0 {
		t.set("legal_just", "Yes")
		t.col["legal_method"] = strings.TrimPrefix(t.col["legal_method"]+"; "+strings.Join(t.laws, "; "), "; ")
	}
	t.networks()
	for _, k := range c.Claims {
		if k.Figure != nil && k.Figure.Unit == "USD" && k.Withdrawn == nil {
			t.set("econ_impact", fmt.Sprintf("%.0f USD by %s", k.Figure.Value, records.Names(c, k.By)))
		}
	}
	t.set("actual_cause_details", strings.Join(t.contexts, " ")) // what the sources connect with the ban; the record does not say whether it is the cause
	if t.denied {
		t.set("gov_ack", "No")
	}
	t.links()
	r.Columns = t.col
}

// telling is what was gathered of a case so far.
type telling struct {
	report  *Report
	records *casefile.Records
	c       *casefile.Case

	col           map[string]string // KeepItOn's columns
	grounds, laws []string          // of acts that restrict
	contexts      []string          // what was going on before the ban
	denied        bool              // by the state
	cites         []casefile.Cite
}

// set fills in a column that is still empty.
func (t *telling) set(name, value string) {
	if value != "" && t.col[name] == "" {
		t.col[name] = value
	}
}

func (t *telling) act(a *casefile.Act) {
	r := t.report
	switch ordered := a.Kind == "order" || a.Kind == "request" || a.Kind == "interim_order"; {
	case ordered && a.Effect == "restrict" && r.OrderedBy == "" && len(a.By) > 0:
		r.OrderedBy, r.DecisionMaker = orderer(t.records, t.c, a.By), t.records.Names(t.c, a.By)
		t.set("legal_method", strings.ReplaceAll(string(a.Kind), "_", " "))
		t.cites = append(t.cites, a.Cites...)
	case a.Kind == "admission":
		t.set("gov_ack", "Yes")
		for _, cite := range a.Cites {
			t.set("gov_ack_source", address(t.records, t.c, cite))
			t.set("gov_ack_quote", cite.Phrase)
		}
	case a.Kind == "denial":
		t.denied = true
	case a.Kind == "context" && before(a.Date, t.c.Start.Date, t.c.Zone()):
		t.contexts = append(t.contexts, a.What)
		t.cites = append(t.cites, a.Cites...)
	}
	if a.Effect == "restrict" || a.Effect == "keep" {
		t.grounds = append(t.grounds, a.Grounds...)
		t.laws = append(t.laws, t.records.LegalBasis(t.c, a.Basis)...)
	}
}

// networks lists the networks on which somebody saw the ban.
func (t *telling) networks() {
	var names []string
	for _, s := range t.c.Sightings {
		for _, n := range s.Networks {
			if onTarget(s.Targets, t.c.Targets) && s.Access != casefile.Accessible && !slices.Contains(names, n.String()) {
				names = append(names, n.String())
			}
		}
	}
	t.report.Networks = strings.Join(names, ", ")
}

// links lists the addresses of what was cited.
func (t *telling) links() {
	for _, cite := range t.cites {
		if l := address(t.records, t.c, cite); l != "" && !slices.Contains(t.report.Links, l) {
			t.report.Links = append(t.report.Links, l)
		}
	}
	for _, cite := range casefile.Cites(t.c) {
		l := address(t.records, t.c, cite)
		if host, err := url.Parse(l); err == nil && strings.TrimPrefix(host.Hostname(), "www.") == "accessnow.org" {
			t.set("an_link", l)
		}
	}
}

// orderer returns what kind of body the first one who ordered it is, in KeepItOn's
// words.
func orderer(records *casefile.Records, c *casefile.Case, by []string) string {
	a := records.Actor(c, by[0])
	switch {
	case a == nil:
		return "Unknown"
	case a.Kind == "court" || a.Kind == "judge":
		return "Judiciary"
	case slices.Contains([]casefile.ActorKind{"government", "ministry", "regulator", "office_holder", "person", "legislature"}, a.Kind):
		return "Executive government"
	case a.Kind == "agency":
		return "Law enforcement"
	}
	return "Non-government"
}

func address(records *casefile.Records, c *casefile.Case, cite casefile.Cite) string {
	if s := records.Source(c, cite.Source); s != nil && s.URL != nil {
		return *s.URL
	}
	return ""
}

// before reports whether day a was before day b, or the same.
func before(a, b casefile.Date, zone *time.Location) bool {
	day, ok := a.FirstDay(zone)
	start, known := b.FirstDay(zone)
	return ok && known && !day.After(start)
}

func onTarget(a, b []string) bool {
	return slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) })
}
