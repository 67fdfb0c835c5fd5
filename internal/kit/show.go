package kit

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/verdict"
)

// screen prints the steps as they end.
type screen struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *screen) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format, args...)
}

// note prints one step: what was done, how it ended, and how long it took.
func (s *screen) note(n probe.Note) {
	end := "ok"
	if n.Failure != "" {
		end = failureWords(n.Failure)
	}
	if n.Detail != "" && (n.Failure == "" || n.Contrast) {
		end += " (" + n.Detail + ")"
	}
	mark := " "
	switch {
	case n.Contrast:
		mark = "~"
	case n.Failure != "" && n.Failure != "dns_no_answer": // most names have no AAAA record
		mark = "!"
	}
	s.printf(" %s %-8s %s: %s, %d ms\n", mark, n.Step, n.What, end, n.Took.Round(time.Millisecond).Milliseconds())
}

// failureWords puts a failure string into words.
func failureWords(f string) string {
	for _, w := range []struct{ failure, text string }{
		{"generic_timeout_error", "no answer"},
		{"connection_reset", "reset"},
		{"connection_refused", "refused"},
		{"connection_aborted", "aborted"},
		{"eof_error", "closed without an answer"},
		{"host_unreachable", "no way to the host"},
		{"network_unreachable", "no way to the network"},
		{"dns_nxdomain_error", "no such name"},
		{"dns_servfail_error", "the resolver failed"},
		{"dns_refused_error", "the resolver refused"},
		{"dns_no_answer", "no address"},
		{"dns_server_misbehaving", "the resolver misbehaved"},
		{"ssl_invalid_hostname", "the certificate is for another name"},
		{"ssl_unknown_authority", "the certificate is from nobody known"},
		{"ssl_invalid_certificate", "the certificate is not valid"},
		{"ssl_failed_handshake", "the server broke off the handshake"},
	} {
		if w.failure == f {
			return w.text
		}
	}
	return f
}

// Document is the measurement as it is kept and sent. It contains the verdict engine's
// conclusion in the fields of OONI's format.
func Document(m *measurement.Measurement, v verdict.Row) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode measurement: %w", err)
	}
	var doc, keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("encode measurement: %w", err)
	}
	if err := json.Unmarshal(doc["test_keys"], &keys); err != nil {
		return nil, fmt.Errorf("encode measurement: %w", err)
	}
	b, a := blocking(v)
	for name, value := range map[string]any{"blocking": b, "accessible": a} {
		if m.TestName != "web_connectivity" {
			break
		}
		if keys[name], err = json.Marshal(value); err != nil {
			return nil, fmt.Errorf("encode measurement: %w", err)
		}
	}
	if doc["test_keys"], err = json.Marshal(keys); err != nil {
		return nil, fmt.Errorf("encode measurement: %w", err)
	}
	return json.Marshal(doc)
}
