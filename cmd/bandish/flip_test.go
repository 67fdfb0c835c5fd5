package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

// asker puts questions to an archive as a process without memory of it does. What
// is part of the program, the record and the registry, is read once.
type asker struct {
	records  *casefile.Records
	registry *target.Registry
	uids     []string
	now      time.Time // of all questions: what is asked before and after midnight has two answers
}

func newAsker(t *testing.T) *asker {
	t.Helper()
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	return &asker{records: rec, registry: reg, now: time.Now()}
}

// ask gives the answers; one that was refused is not among them. damaged are the
// files that a check names.
func (k *asker) ask(ctx context.Context, dir string) (out map[string]string, damaged []string) {
	a, err := archive.OpenExisting(dir)
	if err != nil {
		return nil, []string{err.Error()}
	}
	s, err := store.Open(a, "")
	if err != nil {
		return nil, nil
	}
	defer s.Close()
	return k.askOf(ctx, a, s)
}

// askOf is ask of a process that has the archive open.
func (k *asker) askOf(ctx context.Context, a *archive.Archive, s *store.Store) (out map[string]string, damaged []string) {
	out = map[string]string{}
	say := func(name string, v any, err error) {
		if err == nil {
			b, _ := json.Marshal(v)
			out[name] = string(b)
		}
	}
	desk := newDesk(a.Dir(), s, k.records, k.registry)
	desk.Now = func() time.Time { return k.now }
	answer, err := desk.Answer(ctx, inquiry.Ask{CC: "ZZ", Target: "x"})
	say("status", answer, err)
	events, err := desk.Events(ctx, store.Filter{CC: "ZZ"}, time.Time{})
	say("events", events, err)
	reports, err := desk.Reports(ctx, time.Time{}, true)
	say("bans", reports, err)
	for _, uid := range k.uids {
		v, ok, err := s.Verdict(ctx, uid)
		if err != nil {
			continue
		}
		o, err := s.Observations(ctx, v)
		say(uid, []any{v, ok, o}, err)
		e, err := a.ReadRawLine(v.Raw, v.Line)
		if err == nil {
			out["raw "+uid] = string(e.Document)
		}
	}
	bad, _, _, err := a.Check(ctx)
	for _, d := range bad {
		damaged = append(damaged, d.Path)
	}
	if err != nil {
		damaged = append(damaged, err.Error())
	}
	return out, damaged
}

