package event_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/event/bench"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// BANDISH_SEEDS asks for another number of them.

// histories gives random countries of the benchmark, with bans or without, and
// calls f with each.
func histories(t *testing.T, f func(t *testing.T, rng *rand.Rand, rows []verdict.Row)) {
	t.Helper()
	seeds := uint64(2)
	if os.Getenv("BANDISH_LONG") != "" {
		seeds = 60
	}
	if n, err := strconv.ParseUint(os.Getenv("BANDISH_SEEDS"), 10, 16); err == nil {
		seeds = n
	}
	for seed := range seeds {
		w := bench.Generate(7000+seed, bench.Size{Countries: 3, Targets: 3, Days: 150, BanShare: 0.6})
		for i := range w.Countries {
			c := &w.Countries[i]
			if len(c.Rows) > 12000 { // the quick ones
				continue
			}
			t.Run(fmt.Sprintf("%d-%s", seed, c.CC), func(t *testing.T) { f(t, rand.New(rand.NewPCG(seed, uint64(i))), c.Rows) })
		}
	}
}

// tries is how often a law is tried: n times with BANDISH_LONG=1, else half of
// that.
func tries(n uint64) uint64 {
	if os.Getenv("BANDISH_LONG") == "" {
		return n / 2
	}
	return n
}

// gist is what is concluded, without the counts and hashes, which any more
// measurement changes.
func gist(r event.Result) string {
	var b strings.Builder
	for _, e := range r.Events {
		fmt.Fprintln(&b, e.ID, e.Kind, e.Targets, e.Networks, e.Onset, e.End, e.State)
	}
	return b.String()
}

// Order, duplication and splitting into batches change no byte.
func TestPropertySameInputSameBytes(t *testing.T) {
	histories(t, func(t *testing.T, rng *rand.Rand, rows []verdict.Row) {
		first := detect(rows)
		for _, e := range first.Events {
			for _, f := range e.Flaws {
				t.Errorf("%s breaks a law: %s", e.ID, f)
			}
		}
		want := asJSON(t, first)
		again := slices.Concat(rows, rows[:rng.IntN(len(rows))])
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := asJSON(t, detect(again)); got != want {
			t.Fatalf("shuffled and doubled\ngot  %s\nwant %s", got, want)
		}
		b := series.NewBuilder(series.Hour)
		for batch := range slices.Chunk(again, 1+rng.IntN(500)) {
			for i := range batch {
				b.Add(&batch[i])
			}
			if rng.IntN(4) == 0 {
				b.Cells() // looking in between leaves no trace
			}
		}
		if got := asJSON(t, event.Detect(b.Cells(), time.Time{})); got != want {
			t.Errorf("in batches\ngot  %s\nwant %s", got, want)
		}
	})
}

