package ban_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/ban/list"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

func names(t testing.TB) list.Names {
	t.Helper()
	r, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// real reads a file of real data, which the repository may not hold.
func real(t testing.TB, name ...string) []byte {
	t.Helper()
	dir := os.Getenv("BANDISH_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(append([]string{dir}, name...)...))
	if err != nil {
		t.Skipf("no real data: %v", err)
	}
	return data
}

func addsUp(t testing.TB, im *list.Import) {
	t.Helper()
	if im.Rows != im.Used+len(im.Asides) {
		t.Errorf("%d rows, %d used and %d set aside do not add up", im.Rows, im.Used, len(im.Asides))
	}
}

func realImports(t testing.TB) (csv, xlsx, ooni, sflc *list.Import) {
	n := names(t)
	var err error
	if csv, err = list.ReadKeepItOnCSV(bytes.NewReader(real(t, "shutdowns", "stop-snapshot-2026-05-20.csv")), "stop.csv", n); err != nil {
		t.Fatal(err)
	}
	if xlsx, err = list.ReadKeepItOnXLSX(real(t, "shutdowns", "Keepiton_raw_dataset.xlsx"), "keepiton.xlsx", n); err != nil {
		t.Fatal(err)
	}
	if ooni, err = list.ReadOONIIncidents(real(t, "incidents", "ooni-incidents.json"), "incidents.json", n); err != nil {
		t.Fatal(err)
	}
	if sflc, err = list.ReadSFLC(real(t, "shutdowns", "sflc-india-shutdowns.json"), "sflc.json"); err != nil {
		t.Fatal(err)
	}
	return csv, xlsx, ooni, sflc
}

func TestRealDataSets(t *testing.T) {
	csv, xlsx, ooni, sflc := realImports(t)
	for _, im := range []*list.Import{csv, xlsx, ooni, sflc} {
		addsUp(t, im)
		t.Logf("%s: %d rows, %d used, %d reports, %d aside", im.Dataset, im.Rows, im.Used, len(im.Reports), len(im.Asides))
		for _, a := range im.Asides {
			t.Logf("  %s: %s", a.Origin, a.Reason)
		}
		if len(im.Asides)*50 > im.Rows {
			t.Errorf("%s: more than 2 %% of the rows set aside", im.Dataset)
		}
	}
	if csv.Rows != 2102 || ooni.Rows != 67 || sflc.Rows != 114 {
		t.Errorf("rows: %d, %d, %d; want 2102, 67, 114", csv.Rows, ooni.Rows, sflc.Rows)
	}
}

// Pakistan's ban of X stands twice in KeepItOn's data, once ongoing, and once
// in OONI's: it is one ban.
func TestPakistanXIsOneBan(t *testing.T) {
	csv, xlsx, ooni, sflc := realImports(t)
	bans := ban.Reconcile(slices.Concat(csv.Reports, xlsx.Reports, ooni.Reports, sflc.Reports))
	asOf := time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC)
	var x []ban.Ranked
	var ofX []ban.Ban
	for _, b := range bans {
		if b.Target == "x" {
			ofX = append(ofX, b)
		}
	}
	for _, r := range ban.Rank(ofX, asOf) {
		t.Log(r.Rank, r.Length, r.CC, r.Start.Format(time.DateOnly), r.Status, r.End.Format(time.DateOnly), r.Method, r.Area, len(r.Reports), r.Disputes)
		if r.CC == "PK" && r.Start.Year() == 2024 && r.Scope == ban.National {
			x = append(x, r)
		}
	}
	if len(x) != 1 {
		t.Fatalf("%d bans of X in Pakistan that began in 2024, want one", len(x))
	}
	if x[0].Length != (ban.Length{Days: 445}) || len(x[0].Reports) != 3 {
		t.Errorf("length %+v with %d reports, want 445 days and 3", x[0].Length, len(x[0].Reports))
	}
}

// STOP, the old spreadsheet, SFLC and OONI's incidents together: what stands
// in several of them is one ban, what is of different places is not.
func TestRealListsTogether(t *testing.T) {
	csv, xlsx, ooni, sflc := realImports(t)
	reports := slices.Concat(csv.Reports, xlsx.Reports, ooni.Reports, sflc.Reports)
	bans, decisions := ban.ReconcileBy(reports, ban.Hand{})
	count := map[ban.Kind]int{}
	var merges []ban.Decision
	for _, d := range decisions {
		if count[d.Kind]++; d.Kind != ban.First {
			merges = append(merges, d)
		}
	}
	t.Logf("%d reports of %d bans: %v", len(decisions), len(bans), count)
	if count[ban.First] != len(bans) {
		t.Errorf("%d bans begin with %d reports", len(bans), count[ban.First])
	}
	for i := range 100 { // to read: go test -v -run TestRealListsTogether ./ban
		d := merges[i*len(merges)/100]
		t.Logf("%s: %s, %s with %s: %s", d.Ban, d.Report, d.Kind, d.With, d.Why)
	}
	myanmar, pakistan, alone := 0, 0, 0
	for _, b := range bans {
		if b.Target == "x" && b.CC == "MM" {
			myanmar++
		}
		if b.Target == "x" && b.CC == "PK" && b.Scope == ban.National && b.Start.Year() == 2024 {
			pakistan++
		}
		old, fresh := false, false
		areas := map[string]bool{}
		for _, r := range b.Reports {
			old = old || r.Origin.File == "keepiton.xlsx"
			fresh = fresh || r.Origin.File == "stop.csv"
			if r.Scope != ban.National && r.Origin.Dataset == ban.KeepItOn {
				areas[strings.ToLower(r.Area)] = true
			}
			if (r.Scope == ban.National) != (b.Scope == ban.National) {
				t.Errorf("%s fuses the nation with a part of it", b.ID)
			}
		}
		if old && !fresh {
			alone++
			t.Logf("in the old spreadsheet alone: %s %s", b.ID, b.Reports[0].Origin)
		}
		if areas["tigray"] && len(areas) > 1 {
			t.Errorf("%s fuses %v", b.ID, areas)
		}
	}
	if myanmar != 1 || pakistan != 1 || alone > 2 {
		t.Errorf("Myanmar–X stands %d times, Pakistan–X %d times, %d rows of the old spreadsheet are left", myanmar, pakistan, alone)
	}
}