// askByCommand asks by the command line, too, in a folder whose file is damaged:
// whoever fails says so.
func askByCommand(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, args := range [][]string{
		{"status", "--cc", "ZZ", "--target", "x", "--json"},
		{"events", "--cc", "ZZ", "--json"},
		{"bans", "--cc", "ZZ", "--json"},
	} {
		var stdout, stderr bytes.Buffer
		env := &environment{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
		if run(context.Background(), env, append(args, "--data", dir)) == 0 {
			out[strings.Join(args, " ")] = stdout.String()
		} else if stderr.Len() == 0 {
			t.Errorf("%v fails and says nothing", args)
		}
	}
	return out
}

// A bit that flips in any file of an archive makes no answer another one: what
// needs the file is refused, and check names it.
func TestFlippedBits(t *testing.T) {
	flips := 40
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		flips = 10_000
	}
	dir := filepath.Join(t.TempDir(), "data")
	var docs bytes.Buffer
	var uids []string
	for i := range 60 {
		failure := []string{`"connection_reset"`, "null"}[i/30]
		uid := fmt.Sprintf("202402%02d000000.%06d_ZZ_webconnectivity_%016x", 1+i/3, i, i)
		fmt.Fprintf(&docs, `{"measurement_uid":%q,"test_name":"web_connectivity","measurement_start_time":"2024-02-%02d 0%d:00:00","probe_cc":"ZZ","probe_asn":"AS%d","input":"https://x.com/","report_id":"r%d","test_keys":{"queries":[{"engine":"system","failure":null,"hostname":"x.com","query_type":"A","answers":[{"answer_type":"A","ipv4":"104.244.42.1"}]}],"tcp_connect":[{"ip":"104.244.42.1","port":443,"status":{"failure":null,"success":true}}],"tls_handshakes":[{"address":"104.244.42.1:443","server_name":"x.com","failure":%s,"t":0.1}],"control":{"dns":{"failure":null,"addrs":["104.244.42.1"]},"tcp_connect":{"104.244.42.1:443":{"status":true,"failure":null}},"tls_handshake":{"104.244.42.1:443":{"server_name":"x.com","status":true,"failure":null}},"http_request":{"body_length":10,"failure":null,"status_code":200}},"control_failure":null}}`+"\n",
			uid, 1+i/3, i%3, 64512+i%2, i, failure)
		if i%20 == 0 {
			uids = append(uids, uid)
		}
	}
	in := filepath.Join(t.TempDir(), "in.jsonl")
	if err := os.WriteFile(in, docs.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	env := &environment{stdin: strings.NewReader(""), stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), getenv: func(string) string { return "" }}
	if code := run(t.Context(), env, []string{"import", in, "--data", dir}); code != 0 {
		t.Fatalf("import ends with %d: %s", code, env.stderr)
	}
	if err := intoParts(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	k := newAsker(t)
	k.uids = uids
	want, damaged := k.ask(t.Context(), dir)
	byCommand := askByCommand(t, dir)
	if len(want) < 3+2*len(uids) || len(byCommand) < 3 || len(damaged) > 0 {
		t.Fatalf("the whole archive answers %d questions only; damaged: %v", len(want)+len(byCommand), damaged)
	}
	files := filesOf(t, dir)
	flip := func(dir string, ask func() (map[string]string, []string), rnd *rand.Rand, byHand bool) (refused bool) {
		name := files[rnd.IntN(len(files))]
		path := filepath.Join(dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return false
		}
		bad := bytes.Clone(good)
		at := rnd.IntN(len(bad))
		bad[at] ^= 1 << rnd.IntN(8)
		os.Chmod(path, 0o644)
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Error(err)
			return false
		}
		got, named := ask()
		if byHand {
			answers := askByCommand(t, dir)
			today := time.Now().UTC().YearDay() == k.now.UTC().YearDay() // commands ask about today
			for q, a := range answers {
				if today && a != byCommand[q] {
					t.Errorf("%s with byte %d of %s changed is answered\n%.600s\nwant\n%.600s", q, at, name, a, byCommand[q])
				}
			}
		}
		for q, a := range got {
			if a != want[q] {
				t.Errorf("%s with byte %d of %s changed is answered\n%.600s\nwant\n%.600s", q, at, name, a, want[q])
			}
		}
		if !slices.ContainsFunc(named, func(s string) bool { return strings.Contains(s, name) }) {
			t.Errorf("a check does not name %s but %v", name, named)
		}
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Error(err)
			return false
		}
		return len(got) < len(want)
	}
	// Each core has a copy of the archive.
	var all sync.WaitGroup
	var refused, done atomic.Int64
	for worker := range runtime.GOMAXPROCS(0) {
		mine := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(mine, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			running, err := archive.OpenExisting(mine)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := store.Open(running, "")
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			rnd := rand.New(rand.NewPCG(9, uint64(worker)))
			for n := done.Add(1); n <= int64(flips) && !t.Failed(); n = done.Add(1) {
				ask := func() (map[string]string, []string) { return k.askOf(t.Context(), running, s) } // as a server
				if n%10 == 0 {
					ask = func() (map[string]string, []string) { return k.ask(t.Context(), mine) } // as a new process
				}
				if flip(mine, ask, rnd, n%250 == 1) {
					refused.Add(1)
				}
			}
			if got, _ := k.ask(t.Context(), mine); !maps.Equal(got, want) {
				t.Error("with good files again, the answers are others")
			}
		})
	}
	all.Wait()
	if refused.Load() < int64(flips/40) { // of 40 by chance few: which file is hit is chance
		t.Errorf("only %d of %d flips met a question", refused.Load(), flips)
	}
}

// intoParts puts all of the manifest into parts, as in an archive that has grown.
func intoParts(ctx context.Context, dir string) error {
	a, err := archive.Open(dir)
	if err != nil {
		return err
	}
	a.Fold = 1
	return a.Update(ctx, func(*archive.Update) error { return nil })
}

// filesOf are the files of an archive that an answer rests on. The ledger and
// its key have tests of their own.
func filesOf(t *testing.T, dir string) (files []string) {
	t.Helper()
	a, err := archive.OpenExisting(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if st, e := os.Stat(path); e == nil && st.Mode().IsRegular() && st.Size() > 0 && !strings.Contains(path, "sources-read") {
			rel, _ := filepath.Rel(dir, path)
			top, _, _ := strings.Cut(rel, "/")
			if !slices.Contains([]string{"ledger", "keys", "noted.json"}, top) && (top != "manifest" || slices.Contains(m.RestsOn(), rel)) {
				files = append(files, rel)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
