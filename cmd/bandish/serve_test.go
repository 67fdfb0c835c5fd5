package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/collect"
)

// The server bounds what a client may send before it is known what it wants.
func TestServerLimitsHeaders(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveUntil(ctx, l, http.NotFoundHandler()) }()
	for size, want := range map[int]int{1 << 10: http.StatusNotFound, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", strings.Repeat("x", size))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a header of %d bytes: %d, want %d", size, resp.StatusCode, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
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
		if err != nil || resp.StatusCode != http.StatusOK || len(m.Batches) != i+1 {
			t.Fatalf("submission %d: %s, %v", i, resp.Status, err)
		}
		var last string
		for _, b := range m.Batches {
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
