package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
)

// addHours writes the hourly cells of a month, which must be in the order of
// series.Compare, and notes the hash of each country's cells.
func addHours(u *archive.Update, s archive.Segment, hours []series.Cell) error {
	s.Kind, s.Countries = archive.Hours, map[string]string{}
	for i := 0; i < len(hours); {
		j := i + 1
		for j < len(hours) && hours[j].CC == hours[i].CC {
			j++
		}
		s.Countries[hours[i].CC] = event.HashCells(hours[i:j])
		i = j
	}
	_, err := archive.AddSegment(u, s, hours)
	return err
}

// findings keeps what the detector found in each country by itself. So a change in one
// country does not mean that the others are read again.
type findings struct {
	mu      sync.Mutex // guards what follows
	counts  string     // hash of the segments of published counts
	theirs  map[string][]series.Cell
	signals string // hash of the segments of signals
	outside map[string][]signal.Series
	of      map[string]event.Findings
	inputs  map[string]string
	settled string // hash of everything that the listed events rest on
}

// findingsRow is the one row of the segment with a country's findings.
type findingsRow struct {
	Document string `parquet:"document"`
}

// countAndDetect brings cells and events up to date with the verdicts.
func (p *Pipeline) countAndDetect(ctx context.Context, u *archive.Update) error {
	if _, err := p.count(ctx, u); err != nil {
		return err
	}
	_, err := p.detect(ctx, u)
	return err
}

// detect brings the events up to date with the cells, and reports whether any event
// changed. It does not read countries again whose cells are unchanged. At the end it
// compares the countries.
func (p *Pipeline) detect(ctx context.Context, u *archive.Update) (bool, error) {
	f, m := &p.findings, u.Manifest
	f.mu.Lock()
	defer f.mu.Unlock()
	hours := m.Select(archive.Hours, m.Ruleset)
	all := hashOf(event.Version, m.Ruleset, inputsOf(hours), inputsOf(m.Select(archive.Counts, "")), inputsOf(m.Select(archive.Signals, "")))
	if f.settled == all && slices.ContainsFunc(m.Segments, func(s archive.Segment) bool { return s.Kind == archive.Findings }) {
		return false, nil
	}
	if err := p.readCounts(m); err != nil {
		return false, err
	}
	if err := p.readSignals(m); err != nil {
		return false, err
	}
	wanted := f.wanted(m.Ruleset, hours)
	changed := dropCountries(m, wanted)
	d := event.NewDetector(time.Time{})
	for i, cc := range slices.Sorted(maps.Keys(wanted)) {
		p.Archive.Did("country", i, len(wanted))
		if err := ctx.Err(); err != nil {
			return false, err
		}
		fresh, err := p.find(u, cc, wanted[cc], hours)
		if err != nil {
			return false, err
		}
		changed = changed || fresh
		d.Add(f.of[cc])
	}
	found := d.Finish()
	wrote, err := writeEvents(u, slices.Concat(found.Events, found.Artefacts))
	if err != nil {
		return false, err
	}
	f.settled = all
	return changed || wrote, nil
}

// unsettle makes the next detection start from the beginning.
func (f *findings) unsettle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settled = ""
}

