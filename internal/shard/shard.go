// Package shard cuts a long work (an import, a rebuild) into parts, which several
// processes share, and lends each part to one process for a time. The processes need
// nothing in common but an object store, where they see each other's marks.
//
// What belongs to a part follows from the number of parts alone, at any time and on any
// machine. A part is lent to one process until that gives it back or its lease is over.
// Leases only save work: a process may not know that its lease is over, so two
// processes may do the same part at the same time. What they do must bear that.
package shard

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Shard is one part of a work, Number (from 1) of Of. The zero value is the whole work. Of
// without Number stands for any part that is free.
type Shard struct{ Number, Of int }

// maxParts is the greatest number of parts.
const maxParts = 100_000

// Parse reads a part: "3/16" is the third of 16, "auto/16" is any of 16 that is free, and
// "" is the whole work. "0/16" is "16/16", for schedulers that count from 0.
func Parse(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	number, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(number)
	n, err2 := strconv.Atoi(of)
	if number == "auto" && err2 == nil && n >= 1 && n <= maxParts {
		return Shard{0, n}, nil
	}
	if err != nil || err2 != nil || i < 0 || i > n || n < 1 || n > maxParts {
		return Shard{}, fmt.Errorf("the shard is %q: want N/M, as 3/16, with N from 1 to M, or auto/M", text)
	}
	if i == 0 { // for schedulers that count from 0
		i = n
	}
	return Shard{i, n}, nil
}

// Any reports whether s stands for any part that is free.
func (s Shard) Any() bool { return s.Number == 0 && s.Of > 0 }

func (s Shard) String() string {
	if s.Any() {
		return fmt.Sprintf("auto/%d", s.Of)
	}
	return fmt.Sprintf("%d/%d", s.Number, s.Of)
}

// Has reports whether the thing with this name belongs to the part. Each name belongs to
// exactly one of the parts.
func (s Shard) Has(name string) bool {
	if s.Of < 2 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return s.At(h.Sum64())
}

// At reports whether the thing at this place belongs to the part. Places must be numbered
// in an order that never changes.
func (s Shard) At(place uint64) bool { return s.Of < 2 || int(place%uint64(s.Of)) == s.Number-1 }
