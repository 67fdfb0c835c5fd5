package bench

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
)

var small = Size{Countries: 12, Targets: 6, Days: 240, BanShare: 0.25}

func TestSameSeedSameWorld(t *testing.T) {
	size := Size{Countries: 2, Targets: 2, Days: 90, BanShare: 0.5}
	a, b := Generate(5, size), Generate(5, size)
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs differ")
	}
	if c := Generate(6, size); reflect.DeepEqual(a.Truth, c.Truth) {
		t.Error("two seeds agree")
	}
}

// The worlds hold what they promise to hold.
func TestWorldsAreVaried(t *testing.T) {
	var partial, throttled, flaps, dark, artefact, lasting int
	for seed := range uint64(3) {
		for _, b := range Generate(seed, small).Truth {
			for n, is := range map[*int]bool{&partial: b.Partial, &throttled: b.Throttled, &flaps: b.Flaps, &dark: b.Target == "*", &artefact: b.Artefact, &lasting: b.To.IsZero()} {
				if is {
					*n++
				}
			}
		}
	}
	if partial == 0 || throttled == 0 || flaps == 0 || dark == 0 || artefact == 0 || lasting == 0 {
		t.Errorf("partial %d, throttled %d, flaps %d, dark %d, artefact %d, lasting %d", partial, throttled, flaps, dark, artefact, lasting)
	}
}

// A small benchmark holds the goals with some room for chance; the whole one
// (BANDISH_BENCH=1) holds them as they stand.
func TestGoals(t *testing.T) {
	seeds, size := []uint64{2001}, small
	if os.Getenv("BANDISH_LONG") != "" {
		seeds = append(seeds, 2002)
	}
	precision, recall, coverage := 0.90, 0.90, 0.86 // of some twenty events one may be wrong
	whole := os.Getenv("BANDISH_BENCH") != ""
	if whole {
		seeds, size = nil, Standard
		for seed := range uint64(30) {
			seeds = append(seeds, 1000+seed)
		}
		precision, recall, coverage = 0.98, 0.94, 0.93 // 0.95 is wanted; docs/DETECTION.md says what is reached
	}
	scores := Run(seeds, size)
	ours := scores[0]
	if got := share(ours.Right, ours.Found); got < precision {
		t.Errorf("precision %.3f", got)
	}
	if got := share(ours.RichHit, ours.Rich); got < recall {
		t.Errorf("recall where 8 measurements a day exist %.3f", got)
	}
	if got := share(ours.Pieces, ours.Hit); got > 1.05 {
		t.Errorf("%.3f events a ban", got)
	}
	in, all := ours.OnsetIn+ours.EndIn, ours.OnsetIn+ours.OnsetOut+ours.EndIn+ours.EndOut
	if got := share(in, all); got < coverage {
		t.Errorf("%.3f of the intervals hold the truth", got)
	}
	if limit := max(1, ours.QuietYears/1000); float64(ours.QuietAlarms) > limit {
		t.Errorf("%d false alarms in %.0f quiet series-years", ours.QuietAlarms, ours.QuietYears)
	}
	var b strings.Builder
	WriteTable(&b, scores)
	t.Log("\n" + b.String())
}

func TestVolume(t *testing.T) {
	v := Volume{Countries: 2, Targets: 20, Networks: 5, Days: 365, Present: 0.5}
	l := Measure(v, time.Now)
	if l.Cells < 30000 || l.Events == 0 {
		t.Errorf("%+v", l)
	}
}

// Stories of every scenario are found, dated, grouped, and break no law. Few
// are told here, of every second one without BANDISH_LONG: go run ./event/bench/table
// -scenarios all tells more.
func TestScenarios(t *testing.T) {
	stories := 1
	if os.Getenv("BANDISH_LONG") != "" {
		stories = 9
	}
	var in, of int
	for i, s := range Scenarios {
		if i%2 != 0 && stories == 1 {
			continue
		}
		var seeds []uint64
		for i := range stories {
			seeds = append(seeds, 500+uint64(i))
		}
		o, err := s.Try(seeds, Detector)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range o.Flaws {
			t.Errorf("%s: %s", s.Name, f)
		}
		if s.hard() {
			continue
		}
		if o.Found < o.Stories || o.Right < o.Events || o.Right > o.Found {
			t.Errorf("%s: %d of %d found by %d events, %d of them right", s.Name, o.Found, o.Stories, o.Events, o.Right)
		}
		in, of = in+o.OnsetIn+o.EndIn, of+o.OnsetOf+o.EndOf
	}
	if share(in, of) < 0.9 {
		t.Errorf("%d of %d intervals hold the truth", in, of)
	}
}

// hard reports whether a scenario is one of those of which not all is found, or
// not in one piece:
// docs/DETECTION.md says what is reached.
func (s Scenario) hard() bool {
	return s.Hours[0] != s.Hours[1] || s.Ramp > 0 || s.PerDay < 0.5 || s.Strength > 0 && s.Networks <= 3
}

// The hours of a ban are told by the country's clock, also where it is not whole
// hours from UTC. (The rows are made; only the clock is India's.)
func TestHoursAreLocal(t *testing.T) {
	i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Weekdays })
	story := Scenarios[i].Tell(501)
	for k := range story.Rows {
		story.Rows[k].CC = "IN"
	}
	found := event.Detect(story.Cells(), time.Time{}).Events
	if len(found) != 1 || found[0].Schedule == nil {
		t.Fatalf("found %+v", found)
	}
	const want = "on weekdays, 13:30 to 17:30 local time (Asia/Kolkata)" // 8 to 12 UTC
	if got := found[0].Schedule.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	text, err := json.Marshal(found[0].Schedule)
	var back event.Schedule
	if err2 := json.Unmarshal(text, &back); err != nil || err2 != nil || back != *found[0].Schedule {
		t.Errorf("%s: %v, %v", text, err, err2)
	}
}

func TestSameSeedSameStory(t *testing.T) {
	s := Scenarios[0]
	if !reflect.DeepEqual(s.Tell(3), s.Tell(3)) {
		t.Error("two tellings differ")
	}
	if reflect.DeepEqual(s.Tell(3).Rows, s.Tell(4).Rows) {
		t.Error("two seeds agree")
	}
}
