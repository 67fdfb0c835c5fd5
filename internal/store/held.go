package store

import (
	"cmp"
	"encoding/binary"
	"strings"
	"time"
	"unsafe"

	"github.com/bandish/bandish/verdict"
)

// heldRows are verdicts as they are kept in memory. Many rows differ in little: the
// measurement, its time, and who sent it. What they have in common, most of the 700 bytes of a
// verdict.Row, is kept once.
type heldRows struct {
	own    []heldRow
	shapes []verdict.Row // without the fields of heldRow
}

// heldRow is what one row has of its own.
type heldRow struct {
	listed
	reportID, sender string
	software, input  string // whoever hands in chooses them
	content          uint64
	pace             float32
	shape            uint32 // number of the rest in shapes
}

// listed is what decides the place of a verdict in a list.
type listed struct {
	Time     time.Time
	uid, raw string
	line     uint32
}

// compare gives the order of lists: the newest first.
func (a listed) compare(b listed) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.uid, b.uid), cmp.Compare(a.raw, b.raw), cmp.Compare(a.line, b.line))
}

// newestFirst is the order of lists.
func newestFirst(a, b *verdict.Row) int { return placeOf(a).compare(placeOf(b)) }

func placeOf(v *verdict.Row) listed { return listed{v.Time, v.UID, v.Raw, v.Line} }

// add copies a row with its strings, since the reader may use its buffers again. It
// returns the row's number.
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

// put makes out the row of this number. Its lists are shared with other rows.
func (h *heldRows) put(n int, out *verdict.Row) {
	o := &h.own[n]
	*out = h.shapes[o.shape]
	out.UID, out.ReportID, out.Sender, out.Time, out.Software, out.Input = o.uid, o.reportID, o.sender, o.Time, o.software, o.input
	out.BytesPerSecond, out.Raw, out.Line, out.Content = o.pace, o.raw, o.line, o.content
}

// between returns the rows from one number to before another; nil where there is none.
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

// words keeps one copy of each string, and knows the shapes, while rows are read.
type words struct {
	of     map[string]string
	shapes map[string]uint32 // number of each, by appendShape
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

// row copies what rows have in common, with its strings.
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
		own := make([]string, len(*list)) // whoever appends gets a copy
		for i, s := range *list {
			own[i] = w.own(s)
		}
		*list = own
		w.bytes += len(own) * int(unsafe.Sizeof(""))
	}
	return o
}

// appendShape appends all of a row that heldRow does not hold. Rows for which it is the same
// share a shape (TestHeldRows asks it of each field).
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
