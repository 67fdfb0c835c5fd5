package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bandish/bandish/internal/archive"
)

// Published is what Publish did.
type Published struct {
	Segments int64 `json:"segments"` // how many were added
	Rows     int64 `json:"rows"`
	There    int64 `json:"there"` // how many were there before
}

// Publish fills the tables of a ClickHouse with the rows of an archive. The server reads
// the segments itself, where the parameter files of its address says (see OpenOn). Publish
// adds the segments that are missing. It removes nothing, so several archives may share
// the tables. It may be killed at any moment and run again.
func Publish(ctx context.Context, a *archive.Archive, where string) (done Published, err error) {
	c, err := openClickHouse(ctx, where)
	if err != nil {
		return done, err
	}
	defer c.Close()
	if c.files == "" {
		return done, errors.New("publish to ClickHouse: say where its server sees the data folder: add ?files=/folder, ?files=https://bucket/prefix or ?files=s3://bucket/prefix to its address")
	}
	for q := range strings.SplitSeq(clickHouseTables, ";\n") {
		if strings.TrimSpace(q) == "" {
			continue
		}
		if _, err := c.db.ExecContext(ctx, q); err != nil {
			return done, fmt.Errorf("make the tables of ClickHouse: %w", err)
		}
	}
	m, err := a.Manifest()
	if err != nil {
		return done, err
	}
	for view := range views {
		segments := segmentsOf(m, view)
		if err := a.Verify(segments); err != nil {
			return done, fmt.Errorf("publish the %s: %w", view, err)
		}
		missing, err := c.missing(ctx, view, segments)
		if err != nil {
			return done, err
		}
		done.There += int64(len(segments) - len(missing))
		for _, g := range missing {
			if err := c.add(ctx, view, g); err != nil {
				return done, fmt.Errorf("publish %s: %w", g.Path(), err)
			}
			done.Segments++
			done.Rows += g.Rows
		}
	}
	return done, nil
}

// add lets the server read a segment into its table, and lists the segment when all of its
// rows are there.
func (c *clickHouse) add(ctx context.Context, view string, g archive.Segment) error {
	table, name := c.table(view), literal(g.Path())
	_, err := c.db.ExecContext(ctx, "INSERT INTO "+table+" SELECT *, "+name+", _row_number FROM "+c.read(view, []archive.Segment{g}))
	if err != nil {
		return err
	}
	var n int64
	if err := c.db.QueryRowContext(ctx, "SELECT count() FROM "+table+" WHERE segment = "+name).Scan(&n); err != nil {
		return err
	}
	if n != g.Rows {
		return fmt.Errorf("the server read %d rows of %d: files must lead to this archive", n, g.Rows)
	}
	_, err = c.db.ExecContext(ctx, "INSERT INTO "+c.table("segments")+" VALUES ("+literal(view)+", "+name+", "+fmt.Sprint(g.Rows)+")")
	return err
}
