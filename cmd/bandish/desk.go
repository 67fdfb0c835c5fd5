package main

import (
	"context"
	"fmt"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

// openDesk gives the desk that answers from a data folder and a record. A
// folder without an archive is one that holds no measurements. The function
// closes it.
func openDesk(ctx context.Context, data, folder string) (*inquiry.Desk, func(), error) {
	records, _, err := openRecords(folder)
	if err != nil {
		return nil, nil, err
	}
	registry, err := target.Load(targets.FS)
	if err != nil {
		return nil, nil, fmt.Errorf("read the target registry: %w", err)
	}
	desk := newDesk(data, nil, records, registry)
	if there, err := archive.Exists(data); err == nil && !there {
		return desk, func() {}, nil
	}
	if err := detected(ctx, data); err != nil {
		return nil, nil, err
	}
	a, err := archive.OpenExisting(data)
	if err != nil {
		return nil, nil, err
	}
	if desk.Store, err = store.Open(a, ""); err != nil {
		return nil, nil, err
	}
	return desk, func() { desk.Store.Close() }, nil
}

func newDesk(data string, st *store.Store, records *casefile.Records, registry *target.Registry) *inquiry.Desk {
	names := ban.Names{OfName: registry.OfName, OfHost: registry.OfHost, OfTest: registry.OfTest}
	return &inquiry.Desk{Store: st, Records: records, Targets: registry, Now: time.Now,
		Lists: func() ([]ban.Report, error) { return importedReports(source.Open(data), names) },
		Hand:  func() (ban.Hand, error) { return handOf(data) }}
}

// detected derives the events of an archive that has verdicts and no events: it
// was made by an older program, or an import was cut short.
func detected(ctx context.Context, data string) error {
	a, err := archive.OpenExisting(data)
	if err != nil {
		return err
	}
	m, err := a.Manifest()
	if err != nil || !undetected(m) {
		return err
	}
	p, err := openPipeline(data)
	if err != nil {
		return err
	}
	_, err = p.Count(ctx)
	return err
}

// undetected reports whether an archive has verdicts of its ruleset and no events
// yet.
func undetected(m *archive.Manifest) bool {
	return len(m.Select(archive.Findings, m.Ruleset)) == 0 && len(m.Select(archive.Verdicts, m.Ruleset))+len(m.Select(archive.Counts, "")) > 0
}
