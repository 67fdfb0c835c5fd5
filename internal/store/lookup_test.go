package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/series"
)

// manyCells writes three months of cells of user-assigned countries, of which
// months and lines of a page hold parts: more than a row group, and more than are
// kept whole.
func manyCells(t *testing.T) *Store { return cellsOn(t, 60, false) }

// cellsOn writes three months of daily cells, and of hourly ones where hours is set, on
// so many targets.
func cellsOn(t *testing.T, targets int, hours bool) *Store {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	err = a.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "test"
		for month := time.January; month <= time.March; month++ {
			var cells []series.Cell
			for d := time.Date(2024, month, 1, 0, 0, 0, 0, time.UTC); d.Month() == month; d = d.AddDate(0, 0, 1) {
				for cc := range 3 {
					for n := range targets {
						if n%10 == 3 && d.YearDay() > 20+n/10 { // nobody measures it any more
							continue
						}
						for asn := range 1 + n%12 {
							c := series.Cell{CC: fmt.Sprintf("X%c", 'A'+cc), Target: fmt.Sprintf("a-rather-long-name-%02d.example", n), ASN: 64512 + uint32(asn), Start: d.Unix(), Span: 86400,
								Measurements: rnd.Uint32N(9), OK: rnd.Uint32N(5), LastOKUID: fmt.Sprintf("%016x", rnd.Uint64())}
							if rnd.IntN(3) == 0 {
								c.Voices = []series.Voice{{Report: rnd.Uint32(), OK: 1}, {Report: rnd.Uint32(), Bad: 1}}
								c.Tallies = []series.Tally{{Kind: series.Rule, Name: "T1", OK: 2}}
							}
							cells = append(cells, c)
						}
					}
				}
			}
			series.Sort(cells)
			if err := pipeline.AddCells(u, archive.Segment{Period: fmt.Sprintf("2024-%02d", month), Ruleset: "test"}, cells); err != nil {
				return err
			}
			if !hours {
				continue
			}
			countries := map[string]string{"XA": "some", "XB": "some", "XC": "some"}
			for i := range cells { // as if all had been measured within one hour, and the second in a row on one host
				if cells[i].Start, cells[i].Span = cells[i].Start+int64(i%24)*3600, 3600; i%2 == 1 {
					cells[i].Layer = series.PartPrefix + "host"
				}
			}
			series.Sort(cells)
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Hours, Period: fmt.Sprintf("2024-%02d", month), Ruleset: "test", Countries: countries}, cells); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, a)
}

// What is looked up in the files is what SQL answers.
func TestLookupIsWhatSQLAnswers(t *testing.T) {
	s := manyCells(t)
	at := func(m time.Month, d int) time.Time { return time.Date(2024, m, d, 0, 0, 0, 0, time.UTC) }
	for _, f := range []Filter{
		{CC: "XA", Target: "a-rather-long-name-00.example"},
		{CC: "XC", Target: "a-rather-long-name-59.example"},
		{CC: "XB", Target: "a-rather-long-name-31.example", ASNs: []uint32{64512, 64515}},
		{CC: "XB", Target: "a-rather-long-name-11.example", Since: at(2, 20), Until: at(3, 2)},
		{CC: "XB", Target: "a-rather-long-name-11.example", Since: at(2, 1), Until: at(3, 1)},
		{CC: "XB", Target: "a-rather-long-name-11.example", Since: at(2, 20).Add(5 * time.Hour), Until: at(2, 21).Add(time.Hour)},
		{CC: "XB", Target: "a-rather-long-name-"},
		{CC: "XZ", Target: "a-rather-long-name-11.example"},
	} {
		got, err := s.Cells(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		want, err := s.queryCells(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 && len(want) == 0 {
			if f.CC != "XZ" && f.Target != "a-rather-long-name-" {
				t.Errorf("%+v: nothing was found", f)
			}
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: looked up %d cells, SQL answers %d", f, len(got), len(want))
		}
	}
}

// Of an archive with few cells they are read once, and what goes over all of them is
// what SQL answers.
func TestFewCellsAreWhatSQLAnswers(t *testing.T) {
	s := cellsOn(t, 15, true)
	m, err := s.a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if _, small, err := s.smallCells(m); !small || err != nil {
		t.Fatal("they are not few: nothing is compared", err)
	}
	same := func(name string, got any, err error, want any, wrong error) {
		t.Helper()
		if err != nil || wrong != nil || reflect.ValueOf(want).Len() == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d from memory (%v), SQL answers %d (%v)", name, reflect.ValueOf(got).Len(), err, reflect.ValueOf(want).Len(), wrong)
		}
	}
	ctx, day := t.Context(), time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)
	for _, limit := range []int{1, 7, 1000} {
		got, err := s.Places(ctx, limit)
		want, wrong := s.queryPlaces(ctx, limit)
		same("places", got, err, want, wrong)
	}
	for _, asn := range []uint32{64512, 64520} {
		got, err := s.OnNetwork(ctx, asn)
		want, wrong := s.queryNetwork(ctx, asn)
		same("on a network", got, err, want, wrong)
	}
	for _, at := range someMoments {
		got, err := s.recentCells(ctx, m, "XB", at)
		want, wrong := s.recentInSQL(t, "XB", at)
		same("recent cells", got, err, want, wrong)
	}
	f := Filter{CC: "XB", Target: "a-rather-long-name-11.example", Since: day, Until: day.AddDate(0, 1, 3), ASNs: []uint32{64512, 64513}}
	got, err := s.Cells(ctx, f)
	want, wrong := s.queryCells(ctx, f)
	same("cells", got, err, want, wrong)
}

