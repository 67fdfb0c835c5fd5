package store

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bandish/bandish/internal/archive"
)

// OpenOn prepares queries over an archive that a ClickHouse server answers (version 25 or
// newer). where is the address of the server:
// clickhouse://user:password@host:9000/database for the native protocol, or
// http://host:8123/database. The parameter files of the address says where the server sees
// the data folder: a path on the server, or the address of a bucket (https://… or s3://…).
// Without it the server answers from the tables that Publish filled. An error says that
// the address is malformed, that the server cannot be reached, or that it is too old.
func OpenOn(ctx context.Context, a *archive.Archive, where string) (*Store, error) {
	db, err := openClickHouse(ctx, where)
	if err != nil {
		return nil, err
	}
	return &Store{a: a, db: db}, nil
}

// clickHouse asks a server. It keeps nothing there: each question carries what its views
// stand for.
type clickHouse struct {
	db       *sql.DB
	name     string // the address; its password is masked
	database string
	files    string // where the server sees the data folder; empty: it answers from its tables

	mu   sync.Mutex // guards from
	from map[string]string
}

func openClickHouse(ctx context.Context, where string) (*clickHouse, error) {
	c, o, err := readAddress(where)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(ctx, o); err != nil {
		return nil, fmt.Errorf("open ClickHouse: %s: %w", c.name, err)
	}
	for name, value := range map[string]any{
		"max_query_size":   1 << 30, // a question names all its segments
		"session_timezone": "UTC",
		"final":            1, // a segment that was published twice counts once
	} {
		if _, set := o.Settings[name]; !set {
			o.Settings[name] = value
		}
	}
	c.db = clickhouse.OpenDB(o)
	if err := c.db.PingContext(ctx); err != nil {
		c.db.Close()
		return nil, fmt.Errorf("open ClickHouse: %s: %w", c.name, err)
	}
	return c, nil
}

// readAddress reads the address of a server. It connects to nothing.
func readAddress(where string) (*clickHouse, *clickhouse.Options, error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" {
		return nil, nil, errors.New("open ClickHouse: name it as clickhouse://user:password@host:9000/database?files=/where/it/sees/the/data/folder") // the address may hold a password
	}
	params := u.Query()
	c := &clickHouse{files: strings.TrimRight(params.Get("files"), "/"), from: map[string]string{}}
	params.Del("files")
	if u.Scheme == "https" {
		params.Set("secure", "true")
	}
	u.RawQuery = params.Encode()
	c.name = u.Redacted()
	switch u.Scheme {
	case "clickhouse", "http", "https":
	default:
		return nil, nil, fmt.Errorf("open ClickHouse: %s: an address begins with clickhouse://, http:// or https://", c.name)
	}
	o, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		return nil, nil, fmt.Errorf("open ClickHouse: %s: %w", c.name, err)
	}
	if c.database = o.Auth.Database; c.database == "" {
		c.database = "default"
	}
	return c, o, nil
}

// oldestClickHouse is the oldest major version that knows all that the questions use:
// macros, named subqueries, times with parts of a second, and session_timezone.
const oldestClickHouse = 25

// checkVersion refuses a server that is too old. It only pings: a ping sends no setting
// and no question that an old server might not know.
func checkVersion(ctx context.Context, o *clickhouse.Options) error {
	bare := *o
	bare.Settings = nil
	conn, err := clickhouse.Open(&bare)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Ping(ctx); err != nil {
		return err
	}
	v, err := conn.ServerVersion()
	if err != nil {
		return err
	}
	if v.Version.Major < oldestClickHouse {
		return fmt.Errorf("it is ClickHouse %d.%d; questions want %d or newer", v.Version.Major, v.Version.Minor, oldestClickHouse)
	}
	return nil
}

// Close closes the connections.
func (c *clickHouse) Close() error { return c.db.Close() }

//go:embed clickhouse.sql
var clickHouseTables string

// declaration matches a table of clickhouse.sql: its name, then either the table whose
// columns it copies, or its own columns.
var declaration = regexp.MustCompile(`(?s)CREATE TABLE IF NOT EXISTS (\w+)(?: AS (\w+)|\n\(\n(.*?)\n\))\n`)

// columns returns the declarations of a view's columns, without the columns segment and
// row, which only the table has. It returns "" for an unknown view.
func columns(view string) string {
	for _, m := range declaration.FindAllStringSubmatch(clickHouseTables, -1) {
		if m[1] == view && m[2] != "" {
			return columns(m[2])
		}
		if m[1] == view {
			own, _, _ := strings.Cut(m[3], ",\n    segment ")
			return own
		}
	}
	return ""
}

