package series

import (
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/verdict"
)

// history writes the days of one network: a letter a measurement of its own
// report, b likely blocked, B blocked, o ok, d down, i impaired, n insufficient;
// "-" is a day without any.
func history(asn uint32, days ...string) []verdict.Row {
	states := map[rune]verdict.State{'b': verdict.LikelyBlocked, 'B': verdict.Blocked, 'o': verdict.OK, 'd': verdict.Down, 'i': verdict.Impaired, 'n': verdict.Insufficient}
	var out []verdict.Row
	for d, day := range days {
		for i, c := range day {
			if s, ok := states[c]; ok {
				at := time.Date(2024, 2, 1+d, i, 0, 0, 0, time.UTC)
				name := at.Format(time.RFC3339) + " " + string(rune('A'+asn%26))
				r := verdict.Row{UID: name, ReportID: name, Time: at, CC: "ZZ", ASN: asn, Target: "x", State: s, Ruleset: "t"}
				if s == verdict.LikelyBlocked || s == verdict.Blocked {
					r.Mechanisms = []string{"tls.reset"}
				}
				out = append(out, r)
			}
		}
	}
	return out
}

func cellsOf(rows ...[]verdict.Row) []Cell {
	return Build(slices.Values(slices.Concat(rows...)), Day)
}

func TestStandOfOneNetwork(t *testing.T) {
	for _, c := range []struct {
		name     string
		days     []string
		state    verdict.State
		since    string // latest bound, "" for none
		earliest string
	}{
		{"too little", []string{"bb"}, verdict.Insufficient, "", ""},
		{"blocked from the first day", []string{"bbb"}, verdict.LikelyBlocked, "2024-02-01T00:00:00Z", ""},
		{"an artefact", []string{"BBb"}, verdict.Blocked, "2024-02-01T00:00:00Z", ""},
		{"ok", []string{"ooo", "oo"}, verdict.OK, "2024-02-01T00:00:00Z", ""},
		{"a ban of three days is not outvoted", []string{"oooo", "oooo", "oooo", "bb", "bb", "bb"}, verdict.LikelyBlocked, "2024-02-04T00:00:00Z", "2024-02-03T03:00:00Z"},
		{"days without data widen the bounds", []string{"ooo", "-", "-", "bbb"}, verdict.LikelyBlocked, "2024-02-04T00:00:00Z", "2024-02-01T02:00:00Z"},
		{"a lull of a day is no end", []string{"ooo", "bbb", "bbb", "oo", "bbb", "bbb"}, verdict.LikelyBlocked, "2024-02-02T00:00:00Z", "2024-02-01T02:00:00Z"},
		{"restored", []string{"bbb", "bbb", "ooo", "ooo"}, verdict.OK, "2024-02-03T00:00:00Z", "2024-02-02T02:00:00Z"},
		{"half and half is unclear", []string{"bobobo"}, verdict.Impaired, "", ""},
		{"down", []string{"ddd"}, verdict.Down, "", ""},
		{"insufficient ones do not count towards the floor", []string{"nnnnnn"}, verdict.Insufficient, "", ""},
		{"old measurements say nothing of now", []string{"bbbbbb", "-", "-", "-", "-", "-", "-", "-", "-", "b"}, verdict.Insufficient, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, networks := Stand(cellsOf(history(64512, c.days...)), time.Time{})
			if all.State != c.state || len(networks) != 1 || networks[0].State != c.state {
				t.Fatalf("%s, networks %+v; want %s", all.State, networks, c.state)
			}
			if (c.state == verdict.Insufficient) != (all.Missing != "") {
				t.Errorf("missing is %q", all.Missing)
			}
			got, early := "", ""
			if !all.Since.Latest.IsZero() {
				got = all.Since.Latest.Format(time.RFC3339)
			}
			if !all.Since.Earliest.IsZero() {
				early = all.Since.Earliest.Format(time.RFC3339)
			}
			if got != c.since || early != c.earliest {
				t.Errorf("since %q to %q, want %q to %q", early, got, c.earliest, c.since)
			}
		})
	}
}

func TestStandOfSeveralNetworks(t *testing.T) {
	cells := cellsOf(history(64512, "ooo", "bbbbb"), history(64513, "ooo", "ooo"), history(64514, "b"))
	all, networks := Stand(cells, time.Time{})
	if all.State != verdict.LikelyBlocked || !all.Partial || len(networks) != 3 {
		t.Fatalf("%+v", all)
	}
	if networks[0].State != verdict.LikelyBlocked || networks[1].State != verdict.OK || networks[2].State != verdict.Insufficient {
		t.Errorf("%s %s %s", networks[0].State, networks[1].State, networks[2].State)
	}
	if networks[0].Mechanisms[0] != "tls.reset" || len(networks[0].Evidence) == 0 {
		t.Errorf("%+v", networks[0])
	}
	if s, n := Stand(nil, time.Time{}); s.State != verdict.Insufficient || n != nil || s.Missing == "" {
		t.Errorf("of nothing: %+v", s)
	}
}

// One report, however large, on however many days and networks, never makes a
// state, nor outvotes others.
func TestOneReportConcludesNothing(t *testing.T) {
	one := func(rows []verdict.Row) []verdict.Row {
		for i := range rows {
			rows[i].ReportID = "one"
		}
		return rows
	}
	for name, rows := range map[string][]verdict.Row{
		"in a day":         history(64512, "bbbbbbbbbbbbbbbbbbbbbbbb"),
		"on many days":     history(64512, "bbb", "bbb", "bbb", "bbb"),
		"on many networks": slices.Concat(history(64512, "bbb"), history(64513, "bbb"), history(64514, "bbb")),
	} {
		s, networks := Stand(cellsOf(one(rows)), time.Time{})
		if s.State != verdict.Insufficient || s.Reports != 1 {
			t.Errorf("%s: one report made it %s of %d reports", name, s.State, s.Reports)
		}
		for _, n := range networks {
			if n.State != verdict.Insufficient {
				t.Errorf("%s: one report made AS%d %s", name, n.ASN, n.State)
			}
		}
	}
	sparse := slices.Concat(history(64512, "o", "o", "o"), one(history(64512, "-bbb", "-bbb", "-bbb", "-bbb")))
	if s, _ := Stand(cellsOf(sparse), time.Time{}); isBlocked(s.State) {
		t.Errorf("one report against three made it %s", s.State)
	}
}

// A network that nobody else knows, with two reports, does not make the
// country's headline.
func TestTwoReportsFromElsewhereAreNoHeadline(t *testing.T) {
	s, _ := Stand(cellsOf(history(64512, "oooooo", "oooooo"), history(64999, "bb", "bb")), time.Time{})
	if s.State != verdict.OK || !s.Partial {
		t.Errorf("%+v", s)
	}
}

// The answer as of a day knows nothing of later days.
func TestStandAsOf(t *testing.T) {
	cells := cellsOf(history(64512, "ooo", "ooo", "bbb", "bbb"))
	s, _ := Stand(cells, time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC))
	if s.State != verdict.OK || s.Measurements != 6 {
		t.Errorf("as of the second day: %+v", s)
	}
}
