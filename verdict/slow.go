package verdict

import "github.com/bandish/bandish/observation"

// The thresholds of slowness. In 2021 Russia slowed Twitter to about 16 kB/s (Xue
// and others, IMC 2021); a line of the third generation carries 200 kB/s and more.
// What stays below slowRate for seconds over a short distance is hardly an ordinary
// slow line. The rules say how much that counts.
const (
	slowRate     = 64_000 // bytes a second
	slowSeconds  = 3.0
	slowBytes    = 4_096
	shortTrip    = 0.3 // seconds for a TCP handshake
	slowTimes    = 20  // a slow handshake takes so many times as long as the connection
	slowAbsolute = 5.0 // and at least so many seconds
)

// starved reports whether bytes came so slowly that the distance to the server does
// not explain it.
func starved(s *scene, v *view) bool {
	if v.ReadSeconds < slowSeconds || v.ReadBytes < slowBytes {
		return false
	}
	return float64(v.ReadBytes)/v.ReadSeconds < slowRate && !farAway(s, v)
}

// farAway reports whether every connection of the measurement took long. Then the
// line itself is slow.
func farAway(s *scene, v *view) bool {
	shortest := 0.0
	for i := range s.views {
		if t := s.views[i].TCPSeconds; t > 0 && s.views[i].TCP == done && (shortest == 0 || t < shortest) {
			shortest = t
		}
	}
	return shortest > shortTrip && (v.TCPSeconds == 0 || v.TCPSeconds > shortTrip)
}

// slowHandshake reports whether a handshake that worked took many times as long as
// the connection.
func slowHandshake(s *scene, v *view) bool {
	return v.TLS == done && v.TCPSeconds > 0 && v.TLSSeconds >= slowAbsolute &&
		v.TLSSeconds >= slowTimes*v.TCPSeconds && !farAway(s, v)
}

// The thresholds for our probe's transfers, fitted by TestPaceThresholds of
// internal/trial in its lab; docs/lab.md has the figures.
const (
	paceTrips = 40      // round trips for 128 kB: slow start takes about five, a server at the other end of the world ten
	paceTimes = 20      // another server's transfers are so many times faster
	paceRate  = 100_000 // in bytes a second: below this, anything is slow
	nameTimes = 10      // where the name is throttled, the same server is so many times faster under its own name

	suspectTimes = 3       // the same, where the name may be throttled
	suspectRate  = 200_000 // in bytes a second: and the rate under the target's name is below this
)

// paced reports whether our probe's transfers show that only the target is slow.
func paced(_ *scene, v *view) bool {
	return v.Pace > 0 && v.Pace < paceRate && v.PaceTrips >= paceTrips && v.PaceReference >= paceTimes*v.Pace
}

// slowedByName reports whether the target was slow, and the reference, a server
// that has nothing to do with the target, was slow in every transfer under the
// target's name and fast in most transfers under its own. No server and no line
// behaves like that.
func slowedByName(v *view) bool {
	return v.Pace > 0 && v.Pace < paceRate && slowUnder(v, paceRate, nameTimes)
}

// slowUnder reports whether every transfer from the reference under the target's
// name was below a rate, and most under its own name were so many times faster.
func slowUnder(v *view, rate, times float64) bool {
	return v.PaceNamed > 0 && v.PaceNamed < rate && v.PaceOwn >= times*v.PaceNamed
}

// cleared reports whether a page that does not come in time may be due to its
// server or to the line: our probe timed transfers, and the name is not slow
// wherever it goes, or the reference gave nothing either. Where nobody timed
// anything, it returns false.
func cleared(v *view) bool {
	if badLine(v) {
		return true
	}
	tried := v.Contrast("throttle_control", "tcp") != "" || v.Contrast("throttle_control", "tls") != "" || v.Contrast("throttle_control", "http") != ""
	switch {
	case v.Pace == 0 && v.PaceOwn == 0 && !tried:
		return false
	case v.Pace == 0 && v.PaceNamed == 0 && v.PaceOwn > 0 && stopped(v):
		return false // neither the target nor its name elsewhere gave anything, and the reference did
	}
	return !slowUnder(v, suspectRate, suspectTimes)
}

// stopped reports whether the connections under the target's name were made and
// nothing came over them.
func stopped(v *view) bool {
	return !v.Contrast("throttle_name", "tcp").Failed() && !v.Contrast("throttle_name", "tls").Failed() && v.Contrast("throttle_name", "http") == timedOut
}

// badLine reports whether our probe could not reach an innocent server by its own
// name in time. Then other timeouts may also be due to the line.
func badLine(v *view) bool {
	return v.Contrast("innocent_baseline", "tcp") == timedOut || v.Contrast("innocent_baseline", "tls") == timedOut || v.Contrast("innocent_baseline", "http") == timedOut
}

// byChance reports whether a step timed out in a way that may be due to the line.
func (s *scene) byChance(v *view, f observation.Result) bool {
	return (f == timedOut || routeless(f)) && (badLine(v) || s.died)
}
