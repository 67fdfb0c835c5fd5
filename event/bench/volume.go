package bench

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
)

// Volume is the size of an invented archive.
type Volume struct {
	Countries, Targets, Networks, Days int     // Networks in each country
	Present                            float64 // share of the cells that exist, from 0 to 1
}

// FullVolume is two years of 200 countries, 60 targets and 2,000 networks: some
// fifty million cells.
var FullVolume = Volume{Countries: 200, Targets: 60, Networks: 10, Days: 730, Present: 0.57}

// Load says what the detection in a volume took.
type Load struct {
	Cells, Events int
	Detect        time.Duration // without the time to make the cells
	Slowest       time.Duration // of the slowest country
	Memory        uint64        // most memory obtained from the system, in bytes
}

// Measure makes the cells of one country after the other and detects events in
// them. now returns the time.
func Measure(v Volume, now func() time.Time) Load {
	var l Load
	d := event.NewDetector(time.Time{})
	for c := range v.Countries {
		cells := v.cells(c)
		l.Cells += len(cells)
		start := now()
		d.Country(cells)
		took := now().Sub(start)
		l.Detect += took
		l.Slowest = max(l.Slowest, took)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		l.Memory = max(l.Memory, m.Sys)
	}
	start := now()
	l.Events = len(d.Finish().Events)
	l.Detect += now().Sub(start)
	return l
}

// cells makes one country's daily cells; one series in fifty has a ban.
func (v Volume) cells(c int) []series.Cell {
	rng := rand.New(rand.NewPCG(50, uint64(c)))
	cc := string([]byte{'A' + byte(c/26), 'A' + byte(c%26)})
	start := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	out := make([]series.Cell, 0, int(float64(v.Targets*v.Networks*v.Days)*v.Present*1.01))
	for t := range v.Targets {
		name := fmt.Sprintf("platform-%02d", t)
		from, to := -1, -1
		if rng.IntN(50) == 0 {
			from = rng.IntN(v.Days)
			to = from + 1 + rng.IntN(200)
		}
		for n := range v.Networks {
			for day := range v.Days {
				if rng.Float64() >= v.Present {
					continue
				}
				out = append(out, cell(rng, cc, name, uint32(64512+n), start+int64(day)*86400, day >= from && day < to))
			}
		}
	}
	series.Sort(out)
	return out
}

func cell(rng *rand.Rand, cc, target string, asn uint32, start int64, banned bool) series.Cell {
	c := series.Cell{CC: cc, Target: target, ASN: asn, Start: start, Span: 86400}
	for range 1 + rng.IntN(4) {
		at := start + rng.Int64N(86400)
		x := rng.Float64()
		c.Measurements++
		c.Reports++
		if banned && x < 0.95 || x < 0.03 {
			c.Blocked++
			c.VoteBlocked += series.Vote
			if c.FirstBad == 0 || at < c.FirstBad {
				c.FirstBad = at
			}
			c.LastBad = max(c.LastBad, at)
			continue
		}
		c.OK++
		c.VoteOK += series.Vote
		if c.FirstOK == 0 || at < c.FirstOK {
			c.FirstOK = at
		}
		c.LastOK = max(c.LastOK, at)
	}
	return c
}
