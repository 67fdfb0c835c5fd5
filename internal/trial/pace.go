package trial

import (
	"context"
	"sync"
	"time"
)

// Pace watches whether this machine runs its goroutines in time. If it does not, a probe
// finds timeouts that do not come from the network. So a run during which the machine
// stalled proves nothing.
type Pace struct {
	stop chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	late  time.Duration // how late the last nap ended
	stall time.Time     // the end of the last stall
	worst time.Duration
}

// If a nap ends this much late, the machine stalls. A TLS handshake needs about twenty
// turns of goroutines, and has at least a second.
const (
	napTime   = 5 * time.Millisecond
	stallTime = 50 * time.Millisecond
)

// NewPace begins to watch. The caller must Close it.
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

// Stalled reports whether the machine has stalled since a moment.
func (p *Pace) Stalled(since time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stall.After(since)
}

// Worst returns the longest time that a goroutine waited for its turn.
func (p *Pace) Worst() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.worst
}

// KeepUp waits until the machine keeps up, for at most some seconds.
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
