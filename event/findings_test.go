package event_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/event/bench"
	"github.com/bandish/bandish/series"
)

// Findings that were written and read again lead to the same events as the
// cells themselves, whatever the order of the countries.
func TestFindingsSurviveJSON(t *testing.T) {
	events := 0
	for seed := range uint64(3) {
		w := bench.Generate(7100+seed, bench.Size{Countries: 4, Targets: 3, Days: 120, BanShare: 0.6})
		var cells []series.Cell
		d := event.NewDetector(time.Time{})
		for i := range w.Countries {
			own := series.Build(slices.Values(w.Countries[len(w.Countries)-1-i].Rows), series.Hour)
			cells = append(cells, own...)
			text, err := json.Marshal(event.Find(slices.Clone(own), nil))
			if err != nil {
				t.Fatal(err)
			}
			var f event.Findings
			if err := json.Unmarshal(text, &f); err != nil {
				t.Fatal(err)
			}
			d.Add(f)
		}
		want, got := event.Detect(cells, time.Time{}), d.Finish()
		a, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("from cells\n%s\nfrom findings\n%s", a, b)
		}
		events += len(want.Events)
	}
	if events < 3 {
		t.Errorf("only %d events: the test says little", events)
	}
}

// Findings of another detector are refused, not misread.
func TestFindingsOfAnotherDetector(t *testing.T) {
	var f event.Findings
	if err := json.Unmarshal([]byte(`{"detector":"bandish-event/0","probe_cc":"ZZ"}`), &f); err == nil {
		t.Error("they were read")
	}
}
