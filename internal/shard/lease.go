package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bandish/bandish/internal/object"
)

// Leases lends the parts of one work. Its methods may be called by many goroutines.
type Leases struct {
	Store  object.Store
	Name   string           // begins the names of its objects, which are this work's alone
	Holder string           // who asks: each process has a name of its own
	For    time.Duration    // how long a lease holds that is not renewed
	Now    func() time.Time // the clocks of those who share a work should agree within For
}

// mark is the object of a part: who has it until when, or that it is done.
type mark struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`          // of what is done: when it was
	Done   string    `json:"done,omitempty"` // the sum of what was done; "" while it is not
}

// HeldError is the error of a part that another holds.
type HeldError struct {
	Part  Shard
	By    string
	Until time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("part %s is held by %s until %s", e.Part, e.By, e.Until.UTC().Format(time.RFC3339))
}

// Errors of a lease, to be asked for with errors.Is.
var (
	ErrDone = errors.New("the part is done")
	ErrLost = errors.New("the lease was over, and another has taken the part")
)

// Lease is a part that is lent to this process.
type Lease struct {
	of      *Leases
	part    Shard
	version object.Version // guarded by whoever holds the lease: Hold, and after it the caller
}

func (l *Leases) object(p Shard) string {
	return fmt.Sprintf("%s/part-%d-of-%d", l.Name, p.Number, p.Of)
}

// read gives the mark of a part, the zero value where there is none.
func (l *Leases) read(ctx context.Context, p Shard) (m mark, v object.Version, err error) {
	text, v, err := l.Store.Read(ctx, l.object(p))
	if errors.Is(err, object.ErrMissing) {
		return m, object.None, nil
	}
	if err != nil {
		return m, v, err
	}
	if json.Unmarshal(text, &m) != nil {
		m = mark{} // it says nothing: the part is free
	}
	return m, v, nil
}

// Done reports whether a part was done, what was done having that sum.
func (l *Leases) Done(ctx context.Context, p Shard, sum string) (bool, error) {
	m, _, err := l.read(ctx, p)
	return m.Done != "" && m.Done == sum, err
}

// Ended reports whether a part was done, whatever was done, and when.
func (l *Leases) Ended(ctx context.Context, p Shard) (bool, time.Time, error) {
	m, _, err := l.read(ctx, p)
	return m.Done != "", m.Until, err
}

// Take takes a part that is free: that nobody has, or whose lease is over. sum tells what
// is to be done of it: a part that was done with the same is ErrDone. One that another
// holds is a *HeldError.
func (l *Leases) Take(ctx context.Context, p Shard, sum string) (*Lease, error) {
	m, v, err := l.read(ctx, p)
	switch {
	case err != nil:
		return nil, fmt.Errorf("take part %s: %w", p, err)
	case m.Done != "" && m.Done == sum:
		return nil, ErrDone
	case m.Done == "" && m.Holder != l.Holder && l.Now().Before(m.Until):
		return nil, &HeldError{p, m.Holder, m.Until}
	}
	lease := &Lease{l, p, v}
	err = lease.put(ctx, mark{Until: l.Now().Add(l.For)})
	if errors.Is(err, ErrLost) { // another was quicker
		m, _, err := l.read(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("take part %s: %w", p, err)
		}
		return nil, &HeldError{p, m.Holder, m.Until}
	}
	if err != nil {
		return nil, fmt.Errorf("take part %s: %w", p, err)
	}
	return lease, nil
}

// put writes the mark of a part: ErrLost where it is no longer the one that was read or
// written last.
func (l *Lease) put(ctx context.Context, m mark) error {
	m.Holder, m.Until = l.of.Holder, m.Until.UTC()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for range 3 {
		v, err := l.of.Store.Swap(ctx, l.of.object(l.part), l.version, text)
		if err == nil {
			l.version = v
			return nil
		}
		if !errors.Is(err, object.ErrChanged) {
			return err
		}
		there, now, err := l.of.read(ctx, l.part)
		if err != nil {
			return err
		}
		if there.Holder != m.Holder {
			return ErrLost
		}
		l.version = now // by ourselves: an answer was lost
		if there == m {
			return nil
		}
	}
	return ErrLost
}

// Hold calls fn, and renews the lease until it returns. The context of fn ends, with
// ErrLost as its cause, when another has taken the part. Where the store cannot be reached
// fn goes on: the lease is then over at its time.
func (l *Lease) Hold(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(l.of.For / 3)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			if err := l.put(ctx, mark{Until: l.of.Now().Add(l.of.For)}); errors.Is(err, ErrLost) {
				cancel(ErrLost)
				return
			}
		}
	}()
	defer func() { close(ended); <-stopped }()
	err := fn(ctx)
	if err != nil && errors.Is(context.Cause(ctx), ErrLost) {
		return ErrLost
	}
	return err
}

// Finish notes that the part is done, what was done having that sum.
func (l *Lease) Finish(ctx context.Context, sum string) error {
	return l.put(ctx, mark{Until: l.of.Now(), Done: sum})
}

// Release gives the part back undone.
func (l *Lease) Release(ctx context.Context) error {
	return l.put(ctx, mark{Until: l.of.Now()})
}
