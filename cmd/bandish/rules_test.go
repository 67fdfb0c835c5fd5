package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
)

// Two rulesets in one archive: what changed, by country and target.
func TestRulesDiff(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	a, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)
	row := func(uid string, state verdict.State) verdict.Row {
		return verdict.Row{UID: uid, Time: day, CC: "ZZ", ASN: 64512, TestName: "web_connectivity", Target: "x", State: state}
	}
	err = a.Update(context.Background(), func(u *archive.Update) error {
		for ruleset, rows := range map[string][]verdict.Row{
			"1-old": {row("a", verdict.OK), row("b", verdict.Impaired), row("c", verdict.Impaired)},
			"2-new": {row("a", verdict.OK), row("b", verdict.LikelyBlocked), row("c", verdict.LikelyBlocked)},
		} {
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: "2024-02-17", Ruleset: ruleset}, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	bandish := func(args ...string) (string, string, int) {
		var out, errs bytes.Buffer
		code := run(context.Background(), &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: os.Getenv}, args)
		return out.String(), errs.String(), code
	}
	out, errs, code := bandish("rules", "diff", "1-old", "2-new", "--data", dir)
	if code != 0 || !strings.Contains(out, "2 measurements change, 1 do not") || !strings.Contains(out, "impaired → likely_blocked  2") {
		t.Errorf("%d: %s%s", code, out, errs)
	}
	out, _, _ = bandish("rules", "diff", "1-old", "2-new", "--data", dir, "--json")
	if !strings.Contains(out, `"same": 1`) || !strings.Contains(out, `"measurements": 2`) {
		t.Error(out)
	}
	if _, errs, code = bandish("rules", "diff", "1-old", "3-none", "--data", dir); code != 1 || !strings.Contains(errs, "[1-old 2-new]") {
		t.Errorf("%d: %s", code, errs)
	}
}
