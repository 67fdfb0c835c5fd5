package verdict_test

import (
	"testing"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// BenchmarkJudge judges the corpus over and over on one core; the goals are
// 100,000 rows a second and a million verdicts a minute.
func BenchmarkJudge(b *testing.B) {
	var all [][]observation.Row
	total := 0
	for _, s := range readCorpus(b) {
		rows := observe(b, s.line)
		all = append(all, rows)
		total += len(rows)
	}
	b.ReportAllocs()
	judged, rows := 0, 0
	for b.Loop() {
		for _, r := range all {
			verdict.Judge(r)
		}
		judged += len(all)
		rows += total
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(60*float64(judged)/b.Elapsed().Seconds(), "verdicts/min")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkObserve shows what observing costs beside decoding.
func BenchmarkObserve(b *testing.B) {
	corpus := readCorpus(b)
	size := 0
	for _, s := range corpus {
		size += len(s.line)
	}
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, s := range corpus {
				if _, err := measurement.Decode(s.line); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("decode+observe", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, s := range corpus {
				m, err := measurement.Decode(s.line)
				if err != nil {
					b.Fatal(err)
				}
				observation.Observe(m, observation.Options{Verifier: verifier})
			}
		}
	})
}
