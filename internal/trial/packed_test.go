package trial

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/measurement"
)

var pack = flag.Bool("pack", false, "measure the demo's history anew and write it into the repository")

// The packed history holds what the lab measures: every visit is there, with its
// time, network and address, and one of each kind that is measured now comes to
// the same verdict.
func TestPackedIsWhatTheLabMeasures(t *testing.T) {
	visits := DemoVisits(PackedEnd, PackedPerDay)
	l, err := lab.New(DemoSites()...)
	f := field(t, l, err)
	defer f.Close()
	if *pack {
		docs := make([][]byte, len(visits))
		err := f.Visits(t.Context(), visits, func(i int, m *measurement.Measurement) {
			if docs[i], err = json.Marshal(m); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Pack(docs)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("history.jsonl.br", b, 0o644); err != nil {
			t.Fatal(err)
		}
		packed = b
	}
	if len(packed) > 700<<10 {
		t.Errorf("the packed history has %d bytes", len(packed))
	}
	docs, err := Packed(PackedEnd)
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != len(visits) {
		t.Fatalf("%d documents are packed, and the history has %d visits", len(docs), len(visits))
	}
	kinds, pick, found := map[string]string{}, []Visit(nil), map[string]string{}
	for i, doc := range docs {
		m, err := measurement.Decode(doc)
		if err != nil {
			t.Fatal(err)
		}
		v := &visits[i]
		if !m.StartTime.Equal(v.Time.Truncate(time.Second)) || uint32(m.ProbeASN) != v.ASN || string(m.Input) != v.Input || m.ProbeCC != "ZZ" || m.Annotations.Origin != Origin {
			t.Errorf("document %d is of %s from AS%d of %s, want %s from AS%d of %s", i, m.Input, m.ProbeASN, m.StartTime.Time, v.Input, v.ASN, v.Time)
		}
		_, judged := f.Judge(m)
		kind := fmt.Sprint(v.Input, v.Rules, v.Dark)
		got := fmt.Sprint(judged.State, judged.Mechanisms)
		if had, ok := kinds[kind]; !ok {
			kinds[kind], pick = got, append(pick, *v)
		} else if had != got {
			t.Errorf("document %d comes to %s, and others of its kind to %s", i, got, had)
		}
	}
	err = f.Visits(t.Context(), pick, func(i int, m *measurement.Measurement) {
		_, judged := f.Judge(m)
		found[fmt.Sprint(pick[i].Input, pick[i].Rules, pick[i].Dark)] = fmt.Sprint(judged.State, judged.Mechanisms)
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range kinds {
		if found[kind] != want {
			t.Errorf("%s: packed is %s, the lab measures %s", kind, want, found[kind])
		}
	}
	t.Logf("%d documents of %d kinds in %d bytes", len(docs), len(kinds), len(packed))
}

// A moved history keeps everything but its times.
func TestPackedMoves(t *testing.T) {
	end := PackedEnd.AddDate(3, 2, 1).Add(13 * time.Hour)
	docs, err := Packed(end)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range DemoVisits(end, PackedPerDay) {
		m, err := measurement.Decode(docs[i])
		if err != nil {
			t.Fatal(err)
		}
		if !m.StartTime.Equal(v.Time) {
			t.Fatalf("document %d is of %s, want %s", i, m.StartTime.Time, v.Time)
		}
	}
}
