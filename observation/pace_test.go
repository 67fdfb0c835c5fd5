package observation_test

import (
	"testing"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
)

func TestPaces(t *testing.T) {
	m := decode(t, redirected)
	k := &m.TestKeys
	add := func(txn int64, tag string, start, trip float64, reads ...float64) {
		tags := []string{"depth=0", "contrast", "throttle", tag}
		k.TCPConnect = append(k.TCPConnect, measurement.TCPConnect{IP: "198.51.100.1", Port: 80, T0: start, T: start + trip, TransactionID: txn, Tags: tags})
		for _, at := range reads {
			k.NetworkEvents = append(k.NetworkEvents, measurement.NetworkEvent{Operation: "read", NumBytes: 100_000, T: start + trip + at, TransactionID: txn, Tags: tags})
		}
	}
	add(101, "throttle_target", 10, 0.01, 0.5, 1)
	add(102, "throttle_target", 20, 0.01, 1, 2)
	add(103, "throttle_target", 30, 0.01, 1, 4)
	add(201, "throttle_control", 40, 0.02, 0.001, 0.01)
	page := observation.Observe(m, observation.Options{}).Rows[1]
	if page.Pace < 99_990 || page.Pace > 100_010 || page.PaceTrips < 199 || page.PaceTrips > 201 || page.PaceReference < 19e6 {
		t.Errorf("pace %v in %v trips, reference %v", page.Pace, page.PaceTrips, page.PaceReference)
	}
	// Over TLS it is counted from the end of the handshake: here a tenth of a
	// second, of which the reads before are no part.
	for txn, at := range map[int64]float64{101: 10.91, 102: 21.91, 103: 33.91} {
		k.TLSHandshakes = append(k.TLSHandshakes, measurement.TLSHandshake{T: at, TransactionID: txn, Tags: []string{"depth=0", "contrast", "throttle", "throttle_target"}})
	}
	if page := observation.Observe(m, observation.Options{}).Rows[1]; page.Pace < 999_000 || page.Pace > 1_001_000 {
		t.Errorf("pace %v from the handshake on", page.Pace)
	}
	k.NetworkEvents = nil
	if page := observation.Observe(m, observation.Options{}).Rows[1]; page.Pace != 0 {
		t.Errorf("pace %v without events", page.Pace)
	}
}
