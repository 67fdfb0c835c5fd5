package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/bandish/bandish/internal/archive"
)

// Place in a scan: the rows before it were given. It holds for the manifest and
// the filter of that scan alone.
type Position struct {
	Segment int   // of the manifest's segments of the kind
	Row     int64 // of those that the country and the target of the filter admit
}

// ErrGone is the error of a scan over a manifest whose segments were replaced
// so long ago that they are no longer on the disk.
var ErrGone = errors.New("the segments of this generation are gone")

// Scan calls fn with the rows of a view's segments as a manifest lists them,
// oldest period first and in each segment in its order (country, target, time),
// with the place after the row. The manifest stays what it is while others
// write, so a later scan from that place goes on without loss or repetition. Of
// the filter it applies the country and the target, and leaves out segments of
// other periods; the rest is the caller's. A row is valid until fn returns. It
// stops at the first error of fn and returns it.
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

// overlaps reports whether a period (a day, a month or a year; of any other
// form, yes) has times within the filter.
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
