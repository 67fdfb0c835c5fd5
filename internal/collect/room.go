package collect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// room bounds the bytes of submissions that are held at one time, from the
// first byte read to the answer. What finds none is answered that it should
// come again: waiting would hold a connection, too.
type room struct {
	mu   sync.Mutex
	held int64
}

// maxHeld is the room in bytes of bodies, unpacked. Each is held some three
// times over: as it came, without its envelope, and scrubbed.
const maxHeld = 96 << 20

// errFull is a server that holds as much as it may.
var errFull = errors.New("too many submissions are being taken in at once; send it again in a few seconds")

func (m *room) take(n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held+n > maxHeld {
		return errFull
	}
	m.held += n
	return nil
}

func (m *room) give(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held -= n
}

// share is what one request holds of the room.
type share struct {
	room *room
	n    int64
}

type shareKey struct{}

// inRoom gives a handler's body a share of the room until the answer.
func (s *Server) inRoom(do handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		mine := &share{room: &s.room}
		defer func() { mine.room.give(mine.n) }()
		return do(w, r.WithContext(context.WithValue(r.Context(), shareKey{}, mine)))
	}
}

// sharedReader takes room for what is read, before more is.
type sharedReader struct {
	io.Reader
	mine *share
}

func (r sharedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if e := r.mine.room.take(int64(n)); e != nil {
		return 0, e
	}
	r.mine.n += int64(n)
	return n, err
}
