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

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
)

// addHours writes the hourly cells of a month, which must be in the order of
// series.Compare, and notes the hash of each country's.
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

// findings keeps what each country shows by itself, so that a change in one
// country does not make the others be read again.
type findings struct {
	mu      sync.Mutex // guards what follows
	counts  string     // hash of the segments of published counts
	theirs  map[string][]series.Cell
	of      map[string]event.Findings
	inputs  map[string]string
	settled string // hash of all that the listed events rest on
}

// findingsRow is the segment of a country's findings: one row.
type findingsRow struct {
	Document string `parquet:"document"`
}

// countAndDetect brings cells and events up to the verdicts.
func (p *Pipeline) countAndDetect(ctx context.Context, u *archive.Update) error {
	if _, err := p.count(ctx, u); err != nil {
		return err
	}
	_, err := p.detect(ctx, u)
	return err
}

// detect brings the events up to the cells, and reports whether it changed
// any. Countries whose cells are as they were are not read again; then the
// countries are compared.
func (p *Pipeline) detect(ctx context.Context, u *archive.Update) (bool, error) {
	f, m := &p.findings, u.Manifest
	f.mu.Lock()
	defer f.mu.Unlock()
	hours := m.Select(archive.Hours, m.Ruleset)
	all := hashOf(event.Version, m.Ruleset, inputsOf(hours), inputsOf(m.Select(archive.Counts, "")))
	if f.settled == all && slices.ContainsFunc(m.Segments, func(s archive.Segment) bool { return s.Kind == archive.Findings }) {
		return false, nil
	}
	if err := p.readCounts(m); err != nil {
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

// unsettle makes the next detection begin anew.
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

// wanted gives, by country, the hash of what its findings rest on.
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
	for cc := range out {
		if !isCountry(cc) {
			delete(out, cc) // a table may name anything; no page asks for it
			continue
		}
		out[cc] = hashOf(append([]string{event.Version, ruleset, event.HashCells(f.theirs[cc])}, parts[cc]...)...)
	}
	return out
}

func isCountry(cc string) bool {
	return len(cc) == 2 && cc[0] >= 'A' && cc[0] <= 'Z' && cc[1] >= 'A' && cc[1] <= 'Z'
}

// dropCountries takes the segments of countries that the archive no longer has
// off the list, and reports whether there were any.
func dropCountries(m *archive.Manifest, wanted map[string]string) bool {
	n := len(m.Segments)
	m.Segments = slices.DeleteFunc(m.Segments, func(s archive.Segment) bool {
		return (s.Kind == archive.Findings || s.Kind == archive.Events) && s.Ruleset == m.Ruleset && wanted[s.Period] == ""
	})
	return len(m.Segments) < n
}

// find makes the findings of a country be at hand: from memory, from their
// segment, or else from the country's cells. It reports whether they were made
// anew.
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
		f.of[cc] = event.Find(Beside(own, f.theirs[cc]))
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
	for i := range out { // the reader makes empty lists
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

// writeEvents lists the events of each country, and reports whether any
// country's are not what was listed. A country without events has no segment.
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

// readCounts reads the published counts as daily cells, by country, unless
// they are those that were read before.
func (p *Pipeline) readCounts(m *archive.Manifest) error {
	f := &p.findings
	segments := m.Select(archive.Counts, "")
	sum := inputsOf(segments)
	if f.theirs != nil && f.counts == sum {
		return nil
	}
	var rows []Count
	for _, s := range segments {
		err := archive.ReadSegment(p.Archive, s, func(part []Count) error {
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
	for _, c := range CountCells(rows) {
		f.theirs[c.CC] = append(f.theirs[c.CC], c)
	}
	return nil
}

// publishedRuleset is the ruleset that cells of published counts name: the
// detector so knows where somebody else's counting begins and ends.
const publishedRuleset = "published counts"

// CountCells makes daily cells of published counts, of whole targets and of
// each of their hosts and tests, in the order of series.Compare. Where the same
// day was imported in several shapes (by country and by network, by domain and
// by input), the networks come first, and of the other shapes the one with the
// most measurements: together they would count twice.
func CountCells(rows []Count) []series.Cell {
	out := countShapes(rows, func(*Count) string { return series.Whole })
	out = append(out, countShapes(rows, func(c *Count) string {
		if part := series.PartOf(c.Domain, c.TestName); part != "" {
			return series.PartPrefix + part
		}
		return series.Whole
	})...)
	series.Sort(out)
	return slices.CompactFunc(out, func(a, b series.Cell) bool { return series.Compare(a, b) == 0 }) // rows that name no part
}

// countShapes makes the cells of published counts in the layers that layer
// names.
func countShapes(rows []Count, layer func(*Count) string) []series.Cell {
	type place struct {
		cc, target, layer string
		day               int64
	}
	type spot struct {
		place
		asn   uint32
		shape int
	}
	sums := map[spot]*[5]int64{} // ok, anomaly, confirmed, failure, measurements
	named := map[place]bool{}
	for i := range rows {
		c := &rows[i]
		at := place{c.CC, c.Target, layer(c), c.Day.Unix()}
		named[at] = named[at] || c.ASN != 0
		k := spot{at, c.ASN, c.shape()}
		if sums[k] == nil {
			sums[k] = new([5]int64)
		}
		for j, n := range []uint32{c.OK, c.Anomaly, c.Confirmed, c.Failure, c.Measurements} {
			sums[k][j] += int64(n)
		}
	}
	best := map[spot]spot{} // without its shape → with it
	for k, n := range sums {
		bare := spot{k.place, k.asn, 0}
		b, ok := best[bare]
		if !ok || n[4] > sums[b][4] || n[4] == sums[b][4] && k.shape < b.shape {
			best[bare] = k
		}
	}
	var out []series.Cell
	for _, k := range best {
		n := sums[k]
		if k.asn == 0 && named[k.place] || !fits(n[:4]) {
			continue
		}
		c := series.Cell{CC: k.cc, Target: k.target, Layer: k.layer, ASN: k.asn, Start: k.day, Span: 86400,
			OK: uint32(n[0]), Impaired: uint32(n[1]), Blocked: uint32(n[2]), Insufficient: uint32(n[3])}
		c.Measurements = c.OK + c.Impaired + c.Blocked + c.Insufficient
		c.VoteOK, c.VoteImpaired, c.VoteBlocked = c.OK*series.Vote, c.Impaired*series.Vote, c.Blocked*series.Vote
		c.Tallies = []series.Tally{{Kind: series.Ruleset, Name: publishedRuleset, Bad: c.VoteImpaired + c.VoteBlocked, OK: c.VoteOK}}
		out = append(out, c)
	}
	return out
}

// shape tells by which fields the rows of a table were counted.
func (c *Count) shape() int {
	n := 0
	for i, s := range []string{c.TestName, c.Domain, c.Input, c.Category} {
		if s != "" {
			n |= 1 << i
		}
	}
	return n
}

// fits reports whether the votes of so many measurements fit in a cell; no
// cell holds more, and the import refuses them, too.
func fits(n []int64) bool {
	const most = (1<<32 - 1) / series.Vote
	sum := int64(0)
	for _, x := range n {
		sum += x
		if x < 0 || sum > most {
			return false
		}
	}
	return true
}

// Beside adds the cells of published counts to those of the archive's own
// measurements, on the days and networks of which it has none: what was
// published counts the same measurements.
func Beside(own, theirs []series.Cell) []series.Cell {
	if len(theirs) == 0 {
		return own
	}
	type spot struct {
		target string
		asn    uint32
		day    int64
	}
	has := map[spot]bool{}
	for i := range own {
		c := &own[i]
		day := c.Start - c.Start%86400
		has[spot{c.Target, c.ASN, day}] = true
		has[spot{c.Target, 0, day}] = true // counts of all networks hold it too
	}
	out := slices.Clone(own)
	for _, c := range theirs {
		if !has[spot{c.Target, c.ASN, c.Start}] {
			out = append(out, c)
		}
	}
	series.Sort(out)
	return out
}
