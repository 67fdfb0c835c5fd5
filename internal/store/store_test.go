package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

func day(d int) time.Time { return time.Date(2024, 2, d, 0, 0, 0, 0, time.UTC) }

// rows of ZZ, nothing real: x is blocked on AS64512 from the 3rd, ok on AS64513.
func rows() []verdict.Row {
	var out []verdict.Row
	for d := 1; d <= 6; d++ {
		for i := range 4 {
			r := verdict.Row{
				UID: fmt.Sprintf("202402%02d000000.%06d_ZZ_webconnectivity_%016x", d, i, i), ReportID: fmt.Sprint("r", d, i), Time: day(d).Add(time.Duration(i) * time.Hour),
				CC: "ZZ", ASN: 64512 + uint32(i%2), TestName: "web_connectivity", Target: "x", Domain: "x.com", State: verdict.OK, Ruleset: "test", Rules: []string{},
				TLS: verdict.Layer{Outcome: verdict.OutcomeOK, Rule: "L1"},
			}
			if d >= 3 && r.ASN == 64512 {
				r.State, r.TLS, r.Mechanisms = verdict.LikelyBlocked, verdict.Layer{Outcome: verdict.OutcomeBlocked, Rule: "L2"}, []string{"tls.reset", "tls.reset.sni"}
			}
			out = append(out, r)
		}
	}
	return out
}

func filled(t *testing.T) *Store {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := rows()
	b := series.NewBuilder(series.Day).WithLayers()
	for i := range all {
		b.Add(&all[i])
	}
	err = a.Update(context.Background(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "test"
		for d := 1; d <= 6; d++ {
			part := slices.DeleteFunc(slices.Clone(all), func(r verdict.Row) bool { return r.Time.Day() != d })
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: day(d).Format(time.DateOnly), Ruleset: "test"}, part); err != nil {
				return err
			}
		}
		return pipeline.AddCells(u, archive.Segment{Period: "2024-02", Ruleset: "test"}, b.Cells())
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, a)
}

// opened opens an archive for questions, until the test ends.
func opened(t *testing.T, a *archive.Archive) *Store {
	t.Helper()
	s, err := Open(a, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestEmptyArchive(t *testing.T) {
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, a)
	cells, err := s.Cells(t.Context(), Filter{CC: "ZZ"})
	if err != nil || len(cells) != 0 {
		t.Errorf("cells of an empty archive: %v, %v", cells, err)
	}
	for r, err := range s.Verdicts(t.Context(), Filter{}) {
		t.Errorf("a verdict of an empty archive: %v, %v", r, err)
	}
	if o, err := s.CountryEvidence(t.Context(), "ZZ", time.Time{}, time.Time{}); err != nil || len(o) != 0 {
		t.Errorf("targets of an empty archive: %v, %v", o, err)
	}
	if o, err := s.Events(t.Context(), Filter{}); err != nil || len(o.Events)+len(o.Artefacts) != 0 {
		t.Errorf("events of an empty archive: %v, %v", o, err)
	}
	if o, err := s.Counts(t.Context(), Filter{CC: "ZZ"}); err != nil || len(o) != 0 {
		t.Errorf("counts of an empty archive: %v, %v", o, err)
	}
}

func TestCellsAreThoseThatWereBuilt(t *testing.T) {
	s := filled(t)
	got, err := s.Cells(t.Context(), Filter{CC: "ZZ", Target: "x"})
	if err != nil {
		t.Fatal(err)
	}
	b := series.NewBuilder(series.Day)
	all := rows()
	for i := range all {
		b.Add(&all[i])
	}
	want := b.Cells()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got[0], want[0])
	}
	tls, err := s.Cells(t.Context(), Filter{CC: "ZZ", Target: "x", Layer: "tls"})
	if err != nil || len(tls) != 12 || tls[2].Blocked != 2 || tls[2].Layer != "tls" {
		t.Errorf("the cells of TLS are %+v, %v", tls, err)
	}
	whole, err := s.Cells(t.Context(), Filter{CC: "ZZ", Target: "x", ASNs: []uint32{64512}, Since: day(3), Until: day(5)})
	if err != nil {
		t.Fatal(err)
	}
	if len(whole) != 2 || whole[0].Likely != 2 || whole[0].ASN != 64512 {
		t.Errorf("two days of AS64512 are %+v", whole)
	}
}

func TestVerdictsComeBackWhole(t *testing.T) {
	s := filled(t)
	var got []verdict.Row
	for r, err := range s.Verdicts(t.Context(), Filter{CC: "ZZ", Target: "x"}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Rules == nil {
			r.Rules = []string{}
		}
		got = append(got, r)
	}
	if want := rows(); !reflect.DeepEqual(got, want) {
		t.Fatalf("%d rows came back of %d; the first is\n%+v, want\n%+v", len(got), len(want), got[0], want[0])
	}
	want := rows()[9]
	r, ok, err := s.Verdict(t.Context(), want.UID)
	if err != nil || !ok || r.Time != want.Time {
		t.Errorf("verdict of %s: %+v, %v, %v", want.UID, r, ok, err)
	}
	if _, ok, err := s.Verdict(t.Context(), "no such uid"); ok || err != nil {
		t.Errorf("a uid that does not exist: %v, %v", ok, err)
	}
}

