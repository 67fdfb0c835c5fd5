package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

// maxSegments is the greatest number of segments of one kind and period before Tidy merges
// some.
const maxSegments = 8

// Compact merges all segments of each kind, period and ruleset that has more than one. It
// returns how many groups it merged. Damaged files stay as they are; the error names them
// after the others were merged.
func (p *Pipeline) Compact(ctx context.Context) (int, error) {
	merged := 0
	var harm error
	err := p.Archive.Update(ctx, func(u *archive.Update) error {
		u.Why = "compact"
		n, err := p.compact(ctx, u)
		merged = n
		return commitDespite(err, n, &harm)
	})
	if err == errNothing {
		err = nil
	}
	return merged, errors.Join(err, harm)
}

// Tidy merges the small segments of each kind, period and ruleset that has more than
// maxSegments, and returns how many groups it merged. Other processes may commit
// meanwhile. It does nothing during a rebuild. Damaged files stay as they are; the error
// names them after the others were merged.
func (p *Pipeline) Tidy(ctx context.Context) (int, error) {
	var done []merge
	var harm error
	merged := 0
	_, err := p.Archive.StageNow(ctx, func(u *archive.Update) error {
		u.Why = "compact"
		for _, g := range groups(u.Manifest) {
			small := smallOnes(g)
			if len(small) == 0 {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			out, err := mergeGroup(u, small)
			var one *archive.DamagedError
			if errors.As(err, &one) { // damaged segments stay as they are
				harm = errors.Join(harm, err)
				continue
			}
			if err != nil {
				return err
			}
			p.days.merged(small, out)
			done = append(done, merge{small, out})
		}
		if len(done) == 0 {
			return errNothing
		}
		return nil
	}, func(_ *archive.Manifest, u *archive.Update) error {
		merged = 0
		for _, m := range done {
			if m.replace(u.Manifest) {
				merged++
			}
		}
		if merged == 0 {
			return errNothing
		}
		return nil
	})
	if err == errNothing {
		err = nil
	}
	return merged, errors.Join(err, harm)
}

// merge is segments and the segment that holds all their rows.
type merge struct {
	in  []archive.Segment
	out archive.Segment
}

// replace lists the merged segment in place of the others, if all these are still listed,
// and reports whether they were.
func (m merge) replace(to *archive.Manifest) bool {
	old := map[string]bool{}
	for _, s := range m.in {
		old[s.Path()+" "+s.Ruleset] = true
	}
	is := func(s archive.Segment) bool { return old[s.Path()+" "+s.Ruleset] }
	n := 0
	for _, s := range to.Segments {
		if is(s) {
			n++
		}
	}
	if n != len(m.in) {
		return false
	}
	to.Segments = append(slices.DeleteFunc(to.Segments, is), m.out)
	return true
}

// groups returns the segments of each kind, period and ruleset that has more than one,
// sorted by these.
func groups(m *archive.Manifest) [][]archive.Segment {
	by := map[[3]string][]archive.Segment{}
	for _, s := range m.Segments {
		k := [3]string{s.Kind, s.Period, s.Ruleset}
		by[k] = append(by[k], s)
	}
	var out [][]archive.Segment
	for _, k := range slices.SortedFunc(maps.Keys(by), func(a, b [3]string) int { return slices.Compare(a[:], b[:]) }) {
		switch k[0] {
		case archive.Observations, archive.Verdicts, archive.Bodies, archive.Counts, archive.Signals: // the others are never merged: they are written whole
			if len(by[k]) > 1 {
				out = append(out, by[k])
			}
		}
	}
	return out
}

// smallOnes returns the segments of a group that are worth merging; none if the group has
// no more than maxSegments. It takes the smallest segments, all but maxSegments/2, and
// then each that has no more rows than those before it together. So a row is written again
// only when the segment that holds it has doubled.
func smallOnes(group []archive.Segment) []archive.Segment {
	if len(group) <= maxSegments {
		return nil
	}
	group = slices.SortedFunc(slices.Values(group), func(a, b archive.Segment) int {
		return cmp.Or(cmp.Compare(a.Rows, b.Rows), cmp.Compare(a.SHA256, b.SHA256))
	})
	n, rows := 0, int64(0)
	for n < len(group) && (n < len(group)-maxSegments/2 || group[n].Rows <= rows) {
		rows += group[n].Rows
		n++
	}
	return group[:n]
}

// commitDespite returns the error with which work ends of which n parts were done. Damaged
// files do not hold back the parts that were done: their error goes into harm. The result
// is errNothing if there is nothing to commit.
func commitDespite(err error, n int, harm *error) error {
	if damagedOnly(err) {
		*harm, err = err, nil
	}
	if err == nil && n == 0 {
		return errNothing
	}
	return err
}

func (p *Pipeline) compact(ctx context.Context, u *archive.Update) (int, error) {
	merged := 0
	var harm damage
	all := groups(u.Manifest)
	for i, g := range all {
		p.Archive.Did("period", i, len(all))
		if err := ctx.Err(); err != nil {
			return merged, err
		}
		before := slices.Clone(u.Manifest.Segments)
		switch _, err := mergeGroup(u, g); {
		case harm.takes(err):
			u.Manifest.Segments = before // damaged segments stay as they are
		case err != nil:
			return merged, err
		default:
			merged++
		}
	}
	return merged, harm.err()
}

// damage gathers errors of damaged files, so that the work on other files goes on.
type damage struct {
	files []*archive.DamagedError
}

// takes reports whether an error is about a damaged file, and if so keeps it.
func (d *damage) takes(err error) bool {
	var one *archive.DamagedError
	if !errors.As(err, &one) {
		return false
	}
	d.files = append(d.files, one)
	return true
}

// err joins the errors, one for each damaged file; nil if there are none.
func (d *damage) err() error {
	var out []error
	named := map[string]bool{}
	for _, f := range d.files {
		if !named[f.Path] {
			out = append(out, f)
		}
		named[f.Path] = true
	}
	return errors.Join(out...)
}

// damagedOnly reports whether an error, which may be nil, is about nothing but damaged
// files.
func damagedOnly(err error) bool {
	if err == nil {
		return true
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(many.Unwrap(), func(e error) bool { return !damagedOnly(e) })
	}
	var one *archive.DamagedError
	return errors.As(err, &one)
}

// mergeGroup merges segments of one kind, period and ruleset, and lists the result in
// their place.
func mergeGroup(u *archive.Update, g []archive.Segment) (archive.Segment, error) {
	switch g[0].Kind {
	case archive.Observations:
		return archive.Merge(u, g, derivation.CompareObservations, nil)
	case archive.Verdicts:
		return archive.Merge(u, g, derivation.CompareVerdicts, nil)
	case archive.Bodies:
		return archive.Merge(u, g, compareBodies, func(a, b *observation.Body) bool { return a.SHA256 == b.SHA256 })
	}
	if g[0].Kind == archive.Signals {
		return archive.Merge(u, g, signal.Compare, nil)
	}
	return archive.Merge(u, g, derivation.ComparePublishedCounts, nil)
}

// Count counts again the cells of months whose verdicts have changed since the last count,
// and finds again the events of countries whose cells that changed. It returns how many
// parts it changed: the months, and one more if events changed.
//
// Other processes may commit meanwhile; the next Count counts what they added. During a
// rebuild all work is done within one turn to write.
func (p *Pipeline) Count(ctx context.Context) (int, error) {
	counted := 0
	var harm error
	var before []archive.Segment // the segments made by counting, when the stage began
	ours := func(m *archive.Manifest) []archive.Segment {
		return slices.DeleteFunc(slices.Clone(m.Segments), func(s archive.Segment) bool { return !ofCount(s, m.Ruleset) })
	}
	count := func(u *archive.Update) (err error) {
		u.Why = "count"
		if u.Again {
			p.findings.unsettle() // the findings of the last try are not listed
		}
		counted, err = p.countAll(ctx, u)
		return commitDespite(err, counted, &harm)
	}
	staged, err := p.Archive.StageNow(ctx, func(u *archive.Update) error {
		before = ours(u.Manifest)
		return count(u)
	}, func(staged *archive.Manifest, u *archive.Update) error {
		if staged.Ruleset != u.Manifest.Ruleset {
			return fmt.Errorf("count: the ruleset became %s meanwhile", u.Manifest.Ruleset)
		}
		if !slices.EqualFunc(before, ours(u.Manifest), archive.Segment.Same) { // another process has counted them
			p.findings.unsettle()
			if err := count(u); err != nil {
				return err
			}
			return p.noteEvents(u)
		}
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s archive.Segment) bool { return ofCount(s, u.Manifest.Ruleset) })
		u.Manifest.Segments = append(u.Manifest.Segments, ours(staged)...)
		return p.noteEvents(u)
	})
	if err == nil && !staged {
		err = p.Archive.Update(ctx, func(u *archive.Update) error {
			if err := count(u); err != nil {
				return err
			}
			return p.noteEvents(u)
		})
	}
	if err != nil && err != errNothing {
		p.findings.unsettle() // the findings may not be listed
	}
	if err == errNothing {
		err = nil
	}
	return counted, errors.Join(err, harm)
}

