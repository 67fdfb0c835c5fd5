package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/internal/shard"
)

// measure serves metrics and profiles at the address of --admin, if there is one.
func (s *serving) measure(ctx context.Context) error {
	if s.admin == "" {
		return nil
	}
	l, err := server.ListenAdmin(s.admin)
	if err != nil {
		return fmt.Errorf("serve: --admin: %w", err)
	}
	measureArchive(s.p, s.metrics)
	s.beside.Go(func() {
		if err := server.Serve(ctx, l, server.Admin(s.metrics), s.log, nil); err != nil {
			s.log.Error("the listener of --admin ended", "err", err)
		}
	})
	fmt.Fprintf(s.env.stdout, "metrics on http://%s/metrics, profiles on http://%s/debug/pprof/\n", l.Addr(), l.Addr())
	return nil
}

// measureArchive adds gauges of the archive and of the documents being decoded. The gauges
// of the manifest also show what other programs import.
func measureArchive(p *pipeline.Pipeline, metrics *server.Metrics) {
	of := func(read func(*archive.Manifest) float64) func() float64 {
		return func() float64 {
			m, err := p.Archive.Manifest()
			if err != nil {
				return math.NaN()
			}
			return read(m)
		}
	}
	metrics.Gauge("bandish_archive_generation", of(func(m *archive.Manifest) float64 { return float64(m.Generation) }))
	metrics.Gauge("bandish_archive_batches", of(func(m *archive.Manifest) float64 { return float64(m.Totals().Batches) }))
	metrics.Gauge("bandish_archive_segments", of(func(m *archive.Manifest) float64 { return float64(len(m.Segments)) }))
	metrics.Gauge("bandish_archive_raw_bytes", of(func(m *archive.Manifest) float64 { return float64(m.Totals().Bytes) }))
	for _, kind := range []string{archive.KindMeasurements, archive.KindWeb, archive.KindAggregation, archive.KindSignals} {
		metrics.Gauge("bandish_archive_documents", of(func(m *archive.Manifest) float64 { return float64(m.Totals().Documents[kind]) }), "kind", kind)
	}
	metrics.Gauge("bandish_archive_last_batch_timestamp_seconds", of(func(m *archive.Manifest) float64 {
		return max(0, float64(m.Totals().Last.Unix()))
	}))
	measureWorks(p.Archive, metrics)
	metrics.Gauge("bandish_set_aside_bytes", func() float64 { return float64(p.QuarantineSize()) })
	metrics.Gauge("bandish_decodes_in_flight", func() float64 { return float64(p.Load().Decoding) })
	metrics.Gauge("bandish_submissions_waiting", func() float64 { return float64(p.Load().Waiting) })
	metrics.Gauge("bandish_submissions_waiting_bytes", func() float64 { return float64(p.Load().WaitingBytes) })
}

// measureWorks adds gauges of the works that several processes share: how many of their
// parts are in which state. It counts them at most every ten seconds; the gauges are NaN
// if they cannot be counted.
func measureWorks(a *archive.Archive, metrics *server.Metrics) {
	var mu sync.Mutex // guards counted and parts
	var counted time.Time
	var parts map[string]shard.Census
	of := func(work string, read func(shard.Census) int) func() float64 {
		return func() float64 {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); now.Sub(counted) > 10*time.Second {
				store, prefix := a.Works()
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				defer cancel()
				parts, _ = shard.CountParts(ctx, store, prefix, now) // nil if that fails
				counted = now
			}
			if parts == nil {
				return math.NaN()
			}
			return float64(read(parts[work]))
		}
	}
	for _, work := range []string{"import", "rebuild", "rescore"} {
		for state, read := range map[string]func(shard.Census) int{
			"done": func(c shard.Census) int { return c.Done },
			"held": func(c shard.Census) int { return c.Held },
			"over": func(c shard.Census) int { return c.Over },
		} {
			metrics.Gauge("bandish_work_parts", of(work, read), "work", work, "state", state)
		}
	}
}
