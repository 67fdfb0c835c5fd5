package collect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"

	"github.com/bandish/bandish/address"
)

// room limits how many bytes of submissions are in memory at one time, from the first byte
// read to the answer. A request that finds no room is told to come again. Waiting would
// only hold its connection too.
type room struct {
	mu   sync.Mutex
	held int64
	by   map[netip.Prefix]int64 // by client network
}

// maxHeld is the greatest number of bytes of uncompressed bodies. Each body is in memory
// about three times: as it came, without its envelope, and scrubbed.
const maxHeld = 96 << 20

// maxHeldByOne is how many of these bytes one client network may hold.
const maxHeldByOne = 32 << 20

// errFull means that there is no room.
var errFull = errors.New("too many submissions are being taken in at once; send it again in a few seconds")

func (m *room) take(client netip.Prefix, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held+n > maxHeld || m.by[client]+n > maxHeldByOne {
		return errFull
	}
	if m.by == nil {
		m.by = map[netip.Prefix]int64{}
	}
	m.held += n
	m.by[client] += n
	return nil
}

func (m *room) give(client netip.Prefix, n int64) {
	if n == 0 { // it was refused before any of its body was read
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held -= n
	if m.by[client] -= n; m.by[client] <= 0 {
		delete(m.by, client)
	}
}

// share is what one request holds of the room.
type share struct {
	room   *room
	client netip.Prefix
	n      int64
}

type shareKey struct{}

// inRoom gives a handler's request a share of the room until it has answered.
func (s *Server) inRoom(do handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		mine := &share{room: &s.room, client: address.ClientNetwork(s.cfg.Proxies.Client(r))}
		defer func() { mine.room.give(mine.client, mine.n) }()
		return do(w, r.WithContext(context.WithValue(r.Context(), shareKey{}, mine)))
	}
}

// sharedReader takes room for each piece that it reads.
type sharedReader struct {
	io.Reader
	mine *share
}

func (r sharedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if e := r.mine.room.take(r.mine.client, int64(n)); e != nil {
		return 0, e
	}
	r.mine.n += int64(n)
	return n, err
}
