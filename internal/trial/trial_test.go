package trial

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/probe/dataformat"
	"github.com/bandish/bandish/measurement"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Most of a test is waiting. What -parallel says comes after and decides.
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	frugal.Tests()
	goleak.VerifyTestMain(m)
}

var (
	runs = flag.Int("runs", 0, "how many lab runs TestLab makes, over all scenarios and sites in turn; 0: one of each scenario and of a third of the awkward sites (BANDISH_LONG=1: of all)")
	pick = flag.Uint64("pick", 1, "seed that picks the third of the awkward sites")
	only = flag.String("only", "", "run the scenarios whose name contains this, and print what was found")
	dump = flag.String("dump", "", "write the measurements of -only into this folder")
)

// concurrency is how many runs go at a time. Most of a run is waiting.
var concurrency = 32

// long asks for everything, as often as it should be tried.
func long() bool { return os.Getenv("BANDISH_LONG") != "" || *runs > 0 || *only != "" }

// TestLab runs the scenarios and the awkward sites and prints the confusion
// matrix. No truth may be missed, and nothing that is not blocked may be
// called blocked.
func TestLab(t *testing.T) {
	t.Parallel()
	sites := lab.Sites()
	scenarios := lab.Scenarios()
	for _, a := range lab.Awkward() {
		sites = append(sites, a.Site)
	}
	scenarios = slices.DeleteFunc(append(scenarios, awkward()...), func(s lab.Scenario) bool { return !strings.Contains(s.Name, *only) })
	slices.SortStableFunc(scenarios, func(a, b lab.Scenario) int { return length(b) - length(a) })
	n := *runs
	if n == 0 {
		n = len(scenarios)
	}
	l, err := lab.New(sites...)
	f := field(t, l, err)
	defer f.Close()

	began := time.Now()
	results := runAll(t, f, n, func(i int) Result { return runOnce(t, f, scenarios[i%len(scenarios)], uint64(i/len(scenarios))) })
	t.Logf("%d runs in %v, %d at a time\n%s\n%s", n, time.Since(began).Round(time.Millisecond), concurrency, NewMatrix(results), NewMechanisms(results))
	report(t, results)
	if *only == "" {
		reportOONI(t, f, results)
	}
}

// length is 1 for a scenario whose transfers run into their timeouts: those go
// first, so that the last run is not the longest.
func length(s lab.Scenario) int {
	if strings.HasPrefix(s.Name, "throttle") || s.Name == "http-freeze" {
		return 1
	}
	return 0
}

