package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/trial"
)

// TestLabDemo: the demo's measurements go through the probe and the collector
// into the archive, at their own times, and status tells the story again.
func TestLabDemo(t *testing.T) {
	t.Parallel() // mostly waits
	dir := t.TempDir()
	p, err := openPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	visits := trial.History(end, 1)
	if want := 28 * 3 * 4; len(visits) != want {
		t.Fatalf("%d visits, want %d", len(visits), want)
	}
	// x.com in the second fortnight, as one of its networks cuts the name, and
	// telegram.org while one network is dark.
	darkDays := 0
	visits = slices.DeleteFunc(visits, func(v trial.Visit) bool {
		if v.Dark && v.Input == "https://telegram.org/" {
			darkDays++
			return false
		}
		return v.Input != "https://x.com/" || v.Time.Before(end.AddDate(0, 0, -14))
	})
	if darkDays != 2 {
		t.Fatalf("%d dark days of telegram.org, want 2", darkDays)
	}
	if err := demo(t.Context(), p, visits); err != nil {
		t.Fatal(err)
	}
	if err := settle(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, b := range m.Batches {
		kept += b.Documents
	}
	if kept != len(visits) {
		t.Errorf("%d measurements kept of %d submitted", kept, len(visits))
	}
	var out, errs bytes.Buffer
	env := &environment{stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}
	if code := run(t.Context(), env, []string{"status", "--cc", "ZZ", "--target", "x", "--data", dir, "--json"}); code != 0 {
		t.Fatalf("status: exit code %d: %s", code, errs.String())
	}
	var status struct {
		Networks []struct {
			ASN   uint32 `json:"probe_asn"`
			State string `json:"state"`
		} `json:"networks"`
	}
	if err := json.Unmarshal(out.Bytes(), &status); err != nil {
		t.Fatal(err)
	}
	// What was measured in the dark arrived later and says nothing of the site.
	var dark bytes.Buffer
	env.stdout = &dark
	if code := run(t.Context(), env, []string{"status", "--cc", "ZZ", "--target", "telegram", "--since", "2026-02-06", "--until", "2026-02-08", "--data", dir, "--json"}); code != 0 {
		t.Fatalf("status: exit code %d: %s", code, errs.String())
	}
	var seen struct {
		Days []struct {
			State        string `json:"state"`
			Measurements int    `json:"measurements"`
		} `json:"days"`
	}
	if err := json.Unmarshal(dark.Bytes(), &seen); err != nil || len(seen.Days) != 2 {
		t.Errorf("in the dark: %v\n%s", err, &dark)
	}
	for _, d := range seen.Days {
		if d.State != "insufficient" || d.Measurements != 1 {
			t.Errorf("in the dark: %+v", d)
		}
	}
	got := map[uint32]string{}
	for _, n := range status.Networks {
		got[n.ASN] = n.State
	}
	want := map[uint32]string{64512: "ok", 64513: "likely_blocked", 64514: "ok"}
	for asn, state := range want {
		if got[asn] != state {
			t.Errorf("AS%d is %q, want %q\n%s", asn, got[asn], state, out.String())
		}
	}
}
