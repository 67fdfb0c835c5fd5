package casefile_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/casefile"
)

// place is a fact in a few words, where it stands in the record, and a word
// by which one sees that it does.
type place struct {
	fact, path, word string
}

// article lists by hand what the article tells that this project starts from.
var article = []place{
	{"the Interior Ministry defends the ban", "pk-2024-x/acts/moi-document", "defends the ban"},
	{"on grounds of national security", "pk-2024-x/acts/moi-document", "national security"},
	{"and that the platform does not keep local laws", "pk-2024-x/acts/moi-document", "keep its laws"},
	{"a government document obtained by Nukta", "pk-2024-x/sources/nukta-moi-document", "document_obtained"},
	{"the author", "pk-2024-x/sources/nukta-moi-document", "Javed Hussain"},
	{"the title", "pk-2024-x/sources/nukta-moi-document", "justifies year-long ban"},
	{"it was published on a Monday and is undated", "pk-2024-x/sources/nukta-moi-document", "Monday"},
	{"its picture is machine-made", "pk-2024-x/sources/nukta-moi-document", "machine_pictures"},
	{"caption: PTI leaders summoned by a police chief", "pk-2024-x/acts/pti-summoned", "police chief"},
	{"X was blocked on 17 February 2024", "pk-2024-x/case", "2024-02-17T22:00:00+05:00"},
	{"after the general elections of 8 February 2024", "pk-2024-x/acts/election-day-shutdown", "2024-02-08"},
	{"nine days after them", "pk-2024-x/acts/moi-letter", "nine days after the election of 8 February 2024"},
	{"X was formerly Twitter", "shared/actors/x-corp", "formerly Twitter"},
	{"the IB reported on 17 February 2024", "pk-2024-x/acts/ib-report", "2024-02-17"},
	{"from Islamabad", "shared/actors/pk-ib", "Islamabad"},
	{"hostile intelligence agencies and anti-state elements", "pk-2024-x/acts/ib-report", "hostile intelligence agencies"},
	{"through their tentacles", "pk-2024-x/acts/ib-report", "tentacles"},
	{"using social media, X above all", "pk-2024-x/acts/ib-report", "X above all"},
	{"false propaganda and hate material against state institutions", "pk-2024-x/acts/ib-report", "false propaganda and hate material"},
	{"to incite violence and chaos", "pk-2024-x/acts/ib-report", "incite violence and chaos"},
	{"to create an environment out of control, anarchy", "pk-2024-x/acts/ib-report", "anarchy"},
	{"X was used so in the past too, to weaken the writ of the state", "pk-2024-x/acts/ib-report", "writ of the state"},
	{"claimed: foreign actors use X to incite violence", "pk-2024-x/claims/hostile-agencies", "Hostile intelligence agencies"},
	{"the IB recommended immediate precautionary steps", "pk-2024-x/acts/ib-recommendation", "immediate precautionary steps"},
	{"to restrict X for a time", "pk-2024-x/acts/ib-recommendation", "temporary restriction of X"},
	{"and ancillary VPN services", "pk-2024-x/acts/ib-recommendation", "VPN services"},
	{"until the platform complies", "pk-2024-x/acts/ib-recommendation", "until the platform complies"},
	{"or until normalcy", "pk-2024-x/acts/ib-recommendation", "back to normal"},
	{"the ministry asked the PTA on 17 February 2024", "pk-2024-x/acts/moi-letter", "pk-pta"},
	{"to block X immediately until further orders", "pk-2024-x/acts/moi-letter", "immediately until further orders"},
	{"the ministry takes full responsibility for recommending the ban", "pk-2024-x/acts/moi-letter", "full responsibility"},
	{"Minister of State Shaza Fatima Khawaja", "shared/actors/pk-khawaja", "Shaza Fatima Khawaja"},
	{"in December", "pk-2024-x/acts/khawaja-not-free-speech", "2024-12"},
	{"it is not about free speech", "pk-2024-x/claims/not-about-free-speech", "not about free speech"},
	{"Facebook and TikTok have more users and would have been first", "pk-2024-x/claims/not-about-free-speech", "Facebook and TikTok"},
	{"X is below 2 % of social media users", "pk-2024-x/claims/under-two-percent", "below 2 %"},
	{"X is not registered and has signed no memorandum", "pk-2024-x/acts/x-not-registered", "neither registered"},
	{"as a foreign entity it is subject to the regulatory framework", "pk-2024-x/acts/moi-document", "foreign entity"},
	{"including legal directives of the government", "pk-2024-x/acts/moi-document", "legal directives"},
	{"the ban fills a regulatory vacuum", "pk-2024-x/acts/moi-document", "gap in regulation"},
	{"and compels respect for sovereignty and jurisdiction", "pk-2024-x/acts/moi-document", "sovereignty and jurisdiction"},
	{"the Cyber Crime Wing of the FIA", "shared/actors/pk-fia-ccw", "Cyber Crime Wing"},
	{"sent numerous requests to X through the PTA", "pk-2024-x/acts/fia-requests", "numerous requests"},
	{"to block accounts in a defamatory campaign against state institutions", "pk-2024-x/acts/fia-requests", "defamatory campaign"},
	{"X did not comply, the ministry says", "pk-2024-x/claims/x-no-cooperation", "does not comply"},
	{"and showed a lack of responsiveness", "pk-2024-x/disputes/did-x-answer", "lack of responsiveness"},
	{"several FIRs against hundreds of accounts", "pk-2024-x/acts/fia-firs", "hundreds of accounts"},
	{"no alternative but to block or suspend for a time", "pk-2024-x/acts/moi-document", "no alternative but to temporarily block"},
	{"the ban is called temporary", "pk-2024-x/acts/moi-document", "temporary"},
	{"petitions pending in Islamabad", "pk-2024-x/dockets/ihc-x", "nukta-moi-document"},
	{"in Sindh", "pk-2024-x/dockets/shc-x", "pk-shc"},
	{"and in Lahore", "pk-2024-x/dockets/lhc-x", "nukta-moi-document"},
	{"where the ministry has answered", "pk-2024-x/acts/moi-document", "has answered the petitions in three High Courts"},
	{"platforms were blocked for a time before, in unrest", "pk-2024-x/claims/one-of-the-longest", "for a time before, during unrest"},
	{"this is one of the longest bans of social media in the country", "pk-2024-x/claims/one-of-the-longest", "among the longest"},
}

