package search_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

var docs = []search.Document{
	{ID: "zz-2024-sample", Kind: "case", Case: "zz-2024-sample", Title: "Sample in the lab", Text: "The regulator blocked Sample <script>alert(1)</script> until further orders.", CC: "ZZ", Targets: []string{"sample", "chatter"}},
	{ID: "zz-2024-sample/acts/letter", Kind: "act", Case: "zz-2024-sample", Title: "request", Text: "The ministry wrote a letter to the regulator.", CC: "ZZ", Targets: []string{"sample"}},
	{ID: "td-2018/acts/order", Kind: "act", Case: "td-2018", Title: "order", Text: "The regulator of another country blocked Chatter.", CC: "TD", Targets: []string{"chatter"}},
}

func open(t *testing.T, dir string, documents []search.Document) *search.Index {
	t.Helper()
	x, err := search.Open(t.Context(), dir, documents)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func TestSearch(t *testing.T) {
	other := search.Document{ID: "source/1/1", Kind: "text", Title: "پاکستان میں ایکس کی بندش", Text: "وزارتِ داخلہ نے اتھارٹی کو ایکس بند کرنے کی ہدایت کی۔ Décision n° 12: İnternet erişimi x.com. سندھ ہائی کورٹ 41,414"}
	joined := search.Document{ID: "source/1/2", Kind: "text", Title: "عدالت", Text: "سندھ ہائیکورٹ میں سماعت"}
	x := open(t, t.TempDir(), append(slices.Clone(docs), other, joined))
	for _, test := range []struct {
		query string
		o     search.Options
		want  []string
	}{
		{"letter", search.Options{}, []string{"zz-2024-sample/acts/letter"}},
		{"blocking", search.Options{}, []string{"td-2018/acts/order", "zz-2024-sample"}}, // by the stem
		{"regulator blocked", search.Options{}, []string{"td-2018/acts/order", "zz-2024-sample"}},
		{"regulator ministry", search.Options{}, []string{"zz-2024-sample/acts/letter"}}, // all words
		{`"further orders"`, search.Options{}, []string{"zz-2024-sample"}},
		{"regulator -blocked", search.Options{}, []string{"zz-2024-sample/acts/letter"}},
		{"regulator", search.Options{CC: "TD"}, []string{"td-2018/acts/order"}},
		{"regulator", search.Options{Kind: "act"}, []string{"td-2018/acts/order", "zz-2024-sample/acts/letter"}},
		{"regulator", search.Options{Target: "chatter"}, []string{"td-2018/acts/order", "zz-2024-sample"}},
		{"regulator", search.Options{Case: "td-2018"}, []string{"td-2018/acts/order"}},
		{"regulator +kind:case", search.Options{}, []string{"zz-2024-sample"}},
		{"وزارت داخلہ", search.Options{}, []string{"source/1/1"}},
		{"وزارت داخله", search.Options{}, []string{"source/1/1"}}, // Persian heh
		{"اتھارٹي", search.Options{}, []string{"source/1/1"}},     // Arabic yeh
		{"decision erisimi", search.Options{}, []string{"source/1/1"}},
		{"DÉCISION internet", search.Options{}, []string{"source/1/1"}},
		{"x.com", search.Options{}, []string{"source/1/1"}},
		{`"unclosed`, search.Options{}, nil},
		{`letter "regulator`, search.Options{}, []string{"zz-2024-sample/acts/letter"}},
		{"(letter) ~~~ field: *", search.Options{}, []string{"zz-2024-sample/acts/letter"}}, // "field" is a word, and nowhere
		{"(letter) ~~~ && *", search.Options{}, []string{"zz-2024-sample/acts/letter"}},
		{"text:/(a+)+$/", search.Options{}, []string{"zz-2024-sample/acts/letter"}}, // the word a
		{"cc:td", search.Options{}, []string{"td-2018/acts/order"}},
		{`title:"in the lab"`, search.Options{}, []string{"zz-2024-sample"}},
		{"nowhere", search.Options{}, nil},
		{"regulater blokced", search.Options{}, []string{"td-2018/acts/order", "zz-2024-sample"}}, // misspelt
		{"minstry", search.Options{}, []string{"zz-2024-sample/acts/letter"}},
		{"letter zeppelin", search.Options{}, []string{"zz-2024-sample/acts/letter"}}, // any word
		{"letter zeppelin -regulator", search.Options{}, nil},                         // never what has a minus
		{"letter zeppelin cc:td", search.Options{}, nil},                              // always what a field names
		{"ہائی کورٹ", search.Options{}, []string{"source/1/1", "source/1/2"}},         // one word or two
		{"ہائیکورٹ", search.Options{}, []string{"source/1/1", "source/1/2"}},
		{"41414", search.Options{}, []string{"source/1/1"}},
		{"41,414", search.Options{}, []string{"source/1/1"}},
		{"۴۱۴۱۴", search.Options{}, []string{"source/1/1"}},
	} {
		r, err := x.Search(t.Context(), test.query, test.o)
		if err != nil {
			t.Errorf("%q: %v", test.query, err)
			continue
		}
		var got []string
		for _, h := range r.Hits {
			got = append(got, h.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q %+v: %v, want %v", test.query, test.o, got, test.want)
		}
	}
	for _, bad := range []string{"", "  ", strings.Repeat("a", 501), "(((", "-", "* ~ \"\""} {
		if _, err := x.Search(t.Context(), bad, search.Options{}); !errors.Is(err, search.ErrQuery) {
			t.Errorf("%q: %v, want ErrQuery", bad, err)
		}
	}
}

// What forgave says how far the search had to go; the best stands first.
func TestSearchForgives(t *testing.T) {
	x := open(t, t.TempDir(), docs)
	for query, want := range map[string]search.How{"regulator letter": search.AllWords, "regulater leter": search.SimilarWords, "chatter zeppelin regulator": search.AnyWord} {
		r, err := x.Search(t.Context(), query, search.Options{})
		if err != nil || r.How != want || len(r.Hits) == 0 {
			t.Errorf("%q: %+v, %v; want %s", query, r, err, want)
		}
		if want == search.AnyWord && r.Hits[0].ID != "td-2018/acts/order" {
			t.Errorf("%q: first is %s", query, r.Hits[0].ID)
		}
	}
}

// Platforms and countries are among the hits, and names in their spellings.
func TestPlaces(t *testing.T) {
	registry, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	record, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	x := open(t, t.TempDir(), append(search.RecordDocuments(record), search.PlaceDocuments(registry)...))
	for query, want := range map[string]string{
		"Pakistan": "country/PK", "twitter.com": "platform/x", "Tarrar": "shared/actors/pk-tarar", "Telegram": "platform/telegram",
		"41414": "pk-2024-x/disputes/did-x-answer", "HCCHRPET": "ke-2024-telegram/dockets/hc-276", "وزارت اطلاعات": "shared/actors/pk-information-ministry",
	} {
		r, err := x.Search(t.Context(), query, search.Options{Limit: 200})
		if err != nil || !slices.ContainsFunc(r.Hits, func(h search.Hit) bool { return h.ID == want }) {
			t.Errorf("%q does not find %s (%v)", query, want, err)
		}
	}
}

func TestSnippetIsSafe(t *testing.T) {
	r, err := open(t, t.TempDir(), docs).Search(t.Context(), "until", search.Options{})
	if err != nil || len(r.Hits) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	h := r.Hits[0]
	if strings.Contains(string(h.Snippet), "<script>") || !strings.Contains(string(h.Snippet), "<mark>until</mark>") {
		t.Errorf("snippet %s", h.Snippet)
	}
	if !strings.Contains(h.Plain(), "«until» further orders.") || !strings.Contains(h.Plain(), "<script>") {
		t.Errorf("plain %s", h.Plain())
	}
}

// The index is built once for the same documents, anew for others, and found
// by several at a time.
func TestIndexFollowsDocuments(t *testing.T) {
	dir := t.TempDir()
	folders := func() []string {
		entries, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	open(t, dir, docs)
	first := folders()
	shuffled := []search.Document{docs[2], docs[0], docs[1]}
	x := open(t, dir, shuffled) // while the first is open
	if got := folders(); !slices.Equal(got, first) || len(first) != 1 {
		t.Errorf("the same documents in another order: %v, want %v", got, first)
	}
	changed := slices.Clone(docs)
	changed[0].Text = "other words"
	y := open(t, dir, changed)
	if got := folders(); len(got) != 1 || got[0] == first[0] {
		t.Errorf("after a change: %v", got)
	}
	if r, err := y.Search(t.Context(), "other words", search.Options{}); err != nil || r.Total != 1 {
		t.Errorf("the new index: %+v, %v", r, err)
	}
	if r, err := x.Search(t.Context(), "further", search.Options{}); err != nil || r.Total != 1 {
		t.Errorf("a reader of the old index: %+v, %v", r, err)
	}
	open(t, t.TempDir(), nil)
}

// Every part of the built-in record is there once, and Pakistan's case is
// found by its own words.
func TestRecordDocuments(t *testing.T) {
	record, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	all := search.RecordDocuments(record)
	ids := make(map[string]bool)
	kinds := make(map[string]int)
	for _, d := range all {
		if ids[d.ID] {
			t.Errorf("two documents are %s", d.ID)
		}
		ids[d.ID] = true
		kinds[d.Kind]++
	}
	for _, k := range []string{"case", "act", "claim", "sighting", "dispute", "docket", "source", "ban", "law", "actor"} {
		if kinds[k] == 0 {
			t.Errorf("no document of kind %s", k)
		}
	}
	x := open(t, t.TempDir(), all)
	// Who asked whom is found, by short names and by full ones.
	for _, q := range []string{"request MoI PTA letter", "Interior Pakistan Telecommunication Authority letter 2023"} {
		r, err := x.Search(t.Context(), q, search.Options{Kind: "act"})
		if err != nil || !slices.ContainsFunc(r.Hits, func(h search.Hit) bool { return h.ID == "pk-2024-x/acts/moi-letter" }) {
			t.Errorf("%q: %+v, %v", q, r, err)
		}
	}
	r, err := x.Search(t.Context(), "Sindh High Court restore", search.Options{CC: "PK", Kind: "act"})
	if err != nil || r.Total == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestSourceDocuments(t *testing.T) {
	dir := t.TempDir()
	a := source.Open(dir)
	fetch := source.Fetch{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC), How: "file", Name: "a.txt", URL: "https://a.example/"}
	for content, mediaType := range map[string]string{"First words.\n\nSecond words of the ministry.": "text/plain", "\x89PNG": "image/png", "a,b\n": "text/csv", "%PDF-broken": "application/pdf"} {
		if _, _, err := a.Add([]byte(content), mediaType, fetch); err != nil {
			t.Fatal(err)
		}
	}
	all, unread, err := search.SourceDocuments(a)
	if err != nil || len(all) != 2 || len(unread) != 1 {
		t.Fatalf("%d documents, unread %q, %v", len(all), unread, err)
	}
	r, err := open(t, filepath.Join(dir, "search"), all).Search(t.Context(), "ministry", search.Options{})
	if err != nil || r.Total != 1 || r.Hits[0].Place != "paragraph 2" || r.Hits[0].URL != "https://a.example/" {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range []string{"letter", `"further`, "+a -b", "cc:ZZ", "a:b:c", "/[/", "~^*?", ">=2", `\`} {
		f.Add(q)
	}
	dir, err := os.MkdirTemp("", "search")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	x, err := search.Open(f.Context(), dir, docs)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { x.Close() })
	f.Fuzz(func(t *testing.T, q string) {
		r, err := x.Search(t.Context(), q, search.Options{})
		if err == nil && uint64(len(r.Hits)) > r.Total {
			t.Errorf("%q: more hits than there are", q)
		}
	})
}
