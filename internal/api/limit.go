package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/inquiry"
)

// limiter counts the requests of each client network in a minute. It keeps no address: it
// knows a network by a hash, under a key that is new each minute. When the minute ends, it
// forgets everything.
type limiter struct {
	mu     sync.Mutex // guards what follows
	minute time.Time
	key    [16]byte
	seen   map[[16]byte]int
}

// maxClients is how many networks are counted in a minute. Further networks share one
// count.
const maxClients = 100_000

// admit counts a request and returns false if it is over the limit. The RateLimit headers
// tell the client how many are left. limit 0 means no limit.
func (l *limiter) admit(h http.Header, from netip.Addr, limit int, now time.Time) bool {
	if limit <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now.Truncate(time.Minute); l.seen == nil || !minute.Equal(l.minute) {
		l.minute, l.seen = minute, map[[16]byte]int{}
		rand.Read(l.key[:]) // never fails
	}
	id := l.client(from)
	if _, known := l.seen[id]; !known && len(l.seen) >= maxClients {
		id = [16]byte{}
	}
	l.seen[id]++
	left, wait := max(0, limit-l.seen[id]), int(l.minute.Add(time.Minute).Sub(now).Seconds())+1
	h.Set("RateLimit-Policy", fmt.Sprintf(`"minute";q=%d;w=60`, limit))
	h.Set("RateLimit", fmt.Sprintf(`"minute";r=%d;t=%d`, left, wait))
	if l.seen[id] > limit {
		h.Set("Retry-After", fmt.Sprint(wait))
		return false
	}
	return true
}

// client returns a hash of the client's network: its /24, or its /48 for IPv6.
func (l *limiter) client(from netip.Addr) (id [16]byte) {
	bits := 24
	if from = from.Unmap(); from.Is6() {
		bits = 48
	}
	p, err := from.Prefix(bits)
	if err != nil {
		return id
	}
	sum := sha256.Sum256(append(l.key[:], p.String()...))
	copy(id[:], sum[:])
	return id
}

// tagOf returns the ETag of a request's answer. It is weak, since the same answer may be
// compressed or not.
func tagOf(started string, e inquiry.Edition, r *http.Request) string {
	sum := sha256.Sum256(fmt.Append(nil, started, "\n", e, "\n", r.URL.Path, "\n", r.URL.Query().Encode(), "\n", r.Header.Get("Accept")))
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}
