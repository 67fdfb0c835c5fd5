package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
)

// load is how a server is put under load: by readers and by probes that hand in
// measurements of country ZZ, each at a rate.
type load struct {
	site, admin string
	lasts       time.Duration
	documents   int // in the archive at first
	reads       int // a second
	submits     int // a second

	client  *http.Client
	own     time.Duration // processor time of those who ask
	servers float64       // seconds of it that the server took

	mu       sync.Mutex // guards what follows
	took     []time.Duration
	handed   []time.Duration
	statuses map[int]int
	failed   []string
	vitals   []vital
}

// vital is what a server must not use up, and the processor time that it took so far.
type vital struct{ resident, files, goroutines, seconds float64 }

// TestServedUnderLoad serves an archive as a process of its own, lets readers
// read pages of all sorts and probes hand in measurements, and looks at the
// server's memory, files and goroutines: they must not grow. Nothing may fail
// but with 429 or 503, and each document that was acknowledged must be there at
// the end. BANDISH_LOAD says how long ("10m"), seconds without it, and
// BANDISH_LOAD_READS and BANDISH_LOAD_SUBMITS how many pages are read and how many
// measurements are handed in a second.
func TestServedUnderLoad(t *testing.T) {
	l := &load{lasts: 4 * time.Second, documents: 600, reads: 60, submits: 10, statuses: map[int]int{}}
	if os.Getenv("BANDISH_LONG") != "" {
		l.lasts, l.documents = 15*time.Second, 6000
	}
	if s := os.Getenv("BANDISH_LOAD"); s != "" {
		var err error
		if l.lasts, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, rate := range map[string]*int{"BANDISH_LOAD_READS": &l.reads, "BANDISH_LOAD_SUBMITS": &l.submits} {
		if s := os.Getenv(name); s != "" {
			var err error
			if *rate, err = strconv.Atoi(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	p, err := openPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	importing(t, p, manyDocuments(l.documents))
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := documentsIn(t, p.Archive)
	// What is packed is not unpacked here, and connections are kept: the server is
	// measured, on the same cores, and not those who ask.
	l.client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	l.serve(t, dir)
	l.run(t)
	l.report(t)
	if got, want := documentsIn(t, p.Archive)-before, int64(len(l.handed)); got != want {
		t.Errorf("%d documents were acknowledged, the archive has %d more", want, got)
	}
}

func documentsIn(t *testing.T, a *archive.Archive) (n int64) {
	t.Helper()
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.Batches() {
		n += int64(b.Documents)
	}
	return n
}

// manyDocuments are measurements of thirty sites in ten networks of ZZ.
func manyDocuments(n int) [][]byte {
	docs := make([][]byte, n)
	for i := range docs {
		at := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 60 * 24 * time.Hour / time.Duration(n))
		host := fmt.Sprintf("site-%02d.example", i%30)
		docs[i] = seen{host: host, asn: 64512 + i%10, at: at, report: fmt.Sprintf("load%d", i), who: fmt.Sprint(i % 40), blocked: i%30 == 0 && i > n/2}.json()
	}
	return docs
}

// serve starts the server and waits until it listens. It ends with the test.
func (l *load) serve(t *testing.T, dir string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "bandish")
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--api-limit", "0", "--daily-documents", "0", "--proxy", "127.0.0.1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // SIGINT is ignored where a shell runs the tests in the background
		cmd.Wait()
		if strings.Contains(errs.String(), "panic") {
			t.Errorf("the server's log tells of a panic: %s", &errs)
		}
	})
	lines := bufio.NewScanner(out)
	for l.site == "" && lines.Scan() {
		if at := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(lines.Text()); strings.HasPrefix(lines.Text(), "metrics") {
			l.admin = at
		} else if strings.HasPrefix(lines.Text(), "serving") {
			l.site = at
		}
	}
	if l.site == "" || l.admin == "" {
		t.Fatalf("the server does not say where it listens: %s", &errs)
	}
	go io.Copy(io.Discard, out)
}

// run reads and hands in until the time is over, and looks at the server's
// vitals sixty times meanwhile.
func (l *load) run(t *testing.T) {
	l.look(t)
	used := processorTime(t)
	end := time.Now().Add(l.lasts)
	var all sync.WaitGroup
	paced := func(rate int, do func(*rand.Rand, int)) {
		many := max(16, rate/10) // who waits for a page holds up nobody else
		for i := range many {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(11, uint64(i)))
				tick := time.NewTicker(time.Duration(many) * time.Second / time.Duration(rate))
				defer tick.Stop()
				for n := 0; time.Now().Before(end); n++ {
					do(rnd, n*many+i)
					<-tick.C
				}
			})
		}
	}
	paced(l.reads, func(rnd *rand.Rand, _ int) { l.read(l.page(rnd)) })
	paced(l.submits, func(rnd *rand.Rand, n int) { l.submit(rnd, n) })
	for time.Now().Before(end) {
		l.look(t)
		time.Sleep(l.lasts / 60)
	}
	all.Wait()
	l.own = processorTime(t) - used
	l.look(t)
	l.servers = l.vitals[len(l.vitals)-1].seconds - l.vitals[0].seconds
}