func TestEveryFactOfTheArticle(t *testing.T) {
	r := load(t)
	for _, p := range article {
		p.check(t, r)
	}
}

// research maps each fact of the research by its id. Facts about other
// countries have no id there and go by country and year.
var research = []place{
	{"F00a", "pk-2024-x/acts/ib-report", "nukta-moi-document"},
	{"F00b", "pk-2024-x/acts/ib-recommendation", "VPN"},
	{"F00c", "pk-2024-x/acts/moi-letter", "until further orders"},
	{"F00d", "pk-2024-x/acts/fia-requests", "did not comply"},
	{"F00e", "pk-2024-x/acts/fia-firs", "hundreds"},
	{"F00f", "pk-2024-x/acts/khawaja-not-free-speech", "below 2 %"},
	{"F00g", "pk-2024-x/acts/moi-document", "three High Courts"},
	{"F01", "pk-2024-x/sightings/pti-events-disrupted", "2023-12-17,2024-01-07,2024-01-20"},
	{"F02", "pk-2024-x/sightings/ooni-pti-sites", "AS136384"},
	{"F03", "pk-2024-x/acts/election-day-shutdown", "nationwide"},
	{"F04", "pk-2024-x/sightings/netblocks-feb-10", "2024-02-10"},
	{"F05", "pk-2024-x/sightings/x-goes-down", "22:00"},
	{"F05", "pk-2024-x/sightings/flap-feb-18", "30 minutes"},
	{"F06", "pk-2024-x/sightings/x-goes-down-noon-et", "noon in New York"},
	{"F07", "pk-2024-x/sightings/netblocks-24-hours", "24 hours"},
	{"F08", "pk-2024-x/acts/chattha-confession", "manipulated"},
	{"F09", "pk-2024-x/claims/techx-restored", "Monday afternoon"},
	{"F10", "pk-2024-x/acts/ejaz-denial", "no knowledge"},
	{"F11", "pk-2024-x/acts/shc-hearing-feb-21", "2024-02-21"},
	{"F12", "pk-2024-x/acts/shc-restore-order", "2024-02-22"},
	{"F13", "pk-2024-x/acts/surfshark-blocked", "Surfshark"},
	{"F13", "pk-2024-x/claims/vpn-demand", "131"},
	{"F14", "pk-2024-x/acts/b4a-report", "technical report"},
	{"F15", "pk-2024-x/acts/ihc-notices", "2024-03-05"},
	{"F15", "pk-2024-x/dockets/ihc-x", "Ehtisham Abbasi"},
	{"F16", "pk-2024-x/acts/shc-contempt-notice", "extends its stay"},
	{"F17a", "pk-2024-x/claims/tarar-working", "X is working"},
	{"F17b", "pk-2024-x/sightings/ooni-since-feb-17", "several networks"},
	{"F17c", "pk-2024-x/acts/tarar-reversal", "no official notification"},
	{"F17d", "pk-2024-x/acts/joint-statement", "legal basis"},
	{"F18", "pk-2024-x/acts/pta-chairman-someone", "take responsibility"},
	{"F19", "pk-2024-x/acts/pta-files-letter", "pk-j-lakho"},
	{"F19", "pk-2024-x/dockets/shc-x", "Khuhro"},
	{"F20", "pk-2024-x/acts/moi-letter", "serial number of 2023"},
	{"F21", "pk-2024-x/claims/only-pta-may-block", "no jurisdiction"},
	{"F22", "pk-2024-x/acts/pta-chairman-no-directive", "denied"},
	{"F23", "pk-2024-x/acts/ihc-confidential-letter", "confidential"},
	{"F24", "pk-2024-x/acts/ihc-nothing-in-it", "nothing in it"},
	{"F25", "pk-2024-x/claims/operational-march-28", "28 March"},
	{"F26", "pk-2024-x/acts/ihc-joint-secretary", "speculation"},
	{"F27", "pk-2024-x/acts/moi-report-ihc", "national security, public order"},
	{"F28", "pk-2024-x/acts/moi-report-ihc", "pk-rbuoc-2021"},
	{"F29", "pk-2024-x/acts/ihc-mere-speculation", "on mere speculation"},
	{"F30", "pk-2024-x/acts/shc-withdraw-order", "2024-04-24"},
	{"F31", "pk-2024-x/claims/shc-no-power", "no power"},
	{"F32", "pk-2024-x/claims/running-april-16", "2024-04-16"},
	{"F33", "pk-2024-x/acts/x-statement", "understand its concerns"},
	{"F34", "pk-2024-x/acts/moi-reply-shc", "will not be restored"},
	{"F35", "pk-2024-x/requests/pta-x-2021-2024", "41414"},
	{"F35", "pk-2024-x/requests/pta-tiktok-2021-2024", "97.85"},
	{"F35", "pk-2024-x/requests/pta-facebook-2021-2024", "84.88"},
	{"F35", "pk-2024-x/requests/pta-instagram-2021-2024", "85.6"},
	{"F36", "pk-2024-x/requests/pta-x-to-2022-09", "28070"},
	{"F36b", "pk-2024-x/requests/pta-x-to-2022-12", "30065"},
	{"F37", "pk-2024-x/requests/twitter-2021-h1", "54.2"},
	{"F37b", "pk-2024-x/requests/twitter-2019-h2", "1476"},
	{"F37c", "pk-2024-x/acts/fia-39-accounts", "39 accounts"},
	{"F38", "shared/laws/pk-peca-2016", "37"},
	{"F39", "shared/laws/pk-rbuoc-2021", "2021-10-12"},
	{"F39", "shared/laws/pk-rbuoc-2020", "2020-10"},
	{"F40", "pk-2024-x/claims/s37-no-platform-ban", "whole platform"},
	{"F41", "pk-2024-x/claims/rules-no-ban", "nowhere"},
	{"F42", "pk-2024-x/acts/pta-counsel-withdrawn", "second counsel"},
	{"F43", "pk-2024-x/acts/pta-counsel-withdrawn", "disposed of"},
	{"F44", "pk-2024-x/acts/pta-press-release", "not accessible"},
	{"F45", "pk-2024-x/acts/pta-recall", "misunderstanding"},
	{"F46", "pk-2024-x/acts/shc-who-instructed", "2024-09-24"},
	{"F47", "pk-2024-x/acts/it-minister-senate", "web management system"},
	{"F48", "pk-2024-x/acts/pta-chairman-bound", "bound to follow"},
	{"F49", "pk-2024-x/claims/mmnews-restored-undated", "Tuesday"},
	{"F50", "pk-2024-x/acts/pm-community-note", "VPN"},
	{"F51", "pk-2024-x/acts/moi-vpn-letter", "wenews-243667"},
	{"F52", "pk-2024-x/acts/bluesky-blocked", "bluesky"},
	{"F55", "pk-2024-x/claims/top10vpn-cost", "1340000000"},
	{"F58", "pk-2024-x/acts/ihc-lists", "2025-02-06"},
	{"F60", "pk-2024-x/acts/lhc-who-uses-x", "pk-j-haider"},
	{"F61", "pk-2024-x/acts/pta-chairman-lhc", "restored at once"},
	{"F62", "pk-2024-x/acts/lhc-attorney-general", "2025-04-17"},
	{"F65", "pk-2024-x/acts/phc-notice", "fourth"},
	{"F66", "pk-2024-x/sightings/netblocks-restored", "NetBlocks"},
	{"F67", "pk-2024-x/claims/partly-restored", "in part"},
	{"F68", "pk-2024-x/acts/senator-on-restoration", "narrative war"},
	{"F69", "pk-2024-x/acts/restored", "Indian strikes"},
	{"F70", "pk-2024-x/acts/directive-withdrawn", "no document was seen"},
	{"F73", "pk-2024-x/sightings/ooni-drf-2025", "TLS interference"},
	{"F74", "pk-2024-x/sightings/ooni-public-finding", "13 months"},

	{"P1", "shared/bans/pk-2008-youtube", "2008-02-22"},
	{"P2", "shared/bans/pk-2010-facebook", "Lahore High Court"},
	{"P3", "shared/bans/pk-2010-youtube", "eweek-2010"},
	{"P4", "shared/bans/pk-2012-twitter", "eight hours"},
	{"P5", "shared/bans/pk-2012-youtube", "29 December 2012"},
	{"P6", "shared/bans/pk-2017-social", "14 news sites"},
	{"P7", "shared/bans/pk-2021-social", "16:09"},
	{"P8", "shared/bans/pk-2022-08-youtube", "2022-08-21"},
	{"P8", "shared/bans/pk-2022-09-youtube", "2022-09-06"},
	{"P9", "shared/bans/pk-2023-wikipedia", "2023-02-06"},
	{"P10", "shared/bans/pk-2023-social", "13 May"},
	{"P11", "shared/bans/pk-2024-02-x", "2024-02-10"},

	{"CN 2009", "shared/bans/cn-2009-twitter", "2009-06-02"},
	{"IR 2009", "shared/bans/ir-2009-twitter", "2009-06"},
	{"TM early", "shared/bans/tm-twitter", "201X"},
	{"KP 2016", "shared/bans/kp-2016-twitter", "2016-04"},
	{"TR 2014", "shared/bans/tr-2014-twitter", "Constitutional Court"},
	{"UG 2021", "shared/bans/ug-2021-twitter", "Facebook stayed blocked"},
	{"UG 2026", "ug-2026-x/acts/cdf-announces", "regulator says nothing"},
	{"MM 2021", "shared/bans/mm-2021-twitter", "+06:30"},
	{"NG 2021", "ng-2021-x/acts/ecowas-judgment", "violation"},
	{"RU 2021", "shared/bans/ru-2021-twitter", "throttling"},
	{"RU 2022", "shared/bans/ru-2022-twitter", "4 March"},
	{"BR 2024", "br-2024-x/acts/vpn-fine", "50,000"},
	{"VE 2024", "ve-2024-x/case", "ten days"},
	{"TZ 2024", "shared/bans/tz-2024-x", "AS37133"},
	{"TZ 2025", "shared/bans/tz-2025-x", "4 June 2025"},
	{"PK 2024", "shared/bans/pk-2024-x-ban", "2025-05-07"},
}

