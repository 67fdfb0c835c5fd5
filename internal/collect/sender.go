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

// Sender is what a connection tells about who submits, without saying who it is. It is
// compared with what the submission claims and with earlier submissions, and is never
// stored.
type Sender struct {
	// Place is the network and country of the client's address; zero if not known.
	Place Place

	// Key is the same for all submissions of one network (a /24, or a /48 of IPv6) on one
	// day (UTC). It is a hash under a key that is new each day and exists in memory only.
	// It is zero if the client's address is not on the public internet.
	Key [16]byte
}

// senders makes the keys.
type senders struct {
	now func() time.Time

	mu  sync.Mutex // guards what follows
	day string
	key [32]byte
}

func (s *senders) of(a netip.Addr) [16]byte {
	if address.Reserved(a) != "" {
		return [16]byte{}
	}
	return s.ofAny(a)
}

// ofAny is of, but also for addresses that are not on the public internet.
func (s *senders) ofAny(a netip.Addr) [16]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if day := s.now().UTC().Format(time.DateOnly); day != s.day {
		s.day = day
		rand.Read(s.key[:]) // never fails (crypto/rand)
	}
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(address.ClientNetwork(a).String()))
	return [16]byte(mac.Sum(nil))
}

// sender returns what is known of the client with this address.
func (s *Server) sender(a netip.Addr) Sender {
	from := Sender{Key: s.senders.of(a)}
	if s.cfg.Locate != nil && address.Reserved(a) == "" {
		from.Place = s.cfg.Locate(a)
	}
	return from
}
