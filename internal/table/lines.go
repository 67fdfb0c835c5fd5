package table

import (
	"bytes"
	"io"
)

// Lines cuts a stream into lines. They lie side by side in pieces of memory
// that are never written to again, so that none is copied but those that go over
// the end of a piece.
type Lines struct {
	r     io.Reader
	limit int // of one line; of a longer one the first bytes are kept

	piece []byte // read and not given out
	next  int    // bytes of the next piece
	err   error  // of the stream, after piece
}

const (
	firstPiece = 64 << 10
	largePiece = 1 << 20
)

// Kept is how much of what is too long comes out, in bytes.
const Kept = 4 << 10

// NewLines reads lines of at most so many bytes; longer ones are cut.
func NewLines(r io.Reader, limit int) *Lines {
	return &Lines{r: r, limit: limit, next: firstPiece}
}

// Next returns the next line with its end. Of a line over the limit it returns the
// first 4 KiB and how many bytes it left out. The error is that of the stream,
// with what stood before it.
func (l *Lines) Next() (data []byte, dropped int64, err error) {
	looked := 0
	for {
		if i := bytes.IndexByte(l.piece[looked:], '\n'); i >= 0 {
			n := looked + i + 1
			data, l.piece = l.piece[:n:n], l.piece[n:]
			break
		}
		if l.err != nil {
			data, l.piece, err = l.piece[:len(l.piece):len(l.piece)], nil, l.err
			break
		}
		if looked = len(l.piece); looked > l.limit {
			return l.long()
		}
		l.fill()
	}
	if len(data) > l.limit {
		dropped = int64(len(data) - Kept)
		data = bytes.Clone(data[:Kept])
	}
	return data, dropped, err
}

// long goes over the rest of a line that is longer than the limit.
func (l *Lines) long() (data []byte, dropped int64, err error) {
	data = bytes.Clone(l.piece[:Kept])
	dropped = int64(len(l.piece) - Kept)
	for l.piece = nil; ; l.piece = nil {
		if l.err != nil {
			return data, dropped, l.err
		}
		l.fill()
		if i := bytes.IndexByte(l.piece, '\n'); i >= 0 {
			l.piece = l.piece[i+1:]
			return data, dropped + int64(i) + 1, nil
		}
		dropped += int64(len(l.piece))
	}
}

// fill reads on, into a new piece where the present one is full.
func (l *Lines) fill() {
	if cap(l.piece)-len(l.piece) < 4<<10 {
		piece := make([]byte, len(l.piece), max(l.next, 2*len(l.piece)))
		copy(piece, l.piece)
		l.piece, l.next = piece, min(2*l.next, largePiece)
	}
	n := 0
	for tries := 0; n == 0 && l.err == nil; tries++ {
		if n, l.err = l.r.Read(l.piece[len(l.piece):cap(l.piece)]); tries == 100 {
			l.err = io.ErrNoProgress
		}
	}
	l.piece = l.piece[:len(l.piece)+n]
	if l.err != nil && len(l.piece) < cap(l.piece)/2 {
		l.piece = bytes.Clone(l.piece) // a short source holds no more memory than it needs
	}
}

// Rest is what was not given out, and the stream after it.
func (l *Lines) Rest() io.Reader {
	if l.err != nil {
		return io.MultiReader(bytes.NewReader(l.piece), errReader{l.err})
	}
	return io.MultiReader(bytes.NewReader(l.piece), l.r)
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }
