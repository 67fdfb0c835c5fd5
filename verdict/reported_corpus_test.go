package verdict_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/bandish/bandish/internal/reported"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// reportedCases reads the cases that lie in the repository.
func reportedCases(t testing.TB) []reported.Case {
	cases, err := reported.Read(os.DirFS("testdata/reported"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 70 {
		t.Fatalf("%d reported cases, want 70 and more", len(cases))
	}
	return cases
}

// Every reported case is judged as it was said to be right, and what each rule
// has to do with that is counted for docs/rules.md.
func TestReportedCorpus(t *testing.T) {
	var score reported.Score
	fired, wrong := map[string]int{}, map[string]int{}
	for _, c := range reportedCases(t) {
		v, err := c.Judge(observation.Options{Verifier: verifier})
		if err != nil {
			t.Fatal(err)
		}
		score.Add(&c, v.State)
		if !c.Fits(v.State) {
			t.Errorf("%s is %s, right is %v (%s); rules %v", c.Name, v.State, c.Right, c.Source, v.Rules)
		}
		for _, id := range v.Rules {
			fired[id]++
			if blamed(ruleOf(t, id), &v) && !c.Fits(v.State) {
				wrong[id]++
			}
		}
	}
	t.Logf("%d of %d cases right; accusations: %d right, %d false, %d missed: precision %.2f, recall %.2f",
		score.Right, score.Cases, score.Accused, score.False, score.Missed, score.Precision(), score.Recall())
	var counts bytes.Buffer
	fmt.Fprintf(&counts, "rule\tright\twrong\n")
	for _, r := range verdict.Rules() {
		if fired[r.ID] > 0 {
			fmt.Fprintf(&counts, "%s\t%d\t%d\n", r.ID, fired[r.ID]-wrong[r.ID], wrong[r.ID])
		}
	}
	golden(t, "reported.tsv", counts.Bytes())
}

func ruleOf(t testing.TB, id string) *verdict.Rule {
	for _, r := range verdict.Rules() {
		if r.ID == id {
			return &r
		}
	}
	t.Fatalf("no rule %s", id)
	return nil
}

// blamed reports whether a rule that fired is why a verdict is what it is.
func blamed(r *verdict.Rule, v *verdict.Row) bool {
	return r.State == v.State || r.Invalid != "" && r.Invalid == v.Invalid
}

// Every rule fires on some measurement of the corpora, the generated and the
// reported; that it is silent where it must be is what the truths say, and what
// TestEveryRuleSpeaksAndIsSilent shows of each by one change.
func TestEveryRuleFiresInTheCorpora(t *testing.T) {
	fired := map[string]bool{}
	for _, s := range readCorpus(t) {
		for _, id := range verdict.Judge(observe(t, s.line)).Rules {
			fired[id] = true
		}
	}
	for _, c := range reportedCases(t) {
		v, err := c.Judge(observation.Options{Verifier: verifier})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range v.Rules {
			fired[id] = true
		}
	}
	var never []string
	for _, r := range verdict.Rules() {
		if !fired[r.ID] {
			never = append(never, r.ID)
		}
	}
	slices.Sort(never)
	if len(never) > 0 {
		t.Errorf("%d rules fire nowhere: %v", len(never), never)
	}
}