// awkward picks the awkward sites to run: all of them in a long test.
func awkward() []lab.Scenario {
	var all []lab.Scenario
	for _, a := range lab.Awkward() {
		all = append(all, a.Scenario)
	}
	if long() {
		return all
	}
	rand.New(rand.NewPCG(*pick, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	share := 3
	if testing.Short() {
		share = 6
	}
	return all[:len(all)/share]
}

func report(t *testing.T, results []Result) {
	t.Helper()
	for i := range results {
		r := &results[i]
		if r.Mismatch != "" {
			t.Errorf("%s (seed %d): %s", r.Scenario.Name, r.Seed, r.Mismatch)
		}
		if *only != "" {
			show(t, r)
		}
	}
}

// passes is how often a run is made whose machine stalled each time.
const passes = 6

// runAll makes n runs, several at a time. A run with a mismatch during which
// the machine stalled says nothing: it is made again when all are through, in
// quieter company and with more patience.
func runAll(t *testing.T, f *Field, n int, run func(i int) Result) []Result {
	t.Helper()
	pace := NewPace()
	defer pace.Close()
	results := make([]Result, n)
	pending := make([]int, n)
	for i := range pending {
		pending[i] = i
	}
	together := concurrency
	for pass := 1; pass <= passes && len(pending) > 0; pass++ {
		if pass > 1 {
			together = max(together/4, 1)
			f.wait(2)
			t.Logf("%d runs again, %d at a time: the machine stalled (%v at worst)", len(pending), together, pace.Worst().Round(time.Millisecond))
		}
		pending = runPass(t, pace, together, pending, func(i int) bool {
			results[i] = run(i)
			return results[i].Mismatch == ""
		})
	}
	return results
}

// runPass runs those to do and returns those to do again.
func runPass(t *testing.T, pace *Pace, together int, pending []int, run func(int) bool) (again []int) {
	var all sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, together)
	for _, i := range pending {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			pace.KeepUp(t.Context())
			began := time.Now()
			if !run(i) && pace.Stalled(began) {
				mu.Lock()
				again = append(again, i)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(again)
	return again
}

// wait gives every step of probe and helper so many times the usual timeout,
// but not a page: how long that may take is part of the truth about throttling.
// No run may be under way.
func (f *Field) wait(times time.Duration) {
	f.timeouts.DNS, f.timeouts.TCP = times*Timeouts.DNS, times*Timeouts.TCP
	f.timeouts.TLS, f.timeouts.QUIC = times*Timeouts.TLS, times*Timeouts.QUIC
	f.helper.Wire.Timeouts = f.timeouts
}

func runOnce(t *testing.T, f *Field, s lab.Scenario, seed uint64) Result {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := f.Run(ctx, s, seed, nil)
	if err != nil {
		t.Error(err)
		return r
	}
	if err := f.readsBack(&r); err != nil {
		t.Errorf("%s (seed %d): %v", s.Name, seed, err)
	}
	return r
}

// readsBack reports a measurement that is not as OONI's documents say, or that
// the importer reads back to other observations.
func (f *Field) readsBack(r *Result) error {
	raw, err := json.Marshal(r.Measurement)
	if err != nil {
		return err
	}
	var all []error
	for _, p := range dataformat.Check(raw) {
		all = append(all, errors.New("data format: "+p))
	}
	m, err := measurement.Decode(raw)
	if err != nil {
		return fmt.Errorf("our own importer: %w", err)
	}
	if len(m.Defects) > 0 {
		all = append(all, fmt.Errorf("our own importer found defects: %v", m.Defects))
	}
	if rows, v := f.Judge(m); !reflect.DeepEqual(rows, r.Rows) || !reflect.DeepEqual(v, r.Verdict) {
		all = append(all, errors.New("the observations differ after a round trip"))
	}
	return errors.Join(all...)
}

func field(t *testing.T, l *lab.Lab, err error) *Field {
	t.Helper()
	if errors.Is(err, lab.ErrNoKernel) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewField(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// kernelScenarios are one of each kind: what the censor does to the real
// kernel does not depend on which names it does it to.
var kernelScenarios = []string{
	"ok-https", "ok-big", "ok-far", "dns-nxdomain", "dns-race", "dns-drop", "tcp-drop", "tcp-reset", "tcp-unreachable",
	"tls-reset", "tls-drop", "tls-close", "tls-mitm", "http-blockpage", "http-reset", "throttle-rate", "throttle-loss", "quic-drop",
}

// TestKernel runs the scenarios of the table against the real kernel: one of
// each kind, in a long test all of them.
func TestKernel(t *testing.T) {
	t.Parallel()
	l, err := lab.NewKernel(lab.Sites()...)
	f := field(t, l, err)
	defer f.Close()
	scenarios := slices.DeleteFunc(lab.Scenarios(), func(s lab.Scenario) bool {
		return !strings.Contains(s.Name, *only) || !long() && !slices.Contains(kernelScenarios, s.Name)
	})
	if !long() && len(scenarios) != len(kernelScenarios) {
		t.Errorf("%d scenarios, want %d", len(scenarios), len(kernelScenarios))
	}
	began := time.Now()
	results := runAll(t, f, len(scenarios), func(i int) Result { return runOnce(t, f, scenarios[i], 0) })
	for i := range results {
		for seed := uint64(1); seed < byChanceRuns && results[i].Mismatch != "" && results[i].Scenario.Name == "throttle-loss"; seed++ {
			results[i] = runOnce(t, f, results[i].Scenario, seed) // which packets are lost is chance: four runs in a row are not
		}
	}
	t.Logf("%d runs against the kernel in %v\n%s\n%s", len(results), time.Since(began).Round(time.Millisecond), NewMatrix(results), NewMechanisms(results))
	report(t, results)
}

func show(t *testing.T, r *Result) {
	v := r.Verdict
	t.Logf("%s: %s\n  truth %+v\n  state %s mechanisms %v rules %v\n  dns %v tcp %v tls %v http %v quic %v", r.Scenario.Name, r.Scenario.About,
		r.Scenario.Truth, v.State, v.Mechanisms, v.Rules, v.DNS, v.TCP, v.TLS, v.HTTP, v.QUIC)
	if *dump != "" {
		doc, err := json.MarshalIndent(r.Measurement, "", " ")
		if err == nil {
			err = os.WriteFile(fmt.Sprintf("%s/%s.json", *dump, r.Scenario.Name), doc, 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
