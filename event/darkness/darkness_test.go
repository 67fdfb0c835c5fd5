package darkness_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/bandish/bandish/event/darkness"
	"github.com/bandish/bandish/event/parameter"
	"github.com/bandish/bandish/series"
)

// place is how a network is heard: in so many hours of each day, evenly, through
// so many probes.
type place struct {
	perDay int
	probes int
	silent [2]int // hours since the beginning, from one to the other
	share  int    // per cent of the votes that the second probe has; 0: 50
}

const begin = 1704067200 // 2024-01-01

// cells are those of a country whose networks are heard so for so many days.
func cells(days, targets int, places ...place) []series.Cell {
	var out []series.Cell
	for k := range targets {
		for n, p := range places {
			for hour := range days * 24 {
				if hour%24*p.perDay/24 == (hour%24-1)*p.perDay/24 && hour%24 != 0 || hour >= p.silent[0] && hour < p.silent[1] {
					continue
				}
				at := int64(begin + hour*3600)
				c := series.Cell{CC: "ZZ", Target: fmt.Sprint("site-", k), ASN: 64512 + uint32(n), Start: at, Span: 3600, Measurements: 1, OK: 1, VoteOK: series.Vote,
					FirstOK: at + 60, LastOK: at + 60, FirstOKUID: fmt.Sprint(n, "-", hour)}
				second := uint32(p.share)
				if second == 0 {
					second = 50
				}
				if p.probes < 2 {
					second = 0
				}
				c.Tallies = []series.Tally{{Kind: series.Software, Name: "probe/1", OK: 100 - second}, {Kind: series.Software, Name: "probe/2", OK: second}}
				out = append(out, c)
			}
		}
	}
	series.Sort(out)
	return out
}

// told are the silences that are found, in hours since the beginning: of the
// country, of single networks, and the one that lasts to the end.
func told(c []series.Cell, end int) string {
	k, is := darkness.Of(c)
	if !is {
		return "nothing"
	}
	out := ""
	for _, s := range k.Silences {
		out += fmt.Sprintf("all %d-%d on %d; ", (s.Before.Last-begin)/3600, (s.After.First-begin)/3600, len(s.Networks))
	}
	for _, n := range k.Lone {
		for _, s := range n.Silences {
			out += fmt.Sprintf("AS%d %d-%d; ", n.ASN, (s.Before.Last-begin)/3600, (s.After.First-begin)/3600)
		}
	}
	if s, is := k.Trailing(begin + int64(end)*3600); is {
		out += fmt.Sprintf("from %d; ", (s.Before.Last-begin)/3600)
	}
	return out
}

func three(p place) []place { return []place{p, p, p} }

func TestSilences(t *testing.T) {
	dark := [2]int{60 * 24, 63 * 24}
	busy := place{perDay: 12, probes: 2}
	gone := busy
	gone.silent = dark
	early := place{perDay: 12, probes: 2, silent: [2]int{0, 45 * 24}} // heard for two weeks only
	last := func(days, until int) []series.Cell {                     // the data end at a day, and nobody is heard after another
		return cells(until, 2, three(busy)...)
	}
	campaign := slices.DeleteFunc(cells(90, 2, three(place{perDay: 12, probes: 2})...), func(c series.Cell) bool {
		return c.Start < begin+60*86400 && c.Start/3600%24 > 4
	})
	thin := slices.DeleteFunc(cells(120, 2, three(gone)...), func(c series.Cell) bool {
		return c.Start > begin+63*86400 && c.Start/3600%24 > 7
	})
	weeks := cells(120, 2, three(gone)...)
	for i := range weeks {
		weeks[i].Span = 7 * 86400
	}
	brief := busy
	brief.silent = [2]int{1440, 1456}
	for _, c := range []struct {
		name  string
		cells []series.Cell
		end   int // hours
		want  string
		moved map[string]float64 // what comes out otherwise
	}{
		{"a country is silent for three days", cells(120, 2, three(gone)...), 0, "all 1438-1512 on 3; ",
			map[string]float64{"Darkness.Networks": 4, "Darkness.Targets": 3, "Darkness.Enter": 1e4, "Darkness.Level": 0.9999,
				"Darkness.Window": 6, "Darkness.Least": 40, "Darkness.Spread": 1e3, "Darkness.Regular": 2, "Darkness.Return": 1.5}},
		{"a country is silent for sixteen hours", cells(120, 2, three(brief)...), 0, "all 1438-1456 on 3; ", map[string]float64{"Darkness.Width": 86400}},
		{"nobody falls silent", cells(120, 2, three(busy)...), 0, "", nil},
		{"two networks are silent", cells(120, 2, gone, gone), 0, "", map[string]float64{"Darkness.Networks": 2}},
		{"one target is measured", cells(120, 1, three(gone)...), 0, "", map[string]float64{"Darkness.Targets": 1}},
		{"a country is silent for three days, and hardly heard again", thin, 0, "", map[string]float64{"Darkness.Return": 0.05}},
		{"by weeks, which do not say on which day", weeks, 0, "nothing", nil},
		{"nobody was ever heard", nil, 0, "nothing", nil},
		{"one network is silent", cells(120, 2, gone, busy, busy), 0, "AS64512 1438-1512; ",
			map[string]float64{"Darkness.LoneKinds": 3, "Darkness.LonePresent": 20, "Darkness.LoneShare": 0.6, "Darkness.Neighbours": 100}},
		{"one network of one probe is silent", cells(120, 2, place{perDay: 12, probes: 1, silent: dark}, busy, busy), 0, "", map[string]float64{"Darkness.LoneKinds": 1}},
		{"one network of hardly more than one probe is silent", cells(120, 2, place{perDay: 12, probes: 2, share: 5, silent: dark}, busy, busy), 0, "", map[string]float64{"Darkness.LoneShare": 0.01}},
		{"one network that is seldom heard is silent", cells(120, 2, place{perDay: 4, probes: 2, silent: [2]int{60 * 24, 72 * 24}}, busy, busy), 0, "", map[string]float64{"Darkness.LonePresent": 2}},
		{"all are silent to the end", last(90, 90), 93 * 24, "from 2158; ", map[string]float64{"Darkness.Longest": 2, "Darkness.Steady": 1.1}},
		{"all have been silent for half a year", last(90, 90), 270 * 24, "", map[string]float64{"Darkness.Longest": 1000}},
		{"a campaign is over", campaign, 93 * 24, "", map[string]float64{"Darkness.Steady": 0.1}},
		{"all are heard for two weeks, and silent to the end", cells(59, 2, three(early)...), 62 * 24, "", nil},
	} {
		if got := told(c.cells, c.end); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		for name, value := range c.moved {
			restore, err := parameter.Standard.Set(name, value)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(c.cells, c.end); got == c.want {
				t.Errorf("%s: with %s = %v still %q", c.name, name, value, got)
			}
			restore()
		}
	}
}
