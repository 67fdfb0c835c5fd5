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

// research maps each fact of the research by its id. Facts about other
// countries have no id there and go by country and year.
var research = []place{
	{"F00a", "pk-2024-x/acts/ib-report", "nukta-moi-document"},
	{"F00b", "pk-2024-x/acts/ib-recommendation", "VPN"},
	{"F00c", "pk-2024-x/acts/moi-letter", "until further orders"},
	{"F00d", "pk-2024-x/acts/fia-requests", "did not comply"},
	{"F00e", "pk-2024-x/acts/fia-firs", "hundreds"},
	{"F00f", "pk-2024-x/acts/khawaja-not-free-speech", "below 2 %"},
	{"F00g", "pk-2024-x/acts/moi-document", "Islamabad, Sindh and Lahore"},
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
	{"F65", "pk-2024-x/acts/phc-notice", "pk-j-subhan"},
	{"F66", "pk-2024-x/sightings/netblocks-restored", "NetBlocks"},
	{"F67", "pk-2024-x/claims/partly-restored", "in part"},
	{"F68", "pk-2024-x/acts/senator-on-restoration", "narrative war"},
	{"F69", "pk-2024-x/acts/restored", "Indian strikes"},
	{"F70", "pk-2024-x/acts/directive-withdrawn", "no document was seen"},
	{"F73", "pk-2024-x/sightings/ooni-drf-2025", "TLS interference"},
	{"F74", "pk-2024-x/sightings/ooni-public-finding", "13 months"},

	{"G01", "pk-2024-x/acts/ihc-notices", "pk-information-ministry"},
	{"G02", "pk-2024-x/acts/ihc-notices", "dunya-796093"},
	{"G03", "pk-2024-x/acts/ihc-notices", "dailyqudrat-221161"},
	{"G04", "pk-2024-x/dockets/ihc-x", "Sardar Masroof"},
	{"G05", "pk-2024-x/dockets/ihc-x", "pk-information-ministry"},
	{"G06", "pk-2024-x/dockets/ihc-x", "2024-03-04"},
	{"G07", "pk-2024-x/acts/ihc-adjourns-march-13", "2024-03-26"},
	{"G10", "pk-2024-x/acts/phc-march-21", "2024-03-21"},
	{"G11", "pk-2024-x/acts/phc-march-21", "pk-j-wiqar-ahmad"},
	{"G12", "pk-2024-x/dockets/phc-x", "pk-cabinet-division"},
	{"G13", "pk-2024-x/dockets/phc-x", "interim_relief"},
	{"G14", "pk-2024-x/acts/phc-march-21", "frontier-post-phc"},
	{"G15", "pk-2024-x/acts/phc-april-17", "pk-j-attique"},
	{"G16", "pk-2024-x/disputes/phc-notice-day", "9 April"},
	{"G17", "pk-2024-x/disputes/phc-notice-day", "10 April"},
	{"G18", "pk-2024-x/case", "2024-02-17"},
	{"G20", "pk-2024-x/acts/it-minister-senate", "pk-khawaja"},
	{"G21", "pk-2024-x/acts/it-minister-senate", "grey traffic"},
	{"G22", "pk-2024-x/dockets/shc-x", "Four petitions"},
	{"G23", "pk-2024-x/dockets/shc-x", "Ahsan Imam Rizvi"},
	{"G24", "pk-2024-x/dockets/shc-x", "Zia Makhdoom"},
	{"G25", "pk-2024-x/dockets/ihc-x", "Munawar Iqbal Duggal"},
	{"G26", "pk-2024-x/dockets/lhc-x", "Azhar Siddique"},
	{"G27", "pk-2024-x/acts/lhc-attorney-general", "not feasible"},
	{"G30", "pk-2024-x/acts/moi-report-ihc", "regulatory gap"},
	{"G31", "pk-2024-x/acts/moi-report-ihc", "foreign entity"},
	{"G32", "pk-2024-x/disputes/campaign-against-whom", "Chief Justice of Pakistan"},
	{"G33", "pk-2024-x/acts/moi-report-ihc", "jagran-10154828"},
	{"G34", "pk-2024-x/acts/moi-report-ihc", "in the plural"},
	{"G35", "pk-2024-x/acts/moi-document", "moi-report-ihc"},
	{"G36", "pk-2024-x/acts/moi-report-ihc", "pk-rbuoc-2021"},
	{"G37", "pk-2024-x/acts/moi-document", "in no page of 2024"},
	{"G40", "pk-2024-x/acts/pta-files-letter", "reports of intelligence agencies"},
	{"G41", "pk-2024-x/acts/ihc-joint-secretary", "Intelligence Bureau's report"},
	{"G42", "pk-2024-x/acts/ihc-joint-secretary", "the-news-1175492"},
	{"G43", "pk-2024-x/acts/ihc-joint-secretary", "aitadal-2024-04"},
	{"G44", "pk-2024-x/acts/ib-report", "by the ministry's document alone"},
	{"G46", "pk-2024-x/acts/ihc-mere-speculation", "ummat-869745"},
	{"G47", "pk-2024-x/disputes/speculation-day", "17 April"},
	{"G48", "pk-2024-x/acts/moi-report-ihc", "2024-05-02"},
	{"G50", "pk-2024-x/dockets/shc-x", "Zebunnisa Burki"},
	{"G51", "pk-2024-x/acts/shc-restore-order", "the-news-1160336"},
	{"G52", "pk-2024-x/acts/shc-restore-order", "another petition"},
	{"G53", "pk-2024-x/disputes/condition-of-the-order", "As spoken"},
	{"G54", "pk-2024-x/acts/shc-restore-order", "condition"},
	{"G55", "pk-2024-x/acts/shc-restore-order", "dialogue-pakistan-shc"},
	{"G56", "pk-2024-x/acts/shc-restore-order", "daily-pakistan-2024-02-22"},
	{"G57", "pk-2024-x/acts/shc-restore-order", "lowered"},
	{"G58", "pk-2024-x/acts/shc-contempt-notice", "no reasonable justification"},
	{"G59", "pk-2024-x/acts/shc-contempt-notice", "extends its stay"},
	{"G60", "pk-2024-x/dockets/shc-x", "is not settled"},
	{"G65", "pk-2024-x/case", "Section 5(7)(ii)"},
	{"G66", "pk-2024-x/claims/banned-under-rules-5-and-7", "rules 5 and 7"},
	{"G67", "pk-2024-x/claims/closed-by-1997-act", "pk-telecom-act"},
	{"G70", "pk-2024-x/acts/lhc-disposed", "2025-11-24"},
	{"G71", "pk-2024-x/dockets/lhc-x", "moot"},
	{"G72", "pk-2024-x/acts/lhc-disposed", "each fortnight"},
	{"G73", "pk-2024-x/disputes/hour-of-return", "13 May"},
	{"G74", "pk-2024-x/acts/lhc-first-hearing", "2024-04-29"},
	{"G75", "pk-2024-x/acts/lhc-adjourns-april-24", "2025-05-10"},
	{"G76", "pk-2024-x/acts/shc-separates", "constitutional bench"},
	{"G78", "pk-2024-x/acts/ihc-lists", "11 June"},
	{"G79", "pk-2024-x/acts/moi-document", "recent submission"},
	{"G80", "pk-2024-x/disputes/counsel-day", "10 September"},
	{"G81", "pk-2024-x/acts/pta-counsel-withdrawn", "ary-shc-reprimands"},
	{"G82", "pk-2024-x/acts/pta-recall", "2024-09-14"},
	{"G83", "pk-2024-x/acts/pta-recall", "steering committee"},
	{"G84", "pk-2024-x/disputes/hearing-september", "17 September"},
	{"G85", "pk-2024-x/acts/shc-who-instructed", "earlier orders"},
	{"G86", "pk-2024-x/acts/shc-who-instructed", "such mistakes"},
	{"G90", "pk-2024-x/acts/shc-august-28", "2024-09-12"},
	{"G91", "pk-2024-x/acts/federation-files-correspondence", "correspondence with X"},
	{"G100", "pk-2024-x/requests/pta-tiktok-2021-2024", "107003"},
	{"G101", "pk-2024-x/requests/pta-facebook-2021-2024", "79904"},
	{"G102", "pk-2024-x/requests/pta-instagram-2021-2024", "18260"},
	{"G103", "pk-2024-x/requests/pta-x-2021-2024", "41414"},
	{"G104", "pk-2024-x/requests/pta-facebook-to-2022-12", "140221"},
	{"G105", "pk-2024-x/requests/pta-youtube-to-2022-09", "42832"},
	{"G106", "pk-2024-x/requests/pta-x-obscene-2024-11", "53842"},
	{"G110", "pk-2024-x/sightings/ooni-incident-span", "2025-05-06"},
	{"G112", "pk-2024-x/sightings/flap-january-4", "2025-01-04"},
	{"G113", "pk-2024-x/sightings/flap-in-court", "2024-03-20"},
	{"G115", "pk-2024-x/case", "its address"},
	{"G120", "pk-2024-x/acts/restored", "hum-english-96822"},
	{"G121", "pk-2024-x/disputes/hour-of-return", "after midnight"},
	{"G122", "pk-2024-x/acts/senator-on-restoration", "javedch-1084582"},
	{"G123", "pk-2024-x/case", "dawn-epaper-2025-05-25"},
	{"G124", "pk-2024-x/acts/restored", "no official statement"},
	{"G125", "pk-2024-x/sightings/x-down-everywhere", "2025-05-24"},
	{"G126", "pk-2024-x/acts/last-warning", "last time"},
	{"G127", "pk-2024-x/acts/last-warning", "Brazil"},
	{"G130", "pk-2024-x/acts/vpn-trial-block", "2024-11-10"},
	{"G131", "pk-2024-x/acts/pta-vpns-not-yet", "2024-11-30"},
	{"G132", "pk-2024-x/acts/vpn-licences", "2025-11-13"},
	{"G140", "pk-2024-x/acts/pta-chairman-no-directive", "2024-03-20"},
	{"G141", "pk-2024-x/acts/pta-denies-recommending", "2024-05-04"},
	{"G142", "pk-2024-x/acts/moi-reply-shc", "arab-news-2545866"},

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

// leftOut are facts of the research that stand in no case, and why.
var leftOut = map[string]string{
	"G77":  "its remark is of another hearing, and no other trace of it was found",
	"G92":  "a date for a hearing of which nothing more is known",
	"G111": "another platform's block",
	"G133": "a VPN, after the ban, from a page without an address",
}

func TestEveryFactOfTheResearch(t *testing.T) {
	r := load(t)
	for _, p := range research {
		p.check(t, r)
	}
}

// Every fact id that the research has is in the list above.
func TestResearchIsListed(t *testing.T) {
	text := sharedFile(t, "facts/pakistan-x.md") + sharedFile(t, "facts/pakistan-x-2.md")
	listed := func(fact string) bool {
		return leftOut[fact] != "" || slices.ContainsFunc(research, func(p place) bool { return p.fact == fact })
	}
	ids := regexp.MustCompile(`(?m)^- \{id: ([FGP][0-9]+[a-z]?),`).FindAllStringSubmatch(text, -1)
	if len(ids) < 170 {
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