// ofCount reports whether counting writes a segment again.
func ofCount(s archive.Segment, ruleset string) bool {
	switch s.Kind {
	case archive.Cells, archive.Layers, archive.Hours:
		return s.Ruleset == ruleset
	}
	return s.Kind == archive.Findings || s.Kind == archive.Events
}

// countAll counts months and finds events. It returns how many parts it changed.
func (p *Pipeline) countAll(ctx context.Context, u *archive.Update) (int, error) {
	n, err := p.count(ctx, u)
	if !damagedOnly(err) {
		return n, err
	}
	before := slices.Clone(u.Manifest.Segments)
	changed, found := p.detect(ctx, u)
	if damagedOnly(found) && found != nil {
		u.Manifest.Segments, changed = before, false // the events stay as they are
	}
	if changed {
		n++
	}
	return n, errors.Join(err, found)
}

func (p *Pipeline) count(ctx context.Context, u *archive.Update) (int, error) {
	months := map[string][]archive.Segment{}
	for _, s := range u.Manifest.Select(archive.Verdicts, u.Manifest.Ruleset) {
		m := s.Period[:len("2006-01")]
		months[m] = append(months[m], s)
	}
	have := map[string]string{}
	for _, s := range u.Manifest.Select(archive.Hours, u.Manifest.Ruleset) { // written together with the cells
		have[s.Period] = s.Inputs
	}
	counted := 0
	var harm damage
	for i, month := range slices.Sorted(maps.Keys(months)) {
		p.Archive.Did("month", i, len(months))
		inputs := inputsOf(months[month])
		if have[month] == inputs {
			continue
		}
		if err := ctx.Err(); err != nil {
			return counted, err
		}
		switch err := p.countMonth(u, month, inputs, months[month]); {
		case harm.takes(err): // the month keeps its cells
		case err != nil:
			return counted, err
		default:
			counted++
		}
	}
	return counted, harm.err()
}

