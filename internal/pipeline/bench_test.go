package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
)

// benchStats is what a child of the benchmark prints.
type benchStats struct {
	Seconds   float64 `json:"seconds"`
	Documents int64   `json:"documents"`
	PeakMB    float64 `json:"peak_mb"`
	CPU       float64 `json:"cpu_seconds"` // of all cores, in the program and the kernel for it
}

// BenchmarkImport imports a corpus of its own making and compares it with what
// gunzip and typed decoding alone reach on the same bytes with as many
// goroutines, each in a process of its own. BANDISH_BENCH_MB sets the size of
// the gzipped corpus (default 48; the figure in docs/PERFORMANCE.md is of
// 1000).
func BenchmarkImport(b *testing.B) {
	size := 48
	if s := os.Getenv("BANDISH_BENCH_MB"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		size = n
	}
	dir := b.TempDir()
	src := filepath.Join(dir, "corpus")
	hosts := newHosts(b)
	if err := os.WriteFile(filepath.Join(dir, "root.der"), hosts.root, 0o644); err != nil {
		b.Fatal(err)
	}
	raw, docs := makeCorpus(b, src, hosts, int64(size)<<20)
	b.Logf("corpus: %d MB gzipped, %.2f GB of JSON, %d documents, mean %.1f kB", size, float64(raw)/1e9, docs, float64(raw)/float64(docs)/1e3)
	b.ResetTimer()
	for i := range b.N {
		decode := runBench(b, "bench-decode", filepath.Join(dir, fmt.Sprint("d", i)), src)
		whole := runBench(b, "bench-import", filepath.Join(dir, fmt.Sprint("i", i)), src)
		if decode.Documents != docs || whole.Documents != docs {
			b.Fatalf("decoded %d and imported %d of %d documents", decode.Documents, whole.Documents, docs)
		}
		ratio := decode.Seconds / whole.Seconds
		b.Logf("gunzip + decode: %.0f documents/s, %.0f MB/s, peak %.0f MB", float64(docs)/decode.Seconds, float64(raw)/1e6/decode.Seconds, decode.PeakMB)
		b.Logf("whole import:    %.0f documents/s, %.0f MB/s, peak %.0f MB; %.0f %% of decoding (by CPU time %.0f %%: %.1f s against %.1f s)", float64(docs)/whole.Seconds, float64(raw)/1e6/whole.Seconds, whole.PeakMB, 100*ratio, 100*decode.CPU/whole.CPU, decode.CPU, whole.CPU)
		b.ReportMetric(float64(docs)/whole.Seconds, "docs/s")
		b.ReportMetric(100*ratio, "%ofdecode")
		b.ReportMetric(whole.PeakMB, "peakMB")
		os.RemoveAll(filepath.Join(dir, fmt.Sprint("i", i)))
	}
}

func runBench(b *testing.B, mode, dir, src string) benchStats {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childMode+"="+mode, "BANDISH_TEST_DIR="+dir, "BANDISH_TEST_SOURCE="+src)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var s benchStats
	if err := json.Unmarshal(out, &s); err != nil {
		b.Fatalf("the child printed %q: %v", out, err)
	}
	return s
}

// benchChild runs one side of the comparison.
func benchChild(mode, dir, source string) error {
	src, err := intake.List(context.Background(), source, intake.Filter{}, intake.Buckets{})
	if err != nil {
		return err
	}
	start := time.Now()
	var s benchStats
	if mode == "bench-decode" {
		s.Documents, err = decodeAll(src)
	} else {
		var p *Pipeline
		if p, err = newPipeline(dir); err != nil {
			return err
		}
		if p.Verifier, err = benchVerifier(filepath.Join(filepath.Dir(source), "root.der")); err != nil {
			return err
		}
		var sum Summary
		sum, err = p.Import(context.Background(), src, Want{}, nil)
		s.Documents = sum.Added
	}
	if err != nil {
		return err
	}
	s.Seconds = time.Since(start).Seconds()
	s.PeakMB = peakMB()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return err
	}
	s.CPU = time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
	return json.NewEncoder(os.Stdout).Encode(s)
}

// decodeAll is the limit to approach: each source is decompressed, cut into
// lines and decoded into the types, and the result dropped.
func decodeAll(sources []intake.Source) (int64, error) {
	work := make(chan intake.Source)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var n int64
	var failed error
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for s := range work {
				k, err := decodeOne(s)
				mu.Lock()
				n += k
				if err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for _, s := range sources {
		work <- s
	}
	close(work)
	wg.Wait()
	return n, failed
}

func decodeOne(s intake.Source) (n int64, err error) {
	f, err := s.Open(context.Background())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return 0, err
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(make([]byte, 1<<20), 64<<20)
	for sc.Scan() {
		if _, err := measurement.Decode(bytes.Clone(sc.Bytes())); err != nil {
			return n, err
		}
		n++
	}
	return n, sc.Err()
}

// peakMB is the largest resident size of this process.
func peakMB() float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kb / 1024
		}
	}
	return 0
}

