package trial

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/verdict"
)

// paceRuns is how often each condition is measured: once a seed.
const paceRuns = 6

// TestPaceThresholds measures transfers over connections that are clean, slow
// by themselves, and throttled by rate and by loss, and prints what the
// thresholds of throttling (verdict/slow.go) have to separate. None that
// nobody throttles may be called blocked, by whatever rule; those held to a rate
// under the name must be, and found by the name. It takes two minutes and a
// half: BANDISH_LONG=1.
func TestPaceThresholds(t *testing.T) {
	if os.Getenv("BANDISH_LONG") == "" {
		t.Skip("set BANDISH_LONG=1")
	}
	conditions, sites := paceConditions()
	l, err := lab.New(sites...)
	f := field(t, l, err)
	defer f.Close()
	pace := NewPace()
	defer pace.Close()

	results := make([][]Result, len(conditions))
	var all sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, c := range conditions {
		results[i] = make([]Result, paceRuns)
		for seed := range paceRuns {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				pace.KeepUp(t.Context())
				results[i][seed] = runOnce(t, f, c, uint64(seed))
			})
		}
	}
	all.Wait()
	t.Logf("longest stall of the machine %v\n%s", pace.Worst().Round(time.Millisecond), paceTable(results))
	for _, rs := range results {
		for i := range rs {
			judgePace(t, &rs[i])
		}
	}
}

func judgePace(t *testing.T, r *Result) {
	blocked := r.Verdict.State == verdict.Blocked || r.Verdict.State == verdict.LikelyBlocked
	byName := strings.Contains(strings.Join(r.Verdict.Rules, " "), "throttle_name")
	switch name := r.Scenario.Name; {
	case !strings.HasPrefix(name, "throttled") && blocked:
		t.Errorf("%s (seed %d): %s by %v, and nobody throttles", name, r.Seed, r.Verdict.State, r.Verdict.Rules)
	case strings.HasPrefix(name, "throttled to") && !byName:
		t.Errorf("%s (seed %d): %s by %v, want it found by the name", name, r.Seed, r.Verdict.State, r.Verdict.Rules)
	}
}

// paceConditions are connections of every sort, and the sites they go to.
func paceConditions() ([]lab.Scenario, []lab.Site) {
	sites := []lab.Site{{Name: "clean.test", Page: dripping(0, "")}}
	to := func(scheme, site string) string { return scheme + "://" + site + "/" }
	all := []lab.Scenario{
		{Name: "clean", Input: to("https", "clean.test")},
		{Name: "clean, in clear text", Input: to("http", "clean.test")},
		{Name: "clean, 60 ms away", Input: to("https", "clean.test"), Delay: 60 * time.Millisecond},
	}
	for _, rate := range []int{250_000, 100_000, 60_000} {
		name := fmt.Sprintf("slow%d.test", rate)
		sites = append(sites, lab.Site{Name: name, Page: dripping(rate, "")})
		all = append(all, lab.Scenario{Name: fmt.Sprintf("slow server, %d kB/s", rate/1000), Input: to("https", name)})
	}
	sites = append(sites, lab.Site{Name: "partial.test", Page: dripping(30_000, "client")})
	all = append(all,
		lab.Scenario{Name: "server slow to the probe alone", Input: to("https", "partial.test")},
		lab.Scenario{Name: "slow line", Input: to("https", "clean.test"), Rules: []lab.Rule{{When: lab.When{Ports: []uint16{443}}, Do: lab.Slow{Rate: 60_000, Burst: 16 << 10}}}},
		lab.Scenario{Name: "line that loses a seventh, 80 ms", Input: to("https", "clean.test"), Delay: 40 * time.Millisecond, Rules: []lab.Rule{{Do: lab.Lose{Probability: 0.15}}}},
		lab.Scenario{Name: "lossy line", Input: to("https", "clean.test"), Rules: []lab.Rule{{When: lab.When{Ports: []uint16{443}}, Do: lab.Lose{Probability: 0.1}}}},
	)
	for _, port := range []uint16{443, 80} {
		scheme := map[uint16]string{443: "https", 80: "http"}[port]
		under := lab.When{Names: []string{"clean.test"}, Ports: []uint16{port}}
		for _, rate := range []int{80_000, 40_000, 16_000} {
			all = append(all, lab.Scenario{Name: fmt.Sprintf("throttled to %d kB/s, %s", rate/1000, scheme), Input: to(scheme, "clean.test"),
				Rules: []lab.Rule{{When: under, Do: lab.Slow{Rate: rate, Burst: 16 << 10}}}})
		}
		all = append(all, lab.Scenario{Name: "throttled by loss of 35 %, " + scheme, Input: to(scheme, "clean.test"),
			Rules: []lab.Rule{{When: under, Do: lab.Lose{Probability: 0.35}}}})
	}
	return all, sites
}

// dripping serves 200 kB at a rate; 0 is as fast as it goes. Where only is
// "client", the control gets it at once.
func dripping(rate int, only string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<title>A long page of the lab</title>")
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		slow := rate > 0 && (only == "" || err == nil && lab.ASNOf(from.Addr().Unmap()) == lab.ClientASN)
		for range 50 {
			if _, err := w.Write([]byte(strings.Repeat("drip", 1000))); err != nil {
				return
			}
			if slow {
				if f, ok := w.(http.Flusher); ok {
					f.Flush()
				}
				time.Sleep(time.Duration(4000) * time.Second / time.Duration(rate))
			}
		}
	}
}

// paceTable writes what was measured, a line a condition: the range over its
// runs.
func paceTable(results [][]Result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "condition\truns\ttarget kB/s\tround trips\treference/target\tname kB/s\town/name\tstates")
	for _, rs := range results {
		var target, trips, times, named, own []float64
		states := map[verdict.State]int{}
		for i := range rs {
			states[rs[i].Verdict.State]++
			for _, row := range rs[i].Rows {
				if row.Pace == 0 {
					continue
				}
				target, trips, times = append(target, row.Pace/1000), append(trips, row.PaceTrips), append(times, row.PaceReference/row.Pace)
				if row.PaceNamed > 0 {
					named, own = append(named, row.PaceNamed/1000), append(own, row.PaceOwn/row.PaceNamed)
				}
				break
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%v\n", rs[0].Scenario.Name, len(rs), spread(target), spread(trips), spread(times), spread(named), spread(own), states)
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

// spread writes how many values there are, the least and the most.
func spread(v []float64) string {
	if len(v) == 0 {
		return "-"
	}
	least, most := v[0], v[0]
	for _, x := range v {
		least, most = min(least, x), max(most, x)
	}
	return fmt.Sprintf("%d: %.3g–%.3g", len(v), least, most)
}
