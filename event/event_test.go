package event_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func at(day float64) time.Time { return start.Add(time.Duration(day * 24 * float64(time.Hour))) }

// story draws measurements: perDay reports a day on each network, judged by
// what the story says.
type story struct {
	rng    *rand.Rand
	cc     string
	target string
	nets   []uint32
	perDay float64
	days   float64
	judge  func(day float64, asn uint32) verdict.State
	n      int
}

func newStory(days float64, judge func(day float64, asn uint32) verdict.State) *story {
	return &story{rng: rand.New(rand.NewPCG(7, 7)), cc: "ZZ", target: "x", nets: []uint32{64512, 64513, 64514, 64515}, perDay: 3, days: days, judge: judge}
}

func (s *story) rows() []verdict.Row {
	var out []verdict.Row
	for _, asn := range s.nets {
		for day := s.rng.ExpFloat64() / s.perDay; day < s.days; day += s.rng.ExpFloat64() / s.perDay {
			s.n++
			id := fmt.Sprintf("%s-%s-%d", s.cc, s.target, s.n)
			r := verdict.Row{UID: id, ReportID: "report-" + id, Time: at(day), CC: s.cc, ASN: asn, Target: s.target, ResolverASN: asn,
				TestName: "web_connectivity", Software: "probe/1", State: s.judge(day, asn)}
			if r.State == verdict.Blocked {
				r.Mechanisms = []string{"tls.reset"}
			}
			out = append(out, r)
		}
	}
	return out
}

// noise is what a network says when nobody interferes.
func (s *story) noise() verdict.State {
	switch x := s.rng.Float64(); {
	case x < 0.03:
		return verdict.Blocked
	case x < 0.10:
		return verdict.Impaired
	}
	return verdict.OK
}

// between makes a story of a ban on all networks.
func between(days, from, to float64) *story {
	var s *story
	s = newStory(days, func(day float64, _ uint32) verdict.State {
		if day >= from && day < to {
			return verdict.Blocked
		}
		return s.noise()
	})
	return s
}

func detect(rows ...[]verdict.Row) event.Result {
	return event.Detect(series.Build(slices.Values(slices.Concat(rows...)), series.Hour), time.Time{})
}