// Later data of another country or target change nothing of a ban.
func TestPropertyUnrelated(t *testing.T) {
	histories(t, func(t *testing.T, rng *rand.Rand, rows []verdict.Row) {
		end := slices.MaxFunc(rows, func(a, b verdict.Row) int { return a.Time.Compare(b.Time) }).Time
		var more []verdict.Row
		for i := range 300 {
			at := end.Add(time.Duration(rng.Int64N(int64(60 * 24 * time.Hour))))
			id := fmt.Sprint("later-", i)
			more = append(more, verdict.Row{UID: id, ReportID: id, Time: at, CC: "ZZ", ASN: 64512 + uint32(rng.IntN(3)), Target: "elsewhere.example", State: verdict.OK})
		}
		bans := func(r event.Result) string {
			var b strings.Builder
			for _, e := range r.Events {
				if e.CC != "ZZ" && e.Kind != event.Shutdown { // darkness is judged by what other countries say
					j, _ := json.Marshal(e)
					b.Write(append(j, '\n'))
				}
			}
			return b.String()
		}
		if got, want := bans(detect(rows, more)), bans(detect(rows)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// A hundred times the volume of any one reporter changes no event.
func TestPropertyVolumeOfOneReporter(t *testing.T) {
	histories(t, func(t *testing.T, rng *rand.Rand, rows []verdict.Row) {
		want := gist(detect(rows))
		for range 3 {
			report := rows[rng.IntN(len(rows))].ReportID
			more := slices.Clone(rows)
			for _, r := range rows {
				if r.ReportID != report {
					continue
				}
				for k := range 99 {
					c := r
					c.UID = fmt.Sprint(r.UID, "-again-", k)
					more = append(more, c)
				}
			}
			if got := gist(detect(more)); got != want {
				t.Errorf("report %s\ngot  %s\nwant %s", report, got, want)
			}
		}
	})
}

// One report, however long, on however many networks it says it comes from,
// neither makes an event nor ends one.
func TestPropertyOneSubmitter(t *testing.T) {
	histories(t, func(t *testing.T, rng *rand.Rand, rows []verdict.Row) {
		before := detect(rows)
		target := rows[rng.IntN(len(rows))].Target
		from := rows[rng.IntN(len(rows))].Time
		networks := 1 + rng.IntN(6)
		for _, state := range []verdict.State{verdict.Blocked, verdict.OK} {
			var more []verdict.Row
			for k := range 400 {
				more = append(more, verdict.Row{UID: fmt.Sprint("flood-", k), ReportID: "flood", Time: from.Add(time.Duration(k) * 2 * time.Hour), CC: rows[0].CC,
					ASN: 64512 + uint32(k%networks), Target: target, State: state, Mechanisms: []string{"dns.nxdomain"}, Software: "probe/3.0", Ruleset: "bench"})
			}
			after := detect(rows, more)
			for _, e := range after.Events {
				if state == verdict.Blocked && e.Kind != event.Shutdown && !slices.ContainsFunc(before.Events, func(o event.Event) bool { return sharesTime(&o, &e) }) {
					t.Errorf("made %s %s – %v on %d networks", e.ID, e.Onset, e.End, networks)
				}
			}
			for _, o := range before.Events {
				i := slices.IndexFunc(after.Events, func(e event.Event) bool { return sharesTime(&o, &e) })
				if i >= 0 && state == verdict.OK && o.End == nil && after.Events[i].End != nil {
					t.Errorf("ended %s: %s", o.ID, after.Events[i].End)
				}
			}
		}
	})
}

func sharesTime(a, b *event.Event) bool {
	ends := func(e *event.Event) time.Time {
		if e.End == nil || e.End.Latest == nil {
			return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		return *e.End.Latest
	}
	return a.CC == b.CC && slices.ContainsFunc(a.Targets, func(t string) bool { return slices.Contains(b.Targets, t) }) &&
		!a.Onset.Latest.After(ends(b)) && !b.Onset.Latest.After(ends(a))
}

// Ok measurements within a blocked stretch do not move its onset back: as many
// as a tenth of the blocked ones, on the same networks, each between the first
// and the last blocked one of its network within the event. Of one network
// neither edge may be earlier by a second. Of several, one that is shown to have
// followed late lets the others be earlier: there the median of all events must
// not be, and no event's middle by more than the interval's width.
func TestPropertyOKInside(t *testing.T) {
	var shifts []time.Duration
	histories(t, func(t *testing.T, rng *rand.Rand, rows []verdict.Row) {
		for _, e := range detect(rows).Events {
			if e.Kind == event.Shutdown || e.Onset.Earliest == nil || e.End == nil || len(e.Targets) > 1 {
				continue
			}
			if e.End.Earliest.Sub(*e.Onset.Latest) < 48*time.Hour {
				continue
			}
			blocked := map[uint32][]time.Time{}
			n := 0
			for _, r := range rows {
				if r.Target == e.Target && r.State != verdict.OK && !r.Time.Before(*e.Onset.Latest) && !r.Time.After(*e.End.Earliest) && slices.Contains(e.Networks, fmt.Sprintf("AS%d", r.ASN)) {
					blocked[r.ASN] = append(blocked[r.ASN], r.Time)
					n++
				}
			}
			networks := slices.Sorted(maps.Keys(blocked))
			var more []verdict.Row
			for k := range 1 + n/10 {
				on := networks[rng.IntN(len(networks))]
				first, last := slices.MinFunc(blocked[on], time.Time.Compare), slices.MaxFunc(blocked[on], time.Time.Compare)
				if first.Equal(last) {
					continue
				}
				id := fmt.Sprint("ok-", k)
				more = append(more, verdict.Row{UID: id, ReportID: id, Time: first.Add(time.Duration(rng.Int64N(int64(last.Sub(first))))),
					CC: e.CC, ASN: on, Target: e.Target, State: verdict.OK, Software: "probe/3.6", Ruleset: "bench"})
			}
			for _, o := range detect(rows, more).Events {
				// a network of which ok votes show that it was not blocked after all no
				// longer dates the onset
				if !sharesTime(&o, &e) || !slices.Equal(o.Networks, e.Networks) || o.Onset.Earliest == nil {
					continue
				}
				if len(e.Networks) == 1 && movedBack(&o, &e) {
					t.Errorf("%s: with %d more ok, onset %s, was %s", e.ID, len(more), o.Onset, e.Onset)
				}
				shift := middle(&o.Onset).Sub(middle(&e.Onset))
				if width := e.Onset.Latest.Sub(*e.Onset.Earliest); -shift > width {
					t.Errorf("%s: with %d more ok, onset %s, was %s", e.ID, len(more), o.Onset, e.Onset)
				}
				shifts = append(shifts, shift)
			}
		}
	})
	slices.Sort(shifts)
	if n := len(shifts); n > 0 {
		if t.Logf("%d shifts, from %s to %s, the median %s", n, shifts[0], shifts[n-1], shifts[n/2]); shifts[n/2] < 0 {
			t.Error("the median is earlier")
		}
	}
}

func middle(i *event.Interval) time.Time {
	return i.Earliest.Add(i.Latest.Sub(*i.Earliest) / 2)
}

// movedBack reports whether an edge of the onset of o is earlier than that of
// e's.
func movedBack(o, e *event.Event) bool {
	return o.Onset.Earliest == nil || o.Onset.Earliest.Before(*e.Onset.Earliest) || o.Onset.Latest.Before(*e.Onset.Latest)
}

// An event keeps its id while data come in and sharpen it, and when another
// ban of the same target comes to light in another quarter.
func TestPropertyStableID(t *testing.T) {
	for seed := range tries(10) {
		rng := rand.New(rand.NewPCG(seed, 5))
		from := 100 + 60*rng.Float64()
		s := between(300, from, from+40+60*rng.Float64())
		s.rng = rng
		rows := s.rows()
		want := ""
		for _, share := range []float64{0.4, 0.7, 1} {
			some := slices.DeleteFunc(slices.Clone(rows), func(verdict.Row) bool { return rng.Float64() > share })
			e := one(t, detect(some))
			if want == "" {
				want = e.ID
			}
			if e.ID != want {
				t.Errorf("seed %d: with %.0f %% of the data %s, before %s", seed, 100*share, e.ID, want)
			}
		}
		earlier := between(300, 20, 30)
		earlier.rng, earlier.n = rng, 1e6
		blocked := slices.DeleteFunc(earlier.rows(), func(r verdict.Row) bool { return r.Time.Before(at(20)) || r.Time.After(at(30)) })
		both := slices.Concat(slices.DeleteFunc(slices.Clone(rows), func(r verdict.Row) bool { return r.Time.After(at(20)) && r.Time.Before(at(30)) }), blocked)
		r := detect(both)
		if len(r.Events) != 2 || r.Events[1].ID != want {
			t.Errorf("seed %d: an earlier ban changed the id: %s", seed, asJSON(t, r))
		}
	}
}
