package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/verdict"
)

// The truth of the lab: three networks of ZZ block X from 17 February 2024,
// 08:00, until 6 May, 12:00. Another platform is never blocked.
var (
	labLost     = time.Date(2024, 2, 17, 8, 0, 0, 0, time.UTC)
	labReturned = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)
)

func labVerdicts() []verdict.Row {
	var out []verdict.Row
	for at := time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC); at.Before(time.Date(2024, 5, 31, 0, 0, 0, 0, time.UTC)); at = at.Add(6 * time.Hour) {
		for n := range 3 {
			for _, target := range []string{"x", "whatsapp"} {
				id := len(out)
				r := verdict.Row{
					UID: fmt.Sprintf("%s.%06d_ZZ_webconnectivity_%016x", at.Format("20060102150405"), id%1000000, id), ReportID: fmt.Sprintf("lab-%d-%d", at.Unix(), n),
					Time: at, CC: "ZZ", ASN: 64512 + uint32(n), TestName: "web_connectivity", Software: "lab/1", Target: target, Domain: target + ".test",
					State: verdict.OK, Ruleset: "test", Rules: []string{}, TLS: verdict.Layer{Outcome: verdict.OutcomeOK, Rule: "T1"},
				}
				if target == "x" && !at.Before(labLost) && at.Before(labReturned) {
					r.State, r.TLS = verdict.LikelyBlocked, verdict.Layer{Outcome: verdict.OutcomeBlocked, Rule: "T2"}
					r.Mechanisms, r.Rules = []string{"tls.reset"}, []string{"T2"}
				}
				out = append(out, r)
			}
		}
	}
	return out
}

// labData makes a data folder with verdicts in its archive.
func labData(t *testing.T, rows []verdict.Row) string {
	t.Helper()
	dir := t.TempDir()
	a, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	byDay := map[string][]verdict.Row{}
	for _, r := range rows {
		byDay[r.Time.Format(time.DateOnly)] = append(byDay[r.Time.Format(time.DateOnly)], r)
	}
	err = a.Update(context.Background(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "test"
		for day, rows := range byDay {
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: day, Ruleset: "test"}, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		_, err = (&pipeline.Pipeline{Archive: a}).Count(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// bandishJSON runs a command and reads its JSON.
func bandishJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &environment{stdin: &bytes.Buffer{}, stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}
	if code := run(context.Background(), env, append(args, "--json")); code != 0 {
		t.Fatalf("bandish %v: exit %d\n%s", args, code, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("bandish %v: %v\n%s", args, err, out.String())
	}
}

// The commands answer claims from the archive: the lab's case over verdicts
// whose truth is known.
func TestClaimsFromArchive(t *testing.T) {
	data, lab := labData(t, labVerdicts()), filepath.Join("..", "..", "casefile", "testdata", "lab")
	var claims struct{ Answers []casefile.Answer }
	bandishJSON(t, &claims, "claims", "--case", "zz-2024-x", "--data", data, "--records", lab)
	wants := map[string]struct {
		verdict casefile.Verdict
		from    casefile.From
	}{
		"working": {casefile.Contradicted, casefile.FromMeasurements}, "blocked": {casefile.Supported, casefile.FromMeasurements},
		"back": {casefile.Supported, casefile.FromMeasurements}, "back-early": {casefile.Contradicted, casefile.FromMeasurements},
		"one-network": {casefile.Contradicted, casefile.FromMeasurements}, "in-part": {casefile.Contradicted, casefile.FromMeasurements},
		"nobody-looked": {casefile.Untested, casefile.FromSources}, "no-time": {casefile.Untested, casefile.FromNothing},
		"first-day": {casefile.Mixed, casefile.FromMeasurements}, // 2 of 4 measurements of the day were before it began
	}
	seen := 0
	for _, a := range claims.Answers {
		want, ok := wants[a.Claim]
		if !ok {
			continue
		}
		seen++
		if a.Verdict != want.verdict || a.AnsweredFrom != want.from {
			t.Errorf("%s: %s from %s (%s), want %s from %s", a.Claim, a.Verdict, a.AnsweredFrom, a.Reason, want.verdict, want.from)
		}
		if a.Claim == "working" && (a.Measured.Blocked != 12 || len(a.Measured.Networks) != 3 || a.Measured.Reports != 12) {
			t.Errorf("working: %d blocked on %d networks in %d reports", a.Measured.Blocked, len(a.Measured.Networks), a.Measured.Reports)
		}
	}
	if seen != len(wants) {
		t.Errorf("%d of %d claims were answered", seen, len(wants))
	}

	var shown casefile.Case
	bandishJSON(t, &shown, "record", "show", "zz-2024-x", "--data", data, "--records", lab)
	for _, p := range shown.Computed.Clock.Points {
		truth, wanted := map[casefile.Turn]time.Time{casefile.Lost: labLost, casefile.Returned: labReturned}[p.Turn]
		if !wanted {
			continue
		}
		from, to := p.Date.Bounds(time.UTC)
		if p.From != casefile.FromMeasurements || truth.Before(from.Add(-24*time.Hour)) || truth.After(to.Add(24*time.Hour)) || to.Sub(from) > 72*time.Hour {
			t.Errorf("%s: %s from %s, truth %s", p.Turn, p.Date, p.From, truth)
		}
	}

	var answer casefile.Answer
	bandishJSON(t, &answer, "check", "--target", "x", "--cc", "ZZ", "--at", "2024-03-13", "--claim", "accessible", "--data", data, "--records", lab)
	if answer.Verdict != casefile.Contradicted || answer.AnsweredFrom != casefile.FromMeasurements || len(answer.Measured.Networks) == 0 {
		t.Errorf("check: %+v", answer)
	}
	bandishJSON(t, &answer, "check", "--target", "whatsapp", "--cc", "ZZ", "--at", "2024-03-01/2024-03-31", "--claim", "accessible", "--asn", "AS64513", "--data", data, "--records", lab)
	if answer.Verdict != casefile.Supported || answer.Measured.OK != 124 || len(answer.Measured.Networks) != 1 {
		t.Errorf("check of a month: %s, %+v", answer.Verdict, answer.Measured)
	}
}
