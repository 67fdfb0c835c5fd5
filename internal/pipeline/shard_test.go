package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/shard"
)

// crewOf is a crew of these tests: its pieces are small.
func crewOf(part, holder string) (Crew, error) {
	s, err := shard.Parse(part)
	return Crew{Shard: s, Lease: time.Second, Holder: holder, Group: 2}, err
}

// share does a part of a rebuild or a rescore.
func share(ctx context.Context, p *Pipeline, what string, c Crew) (how Ended, err error) {
	if what == "rescore" {
		_, how, err = p.RescoreShared(ctx, c)
	} else {
		_, how, err = p.RebuildShared(ctx, c, nil)
	}
	return how, err
}

// crewChild does its part of a work that several processes share.
func crewChild(mode, dir, part string) error {
	p, err := newPipeline(dir)
	if err != nil {
		return err
	}
	c, err := crewOf(part, fmt.Sprint("process ", os.Getpid(), " since ", time.Now().UnixNano()))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	how, err := share(context.Background(), p, mode, c)
	if err == nil {
		fmt.Printf("%+v\n", how)
	}
	return err
}

// inParts does a work in so many parts, one after the other, the last first; the one that
// finds all others done puts everything together.
func inParts(t *testing.T, dir, what string, of int) {
	t.Helper()
	forgetWork(t, dir)
	ended := false
	for n := of; n > 0; n-- {
		p := pipelineIn(t, dir)
		c, err := crewOf(fmt.Sprintf("%d/%d", n, of), fmt.Sprint("part ", n))
		if err != nil {
			t.Fatal(err)
		}
		how, err := share(t.Context(), p, what, c)
		if err != nil || ended == how.Before.IsZero() || n == of && of > 3 && how.Here {
			t.Fatalf("%s of part %d of %d: %+v, %v", what, n, of, how, err)
		}
		ended = ended || how.Here
	}
	if !ended {
		t.Fatalf("nobody put the %s together", what)
	}
}

// forgetWork makes a work begin anew that was ended a moment ago.
func forgetWork(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, "work")), os.RemoveAll(filepath.Join(dir, "made"))); err != nil {
		t.Fatal(err)
	}
}

// mixed fills an archive with measurements of some countries and months, many batches, and
// with published counts that show bans.
func mixed(t *testing.T, p *Pipeline, batches int) {
	t.Helper()
	dir := t.TempDir()
	for i := range batches {
		var b bytes.Buffer
		for n := range 12 {
			doc := string(zz(fmt.Sprintf("mixed-%d-%d", i, n/4), 28*(12*i+n)+(i+n)%2))
			doc = strings.Replace(doc, "2024-02-", fmt.Sprintf("2024-%02d-", 1+(i+n)%5), 1)
			doc = strings.Replace(doc, `"ZZ"`, []string{`"ZZ"`, `"AA"`, `"XZ"`}[(i+n/2)%3], 1)
			if n%3 == 0 {
				doc = strings.Replace(doc, `"failure":"connection_reset"`, `"failure":null`, 1)
			}
			b.WriteString(doc + "\n")
		}
		name := filepath.Join(dir, fmt.Sprintf("%03d.jsonl", i))
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		bring(t, p, Want{}, name)
	}
	for _, cc := range []string{"QM", "QN", "ZZ"} {
		bring(t, p, Want{}, write(t, cc+".csv", table(cc, "a.test", 70)))
	}
}

// listed is all that a manifest says of derived files: their hashes are in their names.
func listed(t *testing.T, dir string) []string {
	t.Helper()
	m, err := pipelineIn(t, dir).Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range m.Segments {
		out = append(out, fmt.Sprintf("%+v", s))
	}
	return out
}

