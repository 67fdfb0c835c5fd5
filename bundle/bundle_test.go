package bundle_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/bundle"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/internal/trial"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

// at is when the example ends: the history that `serve --demo` shows, measured in
// the lab, of country ZZ and private networks.
var at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// example is an archive with its desk, made once for all tests.
type example struct {
	desk  *inquiry.Desk
	key   string
	roots string // file with the root of the authority that dates its log
	err   error
}

var theExample = sync.OnceValue(func() (x example) {
	dir, err := os.MkdirTemp("", "bundle")
	if err != nil {
		return example{err: err}
	}
	docs, err := trial.Packed(at)
	if err != nil {
		return example{err: err}
	}
	x.err = x.make(dir, docs)
	return x
})

// make imports documents into a data folder below dir, and opens its desk.
func (x *example) make(dir string, docs [][]byte) error {
	ctx := context.Background()
	file := filepath.Join(dir, "lab.jsonl")
	if err := os.WriteFile(file, append(bytes.Join(docs, []byte("\n")), '\n'), 0o644); err != nil {
		return err
	}
	a, err := archive.Open(filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		return err
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		return err
	}
	clock := func() time.Time { return at }
	p := &pipeline.Pipeline{Archive: a, Targets: reg, Now: clock}
	src, err := intake.List(ctx, file, intake.Filter{}, intake.Buckets{})
	if err != nil {
		return err
	}
	if _, err := p.Import(ctx, src, pipeline.Want{}, func(pipeline.Progress) {}); err != nil {
		return err
	}
	if err := x.stamp(a.Log(), filepath.Join(dir, "authority")); err != nil { // and the log grows on
		return err
	}
	if _, err := p.Count(ctx); err != nil {
		return err
	}
	st, err := store.Open(a, "")
	if err != nil {
		return err
	}
	x.desk = &inquiry.Desk{Store: st, Targets: reg, Records: rec, Now: clock}
	x.key, err = a.Log().Key()
	return err
}

func TestMain(m *testing.M) {
	frugal.Tests()
	code := m.Run()
	if x := theExample(); x.err == nil {
		x.desk.Store.Close()
		os.RemoveAll(filepath.Dir(x.desk.Store.Archive().Dir()))
	}
	os.Exit(code)
}

func open(t testing.TB) example {
	t.Helper()
	x := theExample()
	if x.err != nil {
		t.Fatal(x.err)
	}
	return x
}

// ban is the id of a dated ban of the example.
func (x *example) ban(t testing.TB) string {
	t.Helper()
	found, err := x.desk.Events(t.Context(), store.Filter{CC: "ZZ", Target: "x"}, time.Time{})
	if err != nil || len(found.Events) == 0 {
		t.Fatalf("no dated ban: %v", err)
	}
	return found.Events[0].ID
}

func (x *example) write(t testing.TB, w inquiry.Wanted) []byte {
	t.Helper()
	c, err := x.desk.Bundle(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, c)
}

func written(t testing.TB, c *bundle.Contents) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func check(data []byte, o bundle.Options) bundle.Result {
	return bundle.Verify(bytes.NewReader(data), int64(len(data)), o)
}

// status is that of the only line that says something.
func status(t *testing.T, r bundle.Result, says string) bundle.Status {
	t.Helper()
	var out bundle.Status
	for _, l := range r.Lines {
		if strings.Contains(l.What, says) {
			if out != "" && out != l.Status {
				t.Errorf("several lines say %q", says)
			}
			out = l.Status
		}
	}
	if out == "" {
		t.Errorf("no line says %q:\n%s", says, r.Text())
	}
	return out
}

