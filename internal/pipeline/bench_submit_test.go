package pipeline

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkSubmit lets 32 senders hand in measurements of one day, each the next
// when the one before is acknowledged: durable, and in the ledger.
func BenchmarkSubmit(b *testing.B) {
	p, err := newPipeline(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := p.Submit(b.Context(), zz("begun", 1), Sender{}); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for i := range 32 {
		all.Go(func() {
			for k := n.Add(1); k <= int64(b.N); k = n.Add(1) {
				if _, err := p.Submit(b.Context(), zz(fmt.Sprint("bench", k), 1), Sender{Key: [16]byte{byte(i)}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submissions/s")
	m, err := p.Archive.Manifest()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(m.Batches)-1)/b.Elapsed().Seconds(), "commits/s")
}
