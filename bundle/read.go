package bundle

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// reader hands out the files of a bundle one by one, and collects faults.
type reader struct {
	files  map[string][]byte
	taken  map[string]bool
	budget int64
	faults []string
}

func newReader(files []file) *reader {
	r := &reader{files: map[string][]byte{}, taken: map[string]bool{}, budget: maxUnpacked}
	for _, f := range files {
		r.files[f.name] = f.data
	}
	return r
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// take returns a file, unpacked if it is packed; nil where there is none.
func (r *reader) take(name string) []byte {
	data, ok := r.files[name]
	if !ok {
		return nil
	}
	r.taken[name] = true
	if strings.HasSuffix(name, ".gz") {
		out, err := unpack(data, &r.budget)
		if err != nil {
			r.fault("%s cannot be unpacked: %v", name, err)
		}
		return out
	}
	return data
}

func takeLines[T any](r *reader, name string) []T {
	data := r.take(name)
	if data == nil {
		return nil
	}
	out, err := readLines[T](data)
	if err != nil {
		r.fault("%s: %v", name, err)
	}
	return out
}

func takeDocument[T any](r *reader, name string) (v T) {
	data := r.take(name)
	if data == nil {
		return v
	}
	v, err := readDocument[T](data)
	if err != nil {
		r.fault("%s: %v", name, err)
	}
	return v
}

// read reads the contents from the files of a bundle. It also returns what is wrong
// with them.
func read(files []file) (*Contents, []string) {
	r := newReader(files)
	c := new(Contents)
	if _, ok := r.files[indexName]; !ok {
		r.fault("%s is missing", indexName)
		return c, r.faults
	}
	c.Index = takeDocument[Index](r, indexName)
	if len(r.faults) > 0 {
		return c, r.faults
	}
	for i := range c.Batches {
		r.lines(&c.Batches[i])
	}
	for i := range c.Records {
		name := "records/" + c.Records[i].Name
		if c.Records[i].Text = r.take(name); c.Records[i].Text == nil {
			r.fault("%s is missing", name)
		}
	}
	c.Observations = takeLines[observation.Row](r, observationsName)
	c.Verdicts = takeLines[verdict.Row](r, verdictsName)
	c.Marks = takeLines[Mark](r, asidesName)
	for i := range c.Places {
		p := &c.Places[i]
		for k := range p.Segments {
			g := &p.Segments[k]
			if _, ok := r.files[p.hoursPath(g)]; !ok {
				r.fault("%s is missing", p.hoursPath(g))
			}
			g.Hours = takeLines[series.Cell](r, p.hoursPath(g))
		}
	}
	c.Days = takeLines[series.Cell](r, daysName)
	c.Counts = takeLines[derivation.PublishedCount](r, countsName)
	c.Findings = takeLines[json.RawMessage](r, findingsName)
	c.Events = takeDocument[[]event.Event](r, eventsName)
	c.Answers = takeDocument[[]Answer](r, answersName)
	c.Reported = takeDocument[[]ReportedBan](r, reportedName)
	c.Sources = takeDocument[[]Source](r, sourcesName)
	for _, s := range c.Sources {
		if !s.Enclosed {
			continue
		}
		data := r.take(copyName(s.SHA256))
		if data == nil {
			r.fault("%s is missing", copyName(s.SHA256))
			continue
		}
		if c.Copies == nil {
			c.Copies = map[string][]byte{}
		}
		c.Copies[s.SHA256] = data
	}
	c.Fingerprints = takeDocument[[]fingerprint.Fingerprint](r, fingerprintsName)
	c.Defects = takeDocument[[]defect.Window](r, defectsName)
	c.Platforms = takeDocument[[]Platform](r, platformsName)
	c.Rules = r.take(rulesName)
	c.Proofs = r.proofs()
	for _, name := range []string{reportName, howToName, custodyName, crateName, sumsName} {
		if r.take(name) == nil {
			r.fault("%s is missing", name)
		}
	}
	for _, f := range files {
		if !r.taken[f.name] {
			r.fault("%s was added: nothing in %s names it", f.name, indexName)
		}
	}
	return c, r.faults
}

// lines reads the enclosed lines of a batch into b.Text.
func (r *reader) lines(b *Batch) {
	if _, err := hex.DecodeString(b.SHA256); err != nil || len(b.SHA256) != 64 {
		r.fault("%s names a batch %q, which is no SHA-256", indexName, b.SHA256)
		return
	}
	data := r.take(b.path())
	if data == nil {
		r.fault("%s is missing", b.path())
		return
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		r.fault("%s does not end in a line's end", b.path())
		return
	}
	b.Text = bytes.Split(data[:len(data)-1], []byte("\n"))
	if len(b.Text) != len(b.Lines) {
		r.fault("%s has %d lines, and %s names %d", b.path(), len(b.Text), indexName, len(b.Lines))
		b.Text = nil
		return
	}
	if !slices.IsSorted(b.Lines) {
		r.fault("%s: the lines of %s are not in their order", indexName, b.SHA256)
	}
}

// proofs reads the folder ledger/; nil where there is no checkpoint.
func (r *reader) proofs() *Proofs {
	p := new(Proofs)
	if p.Checkpoint = r.take(checkpointName); p.Checkpoint == nil {
		return nil
	}
	p.Key = strings.TrimSuffix(string(r.take(keyName)), "\n")
	p.Documents = takeLines[DocumentProof](r, documentsName)
	p.Stamps, p.Roots = r.stamps(), r.take(rootsName)
	for name := range r.files {
		index, ok := indexOf(name)
		if !ok {
			continue
		}
		e := Entry{Index: index, Text: r.take(name)}
		proof, err := ledger.ParseProof(r.take(e.proofName()))
		switch {
		case err != nil:
			r.fault("%s: %v", e.proofName(), err)
		case proof.Index != index || !bytes.Equal(proof.Checkpoint, p.Checkpoint) || !bytes.Equal(proof.Marshal(), r.files[e.proofName()]):
			r.fault("%s is not the proof of this entry under %s", e.proofName(), checkpointName)
		default:
			e.Path = proof.Hashes
		}
		p.Entries = append(p.Entries, e)
	}
	slices.SortFunc(p.Entries, func(a, b Entry) int { return int(a.Index - b.Index) })
	return p
}
