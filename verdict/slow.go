package verdict

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

// The thresholds of paced: a transfer of 128 kB takes about five round trips of
// slow start; in our lab one held to 40 kB/s takes thousands, and a server at
// the other end of the world ten.
const (
	paceTrips = 40
	paceTimes = 20
	paceRate  = 100_000
)

// paced reports whether our probe's transfers show the target alone to be
// slow.
func paced(_ *scene, v *view) bool {
	return v.Pace > 0 && v.Pace < paceRate && v.PaceTrips >= paceTrips && v.PaceReference >= paceTimes*v.Pace
}
