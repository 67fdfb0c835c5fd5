package trial

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/lab"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	runs = flag.Int("runs", 0, "how many lab runs TestLab makes; 0: a few of each scenario")
	only = flag.String("only", "", "run the scenarios whose name contains this, and print what was found")
	dump = flag.String("dump", "", "write the measurements of -only into this folder")
)

// concurrency is how many runs go at a time. Most of a run is waiting.
var concurrency = 24

// stride: one awkward site in so many is run.
var stride = 1

// TestLab runs every scenario and every awkward site and prints the confusion
// matrix. No truth may be missed, and nothing that is not blocked may be
// called blocked.
func TestLab(t *testing.T) {
	scenarios := lab.Scenarios()
	sites := lab.Sites()
	if testing.Short() {
		stride = max(stride, 6)
	}
	for i, a := range lab.Awkward() {
		sites = append(sites, a.Site)
		if i%stride == 0 {
			scenarios = append(scenarios, a.Scenario)
		}
	}
	if *only != "" {
		scenarios = slices.DeleteFunc(scenarios, func(s lab.Scenario) bool { return !strings.Contains(s.Name, *only) })
	}
	n := *runs
	if n == 0 {
		n = len(scenarios)
	}
	l, err := lab.New(sites...)
	f := field(t, l, err)
	defer f.Close()

	began := time.Now()
	results := runAll(t, f, scenarios, n)
	took := time.Since(began)

	m := NewMatrix(results)
	t.Logf("%d runs in %v, %d at a time\n%s", n, took.Round(time.Millisecond), concurrency, m)
	for i := range results {
		if r := &results[i]; r.Mismatch != "" {
			t.Errorf("%s (seed %d): %s", r.Scenario.Name, r.Seed, r.Mismatch)
		}
		if *only != "" {
			show(t, &results[i])
		}
	}
}

// runAll runs the scenarios in turn, n runs in all, several at a time. A run
// during which the machine stalled is made again.
func runAll(t *testing.T, f *Field, scenarios []lab.Scenario, n int) []Result {
	pace := NewPace()
	defer pace.Close()
	results := make([]Result, n)
	var all sync.WaitGroup
	var again atomic.Int64
	slots := make(chan struct{}, concurrency)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			for range 5 {
				pace.KeepUp(t.Context())
				began := time.Now()
				results[i] = runOnce(t, f, scenarios[i%len(scenarios)], uint64(i/len(scenarios)))
				if results[i].Mismatch == "" || !pace.Stalled(began) {
					return
				}
				again.Add(1)
			}
		})
	}
	all.Wait()
	t.Logf("longest stall of the machine %v; %d runs made again", pace.Worst().Round(time.Millisecond), again.Load())
	return results
}

func runOnce(t *testing.T, f *Field, s lab.Scenario, seed uint64) Result {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := f.Run(ctx, s, seed, nil)
	if err != nil {
		t.Error(err)
	}
	return r
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

// TestKernel runs the scenarios of the table against the real kernel.
func TestKernel(t *testing.T) {
	l, err := lab.NewKernel(lab.Sites()...)
	f := field(t, l, err)
	defer f.Close()
	scenarios := slices.DeleteFunc(lab.Scenarios(), func(s lab.Scenario) bool {
		// Linux recovers from loss on so short a line: how slow it gets is
		// left to chance.
		return !strings.Contains(s.Name, *only) || s.Name == "throttle-loss"
	})
	began := time.Now()
	results := runAll(t, f, scenarios, len(scenarios))
	t.Logf("%d runs against the kernel in %v\n%s", len(results), time.Since(began).Round(time.Millisecond), NewMatrix(results))
	for i := range results {
		if r := &results[i]; r.Mismatch != "" {
			t.Errorf("%s: %s", r.Scenario.Name, r.Mismatch)
		}
		if *only != "" {
			show(t, &results[i])
		}
	}
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
