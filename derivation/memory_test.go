package derivation

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/observation"
)

// What is derived shares no memory with the document, whose bytes may be written
// over afterwards: a rebuild reads all documents of a batch into the same place.
func TestDerivedOutlivesTheDocument(t *testing.T) {
	docs := [][]byte{[]byte(`{"test_name":"web_connectivity","measurement_start_time":"2024-02-17 10:00:00","probe_cc":"ZZ","input":"http://www.a.example/","measurement_uid":"u","report_id":"r",
		"test_keys":{"queries":[{"engine":"udp","resolver_address":"192.0.2.1:53","hostname":"www.a.example","query_type":"A","failure":null,"answers":[{"answer_type":"A","ipv4":"198.51.100.1"}]},
		{"engine":"udp","resolver_address":"192.0.2.1:53","hostname":"www.a.example","query_type":"ANY","failure":null,"answers":[{"answer_type":"A","ipv4":"198.51.100.1"}]}],
		"requests":[{"failure":null,"request":{"url":"http://www.a.example/"},"response":{"code":200,"body":"<title>x</title>","headers":{"Server":"y"}},"t":0.5}]}}`)}
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	for _, folder := range []string{"scenarios-full", "real"} {
		files, err := filepath.Glob(filepath.Join(shared, "ooni", folder, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, text)
		}
	}
	verifier := observation.NewVerifier()
	n := 0
	for _, doc := range docs {
		place := bytes.Clone(doc)
		d, err := Document(&Entry{Source: "x", Document: place}, time.Time{}, observation.Options{Verifier: verifier})
		if err != nil {
			continue
		}
		n++
		before := textOf(t, d)
		copy(place, bytes.Repeat([]byte("x"), len(place)))
		if after := textOf(t, d); !slices.Equal(before, after) {
			t.Errorf("what is derived changed with the place of its document:\n%s\n%s", before, after)
		}
	}
	if n == 0 {
		t.Error("no document was read")
	}
}

func textOf(t *testing.T, d Derived) []byte {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
