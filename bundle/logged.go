package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/ledger"
)

func hashOf(r io.ReaderAt, size int64) string {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, size)); err != nil {
		return "it cannot be read: " + err.Error()
	}
	return hex.EncodeToString(h.Sum(nil))
}

// byWord begins the reason where only the operator vouches for something.
const byWord = "by this operator's word alone"

// log holds what the enclosed entries of the log say, once their proofs were
// checked.
type log struct {
	batches  map[string]ledger.Batch
	segments map[string]ledger.Segment // hourly cells, by SHA-256
	files    map[string]ledger.File    // files of the record and copies of sources, by name
	events   map[string]ledger.Event
	corrects []ledger.Entry
	states   []ledger.State
}

// ledger checks what connects the contents to the log.
func (r *Result) ledger(c *Contents, o Options) {
	p := c.Proofs
	if p == nil {
		r.open(byWord+": no log is enclosed", "what is enclosed was received when the bundle says, and nothing was changed since")
		return
	}
	head, sure, ok := r.head(p, o)
	if !ok {
		return
	}
	l, faults := p.check(head)
	if len(faults) > 0 {
		r.wrong(faults, "the enclosed entries are in the log, and the documents in their batches")
		return
	}
	r.stamps(p, head, o)
	say := func(format string, args ...any) {
		if sure {
			r.proved(format, args...)
			return
		}
		r.open("it is so under the key that the bundle itself names: bring the key from elsewhere", format, args...)
	}
	say("%d entries are in the log %s of %d entries", len(p.Entries), head.Origin, head.Size)
	r.loggedState(c, l, say)
	r.loggedBatches(c, l, say)
	r.loggedHours(c, l, say)
	r.loggedEvents(c, l, say)
	r.loggedRecords(c, l, say)
	r.loggedCopies(c, l, say)
	for _, e := range l.corrects {
		say("the operator corrected %s on %s: %s", e.Correction.Of, e.Time.Format(time.DateOnly), e.Correction.Text)
	}
}

// head checks the signed head of the log. sure is true where the key is the
// reader's own.
func (r *Result) head(p *Proofs, o Options) (head ledger.Checkpoint, sure, ok bool) {
	key := o.Key
	if sure = key != ""; !sure {
		key = p.Key
	}
	v, err := ledger.NewLogVerifier(key)
	if err != nil {
		r.wrong([]string{err.Error()}, "the key of the log can be read")
		return head, sure, false
	}
	var witnesses []note.Verifier
	for _, w := range o.Witnesses {
		k, err := ledger.NewCosigner(w)
		if err != nil {
			r.wrong([]string{err.Error()}, "the keys of the witnesses can be read")
			return head, sure, false
		}
		witnesses = append(witnesses, k)
	}
	head, cosigned, err := ledger.OpenCheckpoint(p.Checkpoint, v, witnesses...)
	switch {
	case err != nil && sure && strings.TrimSpace(o.Key) != p.Key:
		r.wrong([]string{err.Error(), fmt.Sprintf("the bundle names the key %s, and you brought another", p.Key)}, "the head of the log is signed by the key that you brought")
		return head, sure, false
	case err != nil:
		r.wrong([]string{err.Error()}, "the head of the log is signed by its key")
		return head, sure, false
	case sure:
		r.proved("the head of the log %s, with %d entries, is signed by the key that you brought", head.Origin, head.Size)
	default:
		r.open("no key was brought: the signature is right under the key that stands in the bundle, which proves nothing", "the head of the log %s is signed by its key (%s)", head.Origin, p.Key)
	}
	for _, s := range cosigned {
		r.proved("the witness %s signed the same head of the log on %s: the server did not show it another history", s.Name, s.Time.Format(time.RFC3339))
	}
	switch others := strings.Count(string(p.Checkpoint), "\n— ") - 1 - len(cosigned); {
	case len(cosigned) > 0:
	case others > 0:
		r.open(fmt.Sprintf("%s: %d others signed the head of the log, and you brought the key of none", byWord, others), "others than the operator vouch for the log")
	default:
		r.open(byWord+": no witness signed the head of the log, so nobody else says that there is only one history", "others than the operator vouch for the log")
	}
	return head, sure, true
}

