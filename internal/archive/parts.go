package archive

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/sourcegraph/conc/pool"
)

// A manifest is manifest.json, called its root, and an index that names parts. A part
// lists batches, segments or dropped files: a line of JSON each, compressed. Index and
// parts lie in the folder manifest under the SHA-256 of their bytes, and never change. The
// root holds all changes since its index was made. When these have more than Archive.Fold
// bytes they are folded: put into new parts and a new index. So the size of a commit does
// not grow with the number of listed files.

const (
	manifestDir = "manifest"
	partSuffix  = ".jsonl.zst"
	indexSuffix = ".json.zst"
)

const (
	// usualFold is how many bytes of changes a root may hold.
	usualFold = 32 << 10
	// maxMapPart is the greatest size of a part of segments, in uncompressed bytes. A
	// larger one is cut in two. Such a part is written again whenever one of its segments
	// changes.
	maxMapPart = 32 << 10
	// maxListPart is the size of a part of batches or dropped files, in uncompressed
	// bytes, at which the next part is begun. Only the last part is ever written again.
	maxListPart = 128 << 10
	// maxUnpacked is how many uncompressed bytes are read of a file at most.
	maxUnpacked = 256 << 20
)

// partRef names a file below manifest.
type partRef struct {
	SHA256  string `json:"sha256"` // of its bytes
	Bytes   int64  `json:"bytes"`
	Entries int    `json:"entries,omitempty"` // number of lines of a part
	// Until is, for dropped files, when the last of them was dropped.
	Until time.Time `json:"until,omitzero"`
}

// indexFile is the content of an index.
type indexFile struct {
	Batches  []partRef `json:"batches"`  // in the order in which they were committed
	Segments []partRef `json:"segments"` // in the order of their keys
	Dropped  []partRef `json:"dropped"`  // the oldest first
}

// partIndex is an index with its parts, in memory. It does not change. A manifest that has
// no index has an empty one.
type partIndex struct {
	ref      partRef // Bytes is 0 if there is no file
	batches  []*batchPart
	segments []*segmentPart
	dropped  []*droppedPart
}

type batchPart struct {
	ref    partRef
	list   []Batch
	at     map[string]int32 // by SHA-256
	totals Totals
	text   int // bytes, unpacked
}

type segmentPart struct {
	ref  partRef
	list []Segment // sorted
}

type droppedPart struct {
	ref  partRef
	list []Dropped
	text int // bytes, unpacked
}

func (r partRef) path() string      { return filepath.Join(manifestDir, r.SHA256+partSuffix) }
func (r partRef) indexPath() string { return filepath.Join(manifestDir, r.SHA256+indexSuffix) }

// isPartName reports whether a file below manifest is an index or a part, by its name.
func isPartName(name string) bool {
	for _, suffix := range []string{partSuffix, indexSuffix} {
		if sum, ok := strings.CutSuffix(name, suffix); ok && isSHA256(sum) {
			return true
		}
	}
	return false
}

// partFile is a file below manifest that a manifest rests on.
type partFile struct {
	path  string
	bytes int64
	sum   string
}

// files returns the index and its parts.
func (x *partIndex) files() []partFile {
	if x.ref.Bytes == 0 {
		return nil
	}
	out := []partFile{{x.ref.indexPath(), x.ref.Bytes, x.ref.SHA256}}
	add := func(r partRef) { out = append(out, partFile{r.path(), r.Bytes, r.SHA256}) }
	for _, p := range x.batches {
		add(p.ref)
	}
	for _, p := range x.segments {
		add(p.ref)
	}
	for _, p := range x.dropped {
		add(p.ref)
	}
	return out
}

// allSegments returns the segments of an index in the order of their keys.
func (x *partIndex) allSegments() iter.Seq[*Segment] {
	return func(yield func(*Segment) bool) {
		for _, p := range x.segments {
			for i := range p.list {
				if !yield(&p.list[i]) {
					return
				}
			}
		}
	}
}

// compareSegments orders segments; it is 0 for segments with the same key.
func compareSegments(a, b *Segment) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Period, b.Period), strings.Compare(a.Ruleset, b.Ruleset), strings.Compare(a.SHA256, b.SHA256))
}

// packer compresses and uncompresses the files below manifest.
type packer struct {
	once sync.Once
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	err  error
}

func (p *packer) open() error {
	p.once.Do(func() {
		var err error
		p.enc, p.err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20)) // the usual 8 MiB cost 16 MiB for as long as a server runs
		p.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
		p.err = errors.Join(p.err, err)
	})
	return p.err
}

