package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/collect"
)

// From a person's command line to the archive: the real probe on this machine's
// loopback, the real collector, the real pipeline. What was acknowledged is
// there after the archive is opened again.
func TestProbeToArchive(t *testing.T) {
	data := t.TempDir()
	p, err := openPipeline(data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCollector(p, collect.Config{BaseURL: "127.0.0.1:0"}, "")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(c.Handler())
	defer srv.Close()

	home := t.TempDir()
	var out bytes.Buffer
	env := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &out, getenv: os.Getenv}
	code := run(t.Context(), env, []string{"watch-probe", "--yes", "--submit", "--collector", srv.URL, "--data", home, "--every", "1ms",
		"--rounds", "2", "--passive", "--cc", "ZZ", "--asn", "AS64512", "http://127.0.0.1:1/"})
	if code != 0 || strings.Count(out.String(), "submitted 1") != 2 {
		t.Fatalf("code %d\n%s", code, &out)
	}
	receipts, err := os.ReadFile(filepath.Join(home, "probe", "receipts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := archive.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := again.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, b := range m.Batches() {
		held += b.Documents
	}
	if held != 2 {
		t.Errorf("the archive holds %d documents, want 2", held)
	}
	for dec := json.NewDecoder(bytes.NewReader(receipts)); ; {
		var r struct {
			UID    string `json:"measurement_uid"`
			SHA256 string `json:"sha256"`
		}
		if err := dec.Decode(&r); err == io.EOF {
			break
		} else if err != nil || r.UID == "" || len(r.SHA256) != 64 {
			t.Errorf("receipt %+v %v", r, err)
		}
	}
}
