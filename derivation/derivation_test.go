package derivation

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// example is a page of country ZZ on a private network: nothing real.
const example = `{"input":"https://example.org/","measurement_start_time":"2024-02-17 10:00:00","probe_asn":"AS64512","probe_cc":"ZZ","test_name":"web_connectivity","test_keys":{"queries":[{"engine":"system","failure":"dns_nxdomain_error","hostname":"example.org","query_type":"A","answers":null}]}}`

func TestParseEntry(t *testing.T) {
	want := Entry{Source: `a,"document":b.jsonl`, Line: 3, Offset: 17, UID: "u", Marks: []string{"late"}, Document: json.RawMessage(example)}
	line, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseEntry(line)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("read back: %+v, %v", got, err)
	}
	for _, bad := range []string{"", "{}", `{"source":"a"}`, `{"source":1,"document":{}}`, `,"document":`} {
		if e, err := ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%q is taken: %+v", bad, e)
		}
	}
}

// The same document, clock and parameters give the same rows, and the clock is
// noted where another one could judge otherwise.
func TestDocument(t *testing.T) {
	day := time.Date(2024, 2, 17, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		source  string
		clock   time.Time
		channel string
		noted   bool
	}{
		{"in.jsonl", time.Time{}, verdict.File, false},
		{"s3://bucket/in.jsonl", day.Add(time.Hour), verdict.Bucket, false},
		{"https://example.org/in.jsonl", day, verdict.Web, false},
		{FromCollector, day.AddDate(0, 0, -30), verdict.Submitted, true}, // it says to be of next month
	} {
		var rows [2]Derived
		for i := range rows {
			e := &Entry{Source: c.source, Document: json.RawMessage(example)}
			made, err := Document(e, c.clock, observation.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if e.UID == "" || made.Verdict.UID != e.UID {
				t.Errorf("%s: the uid is %q, in the entry %q", c.source, made.Verdict.UID, e.UID)
			}
			if !e.Received.IsZero() != c.noted {
				t.Errorf("%s: the clock noted is %v", c.source, e.Received)
			}
			rows[i] = made
		}
		if !reflect.DeepEqual(rows[0], rows[1]) {
			t.Errorf("%s: derived twice it differs", c.source)
		}
		if v := rows[0].Verdict; v.Channel != c.channel || v.CC != "ZZ" || v.ASN != 64512 {
			t.Errorf("%s: %+v", c.source, v)
		}
	}
	for _, bad := range []string{`{`, `[]`, `{"test_name":"web_connectivity","measurement_start_time":"2024-02-17 10:00:00"}`} {
		if _, err := Document(&Entry{Document: json.RawMessage(bad)}, time.Time{}, observation.Options{}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