// check checks the proofs of entries and documents against the head of the log. It
// returns what the entries say, and the faults.
func (p *Proofs) check(head ledger.Checkpoint) (*log, []string) {
	var faults []string
	l := &log{batches: map[string]ledger.Batch{}, segments: map[string]ledger.Segment{}, files: map[string]ledger.File{}, events: map[string]ledger.Event{}}
	for i := range p.Entries {
		e := &p.Entries[i]
		if err := ledger.CheckInclusion(e.Path, head.Size, head.Root, e.Index, ledger.LeafHash(e.Text)); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", entryName(e.Index), err))
			continue
		}
		entry, err := ledger.Parse(e.Text)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", entryName(e.Index), err))
			continue
		}
		l.add(&entry)
	}
	return l, faults
}

// add adds what an entry says. Where several entries are about one thing, the last
// one counts.
func (l *log) add(e *ledger.Entry) {
	switch e.Type {
	case ledger.TypeBatch:
		l.batches[e.Batch.SHA256] = *e.Batch
	case ledger.TypeSegments:
		for _, s := range e.Segments.Added {
			l.segments[s.SHA256] = s
		}
	case ledger.TypeRecord, ledger.TypeSource:
		l.files[e.File.Name] = *e.File
	case ledger.TypeEvent:
		l.events[e.Event.ID] = *e.Event
	case ledger.TypeCorrection:
		l.corrects = append(l.corrects, *e)
	case ledger.TypeState:
		l.states = append(l.states, *e.State)
	}
}

type sayer func(format string, args ...any)

func (r *Result) loggedState(c *Contents, l *log, say sayer) {
	for _, s := range l.states {
		if s.Generation != c.State.Generation {
			continue
		}
		if s.Ruleset != c.State.Ruleset || s.Detector != "" && s.Detector != c.State.Detector || s.Fingerprints != "" && s.Fingerprints != c.State.Fingerprints {
			r.wrong([]string{fmt.Sprintf("the log has ruleset %s, detector %s, fingerprints %s; the bundle %s, %s, %s", s.Ruleset, s.Detector, s.Fingerprints, c.State.Ruleset, c.State.Detector, c.State.Fingerprints)},
				"the archive was derived as the bundle says")
			return
		}
		say("the log says that the archive of generation %d was derived by ruleset %s", s.Generation, s.Ruleset)
		return
	}
	r.open("no enclosed entry of the log names it", "the archive was of generation %d", c.State.Generation)
}

// loggedBatches checks that the documents are in their batches, and these in the
// log.
func (r *Result) loggedBatches(c *Contents, l *log, say sayer) {
	paths := map[spot][]ledger.Hash{}
	for _, d := range c.Proofs.Documents {
		paths[spot{d.Batch, d.Line}] = d.Path
	}
	var wrong []string
	bound, redacted, unbound, before := 0, 0, 0, 0
	for i := range c.Batches {
		b := &c.Batches[i]
		e, ok := l.batches[b.SHA256]
		if !ok {
			unbound += len(b.Lines)
			continue
		}
		if e.Kind != b.Kind || e.Documents != b.Documents || !e.Received.Equal(b.Added) || e.Clock != b.Clock {
			wrong = append(wrong, fmt.Sprintf("batch %s: the log has kind %s, %d documents, received %s; the bundle %s, %d, %s", b.SHA256, e.Kind, e.Documents, e.Received.Format(time.RFC3339), b.Kind, b.Documents, b.Added.Format(time.RFC3339)))
		}
		if e.Before {
			before++
		}
		root, err := ledger.ParseHash(e.Root)
		for k, line := range b.Text {
			path, ok := paths[spot{b.SHA256, b.Lines[k]}]
			switch {
			case slices.Contains(b.Redacted, b.Lines[k]):
				redacted++
			case !ok || err != nil:
				unbound++
			default:
				leaf, err := ledger.DocumentLeaf(line)
				if err == nil {
					err = ledger.CheckInclusion(path, int64(e.Documents), root, int64(b.Lines[k]), ledger.LeafHash(leaf))
				}
				if err != nil {
					wrong = append(wrong, fmt.Sprintf("batch %s, line %d: %v", b.SHA256, b.Lines[k], err))
					continue
				}
				bound++
			}
		}
	}
	if len(wrong) > 0 {
		r.wrong(wrong, "the raw documents are those that the log has")
	}
	if bound > 0 {
		say("%d raw documents stand in the log, each as it is enclosed, with its source, times and place", bound)
	}
	if redacted > 0 {
		r.open("their source is shortened, since its address may hold a password or the name of a folder; the log binds it in full", "%d raw documents stand in the log", redacted)
	}
	if unbound > 0 {
		r.open(byWord+": no enclosed entry of the log names their batch", "%d raw documents stand in the log", unbound)
	}
	if before > 0 {
		r.open("the log began later than they came: it shows that nothing was changed since it began", "%d batches were received when the bundle says", before)
	}
}

