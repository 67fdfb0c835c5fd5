package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

func verdictRow(i int) verdict.Row {
	return verdict.Row{
		UID: fmt.Sprintf("uid-%04d", i), Time: time.Date(2024, 2, 17, i%24, 0, i, 0, time.UTC), CC: "ZZ", ASN: 64512 + uint32(i%3),
		TestName: "web_connectivity", Target: "x", State: verdict.OK, TCP: verdict.Layer{Outcome: "ok", Rule: "T1"},
		Mechanisms: []string{"tls.reset", "dns"}[:i%3/2+i%2], Marks: nil, Ruleset: "r1",
	}
}

func compareVerdict(a, b *verdict.Row) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.UID, b.UID))
}

func TestSegmentRoundTripAndMerge(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var all []verdict.Row
	err = a.Update(context.Background(), func(u *Update) error {
		for part := range 5 {
			var rows []verdict.Row
			for i := part; i < 3000; i += 5 {
				rows = append(rows, verdictRow(i))
			}
			slices.SortFunc(rows, func(a, b verdict.Row) int { return compareVerdict(&a, &b) })
			all = append(all, rows...)
			if _, err := AddSegment(u, Segment{Kind: Verdicts, Period: "2024-02-17", Ruleset: "r1"}, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b verdict.Row) int { return compareVerdict(&a, &b) })
	err = a.Update(context.Background(), func(u *Update) error {
		_, err := Merge(u, u.Manifest.Select(Verdicts, "r1"), compareVerdict, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Segments) != 1 {
		t.Fatalf("after the merge there are %d segments, want 1", len(m.Segments))
	}
	var got []verdict.Row
	if err := ReadSegment(a, m.Segments[0], func(rows []verdict.Row) error { got = append(got, rows...); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(all) {
		t.Fatalf("%d rows came back of %d", len(got), len(all))
	}
	for i := range got {
		if len(got[i].Mechanisms) == 0 {
			got[i].Mechanisms = nil
		}
		if len(all[i].Mechanisms) == 0 {
			all[i].Mechanisms = nil
		}
		got[i].Marks, got[i].Rules = nil, nil
		got[i].Time = got[i].Time.UTC()
		if !reflect.DeepEqual(got[i], all[i]) {
			t.Fatalf("row %d came back as\n%+v, want\n%+v", i, got[i], all[i])
		}
	}
	removed, err := a.Sweep(context.Background(), 0, time.Now().Add(time.Hour))
	if err != nil || removed != 5 {
		t.Fatalf("sweep removed %d files (%v), want the 5 merged ones", removed, err)
	}
}

func TestObservationRoundTrip(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := observation.Row{}
	fill(reflect.ValueOf(&want).Elem(), 1)
	err = a.Update(context.Background(), func(u *Update) error {
		_, err := AddSegment(u, Segment{Kind: Observations, Period: "2024-02-17"}, []observation.Row{want})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := a.Manifest()
	err = ReadSegment(a, m.Segments[0], func(rows []observation.Row) error {
		got := rows[0]
		got.Time = got.Time.UTC()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("came back as\n%+v, want\n%+v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fill gives every field of a row a value of its own, so that a column that
// the archive drops shows.
func fill(v reflect.Value, n int64) int64 {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(1700000000+n, 0).UTC()))
		return n + 1
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			n = fill(v.Field(i), n)
		}
		return n
	case reflect.Slice:
		s := reflect.MakeSlice(v.Type(), 2, 2)
		n = fill(s.Index(0), n)
		n = fill(s.Index(1), n)
		v.Set(s)
		return n
	case reflect.String:
		v.SetString(fmt.Sprint("value ", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(n) / 8)
	case reflect.Int64:
		v.SetInt(n)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(n))
	default:
		panic("a row field of a kind that the test does not know: " + v.Type().String())
	}
	return n + 1
}

func TestRawRoundTrip(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	docs := []string{`{"a":1}`, `{"document":{"x":",\"document\":"}}`, `{"b":"}"}`}
	var lines []byte
	for i, d := range docs {
		lines = AppendEntry(lines, &Entry{Source: `odd ,"document": name "` + "\n", Line: int64(i + 1), UID: "u", Document: []byte(d)})
	}
	var batch Batch
	err = a.Update(context.Background(), func(u *Update) error {
		batch, err = u.AddRaw(KindMeasurements, lines, len(docs), time.Unix(1700000000, 0))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = a.ReadRaw(batch, func(line uint32, e *Entry) error {
		if string(e.Document) != docs[line] || e.Line != int64(line)+1 {
			t.Errorf("line %d came back as %s", line, e.Document)
		}
		n++
		return nil
	})
	if err != nil || n != len(docs) {
		t.Fatalf("read %d lines of %d: %v", n, len(docs), err)
	}
	e, err := a.ReadRawLine(batch.SHA256, 2)
	if err != nil || string(e.Document) != docs[2] {
		t.Fatalf("line 2 is %v, %v", e, err)
	}
	if _, err := a.ReadRawLine(batch.SHA256, 3); err == nil {
		t.Error("a line that does not exist was read")
	}
}

func TestCheckNamesDamage(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var b [3]Batch
	err = a.Update(context.Background(), func(u *Update) error {
		for i := range b {
			b[i], err = u.AddRaw(KindMeasurements, AppendEntry(nil, &Entry{UID: fmt.Sprint(i), Document: bytes.Repeat([]byte("1"), 100+i)}), 1, time.Unix(0, 0))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(a.Dir(), b[1].Path())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	os.Remove(path)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(a.Dir(), b[2].Path()))
	damaged, orphans, files, err := a.Check(context.Background())
	if err != nil || files != 3 || len(orphans) != 0 || len(damaged) != 2 {
		t.Fatalf("damaged %v, orphans %v, files %d, %v", damaged, orphans, files, err)
	}
	got := map[string]string{}
	for _, d := range damaged {
		got[d.Path] = d.Reason
	}
	if got[b[1].Path()] != "its content does not have the SHA-256 of its name" || got[b[2].Path()] != "missing" {
		t.Errorf("damage is told as %v", got)
	}
}

func TestFailedUpdateLeavesNothing(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = a.Update(context.Background(), func(u *Update) error {
		if _, err := u.AddRaw(KindMeasurements, []byte("x\n"), 1, time.Unix(0, 0)); err != nil {
			return err
		}
		return fmt.Errorf("the disk is full")
	})
	if err == nil {
		t.Fatal("the failure was swallowed")
	}
	m, err := a.Manifest()
	if err != nil || len(m.Batches()) != 0 || m.Generation != 0 {
		t.Fatalf("the manifest lists %v at generation %d (%v) after a failed update", m.Batches(), m.Generation, err)
	}
	_, orphans, _, err := a.Check(context.Background())
	if err != nil || len(orphans) != 0 {
		t.Fatalf("orphans %v, %v; want nothing of a batch that was not committed", orphans, err)
	}
}

func TestSecondOpenerSeesCommits(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		err := w.Update(context.Background(), func(u *Update) error {
			_, err := u.AddRaw(KindMeasurements, []byte(fmt.Sprint(i, "\n")), 1, time.Unix(0, 0))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Manifest()
		if err != nil || len(m.Batches()) != i+1 || m.Generation != uint64(i+1) {
			t.Fatalf("the reader sees %d batches at generation %d (%v), want %d", len(m.Batches()), m.Generation, err, i+1)
		}
	}
}

// While a stage is under way others commit, nothing is swept, and a second
// stage waits. What it takes over stands in the manifest that they left.
func TestStage(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var mine, theirs Batch
	add := func(u *Update, text string) (b Batch) {
		b, err := u.AddRaw(KindMeasurements, []byte(text), 1, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	err = a.Stage(ctx, func(u *Update) error {
		mine = add(u, "staged\n")
		if err := a.Update(ctx, func(u *Update) error { theirs = add(u, "meanwhile\n"); return nil }); err != nil {
			return err
		}
		if n, err := a.Sweep(ctx, 0, time.Now().Add(time.Hour)); n != 0 || err != nil {
			t.Errorf("%d files swept during a stage (%v)", n, err)
		}
		late, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := a.Stage(late, func(*Update) error { return nil }, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second stage: %v", err)
		}
		return nil
	}, func(staged *Manifest, u *Update) error {
		if _, ok := u.Manifest.Batch(theirs.SHA256); !ok {
			t.Error("finish does not see what was committed meanwhile")
		}
		b, ok := staged.Batch(mine.SHA256)
		if !ok {
			t.Error("finish does not see what was staged")
		}
		u.Manifest.list(b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	damaged, orphans, files, err := a.Check(ctx)
	if err != nil || len(damaged)+len(orphans) != 0 || files != 2 {
		t.Errorf("damaged %v, orphans %v, %d files, %v", damaged, orphans, files, err)
	}
}

// A process that has not seen the newest commits notices all the same that a
// manifest from before them was put back.
func TestRolledBackBehindAReader(t *testing.T) {
	dir := t.TempDir()
	add := func(a *Archive, text string) {
		t.Helper()
		err := a.Update(t.Context(), func(u *Update) error {
			_, err := u.AddRaw(KindMeasurements, []byte(text+"\n"), 1, time.Unix(0, 0))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	one, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	add(one, "1")
	two, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), older, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Manifest(); err != nil {
		t.Errorf("the same manifest again: %v", err)
	}
	add(one, "2")
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), older, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*Archive{"who has seen them": one, "who has not": two} {
		if err := a.Update(t.Context(), func(*Update) error { return nil }); !errors.Is(err, ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
