package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	visits := trial.DemoVisits(end, 1)
	if want := 28 * 3 * 4; len(visits) != want {
		t.Fatalf("%d visits, want %d", len(visits), want)
	}
	// x.com in the last days, as one of its networks cuts the name, and telegram.org
	// while one network is dark.
	days, darkDays := 9, 0
	if os.Getenv("BANDISH_LONG") != "" {
		days = 14
	}
	visits = slices.DeleteFunc(visits, func(v trial.Visit) bool {
		if v.Dark && v.Input == "https://telegram.org/" {
			darkDays++
			return false
		}
		return v.Input != "https://x.com/" || v.Time.Before(end.AddDate(0, 0, -days))
	})
	if darkDays != 2 {
		t.Fatalf("%d dark days of telegram.org, want 2", darkDays)
	}
	done := 0
	if err := demo(t.Context(), p, visits, func(n, of int) { done = n }); err != nil {
		t.Fatal(err)
	}
	if done != len(visits) {
		t.Errorf("%d measurements were told of, want %d", done, len(visits))
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, b := range m.Batches() {
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

// A demonstration is made in an empty folder only, once, and whole.
func TestDemoWanted(t *testing.T) {
	dir := t.TempDir()
	p, err := openPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	write := func(mark string) {
		if err := os.WriteFile(filepath.Join(dir, demoMark), []byte(mark), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if wanted, err := demoWanted(p, dir); err != nil || !wanted {
		t.Errorf("an empty folder: %v, %v", wanted, err)
	}
	write(demoMade)
	if wanted, err := demoWanted(p, dir); err != nil || wanted {
		t.Errorf("made: %v, %v", wanted, err)
	}
	write(demoMaking)
	if _, err := demoWanted(p, dir); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("cut short: %v", err)
	}
}

// serve --demo is ready in seconds: the packed history is taken in as the lab's
// own would be.
func TestDemonstration(t *testing.T) {
	dir := t.TempDir()
	p, err := openPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := &environment{stdout: &out, stderr: &out, getenv: func(string) string { return "" }, data: dir}
	began := time.Now()
	if err := demonstration(t.Context(), env, p); err != nil {
		t.Fatal(err)
	}
	t.Logf("%v: %s", time.Since(began), &out)
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, b := range m.Batches() {
		kept += b.Documents
	}
	if want := len(trial.DemoVisits(began, trial.PackedPerDay)); kept != want {
		t.Errorf("%d measurements are kept, want %d", kept, want)
	}
	out.Reset()
	if code := run(t.Context(), env, []string{"status", "--cc", "ZZ", "--target", "x", "--data", dir, "--json"}); code != 0 || !strings.Contains(out.String(), `"state": "blocked"`) && !strings.Contains(out.String(), `"state": "likely_blocked"`) {
		t.Errorf("status: exit code %d: %s", code, &out)
	}
	// A second start makes nothing.
	if err := demonstration(t.Context(), env, p); err != nil {
		t.Fatal(err)
	}
	if again, err := p.Archive.Manifest(); err != nil || again.Generation != m.Generation {
		t.Errorf("a second start changes the archive: generation %d, was %d; %v", again.Generation, m.Generation, err)
	}
}
