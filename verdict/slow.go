package verdict

import "github.com/bandish/bandish/observation"

// The thresholds of slowness. Russia slowed Twitter in 2021 to about 16 kB/s
// (Xue and others, IMC 2021); a line of the third generation carries 200 kB/s
// and more. What stays below slowRate over a short distance for seconds on end
// is not a slow line in the ordinary way; the rules say how much that is
// worth.
const (
	slowRate     = 64_000 // bytes a second
	slowSeconds  = 3.0
	slowBytes    = 4_096
	shortTrip    = 0.3 // seconds for a TCP handshake
	slowTimes    = 20  // handshake: so many connection times
	slowAbsolute = 5.0 // and at least so many seconds
)

// starved reports whether bytes came so slowly that the distance to the server
// does not explain it.
func starved(s *scene, v *view) bool {
	if v.ReadSeconds < slowSeconds || v.ReadBytes < slowBytes {
		return false
	}
	return float64(v.ReadBytes)/v.ReadSeconds < slowRate && !farAway(s, v)
}

// farAway reports whether every connection of the measurement took long: then
// the line itself is slow.
func farAway(s *scene, v *view) bool {
	shortest := 0.0
	for i := range s.views {
		if t := s.views[i].TCPSeconds; t > 0 && s.views[i].TCP == done && (shortest == 0 || t < shortest) {
			shortest = t
		}
	}
	return shortest > shortTrip && (v.TCPSeconds == 0 || v.TCPSeconds > shortTrip)
}

// slowHandshake reports whether a handshake that worked took many times what
// the connection took.
func slowHandshake(s *scene, v *view) bool {
	return v.TLS == done && v.TCPSeconds > 0 && v.TLSSeconds >= slowAbsolute &&
		v.TLSSeconds >= slowTimes*v.TCPSeconds && !farAway(s, v)
}

// The thresholds of our probe's transfers, fitted by TestPaceThresholds of
// internal/trial on its lab; docs/lab.md has the figures.
const (
	paceTrips = 40      // round trips for 128 kB: slow start takes about five, a server at the other end of the world ten
	paceTimes = 20      // how much faster another server's transfers are
	paceRate  = 100_000 // bytes a second below which anything is slow
	nameTimes = 10      // how much faster the same server's are under its own name, where the name is throttled

	suspectTimes = 3       // the same, where it may be
	suspectRate  = 200_000 // and below what rate
)

// paced reports whether our probe's transfers show the target alone to be
// slow.
func paced(_ *scene, v *view) bool {
	return v.Pace > 0 && v.Pace < paceRate && v.PaceTrips >= paceTrips && v.PaceReference >= paceTimes*v.Pace
}

// slowedByName reports whether the target was slow, and every transfer from
// the reference, a server that has nothing to do with it, was slow under the
// target's name, and most in turn fast under its own: no server and no line
// does that.
func slowedByName(v *view) bool {
	return v.Pace > 0 && v.Pace < paceRate && slowUnder(v, paceRate, nameTimes)
}

// slowUnder reports whether each transfer from the reference under the
// target's name was below a rate, and most under its own so many times faster.
func slowUnder(v *view, rate, times float64) bool {
	return v.PaceNamed > 0 && v.PaceNamed < rate && v.PaceOwn >= times*v.PaceNamed
}

// cleared reports whether our probe timed transfers and the name is not slow
// wherever it goes, or the reference gave nothing either: then that a page does
// not come in time may be its server's doing, or the line's, and is not held
// against the path. Nothing is cleared where nobody timed anything.
func cleared(v *view) bool {
	if badLine(v) {
		return true
	}
	tried := v.Contrast("throttle_control", "tcp") != "" || v.Contrast("throttle_control", "tls") != "" || v.Contrast("throttle_control", "http") != ""
	switch {
	case v.Pace == 0 && v.PaceOwn == 0 && !tried:
		return false
	case v.Pace == 0 && v.PaceNamed == 0 && v.PaceOwn > 0 && stopped(v):
		return false // neither the target nor the name elsewhere gave anything, and the reference did
	}
	return !slowUnder(v, suspectRate, suspectTimes)
}

// stopped reports whether the connections under the target's name stood, and
// nothing came over them.
func stopped(v *view) bool {
	return !v.Contrast("throttle_name", "tcp").Failed() && !v.Contrast("throttle_name", "tls").Failed() && v.Contrast("throttle_name", "http") == timedOut
}

// badLine reports whether our probe could not reach an innocent server, by its
// own name, in time: then other timeouts may be the line's too.
func badLine(v *view) bool {
	return v.Contrast("innocent_baseline", "tcp") == timedOut || v.Contrast("innocent_baseline", "tls") == timedOut || v.Contrast("innocent_baseline", "http") == timedOut
}

// byChance reports whether a step ran into a timeout that may be the line's.
func (s *scene) byChance(v *view, f observation.Result) bool {
	return (f == timedOut || routeless(f)) && (badLine(v) || s.died)
}
