package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	fast "github.com/goccy/go-json"
	"github.com/klauspost/compress/gzip"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
)

// benchStats is what a child of the benchmark prints.
type benchStats struct {
	Seconds float64 `json:"seconds"`
	Things  int64   `json:"things"` // documents; of rescore and read observation rows
	PeakMB  float64 `json:"peak_mb"`
	CPU     float64 `json:"cpu_seconds"` // of all cores, in the program and the kernel for it
}

// BenchmarkImport imports two corpora, on one core and on two, and compares the
// whole import with its limits: gunzip alone, and gunzip with a plain typed decode
// by each library (limits). It prints the processor time of every stage, and that
// of a program that does only what the archive's promises demand (floor). Each
// runs in a process of its own.
//
// One corpus is of the benchmark's own making; BANDISH_BENCH_MB sets its gzipped
// size (default 48). The other has OONI's documents in BANDISH_SHARED, each many
// times with other times and reports; BANDISH_BENCH_TIMES sets how often (default
// 20). BANDISH_BENCH_STAGES and BANDISH_BENCH_CORES narrow what is run
// ("goccy,import", "1"). BANDISH_BENCH_PROFILE names a folder for a processor
// profile of each. BANDISH_BENCH_BINARIES names programs whose import command is
// run beside the others, as those built from two commits.
func BenchmarkImport(b *testing.B) {
	dir := b.TempDir()
	hosts := newHosts(b)
	if err := os.WriteFile(filepath.Join(dir, "root.der"), hosts.root, 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("generated", func(b *testing.B) {
		src := filepath.Join(dir, "generated")
		raw, docs := makeCorpus(b, src, hosts, int64(benchSize(b, "BANDISH_BENCH_MB", 48))<<20)
		benchCorpus(b, src, raw, docs)
	})
	b.Run("OONI's documents", func(b *testing.B) {
		src := filepath.Join(dir, "ooni")
		raw, docs := ooniCorpus(b, src, benchSize(b, "BANDISH_BENCH_TIMES", 20))
		benchCorpus(b, src, raw, docs)
	})
}

func benchSize(b *testing.B, name string, otherwise int) int {
	b.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// benchStages are what the benchmark runs beside its limits, each with all before
// it but the last.
var benchStages = []string{"lines", "scrub", "decode", "observe", "judge", "import", "floor"}

func benchCorpus(b *testing.B, src string, raw, docs int64) {
	b.Helper()
	b.Logf("corpus: %.2f GB of JSON, %d documents, mean %.1f kB", float64(raw)/1e9, docs, float64(raw)/float64(docs)/1e3)
	only := strings.FieldsFunc(os.Getenv("BANDISH_BENCH_STAGES"), func(r rune) bool { return r == ',' })
	b.ResetTimer()
	for range b.N {
		for _, cores := range strings.Split(cmp.Or(os.Getenv("BANDISH_BENCH_CORES"), "1,2"), ",") {
			took := map[string]benchStats{}
			for _, stage := range slices.Concat(slices.Sorted(maps.Keys(limits)), benchStages) {
				if len(only) > 0 && !slices.Contains(only, stage) {
					continue
				}
				dir := b.TempDir()
				s := runBench(b, stage, cores, dir, src)
				if s.Things != docs {
					b.Fatalf("%s read %d of %d documents", stage, s.Things, docs)
				}
				took[stage] = s
				b.Logf("%s core  %-16s %6.0f documents/s, %4.0f MB/s, peak %3.0f MB; %.3f CPU seconds per 1,000 documents", cores, stage, float64(docs)/s.Seconds, float64(raw)/1e6/s.Seconds, s.PeakMB, 1000*s.CPU/float64(docs))
				if stage == "import" {
					b.Logf("%s core  the archive has %.1f MB", cores, folderMB(b, dir))
					benchDerive(b, cores, dir, src, docs)
				}
			}
			whole := took["import"]
			for _, limit := range slices.Sorted(maps.Keys(limits)) {
				if l := took[limit]; whole.CPU > 0 && l.CPU > 0 {
					b.Logf("%s core  the whole import is %.0f %% of %s (by CPU time %.0f %%)", cores, 100*l.Seconds/whole.Seconds, limit, 100*l.CPU/whole.CPU)
				}
			}
			benchBinaries(b, cores, src, docs)
			b.ReportMetric(1000*whole.CPU/float64(docs), "CPU-s/1000docs")
			b.ReportMetric(whole.PeakMB, "peakMB")
		}
	}
}

// benchDerive measures what is made again of an archive that was imported.
func benchDerive(b *testing.B, cores, dir, src string, docs int64) {
	b.Helper()
	var read benchStats
	for _, stage := range []string{"read", "rescore", "rebuild"} {
		s := runBench(b, stage, cores, dir, src)
		if stage == "read" {
			read = s
		}
		if stage == "rescore" {
			s.Things = read.Things
		}
		b.Logf("%s core  %-8s %d in %.2f CPU seconds: %.0f a second of CPU time, peak %3.0f MB; reading the observations' Parquet is %.0f %% of it",
			cores, stage, s.Things, s.CPU, float64(s.Things)/s.CPU, s.PeakMB, 100*read.CPU/s.CPU)
	}
}

// benchBinaries runs the import command of programs.
func benchBinaries(b *testing.B, cores, src string, docs int64) {
	b.Helper()
	for _, bin := range strings.FieldsFunc(os.Getenv("BANDISH_BENCH_BINARIES"), func(r rune) bool { return r == ',' }) {
		cmd := exec.Command(bin, "import", src, "--data", filepath.Join(b.TempDir(), "archive"))
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+cores)
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%s: %v\n%s", bin, err, out)
		}
		use := cmd.ProcessState
		b.Logf("%s core  %s import: %.0f documents/s; %.3f CPU seconds per 1,000 documents", cores, filepath.Base(bin),
			float64(docs)/time.Since(start).Seconds(), 1000*(use.UserTime()+use.SystemTime()).Seconds()/float64(docs))
	}
}