// inputsOf returns a hash of segments of one kind (hex SHA-256). Their order does not
// matter.
func inputsOf(segments []archive.Segment) string {
	h := sha256.New()
	segments = slices.SortedFunc(slices.Values(segments), func(a, b archive.Segment) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.SHA256, b.SHA256))
	})
	for _, s := range segments {
		io.WriteString(h, s.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// countMonth counts a month, a day at a time, since no cell spans days. verdict.Marker
// sees the whole month first, and marks the verdicts that do not vote: failures that
// follow a version of software and not the networks, and those of a run on a network that
// lets through only what is approved. It also makes slow loads likely_blocked where the
// network alone makes a target slow.
func (p *Pipeline) countMonth(u *archive.Update, month, inputs string, segments []archive.Segment) error {
	byDay := map[string][]archive.Segment{}
	var marker verdict.Marker
	for _, s := range segments {
		byDay[s.Period] = append(byDay[s.Period], s)
		if err := p.eachVerdict(s, marker.Add); err != nil {
			return err
		}
	}
	var cells, hours []series.Cell
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		b, h := series.NewBuilder(series.Day).WithLayers(), series.NewBuilder(series.Hour).WithParts()
		for _, s := range byDay[day] {
			err := p.eachVerdict(s, func(r *verdict.Row) {
				marker.Mark(r)
				b.Add(r)
				h.Add(r)
			})
			if err != nil {
				return err
			}
		}
		cells, hours = append(cells, b.Cells()...), append(hours, h.Cells()...)
	}
	series.Sort(cells)
	series.Sort(hours)
	u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s archive.Segment) bool {
		return (s.Kind == archive.Cells || s.Kind == archive.Layers || s.Kind == archive.Hours) && s.Period == month && s.Ruleset == u.Manifest.Ruleset
	})
	s := archive.Segment{Period: month, Ruleset: u.Manifest.Ruleset, Inputs: inputs}
	if err := AddCells(u, s, cells); err != nil {
		return err
	}
	return addHours(u, s, hours)
}

func (p *Pipeline) eachVerdict(s archive.Segment, fn func(*verdict.Row)) error {
	return archive.ReadSegment(p.Archive, s, func(rows []verdict.Row) error {
		for i := range rows {
			fn(&rows[i])
		}
		return nil
	})
}