// sameFiles compares the derived files of an archive with those of another.
func sameFiles(t *testing.T, what string, want []string, dir string) {
	t.Helper()
	for _, kind := range []string{archive.Observations, archive.Verdicts, archive.Cells, archive.Layers, archive.Hours, archive.Counts, archive.Findings, archive.Events} {
		if !slices.ContainsFunc(want, func(s string) bool { return strings.HasPrefix(s, "{Kind:"+kind+" ") }) {
			t.Fatalf("nothing of the kind %s is compared", kind)
		}
	}
	if got := listed(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s gives\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The parts of a work, in whatever order and however many they are, give what one process
// gives; and again when they are all there.
func TestShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := pipelineIn(t, dir)
	mixed(t, p, 6)
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := listed(t, dir)
	counts := []int{16}
	if os.Getenv("BANDISH_LONG") != "" {
		counts = []int{2, 16}
	}
	for _, what := range []string{"rebuild", "rescore"} {
		for _, of := range counts {
			spoil(t, dir)
			inParts(t, dir, what, of)
			sameFiles(t, fmt.Sprintf("%s in %d parts", what, of), want, dir)
			checkWhole(t, dir, 0)
		}
		c, err := crewOf("auto/4", "late")
		if err != nil {
			t.Fatal(err)
		}
		late := pipelineIn(t, dir)
		if how, err := share(t.Context(), late, what, c); err != nil || how.Here || how.Before.IsZero() {
			t.Errorf("who comes late to a %s: %+v, %v", what, how, err)
		}
		late.Now = func() time.Time { return time.Now().Add(2 * lateBy) }
		if how, err := share(t.Context(), late, what, c); err != nil || !how.Here {
			t.Errorf("who comes when it is long over to a %s: %+v, %v", what, how, err)
		}
		sameFiles(t, "one worker alone at a "+what, want, dir)
	}
	forgetWork(t, dir)
}

// spoil makes the listed events and counts of an archive others than a rebuild or a rescore
// gives, so that one that does nothing is seen.
func spoil(t *testing.T, dir string) {
	t.Helper()
	err := pipelineIn(t, dir).Archive.Update(t.Context(), func(u *archive.Update) error {
		u.Why = "rebuild"
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s archive.Segment) bool { return s.Ruleset != "" })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What comes in while several share a rebuild stands in what it gives.
func TestSharedWhileOthersCommit(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"rebuild", "rescore"} {
		dir := t.TempDir()
		p := pipelineIn(t, dir)
		mixed(t, p, 5)
		for n := 1; n <= 3; n++ {
			c, err := crewOf(fmt.Sprintf("%d/3", n), fmt.Sprint("part ", n))
			if err != nil {
				t.Fatal(err)
			}
			how, err := share(t.Context(), pipelineIn(t, dir), what, c)
			if err != nil {
				t.Fatal(err)
			}
			if how.Here { // what came meanwhile changed no part that was done
				break
			}
			if _, err := p.Submit(t.Context(), zz(fmt.Sprint("meanwhile", n), n), Sender{}); err != nil {
				t.Fatal(err)
			}
		}
		c, err := crewOf("auto/3", "the last")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := share(t.Context(), pipelineIn(t, dir), what, c); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Compact(t.Context()); err != nil { // a rescore merges no observations
			t.Fatal(err)
		}
		if _, err := p.Count(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := listed(t, dir)
		if _, err := pipelineIn(t, dir).Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		sameFiles(t, what+" and one process", got, dir)
	}
}

// A batch that is damaged is named by who puts a shared rebuild together; the rest is as
// one process derives it.
func TestSharedWithDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := pipelineIn(t, dir)
	mixed(t, p, 6)
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, m.Batches()[3].Path())
	if err := os.Chmod(broken, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	one, err := pipelineIn(t, dir).Rebuild(t.Context(), nil)
	if err != nil || len(one.Damaged) != 1 {
		t.Fatalf("%+v, %v", one, err)
	}
	want := listed(t, dir)
	c, err := crewOf("auto/3", "x")
	if err != nil {
		t.Fatal(err)
	}
	many, how, err := pipelineIn(t, dir).RebuildShared(t.Context(), c, nil)
	if err != nil || !how.Here {
		t.Fatalf("%+v, %v", how, err)
	}
	if fmt.Sprint(many) != fmt.Sprint(one) {
		t.Errorf("in parts %+v\none process %+v", many, one)
	}
	sameFiles(t, "in parts", want, dir)
}

// What was made for a work has no entry in the ledger. It is not swept before it is put
// together; after that it is swept like anything that no manifest lists.
func TestSweepLeavesWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := pipelineIn(t, dir)
	mixed(t, p, 6)
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	sweep := func() int {
		t.Helper()
		n, err := p.Archive.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	sweep()
	for n := range 2 {
		c, err := crewOf(fmt.Sprintf("%d/2", n+1), "x")
		if err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			sweep() // of what was made it takes what that was merged from
			if _, err := p.Archive.NoteFiles(t.Context()); err != nil {
				t.Fatal(err)
			}
			noted, err := os.ReadFile(filepath.Join(dir, "noted.json"))
			if err != nil || bytes.Contains(noted, []byte("work")) || bytes.Contains(noted, []byte("made")) {
				t.Errorf("the ledger names what will not last: %s, %v", noted, err)
			}
			made, err := filepath.Glob(filepath.Join(dir, "made", "*", "*.json"))
			if err != nil || len(made) == 0 {
				t.Fatalf("%d pieces were made, %v", len(made), err)
			}
			for _, name := range made {
				work := filepath.Base(filepath.Dir(name))
				if a, err := p.Archive.ReadAside(t.Context(), work, strings.TrimSuffix(filepath.Base(name), ".json")); a == nil || err != nil || len(a.Segments) == 0 {
					t.Errorf("%s is not whole: %+v, %v", name, a, err)
				}
			}
		}
		if how, err := share(t.Context(), p, "rebuild", c); err != nil || how.Here != (n == 1) {
			t.Fatalf("%+v, %v", how, err)
		}
	}
	if sweep() == 0 {
		t.Error("what was made for a work that is over stays")
	}
	checkWhole(t, dir, 0)
}

