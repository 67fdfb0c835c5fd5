package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/series"
)

// openMeasured gives what was measured, for the record's claims: nil where
// the data folder holds no archive. The function closes it.
func openMeasured(data string) (casefile.Measured, func(), error) {
	if _, err := os.Stat(filepath.Join(data, "manifest.json")); errors.Is(err, fs.ErrNotExist) {
		return nil, func() {}, nil
	}
	a, err := archive.OpenExisting(data)
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(a, "")
	if err != nil {
		return nil, nil, err
	}
	return measured{s}, func() { s.Close() }, nil
}

// measured answers the record's questions from the archive.
type measured struct{ store *store.Store }

func (m measured) Cells(ctx context.Context, target, cc string, asns []uint32, from, to time.Time) ([]casefile.Cell, error) {
	cells, err := m.store.Cells(ctx, store.Filter{CC: cc, Target: target, ASNs: asns, Since: from, Until: to})
	if err != nil {
		return nil, err
	}
	out := make([]casefile.Cell, 0, len(cells))
	for _, c := range cells {
		out = append(out, cellOf(c))
	}
	return out, nil
}

func cellOf(c series.Cell) casefile.Cell {
	return casefile.Cell{
		Target: c.Target, CC: c.CC, ASN: casefile.ASN(c.ASN),
		From: time.Unix(c.Start, 0).UTC(), To: time.Unix(c.End(), 0).UTC(),
		OK: int64(c.OK), Blocked: int64(c.Blocked) + int64(c.Likely), Down: int64(c.Down),
		Unclear: int64(c.Impaired) + int64(c.Insufficient), Reports: int64(c.Reports),
		Votes: casefile.Votes{OK: int64(c.VoteOK), Blocked: int64(c.VoteBlocked), Down: int64(c.VoteDown), Unclear: int64(c.VoteImpaired)},
	}
}

// Bans gives none until package event is in the program: the clock then takes
// its days from the sources, and says so.
func (m measured) Bans(context.Context, string, string, time.Time, time.Time) ([]casefile.MeasuredBan, error) {
	return nil, nil
}