// AddCells writes the cells of a month, which must be sorted by series.Compare. Cells of
// whole measurements and cells of layers go to two segments, since nearly all questions
// are about the former.
func AddCells(u *archive.Update, s archive.Segment, cells []series.Cell) error {
	var whole, layers []series.Cell
	for _, c := range cells {
		if c.Layer == series.Whole {
			whole = append(whole, c)
		} else {
			layers = append(layers, c)
		}
	}
	s.Kind = archive.Layers
	if _, err := archive.AddSegment(u, s, layers); len(layers) > 0 && err != nil {
		return err
	}
	s.Kind = archive.Cells
	_, err := archive.AddSegment(u, s, whole)
	return err
}

// Rebuilt says what a rebuild did.
type Rebuilt struct {
	Batches   int               `json:"batches"`
	Documents int64             `json:"documents"`
	Segments  map[string]string `json:"segments"` // by path, as hex SHA-256
	Failed    int64             `json:"failed"`   // documents that no longer decode; they stay in the raw batches

	// Damaged lists the batches that could not be read, with the reasons. Nothing was
	// derived from them, and they stay in the archive.
	Damaged []archive.Damage `json:"damaged,omitempty"`
}

// Rebuild derives everything again from the raw batches: observations, verdicts, bodies,
// counts and cells, one segment for each kind and period. The same raw batches give the
// same bytes, however they were imported and merged before. Other processes may commit
// meanwhile: their batches are derived at the end, within the turn to write. A damaged
// batch is listed in Rebuilt.Damaged, and the others are derived without it. progress,
// which may be nil, is called with the batches done and their number.
func (p *Pipeline) Rebuild(ctx context.Context, progress func(batches, of int)) (Rebuilt, error) {
	return p.rebuild(ctx, progress, &remade{})
}

// rebuild is Rebuild, and takes from from what was made aside.
func (p *Pipeline) rebuild(ctx context.Context, progress func(batches, of int), from *remade) (Rebuilt, error) {
	out := from.rebuilt
	out.Segments = map[string]string{}
	done, superseded := map[string]bool{}, map[string]string{}
	maps.Copy(done, from.done)
	maps.Copy(superseded, from.superseded)
	// derive derives the batches that are not derived yet.
	derive := func(u *archive.Update) error {
		u.Manifest.Ruleset = verdict.Ruleset
		batches := slices.SortedFunc(slices.Values(u.Manifest.Batches()), func(a, b archive.Batch) int { return cmp.Compare(a.SHA256, b.SHA256) })
		left := slices.DeleteFunc(slices.Clone(batches), func(b archive.Batch) bool { return done[b.SHA256] })
		err := p.rebuildBatches(ctx, u, left, &out, func(b archive.Batch) {
			if done[b.SHA256] = true; progress != nil {
				progress(len(done), len(batches))
			}
		})
		if err != nil {
			return err
		}
		if _, err := p.compact(ctx, u); err != nil {
			return err
		}
		if err := p.supersedeAll(ctx, u, superseded); err != nil {
			return err
		}
		return p.countAndDetect(ctx, u)
	}
	err := p.Archive.Stage(ctx, func(u *archive.Update) error {
		u.Why = "rebuild"
		u.Manifest.Segments = append(slices.DeleteFunc(u.Manifest.Segments, ofRebuild), from.segments...)
		return derive(u)
	}, func(staged *archive.Manifest, u *archive.Update) error {
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, ofRebuild)
		for _, s := range staged.Segments {
			if ofRebuild(s) {
				u.Manifest.Segments = append(u.Manifest.Segments, s)
			}
		}
		if err := derive(u); err != nil {
			return err
		}
		out.Batches = u.Manifest.Totals().Batches - len(out.Damaged)
		for _, s := range u.Manifest.Segments {
			out.Segments[s.Path()] = s.SHA256
		}
		return p.noteEvents(u)
	})
	p.forgetDays()
	if err != nil {
		p.findings.unsettle() // the findings may not be listed
	}
	return out, err
}

// ofRebuild reports whether a rebuild writes a segment again. It leaves segments of other
// rulesets alone.
func ofRebuild(s archive.Segment) bool { return s.Ruleset == "" || s.Ruleset == verdict.Ruleset }

// forgetDays drops what is kept in memory of the days of the archive: the next commit
// reads it again. A commit takes this lock before its turn to write, so the caller must
// not hold the turn.
func (p *Pipeline) forgetDays() {
	p.days.mu.Lock()
	defer p.days.mu.Unlock()
	p.days.forget()
}

