package casefile

import (
	"strings"
	"testing"
)

// weighCase is a made-up case whose sources are of every kind that the rule
// tells apart.
func weighCase() (*Records, *Case) {
	c := &Case{ID: "zz-2024-x", Sources: []Source{
		{ID: "order", Publisher: "Ministry", Type: "official_document", Reliability: "A"},
		{ID: "measured", Publisher: "Measurer", Type: "measurement", Reliability: "A"},
		{ID: "found", Publisher: "Paper A", Type: "document_obtained", Reliability: "B"},
		{ID: "a", Publisher: "Paper A", Type: "press", Reliability: "B"},
		{ID: "a2", Publisher: "Paper A", Type: "press", Reliability: "B"},
		{ID: "b", Publisher: "Paper B", Type: "press", Reliability: "B"},
		{ID: "agency", Publisher: "Portal", Type: "press", Reliability: "B", Hand: "second"},
		{ID: "c", Publisher: "Site C", Type: "press", Reliability: "C"},
		{ID: "d", Publisher: "Site D", Type: "press", Reliability: "C"},
		{ID: "copy-of-a", Publisher: "Site E", Type: "press", Reliability: "C", Copies: "a"},
		{ID: "weak", Publisher: "Page", Type: "press", Reliability: "D"},
		{ID: "unread", Publisher: "Paper F", Type: "official_document", Reliability: "A", Read: "unread"},
	}, Actors: []Actor{{ID: "m", Kind: "ministry", Name: "Ministry"}, {ID: "k", Kind: "court", Name: "Court"}},
		Acts: []Act{
			{ID: "sure", Cites: []Cite{{Source: "order"}}},
			{ID: "thin", Cites: []Cite{{Source: "c"}}},
		}}
	return &Records{}, c
}

func TestConfidence(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cites string
		act   Act
		want  Confidence
		why   string
	}{
		{"the document itself", "order", Act{}, "high", "the document itself"},
		{"the body that measured", "measured", Act{}, "high", "the body that measured"},
		{"two publishers", "a b", Act{}, "high", "2 independent publishers, 2 of them first hand"},
		{"one first hand, one second", "a c", Act{}, "high", "1 of them first hand"},
		{"one publisher twice", "a a2", Act{}, "medium", "one publisher, first hand: Paper A"},
		{"a copy is no second publisher", "a copy-of-a", Act{}, "medium", "one publisher, first hand: Paper A"},
		{"a document that its finder describes", "found", Act{}, "medium", "one publisher, first hand: Paper A"},
		{"one first hand", "a", Act{}, "medium", "one publisher, first hand"},
		{"two second hand", "c d", Act{}, "medium", "all second hand"},
		{"one second hand", "c", Act{}, "low", "one publisher, second hand: Site C"},
		{"what a portal repeats", "agency", Act{}, "low", "second hand"},
		{"a weak page", "weak", Act{}, "low", "only sources graded D or lower"},
		{"a weak page beside a paper", "a weak", Act{}, "medium", "one publisher"},
		{"a document that nobody read", "unread", Act{}, "low", "none of its sources was read"},
		{"one voice on others", "a b", Act{By: []string{"k"}, AssertedBy: []Assertion{{Who: "m"}}}, "medium", "only Ministry says that it took place"},
		{"one voice on itself", "a b", Act{By: []string{"m"}, AssertedBy: []Assertion{{Who: "m"}}}, "high", "2 independent"},
		{"two voices", "a b", Act{AssertedBy: []Assertion{{Who: "m"}, {Who: "k"}}}, "high", "2 independent"},
		{"inferred from what is sure", "a b", Act{Inferred: &Inference{From: []string{"sure"}}}, "medium", "inferred from sure"},
		{"inferred from what is thin", "a b", Act{Inferred: &Inference{From: []string{"sure", "thin"}}}, "low", "inferred from sure, thin"},
		{"no source", "", Act{}, "low", "no source"},
		{"set by hand", "c", Act{Confidence: "high", ConfidenceReason: "seen with own eyes"}, "high", "set by hand: seen with own eyes"},
	} {
		r, c := weighCase()
		a := tt.act
		for _, id := range strings.Fields(tt.cites) {
			a.Cites = append(a.Cites, Cite{Source: id})
		}
		if w := r.Weigh(c, &a); w.Confidence != tt.want || !strings.Contains(w.Why, tt.why) {
			t.Errorf("%s: %s (%s), want %s (%s)", tt.name, w.Confidence, w.Why, tt.want, tt.why)
		}
	}
}

// A further source never lowers the confidence.
func TestConfidenceGrowsWithSources(t *testing.T) {
	r, c := weighCase()
	for i := range c.Sources {
		for j := range c.Sources {
			one := Act{Cites: []Cite{{Source: c.Sources[i].ID}}}
			two := Act{Cites: []Cite{{Source: c.Sources[i].ID}, {Source: c.Sources[j].ID}}}
			if before, after := r.Weigh(c, &one), r.Weigh(c, &two); lower(after.Confidence, before.Confidence) {
				t.Errorf("%s alone: %s; with %s: %s", c.Sources[i].ID, before.Confidence, c.Sources[j].ID, after.Confidence)
			}
		}
	}
}

func TestAttribution(t *testing.T) {
	r, c := weighCase()
	c.Acts = append(c.Acts,
		Act{ID: "paper", By: []string{"m"}, AssertedBy: []Assertion{{Who: "k"}}, Cites: []Cite{{Source: "found"}}},
		Act{ID: "told", AssertedBy: []Assertion{{Who: "m", In: "paper"}}, Cites: []Cite{{Source: "found"}, {Source: "b"}}},
		Act{ID: "guess", Inferred: &Inference{From: []string{"sure"}, Why: "It must be."}, Cites: []Cite{{Source: "a"}}})
	for id, want := range map[string]string{
		"thin":  "reported by Site C",
		"told":  "Ministry in paper, which is told by Court (a document obtained by Paper A; reported by Paper B)",
		"guess": "inferred from sure: It must be.",
	} {
		if got := r.Attribution(c, c.Act(id)); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}
