// Package store answers questions about the archive in SQL. It reads the
// Parquet segments through DuckDB, in this process and read-only, so that
// another process may write at the same time; or a ClickHouse elsewhere answers.
// There is one text of SQL for both, each engine has macros for what it spells in
// another way, and it stands in this package only.
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

// Store is a reader of one archive. Its methods may be called by many
// goroutines.
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
	viewed     map[string]bool // views that show this generation
}

// Open prepares queries over an archive through DuckDB. memory is its limit, as
// "768MB"; empty for the default.
func Open(a *archive.Archive, memory string) (*Store, error) {
	db, err := openDuckDB(memory)
	if err != nil {
		return nil, err
	}
	return &Store{a: a, db: db}, nil
}

// Close releases the engine and the open segments.
func (s *Store) Close() error {
	s.open.close()
	return s.db.Close()
}

// Archive is the archive that the store reads.
func (s *Store) Archive() *archive.Archive { return s.a }

// views are what SQL asks: the segments of a kind. ruled says that the kind has a
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

// refresh returns the current manifest and points the named views at its
// segments. The engine reads no file that was not verified here: a segment that is
// damaged is an error of the questions that need it.
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

// edition is a name of what was counted in a generation.
type edition struct {
	mu         sync.Mutex // guards what follows
	generation uint64
	counted    string
}

// Edition names the state of what was counted (cells, events, published
// counts), and gives the archive's generation, which grows with all that comes
// in.
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

// OfView is what a scan of a view needs of a manifest, and nothing else: it can be kept
// for long.
func OfView(m *archive.Manifest, view string) *archive.Manifest {
	return &archive.Manifest{Format: m.Format, Generation: m.Generation, Ruleset: m.Ruleset, Segments: segmentsOf(m, view)}
}

// segmentsOf are the segments of a view.
func segmentsOf(m *archive.Manifest, view string) []archive.Segment {
	v, ruleset := views[view], ""
	if v.ruled {
		ruleset = m.Ruleset
	}
	return m.Select(v.kind, ruleset)
}

// where collects conditions and their arguments.
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
