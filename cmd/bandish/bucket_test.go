package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/bucket"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/store"
)

// An archive that is exported as OONI's bucket and served as one gives another
// archive the same verdicts, without what was doubted when it was handed in.
func TestExportIsOONIsBucket(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	p, err := openPipeline(filepath.Join(base, "first"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 2, 20, 12, 0, 0, 0, time.UTC)
	p.Now = func() time.Time { return now }
	var docs [][]byte
	for i := range 40 {
		at := time.Date(2024, 2, 1+i%10, i%24, 0, 0, 0, time.UTC)
		docs = append(docs, seen{host: "x.com", asn: 64512 + i%2, at: at, report: fmt.Sprintf("%s_webconnectivity_ZZ_64512_n1_B%015d", at.Format("20060102T150405Z"), i), who: "1", blocked: i%10 > 5}.json())
	}
	importing(t, p, docs)
	for i := range 3 { // the second and the third are of a client network that was heard
		if _, err := p.Submit(t.Context(), seen{host: "x.com", asn: 64512, at: now.Add(-time.Duration(i) * time.Minute), report: fmt.Sprint("r", i), who: "2"}.json(), pipeline.Sender{CC: "ZZ", ASN: 64512, Key: [16]byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(base, "out")
	done, err := p.Archive.ExportOONI(t.Context(), out)
	if err != nil || done.Measurements != 41 || done.Marked != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := p.Archive.ExportOONI(t.Context(), out); err == nil {
		t.Error("a folder that is not empty is written to")
	}
	again := filepath.Join(base, "again")
	if _, err := p.Archive.ExportOONI(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	first, second := tree(t, out), tree(t, again)
	if len(first) != done.Objects || !slices.Equal(first, second) {
		t.Errorf("%d objects, then %d; the same archive gave other bytes", len(first), len(second))
	}
	if !slices.ContainsFunc(first, func(s string) bool {
		return strings.HasPrefix(s, "raw/20240201/00/ZZ/webconnectivity/2024020100_ZZ_webconnectivity.n0.0.jsonl.gz ")
	}) {
		t.Errorf("the objects are %q", first[:min(3, len(first))])
	}

	root, err := os.OpenRoot(out)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	srv := httptest.NewServer(answers(http.NotFoundHandler(), &bucket.Folder{Root: root, Log: slog.New(slog.DiscardHandler)}))
	defer srv.Close()
	q, err := openPipeline(filepath.Join(base, "second"))
	if err != nil {
		t.Fatal(err)
	}
	q.Now = p.Now
	sources, err := intake.List(t.Context(), "s3://ooni-data-eu-fra", intake.Filter{CC: "ZZ", Since: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2024, 2, 21, 0, 0, 0, 0, time.UTC)},
		intake.Buckets{Endpoint: strings.TrimPrefix(srv.URL, "http://"), Insecure: true, Today: now})
	if err != nil || len(sources) != done.Objects {
		t.Fatalf("%d sources, %v; want %d", len(sources), err, done.Objects)
	}
	got, err := q.Import(t.Context(), sources, pipeline.Want{}, nil)
	if err != nil || got.Added != 41 || got.Quarantined != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if a, b := statesOf(t, p, true), statesOf(t, q, false); !slices.Equal(a, b) {
		t.Errorf("the verdicts differ: %d, %d\n%s\n%s", len(a), len(b), a[0], b[0])
	}
}

// tree lists the files of a folder with their contents.
func tree(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		defer f.Close()
		var b bytes.Buffer
		if _, err := io.Copy(&b, f); err != nil {
			return err
		}
		out = append(out, path+" "+b.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// statesOf are the uids and states of an archive's verdicts; votes leaves
// out those that do not vote.
func statesOf(t *testing.T, p *pipeline.Pipeline, votes bool) (out []string) {
	t.Helper()
	st, err := store.Open(p.Archive, "")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for r, err := range st.Verdicts(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if !votes || r.Votes() {
			out = append(out, fmt.Sprint(r.UID, " ", r.State, " ", r.ReportID))
		}
	}
	return out
}
