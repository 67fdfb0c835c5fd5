// Package turns limits how many answers a server makes at one time, so that readers who
// ask for much leave room for the others.
package turns

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/bandish/bandish/address"
)

// Turns limits how many answers are made at one time, and how many wait.
type Turns struct {
	slots, ofOne int

	mu      sync.Mutex // guards what follows
	inside  int
	waiting []chan struct{}
	by      map[netip.Prefix]int // inside and waiting, by network
}

// Queue is how many requests may wait for a turn; queueLasts is how long each may wait.
const (
	Queue      = 256
	queueLasts = 5 * time.Second
)

// New makes a Turns that lets `slots` requests in at one time. One network has, or waits
// for, at most ofOne turns.
func New(slots, ofOne int) *Turns {
	return &Turns{slots: slots, ofOne: ofOne, by: map[netip.Prefix]int{}}
}

// Taken returns how many turns are taken or waited for.
func (t *Turns) Taken() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inside + len(t.waiting)
}

// Enter waits for a turn; leave gives it back. If there is none, busy is the HTTP status
// for the client: 429 if its own network has too many, else 503.
func (t *Turns) Enter(ctx context.Context, from netip.Prefix) (leave func(), busy int) {
	t.mu.Lock()
	switch {
	case from.IsValid() && t.by[from] >= t.ofOne:
		t.mu.Unlock()
		return nil, http.StatusTooManyRequests
	case len(t.waiting) >= Queue:
		t.mu.Unlock()
		return nil, http.StatusServiceUnavailable
	}
	t.by[from]++
	leave = func() { t.leave(from) }
	if t.inside < t.slots {
		t.inside++
		t.mu.Unlock()
		return leave, 0
	}
	turn := make(chan struct{})
	t.waiting = append(t.waiting, turn)
	t.mu.Unlock()
	timer := time.NewTimer(queueLasts)
	defer timer.Stop()
	select {
	case <-turn:
		return leave, 0
	case <-timer.C:
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.waiting {
		if w == turn {
			t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
			t.less(from)
			return nil, http.StatusServiceUnavailable
		}
	}
	return leave, 0 // the turn came at the same moment
}

func (t *Turns) leave(from netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.less(from)
	if len(t.waiting) == 0 {
		t.inside--
		return
	}
	close(t.waiting[0]) // the first in the queue gets the turn
	t.waiting = t.waiting[1:]
}

func (t *Turns) less(from netip.Prefix) {
	if t.by[from]--; t.by[from] <= 0 {
		delete(t.by, from)
	}
}

// Handler gives each request a turn. client returns who sent a request.
func (t *Turns) Handler(next http.Handler, client func(*http.Request) netip.Addr) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, busy := t.Enter(r.Context(), NetworkOf(client(r)))
		if busy != 0 {
			ComeAgain(w, busy)
			return
		}
		defer leave()
		next.ServeHTTP(w, r)
	})
}

// ComeAgain answers a client that got no turn: it should ask again.
func ComeAgain(w http.ResponseWriter, status int) {
	w.Header().Set("Retry-After", "2")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "Too many answers are being made at once. Ask again in a moment.", status)
}

// NetworkOf returns the network that an address counts with. For a loopback address it is
// the zero prefix, since many clients may stand behind it.
func NetworkOf(a netip.Addr) netip.Prefix {
	if a.Unmap().IsLoopback() {
		return netip.Prefix{}
	}
	return address.ClientNetwork(a)
}
