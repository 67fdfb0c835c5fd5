package shard

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"path"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/object"
)

// Work is what is to be done part by part.
type Work struct {
	// Sum tells what is to be done of a part; "" for nothing. A part that was done with
	// the same sum is not done again.
	Sum func(Shard) string
	// Do does a part, and reports whether it is done: one that is not may be tried by
	// others. It must bear that another does the same at that time.
	Do func(context.Context, Shard) (bool, error)
	// Over reports that nothing is left to be done at all, whatever the parts say. It may
	// be nil.
	Over func(context.Context) (bool, error)
	// Waiting is told which part is waited for. It may be nil.
	Waiting func(*HeldError)
}

// slowest is how long at the most Each waits before it looks again at what others hold.
const slowest = 5 * time.Second

// Each has a part done, by this process or another; of one without a number (Shard.Any)
// all parts: whichever is free, until none is left. It waits for those that others hold,
// and takes them over when their lease is over.
func (l *Leases) Each(ctx context.Context, s Shard, w Work) error {
	own := map[Shard]bool{} // what was done or tried here
	for {
		var held *HeldError
		for _, p := range l.parts(s) {
			if own[p] {
				continue
			}
			if w.Over != nil {
				if over, err := w.Over(ctx); over || err != nil {
					return err
				}
			}
			err := l.do(ctx, p, w)
			var h *HeldError
			switch {
			case errors.As(err, &h):
				if held == nil || h.Until.Before(held.Until) {
					held = h
				}
			case errors.Is(err, ErrLost): // it is another's
			case err != nil && !errors.Is(err, ErrDone):
				return err
			default:
				own[p] = true
			}
		}
		if held == nil && len(own) == len(l.parts(s)) {
			return nil
		}
		if err := l.rest(ctx, held, w); err != nil {
			return err
		}
	}
}

// parts are the parts that a process may do: of those without a number each begins
// elsewhere, so that they meet less.
func (l *Leases) parts(s Shard) (out []Shard) {
	if !s.Any() {
		return []Shard{{max(s.Number, 1), max(s.Of, 1)}}
	}
	h := fnv.New64a()
	h.Write([]byte(l.Holder)) // never fails
	first := int(h.Sum64() % uint64(s.Of))
	for i := range s.Of {
		out = append(out, Shard{1 + (first+i)%s.Of, s.Of})
	}
	return out
}

// do does a part that is free.
func (l *Leases) do(ctx context.Context, p Shard, w Work) error {
	sum := w.Sum(p)
	if sum == "" {
		return nil
	}
	lease, err := l.Take(ctx, p, sum)
	if err != nil {
		return err
	}
	done := false
	err = lease.Hold(ctx, func(ctx context.Context) (err error) {
		done, err = w.Do(ctx, p)
		return err
	})
	if errors.Is(err, ErrLost) {
		return err
	}
	// Also when ctx has ended: others need not wait then.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.For)
	defer cancel()
	if err != nil || !done {
		lease.Release(ctx) // else it is over at its time
		return err
	}
	if err := lease.Finish(ctx, sum); !errors.Is(err, ErrLost) {
		return err
	}
	return nil // it is done all the same
}

// rest waits before it is looked again for parts that are free.
func (l *Leases) rest(ctx context.Context, held *HeldError, w Work) error {
	pause := min(slowest, l.For/4)
	if held != nil {
		if w.Waiting != nil {
			w.Waiting(held)
		}
		pause = min(pause, max(held.Until.Sub(l.Now()), 0)+time.Millisecond)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

// Left counts the parts that are not done.
func (l *Leases) Left(ctx context.Context, of int, sum func(Shard) string) (left int, err error) {
	for i := range of {
		p := Shard{i + 1, of}
		want := sum(p)
		if want == "" {
			continue
		}
		done, err := l.Done(ctx, p, want)
		if err != nil {
			return left, err
		}
		if !done {
			left++
		}
	}
	return left, nil
}

// Census is how many parts of works are in which state.
type Census struct{ Done, Held, Over int } // Over: nobody holds them, and they are not done

// recent is how old a mark may be that a census counts.
const recent = 24 * time.Hour

// CountParts counts the parts that somebody took within the last day, by the first word of
// their work's name. prefix begins the names of all works.
func CountParts(ctx context.Context, store object.Store, prefix string, now time.Time) (map[string]Census, error) {
	out := map[string]Census{}
	for o, err := range store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(path.Base(o.Name), "part-") || now.Sub(o.Written) > recent {
			continue
		}
		text, _, err := store.Read(ctx, o.Name)
		if errors.Is(err, object.ErrMissing) {
			continue // the work was just ended
		}
		if err != nil {
			return nil, err
		}
		var m mark
		if json.Unmarshal(text, &m) != nil {
			continue // it says nothing
		}
		work, _, _ := strings.Cut(strings.TrimPrefix(o.Name, prefix), "-")
		c := out[work]
		switch {
		case m.Done != "":
			c.Done++
		case now.Before(m.Until):
			c.Held++
		default:
			c.Over++
		}
		out[work] = c
	}
	return out, nil
}
