package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/records"
)

// command runs the program with what it is told, and gives what it prints.
func command(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := &environment{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: os.Getenv}
	code = run(t.Context(), env, args)
	return stdout.String() + stderr.String(), code
}

// A submission is acknowledged with its entry; its receipt is proof of it for
// who has the key; a monitor follows, and keeps a copy that serves.
func TestProofOfASubmission(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p, err := openPipeline(data)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(p.Archive, "")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	collector, err := newCollector(p, collect.Config{}, "")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := newLedgerServer(p, newDesk(data, st, rec, p.Targets), data, &serveFlags{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(answers(http.NotFoundHandler(), collector, shown))
	defer s.Close()
	var ack collect.Receipt
	doc := `{"data_format_version":"0.2.0","input":"https://x.com/","measurement_start_time":"2024-02-17 00:00:00","probe_asn":"AS64512","probe_cc":"ZZ","probe_ip":"127.0.0.1","report_id":"20240217T000000Z_webconnectivity_ZZ_64512_n1_example","resolver_asn":"AS64512","software_name":"example","software_version":"0","test_keys":{"control_failure":null},"test_name":"web_connectivity","test_runtime":1,"test_start_time":"2024-02-17 00:00:00","test_version":"0.5.28"}`
	res, err := http.Post(s.URL+"/api/v1/measurement", "application/json", strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	err = json.NewDecoder(res.Body).Decode(&ack)
	res.Body.Close()
	if err != nil || ack.Entry == nil || ack.Ledger == "" || ack.Batch == "" {
		t.Fatalf("%+v, %v", ack, err)
	}
	key, code := command(t, "key", "--data", data)
	if code != 0 {
		t.Fatal(key)
	}
	key = strings.TrimSpace(key)
	file := filepath.Join(t.TempDir(), "receipt.tlog-proof")
	save(t, s.URL+"/ledger/receipts/"+ack.UID, file)
	written, code := command(t, "receipt", "get", ack.UID, "--data", data)
	later := filepath.Join(t.TempDir(), "later.tlog-proof")
	if err := os.WriteFile(later, []byte(written), 0o644); err != nil || code != 0 {
		t.Fatal(written, err)
	}
	if out, code := command(t, "receipt", "verify", later, "--key", key); code != 0 {
		t.Errorf("the receipt that the command writes: %s", out)
	}
	document := filepath.Join(t.TempDir(), "measurement.json")
	if err := os.WriteFile(document, []byte(doc), 0o644); err != nil {
		t.Fatal(err)
	}
	out, code := command(t, "receipt", "verify", file, "--key", key, "--document", document)
	if code != 0 || strings.Count(out, "proved: ") != 3 || !strings.Contains(out, "not proved: when it was received: that is by this operator's word alone") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := command(t, "receipt", "verify", file, "--key", strings.Replace(key, "+A", "+B", 1)); code == 0 {
		t.Errorf("another key: %s", out)
	}
	if err := os.WriteFile(document, []byte(strings.Replace(doc, "x.com", "y.com", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, "receipt", "verify", file, "--key", key, "--document", document); code != 1 {
		t.Errorf("another document: %d %s", code, out)
	}

	copied, seen := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "seen")
	out, code = command(t, "monitor", s.URL+notary.Prefix, "--key", key, "--dir", seen, "--mirror", copied, "--once")
	if code != 0 || !strings.Contains(out, "1 batches copied") {
		t.Fatalf("%d: %s", code, out)
	}
	if out, code := command(t, "archive", "check", "--data", copied); code != 0 {
		t.Errorf("the copy: %s", out)
	}
	if out, code := command(t, "receipt", "get", ack.UID, "--data", copied); code != 0 {
		t.Errorf("the copy proves nothing: %s", out)
	}
	if out, code := command(t, "key", "new", "--origin", "log.example/again", "--data", data); code != 0 || !strings.HasPrefix(out, "log.example/again+") {
		t.Fatal(out)
	}
	out, code = command(t, "monitor", s.URL+notary.Prefix, "--key", key, "--dir", seen, "--once")
	if code != 1 || !strings.Contains(out, "ALARM") {
		t.Errorf("another ledger under the same address: %d %s", code, out)
	}
}

func save(t *testing.T, url, to string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, res.Status, err)
	}
	if err := os.WriteFile(to, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