// someMoments are those before which the last days are asked for: no moment, one at
// the end of a day, one within a day, and one whose window has days of two months.
var someMoments = []time.Time{{}, time.Date(2024, 2, 20, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 20, 5, 0, 0, 0, time.UTC), time.Date(2024, 3, 3, 0, 0, 0, 0, time.UTC)}

// recentInSQL asks for a country's last days in SQL.
func (s *Store) recentInSQL(t *testing.T, cc string, at time.Time) ([]series.Cell, error) {
	if _, err := s.refresh(t.Context(), "cells"); err != nil {
		return nil, err
	}
	window := int64(answer.Window / time.Second)
	q := `SELECT ` + cellColumns + `, talliesText(tallies), voicesText(voices) FROM cells`
	if !at.IsZero() {
		return s.cells(t.Context(), q+` WHERE probe_cc = ? AND start >= ? AND start < ? ORDER BY target, probe_asn, start`, cc, at.Unix()-window, at.Unix())
	}
	q = `WITH recent AS (SELECT target AS name, max(start) AS last FROM cells WHERE probe_cc = ? AND measurements > 0 GROUP BY target) ` + q + ` JOIN recent ON cells.target = recent.name WHERE probe_cc = ? AND start > last - ? ORDER BY target, probe_asn, start`
	return s.cells(t.Context(), q, cc, cc, window)
}

// Of many cells too, the last days of a country are those that SQL finds.
func TestLastDaysAreWhatSQLAnswers(t *testing.T) {
	s := manyCells(t)
	m, err := s.a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if _, small, err := s.smallCells(m); small || err != nil {
		t.Fatal("they are few: nothing is compared", err)
	}
	for _, at := range someMoments {
		got, err := s.recentCells(t.Context(), m, "XB", at)
		want, wrong := s.recentInSQL(t, "XB", at)
		if err != nil || wrong != nil || len(want) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("before %v: %d cells (%v), SQL answers %d (%v)", at, len(got), err, len(want), wrong)
		}
	}
}

// Hours are the hourly cells of whole measurements alone, of the time that is asked
// for.
func TestHours(t *testing.T) {
	s := cellsOn(t, 15, true)
	m, err := s.a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	f := Filter{CC: "XB", Target: "a-rather-long-name-11.example", Since: time.Date(2024, 1, 31, 20, 0, 0, 0, time.UTC), Until: time.Date(2024, 2, 2, 20, 0, 0, 0, time.UTC)}
	var want []series.Cell
	for _, g := range m.Select(archive.Hours, "test") {
		err := archive.ReadSegment(s.a, g, func(cells []series.Cell) error {
			for _, c := range cells {
				if c.CC == f.CC && c.Target == f.Target && c.Layer == series.Whole && c.Start >= f.Since.Unix() && c.Start < f.Until.Unix() {
					one := []series.Cell{c}
					tidy(one)
					c.LastOKUID = strings.Clone(c.LastOKUID)
					want = append(want, one...)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	series.Sort(want)
	got, err := s.Hours(t.Context(), f)
	if err != nil || len(want) < 5 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d hours, want %d (%v)", len(got), len(want), err)
	}
	f.CC = "XZ"
	if got, err := s.Hours(t.Context(), f); err != nil || len(got) > 0 {
		t.Errorf("%d hours of a country that nobody measured in (%v)", len(got), err)
	}
}

// A file that was damaged gives an error that names it, not fewer cells.
func TestLookupInADamagedFile(t *testing.T) {
	s := manyCells(t)
	m, err := s.a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	g := m.Select(archive.Cells, "test")[1]
	path := filepath.Join(s.a.Dir(), g.Path())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := 4; i < len(b)/2; i++ {
		b[i] ^= 0x55
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Cells(t.Context(), Filter{CC: "XA", Target: "a-rather-long-name-03.example"}); err == nil {
		t.Errorf("%d cells from a damaged file and no error", len(got))
	} else {
		t.Log(err)
	}
}

// Few files stay open, and none that the manifest no longer lists.
func TestOpenFilesAreBounded(t *testing.T) {
	s := manyCells(t)
	f := Filter{CC: "XA", Target: "a-rather-long-name-03.example"}
	if _, err := s.Cells(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if n := len(s.open.files); n != 3 {
		t.Errorf("%d files are open for three months", n)
	}
	m, err := s.a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	err = s.a.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Segments = u.Manifest.Segments[:len(m.Segments)-1]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cells(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if n := len(s.open.files); n != 2 {
		t.Errorf("%d files are open for two months", n)
	}
}

// What is asked for many pairs at once is what is asked for each.
func TestEvidenceOfManyIsThatOfEach(t *testing.T) {
	s := manyCells(t)
	var pairs []Pair
	for _, cc := range []string{"XA", "XC", "XQ"} { // nothing is known of XQ
		for n := range 20 {
			pairs = append(pairs, Pair{cc, fmt.Sprintf("a-rather-long-name-%02d.example", 3*n)})
		}
	}
	all, err := s.EvidenceOf(t.Context(), pairs)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		want, err := s.Evidence(t.Context(), p.CC, p.Target, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		got := all[p]
		if len(got.Days) == 0 && len(want.Days) == 0 {
			got.Days, want.Days = nil, nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %d days and %d events at once, %d and %d alone", p, len(got.Days), len(got.Events), len(want.Days), len(want.Events))
		}
	}
	if again, err := s.EvidenceOf(t.Context(), pairs); err != nil || !reflect.DeepEqual(again, all) {
		t.Errorf("what was kept is not what was read (%v)", err)
	}
	if none, err := s.EvidenceOf(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of no pairs: %v, %v", none, err)
	}
}
