// Package store answers questions about the archive in SQL. It reads the
// Parquet segments through DuckDB, in this process and read-only, so that
// another process may write at the same time. The SQL is spelled as ClickHouse
// spells it, with one-line macros for DuckDB, and stands in this package only.
package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/bandish/bandish/internal/archive"
)

// DefaultMemory bounds what DuckDB may use; without a bound one aggregation
// over everything took 7 GB.
const DefaultMemory = "768MB"

// Store is a reader of one archive. Its methods may be called by many
// goroutines.
type Store struct {
	a  *archive.Archive
	db *sql.DB

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

// macros give DuckDB the functions that the SQL here takes from ClickHouse.
var macros = []string{
	`CREATE MACRO toDate(x) AS CAST(x AS DATE)`,
	`CREATE MACRO countIf(x) AS count(*) FILTER (WHERE x)`,
	`CREATE MACRO arrayStringConcat(a, sep) AS array_to_string(a, sep)`,
	`CREATE MACRO toUnixTimestamp64Micro(t) AS epoch_us(t)`,
	`CREATE MACRO fromUnixTimestamp64Micro(n) AS make_timestamp(n)`,
	`CREATE MACRO startOf(grain, t) AS strftime(date_trunc(grain, t), CASE WHEN grain = 'hour' THEN '%Y-%m-%dT%H:%M:%SZ' ELSE '%Y-%m-%d' END)`,
	`CREATE MACRO voicesText(vs) AS array_to_string([v.report || chr(31) || v.bad || chr(31) || v.ok FOR v IN vs], chr(30))`,
	`CREATE MACRO talliesText(ts) AS array_to_string([t.kind || chr(31) || t.name || chr(31) || t.bad || chr(31) || t.ok FOR t IN ts], chr(30))`,
}

// Open prepares queries over an archive. memory is DuckDB's limit, as
// "768MB"; empty for the default.
func Open(a *archive.Archive, memory string) (*Store, error) {
	if memory == "" {
		memory = DefaultMemory
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	db := sql.OpenDB(connector)
	set := append([]string{
		fmt.Sprintf("SET memory_limit = '%s'", strings.ReplaceAll(memory, "'", "")),
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET parquet_metadata_cache = true",      // the files never change
		"SET enable_external_file_cache = false", // the kernel keeps their pages; a second copy would fill the limit
		"SET TimeZone = 'UTC'",
	}, macros...)
	for _, q := range set {
		if _, err := db.Exec(q); err != nil {
			db.Close()
			return nil, fmt.Errorf("set up DuckDB: %s: %w", q, err)
		}
	}
	return &Store{a: a, db: db}, nil
}

// Close releases DuckDB and the open segments.
func (s *Store) Close() error {
	s.open.close()
	return s.db.Close()
}

// Archive is the archive that the store reads.
func (s *Store) Archive() *archive.Archive { return s.a }

// views are what SQL asks: the segments of a kind, and what stands for them
// where there are none. ruled says that the kind has a ruleset; later are the
// columns that segments of older programs lack, NULL in their rows.
var views = map[string]struct {
	kind  string
	ruled bool
	empty string
	later string
}{
	"verdicts":     {archive.Verdicts, true, emptyVerdicts, laterVerdicts},
	"observations": {archive.Observations, false, "", ""},
	"cells":        {archive.Cells, true, emptyCells, laterCells},
	"layers":       {archive.Layers, true, emptyCells, laterCells},
	"hours":        {archive.Hours, true, emptyCells, laterCells},
}

// refresh returns the current manifest and points the named views at its
// segments. DuckDB reads no file that was not verified here: a segment that is
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
		s.generation, s.viewed = m.Generation, map[string]bool{}
	}
	for _, name := range names {
		if s.viewed[name] {
			continue
		}
		from := views[name].empty
		if files := s.files(segmentsOf(m, name)); files != "" {
			from = "SELECT * FROM read_parquet(" + files + ")"
			if later := views[name].later; later != "" {
				from = later + " UNION ALL BY NAME SELECT * FROM read_parquet(" + files + ", union_by_name = true)"
			}
		}
		if from == "" {
			continue // there is no such table yet
		}
		if _, err := s.db.ExecContext(ctx, "CREATE OR REPLACE VIEW "+name+" AS "+from); err != nil {
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
			case archive.Cells, archive.Layers, archive.Hours, archive.Events, archive.Findings, archive.Counts:
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

// files spells the paths of segments as an SQL list.
func (s *Store) files(segs []archive.Segment) string {
	if len(segs) == 0 {
		return ""
	}
	paths := make([]string, len(segs))
	for i, g := range segs {
		paths[i] = quote(filepath.Join(s.a.Dir(), g.Path()))
	}
	return "[" + strings.Join(paths, ",") + "]"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

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

// What segments of older programs lack.
const (
	laterVerdicts = `SELECT '' AS sender, '' AS channel, 0::UBIGINT AS content WHERE false`
	laterCells    = `SELECT 0::UINTEGER AS informing, 0::UINTEGER AS informing_bad WHERE false`
)

// The views of an archive without such segments.
const (
	emptyVerdicts = `SELECT '' AS measurement_uid, '' AS report_id, '' AS sender, TIMESTAMP '1970-01-01' AS measurement_start_time, '' AS probe_cc, 0::UINTEGER AS probe_asn, 0::UINTEGER AS resolver_asn, '' AS test_name, '' AS software, '' AS platform, '' AS input, '' AS target, '' AS domain, '' AS state, {'outcome': '', 'rule': ''} AS dns, {'outcome': '', 'rule': ''} AS tcp, {'outcome': '', 'rule': ''} AS tls, {'outcome': '', 'rule': ''} AS http, {'outcome': '', 'rule': ''} AS quic, {'outcome': '', 'rule': ''} AS app, []::VARCHAR[] AS mechanisms, []::VARCHAR[] AS rules, '' AS ruleset, '' AS fingerprints, '' AS invalid, []::VARCHAR[] AS marks, '' AS raw, 0::UINTEGER AS line, '' AS channel, 0::UBIGINT AS content LIMIT 0`
	emptyCells    = `SELECT '' AS target, '' AS probe_cc, 0::UINTEGER AS probe_asn, '' AS layer, 0::BIGINT AS start, 0::BIGINT AS span, 0::UINTEGER AS measurements, 0::UINTEGER AS ok, 0::UINTEGER AS blocked, 0::UINTEGER AS likely_blocked, 0::UINTEGER AS impaired, 0::UINTEGER AS down, 0::UINTEGER AS insufficient, 0::UINTEGER AS aside, 0::UINTEGER AS informing, 0::UINTEGER AS informing_bad, 0::UINTEGER AS reports, 0::UINTEGER AS vote_blocked, 0::UINTEGER AS vote_impaired, 0::UINTEGER AS vote_ok, 0::UINTEGER AS vote_down, 0::BIGINT AS first_bad, 0::BIGINT AS last_bad, 0::BIGINT AS first_ok, 0::BIGINT AS last_ok, '' AS first_bad_uid, '' AS last_bad_uid, '' AS first_ok_uid, '' AS last_ok_uid, []::STRUCT(kind VARCHAR, name VARCHAR, bad UINTEGER, ok UINTEGER)[] AS tallies, []::STRUCT(report UINTEGER, bad UINTEGER, ok UINTEGER)[] AS voices LIMIT 0`
)
