package notary

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is the height in tlog-tiles: a tile has 256 hashes.
const tileHeight = 8

const tileWidth = 1 << tileHeight

// tilePath returns the path of a tile of hashes, or of entries (level -1), as tlog-tiles
// names it. Go's checksum database names tiles otherwise, with the height and "data".
func tilePath(t tlog.Tile) string {
	p := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if rest, ok := strings.CutPrefix(p, "data/"); ok {
		p = "entries/" + rest
	}
	return "tile/" + p
}

// parseTilePath is the reverse of tilePath.
func parseTilePath(p string) (tlog.Tile, error) {
	rest, ok := strings.CutPrefix(p, "tile/")
	if !ok {
		return tlog.Tile{}, fmt.Errorf("%q is no tile", p)
	}
	if r, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + r
	} else if strings.HasPrefix(rest, "data/") {
		return tlog.Tile{}, fmt.Errorf("%q is no tile", p)
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, rest))
	if err != nil {
		return tlog.Tile{}, fmt.Errorf("%q is no tile", p)
	}
	return t, nil
}

// bundleOf returns the bundle that holds entry i of a log of this size.
func bundleOf(i, size int64) tlog.Tile {
	n := i / tileWidth
	return tlog.Tile{H: tileHeight, L: -1, N: n, W: int(min(tileWidth, size-n*tileWidth))}
}

// appendEntry appends an entry to a bundle.
func appendEntry(bundle, entry []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// splitBundle cuts the first n entries from a bundle; used is how many bytes they take.
func splitBundle(bundle []byte, n int) (entries [][]byte, used int, err error) {
	rest := bundle
	for range n {
		if len(rest) < 2 {
			return nil, 0, errors.New("the bundle ends within an entry")
		}
		size := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+size {
			return nil, 0, errors.New("the bundle ends within an entry")
		}
		entries, rest = append(entries, rest[2:2+size:2+size]), rest[2+size:]
	}
	return entries, len(bundle) - len(rest), nil
}

// narrow cuts a tile to the first t.W hashes or entries.
func narrow(t tlog.Tile, data []byte) ([]byte, error) {
	if t.L >= 0 {
		if len(data) < t.W*tlog.HashSize {
			return nil, errors.New("the tile is shorter than its name says")
		}
		return data[:t.W*tlog.HashSize], nil
	}
	_, used, err := splitBundle(data, t.W)
	if err != nil {
		return nil, err
	}
	return data[:used], nil
}
