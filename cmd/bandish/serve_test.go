package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/server"
)

// What the program serves for its owner is served on this machine alone, counts
// what strangers do, and does not say who they are.
func TestAdmin(t *testing.T) {
	for _, at := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:9090", "localhost:0", "9090", ""} {
		if l, err := server.ListenAdmin(at); err == nil {
			l.Close()
			t.Errorf("--admin %q is taken", at)
		}
	}
	var errs bytes.Buffer
	env := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs, getenv: os.Getenv}
	if code := run(t.Context(), env, []string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"}); code == 0 || !strings.Contains(errs.String(), "--admin") {
		t.Errorf("serve --admin 0.0.0.0: %d, %s", code, &errs)
	}
	p, err := openPipeline(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	metrics := server.NewMetrics()
	measureArchive(p, metrics)
	c, err := newCollector(p, collect.Config{BaseURL: "http://127.0.0.1", Archive: submissions{p, metrics}}, "")
	if err != nil {
		t.Fatal(err)
	}
	public, private := serveOn(t, "127.0.0.3:0", answers(http.NotFoundHandler(), c), metrics), serveOn(t, "127.0.0.4:0", server.Admin(metrics), nil)
	for range 2 { // the second is known
		doc := fmt.Sprintf(`{"input":"https://x.com/","measurement_start_time":%q,"probe_asn":"AS64512","probe_cc":"ZZ","probe_ip":"198.51.100.7","report_id":"r","test_name":"web_connectivity","test_keys":{}}`, "2024-02-17 10:00:00")
		if status, body := send(t, "POST", public+"/api/v1/measurement", doc); status != http.StatusOK {
			t.Fatal(status, body)
		}
	}
	send(t, "POST", public+"/api/v1/measurement", `{"probe_ip":"198.51.100.7"}`)
	send(t, "GET", public+"/198.51.100.7?client=198.51.100.7", "")
	status, text := send(t, "GET", private+"/metrics", "")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	for _, want := range []string{
		`bandish_requests_total{route="POST /api/v1/measurement",status="200"} 2`, `bandish_requests_total{route="POST /api/v1/measurement",status="400"} 1`, `bandish_requests_total{route="/",status="404"} 1`,
		`bandish_submissions_total{outcome="added"} 1`, `bandish_submissions_total{outcome="known"} 1`, `bandish_submissions_total{outcome="refused"} 1`,
		`bandish_archive_generation 1`, `bandish_archive_documents{kind="measurements"} 1`, `bandish_decodes_in_flight 0`, `go_goroutines `, `bandish_request_duration_seconds_bucket{route="POST /api/v1/measurement",le="+Inf"} 3`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, address := range []string{"127.0.0", "198.51", "::1"} {
		if strings.Contains(text, address) {
			t.Errorf("the metrics hold an address, %s…", address)
		}
	}
	if status, _ := send(t, "GET", private+"/debug/pprof/goroutine?debug=1", ""); status != http.StatusOK {
		t.Errorf("pprof answers %d", status)
	}
	if status, _ := send(t, "GET", public+"/metrics", ""); status != http.StatusNotFound {
		t.Errorf("the public server answers /metrics with %d", status)
	}
	req, err := http.NewRequest("GET", private+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "rebound.example"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another host reads the metrics: %s", resp.Status)
	}
	page, err := os.ReadFile("../../docs/formats/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`(?m)^bandish_[a-z_]+`).FindAllString(text, -1) {
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, end)
		}
		if !bytes.Contains(page, []byte("`"+name+"`")) {
			t.Errorf("docs/formats/metrics.md does not name %s", name)
		}
	}
}

func serveOn(t *testing.T, at string, h http.Handler, metrics *server.Metrics) (base string) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l, h, slog.New(slog.DiscardHandler), metrics) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

func send(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// A stranger has one voice a day, and only on the network that they are on;
// their address is nowhere in the data folder. Networks and countries are
// invented: private ASNs, and codes that ISO leaves to users.
func TestStrangersHaveOneVoice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := openPipeline(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	places := filepath.Join(dir, "places.csv")
	if err := os.WriteFile(places, []byte("from,to,asn,cc,name\n104.244.42.0,104.244.42.255,AS64512,QM,One\n104.244.43.0,104.244.43.255,AS64513,QM,Two\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := newCollector(p, collect.Config{BaseURL: "http://127.0.0.1", Proxies: thisMachine}, places)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(c.Handler())
	defer srv.Close()
	for i, sub := range []struct{ client, asn, marks string }{
		{"104.244.42.7", "AS64512", ""},
		{"104.244.42.7", "AS64512", "same_network_again"},
		{"104.244.42.99", "AS64512", "same_network_again"},
		{"104.244.42.7", "AS64513", "asn_mismatch"},
		{"104.244.43.7", "AS64513", ""},
		{"203.0.114.7", "AS64512", "network_unconfirmed"}, // of no known network
	} {
		doc := fmt.Sprintf(`{"input":"https://x.com/","measurement_start_time":%q,"probe_asn":%q,"probe_cc":"QM","probe_ip":%q,"report_id":"r%d","measurement_uid":"u%d","test_name":"web_connectivity","test_keys":{"x":"from %s"}}`,
			time.Now().UTC().Format(time.DateTime), sub.asn, sub.client, i, i, sub.client)
		req, err := http.NewRequest("POST", srv.URL+"/api/v1/measurement", strings.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", sub.client)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		m, err := p.Archive.Manifest()
		if err != nil || resp.StatusCode != http.StatusOK || len(m.Batches()) != i+1 {
			t.Fatalf("submission %d: %s, %v", i, resp.Status, err)
		}
		var last string
		for _, b := range m.Batches() {
			err := p.Archive.ReadRaw(b, func(_ uint32, e *archive.Entry) error {
				if e.UID == fmt.Sprint("u", i) {
					last = strings.Join(e.Marks, " ")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if last != sub.marks {
			t.Errorf("submission %d from %s of %s: marks %q, want %q", i, sub.client, sub.asn, last, sub.marks)
		}
	}
	err = filepath.WalkDir(p.Archive.Dir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".zst") {
			var z *zstd.Decoder
			if z, err = zstd.NewReader(nil); err == nil {
				b, err = z.DecodeAll(b, nil)
				z.Close()
			}
		}
		for _, a := range []string{"104.244.4", "203.0.114"} {
			if bytes.Contains(b, []byte(a)) {
				t.Errorf("%s holds an address of %s…", path, a)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A command that waits for its turn to write says so.
func TestWaitingIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := openPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	tellWaiting(&environment{stderr: w}, p)
	held, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(held.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { _, err := p.Compact(t.Context()); ended <- err }()
	said := make([]byte, 200)
	n, err := r.Read(said)
	if err != nil || !strings.Contains(string(said[:n]), "waiting for another bandish") {
		t.Errorf("it says %q, %v", said[:n], err)
	}
	held.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it waits on although the turn is free")
	}
}
