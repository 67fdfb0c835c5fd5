package casefile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// labChecks knows one platform and one archived copy.
var labChecks = Checks{
	Platform: func(id string) bool { return id == "x" },
	CopyText: func(sha string) (string, bool) {
		return "The platform was “blocked at\n once”, it said.", sha == strings.Repeat("a", 64)
	},
	Today: MustDate("2024-06-01"),
}

func lintLab(t *testing.T, fsys fstest.MapFS) []Problem {
	t.Helper()
	r, err := Load(fsys, "records")
	if err != nil {
		t.Fatal(err)
	}
	return r.Lint(labChecks)
}

func TestLintIsSilentOnWhatIsInOrder(t *testing.T) {
	for _, p := range lintLab(t, lab()) {
		t.Error(p)
	}
}

// Each mistake is one change to a case that is in order, and gives one
// problem, at the line where it stands.
func TestLintFindsMistakes(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new string // the change to labCase, or to labShared where it stands there
		at       string // what of the changed text the line must hold
		want     string // path and beginning of the message
	}{
		{"wrong date", "date: 2024-02-20", "date: 2024-02-30", "2024-02-30", `acts[1].date: "2024-02-30" is not a date: 2024-02 has no day 30`},
		{"wrong year", "date: 2024-02-20", "date: 0204-02-20", "0204", "acts[1].date: 0204-02-20 is before there was a network"},
		{"date in words", "date: 2024-02-20", "date: 20 February 2024", "20 February", `acts[1].date: "20 February 2024" is not a date`},
		{"set without quotes", "    date: 2024-02-17\n", "    date: [2024-02-17..2024-02-18]\n", "[2024", "acts[0].date: want text, got a list; put it in quotes"},
		{"missing field", "    what: The ministry orders the block.\n", "", "id: letter", "acts[0]: missing what"},
		{"a level that the sources do not give", "    cites: [{source: zz-paper, phrase", "    confidence: high\n    cites: [{source: zz-paper, phrase", "confidence: high", "acts[0].confidence: warning: is high without a reason, and counts as medium by the sources (one publisher, first hand: Lab Paper)"},
		{"a reason without a level", "    cites: [{source: zz-paper, phrase", "    confidence_reason: seen\n    cites: [{source: zz-paper, phrase", "id: letter", "acts[0]: gives confidence_reason but no confidence"},
		{"dangling asserter", "    by: [zz-ministry]\n    what", "    by: [zz-ministry]\n    asserted_by: [zz-minstry]\n    what", "zz-minstry", `acts[0].asserted_by[0].who: there is no actor "zz-minstry"`},
		{"told in no act", "    by: [zz-ministry]\n    what", "    by: [zz-ministry]\n    asserted_by: [{who: zz-court, in: rulings}]\n    what", "rulings", `acts[0].asserted_by[0].in: there is no act "rulings"; did you mean "ruling"?`},
		{"told in itself", "    by: [zz-ministry]\n    what", "    by: [zz-ministry]\n    asserted_by: [{who: zz-court, in: letter}]\n    what", "asserted_by", "acts[0].asserted_by[0].in: an act does not tell of itself"},
		{"inferred from nothing", "    by: [zz-ministry]\n    what", "    by: [zz-ministry]\n    inferred: {from: [], why: so}\n    what", "inferred", "acts[0].inferred.from: names nothing"},
		{"an obtained document whose voice is not named", "type: press, language: en, reliability: B", "type: document_obtained, language: en, reliability: B", "id: letter", "acts[0]: rests on a document that only its finder saw"},
		{"a recommendation that nobody tells of", "kind: order", "kind: recommendation", "id: letter", "acts[0]: warning: the press seldom sees a recommendation"},
		{"a person without a post", "- {id: zz-judge, kind: judge, name: Judge of the Lab, office: Judge, of: zz-court, from: 2020-01-01}", "- {id: zz-judge, kind: person, name: Person of the Lab}", "zz-judge", "actors[2]: a person is listed only for a public office: give posts"},
		{"disposition without an outcome", "number: null, outcome: null", "number: null, disposition: moot, outcome: null", "zz-1, court", "dockets[0].outcome: the docket has a disposition"},
		{"heard with no docket", "number: null, outcome: null", "number: null, consolidated: [zz-2], outcome: null", "zz-2]", `dockets[0].consolidated[0]: there is no docket "zz-2"; did you mean "zz-1"?`},
		{"party with two names", "number: null, outcome: null", "number: null, parties: [{who: zz-ministry, name: Ministry, role: petitioner}], outcome: null", "parties", "dockets[0].parties[0]: give who, the id of an actor, or name, and not both"},
		{"missing field that may be null", "date: 2024-02-18, url", "url", "publisher: Lab Paper", "sources[0]: missing date; write `date: null` when it is not known"},
		{"empty field", "what: The ministry orders the block.", "what:", "what:", "acts[0].what: is empty"},
		{"missing at the top", "jurisdiction: ZZ\n", "", "id: zz-2024-x", "missing jurisdiction"},
		{"unknown field", "effect: restrict", "efect: restrict", "efect", `acts[0].efect: unknown field; did you mean "effect"?`},
		{"unknown field, nothing near", "effect: restrict", "colour: blue", "colour", "acts[0].colour: unknown field; known fields are id, kind"},
		{"field twice", "effect: restrict", "effect: restrict\n    effect: restore", "effect: restore", "acts[0].effect: occurs twice"},
		{"unknown word", "kind: order", "kind: ordr", "ordr", `acts[0].kind: "ordr" is not in the list; did you mean "order"?`},
		{"unknown word, nothing near", "kind: order", "kind: zebra", "zebra", `acts[0].kind: "zebra" is none of intelligence_report`},
		{"not a list", "by: [zz-ministry]\n    what", "by: zz-ministry\n    what", "by: zz-ministry", "acts[0].by: want a list"},
		{"anchor", "by: [zz-ministry]\n    what", "by: &b [zz-ministry]\n    what", "&b", "acts[0].by: anchors and aliases"},
		{"not a network", "AS64512", "7018x", "7018x", `sightings[0].networks[0]: "7018x" is not a network`},
		{"real network in the lab", "AS64512", "AS17557", "AS17557", "sightings[0].networks[0]: AS17557 is a real network"},
		{"dangling actor", "by: [zz-court]", "by: [zz-cuort]", "zz-cuort", `acts[1].by[0]: there is no actor "zz-cuort"; did you mean "zz-court"?`},
		{"dangling source", "cites: [zz-paper]\nclaims", "cites: [zz-papr]\nclaims", "zz-papr", `sightings[0].cites[0].source: there is no source "zz-papr"`},
		{"dangling act", "answers: [letter]", "answers: [later]", "[later]", `acts[1].answers[0]: there is no act "later"; did you mean "letter"?`},
		{"dangling docket", "docket: zz-1", "docket: zz-7", "zz-7", `acts[1].docket: there is no docket "zz-7"`},
		{"dangling law", "{law: zz-law,", "{law: zz-lwa,", "zz-lwa", `acts[0].basis[0].law: there is no law "zz-lwa"`},
		{"dangling section", "section: 37}]\n    cites", "section: 38}]\n    cites", "38", `acts[0].basis[0].section: law zz-law has no section "38"`},
		{"dangling case", "targets: [x]\nstatus", "targets: [x]\nrelated: [zz-2025-x]\nstatus", "zz-2025-x", `related[0]: there is no case "zz-2025-x"`},
		{"cycle", "    answers: [letter]", "    answers: [ruling]", "id: ruling", "acts[1]: goes round in a circle: ruling → ruling"},
		{"act before its cause", "date: 2024-02-20", "date: 2024-02-16", "letter]", "acts[1].answers[0]: this act of 2024-02-16 is before its cause, letter of 2024-02-17"},
		{"judge before appointment", "from: 2020-01-01", "from: 2024-02-21", "judges", "acts[1].judges[0]: zz-judge acts on 2024-02-20, before the office began on 2024-02-21"},
		{"judge after the office", "from: 2020-01-01", "to: 2024-02-19", "judges", "acts[1].judges[0]: zz-judge acts on 2024-02-20, after the office ended on 2024-02-19"},
		{"a ministry is no judge", "judges: [zz-judge]", "judges: [zz-ministry]", "judges: [zz-ministry]", "acts[1].judges[0]: zz-ministry is a ministry; this must be a judge"},
		{"person without office", "office: Judge, of: zz-court, ", "", "zz-judge", "actors[2]: a person is listed only with an office"},
		{"unknown platform", "targets: [x]\nstatus", "targets: [exx]\nstatus", "exx", `targets[0]: unknown platform "exx"`},
		{"unknown platform in a claim", "{target: x,", "{target: exx,", "exx", `claims[0].access.target: unknown platform "exx"`},
		{"unknown country", "jurisdiction: ZZ", "jurisdiction: QQ", "QQ", `jurisdiction: "QQ" is not an ISO 3166-1`},
		{"duplicate id", "- id: ruling", "- id: letter", "id: letter\n    kind: judgment", `acts[1].id: duplicate id "letter", first used by acts[0]`},
		{"duplicate id across lists", "- id: seen", "- id: letter", "id: letter\n    date: 2024-02-17T22", `sightings[0].id: duplicate id "letter", first used by acts[0]`},
		{"id with capitals", "- id: seen", "- id: Seen", "Seen", `sightings[0].id: "Seen" is not an id`},
		{"quote not in its source", "phrase: blocked at once", "phrase: opened at once", "opened", `acts[0].cites[0].phrase: "opened at once" is not in the archived copy of zz-paper`},
		{"long quote", "phrase: blocked at once", "phrase: " + strings.Repeat("word ", 26), "word word", "acts[0].cites[0].phrase: is 26 words long"},
		{"wrong hash", strings.Repeat("a", 64), "abc", "abc", `sources[0].copy.sha256: "abc" is not a SHA-256`},
		{"told before it happened", "date: 2024-02-20", "date: 2024-02-25", "date: 2024-02-25", "acts[1].date: 2024-02-25 is after the publication of every source that tells it"},
		{"told before it happened, by a source whose date is about", "date: 2024-02-18, url", "date: 2024-02-01~, url", "    date: 2024-02-17\n", "acts[0].date: 2024-02-17 is after the publication of every source that tells it"},
		{"span told before it began", "date: 2024-02-20", "date: 2024-02-25/2024-02-27", "date: 2024-02-25", "acts[1].date: 2024-02-25/2024-02-27 is after the publication of every source"},
		{"date ahead", "date: 2024-02-20", "date: 2042-02-20", "2042", "acts[1].date: warning: 2042-02-20 lies ahead"},
		{"end before start", "end: {date: 2024-03-01", "end: {date: 2024-02-01", "2024-02-01", "end.date: 2024-02-01 is before the start"},
		{"ended without an end", "end: {date: 2024-03-01, cites: [zz-paper-3]}", "end: null", "status: ended", "status: is ended but end is null"},
		{"ongoing with an end", "status: ended", "status: ongoing", "ongoing", "status: is ongoing but the case has an end"},
		{"no source", "cites: [zz-paper-2]\nsightings", "cites: []\nsightings", "cites: []", "acts[1].cites: names no source"},
		{"claim without its terms", "    access: {target: x, cc: ZZ, at: 2024-02-18, says: accessible}\n", "", "id: works", "claims[0]: is about access and so needs the field access"},
		{"wrong offset", `utc_offset: "+05:00"`, "utc_offset: PKT", "PKT", `utc_offset: "PKT" is not an offset`},
		{"wrong address", "date: 2024-02-18, url: null", "date: 2024-02-18, url: paper", "url: paper", `sources[0].url: "paper" is not an address`},
		{"wrong language", "type: press, language: en", "type: press, language: English", "English", `sources[0].language: "English" is not a BCP 47 language`},
		{"folder has another name", "id: zz-2024-x", "id: zz-2024-y", "zz-2024-y", `id: is "zz-2024-y" but the folder is "zz-2024-x"`},
		{"not YAML", "status: ended", "status: [ended", "", "not YAML"},
		{"second document", "status: ended", "---\nstatus: ended", "", "the file holds a second YAML document"},
		{"carriage return", "status: ended", "status: ended\r", "status", "warning: has spaces at the end of a line"},
		{"source that nothing cites", "cites: [zz-paper-3]}\nacts", "cites: [zz-paper-2]}\nacts", "id: zz-paper-3", `sources[2]: warning: no fact cites source "zz-paper-3"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := lab()
			file, text := "zz-2024-x/case.yaml", labCase
			if !strings.Contains(text, tt.old) {
				file, text = "shared/all.yaml", labShared
			}
			if !strings.Contains(text, tt.old) {
				t.Fatalf("%q is in neither file", tt.old)
			}
			changed := strings.Replace(text, tt.old, tt.new, 1)
			fsys[file].Data = []byte(changed)
			var all []string
			for _, p := range lintLab(t, fsys) {
				all = append(all, p.String())
			}
			// A mistake in the shared folder may show in the case.
			want := fmt.Sprintf("records/zz-2024-x/case.yaml:%d: %s", lineOf(labChanged(file, changed, "zz-2024-x/case.yaml"), tt.at), tt.want)
			if strings.HasPrefix(tt.want, "actors[") {
				want = fmt.Sprintf("records/shared/all.yaml:%d: %s", lineOf(changed, tt.at), tt.want)
			}
			for _, p := range all {
				if tt.at == "" && strings.Contains(p, tt.want) || strings.HasPrefix(p, want) {
					return
				}
			}
			t.Errorf("want %s\nhave %s", want, strings.Join(all, "\n     "))
		})
	}
}

// labChanged gives the text of a file, changed if it is the one that was.
func labChanged(file, changed, name string) string {
	if file == name {
		return changed
	}
	return labCase
}

func lineOf(text, at string) int {
	i := strings.Index(text, at)
	if i < 0 {
		return -1
	}
	return 1 + strings.Count(text[:i], "\n")
}

// What refers to a file that cannot be read is no problem of its own.
func TestLintOfAFileThatIsNoYAML(t *testing.T) {
	fsys := lab()
	fsys["zz-2024-x/broken.yaml"] = &fstest.MapFile{Data: []byte("sources:\n\t- id: zz-paper\n")}
	_, rest, _ := strings.Cut(labCase, "sources:\n")
	head, _, ok := strings.Cut(labCase, "sources:\n")
	if !ok || rest == "" {
		t.Fatal("the lab case has no sources to take away")
	}
	fsys["zz-2024-x/case.yaml"].Data = []byte(head)
	got := lintLab(t, fsys)
	if len(got) != 1 || !strings.HasPrefix(got[0].String(), "records/zz-2024-x/broken.yaml:2: not YAML") {
		t.Errorf("want the broken file alone, have %v", got)
	}
}

// Every problem is there at once.
func TestLintReportsEverythingAtOnce(t *testing.T) {
	fsys := lab()
	text := strings.NewReplacer("date: 2024-02-20", "date: 2024-02-30", "docket: zz-1", "docket: zz-7", "effect: restrict", "efect: restrict").Replace(labCase)
	fsys["zz-2024-x/case.yaml"].Data = []byte(text)
	if got := lintLab(t, fsys); len(got) != 3 {
		t.Errorf("%d problems: %v", len(got), got)
	}
}

// What a machine can mend it mends, and the result is in order.
func TestFix(t *testing.T) {
	fsys := lab()
	text := strings.NewReplacer(
		"date: 2024-02-20", "date: 20 February 2024", "effect: restrict", "Effect: restrict", "kind: judgment", "kind: Judgment",
		"AS64512", "as64512", "jurisdiction: ZZ", "jurisdiction: zz", "status: ended\n", "status: ended  \r\n",
		"access: blocked", "access: BLOCKED").Replace(labCase)
	fsys["zz-2024-x/case.yaml"].Data = []byte(strings.TrimSuffix(text, "\n"))
	problems := lintLab(t, fsys)
	if len(problems) != 7 {
		t.Errorf("%d problems before: %v", len(problems), problems)
	}
	mended, made := Apply(fsys["zz-2024-x/case.yaml"].Data, problems)
	if made != 6 {
		t.Errorf("%d edits", made)
	}
	fsys["zz-2024-x/case.yaml"].Data = Tidy(mended)
	if after := lintLab(t, fsys); len(after) > 0 {
		t.Errorf("after: %v", after)
	}
	if got := string(fsys["zz-2024-x/case.yaml"].Data); got != labCase {
		t.Errorf("mended to\n%s", got)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"interim_order", "order", "contempt", "date", "date_note"}
	for got, want := range map[string]string{
		"ordr": "order", "Interim-Order": "interim_order", "datenote": "date_note", "dtae": "date", "zebra": "", "contemt": "contempt",
	} {
		if near := nearest(got, words); near != want {
			t.Errorf("nearest(%s) = %q, want %q", got, near, want)
		}
	}
}

func TestQuotes(t *testing.T) {
	text := "He said: “X’s refusal\u00a0to accede” — and no more.\n\nLater he added a word. Cafe\u0301 – de\u0301cide\u0301."
	for phrase, want := range map[string]bool{
		"X's refusal to accede":     true,
		"x’s REFUSAL":               true,
		"refusal … no more":         true,
		"no more ... refusal":       false,
		"X's refusal to comply":     false,
		"more. Later he added":      true,
		"“X’s refusal to accede” —": true,
		"refus\u00adal [...] word":  true,
		"café — décidé":             true, // accents written apart
		"...":                       false,
		"":                          false,
	} {
		if got := Quotes(text, phrase); got != want {
			t.Errorf("Quotes(%q) = %t", phrase, got)
		}
	}
}

// Whatever the text, loading and linting end, every problem names a file, and
// no line lies outside it.
func FuzzLint(f *testing.F) {
	f.Add(labCase)
	f.Add("acts: [{id: a, answers: [a]}]")
	f.Add("&a [*a]")
	f.Add("id: [\n")
	f.Add("acts:\n- - - {}\nstart: {date: []}")
	f.Add("'a\r\r\r\r")
	f.Add("a: b\u2028\u2029\u0085c: [\r\n\r")
	f.Fuzz(func(t *testing.T, text string) {
		fsys := lab()
		fsys["zz-2024-x/case.yaml"].Data = []byte(text)
		r, err := Load(fsys, "records")
		if err != nil {
			t.Fatal(err)
		}
		lines := 2 + strings.Count(text, "\n")
		problems := r.Lint(labChecks)
		for _, p := range problems {
			if p.File == "" || p.Message == "" || p.File == "records/zz-2024-x/case.yaml" && (p.Line < 0 || p.Line > lines) {
				t.Fatalf("problem %+v in %d lines", p, lines)
			}
		}
		Apply([]byte(text), problems)
	})
}

// A line is what an editor shows as one, whatever else YAML breaks lines at.
func TestLintCountsLinesAsAnEditorDoes(t *testing.T) {
	fsys := lab()
	text := strings.Replace(labCase, "status: ended", "# a\rb\u2028c\u2029d\u0085e\nstatus: nonsense", 1)
	fsys["zz-2024-x/case.yaml"].Data = []byte(text)
	want := fmt.Sprintf("records/zz-2024-x/case.yaml:%d: status:", lineOf(text, "status: nonsense"))
	for _, p := range lintLab(t, fsys) {
		if strings.HasPrefix(p.String(), want) {
			return
		}
	}
	t.Errorf("have %v\nwant %s…", lintLab(t, fsys), want)
}

// A circle of several acts is named in full.
func TestLintFindsCircles(t *testing.T) {
	fsys := lab()
	text := strings.NewReplacer("date: 2024-02-20", "date: 2024-02-17", "    effect: restrict\n", "    effect: restrict\n    implements: [ruling]\n").Replace(labCase)
	fsys["zz-2024-x/case.yaml"].Data = []byte(text)
	got := lintLab(t, fsys)
	want := fmt.Sprintf("records/zz-2024-x/case.yaml:%d: acts[1]: goes round in a circle: letter → ruling → letter; take one of these links out", lineOf(text, "id: ruling"))
	if len(got) != 1 || got[0].String() != want {
		t.Errorf("have %v\nwant %s", got, want)
	}
}

// A ban agrees with the case that it names.
func TestLintHoldsBansAgainstCases(t *testing.T) {
	ban := `bans:
  - {id: zz-2024-x-ban, cc: ZZ, targets: [x], start: 2024-02, end: 2024-03-01, case: zz-2024-x, cites: [zz-shared]}
sources:
  - {id: zz-shared, publisher: Lab Review, title: A title, date: 2024-04-01, url: null, type: press, language: en, reliability: B, reliability_reason: made for a test}
`
	for _, tt := range []struct{ old, new, want string }{
		{"", "", ""},
		{"end: 2024-03-01", "end: 2024-03-02", "records/shared/bans.yaml:2: bans[0].end: is 2024-03-02 but case zz-2024-x has 2024-03-01"},
		{"start: 2024-02,", "start: 2024-01,", "records/shared/bans.yaml:2: bans[0].start: is 2024-01 but case zz-2024-x has 2024-02-17"},
		{"case: zz-2024-x", "case: zz-2025-x", `records/shared/bans.yaml:2: bans[0].case: there is no case "zz-2025-x"; did you mean "zz-2024-x"?`},
		{"cc: ZZ", "cc: AQ", "records/shared/bans.yaml:2: bans[0].cc: is AQ but case zz-2024-x is of ZZ"},
		{"end: 2024-03-01", "end: 2024-01-01", "records/shared/bans.yaml:2: bans[0].end: 2024-01-01 is before the start, 2024-02"},
	} {
		fsys := lab()
		fsys["shared/bans.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(ban, tt.old, tt.new, 1))}
		var got []string
		for _, p := range lintLab(t, fsys) {
			got = append(got, p.String())
		}
		if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
			t.Errorf("%s: have %v, want %s", tt.new, got, tt.want)
		}
	}
}
