package verdict

import (
	"slices"

	"github.com/bandish/bandish/observation"
)

// Pace says how fast a page came, and how long the handshake took compared with the
// connection. Throttling changes these while everything still works.
type Pace struct {
	BytesPerSecond float64 // of the page's connection; 0: not known
	Handshake      float64 // time of the handshake divided by time of the connection; 0: not known
}

// With fewer bytes, or less time in seconds, a rate says nothing: a short page
// comes in the first round trips on any line.
const (
	paceBytes   = 32_000
	paceSeconds = 0.001
)

// PaceOf returns the pace of the fastest connection of a measurement; false where
// nothing was long enough.
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

// Slowness compares the pace of a target on a network with that of the network's
// other targets in the same time.
type Slowness struct {
	Target    float64 `json:"rate"`      // median in bytes a second
	Others    float64 `json:"others"`    // the same for the other targets
	Measured  int     `json:"measured"`  // number of the target's paces that have a rate
	Reference int     `json:"reference"` // the same for the other targets
	Throttled bool    `json:"throttled"`
}

// What makes a target throttled and not merely slow: enough paces on both sides, at
// most a tenth of the others' rate, and a rate below what a page needs. In our lab
// a target held to 40 to 100 kB/s has a hundredth of the others' rate. Above 250
// kB/s, servers commonly differ by a factor of ten.
const (
	throttleMeasured = 5
	throttleTimes    = 10
	throttleRate     = 250_000
)

// CompareThrottle tells throttling of a target from a slow line, which is slow for
// all targets.
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
