package measurement

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A few kilobytes that unpack to millions of values are refused before they
// take memory, and so is what nests without end.
func TestAmplifyingDocuments(t *testing.T) {
	const head = `{"test_name":"web_connectivity","measurement_start_time":"2024-02-17 10:00:00","probe_cc":"ZZ","test_keys":{`
	many := func(one string) string { return strings.TrimSuffix(strings.Repeat(one+",", 4_000_000), ",") }
	for name, doc := range map[string]string{
		"requests":       head + `"requests":[` + many("1") + `]}}`,
		"empty requests": head + `"requests":[` + many("{}") + `]}}`,
		"queries":        head + `"queries":[` + many("{}") + `]}}`,
		"network events": head + `"network_events":[` + many("null") + `]}}`,
		"keys":           head + `"control":{"tcp_connect":{` + many(`"1":1`) + `}}}}`,
		"unknown":        head + `"x":[` + many(`"\\\""`) + `]}}`,
		"deep":           head + `"x":` + strings.Repeat("[", 4_000_000) + strings.Repeat("]", 4_000_000) + `}}`,
		"deep objects":   head + `"x":` + strings.Repeat(`{"a":`, 1_000_000) + "1" + strings.Repeat("}", 1_000_000) + `}}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := Decode([]byte(doc))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		var de *DecodeError
		if !errors.As(err, &de) || de.Reason != TooManyItems || de.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		if grew := (after.TotalAlloc - before.TotalAlloc) >> 20; grew > uint64(len(doc)>>20)+16 || took > 2*time.Second {
			t.Errorf("%s: %d MiB were taken, in %s", name, grew, took)
		}
	}
}

// What stands in strings is counted by nobody.
func TestBudgetSkipsStrings(t *testing.T) {
	body := strings.Repeat(`[{,\\\",`, 100_000)
	doc := `{"test_name":"web_connectivity","measurement_start_time":"2024-02-17 10:00:00","probe_cc":"ZZ","test_keys":{"x":"` + body + `"}}`
	if _, err := Decode([]byte(doc)); err != nil {
		t.Error(err)
	}
}
