package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
)

// Want selects the documents that an import adds. Empty fields select all.
type Want struct {
	intake.Filter
	Target string // id of a platform, or a host name
}

// Summary says what an import did. Every document read counts in exactly one of Added,
// Duplicates, Filtered and Quarantined.
type Summary struct {
	Sources     int   `json:"sources"`
	Skipped     int   `json:"sources_unchanged"` // imported before, not read again
	Unreadable  int   `json:"sources_unreadable"`
	Read        int64 `json:"read"` // documents, lines and rows
	Added       int64 `json:"added"`
	Duplicates  int64 `json:"duplicates"`
	Filtered    int64 `json:"filtered"`
	Quarantined int64 `json:"quarantined"`
	Unknown     int64 `json:"unknown_tests"` // of Added: kept raw, without observations
	Marked      int64 `json:"marked"`        // of Added: kept, and they do not vote
	Bytes       int64 `json:"bytes"`         // of what was added, decompressed

	QuarantineFile string   `json:"quarantine_file,omitempty"`
	Errors         []string `json:"errors,omitempty"` // of the unreadable sources
}

// add adds the figures of another import.
func (s *Summary) add(o *Summary) {
	s.Sources, s.Skipped, s.Unreadable = s.Sources+o.Sources, s.Skipped+o.Skipped, s.Unreadable+o.Unreadable
	s.Read, s.Added, s.Duplicates = s.Read+o.Read, s.Added+o.Added, s.Duplicates+o.Duplicates
	s.Filtered, s.Quarantined = s.Filtered+o.Filtered, s.Quarantined+o.Quarantined
	s.Unknown, s.Marked, s.Bytes = s.Unknown+o.Unknown, s.Marked+o.Marked, s.Bytes+o.Bytes
	s.Errors = append(s.Errors, o.Errors...)
	if s.QuarantineFile != "" && o.QuarantineFile != "" {
		s.QuarantineFile += ", "
	}
	s.QuarantineFile += o.QuarantineFile
}

// Progress says how far an import is.
type Progress struct {
	Sources, SourcesDone     int
	Bytes, BytesDone         int64 // as stored, compressed or not; Bytes is -1 if not known
	Read, Added, Quarantined int64
}

// batchBytes is the size of the raw text of a batch, in bytes.
const batchBytes = 32 << 20

// chunkBytes is the size of the text that a goroutine decodes at a time, in bytes.
const chunkBytes = 1 << 20

// job is a run of documents from one source, decoded by one goroutine.
type job struct {
	docs []intake.Document
	done chan struct{}

	items   []*item
	rejects []*reject
	dropped int64 // count of documents that Want does not select
	size    int64 // bytes as stored, read since the job before
}

// own copies the documents that are kept, if they are less than half of the job's bytes:
// documents that lie beside one another in a source share memory, and one keeps all of it
// in use.
func (j *job) own() {
	all, kept := 0, 0
	for i := range j.docs {
		all += len(j.docs[i].Data)
	}
	for _, it := range j.items {
		for i := range it.entries {
			kept += len(it.entries[i].Document)
		}
	}
	if 2*kept > all {
		return
	}
	for _, it := range j.items {
		for i := range it.entries {
			it.entries[i].Document = bytes.Clone(it.entries[i].Document)
			it.entries[i].UID = strings.Clone(it.entries[i].UID)
		}
	}
}

// Import adds the documents of the sources to the archive, in batches. If ctx ends, what
// was committed stays, and a second import goes on from there. An error says that the
// archive could not be written, or that ctx ended; a source that cannot be read is counted
// in the summary. progress, which may be nil, is called while the import runs.
func (p *Pipeline) Import(ctx context.Context, sources []intake.Source, want Want, progress func(Progress)) (Summary, error) {
	im := &importer{p: p, want: want, added: p.Now().UTC().Truncate(time.Second), progress: progress}
	im.sum.Sources = len(sources)
	done, err := p.readJournal()
	if err != nil {
		return im.sum, err
	}
	var pending []intake.Source
	im.state.Sources = len(sources)
	for _, s := range sources {
		if s.Identity != "" && done[journalKey(s, want)] {
			im.sum.Skipped++
			im.state.SourcesDone++
			continue
		}
		if s.Size > 0 && im.state.Bytes >= 0 {
			im.state.Bytes += s.Size
		} else if s.Size < 0 {
			im.state.Bytes = -1
		}
		pending = append(pending, s)
	}
	err = errors.Join(im.run(ctx, pending), im.quarantine.close())
	if err == nil {
		_, err = p.Archive.NoteFiles(ctx)
	}
	return im.sum, err
}

type importer struct {
	p        *Pipeline
	want     Want
	added    time.Time
	progress func(Progress)
	state    Progress

	batch *batch
	web   []*item // rows of a table that wait until their measurement is whole

	mu         sync.Mutex // guards what follows; the writer counts too
	sum        Summary
	quarantine quarantine
}

