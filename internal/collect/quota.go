package collect

import (
	"net/netip"
	"sync"
	"time"
)

// Quota limits what one client network (a /24, or a /48 of IPv6) may hand in on one day
// (UTC). It keeps no address: it knows networks by a hash, under a key that is new each
// day and exists in memory only.
type Quota struct {
	documents int
	bytes     int64
	keys      senders

	mu   sync.Mutex // guards what follows
	day  string
	used map[[16]byte]used
}

type used struct {
	documents int
	bytes     int64
}

// maxNetworks is how many networks are told apart on one day. Later ones share one quota.
const maxNetworks = 1 << 17

// NewQuota makes a Quota of so many documents, and so many bytes of them, for each network
// and day. 0 means no limit.
func NewQuota(documents int, bytes int64, now func() time.Time) *Quota {
	return &Quota{documents: documents, bytes: bytes, keys: senders{now: now}}
}

// use adds a document of size bytes to what a network has handed in today. If that is too
// much, ok is false, and wait is the time until the day ends.
func (q *Quota) use(a netip.Addr, size int64) (ok bool, wait time.Duration) {
	return q.add(a, used{1, size})
}

// giveBack undoes use for a document that was not kept.
func (q *Quota) giveBack(a netip.Addr, size int64) { q.add(a, used{-1, -size}) }

func (q *Quota) add(a netip.Addr, n used) (ok bool, wait time.Duration) {
	key, now := q.keys.ofAny(a), q.keys.now().UTC()
	q.mu.Lock()
	defer q.mu.Unlock()
	if day := now.Format(time.DateOnly); day != q.day {
		q.day, q.used = day, map[[16]byte]used{}
	}
	if _, known := q.used[key]; !known && len(q.used) >= maxNetworks {
		key = [16]byte{}
	}
	u := q.used[key]
	u.documents, u.bytes = max(0, u.documents+n.documents), max(0, u.bytes+n.bytes)
	if n.documents > 0 && (q.documents > 0 && u.documents > q.documents || q.bytes > 0 && u.bytes > q.bytes) {
		return false, now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
	}
	q.used[key] = u
	return true, 0
}
