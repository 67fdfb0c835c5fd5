package store

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// scattered writes verdicts on three targets of ZZ, in many small segments of ten
// days; some stand in another day than their own, as those whose clock was wrong do.
func scattered(t *testing.T) *Store {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	states := []verdict.State{verdict.OK, verdict.Blocked, verdict.Insufficient}
	n := 0
	err = a.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "test"
		for d := 1; d <= 10; d++ {
			for range 1 + rnd.IntN(5) {
				var part []verdict.Row
				for range 1 + rnd.IntN(6) {
					n++
					r := verdict.Row{UID: fmt.Sprintf("uid-%04d", rnd.IntN(300)), ReportID: fmt.Sprint("r", n), CC: "ZZ", ASN: 64512 + rnd.Uint32N(3), TestName: "web_connectivity", Software: fmt.Sprint("example/", rnd.IntN(2)),
						Target: fmt.Sprintf("site-%d.example", rnd.IntN(3)), Domain: fmt.Sprintf("site-%d.example", rnd.IntN(3)), State: states[rnd.IntN(3)], Ruleset: "test", Raw: "raw", Line: uint32(n),
						Time: day(d).Add(time.Duration(rnd.IntN(24)) * time.Hour)}
					if rnd.IntN(20) == 0 {
						r.Time = day(1).AddDate(0, 0, rnd.IntN(30)-10)
						r.Marks = []string{"clock_future"}
					}
					part = append(part, r)
				}
				slices.SortFunc(part, func(a, b verdict.Row) int { return derivation.CompareVerdicts(&a, &b) })
				if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: day(d).Format(time.DateOnly), Ruleset: "test"}, part); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, a)
}

// The newest of a selection, from memory, are those that SQL finds, also where
// clocks were wrong.
func TestNewestAreWhatSQLAnswers(t *testing.T) {
	s := scattered(t)
	m, err := s.refresh(t.Context(), "verdicts")
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	for _, f := range []Selection{{}, {ASNs: []uint32{64512, 64514}}, {Anomaly: &yes}, {Failure: &no}, {Confirmed: &no, Domains: []string{"site-1.example", "site-2.example"}}, {Versions: []string{"1"}}, {Tests: []string{"tor"}},
		{Since: day(3)}, {Until: day(4)}, {Until: day(4).Add(5 * time.Hour)}, {Since: day(2).Add(time.Hour), Until: day(3)}, {CCs: []string{"ZY"}}, {Since: day(12)}, {Until: day(1)}} {
		all, err := s.measurements(t.Context(), f, false, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(all, func(a, b verdict.Row) int { return b.Time.Compare(a.Time) }) {
			t.Fatal("SQL answers in another order")
		}
		slices.SortStableFunc(all, func(a, b verdict.Row) int { return newestFirst(&a, &b) }) // SQL leaves open what comes first of two alike
		for _, at := range [][2]int{{0, 1}, {0, 5}, {3, 4}, {10, 3}, {0, 1000}, {23, 5}, {900, 5}} {
			got, ok, err := s.recent(days(m), &f, at[0], at[1])
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			want := all[min(at[0], len(all)):min(at[0]+at[1], len(all))]
			if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %d from %d on: %d rows from memory, SQL has %d", f, at[1], at[0], len(got), len(want))
			}
		}
	}
	for target := range 4 {
		list, _, err := s.List(t.Context(), Filter{CC: "ZZ", Target: fmt.Sprintf("site-%d.example", target)}, func(*verdict.Row) bool { return true }, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for r, err := range s.Verdicts(t.Context(), Filter{CC: "ZZ"}) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Target == fmt.Sprintf("site-%d.example", target) {
				n++
			}
		}
		if len(list) != n || n == 0 && target < 3 {
			t.Errorf("the list of site-%d has %d rows, SQL %d", target, len(list), n)
		}
	}
}

