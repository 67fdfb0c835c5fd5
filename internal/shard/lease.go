package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bandish/bandish/internal/object"
)

// Leases lends the parts of one work to processes. Each part is one object in Store, which
// is changed only if nobody changed it in between. Its methods are safe for concurrent
// use.
type Leases struct {
	Store  object.Store
	Name   string           // prefix of the names of its objects; no other work uses it
	Holder string           // this process; each process has its own name
	For    time.Duration    // how long a lease lasts unless it is renewed
	Now    func() time.Time // the clocks of the processes that share a work should differ by less than For
}

// mark is the content of a part's object: who holds the part until when, or that it is
// done.
type mark struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`          // if the part is done: when it was finished
	Done   string    `json:"done,omitempty"` // sum of the work that was done; "" while the part is not done
}

// HeldError says that another process holds a part.
type HeldError struct {
	Part  Shard
	By    string
	Until time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("part %s is held by %s until %s", e.Part, e.By, e.Until.UTC().Format(time.RFC3339))
}

// The errors of a lease, for errors.Is.
var (
	ErrDone = errors.New("the part is done")
	ErrLost = errors.New("the lease was over, and another has taken the part")
)

// Lease is a part that this process holds.
type Lease struct {
	of      *Leases
	part    Shard
	version object.Version // Hold uses it while it runs, and after that the caller
}

func (l *Leases) object(p Shard) string {
	return fmt.Sprintf("%s/part-%d-of-%d", l.Name, p.Number, p.Of)
}

// read returns the mark of a part and the version of its object; the zero mark and
// object.None if there is no object.
func (l *Leases) read(ctx context.Context, p Shard) (m mark, v object.Version, err error) {
	text, v, err := l.Store.Read(ctx, l.object(p))
	if errors.Is(err, object.ErrMissing) {
		return m, object.None, nil
	}
	if err != nil {
		return m, v, err
	}
	if json.Unmarshal(text, &m) != nil {
		m = mark{} // unreadable: the part is free
	}
	return m, v, nil
}

// Done reports whether a part was done with this sum.
func (l *Leases) Done(ctx context.Context, p Shard, sum string) (bool, error) {
	m, _, err := l.read(ctx, p)
	return m.Done != "" && m.Done == sum, err
}

// Ended reports whether a part was done, with any sum, and when.
func (l *Leases) Ended(ctx context.Context, p Shard) (bool, time.Time, error) {
	m, _, err := l.read(ctx, p)
	return m.Done != "", m.Until, err
}

// Take takes a part that is free: nobody holds it, its lease is over, or it was done with
// another sum. sum stands for the work on the part. The error is ErrDone if the part was
// done with the same sum, and a *HeldError if another process holds it.
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
	if errors.Is(err, ErrLost) { // another process was quicker
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

// put writes the mark of a part. The error is ErrLost if another process wrote it since
// the last read or write of this one.
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
		l.version = now // this process wrote it: the answer to that was lost
		if there == m {
			return nil
		}
	}
	return ErrLost
}

// Hold calls fn, renews the lease every third of For until fn returns, and returns its
// error. If another process takes the part, the context of fn ends with ErrLost as its
// cause, and Hold returns ErrLost if fn fails. If the store cannot be reached, fn goes on,
// and the lease runs out in time.
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

// Finish records that the part is done with this sum.
func (l *Lease) Finish(ctx context.Context, sum string) error {
	return l.put(ctx, mark{Until: l.of.Now(), Done: sum})
}

// Release gives the part back, not done.
func (l *Lease) Release(ctx context.Context) error {
	return l.put(ctx, mark{Until: l.of.Now()})
}