func folderMB(b *testing.B, dir string) float64 {
	b.Helper()
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err == nil {
			size += st.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return float64(size) / 1e6
}

func runBench(b *testing.B, mode, cores, dir, src string) benchStats {
	b.Helper()
	cmd := program(b.Context(), b, "bench-"+mode, dir, src)
	cmd.Env = append(cmd.Env, "GOMAXPROCS="+cores)
	return answer[benchStats](b, cmd)
}

// benchChild runs one side of the comparison.
func benchChild(mode, dir, source string) error {
	mode = strings.TrimPrefix(mode, "bench-")
	src, err := intake.List(context.Background(), source, intake.Filter{}, intake.Buckets{})
	if err != nil {
		return err
	}
	p, err := newPipeline(dir)
	if err != nil {
		return err
	}
	if p.Verifier, err = benchVerifier(filepath.Join(filepath.Dir(source), "root.der")); err != nil {
		return err
	}
	if folder := os.Getenv("BANDISH_BENCH_PROFILE"); folder != "" {
		f, err := os.Create(filepath.Join(folder, mode+".prof"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	runtime.GC()
	watch := startWatch()
	s, err := p.benchRun(mode, dir, src, watch)
	if err != nil {
		return err
	}
	watch.stop()
	s.Seconds, s.CPU, s.PeakMB = watch.wall.Seconds(), watch.cpu, peakMB()
	return json.NewEncoder(os.Stdout).Encode(s)
}

func (p *Pipeline) benchRun(mode, dir string, src []intake.Source, watch *watch) (s benchStats, err error) {
	ctx := context.Background()
	switch mode {
	case "import":
		sum, err := p.Import(ctx, src, Want{}, nil)
		return benchStats{Things: sum.Added}, err
	case "floor":
		f := &floor{p: p, dir: dir, watch: watch}
		err = f.run(src)
		return benchStats{Things: f.documents}, err
	case "read":
		m, err := p.Archive.Manifest()
		if err != nil {
			return s, err
		}
		for _, seg := range m.Select(archive.Observations, "") {
			err := archive.ReadSegment(p.Archive, seg, func(rows []observation.Row) error {
				s.Things += int64(len(rows))
				return nil
			})
			if err != nil {
				return s, err
			}
		}
		return s, nil
	case "rescore":
		out, err := p.Rescore(ctx)
		return benchStats{Things: out.Verdicts}, err
	case "rebuild":
		out, err := p.Rebuild(ctx, nil)
		return benchStats{Things: out.Documents}, err
	}
	s.Things, err = eachSource(src, func(s intake.Source) (int64, error) { return p.benchOne(mode, s) })
	return s, err
}

// watch measures time by the clock and by the processor, while it runs.
type watch struct {
	wall time.Duration
	cpu  float64

	began time.Time
	used  float64
}

func startWatch() *watch {
	w := new(watch)
	w.start()
	return w
}

func (w *watch) start() { w.began, w.used = time.Now(), cpuSeconds() }

func (w *watch) stop() {
	w.wall += time.Since(w.began)
	w.cpu += cpuSeconds() - w.used
}

func cpuSeconds() float64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano()).Seconds()
}

// eachSource reads the sources on all cores and adds up their documents.
func eachSource(sources []intake.Source, read func(intake.Source) (int64, error)) (int64, error) {
	work := make(chan intake.Source)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var n int64
	var failed error
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for s := range work {
				k, err := read(s)
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

// benchOne reads a source as far as a stage goes, and drops the result.
func (p *Pipeline) benchOne(mode string, s intake.Source) (n int64, err error) {
	f, err := s.Open(context.Background())
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if l, ok := limits[mode]; ok {
		return l.read(f)
	}
	return n, intake.Read(f, s.Name, func(d intake.Document) error {
		n++
		if mode == "lines" {
			return nil
		}
		data, _ := measurement.Scrub(d.Data)
		if mode == "scrub" {
			return nil
		}
		if mode == "judge" {
			_, err := p.judgeEntry(&archive.Entry{Source: d.Source, Line: d.Line, Offset: d.Offset, Document: data}, time.Time{})
			return err
		}
		m, err := measurement.Decode(data)
		if err == nil && mode == "observe" {
			observation.Observe(m, p.options())
		}
		return err
	})
}

// ooniCorpus writes OONI's documents times over, each with a start and a report
// of its own, as gzipped JSONL.
func ooniCorpus(b *testing.B, dir string, times int) (raw, docs int64) {
	b.Helper()
	shared := cmp.Or(os.Getenv("BANDISH_SHARED"), filepath.Join("..", "..", "..", "shared"))
	var texts [][]byte
	for _, folder := range []string{"scenarios-full", "real"} {
		files, err := filepath.Glob(filepath.Join(shared, "ooni", folder, "*.json"))
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				b.Fatal(err)
			}
			var one bytes.Buffer
			var m plainMeasurement
			if json.Compact(&one, text) != nil || fast.Unmarshal(one.Bytes(), &m) != nil || m.Start == "" {
				continue // several documents, or none that the plain types fit
			}
			texts = append(texts, one.Bytes())
		}
	}
	if len(texts) == 0 {
		b.Skip("OONI's documents are not there: set BANDISH_SHARED")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	start := regexp.MustCompile(`"measurement_start_time":"[^"]*"`)
	names := regexp.MustCompile(`"(report_id|measurement_uid)":"[^"]*"`)
	for i := range times {
		at := time.Date(2024, 2, 1+i/24, i%24, 0, 0, 0, time.UTC)
		f, err := os.Create(filepath.Join(dir, at.Format("20060102T15")+".jsonl.gz"))
		if err != nil {
			b.Fatal(err)
		}
		z := gzip.NewWriter(f)
		for k, text := range texts {
			text = start.ReplaceAll(text, fmt.Appendf(nil, `"measurement_start_time":%q`, at.Add(time.Duration(k)*time.Second).Format(time.DateTime)))
			text = names.ReplaceAllFunc(text, func(m []byte) []byte {
				name, _, _ := bytes.Cut(m, []byte(":"))
				if string(name) == `"measurement_uid"` {
					return []byte(`"measurement_uid":""`)
				}
				return fmt.Appendf(nil, `"report_id":"%s_benchmark_ZZ_%d"`, at.Format("20060102T150405Z"), i)
			})
			if _, err := z.Write(append(text, '\n')); err != nil {
				b.Fatal(err)
			}
			raw += int64(len(text)) + 1
			docs++
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			b.Fatal(err)
		}
	}
	return raw, docs
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