func TestBundleOfABan(t *testing.T) {
	x := open(t)
	id := x.ban(t)
	data := x.write(t, inquiry.Wanted{IDs: []string{id}})
	if again := x.write(t, inquiry.Wanted{IDs: []string{id}}); !bytes.Equal(data, again) {
		t.Error("the same selection gives other bytes")
	}
	r := check(data, bundle.Options{Key: x.key})
	if r.False() {
		t.Fatal(r.Text())
	}
	for says, want := range map[string]bundle.Status{
		"the file is whole":                        bundle.Proved,
		"byte for byte":                            bundle.Proved,
		"is signed by the key that you brought":    bundle.Proved,
		"others than the operator vouch":           bundle.NotProved,
		"raw documents stand in the log, each":     bundle.Proved,
		"are those that the archive had":           bundle.Proved,
		"the observations of":                      bundle.Proved,
		"verdicts follow from the raw documents":   bundle.Proved,
		"the counts of x in ZZ follow":             bundle.Proved,
		"the dated ban " + id + " follows":         bundle.Proved,
		"the log has the dated ban " + id:          bundle.Proved,
		"cells of other targets of ZZ are counted": bundle.NotProved,
		"nothing that was measured is missing":     bundle.NotProved,
	} {
		if got := status(t, r, says); got != want {
			t.Errorf("%s: %s, want %s", says, got, want)
		}
	}
	if !strings.Contains(r.Text(), "by this operator's word alone") {
		t.Error("it does not say that nobody else vouches for it")
	}
}

// Without the reader's key nothing of the log is called proved, and under another
// key it is false.
func TestTheReaderBringsTheKey(t *testing.T) {
	x := open(t)
	data := x.write(t, inquiry.Wanted{IDs: []string{"ZZ/x"}, Most: 40})
	for _, l := range check(data, bundle.Options{}).Lines {
		if strings.Contains(l.What, "log") && l.Status == bundle.Proved {
			t.Errorf("without a key it is proved that %s", l.What)
		}
	}
	other := x.key[:len(x.key)-8] + "AAAAAAA="
	for _, key := range []string{other, "nonsense", "log.example+78f8a0c5+ASSbzp3uTgVIU5C3lmR29GjrBiMFGA1oM4zzbQFDXVNU"} {
		if r := check(data, bundle.Options{Key: key}); !r.False() {
			t.Errorf("under the key %s nothing is false", key)
		}
	}
}

// Where not all is enclosed, what is not repeated is not called proved.
func TestWhatIsNotEnclosedIsNotProved(t *testing.T) {
	x := open(t)
	id := x.ban(t)
	for name, w := range map[string]inquiry.Wanted{
		"measurements": {IDs: []string{id}, Most: 60},
		"cells":        {IDs: []string{id}, MostCells: 100},
	} {
		r := check(x.write(t, w), bundle.Options{Key: x.key})
		if r.False() {
			t.Fatalf("%s: %s", name, r.Text())
		}
		what := "the counts of x in ZZ follow"
		if name == "cells" {
			what = "the dated ban " + id + " follows"
		}
		if got := status(t, r, what); got != bundle.NotProved || !strings.Contains(r.Text(), "not repeated here") {
			t.Errorf("%s: %s is %s", name, what, got)
		}
	}
	r := check(x.write(t, inquiry.Wanted{IDs: []string{"ZZ/x"}, Most: 40, Public: true}), bundle.Options{Key: x.key})
	if got := status(t, r, "raw documents stand in the log"); got != bundle.NotProved || r.False() {
		t.Errorf("shortened sources: %s\n%s", got, r.Text())
	}
	if strings.Contains(r.Text(), os.TempDir()) {
		t.Error("a shortened source shows its folder")
	}
}

