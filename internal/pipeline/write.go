package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

// batch is what one commit holds.
type batch struct {
	kind     string
	items    []*item
	size     int
	finished []string // journal keys of sources that end in this batch
	packer   *archive.Packer
}

// packed returns a packer for the batch: that of the batches before it, or a new one.
func (b *batch) packed() (*archive.Packer, error) {
	if b.packer == nil {
		return archive.NewPacker()
	}
	b.packer.Reset()
	return b.packer, nil
}

func newBatch(kind string) *batch { return &batch{kind: kind} }

func (b *batch) add(it *item) {
	b.items = append(b.items, it)
	for i := range it.entries {
		b.size += len(it.entries[i].Document)
	}
}

// writer commits batches in the background, one at a time, while the next ones are being
// decoded.
type writer struct {
	im      *importer
	batches chan *batch
	packer  *archive.Packer // for all batches, one after the other
	wg      sync.WaitGroup

	mu  sync.Mutex // guards what follows
	err error
}

func newWriter(ctx context.Context, im *importer) *writer {
	w := &writer{im: im, batches: make(chan *batch, 1)}
	w.wg.Go(func() {
		for b := range w.batches {
			if w.failed() != nil {
				continue
			}
			// A batch that was handed over is committed even when ctx ends: it is what the
			// import has done so far.
			if err := w.commit(context.WithoutCancel(ctx), b); err != nil {
				w.mu.Lock()
				w.err = err
				w.mu.Unlock()
			}
		}
	})
	return w
}

func (w *writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *writer) send(b *batch) error {
	if err := w.failed(); err != nil {
		return err
	}
	if len(b.items) > 0 || len(b.finished) > 0 {
		w.batches <- b
	}
	return nil
}

func (w *writer) close() error {
	close(w.batches)
	w.wg.Wait()
	return w.err
}

func (w *writer) commit(ctx context.Context, b *batch) error {
	if w.packer == nil {
		p, err := archive.NewPacker()
		if err != nil {
			return err
		}
		w.packer = p
	}
	b.packer = w.packer
	res, err := w.im.p.commit(ctx, b, w.im.added)
	if err != nil {
		return err
	}
	w.im.mu.Lock()
	defer w.im.mu.Unlock()
	w.im.count(res)
	for _, r := range res.conflicts {
		if err := w.im.toQuarantine(r); err != nil {
			return err
		}
	}
	return w.im.p.writeJournal(b.finished)
}

// result is what happened to the items of a batch.
type result struct {
	batch      archive.Batch
	added      []*item
	duplicates int64
	contested  map[string]bool // days of measurements whose uid also came from another kind of source
	conflicts  []*reject       // counts that contradict those in the archive, and documents under a uid with too many
	bytes      int64
}

// commit drops what the archive has already, writes the rest as one raw batch with its
// segments, and returns when everything is durable.
func (p *Pipeline) commit(ctx context.Context, b *batch, added time.Time) (result, error) {
	if len(b.items) == 0 {
		return result{}, nil
	}
	return p.commitSafely(ctx, "import", func() (*batch, time.Time) { return b, added })
}

// commitWhen is commit for a batch that is made when the turn to write has come.
func (p *Pipeline) commitWhen(ctx context.Context, why string, make func() (b *batch, added time.Time)) (result, error) {
	var res result
	p.days.mu.Lock()
	defer p.days.mu.Unlock()
	var b *batch
	var added time.Time
	err := p.Archive.Update(ctx, func(u *archive.Update) error {
		u.Why = why
		if u.Again {
			for _, it := range res.added {
				for i := range it.rows {
					it.rows[i].Line -= it.verdict.Line // back to the index among the item's entries
				}
			}
			res = result{}
			p.days.takeBack()
		}
		if b == nil {
			b, added = make()
		}
		if len(b.items) == 0 {
			return errNothing
		}
		if u.Manifest.Ruleset == "" {
			u.Manifest.Ruleset = verdict.Ruleset
		}
		if err := p.sift(u, b, &res); err != nil {
			return err
		}
		if len(res.added) == 0 {
			return errNothing
		}
		if err := u.Together(func() error { return p.write(u, b, added, &res) }); err != nil {
			return err
		}
		for day := range res.contested {
			if err := p.supersede(u, day); err != nil {
				return err
			}
		}
		p.days.loaded(u.Manifest)
		return nil
	})
	if err == errNothing {
		return res, nil
	}
	if err != nil {
		p.days.forget() // it holds names that were not committed
	}
	return res, err
}

