package draft

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
)

// labNames knows an invented platform.
var labNames = Names{Platforms: map[string]string{"sampler": "sampler", "chatterly": "chatterly"}}

func read(t testing.TB, published string, paragraphs ...string) *Draft {
	t.Helper()
	text := &Text{}
	if published != "" {
		var err error
		if text.Published, err = time.Parse(time.DateOnly, published); err != nil {
			t.Fatal(err)
		}
	}
	offset := 0
	for _, p := range paragraphs {
		text.Paragraphs = append(text.Paragraphs, Paragraph{Text: p, Offset: offset})
		offset += len(p) + 2
	}
	return Read(text, labNames)
}

// Every rule speaks on its example and is silent on the other.
func TestActRules(t *testing.T) {
	ids := make(map[string]bool)
	for _, rule := range actRules() {
		if ids[rule.ID] || rule.Example == "" || rule.Silent == "" {
			t.Errorf("%s: not the only one, or without examples", rule.ID)
		}
		ids[rule.ID] = true
		proposes := func(text string) bool {
			return slices.ContainsFunc(read(t, "", text).Acts, func(l Line[Act]) bool { return l.Rule == "act-"+rule.ID && l.Is.Kind == rule.Kind })
		}
		if !proposes(rule.Example) {
			t.Errorf("%s is silent on %q", rule.ID, rule.Example)
		}
		if proposes(rule.Silent) {
			t.Errorf("%s speaks on %q", rule.ID, rule.Silent)
		}
	}
}

// A court that is told something orders nothing.
func TestCourtActsOrIsTold(t *testing.T) {
	d := read(t, "", "The Ministry of Example told the Exampleville High Court that it would submit its reasons.")
	for _, l := range d.Acts {
		if l.Is.Kind == "interim_order" || l.Is.Kind == "judgment" {
			t.Errorf("%s by %v", l.Is.Kind, l.Is.By)
		}
	}
}

func TestActorPatterns(t *testing.T) {
	for _, p := range actorPatterns() {
		if m := p.form.FindString("When " + p.Example + " spoke, nobody listened."); !strings.Contains(m, p.Example) {
			t.Errorf("%s finds %q in a sentence with %q", p.ID, m, p.Example)
		}
	}
}

