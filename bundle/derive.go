package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// The kinds of raw batch that hold measurements (docs/formats/ledger.md).
const (
	kindMeasurements = "measurements"
	kindWeb          = "web"
)

// spot is the place of a measurement in the archive.
type spot struct {
	raw  string
	line uint32
}

// derivationOf is all that was derived again from a bundle's raw lines.
type derivationOf struct {
	rows     map[spot][]observation.Row // by the place of the measurement's first line
	verdicts map[spot]verdict.Row
	faults   []string // lines from which nothing can be derived
	snapshot string   // id of the fingerprints that were used
	roots    string   // id of the trusted certificates that were used
}

func newDerivation(c *Contents) *derivationOf {
	d := &derivationOf{rows: map[spot][]observation.Row{}, verdicts: map[spot]verdict.Row{}}
	set, err := fingerprint.New(c.Fingerprints)
	if err != nil {
		d.faults = append(d.faults, fingerprintsName+": "+err.Error())
		set = fingerprint.Embedded()
	}
	table, err := defect.New(c.Defects)
	if err != nil {
		d.faults = append(d.faults, defectsName+": "+err.Error())
		table = defect.Embedded()
	}
	if set.ID() != c.State.Fingerprints {
		d.faults = append(d.faults, fmt.Sprintf("%s holds the snapshot %s, and %s names %s", fingerprintsName, set.ID(), indexName, c.State.Fingerprints))
	}
	v := observation.NewVerifier()
	d.snapshot, d.roots = set.ID(), v.ID()
	o := observation.Options{Target: targetsOf(c.Platforms), Fingerprints: set, Defects: table, Verifier: v}
	for i := range c.Batches {
		d.batch(&c.Batches[i], o)
	}
	d.supersede()
	return d
}

// targetsOf returns a function that looks up the target of a host or a test in the
// enclosed part of the registry.
func targetsOf(list []Platform) func(host, test string, at time.Time) string {
	by := map[[2]string][]Platform{}
	for _, p := range list {
		k := [2]string{p.Host, p.Test}
		by[k] = append(by[k], p)
	}
	for _, l := range by {
		slices.SortStableFunc(l, func(a, b Platform) int { return cmp.Compare(a.From, b.From) })
	}
	return func(host, test string, at time.Time) string {
		target := ""
		for _, p := range by[[2]string{host, test}] {
			if p.From <= at.Unix() {
				target = p.Target
			}
		}
		return target
	}
}

// clock returns the time by which an entry of the batch was judged.
func (b *Batch) clock(e *derivation.Entry) time.Time {
	if e.Received.IsZero() && b.Clock != "entries" {
		return b.Added
	}
	return e.Received
}