// Whoever changes something and makes the bundle anew is found out by what
// follows from the raw documents, or by the log.
func TestWhoeverWritesItAnewIsFoundOut(t *testing.T) {
	x := open(t)
	id := x.ban(t)
	data := x.write(t, inquiry.Wanted{IDs: []string{id}, Most: 100})
	fresh := func() *bundle.Contents {
		c, faults := bundle.Open(bytes.NewReader(data), int64(len(data)))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return c
	}
	if r := check(written(t, fresh()), bundle.Options{Key: x.key}); r.False() {
		t.Fatalf("unchanged: %s", r.Text())
	}
	for name, change := range map[string]func(c *bundle.Contents){
		"a verdict":               func(c *bundle.Contents) { c.Verdicts[0].State = verdict.OK; c.Verdicts[1].State = verdict.Down },
		"a verdict's network":     func(c *bundle.Contents) { c.Verdicts[3].ASN++ },
		"an observation":          func(c *bundle.Contents) { c.Observations[2].IP = "192.0.2.77" },
		"an observation less":     func(c *bundle.Contents) { c.Observations = c.Observations[1:] },
		"a verdict less":          func(c *bundle.Contents) { c.Verdicts = c.Verdicts[1:] },
		"a raw document":          func(c *bundle.Contents) { replace(c.Batches[0].Text[0], `"probe_cc":"ZZ"`, `"probe_cc":"ZY"`) },
		"a time of a raw line":    func(c *bundle.Contents) { replace(c.Batches[0].Text[0], `"line":`, `"Line":`) },
		"a line's number":         func(c *bundle.Contents) { c.Batches[0].Lines[len(c.Batches[0].Lines)-1]++ },
		"when it was received":    func(c *bundle.Contents) { c.Batches[0].Added = c.Batches[0].Added.AddDate(0, 0, -1) },
		"an hour's count":         func(c *bundle.Contents) { hoursOf(c, "x")[0].Blocked++ },
		"an hour of other target": func(c *bundle.Contents) { hoursOf(c, "facebook")[0].OK += 5 },
		"a day's count":           func(c *bundle.Contents) { middle(c).OK++ },
		"a ban's beginning":       func(c *bundle.Contents) { t := c.Events[0].Onset.Latest.Add(-time.Hour); c.Events[0].Onset.Latest = &t },
		"a ban's networks":        func(c *bundle.Contents) { c.Events[0].Networks = c.Events[0].Networks[1:] },
		"a ban's id":              func(c *bundle.Contents) { c.Events[0].ID += "-9" },
		"the ruleset":             func(c *bundle.Contents) { c.State.Ruleset = "5-00000000" },
		"a fingerprint":           func(c *bundle.Contents) { c.Fingerprints[0].Pattern = "." + c.Fingerprints[0].Pattern },
		"a platform":              func(c *bundle.Contents) { c.Platforms[0].Target = "elsewhere" },
		"an entry of the log":     func(c *bundle.Contents) { replace(c.Proofs.Entries[0].Text, `"documents":`, `"documentz":`) },
		"the head of the log": func(c *bundle.Contents) {
			c.Proofs.Checkpoint = bytes.Replace(c.Proofs.Checkpoint, []byte("\n1"), []byte("\n2"), 1)
		},
		"a pair's number": func(c *bundle.Contents) { c.Pairs[0].Enclosed-- },
	} {
		t.Run(name, func(t *testing.T) {
			c := fresh()
			change(c)
			// the reader's key is at hand; only the log's key makes what it says
			if r := check(written(t, c), bundle.Options{Key: x.key}); !r.False() {
				t.Error(r.Text())
			}
		})
	}
}

func replace(text []byte, old, new string) {
	if i := bytes.Index(text, []byte(old)); i >= 0 {
		copy(text[i:], new)
	}
}

func hoursOf(c *bundle.Contents, target string) []series.Cell {
	for _, s := range c.Places[0].Segments {
		for i := range s.Hours {
			if s.Hours[i].Target == target {
				return s.Hours[i:]
			}
		}
	}
	panic("no hours of " + target)
}

func middle(c *bundle.Contents) *series.Cell {
	for i := range c.Days {
		if d := &c.Days[i]; d.Target == c.Pairs[0].Target && d.Start >= c.Pairs[0].From && d.Start < c.Pairs[0].Until {
			return d
		}
	}
	panic("no day of the pair")
}