// errPart is the error of a file below manifest that is missing, or that does not have the
// hash in its name.
var errPart = errors.New("a part of it is damaged")

// readPart reads and uncompresses a file below manifest.
func (a *Archive) readPart(path string, r partRef) ([]byte, error) {
	if !isSHA256(r.SHA256) {
		return nil, fmt.Errorf("%w: it names %q", errPart, r.SHA256)
	}
	packed, err := a.packed(path, r)
	if errors.Is(err, errPart) && a.bucket != nil { // the copy here may be damaged: fetch it again
		os.Remove(filepath.Join(a.dir, path))
		packed, err = a.packed(path, r)
	}
	if err != nil {
		return nil, err
	}
	if err := a.packer.open(); err != nil {
		return nil, err
	}
	text, err := a.packer.dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errPart, path, err)
	}
	return text, nil
}

// packed returns the compressed content of a file below manifest.
func (a *Archive) packed(path string, r partRef) ([]byte, error) {
	f, err := a.disk.Open(filepath.Join(a.dir, path))
	var damaged *DamagedError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w: %s is missing", errPart, path)
	case errors.As(err, &damaged):
		return nil, fmt.Errorf("%w: %s: %s", errPart, path, damaged.Reason)
	case err != nil:
		return nil, err
	}
	defer f.Close()
	packed, err := io.ReadAll(io.LimitReader(f, r.Bytes+1))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != r.SHA256 || int64(len(packed)) != r.Bytes {
		return nil, fmt.Errorf("%w: %s does not have the SHA-256 of its name", errPart, path)
	}
	return packed, nil
}

// lines parses the n lines of a part.
func lines[T any](text []byte, n int, validate func(*T) error) ([]T, error) {
	out := make([]T, 0, min(max(n, 0), len(text)))
	for line := range bytes.Lines(text) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, err
		}
		if err := validate(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if len(out) != n {
		return nil, fmt.Errorf("it has %d entries, and the index says %d", len(out), n)
	}
	return out, nil
}

// readLines reads a part; size is its uncompressed bytes.
func readLines[T any](a *Archive, r partRef, validate func(*T) error) (list []T, size int, err error) {
	text, err := a.readPart(r.path(), r)
	if err != nil {
		return nil, 0, err
	}
	if list, err = lines(text, r.Entries, validate); err != nil {
		err = fmt.Errorf("%w: %s: %w", errPart, r.path(), err)
	}
	return list, len(text), err
}

// readIndex reads an index and its parts, except those that known has.
func (a *Archive) readIndex(r partRef, known *partIndex) (*partIndex, error) {
	if known != nil && known.ref.SHA256 == r.SHA256 {
		return known, nil
	}
	text, err := a.readPart(r.indexPath(), r)
	if err != nil {
		return nil, err
	}
	var f indexFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errPart, r.indexPath(), err)
	}
	if known == nil {
		known = &partIndex{}
	}
	x := &partIndex{ref: r}
	x.batches, err = partsOf(f.Batches, known.batches, func(p *batchPart) string { return p.ref.SHA256 }, func(r partRef) (*batchPart, error) {
		list, size, err := readLines(a, r, (*Batch).validate)
		if err != nil {
			return nil, err
		}
		return newBatchPart(r, list, size), nil
	})
	if err != nil {
		return nil, err
	}
	x.segments, err = partsOf(f.Segments, known.segments, func(p *segmentPart) string { return p.ref.SHA256 }, func(r partRef) (*segmentPart, error) {
		list, _, err := readLines(a, r, (*Segment).validate)
		if err == nil && len(list) == 0 {
			err = fmt.Errorf("%w: %s is empty", errPart, r.path())
		}
		return &segmentPart{r, list}, err
	})
	if err != nil {
		return nil, err
	}
	x.dropped, err = partsOf(f.Dropped, known.dropped, func(p *droppedPart) string { return p.ref.SHA256 }, func(r partRef) (*droppedPart, error) {
		list, size, err := readLines(a, r, func(*Dropped) error { return nil })
		return &droppedPart{r, list, size}, err
	})
	if err != nil {
		return nil, err
	}
	var last *Segment
	for s := range x.allSegments() {
		if last != nil && compareSegments(last, s) >= 0 {
			return nil, fmt.Errorf("%w: %s: its segments are not in order", errPart, r.indexPath())
		}
		last = s
	}
	return x, nil
}

// partsOf returns the parts that an index names, in its order. It reads those that are not
// in known; sum returns the SHA-256 of a part.
func partsOf[P any](refs []partRef, known []P, sum func(P) string, read func(partRef) (P, error)) (out []P, err error) {
	have := make(map[string]P, len(known))
	for _, p := range known {
		have[sum(p)] = p
	}
	for _, r := range refs {
		p, ok := have[r.SHA256]
		if !ok {
			if p, err = read(r); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, nil
}

func newBatchPart(r partRef, list []Batch, size int) *batchPart {
	p := &batchPart{ref: r, list: list, at: make(map[string]int32, len(list)), text: size}
	for i := range list {
		p.at[list[i].SHA256] = int32(i)
		p.totals.add(&list[i])
	}
	return p
}

// folding makes the new parts of a manifest.
type folding struct {
	a     *Archive
	now   time.Time
	files []packedFile
	gone  []Dropped // parts that the new index does not name
}

type packedFile struct {
	path string
	text []byte
}

// pack adds a file to those that write must write.
func (f *folding) pack(text []byte, entries int, path func(partRef) string) partRef {
	packed := f.a.packer.enc.EncodeAll(text, nil)
	sum := sha256.Sum256(packed)
	r := partRef{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(packed)), Entries: entries}
	f.files = append(f.files, packedFile{path(r), packed})
	return r
}

func (f *folding) replaced(path string) {
	f.gone = append(f.gone, Dropped{path, f.now})
}

// textOf returns the text of a part, and the size of each line in bytes.
func textOf[T any](list []T) (text []byte, sizes []int, err error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	sizes = make([]int, len(list))
	for i := range list {
		before := b.Len()
		if err := enc.Encode(&list[i]); err != nil {
			return nil, nil, err
		}
		sizes[i] = b.Len() - before
	}
	return b.Bytes(), sizes, nil
}

// fold puts the changes of a manifest into new parts and a new index, and makes these
// durable. The root that names them must still be written. Files that only the old index
// names are noted as dropped.
func (a *Archive) fold(m *Manifest, now time.Time) error {
	if err := a.packer.open(); err != nil {
		return err
	}
	f := &folding{a: a, now: now.UTC().Truncate(time.Second)}
	old := m.base()
	x := &partIndex{}
	var err error
	if x.batches, err = f.batches(old.batches, m.tail); err != nil {
		return err
	}
	if x.segments, err = f.segments(old.segments, m.Segments); err != nil {
		return err
	}
	if old.ref.Bytes > 0 {
		f.replaced(old.ref.indexPath())
	}
	if x.dropped, err = f.dropped(old.dropped, m.recent); err != nil {
		return err
	}
	content := indexFile{[]partRef{}, []partRef{}, []partRef{}}
	for _, p := range x.batches {
		content.Batches = append(content.Batches, p.ref)
	}
	for _, p := range x.segments {
		content.Segments = append(content.Segments, p.ref)
	}
	for _, p := range x.dropped {
		content.Dropped = append(content.Dropped, p.ref)
	}
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	x.ref = f.pack(text, 0, partRef.indexPath)
	if err := f.write(); err != nil {
		return fmt.Errorf("write the parts of the manifest: %w", err)
	}
	m.index, m.tail, m.recent = x, nil, nil
	return nil
}

// batches adds batches to the last part until it is full, and then begins another.
func (f *folding) batches(old []*batchPart, add []Batch) ([]*batchPart, error) {
	out := slices.Clone(old)
	if len(add) == 0 {
		return out, nil
	}
	if n := len(out); n > 0 && out[n-1].text < maxListPart {
		f.replaced(out[n-1].ref.path())
		add = slices.Concat(out[n-1].list, add)
		out = out[:n-1]
	}
	text, sizes, err := textOf(add)
	if err != nil {
		return nil, err
	}
	for len(add) > 0 {
		n, end := upTo(sizes, maxListPart)
		out = append(out, newBatchPart(f.pack(text[:end], n, partRef.path), slices.Clone(add[:n]), end))
		add, sizes, text = add[n:], sizes[n:], text[end:]
	}
	return out, nil
}

// upTo returns how many of the lines fit before `full` bytes are reached, and their bytes.
func upTo(sizes []int, full int) (n, end int) {
	for n < len(sizes) && end < full {
		end += sizes[n]
		n++
	}
	return n, end
}

// dropped adds dropped files, and leaves out those that were dropped longer than Grace
// ago.
func (f *folding) dropped(old []*droppedPart, add []Dropped) ([]*droppedPart, error) {
	var out []*droppedPart
	for _, p := range old {
		if f.now.Sub(p.ref.Until) > Grace {
			f.replaced(p.ref.path())
			continue
		}
		out = append(out, p)
	}
	if n := len(out); n > 0 && out[n-1].text < maxListPart {
		f.replaced(out[n-1].ref.path())
		add = slices.Concat(out[n-1].list, add)
		out = out[:n-1]
	}
	add = slices.Concat(add, f.gone)
	add = slices.DeleteFunc(add, func(d Dropped) bool { return f.now.Sub(d.At) > Grace })
	text, sizes, err := textOf(add)
	if err != nil {
		return nil, err
	}
	for len(add) > 0 {
		n, end := upTo(sizes, maxListPart)
		p := &droppedPart{f.pack(text[:end], n, partRef.path), slices.Clone(add[:n]), end}
		for _, d := range p.list {
			if d.At.After(p.ref.Until) {
				p.ref.Until = d.At
			}
		}
		out = append(out, p)
		add, sizes, text = add[n:], sizes[n:], text[end:]
	}
	return out, nil
}

// segments writes those parts again in whose range something changed. list is sorted.
func (f *folding) segments(old []*segmentPart, list []Segment) ([]*segmentPart, error) {
	if len(old) == 0 {
		return f.cut(list)
	}
	var out []*segmentPart
	var open []Segment // of parts that changed and are not written again yet
	for p, now := range ranges(old, list) {
		same := slices.EqualFunc(now, p.list, func(a, b Segment) bool { return a.same(&b) })
		small := len(open) > 0 && sizeOf(open) < maxMapPart/4 // too small to be a part of its own
		if same && !small {
			made, err := f.cut(open)
			if err != nil {
				return nil, err
			}
			out, open = append(append(out, made...), p), nil
			continue
		}
		f.replaced(p.ref.path())
		open = append(open, now...)
	}
	made, err := f.cut(open)
	return append(out, made...), err
}

// ranges yields each part with the segments of a sorted list that belong to it: those
// before the first of the next part.
func ranges(parts []*segmentPart, list []Segment) iter.Seq2[*segmentPart, []Segment] {
	return func(yield func(*segmentPart, []Segment) bool) {
		for i, p := range parts {
			n := len(list)
			if i+1 < len(parts) {
				n, _ = slices.BinarySearchFunc(list, &parts[i+1].list[0], func(s Segment, next *Segment) int { return compareSegments(&s, next) })
			}
			if !yield(p, list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// sizeOf estimates the bytes of segments as text.
func sizeOf(list []Segment) int {
	n := 0
	for i := range list {
		n += 200 + 75*len(list[i].Countries)
	}
	return n
}

// cut makes parts of some segments. If they are too many for one, the parts get about the
// same size.
func (f *folding) cut(list []Segment) ([]*segmentPart, error) {
	if len(list) == 0 {
		return nil, nil
	}
	text, sizes, err := textOf(list)
	if err != nil {
		return nil, err
	}
	size := len(text)
	if size > maxMapPart {
		size = maxMapPart / 2
	}
	var out []*segmentPart
	for len(list) > 0 {
		n, end := 0, 0
		for n < len(list) && (n == 0 || end+sizes[n] <= size) {
			end += sizes[n]
			n++
		}
		out = append(out, &segmentPart{f.pack(text[:end], n, partRef.path), slices.Clone(list[:n])})
		list, sizes, text = list[n:], sizes[n:], text[end:]
	}
	return out, nil
}

// write makes the files durable, several at a time.
func (f *folding) write() error {
	dir := filepath.Join(f.a.dir, manifestDir)
	if err := f.a.makeDir(dir); err != nil {
		return err
	}
	g := pool.New().WithErrors().WithMaxGoroutines(sideBySide)
	for _, p := range f.files {
		g.Go(func() error { return f.a.writePart(dir, p) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return f.a.disk.SyncDir(dir)
}

func (a *Archive) writePart(dir string, p packedFile) error {
	w, err := a.disk.CreateTemp(dir, partPrefix+"*")
	if err != nil {
		return err
	}
	_, err = w.Write(p.text)
	if err = errors.Join(err, w.Chmod(0o444), w.Sync(), w.Close()); err == nil {
		err = a.disk.Rename(w.Name(), filepath.Join(a.dir, p.path))
	}
	if err != nil {
		a.disk.Remove(w.Name())
	}
	return err
}
