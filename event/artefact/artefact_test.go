package artefact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/series"
)

const day = 86400

// answers are the votes of one network on so many targets, twice a day by one
// report each, which fails on those that bad names.
func answers(asn uint32, days, targets int, means string, bad func(d, target, report int) bool) []series.Cell {
	var out []series.Cell
	for k := range targets {
		for d := range days {
			for report := range 2 {
				at := int64(d*day + report*12*3600)
				c := series.Cell{CC: "ZZ", Target: fmt.Sprint("site-", k), ASN: asn, Start: at, Span: 3600, Measurements: 1}
				v := series.Voice{Report: asn<<16 + uint32(d*2+report)}
				if bad(d, k, report) {
					c.VoteBlocked, v.Bad, c.FirstBad, c.LastBad = series.Vote, series.Vote, at, at
					c.Tallies = []series.Tally{{Kind: series.Mechanism, Name: means, Bad: series.Vote}}
				} else {
					c.VoteOK, v.OK, c.FirstOK, c.LastOK = series.Vote, series.Vote, at, at
				}
				c.Voices = []series.Voice{v}
				out = append(out, c)
			}
		}
	}
	return out
}

func never(int, int, int) bool { return false }

func within(from, to, targets int) func(int, int, int) bool {
	return func(d, k, _ int) bool { return d >= from && d < to && k < targets }
}

// A failure of nearly everything is a broken probe or line, whose votes are
// taken, unless it spares some, or answers as nothing broken does, or no other
// network is there to compare with.
func TestDefects(t *testing.T) {
	// half of network 1's reports fail from day 20 to day 25
	half := func(d, _, report int) bool { return d >= 20 && d < 25 && report == 0 }
	for _, c := range []struct {
		name  string
		cells [][]series.Cell
		bans  int // failures that are bans
		left  int // bad votes that are left
	}{
		{"one of two networks fails on everything", [][]series.Cell{answers(1, 60, 8, "tls.reset", within(20, 25, 8)), answers(2, 60, 8, "", never)}, 0, 0},
		{"on six of eight targets", [][]series.Cell{answers(1, 60, 8, "tls.reset", within(20, 25, 6)), answers(2, 60, 8, "", never)}, 0, 60},
		{"on eight of ten targets, and the two others work", [][]series.Cell{answers(1, 60, 10, "tls.reset", within(20, 25, 8)), answers(2, 60, 10, "", never)}, 1, 80},
		{"on everything, with a page that says so", [][]series.Cell{answers(1, 60, 8, "http.blockpage", within(20, 25, 8)), answers(2, 60, 8, "", never)}, 1, 80},
		{"on five targets, and no others are measured", [][]series.Cell{answers(1, 60, 5, "tls.reset", within(20, 25, 5)), answers(2, 60, 5, "", never)}, 0, 50},
		{"the only network fails on everything", [][]series.Cell{answers(1, 60, 8, "tls.reset", within(20, 25, 8))}, 1, 80},
		{"the only network does, from noon of a day on", [][]series.Cell{answers(1, 60, 8, "tls.reset", func(d, _, report int) bool { return d == 20 && report == 1 || d > 20 && d < 25 })}, 1, 72},
		{"the only two networks do", [][]series.Cell{answers(1, 60, 8, "tls.reset", within(20, 25, 8)), answers(2, 60, 8, "tls.reset", within(20, 25, 8))}, 2, 160},
		{"two of three networks do", [][]series.Cell{answers(1, 60, 8, "tls.reset", within(20, 25, 8)), answers(2, 60, 8, "tls.reset", within(20, 25, 8)), answers(3, 60, 8, "", never)}, 0, 0},
		{"three networks do: it is no probe", [][]series.Cell{answers(1, 60, 8, "tls.reset", within(20, 25, 8)), answers(2, 60, 8, "tls.reset", within(20, 25, 8)), answers(3, 60, 8, "tls.reset", within(20, 25, 8))}, 0, 240},
		{"one of two probes of a network does", [][]series.Cell{answers(1, 60, 8, "tls.reset", half), answers(2, 60, 8, "", never)}, 0, 0},
		{"always: it is not otherwise fine", [][]series.Cell{answers(1, 60, 8, "tls.reset", within(0, 60, 8)), answers(2, 60, 8, "", never)}, 0, 960},
	} {
		var cells []series.Cell
		for _, more := range c.cells {
			cells = append(cells, more...)
		}
		series.Sort(cells)
		failures, _ := artefact.Defects(cells)
		bans, left := 0, 0
		for _, f := range failures {
			if ban, _ := f.Ban(); ban {
				bans++
			}
		}
		for i := range cells {
			left += int(cells[i].VoteBlocked) / series.Vote
		}
		if bans != c.bans || left != c.left {
			t.Errorf("%s: %d bans and %d bad votes left, want %d and %d (%d failures)", c.name, bans, left, c.bans, c.left, len(failures))
		}
	}
}

