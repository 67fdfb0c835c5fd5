//go:build race

package trial

import "time"

// The race detector makes every handshake some ten times as dear: fewer
// at a time, and more patience with
// all but a page, whose time is part of the truth about throttling.
func init() {
	concurrency = 4
	for _, t := range []*time.Duration{&Timeouts.DNS, &Timeouts.TCP, &Timeouts.TLS, &Timeouts.QUIC} {
		*t = *t * 5 / 2
	}
}