func (d *derivationOf) batch(b *Batch, o observation.Options) {
	web := map[string][]observation.Row{}
	received := map[string]time.Time{}
	for i, line := range b.Text {
		e, err := derivation.ParseEntry(slices.Clone(line))
		if err != nil {
			d.fault(b, i, err)
			continue
		}
		switch b.Kind {
		case kindMeasurements:
			one, err := derivation.Document(e, b.clock(e), o)
			if err != nil {
				d.fault(b, i, err)
				continue
			}
			d.put(b, b.Lines[i], one.Rows, one.Verdict)
		case kindWeb:
			row, err := derivation.WebRow(e, b.clock(e), o)
			if err != nil {
				d.fault(b, i, err)
				continue
			}
			row.Line = b.Lines[i]
			web[row.UID] = append(web[row.UID], row)
			if c := b.clock(e); c.After(received[row.UID]) {
				received[row.UID] = c
			}
		default:
			d.fault(b, i, fmt.Errorf("a batch of the kind %q holds no measurements", b.Kind))
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(web)) {
		rows := web[uid]
		first := rows[0].Line
		for i := range rows {
			first = min(first, rows[i].Line)
		}
		v := derivation.JudgeWeb(rows, received[uid])
		for i := range rows {
			rows[i].Raw, rows[i].Time = b.SHA256, stored(rows[i].Time)
		}
		v.Raw, v.Line, v.Time = b.SHA256, first, stored(v.Time)
		d.rows[spot{b.SHA256, first}], d.verdicts[spot{b.SHA256, first}] = rows, v
	}
}

func (d *derivationOf) fault(b *Batch, i int, err error) {
	d.faults = append(d.faults, fmt.Sprintf("%s, line %d of the batch: %v", b.path(), b.Lines[i], err))
}

func (d *derivationOf) put(b *Batch, line uint32, rows []observation.Row, v verdict.Row) {
	for i := range rows {
		rows[i].Raw, rows[i].Line, rows[i].Time = b.SHA256, line, stored(rows[i].Time)
	}
	v.Raw, v.Line, v.Time = b.SHA256, line, stored(v.Time)
	at := spot{b.SHA256, line}
	d.rows[at], d.verdicts[at] = rows, v
}

// supersede marks, as the archive does, the verdicts of a uid under which a better
// source gave another measurement.
func (d *derivationOf) supersede() {
	best := map[string]int{}
	for _, v := range d.verdicts {
		best[v.UID] = max(best[v.UID], v.Provenance())
	}
	for at, v := range d.verdicts {
		if rank := v.Provenance(); rank > 0 && rank < best[v.UID] && !slices.Contains(v.Marks, verdict.Superseded) {
			v.Marks = append(slices.Clone(v.Marks), verdict.Superseded)
			d.verdicts[at] = v
		}
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// observations compares the enclosed observations with those derived again.
func (r *Result) observations(c *Contents, d *derivationOf) {
	if len(c.Observations) == 0 && len(c.Batches) == 0 {
		return
	}
	if len(d.faults) > 0 {
		r.wrong(d.faults, "observations can be derived from every enclosed document, by the parameters that the bundle names")
	}
	enclosed := map[spot][]observation.Row{}
	bare := 0
	for _, o := range c.Observations {
		if o.Raw == "" {
			bare++
			continue
		}
		enclosed[spot{o.Raw, o.Line}] = append(enclosed[spot{o.Raw, o.Line}], o)
	}
	// Rows of a table are on a line each, and their measurement is on the first of
	// these lines.
	flat := map[spot][]observation.Row{}
	for _, rows := range d.rows {
		for _, o := range rows {
			flat[spot{o.Raw, o.Line}] = append(flat[spot{o.Raw, o.Line}], o)
		}
	}
	var wrong []string
	same, other := 0, 0
	for at, rows := range flat {
		have := enclosed[at]
		bySeq := func(a, b observation.Row) int { return cmp.Compare(a.Seq, b.Seq) }
		slices.SortFunc(rows, bySeq)
		slices.SortFunc(have, bySeq)
		switch {
		case text(rows) == text(have):
			same++
		case len(have) == 0:
			wrong = append(wrong, fmt.Sprintf("measurement %s (%s, line %d): its observations are missing", rows[0].UID, at.raw, at.line))
		case d.sameButParameters(rows, have):
			other++
		default:
			wrong = append(wrong, fmt.Sprintf("measurement %s (%s, line %d): %s", rows[0].UID, at.raw, at.line, firstDifference(have, rows)))
		}
		delete(enclosed, at)
	}
	for at, rows := range enclosed {
		wrong = append(wrong, fmt.Sprintf("measurement %s: observations are enclosed, and the raw document (%s, line %d) is not", rows[0].UID, at.raw, at.line))
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		r.wrong(wrong, "the observations follow from the raw documents")
	}
	if same > 0 {
		r.proved("the observations of %d raw documents follow from them: derived again here, they are the same", same)
	}
	if other > 0 {
		r.open("they were matched against another snapshot of fingerprints, or certificates were checked against other roots, than are at hand here; all else in them is the same", "the observations of %d raw documents follow from them", other)
	}
	if bare > 0 {
		r.open("they came to the archive as rows without the raw measurement", "%d observations follow from raw documents", bare)
	}
}

// sameButParameters reports whether rows differ only in what other fingerprints or
// other trusted certificates change.
func (d *derivationOf) sameButParameters(derived, enclosed []observation.Row) bool {
	if len(derived) != len(enclosed) {
		return false
	}
	for i := range derived {
		a, b := derived[i], enclosed[i]
		if b.FingerprintSet != d.snapshot {
			a.FingerprintSet, a.Fingerprints, b.FingerprintSet, b.Fingerprints = "", nil, "", nil
		}
		if b.TrustStore != d.roots {
			a.TrustStore, a.Cert, b.TrustStore, b.Cert = "", "", "", ""
		}
		if text(a) != text(b) {
			return false
		}
	}
	return true
}

// firstDifference says in which member two lists of one type first differ.
func firstDifference[T any](enclosed, derived []T) string {
	if len(enclosed) != len(derived) {
		return fmt.Sprintf("%d rows are enclosed, and %d follow from the document", len(enclosed), len(derived))
	}
	for i := range enclosed {
		var a, b map[string]any
		if json.Unmarshal([]byte(text(enclosed[i])), &a) != nil || json.Unmarshal([]byte(text(derived[i])), &b) != nil {
			continue
		}
		names := slices.Sorted(maps.Keys(a))
		for name := range b {
			if _, ok := a[name]; !ok {
				names = append(names, name)
			}
		}
		for _, name := range names {
			if x, y := text(a[name]), text(b[name]); x != y {
				return fmt.Sprintf("%s is %.80s in the bundle, and %.80s follows", name, x, y)
			}
		}
	}
	return "they differ"
}

// verdicts compares the enclosed verdicts with those derived again.
func (r *Result) verdicts(c *Contents, d *derivationOf) {
	if len(c.Verdicts) == 0 && len(d.verdicts) == 0 {
		return
	}
	var wrong []string
	same, likewise, bare := 0, 0, 0
	others := map[string][2]int{} // by ruleset: how many have the same state, and how many another
	seen := map[spot]bool{}
	for i := range c.Verdicts {
		v := &c.Verdicts[i]
		at := spot{v.Raw, v.Line}
		mine, ok := d.verdicts[at]
		seen[at] = true
		switch {
		case v.Raw == "":
			bare++
		case !ok:
			wrong = append(wrong, fmt.Sprintf("measurement %s: its verdict is enclosed, and nothing that it follows from (%s, line %d)", v.UID, v.Raw, v.Line))
		case v.Ruleset != verdict.Ruleset:
			n := others[v.Ruleset]
			if v.State == mine.State {
				n[0]++
			} else {
				n[1]++
			}
			others[v.Ruleset] = n
		case text(v) == text(mine):
			same++
		case v.Fingerprints != mine.Fingerprints && v.State == mine.State:
			likewise++
		case v.Fingerprints != mine.Fingerprints:
			n := others["the fingerprints "+v.Fingerprints]
			n[1]++
			others["the fingerprints "+v.Fingerprints] = n
		default:
			wrong = append(wrong, fmt.Sprintf("measurement %s (%s, line %d): %s", v.UID, v.Raw, v.Line, firstDifference([]verdict.Row{*v}, []verdict.Row{mine})))
		}
	}
	for at, v := range d.verdicts {
		if !seen[at] {
			wrong = append(wrong, fmt.Sprintf("measurement %s: its raw document is enclosed (%s, line %d), and its verdict is missing", v.UID, at.raw, at.line))
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		r.wrong(wrong, "the verdicts follow from the raw documents by ruleset %s", verdict.Ruleset)
	}
	if same > 0 {
		r.proved("%d verdicts follow from the raw documents by ruleset %s: judged again here, they are the same, with the same rules", same, verdict.Ruleset)
	}
	if likewise > 0 {
		r.open("the snapshot of fingerprints that they were judged with is not enclosed; with the one that is, the states are the same", "%d verdicts follow from the raw documents", likewise)
	}
	for _, set := range slices.Sorted(maps.Keys(others)) {
		n := others[set]
		what := "ruleset " + set
		if strings.HasPrefix(set, "the fingerprints") {
			what = set
		}
		r.open(fmt.Sprintf("they were judged with %s, and this program has ruleset %s; judged here, %d have the same state and %d another one", what, verdict.Ruleset, n[0], n[1]), "%d verdicts follow from the raw documents", n[0]+n[1])
	}
	if bare > 0 {
		r.open("the measurements came to the archive without their raw documents", "%d verdicts follow from raw documents", bare)
	}
}

// PlatformsOf asks a registry of platforms what the derivation of the enclosed
// documents asks it, and returns the answers. of returns the target of a host or a
// test at a time.
func PlatformsOf(c *Contents, of func(host, test string, at time.Time) string) []Platform {
	type ask struct {
		host, test string
		at         int64
	}
	asked := map[ask]string{}
	o := observation.Options{Verifier: observation.NewVerifier(), Target: func(host, test string, at time.Time) string {
		target := of(host, test, at)
		asked[ask{host, test, at.Unix()}] = target
		return target
	}}
	d := &derivationOf{rows: map[spot][]observation.Row{}, verdicts: map[spot]verdict.Row{}}
	for i := range c.Batches {
		d.batch(&c.Batches[i], o)
	}
	all := slices.SortedFunc(maps.Keys(asked), func(a, b ask) int {
		return cmp.Or(strings.Compare(a.host, b.host), strings.Compare(a.test, b.test), cmp.Compare(a.at, b.at))
	})
	var out []Platform
	for _, k := range all {
		p := Platform{Host: k.host, Test: k.test, From: k.at, Target: asked[k]}
		if n := len(out); n > 0 && out[n-1].Host == p.Host && out[n-1].Test == p.Test && out[n-1].Target == p.Target {
			continue
		}
		out = append(out, p)
	}
	return out
}
