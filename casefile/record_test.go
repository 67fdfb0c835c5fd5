package casefile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/records"
)

func load(t testing.TB) *casefile.Records {
	t.Helper()
	r, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) == 0 {
		t.Fatal("the record holds no case")
	}
	return r
}

// Every file of the record is in order.
func TestRecordIsInOrder(t *testing.T) {
	for _, p := range load(t).Lint(casefile.Checks{}) {
		t.Error(p)
	}
}

// What stands in the shared folder is used by a case, a ban or a law.
func TestSharedIsUsed(t *testing.T) {
	r := load(t)
	b, err := json.Marshal(struct {
		Cases []*casefile.Case
		Bans  []casefile.Ban
		Laws  []casefile.Law
		Of    []casefile.Actor
	}{r.Cases, r.Shared.Bans, r.Shared.Laws, withoutIDs(r.Shared.Actors)})
	if err != nil {
		t.Fatal(err)
	}
	used := func(id string) bool { return bytes.Contains(b, []byte(`"`+id+`"`)) }
	for _, s := range r.Shared.Sources {
		if !used(s.ID) {
			t.Errorf("nothing cites the shared source %s", s.ID)
		}
	}
	for _, a := range r.Shared.Actors {
		if !used(a.ID) {
			t.Errorf("nothing names the shared actor %s", a.ID)
		}
	}
}

// withoutIDs leaves of the actors only what they belong to.
func withoutIDs(actors []casefile.Actor) []casefile.Actor {
	out := slices.Clone(actors)
	for i := range out {
		out[i].ID = ""
	}
	return out
}