var errNothing = fmt.Errorf("nothing to commit")

// sift sorts the items into new ones, duplicates and conflicts.
func (p *Pipeline) sift(u *archive.Update, b *batch, res *result) error {
	p.days.begin()
	res.contested = map[string]bool{}
	for _, it := range b.items {
		kind, when := archive.Verdicts, period(it.verdict.Time, it.received)
		if it.count != nil {
			kind, when = archive.Counts, it.count.Day.Format("2006-01")
		}
		if it.signals != nil {
			kind, when = archive.Signals, it.begun().Format("2006-01")
		}
		day, err := p.days.day(p.Archive, u.Manifest, kind, when)
		if err != nil {
			return err
		}
		k := p.days.nameOf(it)
		held, more := len(day.held), len(day.more[k])
		novel := p.siftOne(day, k, it)
		p.days.note(day, k, held, more)
		switch novel {
		case isNew:
			p.days.total++
			res.added = append(res.added, it)
		case isContested:
			res.added = append(res.added, it)
			res.contested[when] = true
		case isHeld:
			res.duplicates += int64(len(it.entries))
		case isConflict:
			for _, e := range it.entries {
				res.conflicts = append(res.conflicts, &reject{
					doc:    intake.Document{Source: e.Source, Line: e.Line, Offset: e.Offset, Data: e.Document},
					reason: conflictReason(it),
					it:     it,
				})
			}
		}
	}
	return nil
}

// novelty is what an item is to the archive.
type novelty uint8

const (
	isNew       novelty = iota
	isContested         // new, under a uid that also came from another kind of source
	isHeld
	isConflict
)

// nameOf returns the name under which the index has an item.
func (x *dayIndex) nameOf(it *item) key {
	if it.signals != nil { // the content of the document is its name
		return x.keyOf(it.signals[0].Document)
	}
	if it.count != nil {
		return x.keyOf(it.count.Name())
	}
	return x.keyOf(it.verdict.UID)
}

func (p *Pipeline) siftOne(day *indexedDay, k key, it *item) novelty {
	if it.signals != nil {
		if _, have := day.held[k]; have {
			return isHeld
		}
		day.held[k] = version{}
		return isNew
	}
	if it.count != nil {
		v := version{content: p.days.substanceOfCount(it.count)}
		switch old, have := day.held[k]; {
		case !have:
			day.held[k] = v
			return isNew
		case old == v:
			return isHeld
		}
		return isConflict
	}
	switch {
	case day.holds(k, &it.verdict):
		return isHeld
	case len(day.more[k]) >= maxVersions:
		return isConflict
	case day.hold(k, versionOf(&it.verdict)):
		return isContested
	}
	return isNew
}

func conflictReason(it *item) string {
	if it.count != nil {
		return "the archive has other counts for the same day, network and test: remove one of the two, counts cannot be told apart"
	}
	return fmt.Sprintf("measurement_uid %s is used by %d other measurements: give each measurement its own uid", it.verdict.UID, maxVersions)
}

// write writes the raw batch and the segments of the new items.
func (p *Pipeline) write(u *archive.Update, b *batch, added time.Time, res *result) error {
	packer, err := b.packed()
	if err != nil {
		return err
	}
	n := uint32(0)
	var holds contents
	for _, it := range res.added {
		it.verdict.Line = n
		for i := range it.rows {
			it.rows[i].Line += n // from the index among the item's entries to that in the batch
		}
		for i := range it.entries {
			head, err := packer.Add(&it.entries[i])
			if err != nil {
				return err
			}
			holds.add(it, &it.entries[i], head)
			n++
		}
	}
	res.bytes = packer.RawBytes()
	res.batch, err = u.AddPacked(b.kind, packer, added, holds.done())
	if err != nil {
		return err
	}
	for _, it := range res.added {
		it.verdict.Raw = res.batch.SHA256
		for r := range it.rows {
			it.rows[r].Raw = res.batch.SHA256
		}
		it.stand(res.batch.SHA256, it.verdict.Line)
	}
	return addDerived(u, res.added)
}

// stand notes the batch and the line of the document with an item's signals.
func (it *item) stand(raw string, line uint32) {
	for i := range it.signals {
		it.signals[i].Raw, it.signals[i].Line = raw, line
	}
}

// contents collects what the ledger says of a batch.
type contents struct {
	archive.Contents
	leaves []ledger.Hash
	buf    []byte
}