// The evidence of a whole country holds, of each target, what the target's own
// holds of its last days.
func TestCountryEvidence(t *testing.T) {
	s := filled(t)
	all, err := s.CountryEvidence(t.Context(), "ZZ", time.Time{}, time.Time{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	own, err := s.Evidence(t.Context(), "ZZ", "x", time.Time{})
	if err != nil || len(own.Days) == 0 {
		t.Fatalf("%v, %v", own, err)
	}
	last := own.Days[len(own.Days)-1].End()
	recent := slices.DeleteFunc(slices.Clone(own.Days), func(c series.Cell) bool { return c.Start < last-7*86400 })
	if !reflect.DeepEqual(all["x"].Days, recent) {
		t.Errorf("the country has %d cells of x, its own last days %d", len(all["x"].Days), len(recent))
	}
	p, err := s.Places(t.Context(), 10)
	if err != nil || len(p) != 1 || p[0].Measurements != 24 {
		t.Errorf("places are %+v, %v", p, err)
	}
}

// A second process's commit is seen by the next query.
func TestNewSegmentsAreSeen(t *testing.T) {
	s := filled(t)
	if _, err := s.Cells(t.Context(), Filter{}); err != nil {
		t.Fatal(err)
	}
	other, err := archive.Open(s.Archive().Dir())
	if err != nil {
		t.Fatal(err)
	}
	err = other.Update(t.Context(), func(u *archive.Update) error {
		r := rows()[0]
		r.UID, r.Target = "new", "y"
		_, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: "2024-02-01", Ruleset: "test"}, []verdict.Row{r})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range s.Verdicts(t.Context(), Filter{Target: "y"}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d rows of the new target, want 1", n)
	}
}

// makeOlder replaces a segment with one that lacks the column of senders.
func makeOlder(t *testing.T, s *Store, g archive.Segment) {
	t.Helper()
	older := filepath.Join(t.TempDir(), "older.parquet")
	q := "COPY (SELECT * EXCLUDE (sender) FROM read_parquet(" + quote(filepath.Join(s.a.Dir(), g.Path())) + ", union_by_name = true)) TO " + quote(older)
	if _, err := s.db.(duckDB).ExecContext(t.Context(), q); err != nil {
		return // it was made older before
	}
	b, err := os.ReadFile(older)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	err = s.a.Update(t.Context(), func(u *archive.Update) error {
		for i := range u.Manifest.Segments {
			if o := &u.Manifest.Segments[i]; o.Path() == g.Path() {
				o.SHA256, o.Bytes = hex.EncodeToString(sum[:]), int64(len(b))
				return os.WriteFile(filepath.Join(s.a.Dir(), o.Path()), b, 0o644)
			}
		}
		return fmt.Errorf("no segment %s", g.Path())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The verdicts of a program that knew fewer columns are read beside new ones.
func TestVerdictsOfOlderPrograms(t *testing.T) {
	t.Parallel()
	s := filled(t)
	want := rows()
	m, err := s.refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, len(m.Select(archive.Verdicts, "test"))} { // beside new ones, and alone
		if m, err = s.a.Manifest(); err != nil {
			t.Fatal(err)
		}
		for _, g := range m.Select(archive.Verdicts, "test")[:n] {
			makeOlder(t, s, g)
		}
		read := opened(t, s.a)
		got := 0
		for r, err := range read.Verdicts(t.Context(), Filter{CC: "ZZ"}) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Sender != "" || r.ReportID == "" {
				t.Errorf("%+v", r)
			}
			got++
		}
		if got != len(want) {
			t.Errorf("%d segments older: %d verdicts, want %d", n, got, len(want))
		}
	}
}

// A segment with a flipped bit is named, and answers nothing: no count of it is
// shown, and reading it does not end the process.
func TestDamagedSegmentsAnswerNothing(t *testing.T) {
	t.Parallel()
	for _, flip := range []int64{4, 100, -20} {
		s := filled(t)
		m, err := s.a.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{archive.Cells, archive.Verdicts} {
			g := m.Select(kind, "test")[0]
			path := filepath.Join(s.a.Dir(), g.Path())
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := flip
			if at < 0 {
				at += int64(len(b))
			}
			b[at] ^= 1
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		fresh := opened(t, s.a)
		if cells, err := fresh.Cells(t.Context(), Filter{CC: "ZZ", Target: "x"}); err == nil {
			t.Errorf("byte %d: %d cells of a damaged segment were read", flip, len(cells))
		}
		if _, err := fresh.Places(t.Context(), 10); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("byte %d: places of a damaged segment: %v", flip, err)
		}
		for _, err := range fresh.Verdicts(t.Context(), Filter{CC: "ZZ"}) {
			if err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("byte %d: a verdict of a damaged segment: %v", flip, err)
			}
			break
		}
	}
}

// Lists that read few days are those that read all of them.
func TestMeasurementsReadFewDays(t *testing.T) {
	s := filled(t)
	if _, err := s.refresh(t.Context(), "verdicts"); err != nil {
		t.Fatal(err)
	}
	yes := true
	for _, f := range []Selection{{}, {ASNs: []uint32{64512}}, {Anomaly: &yes}, {Since: day(3)}, {Until: day(4)}, {Since: day(2), Until: day(3)}, {CCs: []string{"ZY"}}, {ReportID: "r30"}} {
		for _, ascending := range []bool{false, true} {
			for _, at := range [][2]int{{0, 1}, {0, 5}, {3, 4}, {10, 3}, {0, 100}, {23, 5}, {40, 5}} {
				got, err := s.Measurements(t.Context(), f, ascending, at[0], at[1])
				if err != nil {
					t.Fatal(err)
				}
				want, err := s.measurements(t.Context(), f, ascending, at[0], at[1])
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%+v, ascending %v, %d from %d on: %d rows by few days, %d by all", f, ascending, at[1], at[0], len(got), len(want))
				}
			}
		}
	}
}
