package casefile

import (
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"
)

func entry(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

// What is inserted stands at the end of its list; every line that was there
// before is there still, in its order.
func TestInsert(t *testing.T) {
	one := "id: new\nwhat: |\n  two\n  lines\n"
	for _, test := range []struct{ name, before, want string }{
		{"no list", "id: zz-2026-x # the id\n", "id: zz-2026-x # the id\n\nacts:\n  - id: new\n    what: |\n      two\n      lines\n"},
		{"no newline at the end", "id: zz-2026-x", "id: zz-2026-x\n\nacts:\n  - id: new\n    what: |\n      two\n      lines\n"},
		{"empty list", "acts: [] # none yet\n#  - id: letter\n\nclaims: []\n", "acts: # none yet\n  - id: new\n    what: |\n      two\n      lines\n#  - id: letter\n\nclaims: []\n"},
		{"null", "acts:\nclaims: []\n", "acts:\n  - id: new\n    what: |\n      two\n      lines\nclaims: []\n"},
		{"list", "acts:\n  - id: a\n    what: >\n      folded\n\n      text\n    # about a\n\n# claims follow\nclaims: []\n", "acts:\n  - id: a\n    what: >\n      folded\n\n      text\n    # about a\n  - id: new\n    what: |\n      two\n      lines\n\n# claims follow\nclaims: []\n"},
		{"spaced list at the margin", "acts:\n- {id: a}\n\n- {id: b}\n", "acts:\n- {id: a}\n\n- {id: b}\n\n- id: new\n  what: |\n    two\n    lines\n"},
	} {
		got, err := insert([]byte(test.before), "acts", []*yaml.Node{entry(t, one)})
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", test.name, err, got, test.want)
		}
	}
	for _, wrong := range []string{"acts: [{id: a}]\n", "acts: text\n", "{acts: []}\n", "acts: [\n"} {
		if got, err := insert([]byte(wrong), "acts", []*yaml.Node{entry(t, one)}); err == nil {
			t.Errorf("%q is no place for an entry, but: %s", wrong, got)
		}
	}
}

// A list stays in the file in which it stands.
func TestInsertChoosesTheFile(t *testing.T) {
	r, err := Load(fstest.MapFS{
		"zz-2026-x/case.yaml": {Data: []byte("id: zz-2026-x\nutc_offset: \"+00:00\"\n")},
		"zz-2026-x/acts.yaml": {Data: []byte("acts:\n  - {id: a}\n")},
	}, "records")
	if err != nil {
		t.Fatal(err)
	}
	changed, err := r.Case("zz-2026-x").Insert(Additions{"acts": {entry(t, "id: b")}, "claims": {entry(t, "id: c")}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(changed["records/zz-2026-x/acts.yaml"]); got != "acts:\n  - {id: a}\n  - id: b\n" {
		t.Errorf("acts: %s", got)
	}
	if got := string(changed["records/zz-2026-x/case.yaml"]); !strings.HasSuffix(got, "\nclaims:\n  - id: c\n") {
		t.Errorf("claims: %s", got)
	}
	if _, err := r.Case("zz-2026-x").Insert(Additions{"deeds": {entry(t, "id: b")}}); err == nil {
		t.Error("a case has no deeds")
	}
}

// Whatever the file, an insertion loses none of its lines and adds one entry.
func FuzzInsert(f *testing.F) {
	f.Add("acts:\n  - id: a\n# x\nclaims: []\n")
	f.Add("acts: []\n")
	f.Add("a: 1\nacts:\n- id: a\n  what: |\n   x\n\n   y\nb: 2")
	f.Fuzz(func(t *testing.T, text string) {
		var before struct{ Acts []any }
		if yaml.Unmarshal([]byte(text), &before) != nil || strings.ContainsAny(text, "\r\t\u0085\u2028\u2029") || strings.Contains(text, "---") || strings.Contains(text, "...") {
			return
		}
		got, err := insert([]byte(text), "acts", []*yaml.Node{entry(t, "id: new")})
		if err != nil {
			return
		}
		var after struct{ Acts []any }
		if err := yaml.Unmarshal(got, &after); err != nil {
			return // refused by the lint that follows
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "acts") && !strings.Contains(string(got), line) {
				t.Errorf("%q lost the line %q: %q", text, line, got)
			}
		}
	})
}
