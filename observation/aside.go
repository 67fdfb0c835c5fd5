package observation

import (
	"slices"

	"github.com/bandish/bandish/measurement"
)

// contrastsTLS and contrastsQUIC are the contrasts that become rows beside the
// target's own: handshakes at the target's address with another name or none,
// and QUIC with a server that nobody minds. Their rows carry the name that was
// sent, so that a rule can tell the name from the address; not the
// certificate, which is another name's by design and proves nothing.
var (
	contrastsTLS  = []string{"sni_contrast", "no_sni"}
	contrastsQUIC = []string{"quic_contrast", "innocent_baseline"}
)

// own leaves out the steps that are not the target's own: the other contrasts
// of our probe and its connections to public resolvers. A failure there is
// expected, and says nothing of the target by itself.
func own(c measurement.Connection) measurement.Connection {
	return measurement.Connection{
		NetworkEvents: without(c.NetworkEvents, func(e *measurement.NetworkEvent) []string { return e.Tags }),
		Queries:       without(c.Queries, func(q *measurement.Query) []string { return q.Tags }),
		Requests:      without(c.Requests, func(t *measurement.Transaction) []string { return t.Tags }),
		TCPConnect:    without(c.TCPConnect, func(t *measurement.TCPConnect) []string { return t.Tags }, contrastsTLS...),
		TLSHandshakes: bare(without(c.TLSHandshakes, func(h *measurement.TLSHandshake) []string { return h.Tags }, contrastsTLS...)),
		QUIC:          bare(without(c.QUIC, func(h *measurement.TLSHandshake) []string { return h.Tags }, contrastsQUIC...)),
	}
}

// bare takes the certificates off the contrasts.
func bare(list []measurement.TLSHandshake) []measurement.TLSHandshake {
	for i := range list {
		if measurement.Aside(list[i].Tags) && len(list[i].PeerCertificates) > 0 {
			list = slices.Clone(list)
			for j := range list[i:] {
				if h := &list[i+j]; measurement.Aside(h.Tags) {
					h.PeerCertificates = nil
				}
			}
			return list
		}
	}
	return list
}

// without leaves out the steps aside, but for the contrasts named. It returns
// the list itself where there is nothing to leave out.
func without[T any](list []T, tags func(*T) []string, but ...string) []T {
	aside := func(i int) bool {
		t := tags(&list[i])
		return measurement.Aside(t) && !slices.ContainsFunc(but, func(c string) bool { return slices.Contains(t, c) })
	}
	first := 0
	for first < len(list) && !aside(first) {
		first++
	}
	if first == len(list) {
		return list
	}
	kept := slices.Clone(list[:first])
	for i := first + 1; i < len(list); i++ {
		if !aside(i) {
			kept = append(kept, list[i])
		}
	}
	return kept
}
