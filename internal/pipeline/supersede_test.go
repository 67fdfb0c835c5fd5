package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
)

// named is a measurement of zz under a uid, which is blocked, or ok where the
// handshake worked.
func named(uid, report string, n int, ok bool) []byte {
	doc := bytes.Replace(zz(report, n), []byte(`{"annotations"`), fmt.Appendf(nil, `{"measurement_uid":%q,"annotations"`, uid), 1)
	if ok {
		doc = bytes.Replace(doc, []byte(`"failure":"connection_reset"`), []byte(`"failure":null`), 1)
	}
	return doc
}

// verdicts are the current ones, by uid.
func verdictsByUID(t *testing.T, p *Pipeline) map[string][]verdict.Row {
	t.Helper()
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]verdict.Row{}
	for _, s := range m.Select(archive.Verdicts, m.Ruleset) {
		err := archive.ReadSegment(p.Archive, s, func(rows []verdict.Row) error {
			for _, r := range rows {
				r.UID, r.Channel = strings.Clone(r.UID), strings.Clone(r.Channel)
				r.Marks = slices.Clone(r.Marks)
				out[r.UID] = append(out[r.UID], r)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sameAfter merges and counts, and makes sure that a rebuild and a rescore
// give the same files.
func sameAfter(t *testing.T, p *Pipeline) {
	t.Helper()
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := segments(t, p)
	for name, derive := range map[string]func() error{
		"rebuild": func() error { _, err := p.Rebuild(t.Context(), nil); return err },
		"rescore": func() error { _, err := p.Rescore(t.Context()); return err },
	} {
		if err := derive(); err != nil {
			t.Fatal(err)
		}
		if after := segments(t, p); !slices.Equal(before, after) {
			t.Errorf("a %s gives\n%s\nbefore there was\n%s", name, strings.Join(after, "\n"), strings.Join(before, "\n"))
		}
	}
}

// Who writes the uid of somebody else's measurement neither keeps that out nor
// speaks in its place, whichever comes first.
func TestUIDIsNoClaim(t *testing.T) {
	t.Parallel()
	const n = 6
	var genuine []byte
	for i := range n {
		genuine = append(append(genuine, named(fmt.Sprint("uid-", i), fmt.Sprint("r", i), i, true)...), '\n')
	}
	junk := func(p *Pipeline) {
		for i := range n {
			for _, doc := range [][]byte{
				named(fmt.Sprint("uid-", i), fmt.Sprint("r", i), i, false),    // the same header
				named(fmt.Sprint("uid-", i), fmt.Sprint("junk", i), i, false), // another report
			} {
				r, err := p.Submit(t.Context(), doc, Sender{})
				if err != nil || !r.New {
					t.Fatalf("%+v, %v", r, err)
				}
			}
		}
	}
	for _, first := range []string{"junk", "genuine"} {
		p := open(t)
		if first == "junk" {
			junk(p)
		}
		if s := bring(t, p, Want{}, write(t, "genuine.jsonl", genuine)); s.Added != n || s.Quarantined != 0 {
			t.Fatalf("%s first: %+v", first, s)
		}
		if first == "genuine" {
			junk(p)
		}
		for uid, rows := range verdictsByUID(t, p) {
			votes := 0
			for _, r := range rows {
				if r.Votes() {
					votes++
				}
				if r.Votes() != (r.Channel == verdict.File) {
					t.Errorf("%s first: %s from %q has the marks %v", first, uid, r.Channel, r.Marks)
				}
			}
			if len(rows) != 3 || votes != 1 {
				t.Errorf("%s first: %s has %d documents, %d of which vote", first, uid, len(rows), votes)
			}
		}
		voting, aside := uint32(0), uint32(0)
		for _, c := range counted(t, p) {
			voting, aside = voting+c.Measurements, aside+c.Aside
		}
		if voting != n || aside != 2*n {
			t.Errorf("%s first: the cells count %d and %d aside", first, voting, aside)
		}
		sameAfter(t, p)
	}
}

// The same document that somebody handed in, and that was doubted for its
// sender's sake, is not doubted when it is imported.
func TestImportOfWhatWasHandedIn(t *testing.T) {
	t.Parallel()
	p := open(t)
	doc := named("uid", "r", 1, true)
	if _, err := p.Submit(t.Context(), doc, Sender{CC: "PK", ASN: 64513}); err != nil {
		t.Fatal(err)
	}
	for _, c := range counted(t, p) {
		if c.Measurements != 0 || c.Aside != 1 {
			t.Fatalf("as submitted: %+v", c)
		}
	}
	if s := bring(t, p, Want{}, write(t, "a.jsonl", append(doc, '\n'))); s.Added != 1 {
		t.Fatalf("%+v", s)
	}
	if s := bring(t, p, Want{}, write(t, "b.jsonl", append(doc, '\n'))); s.Added != 0 || s.Duplicates != 1 {
		t.Errorf("once more: %+v", s)
	}
	if r, err := p.Submit(t.Context(), doc, Sender{}); err != nil || r.New {
		t.Errorf("handed in once more: %+v, %v", r, err)
	}
	for _, c := range counted(t, p) {
		if c.Measurements != 1 || c.Aside != 1 {
			t.Errorf("as imported: %+v", c)
		}
	}
	sameAfter(t, p)
}

// Submissions of one batch that were judged by different clocks are rebuilt by
// those.
func TestRebuildByTheClockOfEach(t *testing.T) {
	t.Parallel()
	p := open(t)
	at := time.Date(2024, 2, 1, 12, 0, 0, 0, time.UTC)
	start := at.Add(24*time.Hour + 30*time.Minute) // a sane clock is ahead by a day at most
	doc := func(report string) []byte {
		return bytes.Replace(zz(report, 1), []byte("2024-02-02 01:00:00"), []byte(start.Format(time.DateTime)), 1)
	}
	var wg sync.WaitGroup
	err := p.Archive.Update(t.Context(), func(*archive.Update) error { // so that both wait for one commit
		for i, clock := range []time.Time{at, at.Add(time.Hour)} {
			wg.Go(func() {
				if _, err := p.SubmitAt(context.Background(), doc(fmt.Sprint("r", i)), clock); err != nil {
					t.Error(err)
				}
			})
		}
		for len(waitingIn(p)) < 2 {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, rows := range verdictsByUID(t, p) {
		if len(rows[0].Marks) > 0 {
			marked++
		}
	}
	if m, _ := p.Archive.Manifest(); marked != 1 || len(m.Batches()) != 1 {
		t.Fatalf("%d are marked in %d batches, want one in one", marked, len(m.Batches()))
	}
	sameAfter(t, p)
}

func waitingIn(p *Pipeline) []*submission {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	return slices.Concat(slices.Collect(maps.Values(p.queue.waiting.waiting))...)
}

// What was imported while the machine's clock was wrong can be imported again
// when it is right, and then votes, also after a rebuild.
func TestImportUnderAWrongClock(t *testing.T) {
	t.Parallel()
	p := open(t)
	right := p.Now
	p.Now = func() time.Time { return time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC) }
	docs := append(append(zz("r", 1), '\n'), append(zz("q", 2), '\n')...)
	if s := bring(t, p, Want{}, write(t, "a.jsonl", docs)); s.Added != 2 || s.Marked != 2 {
		t.Fatalf("%+v", s)
	}
	p.Now = right
	if s := bring(t, p, Want{}, write(t, "a.jsonl", docs)); s.Added != 2 || s.Marked != 0 {
		t.Fatalf("%+v", s)
	}
	votes := func() (n int) {
		for _, rows := range verdictsByUID(t, p) {
			for _, r := range rows {
				if r.Votes() {
					n++
				}
			}
		}
		return n
	}
	if votes() != 2 {
		t.Errorf("%d vote", votes())
	}
	sameAfter(t, p)
	if votes() != 2 {
		t.Errorf("%d vote after the rebuild", votes())
	}
}

// Two documents under one uid that somebody prepared to have the same quick hash
// are two documents: content is known by a hash that nobody can prepare.
func TestPreparedContentIsKept(t *testing.T) {
	t.Parallel()
	a, b := sameQuickHash(named("uid-0", "r0", 0, true))
	if bytes.Equal(a, b) || xxhash.Sum64(a) != xxhash.Sum64(b) {
		t.Fatal("the two documents are not what the test needs")
	}
	p := open(t)
	if s := bring(t, p, Want{}, write(t, "both.jsonl", slices.Concat(a, []byte("\n"), b, []byte("\n")))); s.Added != 2 {
		t.Errorf("%+v: one of two documents is taken for the other", s)
	}
}

// sameQuickHash puts a note before the members of a document, in two spellings for
// which xxHash gives the same. It reads stripes of 32 bytes, in each of which 8
// go into a sum that is 0 at first: what the first stripe changes, the second takes
// back.
func sameQuickHash(doc []byte) (a, b []byte) {
	const p1, p2 = 11400714785074694791, 14029467366897019727
	inverse := uint64(1)
	for range 6 { // Newton: each step doubles the bits that are right
		inverse *= 2 - p2*inverse
	}
	sum := func(in uint64) uint64 { return bits.RotateLeft64(in*p2, 31) * p1 }
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func() (out [8]byte) {
		for i := range out {
			out[i] = letters[rnd.IntN(len(letters))]
		}
		return out
	}
	note := func(first, second [8]byte) []byte {
		return fmt.Appendf(nil, `{"note":"%s%s%s%s",%s`, strings.Repeat("x", 7), first[:], strings.Repeat("x", 24), second[:], doc[1:])
	}
	for {
		first, other, second := word(), word(), word()
		var back [8]byte
		binary.LittleEndian.PutUint64(back[:], binary.LittleEndian.Uint64(second[:])+
			(sum(binary.LittleEndian.Uint64(first[:]))-sum(binary.LittleEndian.Uint64(other[:])))*inverse)
		if !bytes.ContainsFunc(back[:], func(r rune) bool { return !strings.ContainsRune(letters, r) }) {
			return note(first, second), note(other, back)
		}
	}
}