// rebuildBatches derives batches, and adds damaged ones to out.Damaged. It calls did after
// each batch.
func (p *Pipeline) rebuildBatches(ctx context.Context, u *archive.Update, batches []archive.Batch, out *Rebuilt, did func(archive.Batch)) error {
	for _, b := range batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := p.rebuildBatch(u, b, out)
		var harm *archive.DamagedError
		if errors.As(err, &harm) && harm.Path == b.Path() {
			out.Damaged = append(out.Damaged, archive.Damage{Path: harm.Path, Reason: harm.Reason})
			err = nil
		}
		if err != nil {
			return err
		}
		did(b)
	}
	return nil
}

func (p *Pipeline) rebuildBatch(u *archive.Update, b archive.Batch, out *Rebuilt) error {
	var items []*item
	var web []*item
	err := p.Archive.ReadRaw(b, func(line uint32, e *archive.Entry) error {
		out.Documents++
		it, err := p.rederive(b, line, e)
		if err != nil {
			out.Failed++
			return nil
		}
		if b.Kind == archive.KindWeb {
			web = append(web, it)
			return nil
		}
		items = append(items, it)
		return nil
	})
	if err != nil {
		return err
	}
	joined, _, _ := joinWeb(web)
	items = append(items, joined...)
	for _, it := range items {
		it.verdict.Raw = b.SHA256
		for i := range it.rows { // an obs_web measurement has one line for each row: take the first
			if i == 0 || it.rows[i].Line < it.verdict.Line {
				it.verdict.Line = it.rows[i].Line
			}
		}
		for i := range it.rows {
			it.rows[i].Raw = b.SHA256
		}
	}
	return addDerived(u, items)
}

// rederive makes the item again from one line of a raw batch.
func (p *Pipeline) rederive(b archive.Batch, line uint32, e *archive.Entry) (*item, error) {
	doc := intake.Document{Source: e.Source, Line: e.Line, Offset: e.Offset, Data: e.Document}
	var it *item
	var bad *reject
	switch b.Kind {
	case archive.KindWeb:
		if it, bad = webItem(&doc, p.options(), clockOf(b, e)); bad == nil {
			it.entries = nil // they are in raw already
		}
	case archive.KindAggregation:
		it, bad = countItem(&doc, p.Targets.Of)
	case archive.KindSignals:
		if it, bad = signalItem(&doc); bad == nil {
			it.stand(b.SHA256, line)
		}
	case archive.KindMeasurements:
		c := *e
		c.Document = doc.Data
		whole, err := p.judgeEntry(&c, clockOf(b, e))
		if err != nil {
			return nil, err
		}
		it = whole
		it.entries = nil // they are in raw already
	default:
		return nil, fmt.Errorf("raw batch %s is of the unknown kind %q: use a newer bandish", b.SHA256, b.Kind)
	}
	if bad != nil {
		return nil, fmt.Errorf("%s", bad.reason)
	}
	for i := range it.rows {
		it.rows[i].Line = line
	}
	return it, nil
}

// clockOf returns the clock by which an entry was judged: when the entry was received.
// Batches of older programs kept no such time; their entries were judged by the time of
// the batch.
func clockOf(b archive.Batch, e *archive.Entry) time.Time {
	if e.Received.IsZero() && b.Clock != archive.ClockEntries {
		return b.Added
	}
	return e.Received
}

// Rescored says what a re-scoring did.
type Rescored struct {
	Ruleset  string `json:"ruleset"`
	Verdicts int64  `json:"verdicts"`
}

// Rescore judges all history again, from the observations and without the raw batches,
// under the ruleset of this program and its current fingerprints. The verdicts of other
// rulesets stay readable. Other processes may commit meanwhile: days that they change are
// judged at the end, within the turn to write.
func (p *Pipeline) Rescore(ctx context.Context) (Rescored, error) {
	return p.rescoreFrom(ctx, &remade{})
}

