package web

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/ledger"
)

// entriesOfEveryKind make every sentence for an entry of the ledger.
func entriesOfEveryKind() []ledger.Entry {
	sum := strings.Repeat("0123abcd", 8)
	var out []ledger.Entry
	for _, kind := range []string{"measurements", "web", "aggregation", "signals"} {
		for _, days := range [][2]string{{"2024-02-17", "2024-02-20"}, {"2024-02-17", "2024-02-17"}, {}} {
			b := &ledger.Batch{SHA256: sum, Kind: kind, Documents: 4462, Earliest: days[0], Latest: days[1]}
			before := *b
			before.Before = true
			out = append(out, ledger.Entry{Type: ledger.TypeBatch, Batch: b}, ledger.Entry{Type: ledger.TypeBatch, Batch: &before})
		}
	}
	for _, why := range []string{"import", "submit", "compact", "count", "rebuild", "rescore", "mirror", "new ledger", "no_such_word"} {
		out = append(out, ledger.Entry{Type: ledger.TypeSegments, Segments: &ledger.Segments{Why: why, Added: make([]ledger.Segment, 3)}},
			ledger.Entry{Type: ledger.TypeState, State: &ledger.State{Why: why, Ruleset: "6-43809bf7", Batches: ledger.Set{Count: 3}, Segments: ledger.Set{Count: 40}}})
	}
	for name, kind := range map[string]string{"record:pk-2024-x": ledger.TypeRecord, "record:shared": ledger.TypeRecord, "sources/66/" + sum: ledger.TypeSource, "sources/66/" + sum + ".json": ledger.TypeSource, "sources/uses/bans-" + sum + ".json": ledger.TypeSource,
		"sources/uses/requests-" + sum + ".json": ledger.TypeSource, "fingerprints/" + sum + ".csv": ledger.TypeList, "defects/current": ledger.TypeList, "ban-decisions.yaml": ledger.TypeList, "sources-read.jsonl": ledger.TypeFile, "quarantine/a.jsonl": ledger.TypeFile} {
		out = append(out, ledger.Entry{Type: kind, File: &ledger.File{Name: name, SHA256: sum, Bytes: 381800}}, ledger.Entry{Type: kind, File: &ledger.File{Name: name, SHA256: sum, Replaces: sum}})
	}
	for _, action := range []string{ledger.Announced, ledger.Revised, ledger.Withdrawn} {
		out = append(out, ledger.Entry{Type: ledger.TypeEvent, Event: &ledger.Event{ID: "ke-telegram-2024q4", Action: action, CC: "KE", Target: "telegram"}})
	}
	return append(out, ledger.Entry{Type: ledger.TypeTombstone, File: &ledger.File{Name: "tests"}}, ledger.Entry{Type: ledger.TypeFile, File: &ledger.File{Name: "tests"}}, ledger.Entry{Type: ledger.TypeKey, Key: &ledger.Key{}}, ledger.Entry{Type: ledger.TypeCorrection, Correction: &ledger.Correction{Of: "KE/telegram", Text: "The end was wrong."}},
		ledger.Entry{Type: ledger.TypeSoftware, Software: &ledger.Software{Version: "1.2"}}, ledger.Entry{Type: "of_tomorrow"})
}

// Every kind of entry is said in words, in every language: no hash, no id, no name
// of a type, no place that is left open. Every sentence is said by some entry.
func TestEntriesInWords(t *testing.T) {
	s := serve(t)
	used := map[string]bool{}
	for _, c := range append([]*catalogue{nil}, s.site.languages["ur"]) {
		if c != nil { // the catalogue notes which of its texts are asked for by giving each as its key
			keys := *c
			keys.Text = map[string]entry{}
			for k, e := range c.Text {
				keys.Text[k] = e
				if strings.HasPrefix(k, "entry.") {
					keys.Text[k] = entry{one: "<" + k + ">" + e.one}
				}
			}
			for _, e := range entriesOfEveryKind() {
				text, _, err := s.site.entryWords(t.Context(), &e, &keys)
				if err != nil {
					t.Fatal(err)
				}
				for k := range entryTexts {
					used[k] = used[k] || strings.Contains(text, "<"+k+">")
				}
			}
		}
		for _, e := range entriesOfEveryKind() {
			text, _, err := s.site.entryWords(t.Context(), &e, c)
			if err != nil {
				t.Fatal(err)
			}
			if text == "" || strings.ContainsAny(text, "{}<>%_") || strings.Contains(text, "nil") || hash.MatchString(text) || hyphened.MatchString(strings.ToLower(text)) {
				t.Errorf("%s is said as %q", e.Type, text)
			}
			if c != nil && latinWord.MatchString(notWords.ReplaceAllString(text, "")) {
				t.Errorf("%s: Latin letters stand without marks in %q", c.code, text)
			}
		}
	}
	for k := range entryTexts {
		if !used[k] {
			t.Errorf("no entry of the test says %s", k)
		}
	}
}

// A correction links to the page of what it corrects.
func TestPageOfWhatIsCorrected(t *testing.T) {
	s := serve(t)
	for id, want := range map[string]string{
		"PK/x":                  "/cc/PK/x",
		"PK/x@2024-03-14":       "/cc/PK/x?at=2024-03-14",
		"pk-2024-x":             "/cases/pk-2024-x",
		"pk-2024-x/moi-no-ban":  "/cases/pk-2024-x/claim/moi-no-ban",
		"ke-telegram-2024q4":    "",
		"//elsewhere.example/x": "",
		"20241113081500.123456_ZZ_webconnectivity_0123456789abcdef": "/m/20241113081500.123456_ZZ_webconnectivity_0123456789abcdef",
	} {
		if got, err := s.site.itemPage(t.Context(), id); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", id, got, err, want)
		}
	}
}

// The pages of the ledger say what was entered, with links to what it speaks of.
func TestLedgerPages(t *testing.T) {
	s := serve(t)
	for path, none := range map[string]string{"/ledger": "There is none here yet", "/ur/ledger": "رجسٹر نہیں"} {
		if code, page := s.get(path); code != 200 || !strings.Contains(page, none) {
			t.Errorf("%s without a ledger: %d", path, code)
		}
	}
	s.submit(18, 64512, "x.com", true)
	s.count()
	s.site.Ledger = s.p.Archive.Log()
	for path, want := range map[string][]string{
		"/ledger":           {"Measurements were taken in: 1, of 18 February 2024.", `href="/ledger/entries/`, "a submission"},
		"/ledger?before=2":  {`id="e1"`, `id="e0"`},
		"/ur/ledger":        {"پیمائشیں موصول ہوئیں: 1،", `href="/ledger/entries/`, `dir="rtl"`},
		"/ur/ledger?before": {`id="e0"`},
	} {
		code, page := s.get(path)
		if code != 200 {
			t.Errorf("%s: %d", path, code)
		}
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s does not say %q", path, w)
			}
		}
		inert(t, path, page)
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		s.wording().check(t, path, root)
	}
	s.submit(18, 64512, "x.com", true)
	if c, _, err := s.site.Ledger.Checkpoint(); err != nil {
		t.Error(err)
	} else {
		for _, path := range []string{"/ledger", "/ur/ledger"} { // no page that was kept
			if _, page := s.get(path); !strings.Contains(page, fmt.Sprintf(`id="e%d"`, c.Size-1)) {
				t.Errorf("%s does not show the last entry, %d", path, c.Size-1)
			}
		}
	}
	if code, _ := s.get("/ledger?before=x"); code != 400 {
		t.Errorf("before=x: %d", code)
	}
}
