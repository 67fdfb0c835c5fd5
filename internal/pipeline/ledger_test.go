package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// held holds an archive against its ledger.
func held(t testing.TB, dir string) *archive.Held {
	t.Helper()
	a, err := archive.OpenToCheck(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := a.CheckLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ledgered is an archive with three submissions, counted and compacted.
func ledgered(t testing.TB) *Pipeline { t.Helper(); return ledgeredBy(t, smallFold) }

// ledgeredBy is ledgered with another archive.Archive.Fold.
func ledgeredBy(t testing.TB, fold int) *Pipeline {
	t.Helper()
	p, err := newPipeline(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	p.Archive.Fold = fold
	for i := range 3 {
		if _, err := p.Submit(t.Context(), zz(fmt.Sprint("r", i), 1), Sender{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// Everything that works on an archive leaves it as the ledger says.
func TestEveryCommitIsInTheLedger(t *testing.T) {
	t.Parallel()
	p := ledgered(t)
	src := filepath.Join(t.TempDir(), "in.jsonl")
	if err := os.WriteFile(src, append(append(zz("imported", 2), '\n'), "no json\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if s := bring(t, p, Want{}, src); s.Added != 1 {
		t.Fatalf("%+v", s)
	}
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Rescore(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := held(t, p.Archive.Dir())
	if len(h.Wrong) > 0 || len(h.Unnoted) > 0 || h.Entries < 10 {
		t.Fatalf("%+v", h)
	}
	why, types := map[string]bool{}, map[string]bool{}
	c, _, err := p.Archive.Log().Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	err = p.Archive.Log().Entries(c, 0, func(_ int64, text []byte) error {
		e, err := ledger.Parse(text)
		types[e.Type] = true
		if e.State != nil {
			why[e.State.Why] = true
		}
		if e.Batch != nil && (e.Batch.Root == "" || e.Batch.Earliest == "" || len(e.Batch.Channels) == 0) {
			t.Errorf("an entry says too little: %s", text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"submit", "import", "compact", "count", "rescore"} {
		if !why[w] {
			t.Errorf("no state says %s: %v", w, why)
		}
	}
	for _, w := range []string{ledger.TypeKey, ledger.TypeBatch, ledger.TypeSegments, ledger.TypeState, ledger.TypeFile} {
		if !types[w] {
			t.Errorf("no entry is of type %s", w)
		}
	}
}

// A manifest that was edited, with its checksum made anew, opens no archive, and
// check names what is not as it was.
func TestEditedManifestIsNamed(t *testing.T) {
	t.Parallel()
	p := ledgeredBy(t, 1<<20) // all in one file
	dir := p.Archive.Dir()
	path := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	drop := func(list any, kind string) any {
		var out []any
		for _, x := range list.([]any) {
			if x.(map[string]any)["kind"] != kind {
				out = append(out, x)
			}
		}
		return out
	}
	first := func(m map[string]any, list string) map[string]any { return m[list].([]any)[0].(map[string]any) }
	edits := map[string]func(m map[string]any){
		"another ruleset":          func(m map[string]any) { m["ruleset"] = "bandish-rules/1" },
		"no ruleset":               func(m map[string]any) { m["ruleset"] = "" },
		"another generation":       func(m map[string]any) { m["generation"] = json.Number("99") },
		"an older generation":      func(m map[string]any) { m["generation"] = json.Number("1") },
		"a dropped batch":          func(m map[string]any) { m["batches"] = m["batches"].([]any)[1:] },
		"no batches":               func(m map[string]any) { m["batches"] = []any{} },
		"fewer documents":          func(m map[string]any) { first(m, "batches")["documents"] = json.Number("0") },
		"another time":             func(m map[string]any) { first(m, "batches")["added"] = "2024-01-01T00:00:00Z" },
		"another kind":             func(m map[string]any) { first(m, "batches")["kind"] = "web" },
		"another clock":            func(m map[string]any) { delete(first(m, "batches"), "clock") },
		"fewer bytes":              func(m map[string]any) { first(m, "batches")["raw_bytes"] = json.Number("1") },
		"a batch twice":            func(m map[string]any) { m["batches"] = append(m["batches"].([]any), m["batches"].([]any)[0]) },
		"dropped verdicts":         func(m map[string]any) { m["segments"] = drop(m["segments"], "verdicts") },
		"dropped cells":            func(m map[string]any) { m["segments"] = drop(m["segments"], "cells") },
		"no segments":              func(m map[string]any) { m["segments"] = []any{} },
		"fewer rows":               func(m map[string]any) { first(m, "segments")["rows"] = json.Number("0") },
		"a segment of another day": func(m map[string]any) { first(m, "segments")["period"] = "2023-01-01" },
		"of another ruleset":       func(m map[string]any) { first(m, "segments")["ruleset"] = "x" },
		"other inputs":             func(m map[string]any) { first(m, "segments")["inputs"] = strings.Repeat("0", 64) },
		"other countries":          func(m map[string]any) { first(m, "segments")["countries"] = map[string]any{"ZZ": "0"} },
		"nothing replaced lately":  func(m map[string]any) { delete(m, "dropped") },
		"no ledger":                func(m map[string]any) { delete(m, "ledger") },
	}
	for name, edit := range edits {
		if err := os.WriteFile(path, edited(t, text, edit), 0o644); err != nil {
			t.Fatal(err)
		}
		if h := held(t, dir); len(h.Wrong) == 0 {
			t.Errorf("%s: check names nothing", name)
		}
		if name == "no ledger" {
			continue // as an older program writes it: it opens, and the next commit enters it
		}
		if _, err := archive.OpenExisting(dir); !errors.Is(err, archive.ErrManifest) {
			t.Errorf("%s: it opens: %v", name, err)
		}
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if h := held(t, dir); len(h.Wrong) > 0 {
		t.Errorf("put back as it was: %+v", h.Wrong)
	}
}

// edited changes a manifest and makes its checksum anew.
func edited(t testing.TB, text []byte, edit func(map[string]any)) []byte {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	delete(m, "sha256")
	edit(m)
	// The members in the order of the manifest, so that only the edit differs.
	var b strings.Builder
	for _, name := range []string{"format", "generation", "ruleset", "batches", "segments", "dropped", "ledger"} {
		v, ok := m[name]
		if !ok {
			continue
		}
		one, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, ",%q:%s", name, one)
	}
	return archive.Seal([]byte("{" + b.String()[1:] + "}"))
}

// A data folder that was put back from an older copy, with the key where it
// was, signs nothing: there would be two histories under one key.
func TestRolledBackFolderSignsNothing(t *testing.T) {
	t.Parallel()
	p := ledgered(t)
	dir := p.Archive.Dir()
	old := filepath.Join(t.TempDir(), "old")
	if _, err := p.Archive.Backup(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(old, notary.KeyDir)); err == nil {
		t.Fatal("the copy holds the key")
	}
	if _, err := p.Submit(t.Context(), zz("after", 3), Sender{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, notary.KeyDir), filepath.Join(old, notary.KeyDir)); err != nil {
		t.Fatal(err)
	}
	q, err := newPipeline(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Submit(t.Context(), zz("fork", 4), Sender{}); !errors.Is(err, notary.ErrBehind) {
		t.Fatalf("it signs: %v", err)
	}
	if h := held(t, old); len(h.Wrong) == 0 {
		t.Error("check names nothing")
	}
	if err := q.Archive.NewLedger(t.Context(), "example.org/after"); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Submit(t.Context(), zz("new", 5), Sender{}); err != nil {
		t.Fatal(err)
	}
	if h := held(t, old); len(h.Wrong) > 0 || h.Origin != "example.org/after" {
		t.Errorf("%+v", h)
	}
}

// A server whose witness saw another history of its ledger acknowledges and commits
// nothing more, also when it is started again.
func TestForkedLedgerTakesNothingIn(t *testing.T) {
	t.Parallel()
	p := ledgered(t)
	before, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	witness := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, "1000000\n")
	}))
	defer witness.Close()
	_, key, err := note.GenerateKey(nil, "w.example")
	if err == nil {
		key, err = fnote.VKeyToCosignatureV1(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Archive.Log().Collect(t.Context(), witness.Client(), []notary.Asked{{URL: witness.URL, Key: key}}); !errors.Is(err, notary.ErrFork) {
		t.Fatal(err)
	}
	again, err := newPipeline(p.Archive.Dir())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []*Pipeline{p, again} {
		if _, err := q.Submit(t.Context(), zz("after", 3), Sender{}); !errors.Is(err, notary.ErrFork) {
			t.Errorf("it takes a submission in: %v", err)
		}
	}
	if now, err := again.Archive.Manifest(); err != nil || now.Generation != before.Generation {
		t.Errorf("something was committed: %v, %v", now.Generation, err)
	}
	if err := again.Archive.NewLedger(t.Context(), "example.org/after"); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Submit(t.Context(), zz("new", 5), Sender{}); err != nil {
		t.Errorf("under a new ledger: %v", err)
	}
}

// An archive of an older program has no ledger until the next commit, which
// enters all that is there.
func TestOlderArchiveGetsALedger(t *testing.T) {
	t.Parallel()
	p := ledgeredBy(t, 1<<20)
	dir := p.Archive.Dir()
	path := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{notary.Dir, notary.KeyDir} {
		if err := os.RemoveAll(filepath.Join(dir, d)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, edited(t, text, func(m map[string]any) { delete(m, "ledger") }), 0o644); err != nil {
		t.Fatal(err)
	}
	q, err := newPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := q.Submit(t.Context(), zz("next", 3), Sender{})
	if err != nil {
		t.Fatal(err)
	}
	if h := held(t, dir); len(h.Wrong) > 0 || h.Entries < 6 {
		t.Fatalf("%+v", h)
	}
	key, err := q.Archive.Log().Key()
	if err != nil {
		t.Fatal(err)
	}
	v, err := ledger.NewLogVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	m, err := q.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range m.Batches() {
		file, err := q.Archive.Receipt(b.SHA256, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ledger.CheckReceipt(file, v)
		if err != nil || got.Entry.Batch.Before != (b.SHA256 != r.Batch) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// A rotation is an entry that both keys signed; what was signed before holds.
func TestRotatedKey(t *testing.T) {
	t.Parallel()
	p := ledgered(t)
	log := p.Archive.Log()
	old, err := log.Key()
	if err != nil {
		t.Fatal(err)
	}
	next, err := p.Archive.RotateKey(t.Context())
	if err != nil || next == old {
		t.Fatal(next, err)
	}
	_, both, err := log.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{old, next} {
		v, err := ledger.NewLogVerifier(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ledger.OpenCheckpoint(both, v); err != nil {
			t.Errorf("the checkpoint of the rotation is not signed by %s: %v", k, err)
		}
	}
	if _, err := p.Submit(t.Context(), zz("later", 3), Sender{}); err != nil {
		t.Fatal(err)
	}
	if h := held(t, p.Archive.Dir()); len(h.Wrong) > 0 || h.Key != next {
		t.Errorf("%+v", h)
	}
	st, err := os.Stat(filepath.Join(p.Archive.Dir(), notary.KeyDir, "ledger.key"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

// A ban that is dated is announced in the ledger once, and withdrawn when it is
// no longer one.
func TestEventsAreAnnounced(t *testing.T) {
	t.Parallel()
	p := open(t)
	bring(t, p, Want{}, write(t, "a.csv", table("QM", "a.test", 100)))
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := eventEntries(t, p); len(got) != 1 || got[0].Action != ledger.Announced || got[0].CC != "QM" || got[0].Target != "a.test" {
		t.Fatalf("%+v", got)
	}
	err := p.Archive.Update(t.Context(), func(u *archive.Update) error {
		u.Why = "test"
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s archive.Segment) bool { return s.Kind == archive.Events })
		return p.noteEvents(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := eventEntries(t, p); len(got) != 2 || got[1].Action != ledger.Withdrawn || got[1].SHA256 != got[0].SHA256 {
		t.Errorf("%+v", got)
	}
	if h := held(t, p.Archive.Dir()); len(h.Wrong) > 0 {
		t.Error(h.Wrong)
	}
}

func eventEntries(t *testing.T, p *Pipeline) []ledger.Event {
	t.Helper()
	c, _, err := p.Archive.Log().Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	var out []ledger.Event
	err = p.Archive.Log().Entries(c, 0, func(_ int64, text []byte) error {
		e, err := ledger.Parse(text)
		if e.Event != nil {
			out = append(out, *e.Event)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What lies beside the archive is in the ledger: a change is named, and what is
// removed leaves its hash.
func TestFilesBesideAreHeld(t *testing.T) {
	t.Parallel()
	p := ledgered(t)
	dir := p.Archive.Dir()
	bring(t, p, Want{}, write(t, "in.jsonl", append(append(zz("imported", 2), '\n'), "no json\n"...)))
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copied := "sources/ab/" + strings.Repeat("ab", 32)
	put(copied, "a page as it was fetched")
	put("fingerprints/current", "x")
	put("alerts/subscribers.json", "who asked for alerts")
	put("inbox/note", "what somebody wrote")
	record := ledger.File{Name: archive.RecordName("zz-example"), SHA256: strings.Repeat("1", 64), Bytes: 3}
	if n, err := p.Archive.NoteFiles(t.Context(), record); err != nil || n != 3 {
		t.Fatalf("%d entries, %v", n, err)
	}
	if n, err := p.Archive.NoteFiles(t.Context(), record); err != nil || n != 0 {
		t.Fatalf("a second time: %d entries, %v", n, err)
	}
	if h := held(t, dir); len(h.Wrong) > 0 || len(h.Unnoted) > 0 {
		t.Fatalf("%+v", h)
	}
	list, err := os.ReadDir(filepath.Join(dir, "quarantine"))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	for _, name := range []string{copied, "fingerprints/current", "quarantine/" + list[0].Name(), "sources-read.jsonl"} {
		was, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for what, now := range map[string]string{"another content": "y" + string(was[1:]), "less": string(was[:len(was)-1]), "nothing": ""} {
			put(name, now)
			if h := held(t, dir); len(h.Wrong) != 1 || h.Wrong[0].Path != name {
				t.Errorf("%s with %s: %+v", name, what, h.Wrong)
			}
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if h := held(t, dir); len(h.Wrong) != 1 {
			t.Errorf("%s is gone: %+v", name, h.Wrong)
		}
		put(name, string(was))
	}
	put("sources-read.jsonl", string(mustRead(t, filepath.Join(dir, "sources-read.jsonl")))+"{}\n")
	if h := held(t, dir); len(h.Wrong) > 0 {
		t.Errorf("a list that grew: %v", h.Wrong)
	}
	if err := os.Remove(filepath.Join(dir, copied)); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Archive.NoteFiles(t.Context()); err != nil || n != 2 {
		t.Fatalf("a copy is removed, a list grew: %d entries, %v", n, err)
	}
	a, err := archive.OpenToCheck(dir)
	if err != nil {
		t.Fatal(err)
	}
	hist, _, err := a.Log().Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if gone := hist.Gone[copied]; gone.SHA256 == "" {
		t.Error("the copy that was removed left no hash")
	}
	if h := held(t, dir); len(h.Wrong) > 0 {
		t.Error(h.Wrong)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever is changed in a data folder is named: bytes turned, cut, added and
// swapped, files that are gone, and manifests that were edited and sealed anew.
func TestAnyDamageIsNamed(t *testing.T) {
	t.Parallel()
	p := ledgered(t)
	dir := p.Archive.Dir()
	bring(t, p, Want{}, write(t, "in.jsonl", append(append(zz("imported", 2), '\n'), "no json\n"...)))
	rounds := 150
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		rounds = 2000
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, b := range m.Batches() {
		list = append(list, b.Path())
	}
	for _, s := range m.Segments {
		list = append(list, s.Path())
	}
	rests := m.RestsOn()
	if len(rests) < 4 {
		t.Fatalf("the manifest rests on %v: want an index and parts", rests)
	}
	list = append(list, rests...)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, e := filepath.Rel(dir, path)
		if err != nil || e != nil {
			return errors.Join(err, e)
		}
		top, _, _ := strings.Cut(rel, "/")
		if d.Type().IsRegular() && slices.Contains([]string{"ledger", "keys", "quarantine", "manifest.json", "sources-read.jsonl"}, top) {
			list = append(list, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(7, 8))
	for i := range rounds {
		name := list[rnd.IntN(len(list))]
		if rnd.IntN(4) == 0 {
			name = "manifest.json"
		}
		path := filepath.Join(dir, name)
		was := mustRead(t, path)
		now, what := damaged(t, rnd, name, was)
		if string(now) == string(was) || now != nil && name == "keys/ledger.key" && string(bytes.TrimSpace(now)) == string(bytes.TrimSpace(was)) {
			continue
		}
		os.Chmod(path, 0o644)
		if now == nil {
			os.Remove(path)
		} else if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
		if !isNamed(t, dir) && !(now == nil && (name == "ledger/checkpoint" || name == "keys/ledger.key" || name == "keys/ledger.signed")) {
			// The checkpoint comes back from what was signed last; a key that is
			// elsewhere is no damage.
			t.Errorf("round %d: %s of %s is not named", i, what, name)
		}
		if err := os.WriteFile(path, was, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if isNamed(t, dir) {
		t.Error("put back as it was, something is named")
	}
}

// isNamed reports whether archive check has something to say.
func isNamed(t *testing.T, dir string) bool {
	t.Helper()
	a, err := archive.OpenToCheck(dir)
	if err != nil {
		return true
	}
	harm, _, _, err := a.Check(t.Context())
	if err != nil || len(harm) > 0 {
		return true
	}
	h, err := a.CheckLedger(t.Context())
	return err != nil || len(h.Wrong) > 0
}

// damaged changes a file; nil is one that is gone. Half of the manifests are
// sealed anew after a digit or a letter of it was changed.
func damaged(t *testing.T, rnd *rand.Rand, name string, b []byte) ([]byte, string) {
	t.Helper()
	if name == "manifest.json" && rnd.IntN(2) == 0 {
		body := append(slices.Clone(b[:strings.LastIndex(string(b), `,"sha256":"`)]), '}')
		for range 1 + rnd.IntN(3) {
			i := rnd.IntN(len(body))
			switch c := body[i]; {
			case c >= '0' && c <= '8', c >= 'a' && c <= 'y':
				body[i]++
			}
		}
		return archive.Seal(body), "an edit, sealed anew,"
	}
	out, at := slices.Clone(b), rnd.IntN(len(b))
	switch rnd.IntN(6) {
	case 0:
		out[at] ^= 1 << rnd.IntN(8)
		return out, fmt.Sprint("a flip at ", at)
	case 1:
		return out[:at:at], fmt.Sprint("a cut at ", at)
	case 2:
		if name == "sources-read.jsonl" || strings.HasPrefix(name, "quarantine/") {
			return b, "" // they grow
		}
		return append(out, byte(rnd.IntN(256))), "a byte more"
	case 3:
		other := rnd.IntN(len(b))
		out[at], out[other] = out[other], out[at]
		return out, "a swap"
	case 4:
		return append(out[:at], b[at+1:]...), "a byte less"
	}
	return nil, "the loss"
}

// A process that was killed right after its first commit left no ledger yet.
// The manifest keeps the entries, and the next commit begins it with them.
func TestKilledBeforeTheLedgerBegan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		commits int
		remove  []string
		wrong   bool
	}{
		{1, []string{"ledger", "keys/ledger.signed"}, false},
		{1, []string{"ledger", "keys"}, true},
		{2, []string{"ledger", "keys/ledger.signed"}, true},
	} {
		p, err := newPipeline(filepath.Join(t.TempDir(), "data"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.commits {
			if _, err := p.Submit(t.Context(), zz(fmt.Sprint("r", i), 1), Sender{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range c.remove {
			if err := os.RemoveAll(filepath.Join(p.Archive.Dir(), f)); err != nil {
				t.Fatal(err)
			}
		}
		if h := held(t, p.Archive.Dir()); len(h.Wrong) > 0 != c.wrong {
			t.Errorf("after %d commits and without %v: %v", c.commits, c.remove, h.Wrong)
		}
		again, err := newPipeline(p.Archive.Dir())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Submit(t.Context(), zz("after", 1), Sender{}); err != nil != c.wrong {
			t.Errorf("after %d commits and without %v a submission: %v", c.commits, c.remove, err)
		}
		if h := held(t, p.Archive.Dir()); !c.wrong && (len(h.Wrong) > 0 || h.Entries != 7) {
			t.Errorf("then: %+v", h)
		}
	}
}
