package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/bandish/bandish/internal/archive"
)

// Position is a place in a scan: all rows before it were given. It is valid only for the
// same manifest and filter.
type Position struct {
	Segment int   // index into the manifest's segments of the view
	Row     int64 // index among the rows of the segment that the filter's country and target admit
}

// ErrGone means that the segments of a manifest were replaced so long ago that they are no
// longer on the disk.
var ErrGone = errors.New("the segments of this generation are gone")

// Scan calls fn with the rows of a view, and the position after each row. Segments come as
// the manifest lists them, the oldest period first; rows come in the order of the segment
// (country, target, time). The manifest does not change while others write, so a later
// scan from that position goes on without loss or repetition. Of the filter, Scan applies
// country and target, and skips segments of other periods; the caller must do the rest. A
// row is valid until fn returns. Scan stops at the first error of fn, and returns it.
func Scan[T any](ctx context.Context, s *Store, m *archive.Manifest, view string, f *Filter, from Position, fn func(row *T, after Position) error) error {
	segments := segmentsOf(m, view)
	for n := from.Segment; n < len(segments); n++ {
		skip := int64(0)
		if n == from.Segment {
			skip = from.Row
		}
		if !f.overlaps(segments[n].Period) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		err := scanSegment(ctx, s, segments[n], f, skip, func(row *T, after int64) error { return fn(row, Position{n, after}) })
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func scanSegment[T any](ctx context.Context, s *Store, g archive.Segment, f *Filter, skip int64, fn func(row *T, after int64) error) error {
	each := func(rows []T) error {
		for i := range rows {
			skip++
			if err := fn(&rows[i], skip); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	var keys []archive.Key
	if f.CC != "" {
		keys = append(keys, archive.Key{Column: "probe_cc", Value: f.CC})
	}
	if f.Target != "" {
		keys = append(keys, archive.Key{Column: "target", Value: f.Target})
	}
	if len(keys) == 0 {
		return archive.ReadSegmentFrom(s.a, g, skip, each)
	}
	rows, err := lookup[T](s, g, keys...)
	if err != nil || skip >= int64(len(rows)) {
		return err
	}
	return each(rows[skip:])
}

// overlaps reports whether a period (a day, a month or a year) has any time within the
// filter. A period of another form does.
func (f *Filter) overlaps(period string) bool {
	for _, p := range []struct {
		layout              string
		years, months, days int
	}{{time.DateOnly, 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}} {
		begin, err := time.Parse(p.layout, period)
		if err != nil {
			continue
		}
		end := begin.AddDate(p.years, p.months, p.days)
		return (f.Since.IsZero() || end.After(f.Since)) && (f.Until.IsZero() || begin.Before(f.Until))
	}
	return true
}
