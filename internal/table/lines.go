package table

import (
	"bytes"
	"io"
)

// Lines splits a stream into lines. The lines lie in large pieces of memory that are never
// written to again, so only a line that crosses the end of a piece is copied.
type Lines struct {
	r     io.Reader
	limit int // greatest length of a line in bytes; a longer one is cut

	piece []byte // was read, and not yet returned
	next  int    // size of the next piece in bytes
	err   error  // of the stream, after piece
}

const (
	firstPiece = 64 << 10
	largePiece = 1 << 20
)

// Kept is how many bytes come out of a line that is too long.
const Kept = 4 << 10

// NewLines reads lines of at most limit bytes. Longer ones are cut.
func NewLines(r io.Reader, limit int) *Lines {
	return &Lines{r: r, limit: limit, next: firstPiece}
}

// Next returns the next line with its line end. If the line is longer than the limit, it
// returns the first Kept bytes, and how many it dropped. With the error of the stream
// comes what stood before it.
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

// long skips the rest of a line that is longer than the limit.
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

// fill reads more, into a new piece if the present one is full.
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
		l.piece = bytes.Clone(l.piece) // a short source must not keep more memory than it needs
	}
}

// Rest returns what was not returned yet, and the stream after it.
func (l *Lines) Rest() io.Reader {
	if l.err != nil {
		return io.MultiReader(bytes.NewReader(l.piece), errReader{l.err})
	}
	return io.MultiReader(bytes.NewReader(l.piece), l.r)
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }
