package verdict_test

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// A ban that the table of observations shows: Telegram in Kenya during the
// examinations of November 2024, on some networks.
func TestKenya2024(t *testing.T) {
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = "../../shared"
	}
	f, err := os.Open(filepath.Join(shared, "series", "kenya-2024-telegram.org-observations.csv.gz"))
	if err != nil {
		t.Skipf("%v; set BANDISH_SHARED", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	c := csv.NewReader(z)
	columns, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range columns {
		at[name] = i
	}
	byUID := map[string][]observation.Row{}
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := observation.FromWeb(func(column string) string {
			if i, ok := at[column]; ok {
				return record[i]
			}
			return ""
		}, observation.Options{})
		if err != nil {
			t.Fatal(err)
		}
		byUID[r.UID] = append(byUID[r.UID], r)
	}
	count := map[bool]map[verdict.State]int{true: {}, false: {}}
	from, until := time.Date(2024, 11, 7, 0, 0, 0, 0, time.UTC), time.Date(2024, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, rows := range byUID {
		observation.Number(rows)
		v := verdict.Judge(rows)
		count[!v.Time.Before(from) && v.Time.Before(until)][v.State]++
	}
	for inside, states := range count {
		t.Logf("in the weeks of the examinations %v: %v", inside, states)
		if states[verdict.Blocked]+states[verdict.LikelyBlocked] > 0 {
			t.Errorf("without a control, nothing can be called blocked: %v", states)
		}
	}
	if in, out := count[true], count[false]; in[verdict.Impaired] < in[verdict.OK] || 20*out[verdict.Impaired] > out[verdict.OK] {
		t.Errorf("inside %v, outside %v", in, out)
	}
}

// Whatever a stranger sends, there is a verdict, and the order of rows does not
// matter.
func FuzzJudge(f *testing.F) {
	for i, s := range grow() {
		if i%40 == 0 {
			f.Add(s.line)
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := measurement.Decode(line)
		if err != nil {
			return
		}
		rows := observation.Observe(m, observation.Options{Verifier: verifier}).Rows
		first := verdict.Judge(rows)
		slices.Reverse(rows)
		if second := verdict.Judge(rows); !reflect.DeepEqual(first, second) {
			t.Fatalf("the order of rows matters:\n%+v\n%+v", first, second)
		}
		if first.State == "" || first.Ruleset != verdict.Ruleset {
			t.Fatalf("no state: %+v", first)
		}
	})
}
