//go:build race

package trial

import "time"

// The race detector makes every handshake some ten times as dear: fewer runs,
// fewer at a time, and more patience.
func init() {
	concurrency, stride = 4, 6
	for _, t := range []*time.Duration{&Timeouts.DNS, &Timeouts.TCP, &Timeouts.TLS, &Timeouts.QUIC, &Timeouts.HTTP} {
		*t = *t * 5 / 2
	}
}
