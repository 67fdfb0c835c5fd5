package inquiry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/bundle"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Parameters are the inputs of a derivation besides the document and the rules.
type Parameters struct {
	Fingerprints []fingerprint.Fingerprint
	Defects      []defect.Window
	Software     string // name of the version of the program
}

// Wanted says what a bundle must be evidence of, and how large it may become.
type Wanted struct {
	// IDs name measurements (by uid), dated bans (by id), answers (CC/TARGET or
	// CC/TARGET@DAY), cases (by id) and claims (CASE/CLAIM).
	IDs []string
	// Public makes a bundle for strangers. Sources of documents are shortened to
	// PublicName, and copies of the record's sources are left out. The ledger cannot prove
	// a shortened document.
	Public bool
	// Most is how many measurements of one target in one country are enclosed at most; 0
	// means 20,000.
	Most int
	// MostCells is how many cells of one country are enclosed at most; 0 means 100,000.
	MostCells int
}

// The values of Most and MostCells for 0.
const (
	mostMeasurements = 20_000
	mostCells        = 100_000
)

// NothingSo is the error for an id that names nothing. Its text is written for the reader.
type NothingSo string

func (n NothingSo) Error() string { return string(n) }

// gatherer collects the contents of a bundle from one state of the archive.
type gatherer struct {
	d     *Desk
	want  Wanted
	c     *bundle.Contents
	m     *archive.Manifest // nil if nothing was measured
	pairs []pairWanted
	have  map[string]bool            // enclosed verdicts, by batch, line and uid
	lines map[string]map[uint32]bool // lines to enclose, by the SHA-256 of their batch
	ids   map[string]bool            // ids of enclosed dated bans
	// copied is the size of the enclosed copies of sources, in bytes.
	copied int
	all    event.Result
}

// pairWanted is a target in a country whose measurements are wanted, those around a moment
// first.
type pairWanted struct {
	cc, target string
	around     time.Time
}

// Bundle gathers the evidence for everything that w.IDs names. The error is NothingSo if
// an id names nothing.
func (d *Desk) Bundle(ctx context.Context, w Wanted) (*bundle.Contents, error) {
	w.Most, w.MostCells = cmp.Or(w.Most, mostMeasurements), cmp.Or(w.MostCells, mostCells)
	g := &gatherer{d: d, want: w, have: map[string]bool{}, lines: map[string]map[uint32]bool{}, ids: map[string]bool{}}
	if err := g.begin(ctx); err != nil {
		return nil, err
	}
	for _, id := range w.IDs {
		if err := g.item(ctx, id); err != nil {
			return nil, err
		}
	}
	for _, step := range []func(context.Context) error{g.measurements, g.superseded, g.raw, g.marks, g.cells, g.others, g.platforms, g.proofs} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return g.c, nil
}

// begin takes the state of the archive at this moment, and the parameters.
func (g *gatherer) begin(ctx context.Context) error {
	var p Parameters
	if g.d.Parameters != nil {
		var err error
		if p, err = g.d.Parameters(); err != nil {
			return err
		}
	} else {
		p = Parameters{Fingerprints: fingerprint.EmbeddedList(), Defects: defect.EmbeddedList()}
	}
	set, err := fingerprint.New(p.Fingerprints)
	if err != nil {
		return err
	}
	g.c = &bundle.Contents{Fingerprints: p.Fingerprints, Defects: p.Defects, Rules: verdict.Document()}
	g.c.Index = bundle.Index{Software: p.Software, About: []bundle.Item{}, Batches: []bundle.Batch{}, Pairs: []bundle.Pair{}, Places: []bundle.Place{}, Records: []bundle.Record{}, Revisions: []bundle.Revision{}, Left: []string{}}
	g.c.State = bundle.State{Ruleset: verdict.Ruleset, Detector: event.Version, Answers: answer.Version, Fingerprints: set.ID(), TrustStore: observation.NewVerifier().ID(), Platforms: g.d.Targets.Hash()}
	if g.d.Store == nil {
		return nil
	}
	if g.m, err = g.d.Store.Archive().Manifest(); err != nil {
		return err
	}
	g.c.State.Generation, g.c.State.Ruleset = g.m.Generation, cmp.Or(g.m.Ruleset, verdict.Ruleset)
	g.all, err = g.d.Store.Events(ctx, store.Filter{})
	return err
}

