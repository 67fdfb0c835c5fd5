package store

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/bandish/bandish/internal/archive"
)

// uidIndex knows which segments may hold a uid. It keeps four bytes a row in memory. A
// search for a uid that nobody has opens no file. The zero value is ready.
type uidIndex struct {
	mu         sync.Mutex // guards what follows; held while segments are being read
	seed       maphash.Seed
	ready      bool
	of         map[string][]uint32 // hashes of the uids of a segment, sorted; by its path
	rows       int
	generation uint64       // of the manifest that parts belongs to
	parts      []uidSegment // in the order of the manifest
}

// uidSegment is a segment with the hashes of its uids. unknown means that they are not
// kept, because there are too many.
type uidSegment struct {
	archive.Segment
	uids    []uint32
	unknown bool
}

// maxUIDs is for how many rows hashes are kept. Further segments are looked into each
// time.
const maxUIDs = 32_000_000

// among returns the segments of verdicts of a manifest that may hold a uid.
func (x *uidIndex) among(a *archive.Archive, m *archive.Manifest, uid string) ([]archive.Segment, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ready || x.generation != m.Generation {
		if err := x.bring(a, m); err != nil {
			return nil, err
		}
	}
	h := x.hash(uid)
	var out []archive.Segment
	for i := range x.parts {
		p := &x.parts[i]
		if _, found := slices.BinarySearch(p.uids, h); found || p.unknown {
			out = append(out, p.Segment)
		}
	}
	return out, nil
}

func (x *uidIndex) hash(uid string) uint32 { return uint32(maphash.String(x.seed, uid)) }

// bring reads the new segments, and forgets those that are no longer listed.
func (x *uidIndex) bring(a *archive.Archive, m *archive.Manifest) error {
	if x.of == nil {
		x.seed, x.of = maphash.MakeSeed(), map[string][]uint32{}
	}
	x.ready = false // until everything is read
	segments := m.Select(archive.Verdicts, m.Ruleset)
	listed := make(map[string]bool, len(segments))
	for _, g := range segments {
		listed[g.Path()] = true
	}
	for path, uids := range x.of {
		if !listed[path] {
			x.rows -= len(uids)
			delete(x.of, path)
		}
	}
	for _, g := range segments {
		if x.of[g.Path()] != nil || x.rows+int(g.Rows) > maxUIDs {
			continue
		}
		uids := make([]uint32, 0, g.Rows)
		err := archive.ReadSegment(a, g, func(rows []uidRow) error {
			for i := range rows {
				uids = append(uids, x.hash(rows[i].UID))
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.Sort(uids)
		x.of[g.Path()] = uids
		x.rows += len(uids)
	}
	x.parts = make([]uidSegment, len(segments))
	for i, g := range segments {
		uids, known := x.of[g.Path()]
		x.parts[i] = uidSegment{g, uids, !known}
	}
	x.ready, x.generation = true, m.Generation
	return nil
}

// uidRow is the column that bring reads.
type uidRow struct {
	UID string `parquet:"measurement_uid"`
}
