package api

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
)

// BenchmarkStream times whole lists of verdicts over HTTP, and notes the most
// memory that Go held meanwhile. BANDISH_BENCH_DIR names an archive that
// internal/web's benchmark has made; it is only read. BANDISH_BENCH_DAYS lists
// one day of 20,000 rows so many times, under so many days: 500 are 10 million.
func BenchmarkStream(b *testing.B) {
	w := &world{}
	if dir := os.Getenv("BANDISH_BENCH_DIR"); dir != "" {
		a, err := archive.OpenExisting(dir)
		if err != nil {
			b.Fatal(err)
		}
		w.serve(b, a)
	} else {
		w = newWorld(b, 1, 20_000)
		days, err := strconv.Atoi(cmp.Or(os.Getenv("BANDISH_BENCH_DAYS"), "10"))
		if err != nil {
			b.Fatal(err)
		}
		w.repeat(b, days)
	}
	m, err := w.Store.Archive().Manifest()
	if err != nil {
		b.Fatal(err)
	}
	rows := int64(0)
	for _, g := range m.Select(archive.Verdicts, m.Ruleset) {
		rows += g.Rows
	}
	plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	for _, format := range []string{"ndjson", "csv", "parquet"} {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				peak, stop := peakHeap()
				began := time.Now()
				before := cpuTime(b)
				resp, err := plain.Get(w.url + "/api/v1/verdicts?format=" + format)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				if resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp.StatusCode, err)
				}
				stop()
				took := time.Since(began).Seconds()
				b.ReportMetric(float64(rows)/took, "rows/s")
				b.ReportMetric(float64(rows)/(cpuTime(b)-before).Seconds(), "rows/cpu-s")
				b.ReportMetric(float64(n)/took/1e6, "MB/s")
				b.ReportMetric(float64(peak.Load())/1e6, "peak-MB")
				b.ReportMetric(float64(rows), "rows")
			}
		})
	}
}

// repeat lists the first day's verdicts under more days.
func (w *world) repeat(b *testing.B, days int) {
	b.Helper()
	err := w.archive.Update(b.Context(), func(u *archive.Update) error {
		g := u.Manifest.Select(archive.Verdicts, u.Manifest.Ruleset)[0]
		one := filepath.Join(w.archive.Dir(), g.Path())
		for d := 1; d < days; d++ {
			g.Period = first.AddDate(0, 0, d).Format(time.DateOnly)
			at := filepath.Join(w.archive.Dir(), g.Path())
			if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.Link(one, at)); err != nil {
				return err
			}
			u.Manifest.Segments = append(u.Manifest.Segments, g)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// cpuTime is what this process has used: beside other work it says more than
// the clock.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakHeap watches what Go holds until it is stopped.
func peakHeap() (*atomic.Uint64, func()) {
	peak, done := new(atomic.Uint64), make(chan struct{})
	runtime.GC()
	go func() {
		for {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			peak.Store(max(peak.Load(), s.HeapAlloc))
			select {
			case <-done:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	return peak, func() { close(done) }
}