// Corrected returns the id under which the ledger enters a correction of something. That
// is its own id, or for an answer CC/TARGET with the target's id in the registry. A dated
// ban that was withdrawn can be corrected too. The error is NothingSo if the id names
// nothing.
func (d *Desk) Corrected(ctx context.Context, id string) (string, error) {
	g := &gatherer{d: d, have: map[string]bool{}, lines: map[string]map[uint32]bool{}, ids: map[string]bool{}}
	if err := g.begin(ctx); err != nil {
		return "", err
	}
	err := g.item(ctx, id)
	var nothing NothingSo
	if errors.As(err, &nothing) && d.Store != nil {
		a := d.Store.Archive()
		c, _, e := a.Log().Checkpoint()
		if e != nil {
			return "", err
		}
		if _, _, found, e := a.LastEntry(ctx, c, ledger.NameOfEvent(id)); e != nil || found {
			return id, e
		}
	}
	if err != nil {
		return "", err
	}
	of := g.c.About[0]
	if pair, _, _ := strings.Cut(of.ID, "@"); of.Kind == bundle.AnswerOfPair && !strings.Contains(id, "@") {
		return pair, nil
	}
	return of.ID, nil
}

func (g *gatherer) about(kind, id, format string, args ...any) {
	g.c.About = append(g.c.About, bundle.Item{Kind: kind, ID: id, Text: fmt.Sprintf(format, args...)})
}

// item takes in the thing that one id names.
func (g *gatherer) item(ctx context.Context, id string) error {
	for i := range g.all.Events {
		if e := &g.all.Events[i]; e.ID == id {
			return g.event(e)
		}
	}
	if c := g.d.Records.Case(id); c != nil {
		return g.caseOf(ctx, c, "")
	}
	first, rest, two := strings.Cut(id, "/")
	if c := g.d.Records.Case(first); two && c != nil {
		return g.caseOf(ctx, c, rest)
	}
	if two && len(first) == 2 {
		return g.answer(ctx, strings.ToUpper(first), rest)
	}
	return g.measurement(ctx, id)
}

func (g *gatherer) measurement(ctx context.Context, uid string) error {
	if g.d.Store == nil {
		return NothingSo(fmt.Sprintf("nothing is known of %q: no measurement, dated ban, answer (CC/TARGET), case or claim (CASE/CLAIM) is so named", uid))
	}
	versions, err := g.d.Store.Versions(ctx, uid)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		return NothingSo(fmt.Sprintf("nothing is known of %q: no measurement, dated ban, answer (CC/TARGET), case or claim (CASE/CLAIM) is so named", uid))
	}
	v := &versions[0]
	g.about("measurement", uid, "A probe on %v in %s measured %s on %s UTC: %s.", network.ASN(v.ASN), Country(v.CC), g.d.Name(v.Target), v.Time.UTC().Format(time.DateTime), strings.ReplaceAll(string(v.State), "_", " "))
	for i := range versions {
		if err := g.take(ctx, &versions[i]); err != nil {
			return err
		}
	}
	return nil
}

// take encloses a measurement: its verdict and its observations.
func (g *gatherer) take(ctx context.Context, v *verdict.Row) error {
	if !g.add(v) {
		return nil
	}
	rows, err := g.d.Store.Observations(ctx, *v)
	if err != nil {
		return err
	}
	g.addRows(rows)
	return nil
}

// add encloses a verdict. It returns false if the verdict is enclosed already.
func (g *gatherer) add(v *verdict.Row) bool {
	k := fmt.Sprintf("%s %d %s", v.Raw, v.Line, v.UID)
	if g.have[k] {
		return false
	}
	g.have[k] = true
	g.c.Verdicts = append(g.c.Verdicts, *v)
	g.c.Example = g.c.Example || v.CC == "ZZ"
	g.line(v.Raw, v.Line)
	return true
}

func (g *gatherer) addRows(rows []observation.Row) {
	g.c.Observations = append(g.c.Observations, rows...)
	for i := range rows {
		g.line(rows[i].Raw, rows[i].Line)
	}
}

