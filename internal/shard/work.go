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

// Work says how the parts of a work are done.
type Work struct {
	// Sum returns a text that stands for the work on a part, so that a part is not done
	// twice with the same sum. It is "" if there is nothing to do.
	Sum func(Shard) string
	// Do does a part, and reports whether the part is done. If it is not, other processes
	// may try it. Another process may do the same part at the same time.
	Do func(context.Context, Shard) (bool, error)
	// Over reports that nothing is left to do, whatever the marks of the parts say. It may
	// be nil.
	Over func(context.Context) (bool, error)
	// Waiting is called with the part that Each waits for. It may be nil.
	Waiting func(*HeldError)
}

// slowest is the longest pause of Each before it looks again for free parts.
const slowest = 5 * time.Second

// Each returns when a part is done, by this process or another. If s is any part
// (Shard.Any), it does whichever part is free, until all parts are done. It waits for
// parts that other processes hold, and takes them over when their leases are over. It
// returns the first error of Do, of Over and of the store.
func (l *Leases) Each(ctx context.Context, s Shard, w Work) error {
	own := map[Shard]bool{} // parts that this process did or tried
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
			case errors.Is(err, ErrLost): // another process has it
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

// parts returns the parts that a process may do. For any part (Shard.Any) each process
// begins at another place, so that they meet less often.
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

// do takes a part, does it, and records the result. It returns nil if there is nothing to
// do.
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
	// Without the end of ctx: other processes then need not wait for the lease.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.For)
	defer cancel()
	if err != nil || !done {
		lease.Release(ctx) // if this fails, the lease runs out in time
		return err
	}
	if err := lease.Finish(ctx, sum); !errors.Is(err, ErrLost) {
		return err
	}
	return nil // the part is done even if another process took it meanwhile
}

// rest pauses before Each looks again for free parts; held, if not nil, is the part whose
// lease is over first.
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

// Left counts the parts (of of them) that are not done with their sum.
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

// Census counts the parts of works by state. Over are parts that nobody holds and that are
// not done.
type Census struct{ Done, Held, Over int }

// recent is how long a census counts a mark after it was written.
const recent = 24 * time.Hour

// CountParts counts the parts that were taken within the last day, by the first word (up
// to "-") of the names of their works. prefix is the prefix of the names of all works.
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
			continue // the work was ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		var m mark
		if json.Unmarshal(text, &m) != nil {
			continue // unreadable
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
