package intake

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// unpacking compares how many bytes come out of a source's compressed streams, nested ones
// included, with how many went in.
type unpacking struct {
	floor int64 // bytes that may come out in any case

	in, out int64
}

// A source is a bomb if it uncompresses to more than bombRatio times its size, and to more
// than bombFloor bytes. Measurements repeat themselves a lot, and reach about 50 times.
const (
	bombRatio = 1000
	bombFloor = 256 << 20
)

// errBomb is the error of such a source.
var errBomb = fmt.Errorf("it unpacks to more than %d times its size: a decompression bomb", bombRatio)

// weighed counts the bytes of a source as it is stored.
func (u *unpacking) weighed(r io.Reader) io.Reader { return countIn{r, u} }

type countIn struct {
	r io.Reader
	u *unpacking
}

func (c countIn) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.u.in += int64(n)
	return n, err
}

type countOut struct {
	r io.Reader
	u *unpacking
}

func (c countOut) Read(p []byte) (int, error) {
	if c.u.out > c.u.floor && c.u.out/bombRatio > c.u.in {
		return 0, errBomb
	}
	n, err := c.r.Read(p)
	c.u.out += int64(n)
	return n, err
}

// plain undoes gzip and zstd, also one within the other. It recognises them by their magic
// numbers, not by the name. The caller must call the returned function at the end.
func (u *unpacking) plain(r io.Reader) (*bufio.Reader, func(), error) {
	var closers []func()
	closeAll := func() {
		for _, c := range closers {
			c()
		}
	}
	for range 3 {
		br := bufio.NewReaderSize(r, 1<<16)
		head, _ := br.Peek(4)
		switch {
		case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
			z, err := gzip.NewReader(br)
			if err != nil {
				closeAll()
				return nil, nil, err
			}
			closers = append(closers, func() { z.Close() })
			r = countOut{z, u}
		case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
			if err != nil {
				closeAll()
				return nil, nil, err
			}
			closers = append(closers, z.Close)
			r = countOut{z, u}
		default:
			return br, closeAll, nil
		}
	}
	return bufio.NewReaderSize(r, 1<<16), closeAll, nil
}