func (g *gatherer) line(raw string, n uint32) {
	if raw == "" {
		return
	}
	if g.lines[raw] == nil {
		g.lines[raw] = map[uint32]bool{}
	}
	g.lines[raw][n] = true
}

func (g *gatherer) event(e *event.Event) error {
	g.about("event", e.ID, "Access to %s in %s was interfered with: it began %s%s.", g.d.Names(e.Targets), Country(e.CC), e.Onset, endOf(e))
	for _, t := range e.Targets {
		if t != "*" {
			g.pair(e.CC, t, e.Onset.Latest)
		}
	}
	g.addEvent(e)
	if e.Kind == event.Shutdown {
		g.c.Left = append(g.c.Left, fmt.Sprintf("not repeated here: the shutdown %s is told from the presence of all countries' probes, which is not enclosed", e.ID))
		g.place(e.CC)
	}
	return nil
}

func endOf(e *event.Event) string {
	if e.End == nil {
		return "; no end was measured"
	}
	return " and ended " + e.End.String()
}

func (g *gatherer) addEvent(e *event.Event) {
	if !g.ids[e.ID] {
		g.ids[e.ID] = true
		g.c.Events = append(g.c.Events, *e)
	}
}

// pair asks for the measurements of a target in a country, and for those of all targets of
// its dated bans.
func (g *gatherer) pair(cc, target string, around *time.Time) {
	if g.m == nil || slices.ContainsFunc(g.pairs, func(p pairWanted) bool { return p.cc == cc && p.target == target }) {
		return
	}
	p := pairWanted{cc: cc, target: target}
	if around != nil {
		p.around = *around
	}
	g.pairs = append(g.pairs, p)
	g.place(cc)
	for i := range g.all.Events {
		if e := &g.all.Events[i]; e.CC == cc && e.Concerns(target) {
			if e.SeenDark() { // such a ban has no target
				g.addEvent(e)
				continue
			}
			for _, t := range e.Targets { // a ban of several targets is dated from the measurements of all of them
				g.pair(cc, t, e.Onset.Latest)
			}
			g.addEvent(e)
		}
	}
}

func (g *gatherer) place(cc string) {
	if !slices.ContainsFunc(g.c.Places, func(p bundle.Place) bool { return p.CC == cc }) {
		g.c.Places = append(g.c.Places, bundle.Place{CC: cc})
	}
}

func (g *gatherer) answer(ctx context.Context, cc, word string) error {
	word, day, dated := strings.Cut(word, "@")
	target, err := g.d.Target(ctx, word)
	if err != nil {
		return NothingSo(err.Error())
	}
	ask := Ask{CC: cc, Target: target}
	if dated {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return NothingSo(fmt.Sprintf("%q is no day: want YYYY-MM-DD", day))
		}
		ask.At = at.AddDate(0, 0, 1)
	}
	ev, err := g.d.Evidence(ctx, cc, target, time.Time{})
	if err != nil {
		return err
	}
	q := g.d.question(ask)
	first := answer.Of(q, ev)
	q.At = first.At
	a, err := bundle.NewAnswer(q, ev)
	if err != nil {
		return err
	}
	g.about("answer", a.ID, "%s", a.Sentence)
	g.pair(cc, target, first.LastMeasured)
	g.c.Answers = append(g.c.Answers, a)
	return g.reported(cc, target)
}

// reported encloses what others report about a target in a country, with the records of
// the cases that report it.
func (g *gatherer) reported(cc, target string) error {
	all, err := g.d.reported(time.Time{})
	if err != nil {
		return err
	}
	for i := range all[cc] {
		b := &all[cc][i]
		if b.Target != target || slices.ContainsFunc(g.c.Reported, func(r bundle.ReportedBan) bool { return r.ID == b.ID && r.CC == cc && r.Target == target }) {
			continue
		}
		g.c.Reported = append(g.c.Reported, bundle.ReportedBanOf(b))
		for _, r := range b.Reports {
			if c := g.d.Records.Case(r.Case); c != nil {
				g.record(c)
			}
		}
	}
	return nil
}

