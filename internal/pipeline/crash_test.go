package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/targets"
)

// The child of the crash test works on the archive until it is killed.
const childMode = "BANDISH_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		run := crashChild
		switch {
		case strings.HasPrefix(mode, "bench-"):
			run = benchChild
		case mode == "worker", mode == "importer":
			run = func(mode, dir, what string) error { return workerChild(dir, what, mode == "worker") }
		case mode == "rebuild", mode == "rescore":
			run = crewChild
		case mode == "racer":
			run = func(_, dir, _ string) error { return racerChild(dir) }
		case mode == "hostile-load":
			run = func(_, dir, _ string) error { return hostileLoad(dir) }
		case mode == "amplify":
			run = func(_, dir, what string) error {
				number, size, _ := strings.Cut(what, " ")
				i, err := strconv.Atoi(number)
				if err != nil {
					return err
				}
				return amplifyChild(dir, i, size != "")
			}
		}
		if err := run(mode, os.Getenv("BANDISH_TEST_DIR"), os.Getenv("BANDISH_TEST_SOURCE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	frugal.Tests()
	os.Exit(m.Run())
}

// smallFold lets nearly each commit put the changes of the manifest into parts.
const smallFold = 1 << 10

// registry is read once: it takes longer than many a test.
var registry = sync.OnceValues(func() (*target.Registry, error) { return target.Load(targets.FS) })

func newPipeline(dir string) (*Pipeline, error) {
	a, err := archive.Open(dir)
	if err != nil {
		return nil, err
	}
	a.Fold = smallFold
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	return &Pipeline{Archive: a, Targets: reg, Verifier: observation.NewVerifier(), Now: time.Now}, nil
}

// crashChild imports, submits, compacts and counts for ever, and prints what
// was acknowledged.
func crashChild(mode, dir, source string) error {
	p, err := newPipeline(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	fmt.Println("ready")
	for i := 0; ; i++ {
		switch mode {
		case "submit":
			r, err := p.Submit(ctx, zz(fmt.Sprintf("child-%d-%d", os.Getpid(), i), 1), Sender{})
			if err != nil {
				return err
			}
			fmt.Printf("ack %s %s\n", r.Batch, r.UID)
		case "import":
			src, err := intake.List(ctx, source, intake.Filter{}, intake.Buckets{})
			if err != nil {
				return err
			}
			s, err := p.Import(ctx, src, Want{}, nil)
			if err != nil {
				return err
			}
			fmt.Printf("imported %d\n", s.Added)
		}
		if i%5 == 4 {
			if _, err := p.Compact(ctx); err != nil {
				return err
			}
			if _, err := p.Count(ctx); err != nil {
				return err
			}
			if _, err := p.Archive.Sweep(ctx, 0, time.Now()); err != nil {
				return err
			}
		}
	}
}

// zz is a small measurement of country ZZ on a private network: an example,
// no real one.
func zz(report string, n int) []byte {
	return fmt.Appendf(nil, `{"annotations":{"platform":"linux"},"data_format_version":"0.2.0","input":"https://x.com/%d","measurement_start_time":"2024-02-%02d %02d:00:00","probe_asn":"AS64512","probe_cc":"ZZ","probe_ip":"127.0.0.1","report_id":%q,"resolver_asn":"AS64512","software_name":"example","software_version":"0","test_keys":{"queries":[{"engine":"system","failure":null,"hostname":"x.com","query_type":"A","answers":[{"answer_type":"A","ipv4":"104.244.42.1"}]}],"tcp_connect":[{"ip":"104.244.42.1","port":443,"status":{"failure":null,"success":true}}],"tls_handshakes":[{"address":"104.244.42.1:443","server_name":"x.com","failure":"connection_reset","no_tls_verify":false,"peer_certificates":null,"t":0.1}],"requests":[],"control":{"dns":{"failure":null,"addrs":["104.244.42.1"]},"tcp_connect":{"104.244.42.1:443":{"status":true,"failure":null}},"tls_handshake":{"104.244.42.1:443":{"server_name":"x.com","status":true,"failure":null}},"http_request":{"body_length":10,"failure":null,"title":"","headers":{},"status_code":200}},"control_failure":null},"test_name":"web_connectivity","test_runtime":1,"test_start_time":"2024-02-17 00:00:00","test_version":"0.5.28"}`,
		n, 1+n%28, n%24, report)
}

// corpus is a file of n measurements, four a report, over 28 days.
func corpus(t *testing.T, n int) string { t.Helper(); return corpusOf(t, n, 28) }

// corpusOf is corpus over the first so many of 28 days: each costs some files.
func corpusOf(t *testing.T, n, days int) string {
	t.Helper()
	var b bytes.Buffer
	for i := range n {
		b.Write(zz(fmt.Sprint("corpus-", i/4), i/days*28+i%days))
		b.WriteByte('\n')
	}
	p := filepath.Join(t.TempDir(), "corpus.jsonl")
	if err := os.WriteFile(p, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// An archive whose writer is killed at any moment opens, lists only whole
// files, and holds all that was acknowledged.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	kills, days := 16, 6
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		kills, days = 200, 28
	}
	dir := t.TempDir()
	source := corpusOf(t, 400, days)
	rnd := rand.New(rand.NewPCG(1, 2))
	acked := map[string]string{} // uid → batch
	for i := range kills {
		mode := []string{"submit", "import"}[i%2]
		if mode == "import" {
			os.Remove(filepath.Join(dir, "sources-read.jsonl")) // read it again
		}
		killOnce(t, i, mode, dir, source, time.Duration(rnd.IntN(160_000))*time.Microsecond, acked)
		checkWhole(t, dir, i)
	}
	checkAcked(t, dir, source, acked)
}

// killOnce begins a process that writes to a data folder, and kills it after a delay;
// every fourth one that long after its first acknowledgement, however slow the machine.
// It adds to acked what was acknowledged: uid → batch.
func killOnce(t *testing.T, i int, mode, dir, source string, delay time.Duration, acked map[string]string) {
	t.Helper()
	cmd, _, out, stderr := started(t, mode, dir, source)
	out.Scan() // ready
	timer := time.AfterFunc(delay, func() { cmd.Process.Kill() })
	if i%4 == 0 {
		timer.Stop()
	}
	for first := true; out.Scan(); first = false {
		if i%4 == 0 && first {
			timer.Reset(delay)
		}
		if f := strings.Fields(out.Text()); len(f) == 3 && f[0] == "ack" && len(f[1]) == 64 {
			acked[f[2]] = f[1]
		}
	}
	cmd.Wait()
	timer.Stop()
	if stderr.Len() > 0 {
		t.Fatalf("kill %d: the child failed by itself: %s", i, stderr.String())
	}
}

func checkWhole(t *testing.T, dir string, i int) {
	t.Helper()
	a, err := archive.Open(dir)
	if err != nil {
		t.Fatalf("after kill %d the archive does not open: %v", i, err)
	}
	damaged, _, _, err := a.Check(context.Background())
	if err != nil || len(damaged) > 0 {
		t.Fatalf("after kill %d: damaged %v, %v", i, damaged, err)
	}
	h := held(t, dir)
	h.Wrong = slices.DeleteFunc(h.Wrong, func(d archive.Damage) bool { // the test itself removes it, and the child may not live to note that
		return d.Path == "sources-read.jsonl" && strings.HasPrefix(d.Reason, "missing")
	})
	if len(h.Wrong) > 0 {
		t.Fatalf("after kill %d: not as the ledger says: %v", i, h.Wrong)
	}
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	raw, verdicts := 0, int64(0)
	for _, b := range m.Batches() {
		if b.Kind == archive.KindMeasurements { // others have no verdicts
			raw += b.Documents
		}
	}
	for _, s := range m.Select(archive.Verdicts, m.Ruleset) {
		verdicts += s.Rows
	}
	if int64(raw) != verdicts {
		t.Fatalf("after kill %d: %d documents in raw and %d verdicts: half a batch", i, raw, verdicts)
	}
}

func checkAcked(t *testing.T, dir, source string, acked map[string]string) {
	t.Helper()
	p, err := newPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	src, err := intake.List(t.Context(), source, intake.Filter{}, intake.Buckets{})
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, "sources-read.jsonl"))
	if _, err := p.Import(t.Context(), src, Want{}, nil); err != nil {
		t.Fatal(err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]int{}
	for _, b := range m.Batches() {
		err := p.Archive.ReadRaw(b, func(_ uint32, e *archive.Entry) error { held[e.UID]++; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(acked) < 4 { // one in each fourth run at least, however slow the machine
		t.Fatalf("only %d submissions were ever acknowledged: the test kills too early to show anything", len(acked))
	}
	logged := loggedBatches(t, p)
	for uid, batch := range acked {
		if held[uid] != 1 {
			t.Errorf("%s was acknowledged in batch %s and is held %d times", uid, batch, held[uid])
		}
		if logged[batch] != 1 {
			t.Errorf("%s was acknowledged in batch %s, which stands in the ledger %d times", uid, batch, logged[batch])
		}
	}
	corpusHeld := 0
	for _, n := range held {
		if n != 1 {
			t.Errorf("a measurement is held %d times", n)
		}
		corpusHeld++
	}
	t.Logf("%d acknowledged submissions, %d measurements in %d batches", len(acked), corpusHeld, len(m.Batches()))
}

// loggedBatches counts how often each batch stands in the ledger.
func loggedBatches(t *testing.T, p *Pipeline) map[string]int {
	t.Helper()
	c, _, err := p.Archive.Log().Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	err = p.Archive.Log().Entries(c, 0, func(_ int64, text []byte) error {
		e, err := ledger.Parse(text)
		if e.Batch != nil {
			out[e.Batch.SHA256]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
