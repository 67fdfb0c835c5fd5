package event

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/event/darkness"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
)

// Result holds the events, sorted by country and onset, and the artefacts: changes
// that look like events and come from the instrument or from the world.
type Result struct {
	Events    []Event
	Artefacts []Event
}

// Detector takes the cells of countries one after the other, so that memory holds
// the cells of one country at a time.
type Detector struct {
	finder
	world   world
	dark    []darkness.Presence
	outside []darkness.Outside
}

// NewDetector returns a detector. now is the end of the window; an event without
// news until then is fading. The zero time stands for the last cell of each series.
func NewDetector(now time.Time) *Detector {
	d := &Detector{finder: finder{now: math.MinInt64}, world: world{watched: map[string]map[string]*presence{}}}
	if !now.IsZero() {
		d.now = now.Unix()
	}
	return d
}

// Detect finds the events in cells of any order. now is as for NewDetector. It does
// not change cells.
func Detect(cells []series.Cell, now time.Time) Result {
	d := NewDetector(now)
	cells = slices.Clone(cells)
	series.Sort(cells)
	for c := range byKey(cells, func(c *series.Cell) string { return c.CC }) {
		d.Country(c)
	}
	return d.Finish()
}

// byKey cuts sorted cells into runs with equal keys.
func byKey(cells []series.Cell, key func(*series.Cell) string) iter.Seq[[]series.Cell] {
	return func(yield func([]series.Cell) bool) {
		for i := 0; i < len(cells); {
			j := i + 1
			for j < len(cells) && key(&cells[j]) == key(&cells[i]) {
				j++
			}
			if !yield(cells[i:j]) {
				return
			}
			i = j
		}
	}
}

// latest is the last moment at which a cell may begin: the year 2200, in Unix
// seconds.
const latest = 7258118400

// Country takes all cells of one country, sorted (series.Sort). Cells of layers and
// of impossible times are left out. The cells may be changed.
func (d *Detector) Country(cells []series.Cell) {
	var parts []series.Cell
	cells = slices.DeleteFunc(series.DropSingleParts(cells), func(c series.Cell) bool {
		if strings.HasPrefix(c.Layer, series.PartPrefix) {
			parts = append(parts, c)
		}
		return c.Layer != series.Whole || c.Start < 0 || c.Start > latest || c.Span <= 0 || c.Span > 7*86400
	})
	if len(cells) == 0 {
		return
	}
	strengthen(cells)
	strengthen(parts)
	failures, silenced := artefact.Defects(cells)
	artefact.Mute(parts, silenced)
	if k, is := darkness.Of(cells); is {
		d.dark = append(d.dark, k)
	}
	var events []Event
	for target := range byKey(cells, func(c *series.Cell) string { return c.Target }) {
		d.world.see(target)
		of := d.split(d.target(target), partsOf(parts, target[0].Target))
		events = append(events, append(of, d.scheduled(target, of)...)...)
	}
	events, odd := soundNetworks(cells, failures, events)
	d.odd = append(d.odd, odd...)
	d.world.found = append(d.world.found, group(events)...)
}

// Signals takes the signals from outside of one country, and compares them with the
// country's cells. It does not change the cells.
func (d *Detector) Signals(of []signal.Series, cells []series.Cell) {
	if o, is := darkness.FromOutside(of, cells); is {
		d.outside = append(d.outside, o)
	}
}

// Finish compares the countries and returns what was found. More countries may be
// added after it, and Finish may be called again.
func (d *Detector) Finish() Result {
	kept, odd := d.world.apart()
	dark, not := outages(d.outside, shutdowns(d.dark, d.now))
	kept = append(kept, dark...)
	odd = slices.Concat(odd, d.odd, not)
	number(kept)
	number(odd)
	sortEvents(kept)
	sortEvents(odd)
	for i := range kept {
		kept[i].Flaws = Check(&kept[i])
	}
	return Result{Events: kept, Artefacts: odd}
}

func sortEvents(es []Event) {
	slices.SortFunc(es, func(a, b Event) int {
		return cmp.Or(strings.Compare(a.CC, b.CC), cmp.Compare(a.primary.from, b.primary.from), strings.Compare(a.ID, b.ID))
	})
}

// number sets the ids of events: country, first target, and the quarter of the year
// that holds the first bad measurement; a second ban in the quarter gets a number.
// The moment itself is not part of the id, so that a more exact date does not
// change it. Nor does a ban that is found in another quarter.
func number(es []Event) {
	slices.SortFunc(es, func(a, b Event) int {
		return cmp.Or(strings.Compare(a.CC, b.CC), strings.Compare(a.Target, b.Target),
			cmp.Compare(a.primary.from, b.primary.from), cmp.Compare(a.primary.to, b.primary.to))
	})
	n := map[string]int{}
	for i := range es {
		e := &es[i]
		name := e.Target
		if e.Kind == Shutdown {
			name = "shutdown"
			if len(e.Networks) == 1 {
				name += "-" + strings.ToLower(e.Networks[0])
			}
		}
		from := time.Unix(e.primary.from, 0).UTC()
		e.ID = fmt.Sprintf("%s-%s-%dq%d", strings.ToLower(e.CC), name, from.Year(), (from.Month()+2)/3)
		if e.Artefact != "" {
			e.ID = "artefact-" + e.ID
		}
		stem := e.ID
		if n[stem]++; n[stem] > 1 {
			e.ID = fmt.Sprintf("%s-%d", stem, n[stem])
		}
	}
}