// run reads sources ahead of the one being collected, and decodes on all workers. It
// collects in the order of the sources, so the same input gives the same batches.
func (im *importer) run(ctx context.Context, sources []intake.Source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan *job)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range im.p.workers() {
		wg.Go(func() { im.work(ctx, jobs) })
	}
	ahead := max(1, im.p.workers()/2)
	type stream struct {
		source intake.Source
		jobs   chan *job
		err    error // set before jobs is closed
	}
	streams := make(chan *stream, ahead)
	turn := make(chan struct{}, ahead)
	wg.Go(func() {
		defer close(streams)
		for _, s := range sources {
			st := &stream{source: s, jobs: make(chan *job, 4)}
			select {
			case turn <- struct{}{}:
			case <-ctx.Done():
				return
			}
			wg.Go(func() {
				defer func() { <-turn }()
				defer close(st.jobs)
				st.err = im.read(ctx, st.source, jobs, st.jobs)
			})
			select {
			case streams <- st:
			case <-ctx.Done():
				return
			}
		}
	})
	writer := newWriter(ctx, im)
	im.batch = newBatch(archive.KindMeasurements)
	var failed error
	for st := range streams {
		for j := range st.jobs {
			if failed != nil {
				continue
			}
			select {
			case <-j.done:
				failed = im.collect(writer, j)
			case <-ctx.Done():
				failed = ctx.Err()
			}
		}
		if failed == nil {
			failed = im.endSource(writer, st.source, st.err)
		}
		if failed != nil {
			cancel()
		}
	}
	if failed == nil && ctx.Err() == nil {
		failed = im.flush(writer)
	}
	return errors.Join(failed, writer.close(), ignoreIf(failed, ctx.Err()))
}

func ignoreIf(had, err error) error {
	if had != nil {
		return nil
	}
	return err
}

// read cuts a source into jobs. It sends each to the workers (jobs) and, in order, to the
// collector (out).
func (im *importer) read(ctx context.Context, s intake.Source, jobs chan<- *job, out chan<- *job) error {
	r, err := s.Open(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", s.Name, intake.ErrUnreadable, err)
	}
	defer r.Close()
	counter := &countingReader{r: r}
	j := &job{done: make(chan struct{})}
	size := 0
	send := func() error {
		j.size = counter.take()
		for _, c := range []chan<- *job{out, jobs} {
			select {
			case c <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		j, size = &job{done: make(chan struct{})}, 0
		return nil
	}
	err = intake.Read(counter, s.Name, func(d intake.Document) error {
		j.docs = append(j.docs, d)
		size += len(d.Data)
		if size < chunkBytes && len(j.docs) < 4096 {
			return nil
		}
		return send()
	})
	if len(j.docs) > 0 || j.size > 0 {
		err = errors.Join(err, send())
	}
	return err
}

type countingReader struct {
	r    io.Reader
	n    atomic.Int64
	last int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// take returns how many bytes were read since the last call.
func (c *countingReader) take() int64 {
	n := c.n.Load()
	d := n - c.last
	c.last = n
	return d
}

func (im *importer) work(ctx context.Context, jobs <-chan *job) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-jobs:
			for i := range j.docs {
				im.want.complete(&j.docs[i])
				it, bad := im.p.judgeSafely(&j.docs[i], im.added)
				switch {
				case bad != nil:
					j.rejects = append(j.rejects, bad)
				case !im.want.matches(it):
					j.dropped++
				default:
					j.items = append(j.items, it)
				}
			}
			j.own()
			close(j.done)
		}
	}
}

// complete adds to a row of counts the columns that its table left out and that the import
// asked for. OONI's API does not repeat the country, test and domain of the question.
func (w *Want) complete(d *intake.Document) {
	if d.Bad != "" || len(d.Lacks) == 0 {
		return
	}
	add := func(column, value string) {
		if value == "" {
			return
		}
		pair, err := json.Marshal(map[string]string{column: value})
		if err != nil || len(d.Data) < 2 { // text can always be encoded
			return
		}
		if len(d.Data) > 2 {
			pair = append([]byte{','}, pair[1:]...)
		} else {
			pair = pair[1:]
		}
		d.Data = append(d.Data[:len(d.Data)-1], pair...)
	}
	lacks := func(column string) bool { return slices.Contains(d.Lacks, column) }
	if lacks("probe_cc") {
		add("probe_cc", w.CC)
	}
	if lacks("test_name") {
		add("test_name", w.Test)
	}
	if lacks("domain") && lacks("input") {
		add("target", w.Target)
	}
}

// matches reports whether Want selects an item.
func (w *Want) matches(it *item) bool {
	cc, test, target, at := "", "", "", time.Time{}
	host := ""
	if it.signals != nil { // signals are of a country, not of a test or target
		until := it.signals[0].Until()
		for _, s := range it.signals {
			until = max(until, s.Until())
		}
		return (w.CC == "" || it.signals[0].CC == w.CC) && w.Test == "" && w.Target == "" &&
			(w.Since.IsZero() || until > w.Since.Unix()) && (w.Until.IsZero() || it.begun().Before(w.Until))
	}
	if it.count != nil {
		cc, test, target, at, host = it.count.CC, it.count.TestName, it.count.Target, it.count.Day, it.count.Domain
	} else {
		r := &it.rows[0]
		cc, test, target, at, host = r.CC, r.TestName, r.Target, r.Time, cmp.Or(it.verdict.Domain, r.Name)
	}
	return (w.CC == "" || cc == w.CC) && (w.Test == "" || test == w.Test) &&
		(w.Target == "" || target == w.Target || host == w.Target) &&
		(w.Since.IsZero() || !at.Before(w.Since)) && (w.Until.IsZero() || at.Before(w.Until))
}