// makeCorpus writes gzipped JSONL of country ZZ and private networks, with
// sizes like real ones: nine of ten documents near 7 kB, one near 350 kB.
func makeCorpus(b *testing.B, dir string, hosts benchHosts, size int64) (raw, docs int64) {
	b.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	const files = 24
	var wg sync.WaitGroup
	var mu sync.Mutex
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range files {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			r, d, err := corpusFile(filepath.Join(dir, fmt.Sprintf("%02d.jsonl.gz", i)), hosts, uint64(i), size/files)
			mu.Lock()
			defer mu.Unlock()
			raw, docs = raw+r, docs+d
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	return raw, docs
}

func corpusFile(path string, hosts benchHosts, seed uint64, size int64) (raw, docs int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.DefaultCompression)
	if err != nil {
		return 0, 0, err
	}
	rnd := rand.New(rand.NewPCG(seed, 99))
	words := vocabulary()
	for n := 0; ; n++ {
		if n%32 == 0 {
			if err := z.Flush(); err != nil {
				return 0, 0, err
			}
			if at, _ := f.Seek(0, 1); at >= size {
				break
			}
		}
		body := 3000
		if rnd.IntN(9) == 0 {
			body = 330_000 + rnd.IntN(30_000)
		}
		doc := corpusDocument(rnd, hosts, words, seed, n, body)
		raw += int64(len(doc)) + 1
		docs++
		if _, err := z.Write(append(doc, '\n')); err != nil {
			return 0, 0, err
		}
	}
	return raw, docs, z.Close()
}

// benchHosts are certificates of an authority of the benchmark's own, so that
// chains verify as those of real measurements mostly do.
type benchHosts struct {
	root []byte
	leaf map[string][]byte
}

var benchNames = []string{"x.com", "www.facebook.com", "example.org", "news.example.net", "t.me"}

func newHosts(b *testing.B) benchHosts {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "benchmark"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)}
	h := benchHosts{leaf: map[string][]byte{}}
	if h.root, err = x509.CreateCertificate(crand.Reader, ca, ca, key.Public(), key); err != nil {
		b.Fatal(err)
	}
	for i, name := range benchNames {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 2)), DNSNames: []string{name}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		if h.leaf[name], err = x509.CreateCertificate(crand.Reader, leaf, ca, key.Public(), key); err != nil {
			b.Fatal(err)
		}
	}
	return h
}

func benchVerifier(path string) (*observation.Verifier, error) {
	der, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return observation.NewVerifier(root), nil
}

// vocabulary makes sentences of made-up words. Pages draw from them again and
// again, as real pages repeat their markup and menus: the corpus packs about as
// well as OONI's files do (five times).
func vocabulary() []string {
	rnd := rand.New(rand.NewPCG(7, 7))
	words := make([]string, 20000)
	for i := range words {
		b := make([]byte, 3+rnd.IntN(9))
		for j := range b {
			b[j] = byte('a' + rnd.IntN(26))
		}
		words[i] = string(b)
	}
	sentences := make([]string, 4000)
	for i := range sentences {
		var s strings.Builder
		fmt.Fprintf(&s, "<p class=\"%s\">", words[rnd.IntN(40)])
		for range 8 + rnd.IntN(14) {
			s.WriteString(words[int(rnd.ExpFloat64()*1500)%len(words)] + " ")
		}
		s.WriteString("</p>\n")
		sentences[i] = s.String()
	}
	return sentences
}

