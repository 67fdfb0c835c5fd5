package intake

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/bandish/bandish/internal/dial"
)

func zst(b []byte) []byte {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer enc.Close()
	return enc.EncodeAll(b, nil)
}

// A bomb costs what the floor allows, wherever it lies; what lies before it is
// given out.
func TestBombs(t *testing.T) {
	zeros := make([]byte, 8<<20)
	line := []byte("{\"a\":1}\n")
	for _, c := range []struct {
		name string
		in   []byte
		good int
		bomb bool
	}{
		{"zstd", zst(append(bytes.Clone(line), zeros...)), 1, true},
		{"gzip in gzip", gz(gz(append(bytes.Clone(line), make([]byte, 16<<20)...))), 1, true},
		{"in a tar", zst(tarOf(t, "a.json", `{"a":1}`, "b.json", string(zeros), "c.json", `{"c":1}`)), 1, true},
		{"a member of a tar", tarOf(t, "a.json", `{"a":1}`, "b.gz", string(gz(gz(append(bytes.Clone(line), make([]byte, 16<<20)...)))), "c.json", `{"c":1}`), 3, false},
		{"what repeats itself", zst(bytes.Repeat(line, 1<<16)), 1 << 16, false},
	} {
		good, bad := 0, ""
		u := &unpacking{floor: 1 << 20}
		cut := &cutter{name: "in", members: maxMembers, emit: func(r *record) error {
			if r.bad == "" {
				good++
			} else {
				bad = r.bad
			}
			return nil
		}}
		err := cut.read(u, u.weighed(bytes.NewReader(c.in)), 0)
		if good != c.good || errors.Is(err, errBomb) != c.bomb || !c.bomb && err != nil {
			t.Errorf("%s: %d documents, %v", c.name, good, err)
		}
		if c.name == "a member of a tar" && !strings.Contains(bad, "decompression bomb") {
			t.Errorf("the bomb in a tar is told as %q", bad)
		}
		if u.out > 4<<20 {
			t.Errorf("%s: %d bytes were unpacked", c.name, u.out)
		}
	}
}

func TestTarsAreBounded(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range 20 {
		h := &tar.Header{Name: fmt.Sprintf("../../%d%s", i, strings.Repeat("é", 5000)), Size: 7, Mode: 0o644, Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, `{"a":1}`)
		if err := w.WriteHeader(&tar.Header{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	n := 0
	cut := &cutter{name: "in", members: 10, emit: func(r *record) error {
		n++
		if r.bad != "" || len(r.source) > maxMember+20 || !strings.HasPrefix(r.source, "in › ../../") {
			t.Errorf("%q from %.60q (%d bytes)", r.bad, r.source, len(r.source))
		}
		return nil
	}}
	err := cut.read(&unpacking{floor: bombFloor}, bytes.NewReader(b.Bytes()), 0)
	if n != 5 || err == nil || !strings.Contains(err.Error(), "more than 10 members") {
		t.Errorf("%d documents, %v", n, err)
	}
}

// A server on the internet cannot send an import on to this network.
func TestRedirectsStayOutside(t *testing.T) {
	asked := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer inside.Close()
	outside := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	defer outside.Close()
	for began, ok := range map[string]bool{
		"http://104.244.42.1/": false,
		outside.URL:            true, // whoever named it is inside
	} {
		client := webClient(began, false)
		tr := client.Transport.(*http.Transport)
		checked := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, at string) (net.Conn, error) {
			if at == "104.244.42.1:80" { // stands on this machine for the test
				return net.Dial(network, outside.Listener.Addr().String())
			}
			return checked(ctx, network, at)
		}
		asked = false
		resp, err := client.Get(began)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != ok || asked != ok || err != nil && !errors.As(err, new(*dial.RefusedError)) {
			t.Errorf("%s sends on to %s: asked is %t, %v", began, inside.URL, asked, err)
		}
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.HandleFunc("/stall", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("{\"a\":1}\n", 100)+"{\"b\"")
		w.(http.Flusher).Flush()
		<-done
	})
	mux.HandleFunc("/mute", func(http.ResponseWriter, *http.Request) { <-done })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	defer close(done)
	for path, want := range map[string]string{
		"/file": "not the web", "/round": "more than 5 times", "/gone": "404", "/stall": "nothing came for 200ms", "/mute": "nothing came for 200ms",
	} {
		var docs []Document
		r, err := unstalled(t.Context(), 200*time.Millisecond, func(ctx context.Context) (io.ReadCloser, error) { return openWeb(ctx, srv.URL+path, false) })
		if err == nil {
			err = Read(r, path, func(d Document) error { docs = append(docs, d); return nil })
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if path == "/stall" && (len(docs) == 0 || docs[0].Bad != "") {
			t.Errorf("what came before the stall is lost: %v", docs)
		}
	}
}

// A server that lists the same page for ever is given up.
func TestListingInCircles(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken><Contents><Key>a.jsonl</Key><Size>1</Size></Contents><Contents><Key>b.jsonl</Key><Size>1</Size></Contents></ListBucketResult>`)
	}))
	defer srv.Close()
	_, err := List(t.Context(), "s3://bucket/", Filter{}, Buckets{Endpoint: strings.TrimPrefix(srv.URL, "http://"), Insecure: true, Region: "us-east-1"})
	if err == nil || !strings.Contains(err.Error(), "lists in circles") {
		t.Errorf("err is %v", err)
	}
}
