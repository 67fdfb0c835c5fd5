package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 in a Merkle tree of RFC 6962.
type Hash = tlog.Hash

// LeafHash returns the hash of a leaf.
func LeafHash(data []byte) Hash { return tlog.RecordHash(data) }

// Root returns the hash of the tree over leaves in their order. For no leaves it is
// the SHA-256 of nothing.
func Root(leaves []Hash) Hash {
	if len(leaves) == 0 {
		h, err := tlog.TreeHash(0, nil)
		if err != nil { // it reads nothing for no leaves
			panic("ledger: hash of the empty tree: " + err.Error())
		}
		return h
	}
	var stack []Hash // the roots of the complete trees that make up the leaves so far
	for i, h := range leaves {
		for n := i; n&1 == 1; n >>= 1 {
			h = tlog.NodeHash(stack[len(stack)-1], h)
			stack = stack[:len(stack)-1]
		}
		stack = append(stack, h)
	}
	root := stack[len(stack)-1]
	for i := len(stack) - 2; i >= 0; i-- {
		root = tlog.NodeHash(stack[i], root)
	}
	return root
}

// Prove returns the path from the leaf at index to the root of the tree over
// leaves: a proof that the leaf is in the tree. An index that is not there is an
// error.
func Prove(leaves []Hash, index int64) ([]Hash, error) {
	paths, err := ProveEach(leaves, []int64{index})
	if err != nil {
		return nil, err
	}
	return paths[0], nil
}

// ProveEach does what Prove does for several indexes.
func ProveEach(leaves []Hash, indexes []int64) ([][]Hash, error) {
	stored := make([]Hash, 0, 2*len(leaves))
	read := tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		out := make([]Hash, len(indexes))
		for i, x := range indexes {
			if x >= int64(len(stored)) {
				return nil, errors.New("hash of a tree out of order")
			}
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, h := range leaves {
		more, err := tlog.StoredHashesForRecordHash(int64(i), h, read)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	out := make([][]Hash, len(indexes))
	for k, index := range indexes {
		if index < 0 || index >= int64(len(leaves)) {
			return nil, fmt.Errorf("prove leaf %d of %d: there is none", index, len(leaves))
		}
		var err error
		if out[k], err = tlog.ProveRecord(int64(len(leaves)), index, read); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// CheckInclusion returns nil when proof shows that the leaf at index is in the tree
// of this size and root.
func CheckInclusion(proof []Hash, size int64, root Hash, index int64, leaf Hash) error {
	if index < 0 || index >= size {
		return fmt.Errorf("inclusion of leaf %d in a tree of %d: there is no such leaf", index, size)
	}
	if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
		return fmt.Errorf("inclusion of leaf %d in a tree of %d: the proof does not lead to its root", index, size)
	}
	return nil
}

// CheckConsistency returns nil when proof shows that the larger tree begins with
// the tree of the smaller size.
func CheckConsistency(proof []Hash, size int64, root Hash, oldSize int64, oldRoot Hash) error {
	switch {
	case oldSize < 0 || oldSize > size:
		return fmt.Errorf("consistency: a tree of %d leaves does not begin with %d", size, oldSize)
	case oldSize == 0:
		return nil // every tree begins with the empty one
	case oldSize == size && oldRoot == root && len(proof) == 0:
		return nil
	case oldSize == size:
		return fmt.Errorf("consistency: two trees of %d leaves have different roots", size)
	}
	if err := tlog.CheckTree(proof, size, root, oldSize, oldRoot); err != nil {
		return fmt.Errorf("consistency: the tree of %d leaves does not begin with that of %d", size, oldSize)
	}
	return nil
}
