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

// maxSegments is how many segments a period may have before some are merged.
const maxSegments = 8

// Compact merges the segments of every period that has more than one. It returns
// how many periods it merged.
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

// Tidy merges segments of every period that has more than maxSegments of a kind,
// small ones first, and returns of how many. Others go on committing meanwhile.
// Where a rebuild is under way it leaves that for later.
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
			if errors.As(err, &one) { // they stay as they are
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

// merge is segments and the one that holds their rows.
type merge struct {
	in  []archive.Segment
	out archive.Segment
}

// replace lists the merged segment in place of the others, and reports whether
// these were all still listed.
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

// groups are the segments of each kind, period and ruleset that has several, in
// order.
func groups(m *archive.Manifest) [][]archive.Segment {
	by := map[[3]string][]archive.Segment{}
	for _, s := range m.Segments {
		k := [3]string{s.Kind, s.Period, s.Ruleset}
		by[k] = append(by[k], s)
	}
	var out [][]archive.Segment
	for _, k := range slices.SortedFunc(maps.Keys(by), func(a, b [3]string) int { return slices.Compare(a[:], b[:]) }) {
		switch k[0] {
		case archive.Observations, archive.Verdicts, archive.Bodies, archive.Counts, archive.Signals: // the others are made whole each time
			if len(by[k]) > 1 {
				out = append(out, by[k])
			}
		}
	}
	return out
}

// smallOnes are the segments of a group that are worth merging, none where it
// has few: the smallest, and those that are not larger than all before them
// together. So a row is written again only when what it stands in has doubled.
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

// commitDespite decides what becomes of work of which n parts were done: it is
// committed although other parts met damaged files, which harm names.
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
			u.Manifest.Segments = before // they stay as they are
		case err != nil:
			return merged, err
		default:
			merged++
		}
	}
	return merged, harm.err()
}

// damage gathers files that are damaged, so that the work on the others goes
// on.
type damage struct {
	files []*archive.DamagedError
}

// takes reports whether an error is about a damaged file, and keeps it.
func (d *damage) takes(err error) bool {
	var one *archive.DamagedError
	if !errors.As(err, &one) {
		return false
	}
	d.files = append(d.files, one)
	return true
}

// err names each damaged file once; nil where there is none.
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

// damagedOnly reports whether an error is about damaged files and nothing
// else.
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

// mergeGroup merges segments of one kind, period and ruleset.
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

// Count brings the cells up to the verdicts, and the events up to the cells:
// months whose verdicts have changed since their cells were counted are counted
// again, and so are the events of the countries in which that changed
// something. It returns how many months it counted.
//
// Others go on committing meanwhile; what they commit is counted the next time.
// While a rebuild is under way it is done in one turn.
func (p *Pipeline) Count(ctx context.Context) (int, error) {
	counted := 0
	var harm error
	var before []archive.Segment // that were counted when the stage began
	ours := func(m *archive.Manifest) []archive.Segment {
		return slices.DeleteFunc(slices.Clone(m.Segments), func(s archive.Segment) bool { return !ofCount(s, m.Ruleset) })
	}
	count := func(u *archive.Update) (err error) {
		u.Why = "count"
		if u.Again {
			p.findings.unsettle() // what was found is not listed
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
		if !slices.EqualFunc(before, ours(u.Manifest), archive.Segment.Same) { // another counted them, elsewhere
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
		p.findings.unsettle() // what was found may not be listed
	}
	if err == errNothing {
		err = nil
	}
	return counted, errors.Join(err, harm)
}

// ofCount reports whether counting makes a segment anew.
func ofCount(s archive.Segment, ruleset string) bool {
	switch s.Kind {
	case archive.Cells, archive.Layers, archive.Hours:
		return s.Ruleset == ruleset
	}
	return s.Kind == archive.Findings || s.Kind == archive.Events
}

// countAll counts months and detects; it gives how many parts it changed.
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
	for _, s := range u.Manifest.Select(archive.Hours, u.Manifest.Ruleset) { // made with the cells
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
		case harm.takes(err): // the month keeps the cells that it has
		case err != nil:
			return counted, err
		default:
			counted++
		}
	}
	return counted, harm.err()
}

// inputsOf names segments of one kind, in whatever order they are listed.
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

// countMonth counts a month, a day at a time: no cell spans days. Failures that
// follow a version of software and not the networks, over the whole month, do
// not vote, and neither do those of a run on a network that lets through only
// what is approved. Slow loads of a target that the network alone makes slow are
// likely_blocked there.
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