func TestDates(t *testing.T) {
	for _, test := range []struct {
		text, published, want string
	}{
		{"It began on 17 February 2024.", "", "2024-02-17"},
		{"It began on February 17, 2024.", "", "2024-02-17"},
		{"It began on Feb. 17, 2024.", "", "2024-02-17"},
		{"It began on 2024-02-17.", "", "2024-02-17"},
		{"It began in March 2023.", "", "2023-03"},
		{"It began on 31 February 2024.", "", ""},
		{"It began on February 17.", "", "null"},
		{"It began on February 17.", "2024-03-01", "2024-02-17"},
		{"It began on December 17.", "2024-03-01", "2023-12-17"},
		{"It began on Monday.", "", "null"},
		{"It began on Monday.", "2024-03-13", "2024-03-11"},
		{"It began on Wednesday.", "2024-03-13", "2024-03-13"},
		{"It began yesterday.", "2024-03-01", "2024-02-29"},
		{"It began in December last year.", "2025-02-10", "2024-12"},
		{"It began last December.", "2025-02-10", "2024-12"},
		{"It began last year.", "2025-02-10", "2024"},
		{"It began last month.", "2025-01-31", "2024-12"},
		{"It began three weeks ago.", "2024-03-13", "2024-02-19/2024-02-25"},
		{"It came nine days after the February 8, 2024 vote.", "", "2024-02-08 2024-02-17"},
		{"It came two weeks before 1 March 2024.", "", "2024-03-01 2024-02-16"},
		{"On Sunday, January 18, it ended.", "2026-01-27", "2026-01-18"},
		{"It began last Friday.", "2025-08-22", "2025-08-15"},
		{"It comes ahead of Thursday's vote.", "2026-01-14", "2026-01-15"},
		{"It lasts until Monday.", "2024-03-13", "2024-03-18"},
		{"It ran between 9 and 15 August.", "2025-08-22", "2025-08-09/2025-08-15"},
		{"It ran 9–15 August 2024.", "", "2024-08-09/2024-08-15"},
		{"It ran from March 3 to 9, 2024.", "", "2024-03-03/2024-03-09"},
		{"It began on 17.02.2024.", "", "2024-02-17"},
		{"It began on 17/02/2024.", "", "2024-02-17"},
		{"It began on 02/17/2024.", "", "2024-02-17"},
		{"It began on 03/04/2024.", "", "null"},
		{"In March a committee met.", "2024-07-25", "2024-03"},
		{"In March a committee met.", "2024-02-25", "2023-03"},
		{"In March a committee met.", "", "null"},
		{"It was told in 2023.", "", "2023"},
		{"On 4 May 2024 it wrote, and the same day they obeyed.", "", "2024-05-04 2024-05-04"},
		{"On 4 May 2024 it wrote. Two days later they obeyed.", "", "2024-05-04 2024-05-06"},
		{"Two days later they obeyed.", "2024-05-06", ""},
		{"It began twenty-one days ago.", "2024-03-22", "2024-03-01"},
		{"It may be so, the march went on and august company came.", "", ""},
		{"It has 1234-56-78 as a number.", "", ""},
	} {
		var got []string
		for _, l := range read(t, test.published, test.text).Dates {
			if s := l.Is.Date.String(); s != "" {
				got = append(got, s)
			} else if l.Is.Note != "" {
				got = append(got, "null")
			}
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%q published %q: %q, want %q", test.text, test.published, s, test.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	type number struct {
		relation string
		value    float64
		unit     string
	}
	for text, want := range map[string][]number{
		"Less than 2% of users.":                              {{"<", 2, "%"}},
		"It followed 41,414 of the 69,372 URLs.":              {{"=", 41414, "URLs"}},
		"It cost about $1.34 billion.":                        {{"~", 1.34e9, "USD"}},
		"Hundreds of Sampler accounts were named.":            {{"~", -1, "accounts"}},
		"The year-long ban lasted nine days.":                 {{"~", 1, "years"}, {"=", 9, "days"}},
		"It complied with 54.2 per cent of 629 demands.":      {{"=", 54.2, "%"}, {"=", 629, "demands"}},
		"On 17 February 2024 nothing was counted.":            nil,
		"Over 12 lakh small sellers and two crore people.":    {{">", 12e5, "sellers"}, {"=", 2e7, "people"}},
		"Nearly 1.3 lakh addresses, Rs 5 crore, ₦2 billion.":  {{"=", 5e7, "Rs"}, {"=", 2e9, "NGN"}, {"~", 1.3e5, "addresses"}},
		"Forty-one per cent of twenty-six sites in 48 hours.": {{"=", 41, "%"}, {"=", 26, "sites"}, {"=", 48, "hours"}},
		"Under Section 69 rules, at 9 p.m., in 2023.":         nil,
		"A 24-hour deadline and 7.4 million people.":          {{"=", 24, "hours"}, {"=", 7.4e6, "people"}},
		"He orders 10 sites shut for Rs 10 and Rs. 5 lakh.":   {{"=", 10, "Rs"}, {"=", 5e5, "Rs"}, {"=", 10, "sites"}},
		"It was 2024 elections and page 3 notes.":             nil,
	} {
		var got []number
		for _, l := range read(t, "", text).Numbers {
			n := number{l.Is.Relation, -1, l.Is.Unit}
			if l.Is.Value != nil {
				n.value = *l.Is.Value
			}
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestWhoActed(t *testing.T) {
	record := &casefile.Records{Shared: casefile.Shared{Actors: []casefile.Actor{
		{ID: "pk-moi", Kind: "ministry", Name: "Ministry of Interior", CC: "PK"}, {ID: "xy-moi", Kind: "ministry", Name: "Ministry of Interior", CC: "NG"},
		{ID: "pk-khan", Kind: "office_holder", Name: "Ada Khan", Office: "minister", CC: "PK"},
		{ID: "pk-ihc", Kind: "court", Name: "Islamabad High Court", CC: "PK"},
	}}}
	names := labNames
	names.Record = record
	d := Read(&Text{Paragraphs: []Paragraph{
		{Text: "The Interior Ministry of Pakistan asked the Example Telecom Authority (ETA) to block Sampler."},
		{Text: "Ada Khan denied reports of the ban. The Interior Ministry told the Islamabad and North High Courts otherwise.", Offset: 100},
		{Text: "“We blocked Sampler last week,” said Ada Khan.", Offset: 230},
	}}, names)
	who := make(map[casefile.ActKind]string)
	for _, l := range d.Acts {
		who[l.Is.Kind] = strings.Join(l.Is.By, ",") + ">" + strings.Join(l.Is.To, ",")
	}
	for kind, want := range map[casefile.ActKind]string{"request": "pk-moi>Example Telecom Authority", "denial": "pk-khan>", "government_reply": "pk-moi>pk-ihc"} {
		if who[kind] != want {
			t.Errorf("%s by %q, want %q", kind, who[kind], want)
		}
	}
	last := d.Claims[len(d.Claims)-1].Is
	if !slices.Equal(last.By, []string{"pk-khan"}) || *last.Target != "sampler" {
		t.Errorf("the minister's claim: %+v", last)
	}
	var courts []string
	for _, l := range d.Actors {
		if l.Is.Kind == "court" {
			courts = append(courts, l.Is.Name)
		}
	}
	if !slices.Equal(courts, []string{"Islamabad High Court", "North High Court"}) {
		t.Errorf("courts %q", courts)
	}
}

// A platform's name that is a word of the language is no platform as a word.
func TestCommonWords(t *testing.T) {
	names := Names{Platforms: map[string]string{"signal": "signal", "x": "x", "twitter": "x", "facebook": "facebook", "proton vpn": "protonvpn"}}
	for text, want := range map[string]string{
		"There was no signal in the line.":         "",
		"Signal was weak.":                         "",
		"Users of Signal were cut off.":            "signal",
		"Malcolm X spoke.":                         "",
		"CITY, Aug 8 (Facebook) - It rained.":      "",
		"X, formerly Twitter, was blocked.":        "x x",
		"Facebook's page and Proton VPN's server.": "facebook protonvpn",
	} {
		d := &reader{text: &Text{Paragraphs: []Paragraph{{Text: text}}}, names: names}
		r := newReader(d.text, names)
		var got []string
		for _, m := range r.sentences[0].platforms {
			got = append(got, m.id)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %q, want %q", text, s, want)
		}
	}
}

// A country's name inside another name is not its government; one that acts is.
func TestCountryAsGovernment(t *testing.T) {
	for text, want := range map[string]bool{
		"Kenya blocked Sampler.":                    true,
		"On Monday, Kenya blocked Sampler.":         true,
		"Airtel Kenya confirmed it in Kenya.":       false,
		"Sampler was slow in Kenya, critics said.":  false,
		"Safaricom and Telkom Kenya blocked Kenya.": false,
	} {
		got := slices.ContainsFunc(read(t, "", text).Actors, func(l Line[Actor]) bool { return l.Is.Kind == "government" })
		if got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string]int{
		"One. Two! Three?":                        3,
		"Mr. Khan v. the U.S. went on. It ended.": 2,
		`He said "it works." She said no.`:        2,
		"It cost $1.34 billion. Then 2.5% more.":  2,
		"On Feb. 17, 2024 it began.":              1,
		"":                                        0,
	} {
		if got := split(Paragraph{Text: text}, 1); len(got) != want {
			t.Errorf("%q: %d sentences, want %d", text, len(got), want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, r := range actRules() {
		f.Add(r.Example, "2024-03-14")
	}
	f.Add("\"“’s X\n\nThe A and B High Courts (ABC)", "")
	f.Fuzz(func(t *testing.T, s, published string) {
		text := &Text{}
		text.Published, _ = time.Parse(time.DateOnly, published)
		offset := 0
		for _, p := range strings.Split(s, "\n\n") {
			text.Paragraphs = append(text.Paragraphs, Paragraph{Text: p, Offset: offset})
			offset += len(p) + 2
		}
		d := Read(text, labNames)
		check := func(at casefile.Locator, passage string) {
			p := text.Paragraphs[at.Paragraph-1]
			if int(*at.Offset) < p.Offset || int(*at.Offset+at.Length) > p.Offset+len(p.Text) {
				t.Errorf("%+v lies outside its paragraph", at)
			}
			if len(strings.Fields(passage)) > 25 {
				t.Errorf("passage %q is too long", passage)
			}
		}
		for _, l := range d.Acts {
			check(l.At, l.Passage)
		}
		for _, l := range d.Claims {
			check(l.At, l.Passage)
		}
		for _, l := range d.Dates {
			check(l.At, l.Passage)
			if p := text.Published; p.IsZero() && l.Is.Note == fromDayNote {
				t.Error("a date counted from a day that is not known")
			}
		}
		for _, l := range d.Numbers {
			check(l.At, l.Passage)
		}
		for _, l := range d.Actors {
			check(l.At, l.Passage)
		}
	})
}

// What a sentence denies, or only tells of, is no act of the one who speaks.
func TestWhoOnlySpeaksDoesNothing(t *testing.T) {
	for _, tt := range []struct {
		text string
		kind casefile.ActKind
		by   []string // nil: no such act at all
	}{
		{"Ministry of Example spokesman Jon Park denied on Wednesday that Sampler was blocked.", "implementation", nil},
		{"The Exampleville High Court declared the shutdown of Sampler unlawful.", "statement", nil},
		{"The Ministry of Example notes that writ petitions challenging the ban are pending before the Exampleville High Court.", "petition", nil},
		{"Sampler was blocked by the Example Telecom Authority on 3 March 2024.", "implementation", []string{"Example Telecom Authority"}},
		{"Users said that Sampler was not blocked by the Example Telecom Authority.", "implementation", nil},
		{"The Ministry of Example's lawyer ordered lunch, and Sampler was slow.", "order", nil},
		{"If the Example Telecom Authority blocked Sampler, users would leave.", "implementation", nil},
		{"The court was told by the Ministry of Example to restore Sampler.", "interim_order", nil},
		{"It ordered the Example Telecom Authority to block Sampler.", "order", nil},
		{"The Example Telecom Authority told internet providers late on Thursday to cut off Sampler.", "order", []string{"Example Telecom Authority"}},
	} {
		var found *Act
		for _, l := range read(t, "", tt.text).Acts {
			if l.Is.Kind == tt.kind {
				found = &l.Is
			}
		}
		if (found == nil) != (tt.by == nil) || found != nil && !slices.Equal(found.By, tt.by) {
			t.Errorf("%s: %s is %+v, want by %v", tt.text, tt.kind, found, tt.by)
		}
	}
}

// Sentences in which those who act and those acted upon stand the other way
// round, or a day is a deadline or of another paper: nothing is reversed, and
// no date is taken for the act's that is not.
func TestNothingIsReversed(t *testing.T) {
	for _, tt := range []struct{ text, kind, by, to, date string }{
		{"The Ministry of Example was asked by the Exampleville High Court to restore Sampler.", "", "", "", ""},
		{"The Example Bar Association sued the Example Telecom Authority before the Exampleville High Court over Sampler.", "petition", "Example Bar Association", "Example Telecom Authority", ""},
		{"The Exampleville High Court ordered the Example Telecom Authority to restore Sampler by 9 May 2024.", "interim_order", "Exampleville High Court", "Example Telecom Authority", ""},
		{"On 3 May 2024 the Exampleville High Court ordered the Example Telecom Authority to restore Sampler by 9 May 2024.", "interim_order", "Exampleville High Court", "Example Telecom Authority", ""},
		{"On 3 May 2024 the Exampleville High Court ordered the Example Telecom Authority to restore Sampler.", "interim_order", "Exampleville High Court", "Example Telecom Authority", "2024-05-03"},
		{"The Ministry of Example, in its letter dated 17 February 2024, told nobody; Sampler was blocked.", "", "", "", ""},
		{"The Ministry of Example told the Exampleville High Court that Sampler was blocked on 3 May 2024.", "government_reply", "Ministry of Example", "Exampleville High Court", ""},
		{"Lawyers for Sampler told the Example Telecom Authority to restore it.", "", "", "", ""},
		{"The Example Telecom Authority restored Sampler after the Exampleville High Court ruled.", "restoration", "Example Telecom Authority", "", ""},
		{"The Exampleville High Court on 6 May 2024 ordered the Example Telecom Authority, which blocked Sampler on 17 February 2024, to restore it.", "implementation", "Example Telecom Authority", "", ""},
		{"The Ministry of Example ordered the Example Telecom Authority to block Sampler on 5 and 6 May 2024.", "order", "Ministry of Example", "Example Telecom Authority", ""},
		{"The Ministry of Example ordered the Example Telecom Authority to block Sampler from 5 May 2024.", "order", "Ministry of Example", "Example Telecom Authority", ""},
		{"On 6 May 2024 the Ministry of Example and the Example Telecom Authority blocked Sampler.", "implementation", "Ministry of Example,Example Telecom Authority", "", "2024-05-06"},
		{"The Exampleville High Court issued notices to the Ministry of Example and the Example Telecom Authority on 6 May 2024.", "hearing", "Exampleville High Court", "Ministry of Example,Example Telecom Authority", "2024-05-06"},
		{"On 6 May 2024 Minister Ada Example said that the Example Telecom Authority blocked Sampler.", "implementation", "Example Telecom Authority", "", ""},
		{"On 6 May 2024 the Example Foundation met Minister Ada Example and the Example Telecom Authority blocked Sampler.", "implementation", "Example Telecom Authority", "", ""},
	} {
		acts := read(t, "", tt.text).Acts
		if tt.kind == "" {
			if len(acts) > 0 {
				t.Errorf("%s: proposes %+v", tt.text, acts[0].Is)
			}
			continue
		}
		if len(acts) != 1 {
			t.Errorf("%s: %d acts", tt.text, len(acts))
			continue
		}
		a := acts[0].Is
		if string(a.Kind) != tt.kind || strings.Join(a.By, ",") != tt.by || strings.Join(a.To, ",") != tt.to || a.Date.String() != tt.date {
			t.Errorf("%s: %s by %v to %v on %q", tt.text, a.Kind, a.By, a.To, a.Date)
		}
	}
}

// Those who are counted as speakers are no number that is claimed.
func TestSpeakersAreNoFigure(t *testing.T) {
	d := read(t, "", "The Ministry of Example advised the government to suspend Sampler, two officials said.")
	for _, l := range d.Claims {
		if l.Is.About == "number" {
			t.Errorf("a claim about %q", l.Is.Number.Text)
		}
	}
}

// The day behind the author's name is that of publication.
func TestDayOfTheByline(t *testing.T) {
	for text, want := range map[string]string{
		"By Mara Okello | 14.03.2026":                     "2026-03-14",
		"By Ada Example, 6 January 2026":                  "2026-01-06",
		"By 14 March 2026, Sampler was out of reach.":     "",
		"By Monday, 6 January 2026, nothing worked there": "",
	} {
		if got := read(t, "", "A headline", text).Published.String(); got != want {
			t.Errorf("%s: published %q, want %q", text, got, want)
		}
	}
}

// A span of months is a span, and not its last month.
func TestMonthsRange(t *testing.T) {
	for text, want := range map[string]string{
		"The ministry sent 3,400 requests between January and June 2025.": "2025-01/2025-06",
		"It counted them from July to December 2024.":                     "2024-07/2024-12",
		"It counted them for Jan-Mar 2024.":                               "2024-01/2024-03",
		"It was blocked in May and June 2025.":                            "2025-05/2025-06",
		"It was blocked in June 2025.":                                    "2025-06",
	} {
		var got []string
		for _, l := range read(t, "", text).Dates {
			got = append(got, l.Is.Date.String())
		}
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %s", text, got, want)
		}
	}
}

// A passage has 25 words at most, whatever spaces stand between them.
func TestPassageOfOddSpaces(t *testing.T) {
	for _, space := range []string{" ", "\v", "\u0085", "\u00a0", "\u2003", "\n\v "} {
		text := strings.Repeat("word"+space, 60)
		if got := len(strings.Fields(passage(text, 0, len(text)))); got != 25 {
			t.Errorf("%q: %d words", space, got)
		}
		if got := passage(text, len(text)/2, len(text)/2+3); len(strings.Fields(got)) != 25 {
			t.Errorf("%q, in the middle: %q", space, got)
		}
	}
}
