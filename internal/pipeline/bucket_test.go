package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/child"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/object/objecttest"
	"github.com/bandish/bandish/internal/shard"
)

// inBucket lets this process and its children reach a bucket: versitygw's where the
// environment names the program, else one in this process. The function makes a new
// working copy of an archive there, as another machine has it.
func inBucket(t testing.TB, prefix string) (another func() string) {
	t.Helper()
	at, access, ok := objecttest.Gateway(t)
	if !ok {
		at, access = objecttest.Bucket(t)
	}
	set := func(name, to string) {
		old, had := os.LookupEnv(name)
		os.Setenv(name, to)
		t.Cleanup(func() {
			if os.Unsetenv(name); had {
				os.Setenv(name, old)
			}
		})
	}
	set("AWS_ENDPOINT_URL_S3", "http://"+access.Endpoint)
	set("AWS_ACCESS_KEY_ID", access.Key)
	set("AWS_SECRET_ACCESS_KEY", access.Secret)
	keys := t.TempDir()
	return func() string {
		t.Helper()
		dir := t.TempDir()
		if err := (archive.WorkingCopy{Bucket: at + "/" + prefix, Keys: keys}).Keep(dir, archive.WorkingCopy{}); err != nil {
			t.Fatal(err)
		}
		return dir
	}
}

// workerChild imports a part of a source, "3/8 SOURCE" or "auto/8 SOURCE", and then may merge
// and count.
func workerChild(dir, what string, counts bool) error {
	part, source, _ := strings.Cut(what, " ")
	take, err := shard.Parse(part)
	if err != nil {
		return err
	}
	ctx := context.Background()
	src, err := intake.List(ctx, source, intake.Filter{}, intake.Buckets{})
	if err != nil {
		return err
	}
	p, err := newPipeline(dir)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var sum Summary
	if take.Any() {
		c, err := crewOf(part, fmt.Sprint("process ", os.Getpid(), " since ", time.Now().UnixNano()))
		if err != nil {
			return err
		}
		sum, err = p.ImportShared(ctx, c, source, src, Want{}, nil)
		if err != nil {
			return err
		}
	} else if sum, err = p.Import(ctx, intake.Take(src, take), Want{}, nil); err != nil {
		return err
	}
	if !counts { // it is measured
		return nil
	}
	if _, err := p.Tidy(ctx); err != nil {
		return err
	}
	if _, err := p.Count(ctx); err != nil {
		return err
	}
	fmt.Printf("added %d\n", sum.Added)
	return nil
}

// racerChild hands in a measurement for each line that it reads.
func racerChild(dir string) error {
	p, err := newPipeline(dir)
	if err != nil {
		return err
	}
	p.Patience = 10 * time.Minute // on a machine that others want, too, fifteen may be before one
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for n := 0; in.Scan(); n++ {
		r, err := p.Submit(context.Background(), zz(in.Text(), 0), Sender{})
		if err != nil {
			return err
		}
		fmt.Printf("%t %s\n", r.New, r.UID)
	}
	return in.Err()
}

// program is this test's program, which in a process of its own does something in a
// data folder.
func program(ctx context.Context, t testing.TB, mode, dir, what string) *exec.Cmd {
	t.Helper()
	return child.Command(ctx, t, childMode+"="+mode, "BANDISH_TEST_DIR="+dir, "BANDISH_TEST_SOURCE="+what)
}

// answer runs a process to its end and reads what it says in JSON.
func answer[T any](t testing.TB, cmd *exec.Cmd) (said T) {
	t.Helper()
	text, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	if err != nil {
		t.Fatalf("the process said %q: %v", text, err)
	}
	return said
}

// started begins a process and gives the ends of it that a test holds.
func started(t testing.TB, mode, dir, what string) (cmd *exec.Cmd, in io.WriteCloser, out *bufio.Scanner, stderr *bytes.Buffer) {
	t.Helper()
	cmd, stderr = program(context.Background(), t, mode, dir, what), new(bytes.Buffer)
	cmd.Stderr = stderr
	in, out = child.Start(t, cmd)
	return cmd, in, out, stderr
}

