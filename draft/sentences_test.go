package draft

import (
	"slices"
	"strings"
	"testing"
)

// shapes are sentences of many shapes, with the act that each tells: its kinds,
// who acts, who is addressed. "" means that nothing is to be proposed.
var shapes = []struct{ text, kinds, by, to string }{
	// The same order, told from both sides.
	{"The Exampleville High Court ordered the Example Telecom Authority to restore Sampler.", "interim_order", "Exampleville High Court", "Example Telecom Authority"},
	{"The Example Telecom Authority was ordered by the Exampleville High Court to restore Sampler.", "interim_order", "Exampleville High Court", "Example Telecom Authority"},
	{"The Ministry of Example asked the Example Telecom Authority to block Sampler.", "request", "Ministry of Example", "Example Telecom Authority"},
	{"The Example Telecom Authority was asked by the Ministry of Example to block Sampler.", "request", "Ministry of Example", "Example Telecom Authority"},
	{"Sampler was blocked by the Example Telecom Authority.", "implementation", "Example Telecom Authority", ""},
	{"The Example Telecom Authority, the country's regulator, has temporarily blocked Sampler.", "implementation", "Example Telecom Authority", ""},
	{"The Example Bar Association filed a lawsuit against the Example Telecom Authority in the Exampleville High Court.", "petition", "Example Bar Association", "Exampleville High Court"},
	{"A lawsuit against the Example Telecom Authority was filed in the Exampleville High Court by the Example Bar Association.", "petition", "Example Bar Association", "Exampleville High Court"},
	{"The Example Telecom Authority was sued by the Example Bar Association.", "petition", "Example Bar Association", "Example Telecom Authority"},
	{"The ban was struck down by the Exampleville Supreme Court.", "judgment", "Exampleville Supreme Court", ""},
	{"The Exampleville Supreme Court on Monday unanimously struck down the ban on Sampler.", "judgment", "Exampleville Supreme Court", ""},
	{"The order was revoked by the Ministry of Example.", "withdrawal", "Ministry of Example", ""},

	// Other words for the same deeds.
	{"The Example Telecom Authority has instructed all internet service providers to immediately cut off access to Sampler.", "order", "Example Telecom Authority", ""},
	{"The Example Telecom Authority directed licensees to slow down Sampler.", "order", "Example Telecom Authority", ""},
	{"Example Telecom throttled Sampler on Monday.", "implementation", "Example Telecom", ""},
	{"Judge Ada Bench imposed a nationwide ban on Sampler.", "interim_order|judgment|order", "Judge Ada Bench", ""},
	{"The Exampleville Electoral Tribunal ordered the suspension of Sampler until the vote.", "interim_order", "Exampleville Electoral Tribunal", ""},
	{"President Ada Example signed a decree banning Sampler.", "order", "President Ada Example", ""},
	{"President Ada Example announced that Sampler would be blocked for ten days.", "statement|order", "President Ada Example", ""},
	{"The Ministry of Example issued a decree suspending Sampler.", "order", "Ministry of Example", ""},
	{"The Ministry of Example gave Sampler 48 hours to appoint a representative.", "registration_sought", "Ministry of Example", ""},
	{"The Example Telecom Authority demanded that Sampler remove 30 accounts.", "takedown_request", "Example Telecom Authority", ""},
	{"The Example Telecom Authority fined Sampler $2 million.", "order|statement|judgment", "Example Telecom Authority", ""},
	{"The Exampleville High Court granted an interim injunction against the ban on Sampler.", "interim_order", "Exampleville High Court", ""},
	{"The Exampleville High Court issued an interim order directing the Example Telecom Authority to restore Sampler.", "interim_order", "Exampleville High Court", ""},
	{"The Exampleville High Court extended its stay of the ban.", "interim_order|hearing", "Exampleville High Court", ""},
	{"The Example Bar Association urged the Exampleville High Court to lift the ban on Sampler.", "petition|statement", "Example Bar Association", "Exampleville High Court"},
	{"The Example Bar Association called on the government to restore Sampler.", "statement", "Example Bar Association", ""},
	{"The Example Bar Association condemned the ban on Sampler.", "statement", "Example Bar Association", ""},
	{"Minister Ada Example defended the decision to block Sampler.", "statement", "Minister Ada Example", ""},
	{"Minister Ada Example said on Tuesday that the ban on Sampler had been lifted.", "statement|restoration", "Minister Ada Example", ""},
	{"The Ministry of Example denied any involvement in the shutdown.", "denial", "Ministry of Example", ""},
	{"The Example Telecom Authority denied that it had ordered the block.", "denial", "Example Telecom Authority", ""},
	{"Minister Ada Example acknowledged that the government had restricted Sampler.", "admission|implementation", "Minister Ada Example|the government", ""},
	{"The Example Telecom Authority confirmed that it had blocked Sampler on the orders of the Ministry of Example.", "admission|implementation|compliance|statement", "Example Telecom Authority", ""},
	{"The Example Telecom Authority complied with the court's ruling and unblocked Sampler.", "compliance|restoration", "Example Telecom Authority", ""},
	{"The Example Telecom Authority failed to comply with the order of the Exampleville High Court.", "non_compliance", "Example Telecom Authority", ""},
	{"The Example Intelligence Bureau advised the government to ban Sampler.", "recommendation", "Example Intelligence Bureau", "the government"},
	{"The Example Telecom Authority resumed access to Sampler on 3 May 2024.", "restoration", "Example Telecom Authority", ""},
	{"The Example Telecom Authority extended the suspension of Sampler by a week.", "order|implementation", "Example Telecom Authority", ""},

	// Nothing was done, or nobody is named who did it.
	{"The Example Telecom Authority did not block Sampler.", "", "", ""},
	{"The Example Telecom Authority has never ordered operators to block Sampler.", "", "", ""},
	{"The Example Telecom Authority may order operators to block Sampler.", "", "", ""},
	{"The Example Telecom Authority is expected to block Sampler.", "", "", ""},
	{"The Example Telecom Authority plans to ban Sampler.", "", "", ""},
	{"The Example Telecom Authority threatened to block Sampler.", "", "", ""},
	{"The Example Telecom Authority was not asked by the Ministry of Example to block Sampler.", "", "", ""},
	{"If the Ministry of Example ordered the Example Telecom Authority to block Sampler, it would obey.", "", "", ""},
	{"Nobody knows whether the Ministry of Example ordered the Example Telecom Authority to block Sampler.", "", "", ""},
	{"Critics accused the Ministry of Example of having ordered the Example Telecom Authority to block Sampler.", "", "", ""},
	{"It asked the Example Telecom Authority to block Sampler.", "", "", ""},
	{"Lawyers for the Ministry of Example asked the Example Telecom Authority to block Sampler.", "", "", ""},
	{"The Example Telecom Authority's lawyer told the Exampleville High Court nothing.", "", "", ""},
	{"Sampler was blocked.", "", "", ""},
	{"\"The Ministry of Example ordered the Example Telecom Authority to block Sampler,\" a rumour said.", "", "", ""},
	{"The Ministry of Example could not say who blocked Sampler.", "", "", ""},
	{"The Exampleville High Court was asked by the Example Bar Association to order the Example Telecom Authority to restore Sampler.", "petition", "Example Bar Association", "Exampleville High Court"},
	{"The Example Telecom Authority will appeal against the ruling.", "", "", ""},
	{"Had the Ministry of Example ordered the Example Telecom Authority to block Sampler, it would have said so.", "", "", ""},
	{"The Ministry of Example denied that it ordered the Example Telecom Authority to block Sampler.", "denial", "Ministry of Example", ""},
	{"Reports that the Example Telecom Authority blocked Sampler are false.", "", "", ""},
}

func TestShapesOfSentences(t *testing.T) {
	missed, proposed, wrong := 0, 0, 0
	for _, tt := range shapes {
		acts := read(t, "", tt.text).Acts
		told := tt.kinds != ""
		if told && len(acts) == 0 {
			missed++
			t.Logf("missed: %s", tt.text)
		}
		for _, l := range acts {
			proposed++
			to := strings.Join(l.Is.To, ",")
			if !told || !slices.Contains(strings.Split(tt.kinds, "|"), string(l.Is.Kind)) || !slices.Contains(strings.Split(tt.by, "|"), strings.Join(l.Is.By, ",")) || to != "" && to != tt.to {
				wrong++
				t.Errorf("%s: %s %s by %v to %v", tt.text, l.Rule, l.Is.Kind, l.Is.By, l.Is.To)
			}
		}
	}
	t.Logf("%d of %d sentences that tell an act are missed; %d proposals, %d wrong", missed, len(shapes), proposed, wrong)
}
