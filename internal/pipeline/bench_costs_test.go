package pipeline

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bandish/bandish/internal/intake"
)

// BenchmarkCosts measures what docs/SCALE.md reckons with, on one core: what a document
// takes to import and to rebuild, and on the disk; and the requests that reach a server
// that speaks S3. `go run ./internal/cost/table` runs it.
//
// OONI's documents are imported many times with other times and reports; how large their
// raw batches are is measured where each is there once, as copies pack too well.
func BenchmarkCosts(b *testing.B) {
	dir := b.TempDir()
	hosts := newHosts(b)
	if err := os.WriteFile(filepath.Join(dir, "root.der"), hosts.root, 0o644); err != nil {
		b.Fatal(err)
	}
	generated := filepath.Join(dir, "generated")
	b.Run("generated", func(b *testing.B) {
		raw, docs := makeCorpus(b, generated, hosts, int64(benchSize(b, "BANDISH_BENCH_MB", 48))<<20)
		b.ReportMetric(benchDocuments(b, generated, raw, docs), "raw-B/doc")
	})
	b.Run("OONI", func(b *testing.B) {
		once, often := filepath.Join(dir, "once"), filepath.Join(dir, "often")
		_, docs := ooniCorpus(b, once, 1)
		archived := b.TempDir()
		runBench(b, "import", "1", archived, once)
		raw, _ := archivedBytes(b, pipelineIn(b, archived))
		all, n := ooniCorpus(b, often, benchSize(b, "BANDISH_BENCH_TIMES", 60))
		benchDocuments(b, often, all, n)
		b.ReportMetric(raw/float64(docs), "raw-B/doc")
	})
	b.Run("requests", func(b *testing.B) {
		day := filepath.Join(dir, "day")
		if err := os.Mkdir(day, 0o755); err != nil {
			b.Fatal(err)
		}
		if _, _, err := corpusFile(filepath.Join(day, "0.jsonl.gz"), hosts, 0, 24<<20); err != nil {
			b.Fatal(err)
		}
		benchRequests(b, day)
	})
}

// benchDocuments measures what a document of a corpus costs, and returns the bytes of the
// raw batches a document.
func benchDocuments(b *testing.B, source string, bytes, docs int64) (raw float64) {
	b.Helper()
	dir := b.TempDir()
	for _, stage := range []string{"import", "rebuild"} {
		s := runBench(b, stage, "1", dir, source)
		if s.Things != docs {
			b.Fatalf("%s read %d of %d documents", stage, s.Things, docs)
		}
		b.ReportMetric(1000*s.CPU/float64(docs), stage+"-CPU-s/1000docs")
	}
	p := pipelineIn(b, dir)
	if _, err := p.Tidy(b.Context()); err != nil {
		b.Fatal(err)
	}
	if _, err := p.Count(b.Context()); err != nil {
		b.Fatal(err)
	}
	raw, parquet := archivedBytes(b, p)
	m, err := p.Archive.Manifest()
	if err != nil {
		b.Fatal(err)
	}
	n := float64(docs)
	b.ReportMetric(float64(bytes)/n, "JSON-B/doc")
	b.ReportMetric(parquet/n, "parquet-B/doc")
	most := 0 // in a batch that is full
	for _, batch := range m.Batches() {
		most = max(most, batch.Documents)
	}
	b.ReportMetric(float64(most), "docs/batch")
	return raw / n
}

// archivedBytes is how large the raw batches and the segments of an archive are.
func archivedBytes(b *testing.B, p *Pipeline) (raw, parquet float64) {
	b.Helper()
	m, err := p.Archive.Manifest()
	if err != nil {
		b.Fatal(err)
	}
	for _, batch := range m.Batches() {
		raw += float64(batch.Bytes)
	}
	for _, s := range m.Segments {
		parquet += float64(s.Bytes)
	}
	return raw, parquet
}

// benchRequests counts the requests of one who is alone with a bucket. The source is of one
// day and fills some batches, as those of OONI's bucket do.
func benchRequests(b *testing.B, source string) {
	another := inBucket(b, "counted")
	counter := countRequests(b, os.Getenv("AWS_ENDPOINT_URL_S3"))
	dir := another()
	p := pipelineIn(b, dir)
	p.Archive.Fold = 0 // as it is outside of tests
	submit := func(name string) {
		if _, err := p.Submit(b.Context(), zz(name, 0), Sender{}); err != nil {
			b.Fatal(err)
		}
	}
	submit("first") // which begins the ledger
	const commits = 40
	counter.take()
	for i := range commits {
		submit(string(rune('A' + i)))
	}
	report := func(of string, n int) {
		for kind, calls := range counter.take() {
			b.ReportMetric(float64(calls)/float64(n), of+":"+kind)
		}
	}
	report("alone", commits)

	src, err := intake.List(b.Context(), source, intake.Filter{}, intake.Buckets{})
	if err != nil {
		b.Fatal(err)
	}
	if p.Verifier, err = benchVerifier(filepath.Join(filepath.Dir(source), "root.der")); err != nil {
		b.Fatal(err)
	}
	if _, err := p.Import(b.Context(), src, Want{}, nil); err != nil {
		b.Fatal(err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		b.Fatal(err)
	}
	batches := len(m.Batches())
	report("import", batches-commits-1)

	p = pipelineIn(b, another())
	p.Archive.Fold = 0
	counter.take()
	if _, err := p.Rebuild(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	report("rebuild", batches)
}

// requestCounter counts requests by what a price list calls them.
type requestCounter struct {
	mu    sync.Mutex
	calls map[string]int
}

// take gives the counts since the last take. Each kind is there.
func (c *requestCounter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.calls
	c.calls = map[string]int{"PUT": 0, "LIST": 0, "GET": 0, "HEAD": 0}
	return out
}

// countRequests puts itself before the server of this process's environment.
func countRequests(b *testing.B, endpoint string) *requestCounter {
	b.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		b.Fatal(err)
	}
	c := &requestCounter{}
	c.take()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // it is signed
	}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := r.Method
		switch {
		case r.Method == http.MethodGet && (r.URL.Query().Has("list-type") || r.URL.Query().Has("delimiter")):
			kind = "LIST"
		case r.Method == http.MethodPost:
			kind = "PUT"
		}
		c.mu.Lock()
		c.calls[kind]++
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	b.Cleanup(srv.Close)
	b.Setenv("AWS_ENDPOINT_URL_S3", srv.URL)
	return c
}
