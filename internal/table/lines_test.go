package table

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// Lines are those that stand in the stream, however it comes in pieces, and stay
// as they are while the next are read.
func TestLines(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	broken := errors.New("broken")
	for round := range 300 {
		const limit = 50_000
		var text []byte
		for range rnd.IntN(40) {
			n := rnd.IntN(100)
			if rnd.IntN(4) == 0 {
				n = rnd.IntN(2 * limit)
			}
			text = append(append(text, bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, n)...), '\n')
		}
		if rnd.IntN(2) == 0 {
			text = append(text, "the last has no end"...)
		}
		end := io.EOF
		r := io.Reader(bytes.NewReader(text))
		switch round % 3 {
		case 1:
			r = iotest.HalfReader(r)
		case 2:
			r, end = io.MultiReader(r, iotest.ErrReader(broken)), broken
		}
		l := NewLines(r, limit)
		var got [][]byte
		var left []int64
		for {
			line, dropped, err := l.Next()
			if len(line) > 0 {
				got, left = append(got, line), append(left, dropped)
			}
			if err != nil {
				if !errors.Is(err, end) {
					t.Fatalf("error %v, want %v", err, end)
				}
				break
			}
		}
		i := 0
		for want := range bytes.Lines(text) {
			dropped := int64(0)
			if len(want) > limit {
				dropped, want = int64(len(want)-Kept), want[:Kept]
			}
			if i >= len(got) || !bytes.Equal(got[i], want) || left[i] != dropped {
				t.Fatalf("line %d is not what stands there", i)
			}
			i++
		}
		if i != len(got) {
			t.Fatalf("%d lines, want %d", len(got), i)
		}
	}
}
