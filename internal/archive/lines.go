package archive

import (
	"bytes"
	"slices"
)

// RawLines gives lines of a raw batch as they stand in it, without their ends,
// by their numbers, which must be sorted.
func (a *Archive) RawLines(b Batch, numbers []uint32) ([][]byte, error) {
	out := make([][]byte, 0, len(numbers))
	err := a.readRaw(b, func(n uint32, line []byte, _ *Entry) error {
		if _, wanted := slices.BinarySearch(numbers, n); wanted {
			out = append(out, bytes.Clone(line))
		}
		return nil
	})
	return out, err
}