// While an event lasts, nearly all of the other targets may fail, too.
func TestDuring(t *testing.T) {
	for failing, want := range map[int]bool{5: true, 4: true, 3: false, 1: false} {
		cells := answers(1, 60, 5, "tls.reset", within(20, 25, failing))
		series.Sort(cells)
		if got := artefact.During(cells, 1, 20*day, 25*day) != nil; got != want {
			t.Errorf("%d of 5 targets fail: a failure: %v", failing, got)
		}
	}
	if artefact.During(answers(1, 60, 4, "tls.reset", within(20, 25, 4)), 1, 20*day, 25*day) != nil {
		t.Error("four targets are enough")
	}
}

// A change follows a label where it changes nothing within the label, or where
// all changed from one label to another with it.
func TestFollows(t *testing.T) {
	r := func(beforeBad, beforeOK, afterBad, afterOK float64) *artefact.Ratio {
		return &artefact.Ratio{BeforeBad: beforeBad, BeforeOK: beforeOK, AfterBad: afterBad, AfterOK: afterOK}
	}
	old, next := artefact.Label{Net: 0, Name: "1.0"}, artefact.Label{Net: 0, Name: "2.0"}
	for _, c := range []struct {
		name string
		by   map[artefact.Label]*artefact.Ratio
		want string
	}{
		{"one label throughout", map[artefact.Label]*artefact.Ratio{old: r(1, 20, 20, 1)}, ""},
		{"the new label fails, the old one works on", map[artefact.Label]*artefact.Ratio{old: r(1, 20, 1, 20), next: r(0, 0, 20, 0)}, "follows"},
		{"both fail", map[artefact.Label]*artefact.Ratio{old: r(1, 20, 20, 1), next: r(0, 0, 20, 0)}, ""},
		{"one label before, another after", map[artefact.Label]*artefact.Ratio{old: r(1, 20, 0, 0), next: r(0, 0, 20, 1)}, "coincides"},
		{"many labels after", map[artefact.Label]*artefact.Ratio{old: r(1, 20, 0, 0), next: r(0, 0, 10, 1), {Net: 0, Name: "3.0"}: r(0, 0, 10, 1)}, ""},
		{"hardly anything before", map[artefact.Label]*artefact.Ratio{old: r(0, 3, 0, 0), next: r(0, 0, 20, 1)}, ""},
		{"hardly anything after", map[artefact.Label]*artefact.Ratio{old: r(1, 20, 0, 0), next: r(0, 0, 2, 0)}, ""},
		{"the others' label stays", map[artefact.Label]*artefact.Ratio{old: r(1, 20, 0, 0), next: r(0, 0, 20, 1), {Net: 1, Name: "1.0"}: r(1, 20, 20, 1)}, ""},
		{"nothing", nil, ""},
	} {
		if got := artefact.Follows(series.Software, c.by); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDNSOnly(t *testing.T) {
	for _, c := range []struct {
		of   []string
		want bool
	}{{[]string{"dns.nxdomain", "dns"}, true}, {[]string{"dns", "tls.reset"}, false}, {nil, false}} {
		if artefact.DNSOnly(c.of) != c.want {
			t.Errorf("%v: not %v", c.of, c.want)
		}
	}
}
