package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/bandish/bandish/internal/archive"
)

// engine runs the SQL of this package.
type engine interface {
	// show lets a view stand for segments of the archive in dir, until the next call for
	// that view.
	show(ctx context.Context, view, dir string, segments []archive.Segment) error
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	Close() error
}

// duckDB reads the segments in this process.
type duckDB struct{ *sql.DB }

// DefaultMemory is how much memory DuckDB may use. Without a limit, one aggregation over
// everything took 7 GB.
const DefaultMemory = "768MB"

// duckMacros define in DuckDB the functions that the SQL here takes from ClickHouse, and
// those that the two engines spell differently.
var duckMacros = []string{
	`CREATE MACRO toDate(x) AS CAST(x AS DATE)`,
	`CREATE MACRO countIf(x) AS count(*) FILTER (WHERE x)`,
	`CREATE MACRO arrayStringConcat(a, sep) AS array_to_string(a, sep)`,
	`CREATE MACRO toUnixTimestamp64Micro(t) AS epoch_us(t)`,
	`CREATE MACRO fromUnixTimestamp64Micro(n) AS make_timestamp(n)`,
	`CREATE MACRO startOf(grain, t) AS strftime(date_trunc(grain, t), CASE WHEN grain = 'hour' THEN '%Y-%m-%dT%H:%M:%SZ' ELSE '%Y-%m-%d' END)`,
	`CREATE MACRO voicesText(vs) AS array_to_string([v.report || chr(31) || v.bad || chr(31) || v.ok FOR v IN vs], chr(30))`,
	`CREATE MACRO talliesText(ts) AS array_to_string([t.kind || chr(31) || t.name || chr(31) || t.bad || chr(31) || t.ok FOR t IN ts], chr(30))`,
}

func openDuckDB(memory string) (duckDB, error) {
	if memory == "" {
		memory = DefaultMemory
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return duckDB{}, fmt.Errorf("open DuckDB: %w", err)
	}
	db := sql.OpenDB(connector)
	set := append([]string{
		fmt.Sprintf("SET memory_limit = '%s'", strings.ReplaceAll(memory, "'", "")),
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET parquet_metadata_cache = true",      // the files never change
		"SET enable_external_file_cache = false", // the kernel caches their pages; a second copy would fill the memory limit
		"SET TimeZone = 'UTC'",
	}, duckMacros...)
	for _, q := range set {
		if _, err := db.Exec(q); err != nil {
			db.Close()
			return duckDB{}, fmt.Errorf("set up DuckDB: %s: %w", q, err)
		}
	}
	return duckDB{db}, nil
}

func (d duckDB) show(ctx context.Context, view, dir string, segments []archive.Segment) error {
	from := duckViews[view].empty
	if files := files(dir, segments); files != "" {
		from = "SELECT * FROM read_parquet(" + files + ")"
		if later := duckViews[view].later; later != "" {
			from = later + " UNION ALL BY NAME SELECT * FROM read_parquet(" + files + ", union_by_name = true)"
		}
	}
	if from == "" {
		return nil // there is no such table yet
	}
	_, err := d.ExecContext(ctx, "CREATE OR REPLACE VIEW "+view+" AS "+from)
	return err
}

// files writes the paths of segments as an SQL list.
func files(dir string, segs []archive.Segment) string {
	if len(segs) == 0 {
		return ""
	}
	paths := make([]string, len(segs))
	for i, g := range segs {
		paths[i] = quote(filepath.Join(dir, g.Path()))
	}
	return "[" + strings.Join(paths, ",") + "]"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// duckViews says what a view is without segments (empty), and which columns are NULL in
// segments of older programs (later).
var duckViews = map[string]struct{ empty, later string }{
	"verdicts": {emptyVerdicts, laterVerdicts},
	"cells":    {emptyCells, laterCells},
	"layers":   {emptyCells, laterCells},
	"hours":    {emptyCells, laterCells},
}

// Columns that segments of older programs lack.
const (
	laterVerdicts = `SELECT '' AS sender, '' AS channel, 0::UBIGINT AS content WHERE false`
	laterCells    = `SELECT 0::UINTEGER AS informing, 0::UINTEGER AS informing_bad WHERE false`
)

// The views of an archive without such segments.
const (
	emptyVerdicts = `SELECT '' AS measurement_uid, '' AS report_id, '' AS sender, TIMESTAMP '1970-01-01' AS measurement_start_time, '' AS probe_cc, 0::UINTEGER AS probe_asn, 0::UINTEGER AS resolver_asn, '' AS test_name, '' AS software, '' AS platform, '' AS input, '' AS target, '' AS domain, '' AS state, {'outcome': '', 'rule': ''} AS dns, {'outcome': '', 'rule': ''} AS tcp, {'outcome': '', 'rule': ''} AS tls, {'outcome': '', 'rule': ''} AS http, {'outcome': '', 'rule': ''} AS quic, {'outcome': '', 'rule': ''} AS app, []::VARCHAR[] AS mechanisms, []::VARCHAR[] AS rules, '' AS ruleset, '' AS fingerprints, '' AS invalid, []::VARCHAR[] AS marks, '' AS raw, 0::UINTEGER AS line, '' AS channel, 0::UBIGINT AS content LIMIT 0`
	emptyCells    = `SELECT '' AS target, '' AS probe_cc, 0::UINTEGER AS probe_asn, '' AS layer, 0::BIGINT AS start, 0::BIGINT AS span, 0::UINTEGER AS measurements, 0::UINTEGER AS ok, 0::UINTEGER AS blocked, 0::UINTEGER AS likely_blocked, 0::UINTEGER AS impaired, 0::UINTEGER AS down, 0::UINTEGER AS insufficient, 0::UINTEGER AS aside, 0::UINTEGER AS informing, 0::UINTEGER AS informing_bad, 0::UINTEGER AS reports, 0::UINTEGER AS vote_blocked, 0::UINTEGER AS vote_impaired, 0::UINTEGER AS vote_ok, 0::UINTEGER AS vote_down, 0::BIGINT AS first_bad, 0::BIGINT AS last_bad, 0::BIGINT AS first_ok, 0::BIGINT AS last_ok, '' AS first_bad_uid, '' AS last_bad_uid, '' AS first_ok_uid, '' AS last_ok_uid, []::STRUCT(kind VARCHAR, name VARCHAR, bad UINTEGER, ok UINTEGER)[] AS tallies, []::STRUCT(report UINTEGER, bad UINTEGER, ok UINTEGER)[] AS voices LIMIT 0`
)
