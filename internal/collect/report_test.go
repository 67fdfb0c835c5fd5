package collect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A document that names no report is kept with the name of one, and the answer
// says which: the one it was sent into, or one of its own, the same when it is
// sent again.
func TestDocumentsGetAReport(t *testing.T) {
	t.Parallel()
	none := func(input string) string {
		return `{"input":"` + input + `","measurement_start_time":"2024-02-17 08:00:01","probe_asn":"AS64512","probe_cc":"ZZ","test_name":"web_connectivity","test_keys":{"x":1.50}}`
	}
	const opened = "20240217T080000Z_webconnectivity_ZZ_64512_n1_ABCDEFGHIJKLMNOP"
	send := func(t *testing.T, base, path, doc string) string {
		t.Helper()
		body := doc
		if path != "/api/v1/measurement" {
			body = `{"format":"json","content":` + doc + `}`
		}
		status, answer := post(t, base+path, body)
		id, _ := answer["report_id"].(string)
		if status != 200 || !reportIDForm.MatchString(id) {
			t.Fatalf("%s: %d %v", path, status, answer)
		}
		return id
	}
	archive := newDir(t)
	base := start(t, Config{Archive: archive})
	seen := map[string]bool{}
	for i, path := range []string{"/api/v1/measurement", "/api/v1/submit_measurement"} {
		doc := none(fmt.Sprint("https://example.org/", i))
		id := send(t, base, path, doc)
		if again := send(t, base, path, doc); again != id {
			t.Errorf("%s: sent again it is of %s, not %s", path, again, id)
		}
		if !strings.HasPrefix(id, "20240217T080001Z_webconnectivity_ZZ_64512_n1_") || seen[id] {
			t.Errorf("%s: report %s", path, id)
		}
		seen[id] = true
	}
	if id := send(t, base, "/report/"+opened, none("https://example.org/2")); id != opened {
		t.Errorf("sent into %s it is of %s", opened, id)
	}
	if id := send(t, base, "/api/v1/submit_measurement", strings.Replace(none("https://example.org/3"), "{", `{"report_id":"`+opened+`",`, 1)); id != opened {
		t.Errorf("a document of %s is of %s", opened, id)
	}
	for _, empty := range []string{`""`, `null`, `" "`, `7`} {
		if id := send(t, base, "/api/v1/measurement", strings.Replace(none("https://example.org/4"), "{", `{"report_id":`+empty+`,`, 1)); id == opened {
			t.Errorf("report_id %s: %s", empty, id)
		}
	}
	docs := archive.docs(t)
	if len(docs) != 8 {
		t.Fatalf("%d documents kept, want 8", len(docs))
	}
	for _, d := range docs {
		var kept struct {
			ReportID string          `json:"report_id"`
			Keys     json.RawMessage `json:"test_keys"`
		}
		if err := json.Unmarshal([]byte(d), &kept); err != nil || !reportIDForm.MatchString(kept.ReportID) || string(kept.Keys) != `{"x":1.50}` {
			t.Errorf("kept %s: %v", d, err)
		}
	}
}

// What is no measurement is refused as before, whatever its report.
func TestNoReportForNoMeasurement(t *testing.T) {
	for _, bad := range []string{``, `null`, `[]`, `7`, `{"report_id":`, `{}`, `{"measurement_start_time":"yesterday"}`} {
		if out, id := inReport([]byte(bad), ""); string(out) != bad || id != "" {
			t.Errorf("%s: %s %s", bad, out, id)
		}
	}
}
