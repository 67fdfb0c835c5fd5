package observation

import (
	"slices"
	"strings"

	"github.com/bandish/bandish/measurement"
)

// own removes the steps that are not the target's own: the contrasts of our probe,
// and its connections to public resolvers. Failures there are expected, and by
// themselves say nothing about the target.
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

// without removes auxiliary steps. It returns the list itself where there are none.
func without[T any](list []T, tags func(*T) []string) []T {
	auxiliary := func(i int) bool { return measurement.Auxiliary(tags(&list[i])) }
	first := 0
	for first < len(list) && !auxiliary(first) {
		first++
	}
	if first == len(list) {
		return list
	}
	kept := slices.Clone(list[:first])
	for i := first + 1; i < len(list); i++ {
		if !auxiliary(i) {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// elsewhere lists the contrasts that are made at another address than the target's.
var elsewhere = []string{"innocent_server", "innocent_baseline", "innocent_host", "dns_no_server", "dns_contrast", "throttle_control", "throttle_name"}

// contrasts writes on the rows of the input's host the results of the varied steps.
func (b *builder) contrasts(rows []Row) {
	k := &b.m.TestKeys
	note := func(tags []string, step, endpoint string, f measurement.Failure) {
		if !slices.Contains(tags, measurement.TagContrast) {
			return
		}
		what := contrastTag(tags)
		if what == "throttle" { // their rates are in paces; here only how they failed
			switch {
			case slices.Contains(tags, "throttle_again"):
				return
			case slices.Contains(tags, "throttle_control"):
				what = "throttle_control"
			case slices.Contains(tags, "throttle_name"):
				what = "throttle_name"
			default:
				return
			}
		}
		if what == "" {
			return
		}
		host, _ := splitEndpoint(endpoint)
		fact := b.keep(what + " " + step + " " + string(b.result(f)))
		for i := range rows {
			r := &rows[i]
			if r.Hop == 0 && (slices.Contains(elsewhere, what) || step == "dns" || r.IP != "" && r.IP == canonicalIP(host)) {
				r.Contrasts = append(r.Contrasts, fact)
			}
		}
	}
	for i := range k.TCPConnect {
		c := &k.TCPConnect[i]
		if c.Status.Failure != "" || slices.Contains(c.Tags, "port_contrast") {
			note(c.Tags, "tcp", c.IP+":0", c.Status.Failure)
		}
	}
	for i := range k.TLSHandshakes {
		note(k.TLSHandshakes[i].Tags, "tls", k.TLSHandshakes[i].Address, k.TLSHandshakes[i].Failure)
	}
	for i := range k.QUIC {
		note(k.QUIC[i].Tags, "quic", k.QUIC[i].Address, k.QUIC[i].Failure)
	}
	for i := range k.Requests {
		note(k.Requests[i].Tags, "http", k.Requests[i].Address, k.Requests[i].Failure)
	}
	for i := range k.Queries {
		note(k.Queries[i].Tags, "dns", "", k.Queries[i].Failure)
	}
	for i := range rows {
		rows[i].Contrasts = sortedSet(rows[i].Contrasts)
	}
}

// contrastTag returns the tag that says what was varied.
func contrastTag(tags []string) string {
	for _, t := range tags {
		if t != measurement.TagContrast && !strings.Contains(t, "=") && t != "tcptls_experiment" {
			return t
		}
	}
	return ""
}

// Contrast returns the result of a contrast's step: "" where it was not made, and a
// failure where it was made several times and failed once.
func (r *Row) Contrast(what, step string) Result {
	found := Result("")
	for _, fact := range r.Contrasts {
		if rest, ok := strings.CutPrefix(fact, what+" "+step+" "); ok {
			if found = Result(rest); found != Done {
				break
			}
		}
	}
	return found
}

// Worked reports whether a contrast's step worked at least once.
func (r *Row) Worked(what, step string) bool {
	return slices.Contains(r.Contrasts, what+" "+step+" "+string(Done))
}
