package ledger

import (
	"bytes"
	"encoding/hex"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Grouped is the form of a Set whose root is that of a Tally. The form "" is that of
// the states of older programs: one tree over all leaves, sorted.
const Grouped = "groups"

// groups is how many groups a Tally has: the first three hex digits of a leaf.
const groups = 1 << 12

// Tally is a set of leaves to which some are added and from which some are taken away;
// its root follows at a cost that does not grow with their number. The leaves stand in
// 4,096 groups by their first three hex digits. The root of a group is that of the tree
// over its leaves, sorted (RFC 6962); the root of the set is that of a tree over the
// roots of all groups in their order, in which each node is the hash of 0x01 and its two
// children. The same leaves give the same root in whatever order they came. Its zero
// value is empty.
type Tally struct {
	leaves [][]Hash // by group; each sorted
	nodes  []Hash   // of the tree: node i over 2i and 2i+1, the groups from index groups on
	stale  []bool   // groups whose root is to be made again
	n      int
}

func groupOf(h Hash) int { return int(h[0])<<4 | int(h[1])>>4 }

func compareHashes(a, b Hash) int { return bytes.Compare(a[:], b[:]) }

// begin makes the tree of no leaves.
func (t *Tally) begin() {
	if t.nodes != nil {
		return
	}
	t.leaves, t.nodes, t.stale = make([][]Hash, groups), make([]Hash, 2*groups), make([]bool, groups)
	level := Root(nil)
	for from := groups; from >= 1; from /= 2 {
		for i := from; i < 2*from; i++ {
			t.nodes[i] = level
		}
		level = tlog.NodeHash(level, level)
	}
}

// Add adds a leaf; one that is there is left as it is.
func (t *Tally) Add(leaf Hash) {
	t.begin()
	g := groupOf(leaf)
	at, have := slices.BinarySearchFunc(t.leaves[g], leaf, compareHashes)
	if have {
		return
	}
	t.leaves[g] = slices.Insert(t.leaves[g], at, leaf)
	t.stale[g] = true
	t.n++
}

// Remove takes a leaf away; one that is not there is no matter.
func (t *Tally) Remove(leaf Hash) {
	t.begin()
	g := groupOf(leaf)
	at, have := slices.BinarySearchFunc(t.leaves[g], leaf, compareHashes)
	if !have {
		return
	}
	t.leaves[g] = slices.Delete(t.leaves[g], at, at+1)
	t.stale[g] = true
	t.n--
}

// Set is what the leaves come to.
func (t *Tally) Set() Set {
	t.begin()
	var level []int // nodes whose children changed
	for g, stale := range t.stale {
		if stale {
			t.stale[g] = false
			t.nodes[groups+g] = Root(t.leaves[g])
			level = append(level, (groups+g)/2)
		}
	}
	for len(level) > 0 && level[0] > 0 {
		level = slices.Compact(level)
		for i, n := range level {
			t.nodes[n] = tlog.NodeHash(t.nodes[2*n], t.nodes[2*n+1])
			level[i] = n / 2
		}
	}
	return Set{Count: t.n, Root: hex.EncodeToString(t.nodes[1][:]), Form: Grouped}
}

// BatchLeaf is the leaf of a raw batch in the set of those of a state.
func BatchLeaf(sha string) Hash { return LeafHash([]byte(sha)) }
