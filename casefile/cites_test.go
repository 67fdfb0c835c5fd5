package casefile

import "testing"

// Each place in which a case can cite is found; nothing else is.
func TestCites(t *testing.T) {
	one := []Cite{{Source: "a", Phrase: "as it is said"}}
	c := &Case{
		Start: &Bound{Cites: one}, StatedTerm: &Term{Cites: one}, Summary: []Note{{Cites: one}},
		Acts:      []Act{{Cites: one, Details: []Note{{Cites: one}}, Term: &Term{Cites: one}}},
		Sightings: []Sighting{{Cites: one}}, Claims: []Claim{{Cites: one, Evidence: []Evidence{{Cites: one}}}},
		Disputes: []Dispute{{Positions: []Position{{Cites: one}}}}, Dockets: []Docket{{Cites: one, Notes: []Note{{Cites: one}}}},
		Requests: []Request{{Cites: one}}, Laws: []Law{{Sections: []Section{{Disputed: []Note{{Cites: one}}}}}},
	}
	if got := len(Cites(c)); got != 14 {
		t.Errorf("%d citations, want 14", got)
	}
	s := &Shared{Bans: []Ban{{Cites: one, Notes: []Note{{Cites: one}}}}}
	if got := len(s.Cites()); got != 2 {
		t.Errorf("%d citations of what is shared, want 2", got)
	}
	if got := Cites(&Case{}); got != nil {
		t.Errorf("an empty case cites %v", got)
	}
}