// add adds an entry of an item. head is its line up to the document.
func (c *contents) add(it *item, e *archive.Entry, head []byte) {
	c.buf = ledger.AppendDocumentLeaf(c.buf[:0], head, e.Sum())
	c.leaves = append(c.leaves, ledger.LeafHash(c.buf))
	if c.Channels == nil {
		c.Channels = map[string]int{}
	}
	channel, at := derivation.ChannelOf(e.Source), it.verdict.Time
	if it.count != nil {
		at = it.count.Day
	} else if it.signals != nil {
		at = it.begun()
	} else if len(it.rows) > 0 {
		channel = it.rows[0].Channel
	}
	c.Channels[channel]++
	day := at.UTC().Format(time.DateOnly)
	if c.Earliest == "" || day < c.Earliest {
		c.Earliest = day
	}
	c.Latest = max(c.Latest, day)
}

func (c *contents) done() archive.Contents {
	c.SetLeaves(c.leaves)
	return c.Contents
}

// derived holds the rows of one period, by kind.
type derived struct {
	observations []*observation.Row
	verdicts     []*verdict.Row
	bodies       []*observation.Body
	counts       []*derivation.PublishedCount
	signals      []*signal.Series
}

// addDerived writes the segments of items: one of each kind for each period.
func addDerived(u *archive.Update, items []*item) error {
	periods := map[string]*derived{}
	at := func(name string) *derived {
		d := periods[name]
		if d == nil {
			d = new(derived)
			periods[name] = d
		}
		return d
	}
	for _, it := range items {
		if it.count != nil {
			d := at(it.count.Day.Format("2006-01"))
			d.counts = append(d.counts, it.count)
			continue
		}
		if it.signals != nil {
			d := at(it.begun().Format("2006-01"))
			d.signals = pointTo(d.signals, it.signals)
			continue
		}
		d := at(period(it.verdict.Time, it.received))
		d.observations, d.verdicts = pointTo(d.observations, it.rows), append(d.verdicts, &it.verdict)
		d.bodies = pointTo(d.bodies, it.bodies)
	}
	for _, name := range slices.Sorted(maps.Keys(periods)) {
		if err := periods[name].add(u, name); err != nil {
			return err
		}
	}
	return nil
}

// pointTo appends pointers to the rows of a list.
func pointTo[T any](to []*T, rows []T) []*T {
	for i := range rows {
		to = append(to, &rows[i])
	}
	return to
}

func (d *derived) add(u *archive.Update, name string) error {
	if err := addSorted(u, archive.Segment{Kind: archive.Observations, Period: name}, d.observations, derivation.CompareObservations); err != nil {
		return err
	}
	if err := addSorted(u, archive.Segment{Kind: archive.Verdicts, Period: name, Ruleset: verdict.Ruleset}, d.verdicts, derivation.CompareVerdicts); err != nil {
		return err
	}
	d.bodies = uniqueBodies(d.bodies)
	if err := addSorted(u, archive.Segment{Kind: archive.Bodies, Period: name}, d.bodies, compareBodies); err != nil {
		return err
	}
	if err := addSorted(u, archive.Segment{Kind: archive.Counts, Period: name}, d.counts, derivation.ComparePublishedCounts); err != nil {
		return err
	}
	return addSorted(u, archive.Segment{Kind: archive.Signals, Period: name}, d.signals, signal.Compare)
}

func addSorted[T any](u *archive.Update, s archive.Segment, rows []*T, compare func(a, b *T) int) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := archive.AddOrdered(u, s, rows, compare)
	return err
}

func compareBodies(a, b *observation.Body) int { return strings.Compare(a.SHA256, b.SHA256) }

func uniqueBodies(bodies []*observation.Body) []*observation.Body {
	seen := make(map[string]bool, len(bodies))
	return slices.DeleteFunc(bodies, func(b *observation.Body) bool {
		had := seen[b.SHA256]
		seen[b.SHA256] = true
		return had
	})
}

// count adds the result of a batch to the summary. The caller holds mu.
func (im *importer) count(res result) {
	im.sum.Duplicates += res.duplicates
	im.sum.Bytes += res.bytes
	for _, it := range res.added {
		im.sum.Added += int64(len(it.entries))
		if it.count != nil || it.signals != nil {
			continue
		}
		if len(it.verdict.Marks) > 0 {
			im.sum.Marked++
		}
		if it.unknown {
			im.sum.Unknown++
		}
	}
}
