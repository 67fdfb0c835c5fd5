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
	col := map[string]string{"info_source": "News media article"}
	set := func(name, value string) {
		if value != "" && col[name] == "" {
			col[name] = value
		}
	}
	var grounds, laws, networks, contexts []string
	denied := false
	var cites []casefile.Cite
	for _, b := range []*casefile.Bound{c.Start, c.End} {
		if b != nil {
			cites = append(cites, b.Cites...)
		}
	}
	for i := range c.Acts {
		a := &c.Acts[i]
		if a.Withdrawn != nil {
			continue
		}
		switch ordered := a.Kind == "order" || a.Kind == "request" || a.Kind == "interim_order"; {
		case ordered && a.Effect == "restrict" && r.OrderedBy == "" && len(a.By) > 0:
			r.OrderedBy, r.DecisionMaker = orderer(records, c, a.By), records.Names(c, a.By)
			set("legal_method", strings.ReplaceAll(string(a.Kind), "_", " "))
			cites = append(cites, a.Cites...)
		case a.Kind == "admission":
			set("gov_ack", "Yes")
			for _, cite := range a.Cites {
				set("gov_ack_source", address(records, c, cite))
				set("gov_ack_quote", cite.Phrase)
			}
		case a.Kind == "denial":
			denied = true
		case a.Kind == "context" && before(a.Date, c.Start.Date, c.Zone()):
			contexts = append(contexts, a.What)
			cites = append(cites, a.Cites...)
		}
		if a.Effect == "restrict" || a.Effect == "keep" {
			grounds = append(grounds, a.Grounds...)
			laws = append(laws, records.LegalBasis(c, a.Basis)...)
		}
	}
	if len(grounds) > 0 {
		r.Justification = justified(grounds)
		set("gov_just_details", strings.Join(grounds, "; "))
	}
	if len(laws) > 0 {
		set("legal_just", "Yes")
		col["legal_method"] = strings.TrimPrefix(col["legal_method"]+"; "+strings.Join(laws, "; "), "; ")
	}
	for _, s := range c.Sightings {
		for _, n := range s.Networks {
			if onTarget(s.Targets, c.Targets) && s.Access != casefile.Accessible && !slices.Contains(networks, n.String()) {
				networks = append(networks, n.String())
			}
		}
	}
	r.Networks = strings.Join(networks, ", ")
	for _, k := range c.Claims {
		if k.Figure != nil && k.Figure.Unit == "USD" && k.Withdrawn == nil {
			set("econ_impact", fmt.Sprintf("%.0f USD by %s", k.Figure.Value, records.Names(c, k.By)))
		}
	}
	for _, cite := range cites {
		if l := address(records, c, cite); l != "" && !slices.Contains(r.Links, l) {
			r.Links = append(r.Links, l)
		}
	}
	set("actual_cause_details", strings.Join(contexts, " ")) // what the sources connect with the ban; the record does not say whether it is the cause
	if denied {
		set("gov_ack", "No")
	}
	for _, cite := range casefile.Cites(c) {
		l := address(records, c, cite)
		if host, err := url.Parse(l); err == nil && strings.TrimPrefix(host.Hostname(), "www.") == "accessnow.org" {
			set("an_link", l)
		}
	}
	r.Columns = col
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
