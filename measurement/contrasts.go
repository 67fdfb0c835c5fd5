package measurement

import (
	"encoding/json"
	"slices"
	"sort"
)

// MarshalJSON writes the steps that are not the target's own under x_contrasts. A
// reader that does not know contrasts would otherwise take their failures for the
// target's.
func (k TestKeys) MarshalJSON() ([]byte, error) {
	type plain TestKeys
	var c Connection
	k.Queries, c.Queries = apart(k.Queries, func(q *Query) []string { return q.Tags })
	k.Requests, c.Requests = apart(k.Requests, func(t *Transaction) []string { return t.Tags })
	k.TCPConnect, c.TCPConnect = apart(k.TCPConnect, func(t *TCPConnect) []string { return t.Tags })
	k.TLSHandshakes, c.TLSHandshakes = apart(k.TLSHandshakes, func(h *TLSHandshake) []string { return h.Tags })
	k.QUIC, c.QUIC = apart(k.QUIC, func(h *TLSHandshake) []string { return h.Tags })
	k.NetworkEvents, c.NetworkEvents = apart(k.NetworkEvents, func(e *NetworkEvent) []string { return e.Tags })
	if len(c.Queries)+len(c.Requests)+len(c.TCPConnect)+len(c.TLSHandshakes)+len(c.QUIC)+len(c.NetworkEvents) > 0 {
		k.Contrasts = &c
	}
	return json.Marshal(plain(k))
}

// apart divides a list into the target's own steps and the others. own is nil only
// where list is nil.
func apart[T any](list []T, tags func(*T) []string) (own, others []T) {
	others = []T{}
	if !slices.ContainsFunc(list, func(x T) bool { return Auxiliary(tags(&x)) }) {
		return list, others
	}
	own = []T{}
	for i := range list {
		if Auxiliary(tags(&list[i])) {
			others = append(others, list[i])
		} else {
			own = append(own, list[i])
		}
	}
	return own, others
}

// together adds the contrasts to the other steps, in order of time. In requests the
// last page is first and the contrasts are last, so they are appended.
func (k *TestKeys) together() {
	c := k.Contrasts
	if c == nil {
		return
	}
	k.Contrasts = nil
	k.Queries = inTime(k.Queries, c.Queries, func(q *Query) float64 { return q.T })
	k.TCPConnect = inTime(k.TCPConnect, c.TCPConnect, func(t *TCPConnect) float64 { return t.T })
	k.TLSHandshakes = inTime(k.TLSHandshakes, c.TLSHandshakes, func(h *TLSHandshake) float64 { return h.T })
	k.QUIC = inTime(k.QUIC, c.QUIC, func(h *TLSHandshake) float64 { return h.T })
	k.NetworkEvents = inTime(k.NetworkEvents, c.NetworkEvents, func(e *NetworkEvent) float64 { return e.T })
	k.Requests = append(k.Requests, c.Requests...)
}

func inTime[T any](own, others []T, t func(*T) float64) []T {
	if len(others) == 0 {
		return own
	}
	all := append(own, others...)
	sort.SliceStable(all, func(i, j int) bool { return t(&all[i]) < t(&all[j]) })
	return all
}