func hashOf(parts ...string) string {
	h := sha256.New()
	for _, s := range parts {
		io.WriteString(h, s)
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// wanted returns, by country, the hash of everything that its findings rest on.
func (f *findings) wanted(ruleset string, hours []archive.Segment) map[string]string {
	parts := map[string][]string{}
	for _, s := range hours { // in the order of the months
		for cc, sum := range s.Countries {
			parts[cc] = append(parts[cc], sum)
		}
	}
	out := map[string]string{}
	for cc := range f.theirs {
		out[cc] = ""
	}
	for cc := range parts {
		out[cc] = ""
	}
	for cc := range f.outside {
		out[cc] = ""
	}
	for cc := range out {
		if !isCountry(cc) {
			delete(out, cc) // a table may contain any code; no page asks for this one
			continue
		}
		out[cc] = hashOf(append([]string{event.Version, ruleset, event.HashCells(f.theirs[cc]), hashOfSignals(f.outside[cc])}, parts[cc]...)...)
	}
	return out
}

// hashOfSignals returns the hash of a country's signals, "" if there are none.
func hashOfSignals(of []signal.Series) string {
	if len(of) == 0 {
		return ""
	}
	var parts []string
	for i := range of {
		parts = append(parts, of[i].Document, fmt.Sprint(of[i].ASN, of[i].DataSource, of[i].From, of[i].Step))
	}
	return hashOf(parts...)
}

// readSignals reads the signals of the archive, by country, unless it has read them
// before.
func (p *Pipeline) readSignals(m *archive.Manifest) error {
	f := &p.findings
	segments := m.Select(archive.Signals, "")
	sum := inputsOf(segments)
	if f.outside != nil && f.signals == sum {
		return nil
	}
	outside := map[string][]signal.Series{}
	for _, s := range segments {
		err := archive.ReadSegment(p.Archive, s, func(rows []signal.Series) error {
			for _, r := range rows {
				r.CC, r.DataSource, r.Document, r.Raw, r.Values = strings.Clone(r.CC), strings.Clone(r.DataSource), strings.Clone(r.Document), "", slices.Clone(r.Values)
				outside[r.CC] = append(outside[r.CC], r)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, list := range outside {
		slices.SortFunc(list, func(a, b signal.Series) int { return signal.Compare(&a, &b) })
	}
	f.signals, f.outside = sum, outside
	return nil
}

func isCountry(cc string) bool {
	return len(cc) == 2 && cc[0] >= 'A' && cc[0] <= 'Z' && cc[1] >= 'A' && cc[1] <= 'Z'
}

// dropCountries removes from the list the segments of countries that the archive no longer
// has. It reports whether there were any.
func dropCountries(m *archive.Manifest, wanted map[string]string) bool {
	n := len(m.Segments)
	m.Segments = slices.DeleteFunc(m.Segments, func(s archive.Segment) bool {
		return (s.Kind == archive.Findings || s.Kind == archive.Events) && s.Ruleset == m.Ruleset && wanted[s.Period] == ""
	})
	return len(m.Segments) < n
}

// find puts the findings of a country into memory: from its segment, or else made from its
// cells. fresh is true if their segment is new.
func (p *Pipeline) find(u *archive.Update, cc, inputs string, hours []archive.Segment) (fresh bool, err error) {
	f, m := &p.findings, u.Manifest
	is := func(s archive.Segment) bool {
		return s.Kind == archive.Findings && s.Period == cc && s.Ruleset == m.Ruleset
	}
	at := slices.IndexFunc(m.Segments, is)
	listed := at >= 0 && m.Segments[at].Inputs == inputs
	if f.of == nil {
		f.of, f.inputs = map[string]event.Findings{}, map[string]string{}
	}
	if f.inputs[cc] != inputs && listed {
		if of, err := p.readFindings(m.Segments[at]); err == nil { // what cannot be read is made again
			f.of[cc], f.inputs[cc] = of, inputs
		}
	}
	if f.inputs[cc] == inputs && listed {
		return false, nil
	}
	if f.inputs[cc] != inputs {
		own, err := p.hoursOf(cc, hours)
		if err != nil {
			return false, err
		}
		f.of[cc] = event.Find(derivation.Beside(own, f.theirs[cc]), f.outside[cc])
		f.inputs[cc] = inputs
	}
	doc, err := json.Marshal(f.of[cc])
	if err != nil {
		return false, fmt.Errorf("write the findings of %s: %w", cc, err)
	}
	m.Segments = slices.DeleteFunc(m.Segments, is)
	_, err = archive.AddSegment(u, archive.Segment{Kind: archive.Findings, Period: cc, Ruleset: m.Ruleset, Inputs: inputs}, []findingsRow{{string(doc)}})
	return true, err
}

func (p *Pipeline) readFindings(s archive.Segment) (event.Findings, error) {
	var of event.Findings
	err := archive.ReadSegment(p.Archive, s, func(rows []findingsRow) error {
		for i := range rows {
			if err := json.Unmarshal([]byte(rows[i].Document), &of); err != nil {
				return err
			}
		}
		return nil
	})
	return of, err
}

// hoursOf reads the hourly cells of a country, sorted.
func (p *Pipeline) hoursOf(cc string, hours []archive.Segment) ([]series.Cell, error) {
	var out []series.Cell
	for _, s := range hours {
		if s.Countries[cc] == "" {
			continue
		}
		f, err := p.Archive.OpenSegment(s)
		if err != nil {
			return nil, err
		}
		cells, err := archive.Lookup[series.Cell](f, archive.Key{Column: "probe_cc", Value: cc})
		f.Close()
		if err != nil {
			return nil, err
		}
		out = append(out, cells...)
	}
	for i := range out { // the reader makes empty lists, not nil
		c := &out[i]
		if len(c.Voices) == 0 {
			c.Voices = nil
		}
		if len(c.Tallies) == 0 {
			c.Tallies = nil
		}
	}
	series.Sort(out)
	return out, nil
}

// writeEvents lists the events of each country, and reports whether any of them differ
// from those listed before. A country without events has no segment.
func writeEvents(u *archive.Update, events []event.Event) (bool, error) {
	m := u.Manifest
	rows := map[string][]event.Row{}
	for i := range events {
		r, err := events[i].Row()
		if err != nil {
			return false, err
		}
		rows[r.CC] = append(rows[r.CC], r)
	}
	inputs := map[string]string{}
	for cc, list := range rows {
		h := sha256.New()
		for i := range list {
			io.WriteString(h, list[i].Document+"\n")
		}
		inputs[cc] = hex.EncodeToString(h.Sum(nil))
	}
	n := len(m.Segments)
	same := map[string]bool{}
	m.Segments = slices.DeleteFunc(m.Segments, func(s archive.Segment) bool {
		if s.Kind != archive.Events || s.Ruleset != m.Ruleset {
			return false
		}
		same[s.Period] = s.Inputs == inputs[s.Period]
		return !same[s.Period]
	})
	changed := len(m.Segments) < n
	for _, cc := range slices.Sorted(maps.Keys(rows)) {
		if same[cc] {
			continue
		}
		if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Events, Period: cc, Ruleset: m.Ruleset, Inputs: inputs[cc]}, rows[cc]); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// readCounts reads the published counts as daily cells, by country, unless it has read
// them before.
func (p *Pipeline) readCounts(m *archive.Manifest) error {
	f := &p.findings
	segments := m.Select(archive.Counts, "")
	sum := inputsOf(segments)
	if f.theirs != nil && f.counts == sum {
		return nil
	}
	var rows []derivation.PublishedCount
	for _, s := range segments {
		err := archive.ReadSegment(p.Archive, s, func(part []derivation.PublishedCount) error {
			for _, c := range part {
				c.Target, c.CC = strings.Clone(c.Target), strings.Clone(c.CC)
				rows = append(rows, c)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	f.counts, f.theirs = sum, map[string][]series.Cell{}
	for _, c := range derivation.PublishedCells(rows) {
		f.theirs[c.CC] = append(f.theirs[c.CC], c)
	}
	return nil
}
