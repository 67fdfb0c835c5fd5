package verdict_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// explained are the measurements that Explain is tried on: each condition of
// the corpus once in each shape, and the rows written for single rules.
func explained(t *testing.T) map[string][]observation.Row {
	all := map[string][]observation.Row{}
	for _, s := range readCorpus(t) {
		if strings.HasSuffix(s.id, "-0") {
			all[s.id] = observe(t, s.line)
		}
	}
	for id, c := range ruleCases {
		all[id] = c.on
		off := slices.Clone(c.on)
		c.off(off)
		all[id+" off"] = off
	}
	for id, contrasts := range map[string][]string{
		"lookup again": {"repeat dns ok"}, "handshake again": {"repeat tls ok"},
		"innocent": {"sni_contrast tls ok", "innocent_server tls ok"}, "line": {"innocent_baseline tcp generic_timeout_error"},
	} {
		layer := map[string]string{"lookup again": "dns", "line": "tcp"}[id]
		all[id] = rows(secure(stop(cmp.Or(layer, "tls"), timeout), func(r *row) { r.Contrasts = contrasts }))
	}
	return all
}

// An explanation has the verdict of Judge, names the rules that fired and only
// them, and does not count a rule that fired among those that nearly did. It
// leaves the rows as they are.
func TestExplain(t *testing.T) {
	supposed := map[string]bool{}
	reached := map[string]bool{}
	for id, rows := range explained(t) {
		before := make([]observation.Row, len(rows))
		copy(before, rows)
		e := verdict.Explain(rows)
		if !reflect.DeepEqual(before, rows) {
			t.Errorf("%s: Explain changed the rows", id)
		}
		if v := verdict.Judge(rows); !reflect.DeepEqual(e.Verdict, v) {
			t.Errorf("%s: explained as %+v, judged %+v", id, e.Verdict, v)
		}
		var fired []string
		for _, f := range e.Fired {
			fired = append(fired, f.Rule.ID)
			reached[f.Rule.ID] = true
		}
		slices.Sort(fired)
		if !slices.Equal(fired, e.Verdict.Rules) {
			t.Errorf("%s: fired %v, the verdict has %v", id, fired, e.Verdict.Rules)
		}
		for _, n := range e.Near {
			supposed[n.Missing], reached[n.Rule.ID] = true, true
			if slices.Contains(fired, n.Rule.ID) {
				t.Errorf("%s: %s fired and nearly fired", id, n.Rule.ID)
			}
		}
		if len(e.Rows) != len(rows) {
			t.Errorf("%s: %d rows explained of %d", id, len(e.Rows), len(rows))
		}
	}
	for _, s := range verdict.Suppositions() {
		if !supposed[s] {
			t.Errorf("no rule nearly fires for want of this, anywhere: %q", s)
		}
	}
	for _, r := range verdict.Rules() {
		if !reached[r.ID] {
			t.Errorf("%s neither fires nor nearly fires anywhere", r.ID)
		}
	}
}

// A measurement of many hundred rows is explained in a moment.
func TestExplainLongMeasurements(t *testing.T) {
	var long []observation.Row
	for i := range 600 {
		long = append(long, secure(at(fmt.Sprintf("192.0.%d.%d", i/250, i%250)), stop("tcp", refused), func(r *row) { r.Seq = uint16(i) }))
	}
	began := time.Now()
	e := verdict.Explain(long)
	if took := time.Since(began); took > 20*time.Second || e.Supposed >= len(long) || e.Supposed == 0 {
		t.Errorf("%d rows supposed in %v", e.Supposed, took)
	}
	if e = verdict.Explain(long[:100]); e.Supposed != 100 {
		t.Errorf("%d of 100 rows supposed", e.Supposed)
	}
}

// A rule that fired and does not count says so.
func TestVoidFirings(t *testing.T) {
	e := verdict.Explain(rows(plain(), secure(stop("tls", "ssl_invalid_certificate"), func(r *row) { r.Input, r.ControlTLS = "http://www.a.example/", "ssl_invalid_certificate" })))
	if !slices.ContainsFunc(e.Fired, func(f verdict.Firing) bool { return f.Void != "" }) {
		t.Errorf("none of %v is void", e.Verdict.Rules)
	}
	for _, f := range e.Fired {
		if (f.Void != "") != (f.Rule.Outcome == verdict.OutcomeDown) {
			t.Errorf("%s: void %q", f.Rule.ID, f.Void)
		}
	}
	e = verdict.Explain(rows(plain(stop("tcp", refused), missed, func(r *row) { r.ControlHTTP = refused })))
	if len(e.Fired) == 0 || slices.ContainsFunc(e.Fired, func(f verdict.Firing) bool { return f.Void != "" }) {
		t.Errorf("%s: fired %+v", e.Verdict.State, e.Fired)
	}
}

// What was missing is what makes the difference: on the case of a rule's
// silence, the rule nearly fires.
func TestNearMisses(t *testing.T) {
	for _, want := range []struct {
		rows          []observation.Row
		rule, missing string
		seq           []uint16
	}{
		{rows(secure(stop("tls", reset), missedTLS)), "tls_contrast", "the control had completed the handshake", []uint16{0}},
		{rows(secure(stop("tcp", timeout))), "tcp_down", "the control had failed to connect to the address too", []uint16{0}},
		{rows(plain(stop("http", reset), func(r *row) { r.ControlHTTP, r.ControlStatus = "", 0 })), "http_contrast", "the control had loaded the page", nil},
		{rows(secure(stop("dns", nxdomain), gone)), "dns_nxdomain", "the control had found the name, at another address", []uint16{0}},
		{rows(secure(stop("tls", reset))), "tls_name_contrast", "the handshake with another name had completed at the same address", []uint16{0}},
		{rows(plain(another)), "http_blockpage", "the response had been a known block page of this country", []uint16{0}},
	} {
		e := verdict.Explain(want.rows)
		found := slices.ContainsFunc(e.Near, func(n verdict.NearMiss) bool {
			return n.Rule.ID == want.rule && n.Missing == want.missing && slices.Equal(n.Rows, want.seq)
		})
		if !found {
			t.Errorf("%s does not nearly fire for want of %q of rows %v: state %s, fired %v, near %+v", want.rule, want.missing, want.seq, e.Verdict.State, e.Verdict.Rules, e.Near)
		}
	}
}

func missedTLS(r *row) { r.ControlTLS = timeout }