// show sets what a view stands for in the questions to come: the segments as files where
// the server sees them, or their rows in the view's table. It returns an error if the
// table lacks one of the segments.
func (c *clickHouse) show(ctx context.Context, view, _ string, segments []archive.Segment) error {
	from := "SELECT * FROM null(" + literal(columns(view)) + ")"
	switch {
	case len(segments) == 0:
	case c.files != "":
		from = "SELECT * FROM " + c.read(view, segments)
	default:
		missing, err := c.missing(ctx, view, segments)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("ClickHouse has no rows of %s yet, and of %d segments more: run bandish publish clickhouse", missing[0].Path(), len(missing)-1)
		}
		from = "SELECT * FROM " + c.table(view) + " WHERE segment IN (" + literals(segments) + ")"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from[view] = from
	return nil
}

// read returns the SQL table function that reads the files of segments, of which there is
// at least one.
func (c *clickHouse) read(view string, segments []archive.Segment) string {
	paths := make([]string, len(segments))
	for i, g := range segments {
		paths[i] = path.Clean(g.Path())
	}
	function, glob := "file", c.files+"/"+paths[0]
	if strings.Contains(c.files, "://") {
		function = "s3"
	}
	if len(paths) > 1 {
		glob = c.files + "/{" + strings.Join(paths, ",") + "}"
	}
	return function + "(" + literal(glob) + ", 'Parquet', " + literal(columns(view)) + ")"
}

func (c *clickHouse) table(name string) string {
	return "`" + strings.ReplaceAll(c.database, "`", "``") + "`." + name
}

// missing returns the segments that the table of a view does not hold whole.
func (c *clickHouse) missing(ctx context.Context, view string, segments []archive.Segment) (out []archive.Segment, err error) {
	rows, err := c.db.QueryContext(ctx, "SELECT segment FROM "+c.table("segments")+" WHERE view = ?", view)
	if err != nil {
		return nil, fmt.Errorf("ask ClickHouse which segments it has (bandish publish clickhouse makes its tables): %w", err)
	}
	defer rows.Close()
	whole := map[string]bool{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		whole[s] = true
	}
	for _, g := range segments {
		if !whole[g.Path()] {
			out = append(out, g)
		}
	}
	return out, rows.Err()
}

func literals(segments []archive.Segment) string {
	out := make([]string, len(segments))
	for i, g := range segments {
		out[i] = literal(g.Path())
	}
	return strings.Join(out, ", ")
}

// literal quotes a text for ClickHouse's SQL.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// clickHouseMacros define in ClickHouse the functions that questions use and that DuckDB
// spells in another way.
var clickHouseMacros = []string{
	`(n -> char(n)) AS chr`,
	`((text, sep, n) -> splitByString(sep, text)[n]) AS split_part`,
	`((grain, t) -> formatDateTime(dateTrunc(grain, t, 'UTC'), if(grain = 'hour', '%Y-%m-%dT%H:%i:%SZ', '%Y-%m-%d'))) AS startOf`,
	`(vs -> arrayStringConcat(arrayMap(v -> toString(v.report) || char(31) || toString(v.bad) || char(31) || toString(v.ok), vs), char(30))) AS voicesText`,
	`(ts -> arrayStringConcat(arrayMap(t -> t.kind || char(31) || t.name || char(31) || toString(t.bad) || char(31) || toString(t.ok), ts), char(30))) AS talliesText`,
}

var named = regexp.MustCompile(`\b(?:FROM|JOIN) (\w+)`)

// whole puts the macros, and the views that a question names, before the question.
func (c *clickHouse) whole(query string) string {
	with := strings.Join(clickHouseMacros, ", ")
	c.mu.Lock()
	defer c.mu.Unlock()
	done := map[string]bool{}
	for _, m := range named.FindAllStringSubmatch(query, -1) {
		if from := c.from[m[1]]; from != "" && !done[m[1]] {
			done[m[1]] = true
			with += ", " + m[1] + " AS (" + from + ")"
		}
	}
	if own, has := strings.CutPrefix(query, "WITH "); has {
		return "WITH " + with + ", " + own
	}
	return "WITH " + with + " " + query
}

// QueryContext asks for rows, with the views as show set them last.
func (c *clickHouse) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.db.QueryContext(ctx, c.whole(query), args...)
}

// QueryRowContext asks for one row, with the views as show set them last.
func (c *clickHouse) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.db.QueryRowContext(ctx, c.whole(query), args...)
}