// An answer and the answers to claims are concluded again: whoever changes one, or
// what it rests on, is found out.
func TestAnswersAreConcludedAgain(t *testing.T) {
	x := open(t)
	data := x.write(t, inquiry.Wanted{IDs: []string{"ZZ/x", "PK/x", "pk-2024-x"}, Most: 1})
	r := check(data, bundle.Options{Key: x.key})
	if got := status(t, r, "answers follow from the counts"); got != bundle.Proved || r.False() {
		t.Fatal(r.Text())
	}
	one := check(x.write(t, inquiry.Wanted{IDs: []string{"ZZ/x"}, Most: 1}), bundle.Options{Key: x.key})
	if got := status(t, one, "the answer ZZ/x@"); got != bundle.Proved || one.False() {
		t.Fatal(one.Text())
	}
	answer := func(c *bundle.Contents, kind string) *bundle.Answer {
		for i := range c.Answers {
			if a := &c.Answers[i]; a.Kind == kind && (kind == bundle.AnswerToClaim || a.CC == "ZZ") {
				return a
			}
		}
		t.Fatal("no answer is enclosed")
		return nil
	}
	doc := func(a *bundle.Answer, old, new string) {
		if !strings.Contains(a.Document, old) {
			t.Fatalf("no %s in %s", old, a.Document)
		}
		a.Document = strings.Replace(a.Document, old, new, 1)
	}
	for name, change := range map[string]func(c *bundle.Contents){
		"a state": func(c *bundle.Contents) { answer(c, "answer").State = "ok" },
		"a state, all of it": func(c *bundle.Contents) {
			a := answer(c, "answer")
			doc(a, `"state":"`+a.State, `"state":"ok`)
			a.State = "ok"
		},
		"a count": func(c *bundle.Contents) { doc(answer(c, "answer"), `"measurements":`, `"measurements":1`) },
		"a date": func(c *bundle.Contents) {
			doc(answer(c, "answer"), `"since":{"earliest":"2026`, `"since":{"earliest":"2025`)
		},
		"a sentence":       func(c *bundle.Contents) { answer(c, "answer").Sentence += " No doubt." },
		"a claim's answer": func(c *bundle.Contents) { a := answer(c, "claim"); a.State = "contradicted" + a.State[:1] },
		"a claim":          func(c *bundle.Contents) { a := answer(c, "claim"); a.ID += "-more" },
		"a reported ban":   func(c *bundle.Contents) { b := &c.Reported[0]; b.Dates.Start = b.Dates.Start.AddDate(0, -1, 0) },
		"a reported ban less": func(c *bundle.Contents) {
			c.Reported = slices.DeleteFunc(c.Reported, func(b bundle.ReportedBan) bool { return b.CC == "PK" })
		},
		"a dated ban less": func(c *bundle.Contents) { c.Events = c.Events[1:] },
	} {
		c, faults := bundle.Open(bytes.NewReader(data), int64(len(data)))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		change(c)
		if r := check(written(t, c), bundle.Options{Key: x.key}); !r.False() {
			t.Errorf("%s: %s", name, r.Text())
		}
	}
	c, _ := bundle.Open(bytes.NewReader(data), int64(len(data)))
	c.State.Answers, c.Answers[0].State = "answer-0", "ok"
	if r := check(written(t, c), bundle.Options{Key: x.key}); r.False() || status(t, r, "the answer "+c.Answers[0].ID) != bundle.NotProved || !strings.Contains(r.Text(), "it was concluded by answer-0") {
		t.Error(r.Text())
	}
}

// Any byte that is altered, added, dropped or moved is named: 10,000 times in the
// long run.
func TestEveryDamageIsNamed(t *testing.T) {
	x := open(t)
	rounds, seed := 100, uint64(1)
	if os.Getenv("BANDISH_LONG") != "" {
		rounds, seed = 10_000, uint64(time.Now().UnixNano())
	}
	small := x.write(t, inquiry.Wanted{IDs: []string{"ZZ/x"}, Most: 20})
	names, sizes := bundle.Files(bytes.NewReader(small), int64(len(small)))
	t.Logf("%d rounds, seed %d, %d bytes", rounds, seed, len(small))
	rng := rand.New(rand.NewPCG(seed, 19))
	for n := range rounds {
		damaged, what, at := damage(rng, small)
		if bytes.Equal(damaged, small) {
			continue
		}
		r := check(damaged, bundle.Options{Key: x.key})
		if !r.False() {
			t.Fatalf("round %d: %s is not seen", n, what)
		}
		said := r.Text()
		if r.Lines[0].Status != bundle.False || len(r.Lines[0].Detail) == 0 {
			t.Fatalf("round %d: %s: not named in the first line:\n%s", n, what, said)
		}
		if name := fileAt(names, sizes, at); strings.HasPrefix(what, "flip") && name != "" && !strings.Contains(said, name) {
			t.Fatalf("round %d: %s in %s is not named:\n%s", n, what, name, said)
		}
	}
}

