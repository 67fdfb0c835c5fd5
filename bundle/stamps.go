package bundle

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/ledger"
)

// Stamp is the answer of a time-stamping authority (RFC 3161) about a head of the
// log.
type Stamp struct {
	Checkpoint []byte // what the authority dated: the text of a checkpoint without signatures
	Answer     []byte // as the authority gave it, DER
	// Path proves that the larger of two logs begins with the smaller: the log at
	// Checkpoint and the log at the enclosed head.
	Path []ledger.Hash
}

const (
	stampFolder = "ledger/timestamps/"
	rootsName   = stampFolder + "roots.pem"
)

func stampName(size int64, kind string) string {
	return stampFolder + strconv.FormatInt(size, 10) + "." + kind
}

// size returns the number of entries of the dated log; 0 where the text is no
// checkpoint.
func (s *Stamp) size() int64 {
	c, err := ledger.ParseCheckpoint(s.Checkpoint)
	if err != nil {
		return 0
	}
	return c.Size
}

func (s *Stamp) addTo(e *encoder) {
	n := s.size()
	e.add(stampName(n, "checkpoint"), s.Checkpoint, nil)
	e.add(stampName(n, "tsr"), s.Answer, nil)
	if len(s.Path) > 0 {
		path, err := document(s.Path)
		e.add(stampName(n, "path.json"), path, err)
	}
}

// stamps reads the folder ledger/timestamps/.
func (r *reader) stamps() []Stamp {
	var out []Stamp
	for name := range r.files {
		size, ok := strings.CutPrefix(strings.TrimSuffix(name, ".tsr"), stampFolder)
		n, err := strconv.ParseInt(size, 10, 64)
		if !ok || err != nil || stampName(n, "tsr") != name {
			continue
		}
		s := Stamp{Answer: r.take(name), Checkpoint: r.take(stampName(n, "checkpoint")), Path: takeDocument[[]ledger.Hash](r, stampName(n, "path.json"))}
		if s.size() != n {
			r.fault("%s is not the checkpoint of %d entries", stampName(n, "checkpoint"), n)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Stamp) int { return int(a.size() - b.size()) })
	return out
}

// dated is a time stamp that is right: the log that it dates, when, and by whom.
type dated struct {
	ledger.Checkpoint
	ledger.Stamp
}

// open verifies a time stamp: its form, its signature by the certificate in it,
// that it dates the checkpoint, and that this is a state of the log at head.
func (s *Stamp) open(head ledger.Checkpoint) (d dated, err error) {
	if d.Checkpoint, err = ledger.ParseCheckpoint(s.Checkpoint); err != nil {
		return d, err
	}
	if d.String() != string(s.Checkpoint) || d.Origin != head.Origin {
		return d, fmt.Errorf("the checkpoint that it dates is none of the log %s, or something stands beside it", head.Origin)
	}
	small, large := d.Checkpoint, head
	if small.Size > large.Size {
		small, large = large, small
	}
	if small.Size == 0 {
		return d, fmt.Errorf("it dates a log of no entries")
	}
	if err := ledger.CheckConsistency(s.Path, large.Size, large.Root, small.Size, small.Root); err != nil {
		return d, err
	}
	d.Stamp, err = ledger.OpenStamp(s.Answer, d.Checkpoint, nil)
	return d, err
}

// String returns the text of the checkpoint.
func (d *dated) String() string { return d.Checkpoint.String() }

// stamps checks the time stamps of the log against the root certificates that the
// reader brings or, where there are none, against the enclosed ones.
func (r *Result) stamps(p *Proofs, head ledger.Checkpoint, o Options) {
	if len(p.Stamps) == 0 {
		return
	}
	brought, err := pool([]byte(o.TimestampRoots))
	if err != nil {
		r.wrong([]string{err.Error()}, "the root certificates that you brought can be read")
		return
	}
	enclosed, err := pool(p.Roots)
	if err != nil {
		r.wrong([]string{err.Error()}, "%s can be read", rootsName)
		return
	}
	covered := int64(0)
	var wrong []string
	for i := range p.Stamps {
		s := &p.Stamps[i]
		d, err := s.open(head)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", stampName(s.size(), "tsr"), err))
			continue
		}
		covered = max(covered, min(d.Size, head.Size))
		what := fmt.Sprintf("the log with %d entries, %d of the enclosed ones among them, existed by %s, says %s in a time stamp",
			d.Size, p.before(d.Size), d.Time.Format(time.RFC3339), d.Authority)
		leads := func(roots *x509.CertPool) bool {
			_, err := ledger.OpenStamp(s.Answer, d.Checkpoint, roots)
			return roots != nil && err == nil
		}
		switch {
		case leads(brought):
			r.proved("%s; its certificate leads to a root that you brought", what)
		case brought != nil:
			r.open("its certificate leads to none of the roots that you brought", "%s", what)
		case leads(enclosed):
			r.open("its certificate leads to a root that the bundle itself encloses ("+rootNames(p.Roots)+"): compare it with the one that the authority publishes, or bring that one", "%s", what)
		case enclosed != nil:
			wrong = append(wrong, fmt.Sprintf("%s: its certificate does not lead to the root that the bundle names for it (%s)", stampName(d.Size, "tsr"), rootsName))
		default:
			r.open("its signature is right by the certificate in it, and no root is enclosed: bring the root certificate of the authority", "%s", what)
		}
	}
	if len(wrong) > 0 {
		r.wrong(wrong, "the time stamps are right, and of this log")
	}
	if n := len(p.Entries) - p.before(covered); n > 0 && len(wrong) == 0 {
		r.open("no enclosed time stamp is of the log with them", "%d of the enclosed entries existed by a time that an authority names", n)
	}
}

// before returns how many of the enclosed entries are among the first size entries
// of the log.
func (p *Proofs) before(size int64) int {
	n := 0
	for i := range p.Entries {
		if p.Entries[i].Index < size {
			n++
		}
	}
	return n
}

// pool returns the certificates of a PEM text, nil for empty text.
func pool(text []byte) (*x509.CertPool, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	return ledger.Roots(text)
}

// rootNames names certificates by subject and SHA-256.
func rootNames(text []byte) string {
	var out []string
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return strings.Join(out, "; ")
		}
		if c, err := x509.ParseCertificate(b.Bytes); err == nil {
			out = append(out, fmt.Sprintf("%s, SHA-256 %x", c.Subject, sha256.Sum256(c.Raw)))
		}
	}
}
