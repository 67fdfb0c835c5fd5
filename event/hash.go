package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"

	"github.com/bandish/bandish/series"
)

// HashCells returns the SHA-256, in hexadecimal, of the parts of the cells that the
// model reads, in the order given.
func HashCells(cells []series.Cell) string {
	s := sha256.New()
	buf := make([]byte, 0, 256)
	for i := range cells {
		buf = appendCell(buf[:0], &cells[i])
		s.Write(buf)
	}
	return sum(s)
}

func appendCell(b []byte, c *series.Cell) []byte {
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	num := func(n ...int64) {
		for _, v := range n {
			b = binary.AppendVarint(b, v)
		}
	}
	text(c.CC)
	text(c.Target)
	text(c.Layer)
	num(int64(c.ASN), c.Start, c.Span, int64(c.Measurements), int64(c.OK), int64(c.Blocked), int64(c.Likely), int64(c.Impaired),
		int64(c.Down), int64(c.Insufficient), int64(c.Aside), int64(c.Reports), int64(c.VoteBlocked), int64(c.VoteImpaired),
		int64(c.VoteOK), int64(c.VoteDown), c.FirstBad, c.LastBad, c.FirstOK, c.LastOK)
	text(c.FirstBadUID)
	text(c.LastBadUID)
	text(c.FirstOKUID)
	text(c.LastOKUID)
	for _, v := range c.Voices {
		num(int64(v.Report), int64(v.Bad), int64(v.OK))
	}
	for _, t := range c.Tallies {
		text(string(t.Kind))
		text(t.Name)
		num(int64(t.Bad), int64(t.OK))
	}
	return b
}

// hashOf returns the SHA-256, in hexadecimal, of a list of hashes.
func hashOf(hashes []string) string {
	s := sha256.New()
	for _, h := range hashes {
		io.WriteString(s, h+"\n")
	}
	return sum(s)
}

// sum returns a hash in hexadecimal.
func sum(s hash.Hash) string { return hex.EncodeToString(s.Sum(nil)) }