// The tests by processes take a quarter of an hour on two cores where they are as long as
// they should be: -rounds 200 -kills 100.
var (
	raced  = flag.Int("rounds", 0, "how often TestProcessesRaceForABucket lets its processes race; 0: 3 times (BANDISH_LONG=1: 40)")
	killed = flag.Int("kills", 0, "how many processes that write to a bucket are killed; 0: 8, of workers 4, of those who share a rebuild 6 (BANDISH_LONG=1: 25, 60)")
)

// howOften is what a flag asks for, else usual, or long where .ci/run asks.
func howOften(usual, long, asked int) int {
	if asked > 0 {
		return asked
	}
	if os.Getenv("BANDISH_LONG") != "" {
		return long
	}
	return usual
}

// A writer to a bucket is killed at any moment, and goes on with the same working copy
// or on another machine: what was acknowledged is in the bucket, once, and the ledger
// names it.
func TestBucketKilledAtAnyMoment(t *testing.T) {
	kills, days := howOften(8, 25, *killed), 3
	if kills > 8 {
		days = 28
	}
	another := inBucket(t, "killed")
	copies := []string{another(), another()}
	source := corpusOf(t, 100, days)
	rnd := rand.New(rand.NewPCG(1, 2))
	acked := map[string]string{}
	for i := range kills {
		dir := copies[rnd.IntN(len(copies))]
		mode := []string{"submit", "import"}[i%2]
		if mode == "import" {
			os.Remove(filepath.Join(dir, "sources-read.jsonl"))
		}
		killOnce(t, i, mode, dir, source, time.Duration(rnd.IntN(400_000))*time.Microsecond, acked)
	}
	if len(acked) < kills/4 {
		t.Fatalf("only %d submissions were acknowledged", len(acked))
	}
	dir := another()
	checkWhole(t, dir, kills)
	p, err := newPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	held, logged := documentsOf(t, p), loggedBatches(t, p)
	count := map[string]int{}
	for _, d := range held {
		count[strings.Fields(d)[0]]++
	}
	for uid, batch := range acked {
		if count[uid] != 1 {
			t.Errorf("%s was acknowledged in batch %s and is there %d times", uid, batch, count[uid])
		}
		if _, named := logged[batch]; !named {
			t.Errorf("batch %s was acknowledged, and the ledger does not name it", batch)
		}
	}
}

