package trial

import (
	"context"
	"sync"
	"time"
)

// Pace watches whether this machine runs its goroutines in time. A probe on a
// machine that does not finds timeouts that are not the network's, so a run
// during which it stalled says nothing.
type Pace struct {
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	late  time.Duration // of the last nap
	stall time.Time     // the end of the last stall
	worst time.Duration
}

// A nap that ends so late is a stall. A handshake takes some twenty turns of
// goroutines, and has a second or more.
const (
	napTime   = 5 * time.Millisecond
	stallTime = 50 * time.Millisecond
)

// NewPace starts to watch.
func NewPace() *Pace {
	p := &Pace{stop: make(chan struct{})}
	p.done.Go(p.watch)
	return p
}

func (p *Pace) watch() {
	for {
		began := time.Now()
		select {
		case <-p.stop:
			return
		case <-time.After(napTime):
		}
		now := time.Now()
		p.mu.Lock()
		p.late = now.Sub(began) - napTime
		p.worst = max(p.worst, p.late)
		if p.late > stallTime {
			p.stall = now
		}
		p.mu.Unlock()
	}
}

// Stalled reports whether the machine stalled since.
func (p *Pace) Stalled(since time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stall.After(since)
}

// Worst is the longest that a goroutine waited for its turn.
func (p *Pace) Worst() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.worst
}

// KeepUp waits until the machine keeps up, for some seconds at most.
func (p *Pace) KeepUp(ctx context.Context) {
	for range 400 {
		p.mu.Lock()
		calm := p.late < stallTime/5
		p.mu.Unlock()
		if calm {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(napTime):
		}
	}
}

// Close stops watching.
func (p *Pace) Close() {
	close(p.stop)
	p.done.Wait()
}