func asJSON(t *testing.T, r event.Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func one(t *testing.T, r event.Result) event.Event {
	t.Helper()
	if len(r.Events) != 1 {
		t.Fatalf("%d events, want 1: %s", len(r.Events), asJSON(t, r))
	}
	return r.Events[0]
}

func holds(t *testing.T, what string, i *event.Interval, day float64) {
	t.Helper()
	if i == nil || i.Latest == nil {
		t.Fatalf("%s: no interval", what)
	}
	if i.Latest.Before(at(day)) || i.Earliest != nil && i.Earliest.After(at(day)) {
		t.Errorf("%s: %s does not hold %s", what, i, at(day))
	}
}

func TestBan(t *testing.T) {
	e := one(t, detect(between(120, 50, 80).rows()))
	holds(t, "onset", &e.Onset, 50)
	holds(t, "end", e.End, 80)
	if w := e.Onset.Latest.Sub(*e.Onset.Earliest); w > 24*time.Hour {
		t.Errorf("onset interval is %s wide", w)
	}
	if e.State != event.Ended || e.Kind != event.Block || len(e.Networks) != 4 || e.CC != "ZZ" || e.Target != "x" {
		t.Errorf("%+v", e)
	}
	if e.Counts.Blocked < 300 || e.Counts.Blocked+e.Counts.OK+e.Counts.Down+e.Counts.Inconclusive != e.Counts.Measurements {
		t.Errorf("counts %+v", e.Counts)
	}
	if !slices.Equal(e.Mechanisms, []string{"tls.reset"}) || len(e.Evidence) == 0 || e.Confidence < 0.9 || len(e.InputHash) != 64 {
		t.Errorf("%+v", e)
	}
}

func TestOngoing(t *testing.T) {
	e := one(t, detect(between(120, 50, 999).rows()))
	if e.End != nil || e.State != event.Ongoing {
		t.Errorf("end %v, state %s", e.End, e.State)
	}
}

func TestQuiet(t *testing.T) {
	if r := detect(between(365, 999, 999).rows()); len(r.Events)+len(r.Artefacts) > 0 {
		t.Errorf("got %s", asJSON(t, r))
	}
}

// A series that was blocked before anybody looked has no earliest onset.
func TestBegunBefore(t *testing.T) {
	e := one(t, detect(between(120, -1, 999).rows()))
	if e.Onset.Earliest != nil {
		t.Errorf("earliest %s", e.Onset.Earliest)
	}
}

// Nobody measured for five days: the onset lies between, and no sharper.
func TestGap(t *testing.T) {
	rows := slices.DeleteFunc(between(120, 50, 999).rows(), func(r verdict.Row) bool { return r.Time.After(at(47)) && r.Time.Before(at(52)) })
	e := one(t, detect(rows))
	holds(t, "onset", &e.Onset, 50)
	if e.Onset.Earliest.Before(at(46.5)) || e.Onset.Latest.After(at(52.5)) || e.Onset.Latest.Sub(*e.Onset.Earliest) < 4*24*time.Hour {
		t.Errorf("onset %s", e.Onset)
	}
}

// Thirty minutes of access on day two of a long ban are no end, nor are two days.
func TestLull(t *testing.T) {
	for _, lull := range []float64{0.02, 2} {
		var s *story
		s = newStory(500, func(day float64, _ uint32) verdict.State {
			if day >= 20 && day < 465 && !(day >= 21 && day < 21+lull) {
				return verdict.Blocked
			}
			return s.noise()
		})
		e := one(t, detect(s.rows()))
		holds(t, "onset", &e.Onset, 20)
		holds(t, "end", e.End, 465)
		if lull == 2 && !slices.ContainsFunc(e.Phases, func(p event.Phase) bool { return p.Kind == event.PhaseLull }) {
			t.Errorf("no lull among the phases: %+v", e.Phases)
		}
	}
}

func TestTwoBansFarApart(t *testing.T) {
	var s *story
	s = newStory(200, func(day float64, _ uint32) verdict.State {
		if day >= 50 && day < 55 || day >= 100 && day < 110 {
			return verdict.Blocked
		}
		return s.noise()
	})
	if r := detect(s.rows()); len(r.Events) != 2 || r.Events[0].ID == r.Events[1].ID {
		t.Errorf("got %s", asJSON(t, r))
	}
}

func TestPartial(t *testing.T) {
	var s *story
	s = newStory(120, func(day float64, asn uint32) verdict.State {
		if day >= 50 && day < 80 && asn <= 64513 {
			return verdict.Blocked
		}
		return s.noise()
	})
	e := one(t, detect(s.rows()))
	if !slices.Equal(e.Networks, []string{"AS64512", "AS64513"}) {
		t.Errorf("networks %v", e.Networks)
	}
	holds(t, "onset", &e.Onset, 50)
	holds(t, "end", e.End, 80)
}

// Two networks are restored and two are not: the event fades, and says so.
func TestPartlyRestored(t *testing.T) {
	var s *story
	s = newStory(120, func(day float64, asn uint32) verdict.State {
		if day >= 50 && (day < 80 || asn <= 64513) {
			return verdict.Blocked
		}
		return s.noise()
	})
	e := one(t, detect(s.rows()))
	if e.State != event.Fading || e.End != nil || !strings.Contains(strings.Join(e.Reasons, " "), "partly restored") {
		t.Errorf("state %s, end %v, reasons %q", e.State, e.End, e.Reasons)
	}
}

// Networks follow over weeks: one event, whose onset is that of the first.
func TestSpread(t *testing.T) {
	var s *story
	s = newStory(150, func(day float64, asn uint32) verdict.State {
		if day >= 50+5*float64(asn-64512) && day < 110 {
			return verdict.Blocked
		}
		return s.noise()
	})
	e := one(t, detect(s.rows()))
	holds(t, "onset", &e.Onset, 50)
	n := 0
	for _, p := range e.Phases {
		if p.Kind == event.PhaseSpread {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d networks joined, want 3: %+v", n, e.Phases)
	}
}

// Impaired says only that something is wrong: it makes an event when several
// networks show it in contrast to before, and none on one network for a while.
func TestImpaired(t *testing.T) {
	for nets, want := range map[uint32]int{1: 0, 3: 1} {
		var s *story
		s = newStory(120, func(day float64, asn uint32) verdict.State {
			if day >= 50 && day < 54 && asn < 64512+nets {
				return verdict.Impaired
			}
			return s.noise()
		})
		if r := detect(s.rows()); len(r.Events) != want {
			t.Errorf("impaired on %d networks: %d events, want %d: %s", nets, len(r.Events), want, asJSON(t, r))
		}
	}
}

// A series that was always half impaired is not blocked.
func TestAlwaysHalfImpaired(t *testing.T) {
	var s *story
	s = newStory(200, func(float64, uint32) verdict.State {
		if s.rng.Float64() < 0.5 {
			return verdict.Impaired
		}
		return verdict.OK
	})
	if r := detect(s.rows()); len(r.Events) > 0 {
		t.Errorf("got %s", asJSON(t, r))
	}
}

// A site that is down for everybody is not blocked.
func TestDown(t *testing.T) {
	var s *story
	s = newStory(120, func(day float64, _ uint32) verdict.State {
		if day >= 50 && day < 80 {
			return verdict.Down
		}
		return s.noise()
	})
	if r := detect(s.rows()); len(r.Events) > 0 {
		t.Errorf("got %s", asJSON(t, r))
	}
}

// Order, duplication and splitting of the input change nothing.
func TestInputInvariants(t *testing.T) {
	rows := between(120, 50, 80).rows()
	want := asJSON(t, detect(rows))
	rng := rand.New(rand.NewPCG(1, 1))
	for range 3 {
		again := slices.Concat(rows, rows[:len(rows)/2])
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := asJSON(t, detect(again)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
	b := series.NewBuilder(series.Hour)
	for _, part := range [][]verdict.Row{rows[len(rows)/3:], rows[:len(rows)/3]} {
		for i := range part {
			b.Add(&part[i])
		}
	}
	if got := asJSON(t, event.Detect(b.Cells(), time.Time{})); got != want {
		t.Errorf("split: got  %s\nwant %s", got, want)
	}
}

// Later data of another target or country leave an event as it was.
func TestUnrelated(t *testing.T) {
	rows := between(120, 50, 999).rows()
	want := one(t, detect(rows))
	other := between(300, 200, 250)
	other.target = "elsewhere.example"
	abroad := between(300, 999, 999)
	abroad.cc = "XA"
	found := detect(rows, other.rows(), abroad.rows()).Events
	got, _ := json.Marshal(found[slices.IndexFunc(found, func(e event.Event) bool { return e.Target == "x" })])
	if b, _ := json.Marshal(want); string(got) != string(b) {
		t.Errorf("got  %s\nwant %s", got, b)
	}
}

// Measuring ok during a ban never moves its onset back.
func TestOKInsideNeverMovesOnsetBack(t *testing.T) {
	base := between(120, 50, 80).rows()
	want := one(t, detect(base))
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range tries(40) {
		var more []verdict.Row
		for k := range 1 + rng.IntN(40) {
			day := 53 + 26*rng.Float64()
			id := fmt.Sprintf("ok-%d-%d", i, k)
			more = append(more, verdict.Row{UID: id, ReportID: id, Time: at(day), CC: "ZZ", ASN: 64512 + uint32(rng.IntN(4)), Target: "x", State: verdict.OK})
		}
		r := detect(base, more)
		if len(r.Events) == 0 {
			t.Fatal("the event is gone")
		}
		if e := r.Events[0]; e.Onset.Earliest.Before(*want.Onset.Earliest) || e.Onset.Latest.Before(*want.Onset.Latest) {
			t.Errorf("with %d more: onset %s, was %s", len(more), e.Onset, want.Onset)
		}
	}
}

// A hundred times the volume of one reporter changes no event.
func TestFlood(t *testing.T) {
	rows := between(120, 50, 80).rows()
	want := detect(rows)
	for _, i := range []int{5, 200, 900} {
		flood := slices.Clone(rows)
		for k := range 99 {
			r := rows[i]
			r.UID = fmt.Sprintf("%s-%d", r.UID, k)
			flood = append(flood, r)
		}
		got := detect(flood)
		if len(got.Events) != 1 {
			t.Fatalf("%d events", len(got.Events))
		}
		g, w := got.Events[0], want.Events[0]
		if fmt.Sprint(g.Onset, g.End, g.Networks, g.State, g.ID) != fmt.Sprint(w.Onset, w.End, w.Networks, w.State, w.ID) {
			t.Errorf("report %d: got %v, want %v", i, g, w)
		}
	}
}

// One report that never ends can neither make an event nor end one.
func TestOneSubmitter(t *testing.T) {
	submit := func(s verdict.State, from, to float64) []verdict.Row {
		var out []verdict.Row
		for day := from; day < to; day += 0.05 {
			out = append(out, verdict.Row{UID: fmt.Sprintf("flood-%s-%f", s, day), ReportID: "flood", Time: at(day), CC: "ZZ", ASN: 64512, Target: "x", State: s})
		}
		return out
	}
	quiet := between(120, 999, 999)
	quiet.perDay = 0.3
	if r := detect(quiet.rows(), submit(verdict.Blocked, 40, 70)); len(r.Events) > 0 {
		t.Errorf("made: %s", asJSON(t, r))
	}
	ban := between(90, 50, 999)
	e := one(t, detect(ban.rows(), submit(verdict.OK, 90, 110)))
	if e.End != nil {
		t.Errorf("ended: %s", e.End)
	}
}

// Hundreds of reports in one hour of one network may be one submitter's.
func TestBurstOfReports(t *testing.T) {
	rows := between(120, 999, 999).rows()
	for k := range 400 {
		id := fmt.Sprintf("burst-%d", k)
		rows = append(rows, verdict.Row{UID: id, ReportID: id, Time: at(50 + float64(k)/10000), CC: "ZZ", ASN: 64512, Target: "x", State: verdict.Blocked})
	}
	if r := detect(rows); len(r.Events) > 0 {
		t.Errorf("made: %s", asJSON(t, r))
	}
}

// Ids stay when later data only sharpen the event.
func TestStableID(t *testing.T) {
	rows := between(120, 50, 80).rows()
	sparse := slices.DeleteFunc(slices.Clone(rows), func(r verdict.Row) bool {
		return r.Time.After(at(46)) && r.Time.Before(at(53)) || r.Time.After(at(70))
	})
	a, b := one(t, detect(sparse)), one(t, detect(rows))
	if a.ID != b.ID || a.ID != "zz-x-2024q1" {
		t.Errorf("ids %s, %s", a.ID, b.ID)
	}
	if a.Onset.Latest.Sub(*a.Onset.Earliest) < b.Onset.Latest.Sub(*b.Onset.Earliest) {
		t.Error("more data made the onset vaguer")
	}
}

// Platforms that are blocked together on the same networks make one event.
func TestScope(t *testing.T) {
	var all [][]verdict.Row
	for i, name := range []string{"x", "facebook", "youtube"} {
		s := between(120, 50, 80)
		s.target, s.rng = name, rand.New(rand.NewPCG(9, uint64(i)))
		all = append(all, s.rows())
	}
	e := one(t, detect(all...))
	if !slices.Equal(e.Targets, []string{"facebook", "x", "youtube"}) || e.Scope != "facebook, x and youtube on 4 networks" || len(e.Parts) != 3 {
		t.Errorf("targets %v, scope %q", e.Targets, e.Scope)
	}
}

// What shows at once in many countries is the world's.
func TestWorld(t *testing.T) {
	var all [][]verdict.Row
	for i := range 6 {
		s := between(120, 50, 60)
		s.cc, s.rng = fmt.Sprintf("X%c", 'A'+i), rand.New(rand.NewPCG(11, uint64(i)))
		all = append(all, s.rows())
	}
	r := detect(all...)
	if len(r.Events) != 0 || len(r.Artefacts) != 6 {
		t.Errorf("%d events, %d artefacts", len(r.Events), len(r.Artefacts))
	}
	if r := detect(all[0], all[1]); len(r.Events) != 2 {
		t.Errorf("two countries: %d events", len(r.Events))
	}
}

// A software version that calls everything blocked makes no event.
func TestVersion(t *testing.T) {
	s := between(120, 999, 999)
	rows := s.rows()
	for i := range rows {
		if rows[i].Time.After(at(50)) && i%2 == 0 {
			rows[i].Software, rows[i].State, rows[i].Mechanisms = "probe/2", verdict.Blocked, []string{"http"}
		}
	}
	r := detect(rows)
	if len(r.Events) != 0 || len(r.Artefacts) != 1 || !strings.Contains(r.Artefacts[0].Artefact, "software") {
		t.Errorf("got %s", asJSON(t, r))
	}
}

// A network that changes its resolver does not begin to block, and one that
// blocks by DNS does not stop when its probes ask elsewhere.
func TestResolver(t *testing.T) {
	s := between(120, 999, 999)
	s.nets = s.nets[:2]
	rows := s.rows()
	for i := range rows {
		if rows[i].Time.After(at(50)) {
			rows[i].ResolverASN, rows[i].State, rows[i].Mechanisms = 65000, verdict.Impaired, []string{"dns"}
		}
	}
	if r := detect(rows); len(r.Events) != 0 {
		t.Errorf("onset: %s", asJSON(t, r))
	}
	rows = between(120, 50, 80).rows()
	for i := range rows {
		if rows[i].State == verdict.Blocked {
			rows[i].Mechanisms = []string{"dns.nxdomain"}
		}
		if rows[i].Time.After(at(80)) {
			rows[i].ResolverASN = 65000
		}
	}
	if e := one(t, detect(rows)); e.End != nil || e.State != event.Fading {
		t.Errorf("end %v, state %s", e.End, e.State)
	}
}

// A country that falls silent is dark; one whose campaign ends is not.
func TestDarkness(t *testing.T) {
	var rows []verdict.Row
	for i, name := range []string{"x", "facebook"} {
		quiet := between(120, 999, 999)
		quiet.target, quiet.rng = name, rand.New(rand.NewPCG(19, uint64(i)))
		rows = append(rows, quiet.rows()...)
	}
	abroad := between(120, 999, 999)
	abroad.cc, abroad.rng = "XA", rand.New(rand.NewPCG(5, 5))
	dark := slices.DeleteFunc(slices.Clone(rows), func(r verdict.Row) bool { return r.Time.After(at(60)) && r.Time.Before(at(63)) })
	e := one(t, detect(dark, abroad.rows()))
	if e.Kind != event.Shutdown || e.State != event.Dark || e.Target != "*" {
		t.Errorf("%+v", e)
	}
	holds(t, "onset", &e.Onset, 60)
	holds(t, "end", e.End, 63)
	if alone := one(t, detect(dark)); alone.Confidence >= e.Confidence || len(alone.Reasons) <= len(e.Reasons) {
		t.Errorf("with nobody to compare with: confidence %v, was %v", alone.Confidence, e.Confidence)
	}

	campaign := slices.DeleteFunc(slices.Clone(rows), func(r verdict.Row) bool {
		return (r.Time.Before(at(40)) || r.Time.After(at(60))) && r.Time.UnixNano()%20 != 0 && r.Time.Unix()%20 != 0
	})
	if r := detect(campaign, abroad.rows()); len(r.Events) != 0 {
		t.Errorf("campaign: %s", asJSON(t, r))
	}
	// The collector was out: everybody is silent.
	silent := slices.DeleteFunc(slices.Concat(rows, abroad.rows()), func(r verdict.Row) bool { return r.Time.After(at(60)) && r.Time.Before(at(63)) })
	if r := detect(silent); len(r.Events) != 0 {
		t.Errorf("collector: %s", asJSON(t, r))
	}
}

// A probe that fails on everything is broken, not blocked.
func TestBrokenProbe(t *testing.T) {
	var all [][]verdict.Row
	for i := range 8 {
		var s *story
		s = newStory(120, func(day float64, asn uint32) verdict.State {
			if day >= 50 && day < 56 && asn == 64513 {
				return verdict.Blocked
			}
			return s.noise()
		})
		s.target, s.rng = fmt.Sprintf("site-%d.example", i), rand.New(rand.NewPCG(13, uint64(i)))
		all = append(all, s.rows())
	}
	if r := detect(all...); len(r.Events) != 0 {
		t.Errorf("got %s", asJSON(t, r))
	}
}

// Where all that is measured fails on all networks, a ban of everything is told,
// with less confidence and the doubt; where another network works, a defect is.
func TestOnlyProviders(t *testing.T) {
	fail := func(failing uint32) func(_, _ int, r *verdict.Row, day float64) bool {
		return func(_, _ int, r *verdict.Row, day float64) bool {
			if day >= 50 && day < 56 && r.ASN < 64512+failing {
				blocked(r)
			}
			return true
		}
	}
	plain := func(*verdict.Row, float64, int) {}
	for _, c := range []struct {
		networks int
		failing  uint32
		doubted  bool
	}{{1, 1, true}, {2, 2, true}, {4, 4, false}} {
		e := one(t, detect(in(1, 8, steady(90, 6, c.networks, plain), fail(c.failing))))
		if got := strings.Contains(strings.Join(e.Reasons, " "), "not ruled out"); got != c.doubted || c.doubted != (e.Confidence < 0.65) || len(e.Targets) != 8 || len(e.Networks) != c.networks {
			t.Errorf("%d networks: %+v", c.networks, e)
		}
	}
	for networks := range 3 {
		if r := detect(in(1, 8, steady(90, 6, 2+networks, plain), fail(1))); len(r.Events) != 0 || len(r.Artefacts) == 0 {
			t.Errorf("one of %d: %s", 2+networks, found(r))
		}
	}
}

// Counts by day alone, without networks or reports.
func TestCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 1))
	var cells []series.Cell
	for d := range 120 {
		share := 0.08
		if d >= 60 && d < 90 && (d < 70 || d >= 76) {
			share = 0.85
		}
		bad := uint32(0)
		for range 30 {
			if rng.Float64() < share {
				bad++
			}
		}
		cells = append(cells, series.Cell{CC: "ZZ", Target: "x", Start: at(float64(d)).Unix(), Span: 86400, Measurements: 30, OK: 30 - bad, Impaired: bad,
			VoteOK: (30 - bad) * series.Vote, VoteImpaired: bad * series.Vote})
	}
	e := one(t, event.Detect(cells, time.Time{}))
	holds(t, "onset", &e.Onset, 60)
	holds(t, "end", e.End, 90)
	if len(e.Networks) != 0 {
		t.Errorf("networks %v", e.Networks)
	}
	// Six days of access, or of other people who measured.
	if i := slices.IndexFunc(e.Phases, func(p event.Phase) bool { return p.Kind == event.PhaseLull }); i < 0 || !strings.Contains(e.Phases[i].Note, "networks that do not block") {
		t.Errorf("phases %+v", e.Phases)
	}
}

func TestMechanismPhase(t *testing.T) {
	rows := between(120, 50, 100).rows()
	for i := range rows {
		if rows[i].State == verdict.Blocked && rows[i].Time.After(at(75)) {
			rows[i].Mechanisms = []string{"dns.injection"}
		}
	}
	e := one(t, detect(rows))
	n := 0
	for _, p := range e.Phases {
		if p.Kind == event.PhaseMechanism && p.From.Sub(at(75)).Abs() < 24*time.Hour {
			n++
		}
	}
	if n == 0 {
		t.Errorf("no change of means at day 75: %+v", e.Phases)
	}
}

// Answers that no public server can give count as blocked, whatever the rules
// made of each alone: the event does not rest on contrast only.
func TestBogonIsStrong(t *testing.T) {
	for mechanism, weak := range map[string]bool{"dns.injection.bogon": false, "dns": true} {
		var s *story
		s = newStory(90, func(day float64, asn uint32) verdict.State {
			if day >= 50 && day < 60 {
				return verdict.Impaired
			}
			return s.noise()
		})
		rows := s.rows()
		for i := range rows {
			if d := rows[i].Time; rows[i].State == verdict.Impaired && d.After(at(50)) && d.Before(at(60)) {
				rows[i].Mechanisms = []string{mechanism}
			}
		}
		e := one(t, detect(rows))
		if got := strings.Contains(strings.Join(e.Reasons, " "), "something is wrong, not what"); got != weak {
			t.Errorf("%s: rests on contrast: %v; %v", mechanism, got, e.Reasons)
		}
	}
}
