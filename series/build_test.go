package series

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/verdict"
)

var day0 = time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)

func row(uid, report string, at time.Duration, s verdict.State) verdict.Row {
	return verdict.Row{UID: uid, ReportID: report, Time: day0.Add(at), CC: "ZZ", ASN: 64512, Target: "x", State: s}
}

func build(span time.Duration, rows ...verdict.Row) []Cell {
	return Build(slices.Values(rows), span)
}

func TestCounts(t *testing.T) {
	blocked := row("b", "r1", time.Hour, verdict.Blocked)
	blocked.Mechanisms = []string{"tls.reset", "dns.nxdomain"}
	blocked.ResolverASN = 15169
	aside := row("i", "r9", time.Hour, verdict.Blocked)
	aside.Invalid = "no clock"
	marked := row("m", "r9", time.Hour, verdict.Blocked)
	marked.Marks = []string{"clock_future"}
	got := build(Day, blocked, aside, marked,
		row("o", "r2", 2*time.Hour, verdict.OK),
		row("d", "r3", 3*time.Hour, verdict.Down),
		row("n", "r4", 4*time.Hour, verdict.Insufficient),
		row("p", "r5", 5*time.Hour, verdict.Impaired),
		row("l", "r6", 26*time.Hour, verdict.LikelyBlocked))
	at := func(d time.Duration) int64 { return day0.Add(d).Unix() }
	want := []Cell{{
		Target: "x", CC: "ZZ", ASN: 64512, Start: day0.Unix(), Span: 86400,
		Measurements: 5, OK: 1, Blocked: 1, Impaired: 1, Down: 1, Insufficient: 1, Aside: 2, Reports: 5,
		VoteBlocked: 1000, VoteImpaired: 1000, VoteOK: 1000, VoteDown: 1000,
		FirstBad: at(time.Hour), LastBad: at(5 * time.Hour), FirstOK: at(2 * time.Hour), LastOK: at(2 * time.Hour),
		FirstBadUID: "b", LastBadUID: "p", FirstOKUID: "o", LastOKUID: "o",
		Voices: []Voice{{hash("r5"), 1000, 0}, {hash("r1"), 1000, 0}, {hash("r2"), 0, 1000}},
		Tallies: []Tally{
			{Mechanism, "dns.nxdomain", 1000, 0}, {Mechanism, "tls.reset", 1000, 0}, {Resolver, "AS15169", 1000, 0},
		},
	}, {
		Target: "x", CC: "ZZ", ASN: 64512, Start: day0.Unix() + 86400, Span: 86400,
		Measurements: 1, Likely: 1, Reports: 1, VoteBlocked: 1000,
		FirstBad: at(26 * time.Hour), LastBad: at(26 * time.Hour), FirstBadUID: "l", LastBadUID: "l",
		Voices: []Voice{{hash("r6"), 1000, 0}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// One report is one vote a day, shared among its measurements and hours.
func TestReportHasOneVote(t *testing.T) {
	var rows []verdict.Row
	for i := range 40 {
		s := verdict.Blocked
		if i%4 == 0 {
			s = verdict.OK
		}
		rows = append(rows, row(fmt.Sprint(i), "r", time.Duration(i)*30*time.Minute, s))
	}
	var blocked, ok uint32
	for _, c := range build(Hour, rows...) {
		blocked += c.VoteBlocked
		ok += c.VoteOK
	}
	if blocked != 750 || ok != 250 {
		t.Errorf("blocked %d, ok %d thousandths; want 750, 250", blocked, ok)
	}
}

func TestNoReportIsOneVoiceAnHour(t *testing.T) {
	c := build(Day, row("a", "", time.Minute, verdict.Blocked), row("b", "", 2*time.Minute, verdict.OK), row("c", "", time.Hour, verdict.OK))[0]
	if c.VoteBlocked != 500 || c.VoteOK != 1500 {
		t.Errorf("blocked %d, ok %d; want 500, 1500", c.VoteBlocked, c.VoteOK)
	}
}

func TestLayerNamesStandInForMechanisms(t *testing.T) {
	r := row("a", "r", 0, verdict.Blocked)
	r.DNS.Outcome, r.TLS = verdict.OutcomeUnknown, verdict.Layer{Outcome: verdict.OutcomeBlocked, Rule: "R1"}
	b := NewBuilder(Day).WithLayers()
	b.Add(&r)
	cells := b.Cells()
	if len(cells) != 3 || cells[0].Layer != Whole || cells[1].Layer != "dns" || cells[2].Layer != "tls" {
		t.Fatalf("got %+v", cells)
	}
	if want := []Tally{{Mechanism, "tls", 1000, 0}}; !reflect.DeepEqual(cells[0].Tallies, want) {
		t.Errorf("whole: %+v", cells[0].Tallies)
	}
	if want := []Tally{{Rule, "R1", 1000, 0}}; !reflect.DeepEqual(cells[2].Tallies, want) || cells[2].Blocked != 1 {
		t.Errorf("tls: %+v", cells[2])
	}
	if cells[1].Impaired != 1 {
		t.Errorf("dns: %+v", cells[1])
	}
}

// Order and repetition of the input change nothing; a report that repeats
// itself a hundred times changes no vote.
func TestBuildInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []verdict.Row
	states := []verdict.State{verdict.OK, verdict.Blocked, verdict.Impaired, verdict.Down}
	for i := range 300 {
		r := row(fmt.Sprint("u", i), fmt.Sprint("r", rng.IntN(40)), time.Duration(rng.IntN(5*24*60))*time.Minute, states[rng.IntN(4)])
		r.ASN += uint32(rng.IntN(3))
		r.Mechanisms = []string{fmt.Sprint("m", rng.IntN(3))}
		rows = append(rows, r)
	}
	want := build(Hour, rows...)
	shuffled := append(slices.Clone(rows), rows[:100]...)
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if got := build(Hour, shuffled...); !reflect.DeepEqual(got, want) {
		t.Error("order or repetition changed the cells")
	}
	flood := slices.Clone(rows)
	for _, r := range rows {
		if r.ReportID == "r7" {
			for k := range 99 {
				r2 := r
				r2.UID = fmt.Sprint(r.UID, "-", k)
				flood = append(flood, r2)
			}
		}
	}
	got := build(Hour, flood...)
	if len(got) != len(want) {
		t.Fatalf("%d cells, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.VoteBlocked != w.VoteBlocked || g.VoteOK != w.VoteOK || g.VoteImpaired != w.VoteImpaired || g.VoteDown != w.VoteDown ||
			!reflect.DeepEqual(g.Tallies, w.Tallies) || g.FirstBad != w.FirstBad || g.LastOK != w.LastOK || g.Reports != w.Reports {
			t.Fatalf("cell %d: got %+v, want %+v", i, g, w)
		}
	}
}
