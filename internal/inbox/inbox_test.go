package inbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2024, 2, 20, 12, 30, 0, 0, time.UTC)

func box(t *testing.T) (*Box, string) {
	t.Helper()
	dir := t.TempDir()
	return Open(dir, func() time.Time { return now }), dir
}

func note(text string) Note {
	return Note{Kind: Wrong, About: "/cc/PK/x", Text: text, Source: "https://example.org/report"}
}

func TestNotesMustHoldWhatCanBeChecked(t *testing.T) {
	good := note("The court sat on the 21st, as its own list says.")
	seen := Note{Kind: Blocked, About: "/cc/ZZ/x", Text: "It does not open since the morning.", CC: "zz", Network: "64512", SeenDay: "2024-02-19"}
	for name, row := range map[string]struct {
		n     Note
		field string // that is wrong, "" for none
	}{
		"whole":                {good, ""},
		"seen":                 {seen, ""},
		"no kind":              {Note{About: "/", Text: good.Text, Source: good.Source}, "kind"},
		"no source":            {Note{Kind: Wrong, About: "/", Text: good.Text}, "source"},
		"script as a source":   {Note{Kind: Source, About: "/", Text: good.Text, Source: "javascript:alert(1)"}, "source"},
		"password in a source": {Note{Kind: Source, About: "/", Text: good.Text, Source: "https://me:secret@example.org/"}, "source"},
		"too short":            {Note{Kind: Source, About: "/", Text: "wrong", Source: good.Source}, "text"},
		"too long":             {Note{Kind: Source, About: "/", Text: strings.Repeat("long ", 1000), Source: good.Source}, "text"},
		"another site":         {Note{Kind: Source, About: "//evil.example/", Text: good.Text, Source: good.Source}, "about"},
		"no page":              {Note{Kind: Source, About: "https://evil.example", Text: good.Text, Source: good.Source}, "about"},
		"no network":           {Note{Kind: Blocked, About: "/", Text: good.Text, CC: "ZZ", SeenDay: "2024-02-19"}, "network"},
		"no such network":      {Note{Kind: Blocked, About: "/", Text: good.Text, CC: "ZZ", Network: "AS9999999999", SeenDay: "2024-02-19"}, "network"},
		"network of number 0":  {Note{Kind: Blocked, About: "/", Text: good.Text, CC: "ZZ", Network: "AS0", SeenDay: "2024-02-19"}, "network"},
		"no country":           {Note{Kind: Blocked, About: "/", Text: good.Text, Network: "AS64512", SeenDay: "2024-02-19"}, "cc"},
		"tomorrow's tomorrow":  {Note{Kind: Blocked, About: "/", Text: good.Text, CC: "ZZ", Network: "AS64512", SeenDay: "2024-03-19"}, "seen_day"},
	} {
		w := row.n.Check(now)
		if row.field == "" && len(w) > 0 || row.field != "" && (len(w) != 1 || w[row.field] == "") {
			t.Errorf("%s: %v, want %q", name, w, row.field)
		}
	}
}

// Nothing of the sender is in what is written, and no time of day.
func TestNothingOfTheSenderIsKept(t *testing.T) {
	b, dir := box(t)
	if _, err := b.Add(note("The court sat on the 21st, as its own list says."), "203.0.113.7:4711"); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if strings.Contains(string(text)+path, "203.0.113") || strings.Contains(string(text), "4711") || strings.Contains(string(text), "12:30") {
			t.Errorf("%s holds something of the sender: %s", path, text)
		}
		return err
	})
	if err != nil || files != 1 {
		t.Errorf("%d files, %v", files, err)
	}
	for who := range b.sender {
		if strings.Contains(string(who[:]), "203.0.113.7") {
			t.Error("the address is in memory")
		}
	}
}

func TestLimits(t *testing.T) {
	b, _ := box(t)
	for i := range maxSender {
		if _, err := b.Add(note(fmt.Sprint("A note that can be checked, number ", i)), "one"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Add(note("A note that is one too many for a sender."), "one"); !errors.Is(err, ErrBusy) {
		t.Errorf("one sender is not limited: %v", err)
	}
	// The same note again is no new one.
	if _, err := b.Add(note("A note that can be checked, number 0"), "one"); err != nil {
		t.Errorf("the same note again: %v", err)
	}
	for i := range maxHour {
		_, err := b.Add(note(fmt.Sprint("A note of many senders, number ", i)), fmt.Sprint("sender ", i))
		if i < maxHour-maxSender && err != nil {
			t.Fatalf("note %d: %v", i, err)
		}
		if i >= maxHour-maxSender && !errors.Is(err, ErrBusy) {
			t.Fatalf("note %d: all senders together are not limited: %v", i, err)
		}
	}
	now = now.Add(time.Hour)
	defer func() { now = now.Add(-time.Hour) }()
	if _, err := b.Add(note("A note of the next hour, which is taken."), "one"); err != nil {
		t.Errorf("in the next hour: %v", err)
	}
}

func TestDecisions(t *testing.T) {
	b, _ := box(t)
	id, err := b.Add(note("The court sat on the 21st, as its own list says."), "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Decide(id, false, " "); err == nil {
		t.Error("a note is refused without a reason")
	}
	if _, err := b.Decide(id, false, "the list is of another court"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Decide(id, true, ""); err == nil {
		t.Error("a decision is changed")
	}
	waiting, err := b.List("new")
	refused, err2 := b.List("refused")
	if err != nil || err2 != nil || len(waiting) != 0 || len(refused) != 1 || refused[0].Decided.Reason != "the list is of another court" {
		t.Errorf("%v %v: %v", err, err2, refused)
	}
	// What was refused does not come back.
	if again, err := b.Add(note("The court sat on the 21st, as its own list says."), "two"); err != nil || again != id {
		t.Errorf("again: %s %v", again, err)
	}
	for _, bad := range []string{"", "../../etc/passwd", "20240220-..", "none", "20240220-000000000000"} {
		if _, err := b.Get(bad); !errors.Is(err, ErrNone) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := b.List("../new"); err == nil {
		t.Error("a folder outside the inbox is listed")
	}
}
