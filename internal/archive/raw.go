package archive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/bandish/bandish/derivation"
)

// Entry is one line of a raw batch.
type Entry = derivation.Entry

// documentMember stands before the document in a line of a raw batch. The document comes
// last.
const documentMember = `,"document":`

// appendHead appends the line of an entry up to the member document.
func appendHead(buf []byte, e *Entry) []byte {
	head, err := json.Marshal(struct {
		Source   string    `json:"source"`
		Line     int64     `json:"line"`
		Offset   int64     `json:"offset"`
		Uploaded time.Time `json:"uploaded,omitzero"`
		Received time.Time `json:"received,omitzero"`
		UID      string    `json:"uid"`
		Marks    []string  `json:"marks,omitempty"`
	}{e.Source, e.Line, e.Offset, e.Uploaded, e.Received, e.UID, e.Marks})
	if err != nil { // strings, integers and a year that the caller checked always marshal
		panic("archive: encode entry: " + err.Error())
	}
	return append(buf, head[:len(head)-1]...)
}

// AppendEntry appends e as one line to buf. The document must not contain line breaks: it
// is copied, not parsed.
func AppendEntry(buf []byte, e *Entry) []byte {
	buf = append(appendHead(buf, e), documentMember...)
	buf = append(buf, e.Document...)
	return append(buf, '}', '\n')
}

// Packer compresses the lines of raw batches, one batch after the other. The same lines
// give the same bytes.
type Packer struct {
	enc       *zstd.Encoder
	out       bytes.Buffer
	line      []byte
	rawBytes  int64
	documents int
}

// NewPacker makes a packer that is ready for a batch. Its frames have no checksum of their
// own, since the archive knows the SHA-256 of each file.
func NewPacker() (*Packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	p := &Packer{enc: enc}
	p.Reset()
	return p, nil
}

// Reset begins a batch.
func (p *Packer) Reset() {
	p.out.Reset()
	p.enc.Reset(&p.out)
	p.rawBytes, p.documents = 0, 0
}

// Add adds the line of an entry, as AppendEntry writes it. It returns the line up to the
// member document, valid until the next call. The document must not contain line breaks.
func (p *Packer) Add(e *Entry) (head []byte, err error) {
	p.line = appendHead(p.line[:0], e)
	n := len(p.line)
	p.line = append(p.line, documentMember...)
	p.documents++
	for _, part := range [][]byte{p.line, e.Document, []byte("}\n")} {
		if err := p.write(part); err != nil {
			return nil, err
		}
	}
	return p.line[:n], nil
}

func (p *Packer) write(part []byte) error {
	n, err := p.enc.Write(part)
	p.rawBytes += int64(n)
	return err
}

// RawBytes returns how many uncompressed bytes were added since Reset.
func (p *Packer) RawBytes() int64 { return p.rawBytes }

// AddRaw writes a raw batch of lines that AppendEntry made, and lists it. The same bytes
// twice give one batch.
func (u *Update) AddRaw(kind string, lines []byte, documents int, added time.Time) (Batch, error) {
	p, err := NewPacker()
	if err != nil {
		return Batch{}, err
	}
	p.documents = documents
	if err := p.write(lines); err != nil {
		return Batch{}, err
	}
	return u.AddPacked(kind, p, added, contentsOf(lines))
}

// AddPacked is AddRaw for lines in a Packer. holds is what the ledger says of them.
func (u *Update) AddPacked(kind string, p *Packer, added time.Time, holds Contents) (Batch, error) {
	if err := p.enc.Close(); err != nil {
		return Batch{}, fmt.Errorf("pack raw batch: %w", err)
	}
	f, err := u.a.newBlob(rawDir)
	if err != nil {
		return Batch{}, fmt.Errorf("write raw batch: %w", err)
	}
	defer f.discard()
	head := header{Kind: kind, Documents: p.documents, RawBytes: p.rawBytes}
	for _, part := range [][]byte{head.frame(), p.out.Bytes()} {
		if _, err := f.Write(part); err != nil {
			return Batch{}, fmt.Errorf("write raw batch: %w", err)
		}
	}
	b := Batch{SHA256: f.sum(), Kind: kind, Documents: p.documents, Bytes: f.n, RawBytes: p.rawBytes, Added: added.UTC().Truncate(time.Second), Clock: ClockEntries}
	if old, ok := u.Manifest.Batch(b.SHA256); ok {
		return old, nil
	}
	if err := u.commit(f, pendingPath(b.SHA256)); err != nil {
		return Batch{}, fmt.Errorf("write raw batch %s: %w", b.Path(), err)
	}
	u.pending = append(u.pending, b)
	if u.holds == nil {
		u.holds = map[string]Contents{}
	}
	u.holds[b.SHA256] = holds
	u.Manifest.list(b)
	return b, nil
}

// ReadRaw calls fn with each line of a raw batch, in order. The entry and its document are
// valid until fn returns.
func (a *Archive) ReadRaw(b Batch, fn func(line uint32, e *Entry) error) error {
	return a.readRaw(b, func(n uint32, _ []byte, e *Entry) error { return fn(n, e) })
}

// readRaw is ReadRaw; fn also gets each line as it stands.
func (a *Archive) readRaw(b Batch, fn func(n uint32, line []byte, e *Entry) error) error {
	f, err := a.Open(b.Path())
	if err != nil {
		return fmt.Errorf("read raw batch: %w", err)
	}
	defer f.Close()
	dec, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("read raw batch %s: %w", b.Path(), err)
	}
	defer dec.Close()
	r := bufio.NewReaderSize(dec, 1<<20)
	var buf []byte
	for line := uint32(0); ; line++ {
		buf, err = readLine(r, buf[:0])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read raw batch %s: line %d: %w", b.Path(), line, err)
		}
		e, err := derivation.ParseEntry(buf)
		if err != nil {
			return fmt.Errorf("read raw batch %s: line %d: %w", b.Path(), line, err)
		}
		if err := fn(line, buf, e); err != nil {
			return err
		}
	}
}

// ReadRawLine returns one line of a raw batch.
func (a *Archive) ReadRawLine(sha string, line uint32) (*Entry, error) {
	m, err := a.Manifest()
	if err != nil {
		return nil, err
	}
	b, ok := m.Batch(sha)
	if !ok {
		return nil, fmt.Errorf("read raw batch %s: the archive does not list it", sha)
	}
	var found *Entry
	stop := errors.New("found")
	err = a.ReadRaw(b, func(n uint32, e *Entry) error {
		if n != line {
			return nil
		}
		c := *e
		c.Document = bytes.Clone(e.Document)
		found = &c
		return stop
	})
	if err != nil && err != stop {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("read raw batch %s: it has no line %d", sha, line)
	}
	return found, nil
}

// readLine appends one line without its line end to buf. The error is io.EOF after the
// last line.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		buf = append(buf, part...)
		switch {
		case err == nil:
			return buf[:len(buf)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(buf) > 0:
			return buf, io.ErrUnexpectedEOF // every line of a batch has an end
		default:
			return buf, err
		}
	}
}