// loggedHours checks that the enclosed cells are those that the log has for the
// archive.
func (r *Result) loggedHours(c *Contents, l *log, say sayer) {
	for i := range c.Places {
		p := &c.Places[i]
		if !p.Whole {
			continue
		}
		var wrong []string
		missing := 0
		for _, s := range p.Segments {
			if got := event.HashCells(s.Hours); got != s.Countries[p.CC] {
				wrong = append(wrong, fmt.Sprintf("the cells of %s in %s have the hash %s, and the archive's file had %s", p.CC, s.Period, got, s.Countries[p.CC]))
			}
			e, ok := l.segments[s.SHA256]
			text, err := ledger.Canonical(s.Countries)
			sum := sha256.Sum256(text)
			switch {
			case !ok:
				missing++
			case err != nil || e.Countries != hex.EncodeToString(sum[:]) || e.Period != s.Period:
				wrong = append(wrong, fmt.Sprintf("the archive's counts of %s are not those that the log has", s.Period))
			}
		}
		switch {
		case len(wrong) > 0:
			r.wrong(wrong, "the counts of %s are those that the archive had", p.CC)
		case missing > 0:
			r.open(byWord+": no enclosed entry of the log names the file of some months", "the counts of %s are those that the archive had", p.CC)
		default:
			say("the counts of %s, of all targets and networks, are those that the archive had: the log has their hash, month by month", p.CC)
		}
	}
}

func (r *Result) loggedEvents(c *Contents, l *log, say sayer) {
	for i := range c.Events {
		e := &c.Events[i]
		have, ok := l.events[e.ID]
		text, err := ledger.Canonical(e.Statement())
		sum := sha256.Sum256(text)
		switch {
		case !ok || err != nil:
			r.open("no enclosed entry of the log names it", "the log has the dated ban %s", e.ID)
		case have.SHA256 != hex.EncodeToString(sum[:]):
			r.open("the entry that is enclosed has another revision of it", "the log has the dated ban %s as it is enclosed", e.ID)
		default:
			say("the log has the dated ban %s with these dates, networks and means (%s)", e.ID, have.Action)
		}
	}
}

func (r *Result) loggedRecords(c *Contents, l *log, say sayer) {
	for _, v := range c.Revisions {
		for _, folder := range []string{v.Case, "shared"} {
			switch have, ok := l.files["record:"+folder]; {
			case !ok:
				r.open(byWord+": no enclosed entry of the log names it", "records/%s stood so when the bundle was made", folder)
			case have.SHA256 != c.filesHash(folder):
				r.open("the log has another revision of it last: this one was made since, or elsewhere", "records/%s is the revision that the log has", folder)
			default:
				say("records/%s is the revision that the log has", folder)
			}
		}
	}
}

// loggedCopies checks that the log has the enclosed copies of sources.
func (r *Result) loggedCopies(c *Contents, l *log, say sayer) {
	there := 0
	for sha := range c.Copies {
		if f, ok := l.files[CopyPath(sha)]; ok && f.SHA256 == sha {
			there++
		}
	}
	if there > 0 {
		say("the log has the copies of %d of the enclosed sources", there)
	}
	if n := len(c.Copies) - there; n > 0 {
		r.open(byWord+": no enclosed entry of the log names them", "the copies of %d sources were fetched when the record says", n)
	}
}

// CopyPath returns the path of a copy in the data folder, as the log names it, from
// the copy's SHA-256 in hexadecimal.
func CopyPath(sha string) string { return "sources/" + sha[:min(2, len(sha))] + "/" + sha }

// revision returns the revision of a case by its enclosed files (see Revision).
func (c *Contents) revision(id string) string { return c.filesHash(id, "shared") }

// filesHash returns the SHA-256 of what sha256sum prints for the files of some
// folders of the record.
func (c *Contents) filesHash(folders ...string) string {
	whole := sha256.New()
	for _, f := range c.Records {
		if dir, _, _ := strings.Cut(f.Name, "/"); slices.Contains(folders, dir) {
			fmt.Fprintf(whole, "%x  %s\n", sha256.Sum256(f.Text), f.Name)
		}
	}
	return hex.EncodeToString(whole.Sum(nil))
}
