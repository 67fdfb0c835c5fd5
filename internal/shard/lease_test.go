package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/internal/object/objecttest"
)

// by gives the leases of one who shares a work in a store.
func by(store object.Store, holder string) *Leases {
	return &Leases{Store: store, Name: "work/test", Holder: holder, For: time.Minute, Now: time.Now}
}

// heldBy makes sure that a part cannot be taken, since another has it.
func heldBy(t *testing.T, l *Leases, p Shard, holder string) {
	t.Helper()
	var held *HeldError
	if _, err := l.Take(t.Context(), p, "all"); !errors.As(err, &held) || held.By != holder || held.Part != p {
		t.Errorf("%s takes %s: %v, want it held by %s", l.Holder, p, err, holder)
	}
}

// A live lease is not taken over; one that is over is; who was late learns it.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, part, other := &objecttest.Memory{}, Shard{3, 16}, Shard{4, 16}
		a, b := by(store, "a"), by(store, "b")
		mine, err := a.Take(t.Context(), part, "all")
		if err != nil {
			t.Fatal(err)
		}
		heldBy(t, b, part, "a")
		time.Sleep(59 * time.Second)
		heldBy(t, b, part, "a")
		if _, err := b.Take(t.Context(), other, "all"); err != nil {
			t.Errorf("another part: %v", err)
		}
		time.Sleep(time.Second)
		theirs, err := b.Take(t.Context(), part, "all")
		if err != nil {
			t.Fatalf("a lease that is over: %v", err)
		}
		heldBy(t, a, part, "b")
		if err := mine.Finish(t.Context(), "all"); !errors.Is(err, ErrLost) {
			t.Errorf("who was late ends with %v", err)
		}
		if done, err := a.Done(t.Context(), part, "all"); done || err != nil {
			t.Errorf("it is done: %v, %v", done, err)
		}
		if err := theirs.Finish(t.Context(), "all"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Take(t.Context(), part, "all"); !errors.Is(err, ErrDone) {
			t.Errorf("what is done is taken: %v", err)
		}
		if mine, err = a.Take(t.Context(), part, "more"); err != nil {
			t.Errorf("there is more to be done, and nobody takes it: %v", err)
		}
		if err := mine.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Take(t.Context(), part, "more"); err != nil {
			t.Errorf("what was given back: %v", err)
		}
	})
}

// While somebody works, the lease holds, however long it takes; when it is lost, the work
// ends.
func TestLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, part := &objecttest.Memory{}, Shard{1, 2}
		a, b := by(store, "a"), by(store, "b")
		mine, err := a.Take(t.Context(), part, "all")
		if err != nil {
			t.Fatal(err)
		}
		err = mine.Hold(t.Context(), func(context.Context) error {
			for range 100 {
				time.Sleep(time.Minute)
				heldBy(t, b, part, "a")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = mine.Hold(t.Context(), func(ctx context.Context) error {
			store.Before = func(string, string) error { return errors.New("the line is down") }
			time.Sleep(61 * time.Second) // it could not be renewed
			if ctx.Err() != nil {
				t.Error("the work ended before another had it")
			}
			store.Before = nil
			if _, err := b.Take(t.Context(), part, "all"); err != nil {
				t.Errorf("a lease that is over: %v", err)
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, ErrLost) {
			t.Errorf("who lost his lease ends with %v", err)
		}
	})
}

// An answer that is lost leaves the lease with who has it.
func TestLeaseLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &objecttest.Memory{}
		a := by(store, "a")
		lost := errors.New("the answer is lost")
		for i := range 40 {
			part := Shard{i + 1, 40}
			n := 0
			store.After = func(call, _ string) error {
				if n++; call == "swap" && n == i%4+1 {
					return lost
				}
				return nil
			}
			var mine *Lease
			var err error
			for mine == nil {
				if mine, err = a.Take(t.Context(), part, "all"); err != nil && !errors.Is(err, lost) {
					t.Fatal(err)
				}
			}
			if err := mine.Hold(t.Context(), func(context.Context) error { time.Sleep(70 * time.Second); return nil }); err != nil {
				t.Fatal(err)
			}
			if err := mine.Finish(t.Context(), "all"); err != nil && !errors.Is(err, lost) {
				t.Errorf("part %d: %v", i, err)
			}
			if done, err := a.Done(t.Context(), part, "all"); !done || err != nil {
				t.Errorf("part %d is not done: %v", i, err)
			}
		}
	})
}

// Workers do all parts of a work, and are stopped dead at random: in the end all is done,
// by one who was alive to the end, and nothing was done by two at one time.
func TestEach(t *testing.T) {
	for _, workers := range []int{1, 4, 8, 40} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { each(t, workers) })
		})
	}
}

func each(t *testing.T, workers int) {
	const parts = 16
	store := &objecttest.Memory{}
	rnd := rand.New(rand.NewPCG(7, uint64(workers)))
	var mu sync.Mutex // guards what follows, and rnd
	at, done, died := map[Shard]int{}, map[Shard]int{}, 0
	work := Work{
		Sum: func(Shard) string { return "all" },
		Do: func(ctx context.Context, p Shard) (bool, error) {
			mu.Lock()
			takes, dies := time.Duration(rnd.IntN(300))*time.Second, rnd.IntN(3) == 0
			if at[p]++; at[p] > 1 {
				t.Errorf("%d do part %s at one time", at[p], p)
			}
			mu.Unlock()
			time.Sleep(takes)
			mu.Lock()
			defer mu.Unlock()
			at[p]--
			if dies {
				died++
				return false, errDead
			}
			done[p]++
			return true, nil
		},
	}
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for life := 0; ; life++ {
				l := by(dying{store}, fmt.Sprint("worker ", i, " in its life ", life))
				err := l.Each(t.Context(), Shard{0, parts}, work)
				if err == nil {
					return
				}
				if !errors.Is(err, errDead) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range parts {
		if n := done[Shard{i + 1, parts}]; n != 1 {
			t.Errorf("part %d was done %d times", i+1, n)
		}
	}
	if died < 2 {
		t.Errorf("only %d died", died)
	}
	if left, err := by(store, "x").Left(t.Context(), parts, work.Sum); left != 0 || err != nil {
		t.Errorf("%d parts are left, %v", left, err)
	}
}

var errDead = errors.New("it was killed")

// dying is a store for workers who give nothing back when they die.
type dying struct{ object.Store }

func (d dying) Swap(ctx context.Context, name string, old object.Version, content []byte) (object.Version, error) {
	var m mark
	if err := json.Unmarshal(content, &m); err != nil || m.Done == "" && !m.Until.After(time.Now()) {
		return object.None, errDead // it gives the part back
	}
	return d.Store.Swap(ctx, name, old, content)
}
