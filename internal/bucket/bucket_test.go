package bucket

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func serve(t *testing.T, files ...string) (*httptest.Server, *minio.Client) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("text of "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	f := &Folder{Root: root, Log: slog.New(slog.DiscardHandler)}
	mux := http.NewServeMux()
	for _, p := range f.Patterns() {
		mux.Handle(p, f.Handler())
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	client, err := minio.New(strings.TrimPrefix(srv.URL, "http://"), &minio.Options{Creds: credentials.NewStatic("", "", "", credentials.SignatureAnonymous), Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	return srv, client
}

// A client of S3 that we did not write lists and reads.
func TestS3ClientReads(t *testing.T) {
	var files []string
	for i := range 2300 { // more than two pages
		files = append(files, fmt.Sprintf("raw/20240201/%02d/ZZ/webconnectivity/%04d.jsonl.gz", i%24, i))
	}
	files = append(files, "raw/20240202/00/ZZ/signal/a b.jsonl.gz", "raw-other/x")
	_, client := serve(t, files...)
	list := func(prefix string, recursive bool) (out []string) {
		for o := range client.ListObjects(t.Context(), names[1], minio.ListObjectsOptions{Prefix: prefix, Recursive: recursive}) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			out = append(out, o.Key)
		}
		return out
	}
	slices.Sort(files)
	if got := list("", true); !slices.Equal(got, files) {
		t.Errorf("%d objects, want %d", len(got), len(files))
	}
	if got := list("raw/20240201/05/", true); len(got) != 96 {
		t.Errorf("%d objects of an hour", len(got))
	}
	if got := list("raw/", false); !slices.Equal(got, []string{"raw/20240201/", "raw/20240202/"}) {
		t.Errorf("days: %v", got)
	}
	if got := list("raw/20240201/", false); len(got) != 24 {
		t.Errorf("hours: %v", got)
	}
	if got := list("none/", true); len(got) != 0 {
		t.Errorf("nothing: %v", got)
	}
	o, err := client.GetObject(t.Context(), names[1], "raw/20240202/00/ZZ/signal/a b.jsonl.gz", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(o)
	if err != nil || string(text) != "text of raw/20240202/00/ZZ/signal/a b.jsonl.gz" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := client.StatObject(t.Context(), names[1], "raw/none", minio.StatObjectOptions{}); minio.ToErrorResponse(err).Code != "NoSuchKey" {
		t.Errorf("a missing object: %v", err)
	}
	if _, err := client.PutObject(t.Context(), names[1], "new", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err == nil {
		t.Error("it takes objects")
	}
}

// Nothing outside of the folder is reached.
func TestNothingOutside(t *testing.T) {
	srv, _ := serve(t, "raw/a")
	for path, want := range map[string]string{"/s3/raw/a": "text of raw/a", "/s3/?list-type=2": "<Key>raw/a</Key>", "/s3?list-type=2&delimiter=/": "<Prefix>raw/</Prefix>"} {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	for _, path := range []string{"/s3/link", "/s3/../go.mod", "/s3/raw/..%2f..%2fgo.mod", "/s3/%2fetc/hostname", "/s3/raw", "/s3/raw/", "/s3/?list-type=2&prefix=../&x", "/s3/?list-type=2&max-keys=x", "/s3/?list-type=2&continuation-token=*", "/s3/?list-type=2&encoding-type=x", "/s3/"} {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode == 200 && strings.Contains(string(body), "<Key>") || strings.Contains(string(body), "module ") {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
}
