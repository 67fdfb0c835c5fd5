package intake

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// Shard is a part of the sources of an import that several share. The zero value is
// all of them.
type Shard struct{ Number, Of int } // the first is 1

// maxShards bounds into how many parts an import may be cut.
const maxShards = 100_000

// ParseShard reads a shard as "3/16"; "0/16" is "16/16".
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	number, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(number)
	n, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil || i < 0 || i > n || n < 1 || n > maxShards {
		return Shard{}, fmt.Errorf("the shard is %q: want N/M, as 3/16, with N from 1 to M", text)
	}
	if i == 0 { // for schedulers that count from 0
		i = n
	}
	return Shard{i, n}, nil
}

// Take keeps the sources of a shard. Which these are follows from their names alone:
// each belongs to one shard of so many, wherever and whenever that is asked.
func (s Shard) Take(list []Source) []Source {
	if s.Of < 2 {
		return list
	}
	return slices.DeleteFunc(list, func(o Source) bool {
		h := fnv.New64a()
		h.Write([]byte(o.Name)) // never fails
		return int(h.Sum64()%uint64(s.Of)) != s.Number-1
	})
}
