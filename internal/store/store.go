// Package store answers questions about the archive in SQL. Usually DuckDB, in this
// process, reads the Parquet segments; it only reads, so another process may write at the
// same time. Or a ClickHouse on some server answers. All SQL stands in this package, in
// one text for both engines; macros cover what they spell differently.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/bandish/bandish/internal/archive"
)

// Store reads one archive. Many goroutines may call its methods.
type Store struct {
	a  *archive.Archive
	db engine

	open       openFiles
	derived    derivedEvents
	known      knownThen
	uids       uidIndex
	read       readCells
	verdicts   readVerdicts
	calendar   calendar
	edition    edition
	mu         sync.Mutex // guards what follows
	generation uint64
	viewed     map[string]bool // views that show the segments of generation
}

// Open prepares queries over an archive through DuckDB. memory is how much it may use, as
// "768MB"; "" is the default.
func Open(a *archive.Archive, memory string) (*Store, error) {
	db, err := openDuckDB(memory)
	if err != nil {
		return nil, err
	}
	return &Store{a: a, db: db}, nil
}

// Close closes the engine and the open segments.
func (s *Store) Close() error {
	s.open.close()
	return s.db.Close()
}

// Archive returns the archive that the store reads.
func (s *Store) Archive() *archive.Archive { return s.a }

// views maps the names of views in SQL to kinds of segments. ruled kinds depend on the
// ruleset.
var views = map[string]struct {
	kind  string
	ruled bool
}{
	"verdicts":     {archive.Verdicts, true},
	"observations": {archive.Observations, false},
	"cells":        {archive.Cells, true},
	"layers":       {archive.Layers, true},
	"hours":        {archive.Hours, true},
}

// refresh returns the current manifest, and lets the named views stand for its segments.
// It verifies these segments first: the engine must not read a damaged file. The error
// then wraps *archive.DamagedError.
func (s *Store) refresh(ctx context.Context, names ...string) (*archive.Manifest, error) {
	m, err := s.a.Manifest()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := s.a.Verify(segmentsOf(m, name)); err != nil {
			return nil, fmt.Errorf("list the %s: %w", name, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.viewed == nil || s.generation != m.Generation {
		listed := make(map[string]bool, len(m.Segments))
		for _, g := range m.Segments {
			listed[g.Path()] = true
		}
		s.open.keep(listed)
		s.verdicts.keep(listed)
		s.read.keep(listed)
		s.generation, s.viewed = m.Generation, map[string]bool{}
	}
	for _, name := range names {
		if s.viewed[name] {
			continue
		}
		if err := s.db.show(ctx, name, s.a.Dir(), segmentsOf(m, name)); err != nil {
			return nil, fmt.Errorf("list the %s: %w", name, err)
		}
		s.viewed[name] = true
	}
	return m, nil
}

// edition remembers the name of what was counted in a generation.
type edition struct {
	mu         sync.Mutex // guards what follows
	generation uint64
	counted    string
}

// Edition returns a name for the state of what was counted (cells, events, published
// counts), and the archive's generation, which grows with everything that comes in.
func (s *Store) Edition() (counted string, generation uint64, err error) {
	m, err := s.a.Manifest()
	if err != nil {
		return "", 0, err
	}
	e := &s.edition
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counted == "" || e.generation != m.Generation {
		h := sha256.New()
		io.WriteString(h, m.Ruleset)
		for _, g := range m.Segments {
			switch g.Kind {
			case archive.Cells, archive.Layers, archive.Hours, archive.Events, archive.Findings, archive.Counts, archive.Signals:
				io.WriteString(h, g.SHA256)
			}
		}
		e.generation, e.counted = m.Generation, hex.EncodeToString(h.Sum(nil)[:12])
	}
	return e.counted, e.generation, nil
}

// OfView returns the part of a manifest that a scan of a view needs, which can be kept for
// long.
func OfView(m *archive.Manifest, view string) *archive.Manifest {
	return &archive.Manifest{Format: m.Format, Generation: m.Generation, Ruleset: m.Ruleset, Segments: segmentsOf(m, view)}
}

// segmentsOf returns the segments of a view.
func segmentsOf(m *archive.Manifest, view string) []archive.Segment {
	v, ruleset := views[view], ""
	if v.ruled {
		ruleset = m.Ruleset
	}
	return m.Select(v.kind, ruleset)
}

// where collects SQL conditions and their arguments.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}
