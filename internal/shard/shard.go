// Package shard cuts a long work into parts, so that several processes share it, and
// lends each part to one of them for a time.
//
// It guarantees: what is of a part follows from the number of parts alone, wherever and
// whenever that is asked; a part that is lent is lent to no other until it is given back
// or its time is over. A lease only saves work: who holds one that is over may not know
// it, so two may do the same part at one time, and what they do must bear that.
package shard

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Shard is a part of a work that several processes share. The zero value is the whole
// work; one without a number is any part that is free.
type Shard struct{ Number, Of int } // the first is 1

// maxParts bounds into how many parts a work may be cut.
const maxParts = 100_000

// Parse reads a part as "3/16"; "0/16" is "16/16", and "auto/16" any part that is free.
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

// Any reports whether any part that is free is meant.
func (s Shard) Any() bool { return s.Number == 0 && s.Of > 0 }

func (s Shard) String() string {
	if s.Any() {
		return fmt.Sprintf("auto/%d", s.Of)
	}
	return fmt.Sprintf("%d/%d", s.Number, s.Of)
}

// Has reports whether a thing of that name is of the part: each is of one of so many.
func (s Shard) Has(name string) bool {
	if s.Of < 2 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return s.At(h.Sum64())
}

// At is Has for the thing that is at a place in an order that never changes.
func (s Shard) At(place uint64) bool { return s.Of < 2 || int(place%uint64(s.Of)) == s.Number-1 }
