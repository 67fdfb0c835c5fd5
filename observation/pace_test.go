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
	// Under the target's name from the reference: the fastest of two and more,
	// against the slower of two, the middle one of three, under its own.
	add(301, "throttle_name", 50, 0.02, 1, 2)
	add(401, "throttle_again", 60, 0.02, 0.01, 0.02)
	add(402, "throttle_again", 70, 0.02, 0.02, 0.04)
	if page := observation.Observe(m, observation.Options{}).Rows[1]; page.PaceNamed != 0 || page.PaceOwn < 4.9e6 {
		t.Errorf("one transfer gave %v against %v", page.PaceNamed, page.PaceOwn)
	}
	add(302, "throttle_name", 80, 0.02, 2, 8)
	page = observation.Observe(m, observation.Options{}).Rows[1]
	if page.PaceNamed < 99_990 || page.PaceNamed > 100_010 || page.PaceOwn < 4.9e6 || page.PaceOwn > 5.1e6 {
		t.Errorf("under the name %v, under its own %v", page.PaceNamed, page.PaceOwn)
	}
	add(403, "throttle_again", 90, 0.02, 1, 2)
	if page := observation.Observe(m, observation.Options{}).Rows[1]; page.PaceOwn < 4.9e6 || page.PaceOwn > 5.1e6 {
		t.Errorf("one of three stumbled: %v under its own", page.PaceOwn)
	}
	// One that stopped and was given up 8 s later is slower by that under the
	// name; a transfer of the target's is not.
	for txn, tag := range map[int64]string{301: "throttle_name", 302: "throttle_name", 101: "throttle_target"} {
		k.Requests = append(k.Requests, measurement.Transaction{Failure: "generic_timeout_error", T: 60, TransactionID: txn, Tags: []string{"depth=0", "contrast", "throttle", tag}})
	}
	page = observation.Observe(m, observation.Options{}).Rows[1]
	if page.PaceNamed < 19_000 || page.PaceNamed > 26_000 || page.Pace < 999_000 {
		t.Errorf("stopped under the name: %v, target %v", page.PaceNamed, page.Pace)
	}
	k.NetworkEvents = nil
	if page := observation.Observe(m, observation.Options{}).Rows[1]; page.Pace != 0 {
		t.Errorf("pace %v without events", page.Pace)
	}
}