// caseOf takes in a case, or one claim of it if claim is not "".
func (g *gatherer) caseOf(ctx context.Context, c *casefile.Case, claim string) error {
	_, claims, err := g.d.Case(ctx, c, casefile.Date{})
	if err != nil {
		return err
	}
	if claim == "" {
		g.about("case", c.ID, "%s", c.Title)
		for _, t := range c.Targets {
			g.pair(c.Jurisdiction, t, nil)
		}
	}
	g.record(c)
	found := claim == ""
	for _, a := range claims {
		if claim != "" && a.Claim != claim {
			continue
		}
		found = true
		if claim != "" {
			g.about("claim", c.ID+"/"+a.Claim, "Claim: %s. Answer: %s", strings.TrimSuffix(a.Says, "."), a.Reason)
		}
		if a.Access != nil {
			g.pair(a.Access.CC, a.Access.Target, nil)
			if err := g.reported(a.Access.CC, a.Access.Target); err != nil {
				return err
			}
		}
		said, err := bundle.NewClaim(c, &a)
		if err != nil {
			return err
		}
		g.c.Answers = append(g.c.Answers, said)
	}
	if !found {
		return NothingSo(fmt.Sprintf("the case %s has no claim %q", c.ID, claim))
	}
	return nil
}

// record encloses the files of a case, and lists its sources.
func (g *gatherer) record(c *casefile.Case) {
	if slices.ContainsFunc(g.c.Revisions, func(r bundle.Revision) bool { return r.Case == c.ID }) {
		return
	}
	g.c.Revisions = append(g.c.Revisions, bundle.Revision{Case: c.ID, SHA256: g.d.Records.Revision(c.ID)})
	cited := map[string]bool{}
	for _, f := range g.d.Records.Files(c.ID) {
		if !slices.ContainsFunc(g.c.Records, func(r bundle.Record) bool { return r.Name == f.Name }) {
			g.c.Records = append(g.c.Records, bundle.Record{Name: f.Name, Text: bytes.Clone(f.Data)})
		}
	}
	for _, s := range append(slices.Clone(c.Sources), g.d.Records.Shared.Sources...) {
		if cited[s.ID] || slices.ContainsFunc(g.c.Sources, func(o bundle.Source) bool { return o.ID == s.ID }) {
			continue
		}
		cited[s.ID] = true
		out := bundle.Source{ID: s.ID, Publisher: s.Publisher, Date: s.Date.String(), Fetched: []string{}}
		if s.Title != nil {
			out.Title = *s.Title
		}
		if s.URL != nil {
			out.URL = *s.URL
		}
		g.copyOf(&s, &out)
		g.c.Sources = append(g.c.Sources, out)
	}
}

// mostCopies is the greatest size of all enclosed copies of sources, in bytes.
const mostCopies = 64 << 20

// copyOf encloses the copy of a source, or writes the reason why it is not enclosed.
func (g *gatherer) copyOf(s *casefile.Source, out *bundle.Source) {
	if s.Copy == nil {
		out.Why = "no copy was made"
		return
	}
	out.SHA256 = s.Copy.SHA256
	switch {
	case s.Copy.Withheld:
		out.Why = "the copy may not be published: whoever has a copy can compare its SHA-256"
		return
	case g.want.Public:
		out.Why = "copies are others' works, so this site publishes only their SHA-256: whoever has a copy can compare it"
		return
	}
	var data []byte
	var err error
	if g.d.Copy != nil {
		data, err = g.d.Copy(s.Copy.SHA256)
	}
	switch {
	case err != nil:
		out.Why = "the copy in this data folder is damaged or cannot be read (bandish archive check)"
	case data == nil:
		out.Why = "the copy is not in this data folder: whoever has a copy can compare its SHA-256"
	case g.copied+len(data) > mostCopies && g.c.Copies[out.SHA256] == nil:
		out.Why = "the copy is too large to be enclosed with the others: whoever has a copy can compare its SHA-256"
	default:
		if g.c.Copies == nil {
			g.c.Copies = map[string][]byte{}
		}
		if g.c.Copies[out.SHA256] == nil {
			g.copied += len(data)
		}
		out.Enclosed, g.c.Copies[out.SHA256] = true, data
	}
}

