package verdict_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// BenchmarkShared goes the way of an import, less files, over the shared
// measurements.
func BenchmarkShared(b *testing.B) {
	var docs [][]byte
	size := 0
	for _, dir := range []string{"scenarios-full", "real"} {
		files, _ := filepath.Glob(filepath.Join(shared(b, dir), "*.json"))
		for _, path := range files {
			raw, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := measurement.Decode(raw); err == nil {
				docs = append(docs, raw)
				size += len(raw)
			}
		}
	}
	run := func(b *testing.B, each func(*measurement.Measurement)) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			for _, d := range docs {
				m, err := measurement.Decode(d)
				if err != nil {
					b.Fatal(err)
				}
				each(m)
			}
		}
		b.ReportMetric(float64(len(docs)*b.N)/b.Elapsed().Seconds(), "docs/s")
	}
	b.Run("decode", func(b *testing.B) { run(b, func(*measurement.Measurement) {}) })
	b.Run("decode+observe+judge", func(b *testing.B) {
		run(b, func(m *measurement.Measurement) {
			verdict.Judge(observation.Observe(m, observation.Options{Verifier: verifier}).Rows)
		})
	})
}
