package intake

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bucket serves an S3 API that holds the given keys, and notes the prefixes
// that were listed.
func bucket(t *testing.T, keys ...string) (b Buckets, listed func() []string) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("ooni-data-eu-fra"); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		body := "{\"key\":\"" + k + "\"}\n"
		if _, err := backend.PutObject("ooni-data-eu-fra", k, map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}, strings.NewReader(body), int64(len(body)), nil); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var prefixes []string
	fake := gofakes3.New(backend).Server()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Query().Get("prefix"); p != "" {
			mu.Lock()
			prefixes = append(prefixes, p)
			mu.Unlock()
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return Buckets{Endpoint: strings.TrimPrefix(srv.URL, "http://"), Insecure: true, Region: "us-east-1", Today: date("2024-03-01")}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(prefixes)
	}
}

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func names(s []Source) []string {
	var out []string
	for _, x := range s {
		out = append(out, strings.TrimPrefix(x.Name, "s3://ooni-data-eu-fra/"))
	}
	return out
}

func TestBucketListsOnlyWhatIsNeeded(t *testing.T) {
	b, listed := bucket(t,
		"raw/20240217/17/ZZ/webconnectivity/2024021717_ZZ_webconnectivity.n0.0.jsonl.gz",
		"raw/20240217/17/ZZ/webconnectivity/2024021717_ZZ_webconnectivity.n0.0.tar.gz",
		"raw/20240217/17/ZZ/whatsapp/2024021717_ZZ_whatsapp.n0.0.jsonl.gz",
		"raw/20240217/17/YY/webconnectivity/2024021717_YY_webconnectivity.n0.0.jsonl.gz",
		"raw/20240218/03/ZZ/webconnectivity/late.jsonl.gz",
		"raw/20240310/03/ZZ/webconnectivity/muchlater.jsonl.gz",
		"raw/20240201/03/ZZ/webconnectivity/before.jsonl.gz",
	)
	f := Filter{CC: "ZZ", Test: "web_connectivity", Since: date("2024-02-17"), Until: date("2024-02-18")}
	got, err := List(t.Context(), "ooni", f, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"raw/20240217/17/ZZ/webconnectivity/2024021717_ZZ_webconnectivity.n0.0.jsonl.gz",
		"raw/20240218/03/ZZ/webconnectivity/late.jsonl.gz", // uploaded after the span, may hold measurements of it
	}
	if !slices.Equal(names(got), want) {
		t.Errorf("listed %v, want %v", names(got), want)
	}
	for _, p := range listed() {
		if !strings.HasPrefix(p, "raw/202402") && !strings.HasPrefix(p, "jsonl/webconnectivity/ZZ/202402") || strings.HasPrefix(p, "raw/") && !strings.HasSuffix(p, "/ZZ/webconnectivity/") {
			t.Errorf("asked the bucket for %q", p)
		}
	}
	if len(listed()) == 0 {
		t.Error("nothing was asked of the bucket")
	}
}

func TestBucketOldLayout(t *testing.T) {
	b, _ := bucket(t,
		"jsonl/webconnectivity/ZZ/20200217/00/20200217_ZZ_webconnectivity.l.0.jsonl.gz",
		"jsonl/whatsapp/ZZ/20200217/00/20200217_ZZ_whatsapp.l.0.jsonl.gz",
		"jsonl/webconnectivity/YY/20200217/00/20200217_YY_webconnectivity.l.0.jsonl.gz",
	)
	for _, c := range []struct {
		f    Filter
		want int
	}{
		{Filter{CC: "ZZ", Test: "web_connectivity", Since: date("2020-02-17"), Until: date("2020-02-18")}, 1},
		{Filter{CC: "ZZ", Since: date("2020-02-17"), Until: date("2020-02-18")}, 2},
		{Filter{Since: date("2020-02-17"), Until: date("2020-02-18")}, 3},
		{Filter{CC: "ZZ", Since: date("2020-03-17"), Until: date("2020-03-18")}, 0},
	} {
		got, err := List(t.Context(), "ooni", c.f, b)
		if err != nil || len(got) != c.want {
			t.Errorf("%+v: %v, %v; want %d", c.f, names(got), err, c.want)
		}
	}
}

func TestBucketPrefixAndOpen(t *testing.T) {
	b, _ := bucket(t, "some/where/a.jsonl", "some/where/b.jsonl", "else/c.jsonl")
	got, err := List(t.Context(), "s3://ooni-data-eu-fra/some/", Filter{}, b)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", names(got), err)
	}
	r, err := got[1].Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil || string(body) != "{\"key\":\"some/where/b.jsonl\"}\n" {
		t.Errorf("read %q, %v", body, err)
	}
	if got[0].Identity == "" || got[0].Identity == got[1].Identity {
		t.Errorf("identities %q and %q", got[0].Identity, got[1].Identity)
	}
}

func TestOoniWantsASpan(t *testing.T) {
	if _, err := List(context.Background(), "ooni", Filter{CC: "ZZ"}, Buckets{}); err == nil || !strings.Contains(err.Error(), "--since") {
		t.Errorf("err is %v: want a hint at --since", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for _, p := range []string{"b.jsonl", "a/c.json", ".hidden", ".git/x"} {
		full := filepath.Join(dir, p)
		os.MkdirAll(filepath.Dir(full), 0o755)
		if err := os.WriteFile(full, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := List(t.Context(), dir, Filter{}, Buckets{})
	if err != nil || len(got) != 2 || !strings.HasSuffix(got[0].Name, "a/c.json") {
		t.Errorf("%v, %v", names(got), err)
	}
	if _, err := List(t.Context(), filepath.Join(dir, "nowhere"), Filter{}, Buckets{}); err == nil {
		t.Error("a folder that does not exist was listed")
	}
}

func TestPasswordsAreNotNames(t *testing.T) {
	got, err := List(t.Context(), "https://me:secret@example.org/a.jsonl", Filter{}, Buckets{})
	if err != nil || len(got) != 1 || got[0].Name != "https://example.org/a.jsonl" {
		t.Errorf("%v, %v", names(got), err)
	}
}

func TestUploaded(t *testing.T) {
	for name, want := range map[string]string{
		"s3://b/raw/20240217/17/PK/webconnectivity/x.jsonl.gz":         "2024-02-17T17:00:00Z",
		"/data/raw/20240217/03/PK/webconnectivity/x.tar.gz › a/y.post": "2024-02-17T03:00:00Z",
		"jsonl/webconnectivity/PK/20190217/00/x.jsonl.gz":              "2019-02-17T00:00:00Z",
		"x.jsonl": "0001-01-01T00:00:00Z",
	} {
		if got := Uploaded(name).Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