// What is kept in memory is bounded, and segments that are no longer listed leave.
func TestVerdictsInMemoryAreBounded(t *testing.T) {
	s := scattered(t)
	kept := func() (bytes, segments int) {
		r := &s.verdicts
		r.mu.Lock()
		defer r.mu.Unlock()
		for e := r.order.Front(); e != nil; e = e.Next() {
			bytes += e.Value.(*heldVerdicts).bytes
		}
		if bytes != r.bytes || r.order.Len() != len(r.kept) {
			t.Errorf("%d bytes are kept, counted as %d", bytes, r.bytes)
		}
		return bytes, len(r.kept)
	}
	all := Selection{}
	if _, err := s.Measurements(t.Context(), all, false, 0, 1000); err != nil {
		t.Fatal(err)
	}
	bytes, before := kept()
	if bytes == 0 || before < 10 {
		t.Fatalf("%d segments of %d bytes are kept", before, bytes)
	}
	gone := ""
	err := s.a.Update(t.Context(), func(u *archive.Update) error {
		i := slices.IndexFunc(u.Manifest.Segments, func(g archive.Segment) bool { return g.Kind == archive.Verdicts })
		gone = u.Manifest.Segments[i].Path()
		u.Manifest.Segments = slices.Delete(u.Manifest.Segments, i, i+1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Measurements(t.Context(), all, false, 0, 1000); err != nil {
		t.Fatal(err)
	}
	if _, after := kept(); after != before-1 || s.verdicts.kept[gone] != nil {
		t.Errorf("%d segments are kept after one of %d was dropped", after, before)
	}
	r := &s.verdicts
	h := &heldVerdicts{key: "a large one", size: maxVerdictBytes}
	r.mu.Lock()
	r.kept[h.key] = r.order.PushFront(h)
	r.mu.Unlock()
	r.settle(h)
	if bytes, n := kept(); bytes > maxVerdictBytes || n != 1 {
		t.Errorf("%d segments of %d bytes are kept", n, bytes)
	}
}

// The list of one target reads small segments whole and keeps them; of large ones
// it reads the rows on that target alone, and keeps these.
func TestLargeSegmentsAreLookedUp(t *testing.T) {
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = a.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "test"
		for d, n := range []int{5, maxWhole + 1} {
			var rows []verdict.Row
			for i := range n {
				rows = append(rows, verdict.Row{UID: fmt.Sprintf("uid-%d-%d", d, i), CC: "ZZ", ASN: 64512, Target: fmt.Sprintf("site-%d.example", i%5), State: verdict.OK, Ruleset: "test", Time: day(1 + d).Add(time.Duration(i) * time.Minute)})
			}
			slices.SortFunc(rows, func(a, b verdict.Row) int { return derivation.CompareVerdicts(&a, &b) })
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: day(1 + d).Format(time.DateOnly), Ruleset: "test"}, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, a)
	list := func() int {
		rows, more, err := s.List(t.Context(), Filter{CC: "ZZ", Target: "site-1.example"}, func(*verdict.Row) bool { return true }, 0, 1000)
		if err != nil || more {
			t.Fatal(more, err)
		}
		return len(rows)
	}
	want := 1 + (maxWhole+4)/5
	for range 2 {
		s.open.close()
		if got := list(); got != want || len(s.verdicts.kept) != 2 {
			t.Errorf("%d rows, want %d; %d are kept, want the small segment and a part of the large one", got, want, len(s.verdicts.kept))
		}
	}
	if n := len(s.open.files); n != 0 {
		t.Errorf("%d files were opened for what is kept", n)
	}
	if _, err := s.Measurements(t.Context(), Selection{}, false, 0, 1000); err != nil { // the newest of all
		t.Fatal(err)
	}
	if got := list(); got != want || len(s.verdicts.kept) != 3 {
		t.Errorf("%d rows, want %d; %d are kept, want both segments and the part", got, want, len(s.verdicts.kept))
	}
	if s.verdicts.keep(nil); len(s.verdicts.kept) != 0 || s.verdicts.bytes != 0 {
		t.Errorf("%d are kept of %d bytes, though no segment is listed", len(s.verdicts.kept), s.verdicts.bytes)
	}
}

// Cells of segments that are no longer listed leave memory, and the rest is bounded.
func TestCellsInMemoryAreBounded(t *testing.T) {
	var r readCells
	for i := range 3 {
		r.put(cellsKey{fmt.Sprint("segment", i), "ZZ", ""}, make([]series.Cell, 10))
	}
	r.keep(map[string]bool{"segment1": true})
	_, is := r.get(cellsKey{"segment1", "ZZ", ""})
	if len(r.kept) != 1 || r.order.Len() != 1 || r.cells != 11 || !is {
		t.Errorf("%d lists of %d cells are kept, want the one that is listed", len(r.kept), r.cells)
	}
	r.put(cellsKey{"segment4", "ZZ", ""}, make([]series.Cell, maxCells-1))
	if _, is := r.get(cellsKey{"segment1", "ZZ", ""}); is || r.cells > maxCells {
		t.Errorf("%d cells are kept, want at most %d", r.cells, maxCells)
	}
}
