package probe

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/probe/dataformat"
	"github.com/bandish/bandish/measurement"
)

// checkFormats fails the test for every part that is not as OONI's documents
// say, and for what our own importer makes a fault of.
func checkFormats(t *testing.T, m *measurement.Measurement) {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range dataformat.Check(raw) {
		t.Error("data format: " + p)
	}
	back, err := measurement.Decode(raw)
	if err != nil {
		t.Fatalf("our own importer: %v", err)
	}
	if len(back.Defects) > 0 {
		t.Errorf("our own importer found defects: %v", back.Defects)
	}
}

// The check finds what is wrong: a valid document and one change to it.
func TestFormatCheckSpeaks(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["open.example"] = []string{"198.51.100.10"}
	l.web("198.51.100.10:443", serving("hello"), nil, "open.example")
	raw, err := json.Marshal(measure(t, l.config(), "open.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{`"AS64512"`, `"64512"`}, {`"TLSv1.3"`, `"1.3"`}, {`"failure":null`, `"failure":""`}, {`"engine":"`, `"engine":"my`},
		{`"port":443`, `"port":"443"`}, {`"success":true`, `"success":false`}, {`"depth=0"`, `"level=0"`},
		{`"operation":"read"`, `"operation":"recv"`}, {`"127.0.0.1"`, `"198.51.100.1"`}, {`"answer_type":"A"`, `"answer_type":"X"`},
		{`"is_tor":false`, `"is_tor":true`}, {`"format":"base64"`, `"format":"hex"`},
		{`"method":"GET"`, `"method":"get"`}, {`"code":200`, `"code":"200"`}, {`"query_type":"ANY"`, `"query_type":"A"`},
		{`"hostname":"open.example"`, `"hostname":""`}, {`"test_runtime":`, `"test_runtime":0,"was":`}, {`"num_bytes":`, `"num_bytes":0.`},
		{`"body":"\u003ctitle`, `"body":7,"was":"\u003ctitle`},
	} {
		changed := strings.Replace(string(raw), c.old, c.new, 1)
		if changed == string(raw) {
			t.Errorf("%s does not occur", c.old)
		} else if len(dataformat.Check([]byte(changed))) == 0 {
			t.Errorf("nothing said of %s", c.new)
		}
	}
}
