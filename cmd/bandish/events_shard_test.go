package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
)

// The events of sixteen parts, put together, are those of one run: of an archive, of what
// was known on a day, and of a file.
func TestEventsInParts(t *testing.T) {
	dir, parts := t.TempDir(), 4
	if os.Getenv("BANDISH_LONG") != "" {
		parts = 16
	}
	var counts strings.Builder
	counts.WriteString("measurement_start_day,probe_cc,probe_asn,domain,anomaly_count,confirmed_count,failure_count,ok_count,measurement_count\n")
	for c := range 20 {
		for day := range 90 {
			for n := range 3 {
				bad := 0
				if day >= 20+2*c && day < 30+2*c { // what many countries show at one time is an artefact
					bad = 12
				}
				fmt.Fprintf(&counts, "%s,X%c,%d,a.test,%d,0,0,%d,12\n", time.Date(2023, 9, 1+day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), 'A'+c, 64512+n, bad, 12-bad)
			}
		}
	}
	file, data := filepath.Join(dir, "counts.csv"), filepath.Join(dir, "data")
	if err := os.WriteFile(file, []byte(counts.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	said := func(args ...string) []event.Event {
		t.Helper()
		var out, errs bytes.Buffer
		env := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: os.Getenv}
		if code := run(t.Context(), env, args); code != 0 {
			t.Fatalf("%q ends with %d: %s", args, code, errs.String())
		}
		var list []event.Event
		if args[0] == "events" {
			if err := json.Unmarshal(out.Bytes(), &list); err != nil {
				t.Fatal(err)
			}
		}
		return list
	}
	said("import", file, measuredBans(t), "--data", data)
	for _, args := range [][]string{
		{"events", "--json", "--data", data},
		{"events", "--json", "--data", data, "--until", "2024-02-25"},
		{"events", "--json", "--input", file},
	} {
		together := []event.Event{}
		most := 0
		for n := range parts {
			part := said(append(slices.Clone(args), "--shard", fmt.Sprintf("%d/%d", n+1, parts))...)
			together, most = append(together, part...), max(most, len(part))
		}
		whole := said(args...)
		for _, list := range [][]event.Event{whole, together} {
			slices.SortStableFunc(list, func(a, b event.Event) int { return strings.Compare(a.CC+a.ID, b.CC+b.ID) })
		}
		a, err1 := json.Marshal(whole)
		b, err2 := json.Marshal(together)
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%q gives\n%s\nin parts\n%s", args, a, b)
		}
		if least := map[bool]int{true: 4, false: 20}[slices.Contains(args, "--until")]; len(whole) < least || most == len(whole) {
			t.Errorf("%q gives %d events, one part %d", args, len(whole), most)
		}
	}
}

// measuredBans is a file of measurements of five countries, in each of which a target is
// blocked for some days, elsewhere at other times.
func measuredBans(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for c := range 5 {
		for day := range 28 {
			for n := range 12 {
				failure, at := "null", time.Date(2024, 2, 1+day, 2*n, 0, 0, 0, time.UTC).Format(time.DateTime)
				if day >= 7+2*c && day < 14+2*c {
					failure = `"connection_reset"`
				}
				fmt.Fprintf(&b, `{"annotations":{"platform":"linux"},"data_format_version":"0.2.0","input":"https://b.test/","measurement_start_time":"%s","probe_asn":"AS%d","probe_cc":"Q%c","probe_ip":"127.0.0.1","report_id":"%d-%d-%d","resolver_asn":"AS64512","software_name":"example","software_version":"0","test_keys":{"queries":[{"engine":"system","failure":null,"hostname":"b.test","query_type":"A","answers":[{"answer_type":"A","ipv4":"104.244.42.1"}]}],"tcp_connect":[{"ip":"104.244.42.1","port":443,"status":{"failure":null,"success":true}}],"tls_handshakes":[{"address":"104.244.42.1:443","server_name":"b.test","failure":%s,"no_tls_verify":false,"peer_certificates":null,"t":0.1}],"requests":[],"control":{"dns":{"failure":null,"addrs":["104.244.42.1"]},"tcp_connect":{"104.244.42.1:443":{"status":true,"failure":null}},"tls_handshake":{"104.244.42.1:443":{"server_name":"b.test","status":true,"failure":null}},"http_request":{"body_length":10,"failure":null,"title":"","headers":{},"status_code":200}},"control_failure":null},"test_name":"web_connectivity","test_runtime":1,"test_start_time":"%s","test_version":"0.5.28"}`+"\n",
					at, 64512+n%3, 'M'+c, c, day, n, failure, at)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "measured.jsonl")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
