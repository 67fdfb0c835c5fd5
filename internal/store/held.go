package store

import (
	"cmp"
	"encoding/binary"
	"strings"
	"time"
	"unsafe"

	"github.com/bandish/bandish/verdict"
)

// heldRows keeps verdicts in memory. Many rows differ only in the measurement, its time
// and its sender. All else, most of the 700 bytes of a verdict.Row, is kept once for all
// rows that share it.
type heldRows struct {
	own    []heldRow
	shapes []verdict.Row // without the fields of heldRow
}

// heldRow holds the fields of one row that it shares with no other.
type heldRow struct {
	listed
	reportID, sender string
	software, input  string // the submitter chooses them, so they may differ in every row
	content          uint64
	pace             float32
	shape            uint32 // index in shapes of the other fields
}

// listed holds the fields by which verdicts are ordered in a list.
type listed struct {
	Time     time.Time
	uid, raw string
	line     uint32
}

// compare orders lists: the newest first, then by uid, batch and line.
func (a listed) compare(b listed) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.uid, b.uid), cmp.Compare(a.raw, b.raw), cmp.Compare(a.line, b.line))
}

// newestFirst is the order of lists.
func newestFirst(a, b *verdict.Row) int { return placeOf(a).compare(placeOf(b)) }

func placeOf(v *verdict.Row) listed { return listed{v.Time, v.UID, v.Raw, v.Line} }

// add copies a row, and its strings, because the reader may use its buffers again. It
// returns the number of the row.
func (h *heldRows) add(w *words, v *verdict.Row) int {
	w.key = appendShape(w.key[:0], v)
	shape, known := w.shapes[string(w.key)]
	if !known {
		shape = uint32(len(h.shapes))
		w.shapes[string(w.key)] = shape
		h.shapes = append(h.shapes, w.row(v))
	}
	h.own = append(h.own, heldRow{
		listed{v.Time, strings.Clone(v.UID), w.own(v.Raw), v.Line},
		w.own(v.ReportID), w.own(v.Sender), w.own(v.Software), w.own(v.Input), v.Content, v.BytesPerSecond, shape,
	})
	w.bytes += int(unsafe.Sizeof(heldRow{})) + len(v.UID)
	return len(h.own) - 1
}

// put sets out to the row with this number. The lists in it (Mechanisms, Rules, Marks) are
// shared with other rows: callers must not change them.
func (h *heldRows) put(n int, out *verdict.Row) {
	o := &h.own[n]
	*out = h.shapes[o.shape]
	out.UID, out.ReportID, out.Sender, out.Time, out.Software, out.Input = o.uid, o.reportID, o.sender, o.Time, o.software, o.input
	out.BytesPerSecond, out.Raw, out.Line, out.Content = o.pace, o.raw, o.line, o.content
}

// between returns the rows with the numbers from…to-1; nil if there are none.
func (h *heldRows) between(from, to int) []verdict.Row {
	if from == to {
		return nil
	}
	out := make([]verdict.Row, to-from)
	for i := range out {
		h.put(from+i, &out[i])
	}
	return out
}

// words keeps one copy of each string, and the number of each shape, while rows are read.
// bytes estimates what the rows take.
type words struct {
	of     map[string]string
	shapes map[string]uint32 // index in heldRows.shapes, by appendShape
	key    []byte
	bytes  int
}

func newWords() *words { return &words{of: map[string]string{}, shapes: map[string]uint32{}} }

func (w *words) own(s string) string {
	if s == "" {
		return ""
	}
	if have, ok := w.of[s]; ok {
		return have
	}
	s = strings.Clone(s)
	w.of[s] = s
	w.bytes += len(s)
	return s
}

// row copies the fields that rows share, with their strings.
func (w *words) row(v *verdict.Row) verdict.Row {
	o := *v
	o.UID, o.ReportID, o.Sender, o.Software, o.Input, o.Raw = "", "", "", "", "", ""
	o.Time, o.BytesPerSecond, o.Line, o.Content = time.Time{}, 0, 0, 0
	w.bytes += int(unsafe.Sizeof(o))
	for _, s := range []*string{&o.CC, &o.TestName, &o.Platform, &o.Target, &o.Domain, (*string)(&o.State), &o.Ruleset, &o.Fingerprints, &o.Invalid, &o.Channel} {
		*s = w.own(*s)
	}
	for _, l := range []*verdict.Layer{&o.DNS, &o.TCP, &o.TLS, &o.HTTP, &o.QUIC, &o.App} {
		l.Outcome, l.Rule = verdict.Outcome(w.own(string(l.Outcome))), w.own(l.Rule)
	}
	for _, list := range []*[]string{&o.Mechanisms, &o.Rules, &o.Marks} {
		if len(*list) == 0 {
			*list = nil
			continue
		}
		own := make([]string, len(*list)) // of the exact capacity: an append copies it
		for i, s := range *list {
			own[i] = w.own(s)
		}
		*list = own
		w.bytes += len(own) * int(unsafe.Sizeof(""))
	}
	return o
}

// appendShape appends all fields of a row that heldRow does not hold. Rows for which it
// appends the same bytes share a shape (TestHeldRows checks that no field is forgotten).
func appendShape(b []byte, v *verdict.Row) []byte {
	word := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, s := range [...]string{v.CC, v.TestName, v.Platform, v.Target, v.Domain, string(v.State), v.Ruleset, v.Fingerprints, v.Invalid, v.Channel} {
		word(s)
	}
	for _, l := range [...]verdict.Layer{v.DNS, v.TCP, v.TLS, v.HTTP, v.QUIC, v.App} {
		word(string(l.Outcome))
		word(l.Rule)
	}
	for _, list := range [...][]string{v.Mechanisms, v.Rules, v.Marks} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			word(s)
		}
	}
	b = binary.AppendUvarint(b, uint64(v.ASN))
	return binary.AppendUvarint(b, uint64(v.ResolverASN))
}
