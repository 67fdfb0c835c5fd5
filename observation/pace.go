package observation

import (
	"cmp"
	"slices"

	"github.com/bandish/bandish/measurement"
)

// transfer is one limited transfer of our probe's throttle contrast, from the
// moment when the connection was made.
type transfer struct {
	txn         int64
	bytes       int64
	start, last float64
	trip        float64 // of the TCP handshake, in seconds
}

func (t *transfer) seconds() float64 { return t.last - t.start }

// paces writes on the rows of the input's host how fast our probe's transfers were:
// the median of those from the target and of those from the reference, where there
// are both; and what the reference gave under the target's name.
func (b *builder) paces(rows []Row) {
	k := &b.m.TestKeys
	target, reference := transfers(k, "throttle_target"), transfers(k, "throttle_control")
	named, own := byName(k)
	var t, r transfer
	if len(target) > 0 && len(reference) > 0 {
		t, r = median(target), median(reference)
	}
	timed := t.seconds() > 0 && r.seconds() > 0 && t.trip > 0
	for i := range rows {
		if rows[i].Hop != 0 || !rows[i].HTTP.Tried() {
			continue
		}
		rows[i].PaceNamed, rows[i].PaceOwn = named, own
		if timed {
			rows[i].Pace = float64(t.bytes) / t.seconds()
			rows[i].PaceTrips = t.seconds() / t.trip
			rows[i].PaceReference = float64(r.bytes) / r.seconds()
		}
	}
}

// byName returns two rates of the reference: of the fastest transfer under the
// target's name, and of the middle one (of two, the slower) under its own name.
// Each needs at least two transfers, because a packet lost at a bad moment makes a
// single one slow. For a transfer that stopped, the time until the probe gave up
// counts.
func byName(k *measurement.TestKeys) (named, own float64) {
	under, apart := measured(started(k, "throttle_name", true)), measured(started(k, "throttle_again", true))
	if len(apart) < 2 {
		return 0, 0
	}
	for _, t := range under {
		named = max(named, t.rate())
	}
	if len(under) < 2 {
		named = 0
	}
	slices.SortFunc(apart, func(a, b transfer) int { return cmp.Compare(a.rate(), b.rate()) })
	return named, apart[(len(apart)-1)/2].rate()
}

func (t *transfer) rate() float64 {
	if t.seconds() <= 0 {
		return 0
	}
	return float64(t.bytes) / t.seconds()
}

// minTransfer is how many bytes a transfer needs for its rate to be that of the
// line, and not the server's time to think.
const minTransfer = 64 << 10

// A transfer with fewer bytes still counts if it lasted for seconds: at a few kB/s
// the probe gives up before more bytes come. Losses may stop it earlier: after
// droppedSeconds the time until the probe gave up counts. A server that stops at
// once, because it is cut off, is not slow.
const (
	minTrickle     = 4 << 10
	trickleSeconds = 3.0
	droppedSeconds = 1.0
)

func transfers(k *measurement.TestKeys, tag string) []transfer {
	return measured(started(k, tag, false))
}

// measured removes transfers that are too small to give a rate.
func measured(all []transfer) []transfer {
	return slices.DeleteFunc(all, func(t transfer) bool {
		return t.bytes < minTransfer && (t.bytes < minTrickle || t.seconds() < trickleSeconds)
	})
}

// started returns the transfers whose connection was made. With waits, a transfer
// that reached its timeout after some bytes lasted until the timeout.
func started(k *measurement.TestKeys, tag string, waits bool) []transfer {
	var all []transfer
	at := map[int64]int{} // an index, because a hostile document has many events
	find := func(txn int64) *transfer {
		if i, ok := at[txn]; ok {
			return &all[i]
		}
		return nil
	}
	for i := range k.TCPConnect {
		c := &k.TCPConnect[i]
		if c.Status.Failure == "" && c.TransactionID != 0 && slices.Contains(c.Tags, tag) && find(c.TransactionID) == nil {
			at[c.TransactionID] = len(all)
			all = append(all, transfer{txn: c.TransactionID, start: c.T, last: c.T, trip: c.T - c.T0})
		}
	}
	// The handshake does not count: how long it takes depends on the processors.
	for i := range k.TLSHandshakes {
		h := &k.TLSHandshakes[i]
		if t := find(h.TransactionID); t != nil && h.Failure == "" && slices.Contains(h.Tags, tag) {
			t.start = max(t.start, h.T)
			t.last = t.start
		}
	}
	for i := range k.NetworkEvents {
		e := &k.NetworkEvents[i]
		if e.Operation != "read" || e.NumBytes <= 0 || !slices.Contains(e.Tags, tag) {
			continue
		}
		if t := find(e.TransactionID); t != nil && e.T > t.start {
			t.bytes += e.NumBytes
			t.last = max(t.last, e.T)
		}
	}
	for i := range k.Requests {
		r := &k.Requests[i]
		if r.Failure != "generic_timeout_error" || !slices.Contains(r.Tags, tag) {
			continue
		}
		if t := find(r.TransactionID); t != nil && (waits || t.bytes < minTransfer && t.seconds() >= droppedSeconds) {
			t.last = max(t.last, r.T)
		}
	}
	return all
}

// median returns the transfer with the middle rate.
func median(all []transfer) transfer {
	slices.SortFunc(all, func(a, b transfer) int {
		// Compare a.bytes/a.seconds with b.bytes/b.seconds without dividing.
		x, y := float64(a.bytes)*b.seconds(), float64(b.bytes)*a.seconds()
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(a.txn - b.txn)
	})
	return all[len(all)/2]
}
