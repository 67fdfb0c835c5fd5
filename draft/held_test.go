package draft_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/bandish/bandish/draft"
)

// Texts that stay outside the repository, in $BANDISH_DRAFT_TEXTS: name.txt
// with its hand-made answer in name.yaml. It prints how well they are read.
func TestOtherTexts(t *testing.T) {
	dir := os.Getenv("BANDISH_DRAFT_TEXTS")
	if dir == "" {
		t.Skip("BANDISH_DRAFT_TEXTS names no folder of texts")
	}
	all, _ := measureFolder(t, dir, true)
	t.Logf("all texts: %s", all.String())
}

// Eight invented texts of the genre, with answers that were written before
// the rules were run on them. The rules were mended on the four in tuned,
// never on the four in held, whose misses are therefore not printed.
func TestInventedTexts(t *testing.T) {
	for _, half := range []struct {
		folder            string
		recall, precision float64 // floors, a little below what was measured
	}{
		{"tuned", 0.95, 0.92},
		{"held", 0.80, 0.88},
	} {
		all, parts := measureFolder(t, filepath.Join("testdata", half.folder), half.folder == "tuned")
		for _, part := range slices.Sorted(maps.Keys(parts)) {
			t.Logf("%s: %-8s %s", half.folder, part, parts[part].String())
		}
		t.Logf("%s: all      %s", half.folder, all.String())
		if all.recall() < half.recall || all.precision() < half.precision {
			t.Errorf("%s: recall %.2f or precision %.2f fell below %.2f and %.2f", half.folder, all.recall(), all.precision(), half.recall, half.precision)
		}
	}
}

// measureFolder reads every text of a folder and holds it against its answer.
func measureFolder(t *testing.T, dir string, misses bool) (all score, parts map[string]*score) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no answers in %s: %v", dir, err)
	}
	parts = make(map[string]*score)
	names := realNames(t)
	for _, file := range files {
		answers, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := yaml.Unmarshal(answers, &a); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		text := textOf(t, content, a.Published)
		d := draft.Read(text, names)
		t.Log(filepath.Base(file))
		checkDraft(t, text, d)
		scores := measure(&a, d)
		if misses {
			report(t, scores)
		}
		for part, s := range scores {
			if parts[part] == nil {
				parts[part] = new(score)
			}
			parts[part].add(s)
			all.add(s)
		}
	}
	return all, parts
}
