package observation

import (
	"cmp"
	"slices"

	"github.com/bandish/bandish/measurement"
)

// transfer is one bounded transfer of our probe's throttle contrast, from the
// moment that the connection stands.
type transfer struct {
	txn         int64
	bytes       int64
	start, last float64
	trip        float64 // of the TCP handshake, seconds
}

func (t *transfer) seconds() float64 { return t.last - t.start }

// paces notes on the rows of the input's host how fast our probe's transfers
// went: the median of those from the target and from the reference, where both
// gave some, and what the reference gave under the target's name.
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

// byName are the rates of the fastest transfer from the reference under the
// target's name and of the middle one, or the slower of two, under its own, of
// at least two each: a packet lost at a bad moment makes any one slow. One that
// stopped and was waited for counts with the wait.
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

// minTransfer is how long a transfer must be for its rate to be the line's and
// not the server's time to think.
const minTransfer = 64 << 10

// A transfer that gave less is one all the same where it went on for seconds:
// held to some kB/s, the probe gives up before there are more. Losses may stop
// it before: from droppedSeconds on, the wait until the probe gave up counts. A
// server that stops at once, as one that is cut off does, is not slow.
const (
	minTrickle     = 4 << 10
	trickleSeconds = 3.0
	droppedSeconds = 1.0
)

func transfers(k *measurement.TestKeys, tag string) []transfer {
	return measured(started(k, tag, false))
}

// measured leaves out what is too little for a rate.
func measured(all []transfer) []transfer {
	return slices.DeleteFunc(all, func(t transfer) bool {
		return t.bytes < minTransfer && (t.bytes < minTrickle || t.seconds() < trickleSeconds)
	})
}

// started are the transfers whose connection stood. Where waits is set, one
// that ran into its timeout after some bytes lasted until then.
func started(k *measurement.TestKeys, tag string, waits bool) []transfer {
	var all []transfer
	at := map[int64]int{} // a hostile document has many events
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
	// The handshake is no transfer: how long it takes is the processors' doing.
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

// median is the transfer in the middle by rate.
func median(all []transfer) transfer {
	slices.SortFunc(all, func(a, b transfer) int {
		// a.bytes/a.seconds against b.bytes/b.seconds, without dividing
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
