package verdict_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/bandish/bandish/verdict"
)

func TestRulesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range verdict.Rules() {
		if seen[r.ID] {
			t.Errorf("%s: the id is used twice", r.ID)
		}
		seen[r.ID] = true
		if r.Sentence == "" || r.Basis == "" || r.Layer == "" {
			t.Errorf("%s: sentence, basis and layer must be there", r.ID)
		}
		if r.State == verdict.Blocked && !r.Determinate {
			t.Errorf("%s: only what settles it alone argues for blocked", r.ID)
		}
		if (r.Invalid == "") == (r.Outcome == "") {
			t.Errorf("%s: want an outcome or a reason to be invalid", r.ID)
		}
		if m, open := strings.CutSuffix(r.Mechanism, ".*"); m != "" && m != "*" && verdict.MechanismWords(m) == "" || open && verdict.MechanismWords(m+".reset.sni") == "" {
			t.Errorf("%s: its mechanism %s has no words", r.ID, r.Mechanism)
		}
		if r.Outcome == verdict.OutcomeBlocked && r.Mechanism == "" {
			t.Errorf("%s: blocking needs a mechanism", r.ID)
		}
	}
}

func TestRulesPageIsUpToDate(t *testing.T) {
	const path = "../docs/rules.md"
	if *update {
		if err := os.WriteFile(path, verdict.Document(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, verdict.Document()) {
		t.Errorf("%s is out of date: bandish rules --markdown > docs/rules.md", path)
	}
}

func TestChanges(t *testing.T) {
	row := func(uid, cc string, s verdict.State) verdict.Row {
		return verdict.Row{UID: uid, CC: cc, Target: "x", State: s}
	}
	var c verdict.Changes
	c.Add([]verdict.Row{row("a", "ZZ", verdict.OK), row("b", "ZZ", verdict.OK), row("c", "ZZ", verdict.Down)},
		[]verdict.Row{row("b", "ZZ", verdict.Blocked), row("a", "ZZ", verdict.OK), row("d", "ZZ", verdict.OK)})
	c.Add([]verdict.Row{row("e", "ZZ", verdict.OK)}, []verdict.Row{row("e", "ZZ", verdict.Blocked)})
	want := []verdict.Transition{
		{CC: "ZZ", Target: "x", Old: "", New: verdict.OK, Measurements: 1},
		{CC: "ZZ", Target: "x", Old: verdict.Down, New: "", Measurements: 1},
		{CC: "ZZ", Target: "x", Old: verdict.OK, New: verdict.Blocked, Measurements: 2},
	}
	got := c.Transitions()
	if c.Same != 1 || len(got) != len(want) {
		t.Fatalf("same %d, %+v", c.Same, got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func TestMechanismWords(t *testing.T) {
	for mechanism, want := range map[string]string{
		"tls.reset.sni": "the encrypted connection is reset when the site's name is seen",
		"tcp.timeout":   "the connection times out",
		"dns.nxdomain":  "the name lookup answers that the name does not exist",
		"dns":           "the name lookup fails",
		"quic.error":    "the QUIC connection fails",
		"of.nothing":    "",
		"":              "",
	} {
		if got := verdict.MechanismWords(mechanism); got != want {
			t.Errorf("%q is %q, want %q", mechanism, got, want)
		}
	}
}