// Processes share a rebuild and a rescore of an archive, and are killed at random: what
// they give has the bytes of what one process gives. Of eight, four have a number, and
// four take what is free. Without BANDISH_LONG four share one rebuild.
func TestCrewsOfAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	crews(t, dir, func() string { return dir }, 0)
}

// The same over a bucket, each worker on a machine of its own; without BANDISH_LONG four
// share one rescore.
func TestCrewsOfABucket(t *testing.T) {
	another := inBucket(t, "crews")
	crews(t, another(), another, 1)
}

// crews lets workers share a work in rounds: rebuilds and rescores in turn, from the
// first on. Without BANDISH_LONG there is one round.
func crews(t *testing.T, dir string, another func() string, first int) {
	if testing.Short() {
		t.Skip("they are processes: the race detector sees one alone")
	}
	p := pipelineIn(t, dir)
	mixed(t, p, howOften(10, 24, 0))
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := listed(t, dir)
	alone := pipelineIn(t, sameBatches(t, p))
	if _, err := alone.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, "one process over a folder", want, alone.Archive.Dir())
	rounds := []int{4, 8, 8, 4}[:howOften(1, 4, 4*min(*killed, 1))]
	kills, died := howOften(4, 60, *killed), 0
	within := howOften(300, 700, 700*min(*killed, 1)) // ms after a worker began
	for round, workers := range rounds {
		what := []string{"rebuild", "rescore"}[(first+round)%2]
		spoil(t, dir)
		killed, taken := crew(t, what, workers, (kills+len(rounds)-1)/len(rounds), within, another)
		t.Logf("%s by %d: %d were killed; %s", what, workers, killed, taken)
		died += killed
		sameFiles(t, fmt.Sprintf("%s by %d", what, workers), want, another())
		checkWhole(t, another(), round)
		endWork(t, dir, what)
	}
	if died < kills/4 { // who is done before his time is over is not killed
		t.Errorf("only %d of %d were killed", died, kills)
	}
}

// endWork makes a work begin anew that was ended a moment ago, wherever it is kept.
func endWork(t *testing.T, dir, what string) {
	t.Helper()
	p := pipelineIn(t, dir)
	if err := p.Archive.EndWork(t.Context(), p.share(what, Crew{}).name, "nothing"); err != nil {
		t.Fatal(err)
	}
}

// crew lets processes share a work until it is done, and kills so many of them. A process
// that was killed is begun again, perhaps on another machine.
func crew(t *testing.T, what string, workers, kills, within int, another func() string) (killed int, said string) {
	t.Helper()
	left := atomic.Int64{}
	left.Store(int64(kills))
	var mu sync.Mutex // guards what follows
	var ends []string
	var wg sync.WaitGroup
	dirs := make([]string, workers)
	for i := range dirs {
		dirs[i] = another()
	}
	for i := range workers {
		part := "auto/16"
		if i < workers/2 {
			part = fmt.Sprintf("%d/%d", i+1, 16)
		}
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(5, uint64(i)))
			for {
				cmd, _, out, stderr := started(t, what, dirs[i], part)
				out.Scan() // ready
				kill := left.Add(-1) >= 0
				if kill {
					time.AfterFunc(time.Duration(rnd.IntN(within))*time.Millisecond, func() { cmd.Process.Kill() })
				}
				end := ""
				for out.Scan() {
					end = out.Text()
				}
				err := cmd.Wait()
				mu.Lock()
				switch {
				case err == nil:
					ends = append(ends, end)
				case stderr.Len() > 0:
					t.Errorf("worker %d failed by itself: %s", i, stderr.String())
					err = nil
				default:
					killed++
				}
				mu.Unlock()
				if err == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	here := slices.DeleteFunc(slices.Clone(ends), func(s string) bool { return !strings.Contains(s, "Here:true") })
	return killed, fmt.Sprintf("%d put it together", len(here))
}
