package object_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/internal/object/objecttest"
)

var simulate = flag.Bool("simulate", false, "print the table of docs/SCALE.md: a thousand workers")

// world is workers who commit batches to one store: each batch is an object of its own,
// and a line in the object that lists the batches of its day. Time is virtual.
type world struct {
	workers, batches, days int // batches of a worker
	// Of each request: how long the store takes, how likely it is that it gets lost, or
	// its answer, and that the worker dies in it.
	latency time.Duration
	lost    float64
	dies    float64
	rest    time.Duration // until the work of a dead worker is taken over
	work    time.Duration // that a batch takes
}

// outcome is what a simulation came to.
type outcome struct {
	took     time.Duration
	commits  int
	requests int
	swaps    int // that succeeded, or were in vain
	deaths   int64
}

var (
	errLost = errors.New("the line is down")
	errDied = errors.New("the worker died")
)

func (w world) run(t *testing.T) (out outcome) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		store := &objecttest.Memory{}
		var mu sync.Mutex
		rnd := rand.New(rand.NewPCG(23, uint64(w.workers)))
		chance := func() float64 { mu.Lock(); defer mu.Unlock(); return rnd.Float64() }
		var dying atomic.Int64
		fail := func(string, string) error {
			time.Sleep(time.Duration((0.5 + chance()) / 2 * float64(w.latency))) // there, and back
			switch p := chance(); {
			case p < w.lost/2:
				return errLost
			case p < w.lost/2+w.dies/2:
				dying.Add(1)
				return errDied
			}
			return nil
		}
		store.Before, store.After = fail, fail
		var wg sync.WaitGroup
		for i := range w.workers {
			wg.Go(func() {
				for w.shard(t.Context(), store, i) != nil {
					time.Sleep(w.rest)
				}
			})
		}
		wg.Wait()
		out.took = time.Since(begin)
		for call, n := range store.Calls() {
			out.requests += n
			if call == "swap" {
				out.swaps = n
			}
		}
		out.deaths = dying.Load()
		store.Before, store.After = nil, nil
		out.commits = w.holds(t, store)
	})
	return out
}

// shard does the work of one worker from its beginning, as one that takes it over does.
func (w world) shard(ctx context.Context, s object.Store, worker int) error {
	days := rand.New(rand.NewPCG(1, uint64(worker)))
	for n := range w.batches {
		name, day := fmt.Sprintf("raw/%d-%d", worker, n), fmt.Sprintf("days/%04d", days.IntN(w.days))
		text, _, err := s.Read(ctx, day)
		if err == nil && bytes.Contains(text, []byte(name+"\n")) {
			continue // committed before the worker died
		}
		time.Sleep(w.work)
		for try := 0; ; try++ {
			err := s.Create(ctx, name, strings.NewReader(name))
			if err == nil || errors.Is(err, object.ErrExists) {
				err = objecttest.AddLine(ctx, s, day, name)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, errLost) || try > 100 {
				return err
			}
			time.Sleep(time.Second)
		}
	}
	return nil
}

// holds makes sure that each batch is listed once, on its day, and is there.
func (w world) holds(t *testing.T, s object.Store) (commits int) {
	listed := map[string]int{}
	for o, err := range s.List(t.Context(), "days/") {
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := s.Read(t.Context(), o.Name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			listed[o.Name+" "+strings.TrimSuffix(line, "\n")]++
		}
	}
	for worker := range w.workers {
		days := rand.New(rand.NewPCG(1, uint64(worker)))
		for n := range w.batches {
			name, day := fmt.Sprintf("raw/%d-%d", worker, n), fmt.Sprintf("days/%04d", days.IntN(w.days))
			if c := listed[day+" "+name]; c != 1 {
				t.Errorf("%s is listed %d times", name, c)
			}
			if text, _, err := s.Read(t.Context(), name); err != nil || string(text) != name {
				t.Errorf("%s is listed, and there is %q, %v", name, text, err)
			}
		}
	}
	if len(listed) != w.workers*w.batches {
		t.Errorf("%d batches are listed, want %d", len(listed), w.workers*w.batches)
	}
	return len(listed)
}

// Many workers commit to one store, with requests and answers that get lost and workers
// who die: nothing is lost and nothing is there twice. With -simulate it prints the
// table of docs/SCALE.md.
func TestSimulation(t *testing.T) {
	t.Parallel()
	one := world{workers: 50, batches: 4, days: 20, latency: 40 * time.Millisecond, lost: 0.02, dies: 0.02, rest: 30 * time.Second, work: 10 * time.Second}
	out := one.run(t)
	if out.deaths == 0 || out.swaps < out.commits {
		t.Errorf("nobody died, or fewer swaps than commits: %+v", out)
	}
	if !*simulate {
		return
	}
	fmt.Println("| workers | lists | commits | virtual time | commits/s | requests a commit | of them swaps | died |\n|---|---|---|---|---|---|---|---|")
	for _, days := range []int{1, 30, 365} {
		for _, workers := range []int{1, 10, 100, 1000} {
			w := one
			w.workers, w.days, w.batches, w.lost, w.dies = workers, days, 10, 0.002, 0.0005
			out := w.run(t)
			n := float64(out.commits)
			fmt.Printf("| %d | %d | %d | %s | %.1f | %.1f | %.2f | %d |\n", workers, days, out.commits, out.took.Round(time.Second), n/out.took.Seconds(), float64(out.requests)/n, float64(out.swaps)/n, out.deaths)
		}
	}
}