// documentsOf are the names and hashes of all documents of an archive, sorted.
func documentsOf(t testing.TB, p *Pipeline) (out []string) {
	t.Helper()
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.Batches() {
		err := p.Archive.ReadRaw(b, func(_ uint32, e *archive.Entry) error {
			sum := sha256.Sum256(e.Document)
			out = append(out, e.UID+" "+hex.EncodeToString(sum[:]))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return out
}

// Eight workers (four without BANDISH_LONG), each on a machine of its own, import one corpus into one bucket, and are
// killed at random. Half have a number, and half take what is free. In the end each document is there once, as in a folder that one
// process imported into; and what is derived from the batches is, byte for byte, what one
// process derives from them in a folder.
func TestWorkersOnOneBucket(t *testing.T) {
	kills := howOften(4, 25, *killed)
	workers := howOften(4, 8, 8*min(*killed, 1))
	within := howOften(500, 1500, 1500*min(*killed, 1)) // ms after a worker began
	size := 16 * kills
	source := t.TempDir()
	for i := range 4 * workers {
		var b bytes.Buffer
		for n := range size / (4 * workers) {
			b.Write(zz(fmt.Sprintf("file-%d-%d", i, n/4), i+n))
			b.WriteByte('\n')
		}
		if err := os.WriteFile(filepath.Join(source, fmt.Sprintf("%02d.jsonl", i)), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	another := inBucket(t, "shared")
	done := make(chan int, workers)
	begin := make(chan struct{})
	left := make(chan struct{}, kills)
	for range kills {
		left <- struct{}{}
	}
	for i := range workers {
		dir := another()
		go func() {
			<-begin
			killed := 0
			defer func() { done <- killed }()
			rnd := rand.New(rand.NewPCG(3, uint64(i)))
			for {
				if rnd.IntN(4) == 0 { // another machine takes its part over
					dir = another()
				}
				part := fmt.Sprint(i + 1)
				if i%2 == 1 {
					part = "auto"
				}
				cmd, _, out, stderr := started(t, "worker", dir, fmt.Sprintf("%s/%d %s", part, workers, source))
				out.Scan() // ready
				kill := false
				select {
				case <-left:
					kill = true
					time.AfterFunc(time.Duration(rnd.IntN(within))*time.Millisecond, func() { cmd.Process.Kill() })
				default:
				}
				for out.Scan() {
				}
				err := cmd.Wait()
				switch {
				case err == nil && kill: // it was quicker
					select {
					case left <- struct{}{}:
					default:
					}
					os.Remove(filepath.Join(dir, "sources-read.jsonl")) // it reads all again
				case err == nil:
					return
				case stderr.Len() > 0:
					t.Errorf("worker %d failed by itself: %s", i, stderr.String())
					return
				default:
					killed++
				}
			}
		}()
	}
	close(begin)
	killed := 0
	for range workers {
		killed += <-done
	}
	if t.Failed() {
		t.FailNow()
	}
	if killed < kills/2 {
		t.Errorf("only %d were killed", killed)
	}
	t.Logf("%d workers were killed", killed)

	alone := pipelineIn(t, t.TempDir())
	bring(t, alone, Want{}, source)
	p := pipelineIn(t, another())
	if a, b := documentsOf(t, alone), documentsOf(t, p); !slices.Equal(a, b) || len(a) != size/(4*workers)*4*workers {
		t.Errorf("the folder has %d documents, the bucket %d, or others", len(a), len(b))
	}
	if a, b := counted(t, alone), counted(t, p); !reflect.DeepEqual(a, b) || len(a) == 0 {
		t.Errorf("the folder has %d cells, the bucket %d, or others", len(a), len(b))
	}
	checkWhole(t, another(), kills)
	same := pipelineIn(t, sameBatches(t, p))
	for _, p := range []*Pipeline{p, same} {
		if _, err := p.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	a, b := segments(t, same), segments(t, pipelineIn(t, another()))
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) || len(a) < 10 {
		t.Errorf("the folder has the files\n%s\nthe bucket\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	checkWhole(t, another(), kills)
}

func pipelineIn(t testing.TB, dir string) *Pipeline {
	t.Helper()
	p, err := newPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sameBatches makes a folder of the raw batches of another archive.
func sameBatches(t *testing.T, p *Pipeline) string {
	t.Helper()
	dir := t.TempDir()
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.Batches() {
		f, err := p.Archive.Open(b.Path())
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, b.Path())
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := archive.Recover(t.Context(), dir, time.Now(), func(archive.Segment) bool { return false }); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Sixteen processes (six without BANDISH_LONG) commit to one day at the same moment, again and again: nothing is
// lost and nothing is there twice.
func TestProcessesRaceForABucket(t *testing.T) {
	processes := howOften(6, 16, 16*min(*raced, 1))
	rounds := howOften(3, 40, *raced)
	another := inBucket(t, "race")
	type racer struct {
		cmd    *exec.Cmd
		in     io.WriteCloser
		out    *bufio.Scanner
		stderr *bytes.Buffer
	}
	var all []racer
	for i := range processes {
		cmd, in, out, stderr := started(t, "racer", another(), "")
		if !out.Scan() {
			t.Fatalf("process %d did not start: %s", i, stderr)
		}
		all = append(all, racer{cmd, in, out, stderr})
	}
	said := map[string]bool{}
	for r := range rounds {
		for i, p := range all {
			if _, err := fmt.Fprintf(p.in, "race-%d-%d\n", r, i); err != nil {
				t.Fatal(err)
			}
		}
		for i, p := range all {
			if !p.out.Scan() {
				t.Fatalf("process %d ended: %s", i, p.stderr)
			}
			uid, fresh := strings.CutPrefix(p.out.Text(), "true ")
			if !fresh || said[uid] {
				t.Errorf("process %d says %q", i, p.out.Text())
			}
			said[uid] = true
		}
	}
	for i, p := range all {
		p.in.Close()
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, p.stderr)
		}
	}
	dir := another()
	checkWhole(t, dir, 0)
	held := documentsOf(t, pipelineIn(t, dir))
	there := map[string]int{}
	for _, d := range held {
		there[strings.Fields(d)[0]]++
	}
	if len(held) != processes*rounds || len(there) != processes*rounds {
		t.Errorf("it holds %d documents, %d of them different, want %d", len(held), len(there), processes*rounds)
	}
	for uid := range said {
		if there[uid] != 1 {
			t.Errorf("%s is there %d times", uid, there[uid])
		}
	}
}

// What a bucket costs: the throughput of an import into a folder and into a bucket, by 1,
// 2 and 4 workers of one core each, by the clock and by their processor time; and how long
// who hands in one measurement waits.
func BenchmarkBucket(b *testing.B) {
	base := b.TempDir()
	hosts := newHosts(b)
	if err := os.WriteFile(filepath.Join(base, "root.der"), hosts.root, 0o644); err != nil {
		b.Fatal(err)
	}
	source := filepath.Join(base, "generated")
	_, docs := makeCorpus(b, source, hosts, int64(benchSize(b, "BANDISH_BENCH_MB", 24))<<20)
	inBucket(b, "")
	b.Setenv("GOMAXPROCS", "1") // of the children
	for i, c := range []struct {
		name    string
		workers int
		dir     func() string
	}{{"folder", 1, b.TempDir}, {"bucket-1", 1, nil}, {"bucket-2", 2, nil}, {"bucket-4", 4, nil}} {
		b.Run(c.name, func(b *testing.B) {
			dir := c.dir
			if dir == nil {
				dir = inPrefix(b, fmt.Sprint("bench-", i))
			}
			seconds, cpu := importBy(b, c.workers, dir, source)
			b.ReportMetric(float64(docs)/seconds, "docs/s")
			b.ReportMetric(1000*cpu/float64(docs), "CPU-s/1000docs")
		})
	}
	for _, c := range []struct {
		name string
		dir  func() string
	}{{"submit-folder", b.TempDir}, {"submit-bucket", inPrefix(b, "submit")}} {
		b.Run(c.name, func(b *testing.B) {
			p := pipelineIn(b, c.dir())
			var took []time.Duration
			for i := range 40 {
				began := time.Now()
				if _, err := p.Submit(b.Context(), zz(fmt.Sprint("one-", i), 0), Sender{}); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(took[20].Seconds()*1000, "ms-p50")
			b.ReportMetric(took[36].Seconds()*1000, "ms-p90")
		})
	}
}

// importBy lets workers, each a process with a folder of its own, import the shards of a
// source. It returns the time by the clock, and the processor time of all.
func importBy(b *testing.B, workers int, dir func() string, source string) (seconds, cpu float64) {
	b.Helper()
	began := time.Now()
	type worker struct {
		cmd    *exec.Cmd
		out    *bufio.Scanner
		stderr *bytes.Buffer
	}
	var all []worker
	for n := range workers {
		cmd, _, out, stderr := started(b, "importer", dir(), fmt.Sprintf("%d/%d %s", n+1, workers, source))
		all = append(all, worker{cmd, out, stderr})
	}
	for _, w := range all {
		for w.out.Scan() {
		}
		if err := w.cmd.Wait(); err != nil {
			b.Fatalf("%v: %s", err, w.stderr)
		}
		cpu += (w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()).Seconds()
	}
	return time.Since(began).Seconds(), cpu
}

// inPrefix is a function as inBucket gives, for another prefix of the same bucket.
func inPrefix(b *testing.B, prefix string) func() string {
	b.Helper()
	keys := b.TempDir()
	return func() string {
		dir := b.TempDir()
		if err := (archive.WorkingCopy{Bucket: "s3://kept/" + prefix, Keys: keys}).Keep(dir, archive.WorkingCopy{}); err != nil {
			b.Fatal(err)
		}
		return dir
	}
}
