package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/store"
)

// asked puts questions to an archive in a process without memory of it, as far
// as one test can, and gives the answers; "" for one that was refused.
func asked(t *testing.T, dir string, uids []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, args := range [][]string{
		{"status", "--cc", "ZZ", "--target", "x", "--json"},
		{"events", "--cc", "ZZ", "--json"},
		{"bans", "--cc", "ZZ", "--json"},
	} {
		var stdout, stderr bytes.Buffer
		env := &environment{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
		if run(context.Background(), env, append(args, "--data", dir)) == 0 {
			out[strings.Join(args, " ")] = stdout.String()
		} else if stderr.Len() == 0 {
			t.Errorf("%v fails and says nothing", args)
		}
	}
	a, err := archive.OpenExisting(dir)
	if err != nil {
		return out
	}
	s, err := store.Open(a, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, uid := range uids {
		v, ok, err := s.Verdict(t.Context(), uid)
		if err != nil {
			continue
		}
		o, err := s.Observations(t.Context(), v)
		if err == nil {
			b, _ := json.Marshal([]any{v, ok, o})
			out[uid] = string(b)
		}
		if e, err := a.ReadRawLine(v.Raw, v.Line); err == nil {
			out["raw "+uid] = string(e.Document)
		}
	}
	return out
}

// A bit that flips in any file of an archive makes no answer another one: what
// needs the file is refused, and check names it.
func TestFlippedBits(t *testing.T) {
	flips := 40
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		flips = 1000
	}
	dir := filepath.Join(t.TempDir(), "data")
	var docs bytes.Buffer
	var uids []string
	for i := range 60 {
		failure := []string{`"connection_reset"`, "null"}[i/30]
		uid := fmt.Sprintf("202402%02d000000.%06d_ZZ_webconnectivity_%016x", 1+i/3, i, i)
		fmt.Fprintf(&docs, `{"measurement_uid":%q,"test_name":"web_connectivity","measurement_start_time":"2024-02-%02d 0%d:00:00","probe_cc":"ZZ","probe_asn":"AS%d","input":"https://x.com/","report_id":"r%d","test_keys":{"queries":[{"engine":"system","failure":null,"hostname":"x.com","query_type":"A","answers":[{"answer_type":"A","ipv4":"104.244.42.1"}]}],"tcp_connect":[{"ip":"104.244.42.1","port":443,"status":{"failure":null,"success":true}}],"tls_handshakes":[{"address":"104.244.42.1:443","server_name":"x.com","failure":%s,"t":0.1}],"control":{"dns":{"failure":null,"addrs":["104.244.42.1"]},"tcp_connect":{"104.244.42.1:443":{"status":true,"failure":null}},"tls_handshake":{"104.244.42.1:443":{"server_name":"x.com","status":true,"failure":null}},"http_request":{"body_length":10,"failure":null,"status_code":200}},"control_failure":null}}`+"\n",
			uid, 1+i/3, i%3, 64512+i%2, i, failure)
		if i%20 == 0 {
			uids = append(uids, uid)
		}
	}
	in := filepath.Join(t.TempDir(), "in.jsonl")
	if err := os.WriteFile(in, docs.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	env := &environment{stdin: strings.NewReader(""), stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), getenv: func(string) string { return "" }}
	if code := run(t.Context(), env, []string{"import", in, "--data", dir}); code != 0 {
		t.Fatalf("import ends with %d: %s", code, env.stderr)
	}
	want := asked(t, dir, uids)
	if len(want) < 3+len(uids) {
		t.Fatalf("the whole archive answers %d questions only", len(want))
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if st, e := os.Stat(path); e == nil && st.Mode().IsRegular() && st.Size() > 0 && !strings.Contains(path, "sources-read") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(9, 10))
	refused := 0
	for range flips {
		path := files[rnd.IntN(len(files))]
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(good)
		at := rnd.IntN(len(bad))
		bad[at] ^= 1 << rnd.IntN(8)
		os.Chmod(path, 0o644)
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		got := asked(t, dir, uids)
		for q, a := range got {
			if a != want[q] {
				t.Errorf("%s with byte %d of %s changed is answered\n%.600s\nwant\n%.600s", q, at, path, a, want[q])
			}
		}
		if len(got) < len(want) {
			refused++
		}
		env := &environment{stdin: strings.NewReader(""), stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), getenv: func(string) string { return "" }}
		if code := run(t.Context(), env, []string{"archive", "check", "--data", dir}); code == 0 && !strings.HasSuffix(path, "manifest.json") {
			t.Errorf("check does not name %s", path)
		}
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if refused < flips/10 {
		t.Errorf("only %d of %d flips met a question", refused, flips)
	}
	for q, a := range asked(t, dir, uids) {
		if a != want[q] {
			t.Errorf("%s with good files again: %.300s", q, a)
		}
	}
}