// corpusDocument is a whole web_connectivity measurement, with DNS by three
// resolvers, certificates' worth of base64 and a page as its body.
func corpusDocument(rnd *rand.Rand, hosts benchHosts, words []string, seed uint64, n, size int) []byte {
	ip := fmt.Sprintf("104.244.%d.%d", 42+rnd.IntN(3), rnd.IntN(256))
	host := benchNames[rnd.IntN(len(benchNames))]
	var page strings.Builder
	fmt.Fprintf(&page, "<!doctype html><html><head><title>%d</title></head><body>\n", n)
	for page.Len() < size {
		page.WriteString(words[rnd.IntN(len(words))])
	}
	type m = map[string]any
	query := func(engine, resolver string) m {
		return m{"engine": engine, "failure": nil, "hostname": host, "query_type": "A", "resolver_address": resolver, "t0": 0.01, "t": 0.02 + rnd.Float64()/10, "tags": []string{"depth=0"}, "transaction_id": 10001,
			"answers": []m{{"answer_type": "A", "ipv4": ip, "asn": 64500, "as_org_name": "Example", "ttl": nil}}}
	}
	scheme := "https" // one page in six comes in clear text
	if rnd.IntN(6) == 0 {
		scheme = "http"
	}
	failure, probeBody, code := any(nil), page.String(), 200
	if rnd.IntN(5) == 0 {
		failure, probeBody, code = "connection_reset", "", 0
	}
	var events []m
	for i := range 24 {
		events = append(events, m{"address": ip + ":443", "failure": nil, "operation": "read", "proto": "tcp", "num_bytes": 1400, "t0": 0.1 + float64(i)/100, "t": 0.105 + float64(i)/100, "transaction_id": 50001, "tags": []string{"depth=0"}})
	}
	request := m{"network": "tcp", "address": ip + ":443", "alpn": "h2", "failure": failure, "t0": 0.2, "t": 0.5, "tags": []string{"depth=0"}, "transaction_id": 50001,
		"request":  m{"body": "", "body_is_truncated": false, "method": "GET", "url": scheme + "://" + host + "/", "headers": m{"User-Agent": "Mozilla/5.0"}, "headers_list": [][]string{{"User-Agent", "Mozilla/5.0"}}, "tor": m{"is_tor": false, "exit_ip": nil, "exit_name": nil}},
		"response": m{"body": probeBody, "body_is_truncated": false, "code": code, "headers": m{"Content-Type": "text/html", "Server": "example"}, "headers_list": [][]string{{"Content-Type", "text/html"}, {"Server", "example"}}}}
	keys := m{"agent": "redirect", "queries": []m{query("getaddrinfo", ""), query("udp", "9.9.9.9:53"), query("doh", "https://dns.google/dns-query")},
		"tcp_connect":    []m{{"ip": ip, "port": 443, "status": m{"failure": nil, "success": true}, "t0": 0.03, "t": 0.06, "transaction_id": 50001, "tags": []string{"depth=0"}}},
		"tls_handshakes": []m{{"network": "tcp", "address": ip + ":443", "cipher_suite": "TLS_AES_128_GCM_SHA256", "failure": failure, "negotiated_protocol": "h2", "no_tls_verify": false, "server_name": host, "tls_version": "TLSv1.3", "t0": 0.06, "t": 0.1, "transaction_id": 50001, "tags": []string{"depth=0"}, "peer_certificates": []m{{"format": "base64", "data": hosts.leaf[host]}, {"format": "base64", "data": hosts.root}}}},
		"requests":       []m{request}, "network_events": events, "control_failure": nil, "blocking": false, "accessible": true,
		"control": m{"tcp_connect": m{ip + ":443": m{"status": true, "failure": nil}}, "tls_handshake": m{ip + ":443": m{"server_name": host, "status": true, "failure": nil}},
			"http_request": m{"body_length": size, "failure": nil, "title": "x", "headers": m{"Content-Type": "text/html"}, "status_code": 200}, "dns": m{"failure": nil, "addrs": []string{ip}}, "ip_info": m{ip: m{"asn": 64500, "flags": 11}}}}
	at := time.Date(2024, 2, 1+int(seed), n%24, n%60, 0, 0, time.UTC) // a source is of one day, as in OONI's bucket
	doc, err := json.Marshal(m{"annotations": m{"platform": "linux", "engine_version": "3.20.0"}, "data_format_version": "0.2.0", "input": scheme + "://" + host + "/", "measurement_start_time": at.Format(time.DateTime), "probe_asn": fmt.Sprint("AS", 64512+rnd.IntN(20)), "probe_cc": "ZZ", "probe_ip": "127.0.0.1",
		"measurement_uid": fmt.Sprintf("%s.%06d_ZZ_webconnectivity_%016x", at.Format("20060102150405"), n, seed<<32|uint64(n)),
		"report_id":       fmt.Sprintf("%s_webconnectivity_ZZ_%d_%d", at.Format("20060102T150405Z"), seed, n/20), "resolver_asn": "AS64512", "software_name": "example", "software_version": "0", "test_keys": keys, "test_name": "web_connectivity", "test_runtime": 1.2, "test_start_time": at.Format(time.DateTime), "test_version": "0.5.28"})
	if err != nil {
		panic(err)
	}
	return doc
}
