package verdict

import (
	"slices"

	"github.com/bandish/bandish/observation"
)

// Pace is how fast a page came, and how long the handshake took against the
// connection: what throttling changes while everything still works.
type Pace struct {
	BytesPerSecond float64 // of the page's connection; 0 unknown
	Handshake      float64 // handshake over connection time; 0 unknown
}

// The bytes and seconds below which a rate says nothing: a short page comes in
// the first round trips, whatever the line.
const (
	paceBytes   = 32_000
	paceSeconds = 0.001
)

// PaceOf returns the pace of a measurement, of its fastest connection: false
// where nothing was long enough to tell.
func PaceOf(rows []observation.Row) (Pace, bool) {
	var p Pace
	for i := range rows {
		p.add(&rows[i])
	}
	return p, p != Pace{}
}

func (s *scene) pace() Pace {
	var p Pace
	for i := range s.views {
		p.add(s.views[i].Row)
	}
	return p
}

func (p *Pace) add(r *observation.Row) {
	if r.ReadBytes >= paceBytes && r.ReadSeconds >= paceSeconds {
		p.BytesPerSecond = max(p.BytesPerSecond, float64(r.ReadBytes)/r.ReadSeconds)
	}
	if r.TLS == observation.Done && r.TCPSeconds > 0 && r.TLSSeconds > 0 {
		ratio := r.TLSSeconds / r.TCPSeconds
		if p.Handshake == 0 || ratio < p.Handshake {
			p.Handshake = ratio
		}
	}
}

// Slowness is the pace of a target on a network against that of the same
// network's other targets in the same time.
type Slowness struct {
	Target    float64 `json:"rate"`      // median bytes a second
	Others    float64 `json:"others"`    // the same of the others
	Measured  int     `json:"measured"`  // paces of the target that have a rate
	Reference int     `json:"reference"` // and of the others
	Throttled bool    `json:"throttled"`
}

// What makes a target throttled and not merely slow: paces enough on both
// sides, a tenth of the others' rate, and below what a page needs. In our lab
// a target held to 40 to 100 kB/s has a hundredth of the others' rate; that
// servers differ by ten in rates above 250 kB/s is common.
const (
	throttleMeasured = 5
	throttleTimes    = 10
	throttleRate     = 250_000
)

// CompareThrottle tells throttling of a target from a slow line, which is slow
// for all targets alike.
func CompareThrottle(target, others []Pace) Slowness {
	s := Slowness{}
	s.Target, s.Measured = medianRate(target)
	s.Others, s.Reference = medianRate(others)
	s.Throttled = s.Measured >= throttleMeasured && s.Reference >= throttleMeasured &&
		s.Target < throttleRate && s.Target*throttleTimes <= s.Others
	return s
}

func medianRate(paces []Pace) (float64, int) {
	var rates []float64
	for _, p := range paces {
		if p.BytesPerSecond > 0 {
			rates = append(rates, p.BytesPerSecond)
		}
	}
	if len(rates) == 0 {
		return 0, 0
	}
	slices.Sort(rates)
	return rates[len(rates)/2], len(rates)
}
