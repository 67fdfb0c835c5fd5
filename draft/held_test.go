package draft_test

import (
	"os"
	"path/filepath"
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
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no answers in %s: %v", dir, err)
	}
	var all score
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
		d := draft.Read(text, realNames(t))
		t.Log(filepath.Base(file))
		checkDraft(t, text, d)
		all.add(report(t, measure(&a, d)))
	}
	t.Logf("all texts: %s", all.String())
}
