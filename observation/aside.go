package observation

import (
	"slices"

	"github.com/bandish/bandish/measurement"
)

// own leaves out the steps that are not the target's own: the contrasts of
// our probe and its connections to public resolvers. A failure there is
// expected, and says nothing of the target by itself.
func own(c measurement.Connection) measurement.Connection {
	return measurement.Connection{
		NetworkEvents: without(c.NetworkEvents, func(e *measurement.NetworkEvent) []string { return e.Tags }),
		Queries:       without(c.Queries, func(q *measurement.Query) []string { return q.Tags }),
		Requests:      without(c.Requests, func(t *measurement.Transaction) []string { return t.Tags }),
		TCPConnect:    without(c.TCPConnect, func(t *measurement.TCPConnect) []string { return t.Tags }),
		TLSHandshakes: without(c.TLSHandshakes, func(h *measurement.TLSHandshake) []string { return h.Tags }),
		QUIC:          without(c.QUIC, func(h *measurement.TLSHandshake) []string { return h.Tags }),
	}
}

// without returns the list itself where there is nothing to leave out.
func without[T any](list []T, tags func(*T) []string) []T {
	aside := func(i int) bool { return measurement.Aside(tags(&list[i])) }
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
