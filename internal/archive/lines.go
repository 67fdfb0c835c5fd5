package archive

import (
	"bytes"
	"slices"
)

// RawLines returns lines of a raw batch by their numbers, which must be sorted. The lines
// are as they stand in the batch, without their line ends.
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
