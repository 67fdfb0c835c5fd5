package ledger

import (
	"bytes"
	"encoding/hex"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Grouped is the form of a Set whose root is that of a Tally. The form "" is that
// of states of older programs: one tree over all leaves, sorted.
const Grouped = "groups"

// groups is the number of groups of a Tally, by the first three hexadecimal digits
// of a leaf.
const groups = 1 << 12

// Tally is a set of leaves to which leaves are added and from which they are
// removed. The cost of its root does not grow with the number of leaves. Leaves are
// in 4,096 groups by their first three hexadecimal digits. The root of a group is
// that of the tree over its leaves, sorted (RFC 6962). The root of the set is that
// of a tree over the roots of all groups in order, in which each node is the hash
// of 0x01 and its two children. The same leaves give the same root in whatever
// order they come. The zero value is an empty set.
type Tally struct {
	leaves [][]Hash // by group; each sorted
	nodes  []Hash   // of the tree: node i has the children 2i and 2i+1; the groups are the nodes from index groups on
	stale  []bool   // groups whose root must be computed again
	n      int
}

func groupOf(h Hash) int { return int(h[0])<<4 | int(h[1])>>4 }

func compareHashes(a, b Hash) int { return bytes.Compare(a[:], b[:]) }

// begin makes the tree without leaves.
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

// Add adds a leaf. It does nothing if the leaf is there.
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

// Remove removes a leaf. It does nothing if the leaf is not there.
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

// Set returns the number of leaves and the root.
func (t *Tally) Set() Set {
	t.begin()
	var level []int // nodes with changed children
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

// BatchLeaf returns the leaf of a raw batch in the set of batches of a state. sha
// is its SHA-256 in hexadecimal.
func BatchLeaf(sha string) Hash { return LeafHash([]byte(sha)) }
