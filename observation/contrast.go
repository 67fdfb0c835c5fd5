package observation

import (
	"slices"

	"github.com/bandish/bandish/measurement"
)

// ownSteps leaves out what is not the target's own (docs/formats/probe.md):
// connections to resolvers, and contrasts, which vary one thing and are
// expected to fail in places. The handshakes with another name or none at the
// target's own address stay, and QUIC with an innocent server: they are rows
// of their own, with the name that they sent.
func ownSteps(c measurement.Connection) measurement.Connection {
	drop := map[int64]bool{}
	tls := []string{"sni_contrast", "no_sni"}
	quic := []string{"quic_contrast", "innocent_baseline"}
	c.Queries = kept(c.Queries, func(q *measurement.Query) bool { return own(q.Tags) })
	c.TCPConnect = kept(c.TCPConnect, func(t *measurement.TCPConnect) bool { return own(t.Tags, tls...) })
	c.TLSHandshakes = kept(c.TLSHandshakes, func(h *measurement.TLSHandshake) bool { return own(h.Tags, tls...) })
	c.QUIC = kept(c.QUIC, func(h *measurement.TLSHandshake) bool { return own(h.Tags, quic...) })
	c.Requests = kept(c.Requests, func(t *measurement.Transaction) bool {
		if !own(t.Tags) {
			drop[t.TransactionID] = true
		}
		return own(t.Tags)
	})
	c.NetworkEvents = kept(c.NetworkEvents, func(e *measurement.NetworkEvent) bool {
		return own(e.Tags) && !drop[e.TransactionID]
	})
	return c
}

// own reports whether a step with these tags is the target's own, or one of
// the contrasts named.
func own(tags []string, contrasts ...string) bool {
	if slices.Contains(tags, "resolver") {
		return false
	}
	return !slices.Contains(tags, "contrast") ||
		slices.ContainsFunc(contrasts, func(c string) bool { return slices.Contains(tags, c) })
}

// kept is list where all of it stays, and else a copy without the rest.
func kept[T any](list []T, keep func(*T) bool) []T {
	for i := range list {
		if keep(&list[i]) {
			continue
		}
		out := slices.Clone(list[:i])
		for j := i + 1; j < len(list); j++ {
			if keep(&list[j]) {
				out = append(out, list[j])
			}
		}
		return out
	}
	return list
}
