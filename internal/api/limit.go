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

// limiter counts the requests of each client network in a minute. It keeps no
// address: a client is known by a hash under a key that each minute has anew,
// and all is forgotten when the minute ends.
type limiter struct {
	mu     sync.Mutex // guards what follows
	minute time.Time
	key    [16]byte
	seen   map[[16]byte]int
}

// maxClients bounds the clients that are counted in a minute; those past it
// share one count.
const maxClients = 100_000

// admit counts a request, tells the client in the RateLimit headers how many it
// has left, and reports whether there was one. limit 0 is none.
func (l *limiter) admit(h http.Header, remote string, limit int, now time.Time) bool {
	if limit <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now.Truncate(time.Minute); l.seen == nil || !minute.Equal(l.minute) {
		l.minute, l.seen = minute, map[[16]byte]int{}
		rand.Read(l.key[:]) // never fails
	}
	id := l.client(remote)
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

// client is a hash of the client's network: a /24, or a /48 of IPv6.
func (l *limiter) client(remote string) (id [16]byte) {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return id
	}
	bits := 24
	if a := at.Addr().Unmap(); a.Is6() {
		bits = 48
	}
	p, err := at.Addr().Unmap().Prefix(bits)
	if err != nil {
		return id
	}
	sum := sha256.Sum256(append(l.key[:], p.String()...))
	copy(id[:], sum[:])
	return id
}

// tagOf is the ETag of what is asked: a weak one, for the same answer may be
// compressed or not.
func tagOf(started string, e inquiry.Edition, r *http.Request) string {
	sum := sha256.Sum256(fmt.Append(nil, started, "\n", e, "\n", r.URL.Path, "\n", r.URL.Query().Encode(), "\n", r.Header.Get("Accept")))
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}