// AddCells writes the cells of a month, which must be in the order of
// series.Compare: those of whole measurements apart from those of layers, since
// nearly all questions are about the former.
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

// Rebuilt is what a rebuild came to.
type Rebuilt struct {
	Batches   int               `json:"batches"`
	Documents int64             `json:"documents"`
	Segments  map[string]string `json:"segments"` // path → SHA-256
	Failed    int64             `json:"failed"`   // documents that no longer decode; they stay in raw

	// Damaged are the batches that nothing was derived from. They stay where
	// they are.
	Damaged []archive.Damage `json:"damaged,omitempty"`
}

// Rebuild derives everything again from the raw batches: observations,
// verdicts, bodies, counts and cells, one segment a period. The same raw
// batches give the same bytes, however they were imported and merged before.
// Others go on committing meanwhile: their batches are derived in the turn.
// A batch that is damaged is named, and the others are derived without it.
func (p *Pipeline) Rebuild(ctx context.Context, progress func(batches, of int)) (Rebuilt, error) {
	return p.rebuild(ctx, progress, &remade{})
}

// rebuild is Rebuild that begins with what was made aside.
func (p *Pipeline) rebuild(ctx context.Context, progress func(batches, of int), from *remade) (Rebuilt, error) {
	out := from.rebuilt
	out.Segments = map[string]string{}
	done, superseded := map[string]bool{}, map[string]string{}
	maps.Copy(done, from.done)
	maps.Copy(superseded, from.superseded)
	// derive derives the batches that were not derived yet.
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
		p.findings.unsettle() // what was found may not be listed
	}
	return out, err
}

// ofRebuild reports whether a rebuild makes a segment anew. The verdicts and
// cells of other rulesets it leaves alone.
func ofRebuild(s archive.Segment) bool { return s.Ruleset == "" || s.Ruleset == verdict.Ruleset }

// forgetDays makes the next commit read again what the archive holds. A commit
// takes the lock before its turn to write, so it must not be taken within one.
func (p *Pipeline) forgetDays() {
	p.days.mu.Lock()
	defer p.days.mu.Unlock()
	p.days.forget()
}

// rebuildBatches derives batches, and names those that are damaged.
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
		for i := range it.rows { // an obs_web measurement has a line a row: its first
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

// rederive makes the item of one line of a raw batch again.
func (p *Pipeline) rederive(b archive.Batch, line uint32, e *archive.Entry) (*item, error) {
	doc := intake.Document{Source: e.Source, Line: e.Line, Offset: e.Offset, Data: e.Document}
	var it *item
	var bad *reject
	switch b.Kind {
	case archive.KindWeb:
		if it, bad = webItem(&doc, p.options(), clockOf(b, e)); bad == nil {
			it.entries = nil // already in raw
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
		it.entries = nil // already in raw
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

// clockOf is the clock that an entry was judged by: its own where it names one.
// A batch of an older program was judged by its own.
func clockOf(b archive.Batch, e *archive.Entry) time.Time {
	if e.Received.IsZero() && b.Clock != archive.ClockEntries {
		return b.Added
	}
	return e.Received
}

// Rescored is what a re-scoring came to.
type Rescored struct {
	Ruleset  string `json:"ruleset"`
	Verdicts int64  `json:"verdicts"`
}

// Rescore judges all history again from the observations, without raw, under
// the ruleset of this program and its current fingerprints. The verdicts of
// other rulesets stay readable. Others go on committing meanwhile: days that
// they change are judged in the turn.
func (p *Pipeline) Rescore(ctx context.Context) (Rescored, error) {
	return p.rescoreFrom(ctx, &remade{})
}

// rescoreFrom is Rescore that begins with what was made aside.
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
		p.findings.unsettle() // what was found may not be listed
	}
	return out, err
}

func ofRuleset(s archive.Segment) bool { return s.Ruleset == verdict.Ruleset }

// rescored is a day that was judged again.
type rescored struct {
	Inputs   string `json:"inputs"` // its observations
	Verdicts int64  `json:"verdicts"`
}

// rescore judges the days whose observations are not those that were judged
// already, and counts what they change.
func (p *Pipeline) rescore(ctx context.Context, u *archive.Update, done map[string]rescored) error {
	if err := p.rescoreDays(ctx, u, done); err != nil {
		return err
	}
	return p.countAndDetect(ctx, u)
}

// rescoreDays is rescore without the counts.
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

// rescoreDay judges a day and gives how many verdicts it has.
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
