package event_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/event/parameter"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// steady measures a target on each network every so many hours, by a new report
// each time. One in fifteen is blocked though nobody interferes. change makes of
// a row what the case is about.
func steady(days, hours float64, nets int, change func(r *verdict.Row, day float64, net int)) []verdict.Row {
	var out []verdict.Row
	for net := range nets {
		n := net
		for day := float64(net) / 100; day < days; day += hours / 24 {
			n++
			id := fmt.Sprintf("%d-%d", net, n)
			r := verdict.Row{UID: id, ReportID: "report-" + id, Time: at(day), CC: "ZZ", ASN: 64512 + uint32(net), ResolverASN: 64512 + uint32(net), Target: "x",
				TestName: "web_connectivity", Software: "probe/1", State: verdict.OK}
			if n%15 == 0 {
				blocked(&r)
			}
			change(&r, day, net)
			out = append(out, r)
		}
	}
	return out
}

func blocked(r *verdict.Row) { r.State, r.Mechanisms = verdict.Blocked, []string{"tls.reset"} }

func impaired(r *verdict.Row) { r.State, r.Mechanisms = verdict.Impaired, []string{"tls.timeout"} }

func fine(r *verdict.Row) { r.State, r.Mechanisms = verdict.OK, nil }

// in are rows of several countries, and of some targets in each: some are left
// out, and the others changed.
func in(countries, targets int, rows []verdict.Row, change func(country, target int, r *verdict.Row, day float64) bool) []verdict.Row {
	var out []verdict.Row
	for i := range countries {
		for k := range targets {
			for n, r := range rows {
				r.CC, r.Target = fmt.Sprintf("X%c", 'A'+i), fmt.Sprintf("site-%d", k)
				r.UID, r.ReportID = r.CC+r.Target+r.UID, r.CC+r.ReportID
				if fine(&r); targets > 1 && n%15 == k {
					blocked(&r)
				}
				if change(i, k, &r, r.Time.Sub(start).Hours()/24) {
					out = append(out, r)
				}
			}
		}
	}
	return out
}

// need is a story in which parameters decide, each of them alone.
type need struct {
	story string
	of    string // the parameters
	value float64
	says  func(event.Result) string
	with  string // with the parameters as they are
	moved string // with one of them at the value
	rows  []verdict.Row
}

