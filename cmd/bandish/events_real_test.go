package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

// disguised is a file with a real history, of which the country is now ZZ and
// the networks are private ones: what is invented beside it must not be said
// of real ones.
func disguised(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".csv.gz") {
		return bytes.ReplaceAll(raw, []byte(`"probe_cc": "BR"`), []byte(`"probe_cc": "ZZ"`))
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cc, asn := slices.Index(rows[0], "probe_cc"), slices.Index(rows[0], "probe_asn")
	private := map[string]string{}
	for _, r := range rows[1:] {
		if private[r[asn]] == "" {
			private[r[asn]] = fmt.Sprint(64512 + len(private))
		}
		r[cc], r[asn] = "ZZ", private[r[asn]]
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// oneEvent is the one event of a history, with more rows added.
func oneEvent(t *testing.T, text []byte, more []verdict.Row) *event.Event {
	t.Helper()
	registry, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	options, err := observeOptions(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := history.NewCollector(history.Options{Registry: registry, Judge: history.JudgeWith(options)})
	if _, err := c.Read(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	for i := range more {
		c.Add(&more[i])
	}
	found := event.Detect(c.Cells(), time.Time{}).Events
	if len(found) != 1 {
		t.Fatalf("%d events with %d ok more, want one", len(found), len(more))
	}
	return &found[0]
}

// Up to thirty ok measurements within a real ban, at any time and on any of
// its networks, move neither edge of its onset earlier.
func TestOKInsideRealBans(t *testing.T) {
	shared := sharedDir()
	for _, c := range []struct {
		file string
		end  time.Time // within the ban, where it goes on to the end of the data
	}{
		{"series/kenya-2024-telegram.org-observations.csv.gz", time.Time{}},
		{"ooni/real/detector_query_ww_BR_2018.json", time.Date(2019, 9, 20, 0, 0, 0, 0, time.UTC)},
	} {
		name := filepath.Join(shared, filepath.FromSlash(c.file))
		if _, err := os.Stat(name); err != nil {
			t.Skipf("no real histories: %v (BANDISH_SHARED says where they are)", err)
		}
		text := disguised(t, name)
		e := oneEvent(t, text, nil)
		if e.End != nil {
			c.end = *e.End.Earliest
		}
		from := *e.Onset.Latest
		for seed := range tries(60) {
			rng := rand.New(rand.NewPCG(seed, 9))
			var more []verdict.Row
			for k := range 1 + rng.IntN(30) {
				r := verdict.Row{CC: e.CC, Target: e.Target, State: verdict.OK, Time: from.Add(time.Duration(rng.Int64N(int64(c.end.Sub(from)))))}
				r.UID = fmt.Sprint("invented-ok-", k)
				r.ReportID = r.UID
				if len(e.Networks) > 0 {
					asn, err := network.ParseASN(e.Networks[rng.IntN(len(e.Networks))])
					if err != nil {
						t.Fatal(err)
					}
					r.ASN = uint32(asn)
				}
				more = append(more, r)
			}
			o := oneEvent(t, text, more)
			if !slices.Equal(o.Networks, e.Networks) {
				continue // of one, ok votes show that it was not blocked after all
			}
			if o.Onset.Earliest == nil || o.Onset.Earliest.Before(*e.Onset.Earliest) || o.Onset.Latest.Before(*e.Onset.Latest) {
				t.Errorf("%s: %s with %d ok more: onset %s, was %s", c.file, e.ID, len(more), o.Onset, e.Onset)
			}
		}
	}
}

// tries is how often a law is tried: n times with BANDISH_LONG=1, else a tenth
// of that.
func tries(n uint64) uint64 {
	if os.Getenv("BANDISH_LONG") == "" {
		return n / 10
	}
	return n
}
