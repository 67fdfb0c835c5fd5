package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

// What most commands need is opened here: the registry of platforms, the record, the
// archive for writing, and the desk over all of them.

// loadTargets reads the registry of platforms that is built into the program.
func loadTargets() (*target.Registry, error) {
	registry, err := target.Load(targets.FS)
	if err != nil {
		return nil, fmt.Errorf("read the target registry: %w", err)
	}
	return registry, nil
}

// pipeline opens the archive for writing. It prints a message if it has to wait for its
// turn.
func (env *environment) pipeline() (*pipeline.Pipeline, error) {
	p, err := openPipeline(env.data)
	if err == nil {
		tellWaiting(env, p)
	}
	return p, err
}

// sources returns the archived copies in the data folder.
func (env *environment) sources() *source.Archive { return source.Open(env.data) }

// desk returns the desk over the data folder and the record, and a function that closes
// it. A folder without an archive counts as one without measurements.
func (env *environment) desk(ctx context.Context) (*inquiry.Desk, func(), error) {
	data := env.data
	records, _, err := openRecords(env.records)
	if err != nil {
		return nil, nil, err
	}
	registry, err := loadTargets()
	if err != nil {
		return nil, nil, err
	}
	desk := newDesk(data, nil, records, registry)
	if there, err := archive.Exists(data); err == nil && !there {
		return desk, func() {}, nil
	}
	if err := env.detected(ctx); err != nil {
		return nil, nil, err
	}
	a, err := archive.OpenExisting(data)
	if err != nil {
		return nil, nil, err
	}
	if desk.Store, err = env.openStore(ctx, a); err != nil {
		return nil, nil, err
	}
	return desk, func() { desk.Store.Close() }, nil
}

// openStore opens an archive for questions, with the engine that --store names.
func (env *environment) openStore(ctx context.Context, a *archive.Archive) (*store.Store, error) {
	if env.store == "" {
		return store.Open(a, "")
	}
	return store.OpenOn(ctx, a, env.store)
}

// openRecords returns the record and its folder, which is "" for the record that is built
// in.
func openRecords(folder string) (*casefile.Records, string, error) {
	if folder == "" {
		cases, _ := filepath.Glob(filepath.Join("records", "*", "*.yaml")) // the pattern is valid
		if len(cases) > 0 {
			folder = "records"
		}
	}
	if folder == "" {
		r, err := casefile.Load(records.FS, "records")
		return r, "", err
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, "", fmt.Errorf("no folder %s; name the folder that holds the cases with --records", folder)
	}
	r, err := casefile.Load(os.DirFS(folder), filepath.ToSlash(filepath.Clean(folder)))
	return r, folder, err
}

// openCase returns the record and one of its cases.
func (env *environment) openCase(id string) (*casefile.Records, *casefile.Case, error) {
	r, _, err := openRecords(env.records)
	if err != nil {
		return nil, nil, err
	}
	c := r.Case(id)
	if c == nil {
		var ids []string
		for _, c := range r.Cases {
			ids = append(ids, c.ID)
		}
		return nil, nil, fmt.Errorf("no case %q; the record holds %s", id, strings.Join(ids, ", "))
	}
	return r, c, nil
}

func newDesk(data string, st *store.Store, records *casefile.Records, registry *target.Registry) *inquiry.Desk {
	return &inquiry.Desk{Store: st, Records: records, Targets: registry, Now: time.Now,
		Lists:      func() ([]ban.Report, error) { return importedReports(source.Open(data), registry) },
		Copy:       func(sha string) ([]byte, error) { return copyOf(source.Open(data), sha) },
		Hand:       func() (ban.Hand, error) { return handOf(data) },
		Parameters: func() (inquiry.Parameters, error) { return parametersOf(data) }}
}

// copyOf returns the copy of a source, nil if there is none.
func copyOf(a *source.Archive, sha string) ([]byte, error) {
	_, content, err := a.Get(sha)
	if errors.Is(err, source.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return content, err
}

// detected derives the events of an archive that has verdicts and no events. An older
// program wrote it, or an import was cut short.
func (env *environment) detected(ctx context.Context) error {
	a, err := archive.OpenExisting(env.data)
	if err != nil {
		return err
	}
	m, err := a.Manifest()
	if err != nil || !undetected(m) {
		return err
	}
	p, err := env.pipeline()
	if err != nil {
		return err
	}
	meter := env.progress(p.Archive)
	_, err = p.Count(ctx)
	meter.end()
	return err
}

// undetected reports whether an archive has verdicts of its ruleset but no events yet.
func undetected(m *archive.Manifest) bool {
	return len(m.Select(archive.Findings, m.Ruleset)) == 0 && len(m.Select(archive.Verdicts, m.Ruleset))+len(m.Select(archive.Counts, "")) > 0
}
