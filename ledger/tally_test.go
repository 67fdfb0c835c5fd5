package ledger

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// groupedRoot is the root of a Tally as its comment says it, made anew.
func groupedRoot(leaves []Hash) string {
	leaves = slices.SortedFunc(slices.Values(leaves), compareHashes)
	level := make([]Hash, groups)
	for g := range level {
		var of []Hash
		for _, l := range leaves {
			if fmt.Sprintf("%03x", g) == hex.EncodeToString(l[:])[:3] {
				of = append(of, l)
			}
		}
		level[g] = Root(of)
	}
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return hex.EncodeToString(level[0][:])
}

// A set that others were added to and taken from is the set that was made of what is
// left, in whatever order.
func TestTally(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	var t1 Tally
	there := map[string]bool{}
	for i := range 300 {
		sum := fmt.Sprint("batch ", rnd.IntN(60))
		if rnd.IntN(3) == 0 {
			delete(there, sum)
			t1.Remove(BatchLeaf(sum))
		} else {
			there[sum] = true
			t1.Add(BatchLeaf(sum))
		}
		if i%30 != 0 {
			continue
		}
		var sums []string
		var leaves []Hash
		for s := range there {
			sums = append(sums, s)
			leaves = append(leaves, BatchLeaf(s))
		}
		got := t1.Set()
		if want := SetOfBatches(sums, Grouped); got != want || got.Count != len(there) {
			t.Fatalf("step %d: %+v, made anew %+v, of %d", i, got, want, len(there))
		}
		if want := groupedRoot(leaves); got.Root != want {
			t.Fatalf("step %d: root %s, by the definition %s", i, got.Root, want)
		}
	}
}

// One leaf more, less or another gives another root.
func TestTallyBindsItsLeaves(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, sums := range [][]string{{}, {"a"}, {"b"}, {"a", "b"}, {"a", "c"}, {"a", "b", "c"}} {
		s := SetOfBatches(sums, Grouped)
		if other, have := seen[s.Root]; have {
			t.Errorf("%v has the root of %s", sums, other)
		}
		seen[s.Root] = fmt.Sprint(sums)
	}
}
