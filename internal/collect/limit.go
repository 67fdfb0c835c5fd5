package collect

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/bandish/bandish/address"
)

// Limiter limits how often one network may ask. It keeps no address: it knows a network by
// a hash, under a key that lives as long as the process.
type Limiter struct {
	rate  float64 // tokens a second
	burst float64
	now   func() time.Time
	key   [32]byte

	mu      sync.Mutex
	buckets map[[16]byte]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets is how many networks are remembered. If there are more, full buckets go
// first, since they say nothing; then any.
const maxBuckets = 1 << 16

// NewLimiter makes a Limiter. Each network may ask burst times at once, and rate times a
// second in the long run.
func NewLimiter(rate, burst float64, now func() time.Time) *Limiter {
	l := &Limiter{rate: rate, burst: burst, now: now, buckets: map[[16]byte]*bucket{}}
	rand.Read(l.key[:]) // never fails (crypto/rand)
	return l
}

// Allow takes one of the network's tokens. If there is none, ok is false, and wait is the
// time until there is one.
func (l *Limiter) Allow(a netip.Addr) (ok bool, wait time.Duration) {
	mac := hmac.New(sha256.New, l.key[:])
	mac.Write([]byte(address.ClientNetwork(a).String()))
	id := [16]byte(mac.Sum(nil))
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.buckets[id]
	if b == nil {
		l.makeRoom(now)
		b = &bucket{tokens: l.burst, at: now}
		l.buckets[id] = b
	}
	b.tokens = min(l.burst, b.tokens+now.Sub(b.at).Seconds()*l.rate)
	b.at = now
	if b.tokens < 1 {
		return false, time.Duration((1 - b.tokens) / l.rate * float64(time.Second))
	}
	b.tokens--
	return true, 0
}

func (l *Limiter) makeRoom(now time.Time) {
	if len(l.buckets) < maxBuckets {
		return
	}
	for id, b := range l.buckets {
		if b.tokens+now.Sub(b.at).Seconds()*l.rate >= l.burst {
			delete(l.buckets, id)
		}
	}
	for id := range l.buckets {
		if len(l.buckets) < maxBuckets {
			return
		}
		delete(l.buckets, id)
	}
}
