package history

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// BenchmarkRead reads verdict rows from CSV and counts them into cells.
func BenchmarkRead(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var text strings.Builder
	text.WriteString("measurement_uid,measurement_start_time,probe_cc,probe_asn,target,state,report_id\n")
	const rows = 50000
	for i := range rows {
		state := "ok"
		if rng.Float64() < 0.04 {
			state = "blocked"
		}
		fmt.Fprintf(&text, "u%d,2024-%02d-%02d %02d:%02d:00,ZZ,%d,p%d,%s,r%d\n", i, 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60),
			64512+rng.IntN(20), rng.IntN(30), state, i/3)
	}
	for b.Loop() {
		c := NewCollector(Options{Registry: registry{}})
		if _, err := c.Read(strings.NewReader(text.String())); err != nil {
			b.Fatal(err)
		}
		c.Cells()
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}