// damage changes a bundle and says how; at is where, in the bytes as they were.
func damage(rng *rand.Rand, in []byte) (out []byte, what string, at int) {
	at = rng.IntN(len(in))
	n := 1 + rng.IntN(min(64, len(in)-at))
	switch rng.IntN(6) {
	case 0:
		out = slices.Clone(in)
		out[at] ^= 1 << rng.IntN(8)
		return out, fmt.Sprintf("flip at %d", at), at
	case 1:
		return slices.Delete(slices.Clone(in), at, at+n), fmt.Sprintf("drop of %d at %d", n, at), at
	case 2:
		more := make([]byte, n)
		for i := range more {
			more[i] = byte(rng.Uint32())
		}
		return slices.Insert(slices.Clone(in), at, more...), fmt.Sprintf("%d more at %d", n, at), at
	case 3:
		out = slices.Clone(in)
		to := rng.IntN(len(in))
		out[at], out[to] = out[to], out[at]
		return out, fmt.Sprintf("swap of %d and %d", at, to), at
	case 4:
		return slices.Clone(in[:at]), fmt.Sprintf("cut at %d", at), at
	}
	return append(slices.Clone(in), in[at:at+n]...), fmt.Sprintf("%d bytes at the end", n), at
}

// fileAt is the file whose data lie at a place of the container.
func fileAt(names []string, sizes []int, at int) string {
	for i, name := range names {
		at -= 30 + len(name)
		if at < 0 {
			return ""
		}
		if at < sizes[i] {
			return name
		}
		at -= sizes[i]
	}
	return ""
}

// A case is its files, of one revision.
func TestBundleOfACase(t *testing.T) {
	x := open(t)
	data := x.write(t, inquiry.Wanted{IDs: []string{"pk-2024-x"}})
	if r := check(data, bundle.Options{Key: x.key}); r.False() || status(t, r, "nothing was measured of x in PK") != bundle.NotProved {
		t.Fatal(r.Text())
	}
	for name, change := range map[string]func(c *bundle.Contents){
		"a file more": func(c *bundle.Contents) {
			c.Records = append(c.Records, bundle.Record{Name: "pk-2024-x/more.yaml", Text: []byte("a: b\n")})
		},
		"a file less": func(c *bundle.Contents) { c.Records = c.Records[1:] },
		"a word":      func(c *bundle.Contents) { c.Records[0].Text = append(c.Records[0].Text, "# more\n"...) },
	} {
		c, faults := bundle.Open(bytes.NewReader(data), int64(len(data)))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		change(c)
		if r := check(written(t, c), bundle.Options{Key: x.key}); !r.False() {
			t.Errorf("%s: %s", name, r.Text())
		}
	}
}

// HOW-TO-VERIFY works with sha256sum and openssl alone.
func TestPublicToolsAgree(t *testing.T) {
	x := open(t)
	for _, tool := range []string{"unzip", "sha256sum", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing", tool)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b.zip"), x.write(t, inquiry.Wanted{IDs: []string{"ZZ/x"}, Most: 20}), 0o644); err != nil {
		t.Fatal(err)
	}
	how, err := os.ReadFile(filepath.Join("..", "bundle", "howto.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, commands, ok := strings.Cut(string(how), "VKEY='the verifier string that you brought'\n")
	commands, _, ok2 := strings.Cut(commands, "\n\n")
	if !ok || !ok2 {
		t.Fatal("the commands are not found")
	}
	script := "set -e\nunzip -q b.zip -d b\ncd b\nsha256sum --quiet -c SHA256SUMS\nVKEY='" + x.key + "'\n" + commands + "\n"
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Verified Successfully") {
		t.Errorf("%v: %s", err, out)
	}
}