// Each parameter that no scenario and no real history needs has a story here
// that comes out otherwise without it.
func TestNeeded(t *testing.T) {
	untried := map[string]bool{}
	for _, e := range parameter.Standard.List() {
		if e.Needs == "TestNeeded" {
			untried[e.Name] = true
		}
	}
	for _, n := range slices.Concat(candidates(), courses(), worlds(), schedules()) {
		find := func() string {
			return n.says(event.Detect(series.Build(slices.Values(n.rows), series.Hour), time.Time{}))
		}
		if got := find(); got != n.with {
			t.Errorf("%s: %s, want %s", n.story, got, n.with)
		}
		for name := range strings.SplitSeq(n.of, " ") {
			delete(untried, name)
			restore, err := parameter.Standard.Set(name, n.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := find(); got != n.moved {
				t.Errorf("%s: with %s = %v: %s, want %s", n.story, name, n.value, got, n.moved)
			}
			restore()
		}
	}
	for name := range untried {
		t.Errorf("%s has no story", name)
	}
}

// found are how many events there are, and artefacts.
func found(r event.Result) string {
	return fmt.Sprintf("%d events, %d set aside", len(r.Events), len(r.Artefacts))
}

const (
	quiet = "0 events, 0 set aside"
	one1  = "1 events, 0 set aside"
)

// during changes the rows of network 1 from one day to another.
func during(from, to float64, change func(*verdict.Row)) func(*verdict.Row, float64, int) {
	return func(r *verdict.Row, day float64, net int) {
		if net == 1 && day >= from && day < to {
			change(r)
		}
	}
}

// everywhere changes the rows of all networks.
func everywhere(from, to float64, change func(*verdict.Row)) func(*verdict.Row, float64, int) {
	return func(r *verdict.Row, day float64, _ int) {
		if day >= from && day < to {
			change(r)
		}
	}
}

// every changes one row of so many, from the first.
func every(n int, change, other func(*verdict.Row)) func(*verdict.Row) {
	k := 0
	return func(r *verdict.Row) {
		if k++; k%n == 1 {
			change(r)
		} else {
			other(r)
		}
	}
}

func candidates() []need {
	foreign := func(r *verdict.Row) { fine(r); r.ResolverASN = 65000 }
	loud := func(r *verdict.Row, _ float64, _ int) { fine(r); r.UID, r.ReportID = r.UID+"-loud", "loud" }
	long := func(r *verdict.Row, day float64, _ int) {
		if day >= 48 && day < 80 {
			blocked(r)
			r.ReportID = fmt.Sprint("report-", int(day)/8)
		}
	}
	brief := func(r *verdict.Row, day float64, net int) {
		if day >= 45 && day < 58 {
			fine(r)
		}
		during(50, 53, impaired)(r, day, net)
	}
	networks := func(r event.Result) string {
		if len(r.Events) != 1 {
			return found(r)
		}
		return strings.Join(r.Events[0].Networks, " ")
	}
	twice := func(r *verdict.Row, day float64, net int) {
		switch {
		case net == 1 && day >= 50 && day < 80 || net == 0 && day >= 60.4 && day < 61.4:
			blocked(r)
		case day >= 50 && day < 80:
			fine(r)
		case r.State == verdict.Blocked && int(day)%2 == 0:
			impaired(r)
		}
	}
	return []need{
		{"two networks, of which one is blocked, and the other fails twice meanwhile", "Candidate.NamedWrongly", 1e6, networks, "AS64513", "AS64512 AS64513",
			steady(120, 12, 2, twice)},
		{"seven blocked reports on one of four networks", "Candidate.AloneScore", 0.1, found, quiet, one1,
			steady(120, 8, 4, during(50, 52, blocked))},
		{"half of a network's measurements fail, through one resolver", "Candidate.ClearRise", 0.1, found, quiet, one1,
			steady(120, 4, 4, during(50, 60, every(2, blocked, fine)))},
		{"half of a network's measurements fail, those through its own resolver", "Candidate.PureTimes Candidate.PureShare", 1e6, found, one1, quiet,
			steady(120, 4, 4, during(50, 60, every(2, foreign, blocked)))},
		{"one of four networks fails for three days, half of it without a sign of why", "Candidate.Surely", 0.01, found, one1, quiet,
			steady(120, 8, 4, during(50, 53.34, every(2, impaired, blocked)))},
		{"each of four networks fails once on one day, without a sign of why", "Candidate.OverallVotes", 0.1, found, quiet, one1,
			steady(120, 24, 4, everywhere(50, 51, impaired))},
		{"one of four networks fails eight times in five days, without a sign of why", "Candidate.AloneVotes", 1, found, quiet, one1,
			steady(120, 16, 4, during(50, 55.2, impaired))},
		{"one of four networks fails for three days, without a sign of why", "Candidate.AloneDays", 1, found, quiet, one1,
			steady(120, 4, 4, brief)},
		{"two networks always fail, without a sign of why", "Candidate.AlwaysNets", 1, found, quiet, one1,
			steady(60, 12, 2, everywhere(0, 60, impaired))},
		{"four networks fail seven times of eight, always and without a sign of why", "Candidate.AlwaysRate", 0.5, found, quiet, one1,
			steady(60, 12, 4, everywhere(0, 60, every(8, fine, impaired)))},
		{"a year's ban pauses for twelve days", "Candidate.LullLong", 1, found, one1, "2 events, 0 set aside",
			steady(420, 24, 2, func(r *verdict.Row, day float64, _ int) {
				if day >= 50 && day < 200 || day >= 212 && day < 400 {
					blocked(r)
				}
			})},
		{"one report says ok each day while others are blocked", "Candidate.LoudVotes", 1e6, found, one1, quiet,
			append(steady(120, 24, 1, everywhere(50, 55, blocked)), steady(120, 24, 1, loud)...)},
		{"four reports that last eight days each", "Candidate.LoudTimes", 1, found, one1, quiet, steady(120, 12, 1, long)},
	}
}

func courses() []need {
	confidence := func(r event.Result) string {
		if len(r.Events) != 1 {
			return found(r)
		}
		return fmt.Sprint(r.Events[0].Confidence)
	}
	evidence := func(r event.Result) string {
		if len(r.Events) != 1 {
			return found(r)
		}
		return fmt.Sprint(len(r.Events[0].Evidence), " measurements")
	}
	lull := func(r event.Result) string {
		for _, e := range r.Events {
			for _, p := range e.Phases {
				if p.Kind == event.PhaseLull {
					return fmt.Sprintf("a lull of %.0f hours", p.To.Sub(p.From).Hours())
				}
			}
		}
		return "no lull"
	}
	brief := steady(120, 8, 4, everywhere(50, 51, blocked))
	return []need{
		{"a day on which twelve measurements are blocked", "Course.SureOffset", 16, confidence, "0.94", "0.72", brief},
		{"a day on which twelve measurements are blocked", "Course.SureScale", 16, confidence, "0.94", "0.75", brief},
		{"a month on one network", "Course.SureOne", 0.5, confidence, "0.95", "0.5", steady(120, 4, 1, everywhere(50, 80, blocked))},
		{"a month without a sign of why", "Course.SureWeak", 0.5, confidence, "0.85", "0.5", steady(120, 4, 3, everywhere(50, 80, impaired))},
		{"always, without a sign of why", "Course.SureAlways", 0.5, confidence, "0.51", "0.43", steady(60, 12, 4, everywhere(0, 60, impaired))},
		{"twelve networks", "Course.Evidence", 100, evidence, "24 measurements", "70 measurements", steady(80, 12, 12, everywhere(50, 70, blocked))},
		{"access within a ban, and four days of which half is not measured", "Course.LullReach", 1, lull, "a lull of 60 hours", "a lull of 12 hours",
			steady(120, 4, 2, func(r *verdict.Row, day float64, _ int) {
				switch {
				case day >= 60 && day < 61.4 || day > 62 && day < 64:
					r.State, r.Mechanisms = verdict.Insufficient, nil
				case day >= 50 && day < 80 && (day < 60 || day > 64):
					blocked(r)
				}
			})},
	}
}

// A time within a ban in which fewer measurements fail, but more than usual, is
// no access. Where as few fail as usual it is.
func TestLullIsAccess(t *testing.T) {
	for per, want := range map[int]int{3: 0, 15: 1} { // one in so many fails from day 65 to 69
		k := 0
		rows := steady(120, 3, 2, func(r *verdict.Row, day float64, _ int) {
			switch {
			case day >= 65 && day < 69:
				if k++; k%per == 0 {
					blocked(r)
				} else {
					fine(r)
				}
			case day >= 50 && day < 90:
				blocked(r)
			}
		})
		lulls := 0
		for _, p := range one(t, detect(rows)).Phases {
			if p.Kind == event.PhaseLull {
				lulls++
			}
		}
		if min(lulls, 1) != want {
			t.Errorf("one of %d fails: %d lulls, want %d", per, lulls, want)
		}
	}
}

func worlds() []need {
	always := func(_, _ int, r *verdict.Row, _ float64) bool { impaired(r); return true }
	// some countries of many block for ten days, the last of them for more
	block := func(some int, last float64) func(int, int, *verdict.Row, float64) bool {
		return func(i, _ int, r *verdict.Row, day float64) bool {
			if i < some && day >= 50 && (day < 60 || i == some-1 && day < last) {
				blocked(r)
			}
			return i < some || day > 40 && day < 60
		}
	}
	early := func(i, _ int, r *verdict.Row, day float64) bool {
		if i < 4 && day >= 50 && day < 60 {
			blocked(r)
		}
		return i < 4 || day < 20
	}
	noise := steady(90, 12, 2, func(*verdict.Row, float64, int) {})
	// one network, and another one that was measured until day 10 only
	sole := slices.Concat(steady(120, 12, 1, func(*verdict.Row, float64, int) {}),
		slices.DeleteFunc(steady(10, 0.5, 2, func(*verdict.Row, float64, int) {}), func(r verdict.Row) bool { return r.ASN == 64512 }))
	return []need{
		{"a target always fails in three countries", "World.Always", 4, found, "0 events, 3 set aside", "3 events, 0 set aside", in(3, 1, steady(60, 12, 3, func(*verdict.Row, float64, int) {}), always)},
		{"seven of twenty countries change at once", "World.Sure", 100, found, "0 events, 7 set aside", "7 events, 0 set aside", in(20, 1, noise, block(7, 60))},
		{"five of twenty countries change at once", "World.Share", 0.1, found, "5 events, 0 set aside", "0 events, 5 set aside", in(20, 1, noise, block(5, 60))},
		{"six countries change at once, and one of them for longer", "World.Apart", 1e9, found, "1 events, 5 set aside", "0 events, 6 set aside", in(6, 1, noise, block(6, 75))},
		{"four countries change at once, where ten others had been measured long before", "World.WatchSpan", 100, found, "0 events, 4 set aside", "4 events, 0 set aside", in(14, 1, noise, early)},
		{"all of eight targets fail where one network is measured, and another was", "Defect.SoleSpan", 1e9, found, one1, "0 events, 1 set aside", in(1, 8, sole, func(_, _ int, r *verdict.Row, day float64) bool {
			if day >= 50 && day < 55 {
				blocked(r)
			}
			return true
		})},
		{"new software on one network, on the day of a ban that others obey three days later", "Label.JoinedLater", 3600, found, one1, "0 events, 1 set aside", steady(120, 8, 3, func(r *verdict.Row, day float64, net int) {
			if day > 46 && day < 53 {
				fine(r)
			}
			if net == 0 && day >= 50 {
				r.Software = "probe/2"
			}
			if day >= 50 && day < 60 && (net == 0 || day >= 53) {
				blocked(r)
			}
		})},
	}
}

func schedules() []need {
	hours := func(r event.Result) string {
		if len(r.Events) != 1 || r.Events[0].Schedule == nil {
			return found(r)
		}
		return r.Events[0].Schedule.String()
	}
	exams := steady(84, 1, 2, func(r *verdict.Row, day float64, _ int) {
		if h := r.Time.Hour(); day >= 35 && day < 63 && h >= 8 && h < 12 && int(day)%7 < 5 {
			blocked(r)
		}
	})
	const want = "on weekdays, 08:00 to 12:00 UTC"
	return []need{
		{"four hours of weekdays", "Schedule.Block", 86400, hours, want, quiet, exams},
		{"four hours of weekdays", "Schedule.Shortest", 5, hours, want, "on weekdays, 07:00 to 12:00 UTC", exams},
		{"four hours of weekdays", "Schedule.Longest", 3, hours, want, "on weekdays, 08:00 to 11:00 UTC", exams},
	}
}