// rescoreFrom is Rescore, and takes from from what was made aside.
func (p *Pipeline) rescoreFrom(ctx context.Context, from *remade) (Rescored, error) {
	out := Rescored{Ruleset: verdict.Ruleset}
	done := map[string]rescored{}
	maps.Copy(done, from.rescored)
	err := p.Archive.Stage(ctx, func(u *archive.Update) error {
		u.Why = "rescore"
		u.Manifest.Segments = append(slices.DeleteFunc(u.Manifest.Segments, ofRuleset), from.segments...)
		return p.rescore(ctx, u, done)
	}, func(staged *archive.Manifest, u *archive.Update) error {
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, ofRuleset)
		for _, s := range staged.Segments {
			if ofRuleset(s) {
				u.Manifest.Segments = append(u.Manifest.Segments, s)
			}
		}
		if err := p.rescore(ctx, u, done); err != nil {
			return err
		}
		return p.noteEvents(u)
	})
	for _, d := range done {
		out.Verdicts += d.Verdicts
	}
	p.forgetDays()
	if err != nil {
		p.findings.unsettle() // the findings may not be listed
	}
	return out, err
}

func ofRuleset(s archive.Segment) bool { return s.Ruleset == verdict.Ruleset }

// rescored is one day that was judged again.
type rescored struct {
	Inputs   string `json:"inputs"` // hash of the day's observations, by inputsOf
	Verdicts int64  `json:"verdicts"`
}

// rescore judges the days whose observations differ from those in done, then counts, and
// finds events again.
func (p *Pipeline) rescore(ctx context.Context, u *archive.Update, done map[string]rescored) error {
	if err := p.rescoreDays(ctx, u, done); err != nil {
		return err
	}
	return p.countAndDetect(ctx, u)
}

// rescoreDays is rescore without counting and events. It adds the days to done.
func (p *Pipeline) rescoreDays(ctx context.Context, u *archive.Update, done map[string]rescored) error {
	u.Manifest.Ruleset = verdict.Ruleset
	byDay := map[string][]archive.Segment{}
	for _, s := range u.Manifest.Select(archive.Observations, "") {
		byDay[s.Period] = append(byDay[s.Period], s)
	}
	for i, day := range slices.Sorted(maps.Keys(byDay)) {
		p.Archive.Did("day", i, len(byDay))
		inputs := inputsOf(byDay[day])
		if done[day].Inputs == inputs {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s archive.Segment) bool {
			return s.Kind == archive.Verdicts && s.Period == day && ofRuleset(s)
		})
		n, err := p.rescoreDay(u, day, byDay[day])
		if err != nil {
			return err
		}
		done[day] = rescored{inputs, n}
	}
	return nil
}

// rescoreDay judges a day again, and returns how many verdicts it has.
func (p *Pipeline) rescoreDay(u *archive.Update, day string, segments []archive.Segment) (int64, error) {
	bodies, err := p.bodiesOf(u, day)
	if err != nil {
		return 0, err
	}
	var rows []verdict.Row
	var one []observation.Row
	flush := func() {
		if len(one) > 0 {
			v := verdict.Judge(one)
			v.Raw, v.Line = one[0].Raw, one[0].Line
			for i := range one {
				v.Line = min(v.Line, one[i].Line)
			}
			rows = append(rows, v)
			one = one[:0]
		}
	}
	for _, s := range segments {
		err := archive.ReadSegment(p.Archive, s, func(part []observation.Row) error {
			for i := range part {
				if len(one) > 0 && (one[0].UID != part[i].UID || one[0].Raw != part[i].Raw || one[0].Content != part[i].Content) {
					flush()
				}
				r := part[i]
				observation.Rematch(&r, func(sha string) (string, bool) {
					body, ok := bodies[sha]
					return body, ok
				}, p.fingerprints())
				r.FindDefects(p.defects())
				one = append(one, r)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		flush()
	}
	if err := addSorted(u, archive.Segment{Kind: archive.Verdicts, Period: day, Ruleset: verdict.Ruleset}, pointTo(nil, rows), derivation.CompareVerdicts); err != nil {
		return 0, err
	}
	return int64(len(rows)), p.supersede(u, day)
}

func (p *Pipeline) defects() *defect.Table {
	if p.Defects != nil {
		return p.Defects
	}
	return defect.Embedded()
}

func (p *Pipeline) fingerprints() *fingerprint.Set {
	if p.Fingerprints != nil {
		return p.Fingerprints
	}
	return fingerprint.Embedded()
}

func (p *Pipeline) bodiesOf(u *archive.Update, day string) (map[string]string, error) {
	bodies := map[string]string{}
	for _, s := range u.Manifest.Select(archive.Bodies, "") {
		if s.Period != day {
			continue
		}
		err := archive.ReadSegment(p.Archive, s, func(rows []observation.Body) error {
			for i := range rows {
				bodies[rows[i].SHA256] = strings.Clone(rows[i].Text)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return bodies, nil
}