func TestEveryFactOfTheResearch(t *testing.T) {
	r := load(t)
	for _, p := range research {
		p.check(t, r)
	}
}

// Every fact id that the research has is in the list above.
func TestResearchIsListed(t *testing.T) {
	text := sharedFile(t, "facts/pakistan-x.md")
	listed := func(fact string) bool {
		return slices.ContainsFunc(research, func(p place) bool { return p.fact == fact })
	}
	ids := regexp.MustCompile(`(?m)^- \{id: ([FP][0-9]+[a-z]?),`).FindAllStringSubmatch(text, -1)
	if len(ids) < 80 {
		t.Fatalf("only %d ids in the research", len(ids))
	}
	for _, m := range ids {
		if !listed(m[1]) {
			t.Errorf("%s has no place", m[1])
		}
	}
	countries := regexp.MustCompile(`(?m)^- \{cc: ([A-Z]{2}), start: "(\d{4}|early)`).FindAllStringSubmatch(text, -1)
	if len(countries) < 15 {
		t.Fatalf("only %d countries in the research", len(countries))
	}
	for _, m := range countries {
		if !listed(m[1] + " " + m[2]) {
			t.Errorf("%s %s has no place", m[1], m[2])
		}
	}
}

// check finds the entry of the path and the word in it.
func (p place) check(t *testing.T, r *casefile.Records) {
	t.Helper()
	entry := entryAt(r, p.path)
	if entry == nil {
		t.Errorf("%s: there is no %s", p.fact, p.path)
		return
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(entry); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), p.word) {
		t.Errorf("%s: %s does not hold %q", p.fact, p.path, p.word)
	}
}

func entryAt(r *casefile.Records, path string) any {
	parts := strings.Split(path, "/")
	if parts[0] == "shared" {
		return inList(r.Shared, parts[1], parts[2])
	}
	c := r.Case(parts[0])
	if c == nil || parts[1] == "case" {
		return c
	}
	return inList(c, parts[1], parts[2])
}

// inList gives the entry with that id in a list of a case or of the shared
// folder.
func inList(v any, list, id string) any {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var lists map[string]json.RawMessage
	var entries []map[string]any
	if json.Unmarshal(b, &lists) != nil || json.Unmarshal(lists[list], &entries) != nil {
		return nil
	}
	for _, e := range entries {
		if e["id"] == id {
			return e
		}
	}
	return nil
}