// measurements encloses the measurements of each pair.
func (g *gatherer) measurements(ctx context.Context) error {
	for _, p := range g.pairs {
		if err := g.pairMeasurements(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) pairMeasurements(ctx context.Context, p pairWanted) error {
	f := &store.Filter{CC: p.cc, Target: p.target}
	var rows []verdict.Row
	err := store.Scan(ctx, g.d.Store, g.m, "verdicts", f, store.Position{}, func(v *verdict.Row, _ store.Position) error {
		rows = append(rows, *v)
		return nil
	})
	if err != nil {
		return err
	}
	out := bundle.Pair{CC: p.cc, Target: p.target, Measurements: len(rows)}
	out.From, out.Until = window(rows, p.around, g.want.Most)
	wanted := map[string]bool{}
	for i := range rows {
		v := &rows[i]
		if t := v.Time.Unix(); t < out.From || t >= out.Until {
			continue
		}
		out.Enclosed++
		if g.add(v) {
			wanted[v.Raw+" "+strconv.FormatUint(v.Content, 10)+" "+v.UID] = true
		}
	}
	err = store.Scan(ctx, g.d.Store, g.m, "observations", f, store.Position{}, func(o *observation.Row, _ store.Position) error {
		if wanted[o.Raw+" "+strconv.FormatUint(o.Content, 10)+" "+o.UID] {
			g.addRows([]observation.Row{*o})
		}
		return nil
	})
	if out.Enclosed < out.Measurements {
		g.c.Left = append(g.c.Left, fmt.Sprintf("%d of the %d measurements of %s in %s", out.Measurements-out.Enclosed, out.Measurements, p.target, p.cc))
	}
	g.c.Pairs = append(g.c.Pairs, out)
	return err
}

const daySeconds = 86400

// window chooses whole days around a moment whose measurements are together at most
// `most`. It returns the first second and the exclusive end, in Unix seconds; 0 and 0 if
// there are no rows, or if that day alone has too many. It covers all rows if they fit.
func window(rows []verdict.Row, around time.Time, most int) (from, until int64) {
	if len(rows) == 0 {
		return 0, 0
	}
	perDay := map[int64]int{}
	for i := range rows {
		perDay[floorDay(rows[i].Time.Unix())]++
	}
	days := slices.Sorted(maps.Keys(perDay))
	at, _ := slices.BinarySearch(days, floorDay(around.Unix()))
	if around.IsZero() || at == len(days) {
		at = len(days) - 1
	}
	low, high, n := at, at, perDay[days[at]] // the days from low to high are enclosed; they have n measurements
	if n > most {
		return 0, 0
	}
	for grew := true; grew; {
		grew = false
		if high+1 < len(days) && n+perDay[days[high+1]] <= most {
			high++
			n, grew = n+perDay[days[high]], true
		}
		if low > 0 && n+perDay[days[low-1]] <= most {
			low--
			n, grew = n+perDay[days[low]], true
		}
	}
	return days[low], days[high] + daySeconds
}

func floorDay(t int64) int64 { return t - ((t%daySeconds)+daySeconds)%daySeconds }

// superseded encloses all versions of a measurement that another document under the same
// uid replaced, so that readers can see why it does not vote.
func (g *gatherer) superseded(ctx context.Context) error {
	var uids []string
	for i := range g.c.Verdicts {
		if slices.Contains(g.c.Verdicts[i].Marks, verdict.Superseded) {
			uids = append(uids, g.c.Verdicts[i].UID)
		}
	}
	for _, uid := range uids {
		versions, err := g.d.Store.Versions(ctx, uid)
		if err != nil {
			return err
		}
		for i := range versions {
			v := &versions[i]
			if slices.ContainsFunc(g.c.Pairs, func(p bundle.Pair) bool { return p.CC == v.CC && p.Target == v.Target }) {
				continue // it is enclosed already, or its day is left out
			}
			if err := g.take(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// raw encloses the lines of the raw batches.
func (g *gatherer) raw(context.Context) error {
	for _, sha := range slices.Sorted(maps.Keys(g.lines)) {
		b, ok := g.m.Batch(sha)
		if !ok {
			return fmt.Errorf("raw batch %s is not listed", sha)
		}
		out := bundle.Batch{SHA256: sha, Kind: b.Kind, Documents: b.Documents, Added: b.Added.UTC(), Clock: b.Clock, Lines: slices.Sorted(maps.Keys(g.lines[sha])), Redacted: []uint32{}}
		text, err := g.d.Store.Archive().RawLines(b, out.Lines)
		if err != nil {
			return err
		}
		if len(text) != len(out.Lines) {
			return fmt.Errorf("raw batch %s has not all the lines that its measurements name", sha)
		}
		for i := range text {
			if g.want.Public {
				short, err := shortened(text[i])
				if err != nil {
					return err
				}
				if short != nil {
					text[i], out.Redacted = short, append(out.Redacted, out.Lines[i])
				}
			}
		}
		out.Text = text
		g.c.Batches = append(g.c.Batches, out)
	}
	return nil
}

// shortened returns a line of a batch with its source shortened to PublicName, or nil if
// the source needs no change.
func shortened(line []byte) ([]byte, error) {
	e, err := derivation.ParseEntry(line)
	if err != nil {
		return nil, err
	}
	name := PublicName(e.Source)
	if name == e.Source {
		return nil, nil
	}
	e.Source = name
	return bytes.TrimSuffix(archive.AppendEntry(nil, e), []byte("\n")), nil
}

// marks lists the enclosed measurements that a verdict.Marker marks. Marks depend on all
// measurements of a month, so it reads whole months, as the counting does.
func (g *gatherer) marks(ctx context.Context) error {
	if len(g.pairs) == 0 {
		return nil
	}
	months := map[string]*verdict.Marker{}
	for i := range g.c.Verdicts {
		months[g.c.Verdicts[i].Time.UTC().Format("2006-01")] = new(verdict.Marker)
	}
	for month, marker := range months {
		for _, s := range g.m.Select(archive.Verdicts, g.m.Ruleset) {
			if !strings.HasPrefix(s.Period, month) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			err := archive.ReadSegment(g.d.Store.Archive(), s, func(rows []verdict.Row) error {
				for i := range rows {
					marker.Add(&rows[i])
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	for i := range g.c.Verdicts {
		v := g.c.Verdicts[i]
		if v.Raw == "" {
			continue
		}
		was := v
		months[v.Time.UTC().Format("2006-01")].Mark(&v)
		if v.Invalid != was.Invalid || v.State != was.State {
			a := bundle.Mark{Raw: v.Raw, Line: v.Line, UID: v.UID, Throttled: v.State != was.State}
			if v.Invalid != was.Invalid {
				a.Invalid = v.Invalid
			}
			g.c.Marks = append(g.c.Marks, a)
		}
	}
	return nil
}

// cells encloses the counts of the pairs, and those of the whole country if they are not
// too many.
func (g *gatherer) cells(ctx context.Context) error {
	for _, p := range g.pairs {
		days, err := g.d.Store.Cells(ctx, store.Filter{CC: p.cc, Target: p.target})
		if err != nil {
			return err
		}
		g.c.Days = append(g.c.Days, days...)
	}
	for i := range g.c.Places {
		if err := g.placeCells(ctx, &g.c.Places[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) placeCells(ctx context.Context, p *bundle.Place) error {
	var targets []string
	for _, x := range g.pairs {
		if x.cc == p.CC {
			targets = append(targets, x.target)
		}
	}
	total := 0
	p.Segments = []bundle.HoursSegment{}
	for _, s := range g.m.Select(archive.Hours, g.m.Ruleset) {
		if s.Countries[p.CC] == "" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		cells, err := hoursIn(g.d.Store.Archive(), s, p.CC)
		if err != nil {
			return err
		}
		if total += len(cells); total > g.want.MostCells { // too many: from here on, and for earlier months, only those of the pairs
			cells = ofTargets(cells, targets)
		}
		p.Segments = append(p.Segments, bundle.HoursSegment{Period: s.Period, SHA256: s.SHA256, Countries: s.Countries, Hours: cells})
	}
	p.Whole = total <= g.want.MostCells
	for i := range p.Segments {
		if s := &p.Segments[i]; !p.Whole {
			s.Hours = ofTargets(s.Hours, targets)
		}
		p.Cells += len(p.Segments[i].Hours)
	}
	if !p.Whole {
		g.c.Left = append(g.c.Left, fmt.Sprintf("%d hourly counts of other targets of %s", total-p.Cells, p.CC))
		return nil
	}
	return g.counts(p.CC)
}

func ofTargets(cells []series.Cell, targets []string) []series.Cell {
	return slices.DeleteFunc(cells, func(c series.Cell) bool { return !slices.Contains(targets, c.Target) })
}

func hoursIn(a *archive.Archive, s archive.Segment, cc string) ([]series.Cell, error) {
	f, err := a.OpenSegment(s)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cells, err := archive.Lookup[series.Cell](f, archive.Key{Column: "probe_cc", Value: cc})
	for i := range cells { // a bundle's reader makes empty lists, not nil
		c := &cells[i]
		if len(c.Voices) == 0 {
			c.Voices = nil
		}
		if len(c.Tallies) == 0 {
			c.Tallies = nil
		}
	}
	return cells, err
}

// counts encloses the counts of a country that others published.
func (g *gatherer) counts(cc string) error {
	for _, s := range g.m.Select(archive.Counts, "") {
		f, err := g.d.Store.Archive().OpenSegment(s)
		if err != nil {
			return err
		}
		rows, err := archive.Lookup[derivation.PublishedCount](f, archive.Key{Column: "probe_cc", Value: cc})
		f.Close()
		if err != nil {
			return err
		}
		g.c.Counts = append(g.c.Counts, rows...)
	}
	return nil
}

// others encloses what the detector found about the targets in other countries.
func (g *gatherer) others(context.Context) error {
	var targets []string
	for _, p := range g.pairs {
		targets = append(targets, p.target)
	}
	if len(targets) == 0 {
		return nil
	}
	for _, s := range g.m.Select(archive.Findings, g.m.Ruleset) {
		if slices.ContainsFunc(g.c.Places, func(p bundle.Place) bool { return p.CC == s.Period && p.Whole }) {
			continue // they can be found again from the enclosed cells
		}
		text, err := findingsIn(g.d.Store.Archive(), s, targets)
		if err != nil {
			return err
		}
		if text != nil {
			g.c.Findings = append(g.c.Findings, text)
		}
	}
	for i := range g.c.Places {
		g.c.Places[i].Others = len(g.c.Findings)
	}
	return nil
}

// findingsIn reads what the detector found in a country about some targets. It is nil if
// there is nothing, or if another version of the detector wrote it.
func findingsIn(a *archive.Archive, s archive.Segment, targets []string) (json.RawMessage, error) {
	var out json.RawMessage
	err := archive.ReadSegment(a, s, func(rows []struct {
		Document string `parquet:"document"`
	}) error {
		for i := range rows {
			var f event.Findings
			if json.Unmarshal([]byte(rows[i].Document), &f) != nil {
				continue
			}
			if f = f.Of(targets); f.Empty() {
				continue
			}
			text, err := json.Marshal(f)
			if err != nil {
				return err
			}
			out = text
		}
		return nil
	})
	return out, err
}

// platforms encloses the answers of the registry for the enclosed documents. It derives
// each document once to learn what is asked.
func (g *gatherer) platforms(context.Context) error {
	g.c.Platforms = bundle.PlatformsOf(g.c, g.d.Targets.Of)
	return nil
}

// proofs encloses what ties the contents to the ledger. Without a ledger there is nothing.
func (g *gatherer) proofs(ctx context.Context) error {
	if g.d.Store == nil {
		return nil
	}
	log := g.d.Store.Archive().Log()
	head, signed, err := log.Checkpoint()
	if errors.Is(err, notary.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := log.Key()
	if err != nil {
		return err
	}
	g.c.Origin = head.Origin
	found := map[string]int64{}
	for _, name := range g.entriesWanted() {
		at, _, ok, err := g.d.Store.Archive().LastEntry(ctx, head, name)
		if err != nil {
			return err
		}
		if ok {
			found[name] = at
		}
	}
	corrections, err := g.d.Store.Archive().Corrections(ctx, g.names()...)
	if err != nil {
		return err
	}
	for _, x := range corrections {
		found[fmt.Sprint("correction ", x.Index)] = x.Index
	}
	indexes := slices.Compact(slices.Sorted(maps.Values(found)))
	last := head
	// Prefer a head that others signed, if it covers all entries.
	if w, text, err := log.Witnessed(); err == nil && (len(indexes) == 0 || indexes[len(indexes)-1] < w.Size) {
		head, signed = w, text
	}
	p := &bundle.Proofs{Key: key, Checkpoint: signed}
	for _, i := range indexes {
		text, err := log.Entry(head, i)
		if err != nil {
			return err
		}
		proof, err := log.ProveAt(head, signed, i)
		if err != nil {
			return err
		}
		p.Entries = append(p.Entries, bundle.Entry{Index: i, Text: text, Path: proof.Hashes})
	}
	for i := range g.c.Batches {
		if err := g.documentProofs(p, &g.c.Batches[i]); err != nil {
			return err
		}
	}
	if err := g.stamps(p, log, head, last); err != nil {
		return err
	}
	g.c.Proofs = p
	return nil
}

// stamps encloses time stamps: for each enclosed entry the first one that was made after
// it. last is the newest head of the log.
func (g *gatherer) stamps(p *bundle.Proofs, log *notary.Log, head, last ledger.Checkpoint) error {
	sizes, err := log.Stamps()
	if err != nil {
		return err
	}
	first := map[int64]bool{}
	for _, e := range p.Entries {
		if i, _ := slices.BinarySearch(sizes, e.Index+1); i < len(sizes) && sizes[i] <= last.Size {
			first[sizes[i]] = true
		}
	}
	for _, size := range slices.Sorted(maps.Keys(first)) {
		at, err := log.At(last, size)
		if err != nil {
			return err
		}
		s := bundle.Stamp{Checkpoint: []byte(at.String())}
		if s.Answer, err = log.StampOf(size); err != nil {
			return err
		}
		small, large := at, head
		if small.Size > large.Size {
			small, large = large, small
		}
		if s.Path, err = log.Consistency(large, small.Size); err != nil {
			return err
		}
		p.Stamps = append(p.Stamps, s)
	}
	if len(p.Stamps) > 0 {
		p.Roots, err = log.StampRoots()
	}
	return err
}

// names returns all ids under which corrections may speak of the bundle's contents.
func (g *gatherer) names() []string {
	var out []string
	for _, i := range g.c.About {
		pair, _, dated := strings.Cut(i.ID, "@")
		if out = append(out, i.ID); dated {
			out = append(out, pair)
		}
	}
	for i := range g.c.Events {
		out = append(out, g.c.Events[i].ID)
	}
	for i := range g.c.Answers {
		out = append(out, g.c.Answers[i].ID)
	}
	return out
}

// entriesWanted returns the names of the ledger's entries that the contents rest on.
func (g *gatherer) entriesWanted() []string {
	wanted := []string{ledger.NameOfState(g.c.State.Generation)}
	for i := range g.c.Batches {
		wanted = append(wanted, ledger.NameOfBatch(g.c.Batches[i].SHA256))
	}
	for _, p := range g.c.Places {
		for _, s := range p.Segments {
			wanted = append(wanted, ledger.NameOfSegment(s.SHA256))
		}
	}
	for i := range g.c.Events {
		wanted = append(wanted, ledger.NameOfEvent(g.c.Events[i].ID))
	}
	for sha := range g.c.Copies {
		wanted = append(wanted, ledger.NameOfSource(bundle.CopyPath(sha)))
	}
	for _, r := range g.c.Revisions {
		wanted = append(wanted, ledger.NameOfRecord(archive.RecordName(r.Case)), ledger.NameOfRecord(archive.RecordName("shared")))
	}
	return wanted
}

// documentProofs encloses the proofs that the enclosed lines are in their batch.
func (g *gatherer) documentProofs(p *bundle.Proofs, b *bundle.Batch) error {
	listed, _ := g.m.Batch(b.SHA256)
	leaves, err := g.d.Store.Archive().Leaves(listed)
	if err != nil {
		return err
	}
	var indexes []int64
	var wanted []uint32
	for _, n := range b.Lines {
		if !slices.Contains(b.Redacted, n) {
			indexes, wanted = append(indexes, int64(n)), append(wanted, n)
		}
	}
	paths, err := ledger.ProveEach(leaves, indexes)
	if err != nil {
		return err
	}
	for i, path := range paths {
		p.Documents = append(p.Documents, bundle.DocumentProof{Batch: b.SHA256, Line: wanted[i], Path: path})
	}
	return nil
}