// collect adds the items of a decoded job to the batch.
func (im *importer) collect(w *writer, j *job) error {
	if err := im.note(j); err != nil {
		return err
	}
	for _, it := range j.items {
		kind := archive.KindMeasurements
		switch {
		case it.count != nil:
			kind = archive.KindAggregation
		case it.signals != nil:
			kind = archive.KindSignals
		case j.docs[0].Kind == intake.WebRow:
			im.web = append(im.web, it)
			if len(im.web) >= maxWebRows {
				if err := im.endTable(w, false); err != nil {
					return err
				}
			}
			continue
		}
		if err := im.add(w, kind, it); err != nil {
			return err
		}
	}
	im.state.BytesDone += j.size
	im.tell()
	return nil
}

// note counts a job, and writes its rejects to the quarantine.
func (im *importer) note(j *job) error {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.sum.Read += int64(len(j.docs))
	im.sum.Filtered += j.dropped
	for _, r := range j.rejects {
		if err := im.toQuarantine(r); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) tell() {
	if im.progress == nil {
		return
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.state.Read, im.state.Quarantined = im.sum.Read, im.sum.Quarantined
	im.state.Added = im.sum.Added
	im.progress(im.state)
}

// maxWebRows is the greatest number of table rows that wait until their measurement is
// whole. In OONI's tables the rows of a measurement stand together. If rows of one are
// further apart than this, the later ones become a second measurement whose uid is in use,
// which is set aside.
const maxWebRows = 200_000

// endTable joins the waiting rows of a table into measurements. If final is false, rows of
// the last measurement may still come, so its rows go on waiting.
func (im *importer) endTable(w *writer, final bool) error {
	rows := im.web
	im.web = nil
	if n := len(rows); n > 0 && !final {
		uid := rows[n-1].rows[0].UID
		for n > 0 && rows[n-1].rows[0].UID == uid {
			n--
		}
		if n == 0 { // one measurement fills the buffer: rows of it that follow come too late
			n = len(rows)
		}
		rows, im.web = rows[:n], slices.Clone(rows[n:])
	}
	items, repeated, over := joinWeb(rows)
	if err := im.noteJoined(repeated, over); err != nil {
		return err
	}
	for _, it := range items {
		if err := im.add(w, archive.KindWeb, it); err != nil {
			return err
		}
	}
	return nil
}

// noteJoined counts the rows that are in no measurement: repeated ones, and those in over,
// which go to the quarantine.
func (im *importer) noteJoined(repeated int64, over []*reject) error {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.sum.Duplicates += repeated
	for _, r := range over {
		if err := im.toQuarantine(r); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) add(w *writer, kind string, it *item) error {
	if im.batch.kind != kind {
		if err := im.flush(w); err != nil {
			return err
		}
		im.batch.kind = kind
	}
	im.batch.add(it)
	if im.batch.size < batchBytes {
		return nil
	}
	return im.flush(w)
}

func (im *importer) flush(w *writer) error {
	b := im.batch
	im.batch = newBatch(b.kind)
	return w.send(b)
}

// endSource records the end of a source; err is why it ended early. A source that was read
// whole is entered in the journal when the batches that hold it are committed.
func (im *importer) endSource(w *writer, s intake.Source, err error) error {
	if err := im.endTable(w, true); err != nil {
		return err
	}
	im.state.SourcesDone++
	im.tell()
	if err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		im.mu.Lock()
		defer im.mu.Unlock()
		im.sum.Unreadable++
		im.sum.Errors = append(im.sum.Errors, err.Error())
		return im.noteSource(s.Name, err)
	}
	if s.Identity != "" {
		im.batch.finished = append(im.batch.finished, journalKey(s, im.want))
	}
	return nil
}

// noteSource enters in the quarantine a source that could not be read whole. It does not
// count as a document. The caller holds mu.
func (im *importer) noteSource(name string, err error) error {
	if e := im.openQuarantine(); e != nil {
		return e
	}
	return im.quarantine.add(&reject{doc: intake.Document{Source: name}, reason: err.Error()})
}

func (im *importer) openQuarantine() error {
	if im.quarantine.f != nil {
		return nil
	}
	if err := im.quarantine.open(im.p.Archive.Disk(), im.p.Archive.Dir(), im.added); err != nil {
		return err
	}
	im.sum.QuarantineFile = im.quarantine.f.Name()
	return nil
}

// toQuarantine writes one document to the quarantine, and counts it. The caller holds mu.
func (im *importer) toQuarantine(r *reject) error {
	im.sum.Quarantined++
	if err := im.openQuarantine(); err != nil {
		return err
	}
	return im.quarantine.add(r)
}