// processorTime is what this process took so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// page is a page as readers ask for it; one in ten is one that nobody asked for
// before.
func (l *load) page(rnd *rand.Rand) string {
	host, asn := fmt.Sprintf("site-%02d.example", rnd.IntN(30)), 64512+rnd.IntN(10)
	pages := []string{"/", "/ur", "/cc", "/cc/ZZ", "/cc/ZZ/" + host, "/cc/ZZ/" + host + "?format=json", "/cc/ZZ/" + host + "/measurements", "/cc/ZZ/" + host + "/feed.atom",
		fmt.Sprintf("/networks/AS%d", asn), "/platforms/" + host, "/events", "/bans", "/cases/pk-2024-x", "/cc/PK/x", "/check?target=" + host + "&cc=ZZ&at=2024-02-10&claim=accessible", "/search?q=" + host,
		"/api/v1/answer?target=" + host + "&country=ZZ", "/api/v1/events", "/api/v1/measurements?limit=5", "/style.css"}
	switch rnd.IntN(20) {
	case 0:
		return fmt.Sprintf("/m/20240301%06d.123456_ZZ_webconnectivity_%016x", rnd.IntN(86400), rnd.Uint64())
	case 1:
		return fmt.Sprintf("/cc/ZZ/%s?at=2024-0%d-%02d", host, 2+rnd.IntN(2), 1+rnd.IntN(28))
	}
	return pages[rnd.IntN(len(pages))]
}

func (l *load) read(page string) {
	ask, err := http.NewRequest(http.MethodGet, l.site+page, nil)
	if err != nil {
		l.note(0, err.Error())
		return
	}
	ask.Header.Set("Accept-Encoding", "gzip")
	began := time.Now()
	resp, err := l.client.Do(ask)
	if err != nil {
		l.note(0, fmt.Sprintf("%s: %v", page, err))
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	l.mu.Lock()
	l.took = append(l.took, time.Since(began))
	l.mu.Unlock()
	if expected := resp.StatusCode == 200 || resp.StatusCode == 429 || resp.StatusCode == 503 || resp.StatusCode == 404 && strings.HasPrefix(page, "/m/"); !expected {
		l.note(resp.StatusCode, fmt.Sprintf("%s: %s", page, resp.Status))
		return
	}
	l.note(resp.StatusCode, "")
}

// submit hands a measurement in, from one of many addresses.
func (l *load) submit(rnd *rand.Rand, n int) {
	doc := seen{host: fmt.Sprintf("site-%02d.example", rnd.IntN(30)), asn: 64512 + n%10, at: time.Now().UTC(), report: fmt.Sprintf("live%d", n), who: fmt.Sprint(n)}.json()
	began := time.Now()
	err := submitFrom(l.site, fmt.Sprintf("10.%d.%d.7", n/200%250, n%200), doc)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, err.Error())
		return
	}
	l.handed = append(l.handed, time.Since(began))
}

func (l *load) note(status int, failed string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[status]++
	if failed != "" {
		l.failed = append(l.failed, failed)
	}
}

// look reads the server's vitals from its metrics.
func (l *load) look(t *testing.T) {
	resp, err := http.Get(l.admin + "/metrics")
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
		return
	}
	value := func(name string) float64 {
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
		if found == nil {
			t.Errorf("the metrics lack %s", name)
			return 0
		}
		v, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Error(err)
		}
		return v
	}
	v := vital{value("process_resident_memory_bytes"), value("process_open_fds"), value("go_goroutines"), value("process_cpu_seconds_total")}
	l.mu.Lock()
	l.vitals = append(l.vitals, v)
	l.mu.Unlock()
}

// report prints the figures. The vitals of the last fifth must be those of the
// second fifth: half as much more is luck, what grows goes past that.
func (l *load) report(t *testing.T) {
	t.Helper()
	for _, f := range l.failed[:min(len(l.failed), 10)] {
		t.Error(f)
	}
	quantile := func(took []time.Duration, q float64) time.Duration {
		slices.Sort(took)
		if len(took) == 0 {
			return 0
		}
		return took[int(q*float64(len(took)-1))].Round(100 * time.Microsecond)
	}
	t.Logf("%v: %d pages read, p50 %v, p99 %v, statuses %v; %d measurements handed in, p50 %v, p95 %v", l.lasts, len(l.took), quantile(l.took, 0.5), quantile(l.took, 0.99), l.statuses,
		len(l.handed), quantile(l.handed, 0.5), quantile(l.handed, 0.95))
	pages := max(len(l.took), 1)
	t.Logf("%.0f pages a second; processor time a page: %.2f ms of the server, with all that it does beside, %.2f ms of those who ask", float64(len(l.took))/l.lasts.Seconds(),
		1000*l.servers/float64(pages), 1000*l.own.Seconds()/float64(pages))
	n := len(l.vitals) / 5
	if n == 0 || len(l.handed) == 0 || len(l.took) == 0 {
		t.Fatalf("%d looks at the server, %d pages, %d measurements", len(l.vitals), len(l.took), len(l.handed))
	}
	early, late := l.vitals[n:2*n], l.vitals[len(l.vitals)-n:]
	for _, of := range []struct {
		name  string
		of    func(vital) float64
		slack float64
	}{
		{"bytes of memory", func(v vital) float64 { return v.resident }, 128 << 20},
		{"open files", func(v vital) float64 { return v.files }, 64},
		{"goroutines", func(v vital) float64 { return v.goroutines }, 64},
	} {
		a, b := median(early, of.of), median(late, of.of)
		t.Logf("%s: %.0f early, %.0f late", of.name, a, b)
		if b > a+a/2+of.slack {
			t.Errorf("%s grow from %.0f to %.0f", of.name, a, b)
		}
	}
}

func median(vs []vital, of func(vital) float64) float64 {
	all := make([]float64, len(vs))
	for i, v := range vs {
		all[i] = of(v)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