func compile(t *testing.T, at string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(records.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("casefile.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("casefile.schema.json" + at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, what string, value any) {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// What is shown follows the schema, as of any day too.
func TestShownFollowsSchema(t *testing.T) {
	r := load(t)
	s, answers := compile(t, "#/$defs/Case"), compile(t, "#/$defs/Answer")
	for _, c := range r.Cases {
		for _, day := range []string{"", "2024-02-17", "2024-03-14", "2024-09-13", "2025-05-07", "2030-01-01"} {
			shown := r.Show(c, casefile.MustDate(day), nil)
			validate(t, s, c.ID+" as of "+day, shown)
			claims, err := answer.Claims(context.Background(), r, shown, casefile.Date{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range claims {
				validate(t, answers, c.ID+" "+a.Claim, a)
			}
		}
	}
}

// The files follow it as they are written, so that an editor's check agrees
// with the linter's.
func TestFilesFollowSchema(t *testing.T) {
	s := compile(t, "")
	n := 0
	err := fs.WalkDir(records.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(records.FS, path)
		if err != nil {
			return err
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(data, &doc); err != nil {
			return err
		}
		validate(t, s, path, plain(t, doc.Content[0]))
		n++
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files, %v", n, err)
	}
}

// plain gives a node as JSON would have it; days stay text.
func plain(t *testing.T, n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, plain(t, c))
		}
		return out
	}
	if n.Tag == "!!timestamp" {
		return n.Value
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A schema that took anything would pass the tests above.
func TestSchemaRefuses(t *testing.T) {
	s := compile(t, "#/$defs/Case")
	c := *load(t).Case("pk-2024-x")
	c.Acts = slices.Clone(c.Acts)
	c.Acts[0].Kind = "rumour"
	b, _ := json.Marshal(c)
	doc, _ := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if s.Validate(doc) == nil {
		t.Error("an act of no known kind passes")
	}
}

// Nothing that became known later is in a view: no source that came out after
// the day, and no fact that rests on such alone. And the view only grows.
func TestAsOfKnowsNothingLater(t *testing.T) {
	r := load(t)
	for _, c := range r.Cases {
		var before *casefile.Case
		all := entryIDs(c)
		for day := time.Date(2021, 6, 1, 0, 0, 0, 0, time.UTC); day.Before(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)); day = day.AddDate(0, 0, 5) {
			date := casefile.Day(day, time.UTC)
			view := r.AsOf(c, date)
			b, err := json.Marshal(view)
			if err != nil {
				t.Fatal(err)
			}
			there := entryIDs(view)
			for id := range all {
				if !there[id] && bytes.Contains(b, []byte(id)) && regexp.MustCompile(`(^|[^a-z0-9-])`+regexp.QuoteMeta(id)+`($|[^a-z0-9-])`).Match(b) {
					t.Errorf("%s as of %s speaks of %s, which was not known", c.ID, date, id)
				}
			}
			for _, source := range cited(b) {
				published, ok := r.Source(c, source).Date.LastDay(c.Zone())
				if !ok || published.After(day) {
					t.Errorf("%s as of %s cites %s of %s", c.ID, date, source, r.Source(c, source).Date)
				}
			}
			for _, a := range view.Acts {
				if first, ok := a.Date.FirstDay(c.Zone()); ok && first.After(day) {
					t.Errorf("%s as of %s shows act %s of %s", c.ID, date, a.ID, a.Date)
				}
			}
			if before != nil {
				for _, a := range before.Acts {
					if view.Act(a.ID) == nil {
						t.Errorf("%s: act %s was known before %s and is not any more", c.ID, a.ID, date)
					}
				}
			}
			before = view
		}
		if len(before.Acts) == 0 {
			t.Errorf("%s: the last view is empty", c.ID)
		}
	}
}

var (
	isoDay    = regexp.MustCompile(`\b(20\d\d-(?:0\d|1[0-2])(?:-\d\d)?)\b`)
	wordMonth = regexp.MustCompile(`\b(January|February|March|April|May|June|July|August|September|October|November|December) (20\d\d)\b`)
	planned   = regexp.MustCompile(`"(?:next|due|until)":"[^"]*"`)
	names     = regexp.MustCompile(`"(?:id|source|url|ref|docket|in|refs)":(?:"[^"]*"|\[[^]]*\])`)
)

// No date later than the day stands in a view, in no title, note or sentence;
// but for the dates to which something was put off, and ids.
func TestAsOfNamesNoLaterDate(t *testing.T) {
	r := load(t)
	days := 0
	for _, c := range r.Cases {
		for i := range 20 {
			day := time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC).AddDate(0, i+i/2, 0)
			shown := r.Show(c, casefile.Day(day, time.UTC), nil)
			days++
			b, err := json.Marshal(shown)
			if err != nil {
				t.Fatal(err)
			}
			b = names.ReplaceAll(planned.ReplaceAll(b, nil), nil)
			var later []string
			for _, m := range isoDay.FindAllStringSubmatch(string(b), -1) {
				if m[1] > day.Format(time.DateOnly) {
					later = append(later, m[1])
				}
			}
			for _, m := range wordMonth.FindAllStringSubmatch(string(b), -1) {
				if month, err := time.Parse("January 2006", m[0]); err != nil || month.After(day) {
					later = append(later, m[0])
				}
			}
			if len(later) > 0 {
				t.Errorf("%s as of %s speaks of %v", c.ID, day.Format(time.DateOnly), later)
			}
		}
	}
	if days < 100 {
		t.Errorf("only %d views", days)
	}
}

// entryIDs are the ids with a hyphen, which are no words, of what a case tells.
func entryIDs(c *casefile.Case) map[string]bool {
	ids := make(map[string]bool)
	addIDs(ids, c.Acts, func(a casefile.Act) string { return a.ID })
	addIDs(ids, c.Sightings, func(s casefile.Sighting) string { return s.ID })
	addIDs(ids, c.Claims, func(k casefile.Claim) string { return k.ID })
	addIDs(ids, c.Disputes, func(d casefile.Dispute) string { return d.ID })
	addIDs(ids, c.Dockets, func(d casefile.Docket) string { return d.ID })
	addIDs(ids, c.Actors, func(a casefile.Actor) string { return a.ID })
	addIDs(ids, c.Sources, func(s casefile.Source) string { return s.ID })
	return ids
}

func addIDs[T any](ids map[string]bool, entries []T, idOf func(T) string) {
	for _, e := range entries {
		if id := idOf(e); strings.Contains(id, "-") {
			ids[id] = true
		}
	}
}

var citeShape = regexp.MustCompile(`"source":"([^"]+)"`)

func cited(b []byte) []string {
	var out []string
	for _, m := range citeShape.FindAllSubmatch(b, -1) {
		out = append(out, string(m[1]))
	}
	return out
}

// On 14 March 2024 the ban had no end, no letter and no admission.
func TestAsOf14March(t *testing.T) {
	r := load(t)
	c := r.Case("pk-2024-x")
	shown := r.Show(c, casefile.MustDate("2024-03-14"), nil)
	if shown.Status != "ongoing" || shown.End != nil {
		t.Errorf("status %s, end %v", shown.Status, shown.End)
	}
	for _, id := range []string{"ejaz-denial", "shc-restore-order", "ihc-notices"} {
		if shown.Act(id) == nil {
			t.Errorf("%s is missing", id)
		}
	}
	for _, id := range []string{"moi-letter", "ib-report", "pta-files-letter", "tarar-works", "restored"} {
		if shown.Act(id) != nil {
			t.Errorf("%s was not known then", id)
		}
	}
	b, _ := json.Marshal(shown)
	for _, word := range []string{"2025", "nukta", "India", "Intelligence Bureau", "web management"} {
		if i := bytes.Index(b, []byte(word)); i >= 0 {
			t.Errorf("%q is in the view: …%s…", word, b[max(0, i-80):min(len(b), i+40)])
		}
	}
}

// The days that the sources give, worked out by the clock.
func TestClockOfPakistan(t *testing.T) {
	r := load(t)
	clock := r.Clock(r.Case("pk-2024-x"), nil)
	days := map[string]int64{}
	for _, s := range clock.Spans {
		days[string(s.From)+" "+string(s.To)] = s.Days
		if s.To == "returned" != (s.AtMost != nil && *s.AtMost == s.Days+1) { // the night to the 7th
			t.Errorf("%s to %s: at most %v", s.From, s.To, s.AtMost)
		}
		if s.From == "restore_ordered" && s.Condition == nil {
			t.Errorf("%s to %s: the order was conditional", s.From, s.To)
		}
	}
	for span, want := range map[string]int64{
		"recommended ordered": 0, "ordered lost": 0, "lost acknowledged": 30, "lost admitted": 32,
		"restore_ordered returned": 439, "lost returned": 444,
	} {
		if got, ok := days[span]; !ok || got != want {
			t.Errorf("%s: %d days (%t), want %d", span, got, ok, want)
		}
	}
	deeds := map[string]int64{}
	for _, d := range clock.Deeds {
		if d.Ref == "shc-withdraw-order" && (d.Late == nil || *d.Late != 377) {
			t.Errorf("the order of 17 April was due by %s and is late by %v", d.Due, d.Late)
		}
		if d.Days != nil {
			deeds[d.Ref] = *d.Days
		}
	}
	for ref, want := range map[string]int64{"shc-restore-order": 439, "shc-withdraw-order": 384, "moi-letter": 0, "restored": 0} {
		if deeds[ref] != want {
			t.Errorf("deed %s: %d days, want %d", ref, deeds[ref], want)
		}
	}
}

// Four courts with five cases, as they stand at the end and as they stood on a day.
func TestCourtsOfPakistan(t *testing.T) {
	r := load(t)
	for day, want := range map[string]map[string]string{
		"":           {"shc-internet": "", "shc-x": "2024-10-17", "ihc-x": "2025-02-06", "lhc-x": "2025-05-10~", "phc-x": ""},
		"2024-05-10": {"shc-internet": "", "shc-x": "2024-05-09", "ihc-x": "2024-05-02", "lhc-x": "", "phc-x": ""},
	} {
		shown := r.Show(r.Case("pk-2024-x"), casefile.MustDate(day), nil)
		if len(shown.Computed.Dockets) != len(want) {
			t.Errorf("as of %s: %d dockets, want %d", day, len(shown.Computed.Dockets), len(want))
		}
		for _, d := range shown.Computed.Dockets {
			if d.Next.String() != want[d.ID] || len(d.Acts) == 0 {
				t.Errorf("as of %s: %s has %d acts and is next heard on %q, want %q", day, d.ID, len(d.Acts), d.Next, want[d.ID])
			}
			if d.ID == "shc-x" && (len(d.Orders) != 2 || day != "" && d.Orders[0].Days != nil) {
				t.Errorf("as of %s: orders %+v", day, d.Orders)
			}
		}
	}
}

// With an empty archive every claim is answered from the sources or untested.
func TestClaimsWithEmptyArchive(t *testing.T) {
	r := load(t)
	answers, err := answer.Claims(context.Background(), r, r.Case("pk-2024-x"), casefile.Date{}, nil)
	if err != nil || len(answers) == 0 {
		t.Fatal(len(answers), err)
	}
	got := map[string]casefile.Verdict{}
	for _, a := range answers {
		got[a.Claim] = a.Verdict
		if a.AnsweredFrom == casefile.FromMeasurements {
			t.Errorf("%s: answered from measurements that are not there", a.Claim)
		}
		if a.AnsweredFrom == casefile.FromNothing && a.Verdict != casefile.Untested {
			t.Errorf("%s: %s from nothing", a.Claim, a.Verdict)
		}
		if a.Reason == "" {
			t.Errorf("%s: no reason", a.Claim)
		}
	}
	for claim, want := range map[string]casefile.Verdict{
		"techx-restored": casefile.Contradicted, "tarar-working": casefile.Contradicted, "operational-march-28": casefile.Contradicted,
		"running-april-16": casefile.Contradicted, "ban-lifted-september": casefile.Contradicted, "mmnews-restored-undated": casefile.Untested,
		"partly-restored": casefile.Mixed, "only-pta-may-block": casefile.Disputed, "article-19-kept": casefile.Untested, "not-the-interior": casefile.Contradicted, "x-no-cooperation": casefile.Mixed,
		"under-two-percent": casefile.Untested, "hostile-agencies": casefile.Untested,
	} {
		if got[claim] != want {
			t.Errorf("%s: %s, want %s", claim, got[claim], want)
		}
	}
}

func sharedDir() string {
	if dir := os.Getenv("BANDISH_SHARED"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "shared")
}

// sharedFile gives a file of the research, which is not in the repository.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sharedDir(), filepath.FromSlash(name)))
	if err != nil {
		t.Skipf("needs %s from BANDISH_SHARED: %v", name, err)
	}
	return string(b)
}

// Every quotation from another source stands among the passages that the
// research kept of it.
func TestPhrasesOfTheResearch(t *testing.T) {
	var all string
	for _, name := range []string{"pakistan-x.md", "pakistan-x-2.md", "tanzania-x.md", "kenya-telegram.md"} {
		all += sharedFile(t, "facts/"+name)
	}
	text := strings.ReplaceAll(all, `\"`, `"`)
	r := load(t)
	n := 0
	for _, c := range r.Cases {
		eachCite(c, func(cite casefile.Cite) {
			if cite.Phrase == "" || cite.Source == "nukta-moi-document" {
				return
			}
			n++
			if !casefile.Quotes(text, cite.Phrase) {
				t.Errorf("%s: %q is not among the passages", cite.Source, cite.Phrase)
			}
		})
	}
	if n < 50 {
		t.Errorf("only %d phrases were checked", n)
	}
}

// eachCite calls f for every cite of a case or of an entry.
func eachCite(entry any, f func(casefile.Cite)) {
	b, err := json.Marshal(entry)
	if err != nil {
		panic(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if source, ok := v["source"].(string); ok {
				phrase, _ := v["phrase"].(string)
				cite := casefile.Cite{Source: source, Phrase: phrase}
				if offset, ok := v["offset"].(float64); ok {
					at, length := int64(offset), v["length"].(float64)
					cite.Offset, cite.Length = &at, int64(length)
				}
				f(cite)
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	walk(v)
}

// Between the start and the end that the sources give, those who report the
// end speak of every day: but of the first and the last, of single networks
// and of what a ban leaves open they say nothing.
func TestCheckBetweenStartAndEnd(t *testing.T) {
	records := load(t)
	for _, tt := range []struct {
		at       string
		says     casefile.Access
		networks []network.ASN
		want     casefile.Verdict
	}{
		{"2024-09-12/2024-09-14", casefile.Blocked, nil, casefile.Supported},
		{"2024-09-12/2024-09-14", casefile.Accessible, nil, casefile.Contradicted},
		{"2024-09-12/2024-09-14", casefile.Accessible, []network.ASN{17557}, casefile.Contradicted}, // by OONI's list
		{"2024-09-12/2024-09-14", casefile.Accessible, []network.ASN{45595}, casefile.Untested},
		{"2024-09-12", casefile.Partial, nil, casefile.Untested},
		{"2024-02-16", casefile.Blocked, nil, casefile.Untested},
		{"2025-05-08", casefile.Blocked, nil, casefile.Contradicted}, // the day after those who report the end say that it was open
		{"2025-09-08", casefile.Blocked, nil, casefile.Untested},
		{"2025-05-06/2025-05-08", casefile.Accessible, nil, casefile.Mixed}, // it came back in the night to the 7th
		{"2025-05-07/2025-05-08", casefile.Accessible, nil, casefile.Supported},
	} {
		claim := casefile.AccessClaim{Target: "x", CC: "PK", At: casefile.MustDate(tt.at), Says: tt.says, Networks: tt.networks}
		a, err := answer.Check(t.Context(), records, claim, nil)
		if err != nil || a.Verdict != tt.want {
			t.Errorf("%s %s %v: %s, want %s (%v; %s)", tt.at, tt.says, tt.networks, a.Verdict, tt.want, err, a.Reason)
		}
	}
	pk := records.AsOf(records.Case("pk-2024-x"), casefile.MustDate("2024-12-31"))
	k := casefile.Claim{ID: "asked", Access: &casefile.AccessClaim{Target: "x", CC: "PK", At: casefile.MustDate("2024-09-13"), Says: casefile.Blocked}}
	if a, err := answer.Claim(t.Context(), records, pk, &k, time.Time{}, nil); err != nil || a.Verdict != casefile.Untested {
		t.Errorf("as of 2024 nobody knew of the end: %s (%v)", a.Verdict, err)
	}
}
