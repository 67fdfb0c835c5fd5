// Package inquiry answers questions from all that an installation holds: the archive of
// measurements, the case record and imported lists. It gathers the evidence; package
// answer concludes. Pages, commands, JSON and feeds all ask through it, so that one
// question has one answer.
package inquiry

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/series"
)

// Desk answers questions. Its fields must be set before the first use. Many goroutines may
// call its methods.
type Desk struct {
	Store   *store.Store // nil if nothing was measured
	Records *casefile.Records
	Targets *target.Registry
	Lists   func() ([]ban.Report, error) // reads the reports of imported lists; nil: there are none
	Hand    func() (ban.Hand, error)     // reads decisions by people on which reports are of one ban; nil: there are none
	// Parameters returns the inputs with which the archive derives; nil: the embedded
	// ones.
	Parameters func() (Parameters, error)
	// Copy returns the copy of a source by its SHA-256, or nil if there is none. A nil
	// Copy means that there are no copies.
	Copy func(sha string) ([]byte, error)
	Now  func() time.Time

	mu      sync.Mutex // guards what follows
	lists   []ban.Report
	hand    ban.Hand
	read    time.Time                       // when lists was read
	edition int                             // grows when lists or hand change
	said    map[string]map[string][]ban.Ban // reconciled reported bans, by day and then by country
	memo    memo
}

// Ask is a question as a reader puts it.
type Ask struct {
	CC, Target string
	ASNs       []uint32
	At         time.Time // exclusive end of the day asked about; zero: the last day known, or known at Known
	Known      time.Time // exclusive end of the day whose knowledge is used; zero: all that is known
	Since      time.Time // first day of the timeline; zero: no bound
}

// Answered is an answer with its timeline.
type Answered struct {
	answer.Answer
	Days      []answer.Day            `json:"days"` // of all networks together
	ByASN     map[uint32][]answer.Day `json:"-"`
	Published []store.PublishedCounts `json:"published_counts,omitempty"` // daily counts that others published
}

// Country returns the English name of a country.
func Country(cc string) string {
	if cc == "ZZ" {
		return "ZZ (no country: lab data)"
	}
	return cmp.Or(country.Name(cc), cc)
}

// Name returns the name of a target as readers know it.
func (d *Desk) Name(id string) string {
	if p, ok := d.Targets.Platform(id); ok {
		return p.Name
	}
	return id
}

// Answer says whether a target is blocked in a country.
func (d *Desk) Answer(ctx context.Context, ask Ask) (*Answered, error) {
	return remember(ctx, d, fmt.Sprint("answer ", ask, d.then(ask.Known)), func() (*Answered, error) { return d.answer(ctx, ask) })
}

func (d *Desk) answer(ctx context.Context, ask Ask) (*Answered, error) {
	ev, err := d.Evidence(ctx, ask.CC, ask.Target, ask.Known)
	if err != nil {
		return nil, err
	}
	q := d.question(ask)
	out := &Answered{Answer: answer.Of(q, ev)}
	out.Days, out.ByASN = answer.Timeline(q, ev, ask.Since)
	if d.Store != nil && ask.Known.IsZero() {
		out.Published, err = d.Store.Counts(ctx, store.Filter{CC: ask.CC, Target: ask.Target, ASNs: ask.ASNs, Since: ask.Since, Until: ask.At})
	}
	return out, err
}

func (d *Desk) question(ask Ask) answer.Question {
	return answer.Question{CC: ask.CC, Country: Country(ask.CC), Target: ask.Target, Name: d.Name(ask.Target), ASNs: ask.ASNs, At: ask.At, Known: ask.Known, Now: d.Now()}
}

// Evidence returns what was measured and reported about a target in a country, by what was
// known at a moment (zero: all).
func (d *Desk) Evidence(ctx context.Context, cc, target string, known time.Time) (answer.Evidence, error) {
	var ev answer.Evidence
	var err error
	if d.Store != nil {
		if ev, err = d.Store.Evidence(ctx, cc, target, known); err != nil {
			return ev, err
		}
	}
	return ev, d.addSaid(&ev, cc, target, known)
}

// evidenceOf is Evidence for many pairs at once.
func (d *Desk) evidenceOf(ctx context.Context, pairs []store.Pair, known time.Time) (map[store.Pair]answer.Evidence, error) {
	out := make(map[store.Pair]answer.Evidence, len(pairs))
	var err error
	switch {
	case d.Store == nil:
	case known.IsZero():
		out, err = d.Store.EvidenceOf(ctx, pairs)
	default:
		for _, p := range pairs {
			if out[p], err = d.Store.Evidence(ctx, p.CC, p.Target, known); err != nil {
				break
			}
		}
	}
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		ev := out[p]
		if err := d.addSaid(&ev, p.CC, p.Target, known); err != nil {
			return nil, err
		}
		out[p] = ev
	}
	return out, nil
}

// addSaid adds to the evidence the reported bans and the cases about a target in a
// country.
func (d *Desk) addSaid(ev *answer.Evidence, cc, target string, known time.Time) error {
	bans, err := d.reported(known)
	if err != nil {
		return err
	}
	ev.Bans = bans[cc]
	for _, c := range d.Records.Cases {
		if c.Withdrawn == nil && c.Jurisdiction == cc && slices.Contains(c.Targets, target) && d.begun(c, known) {
			ev.Cases = append(ev.Cases, answer.Case{ID: c.ID, Title: c.Title})
		}
	}
	return nil
}

// begun reports whether anything of a case was known at a moment; the zero moment is now.
func (d *Desk) begun(c *casefile.Case, known time.Time) bool {
	if known.IsZero() {
		return true
	}
	then := d.Records.AsOf(c, casefile.Day(known.Add(-time.Second), time.UTC))
	return then.Start != nil || len(then.Acts)+len(then.Claims)+len(then.Sightings) > 0
}

// listsLast is how long imported lists are kept before they are read again.
const listsLast = time.Minute

// reported returns the bans that the record and imported lists report, by country. Reports
// of the same ban are put together.
func (d *Desk) reported(known time.Time) (map[string][]ban.Ban, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	if d.Lists != nil && (d.read.IsZero() || now.Sub(d.read) > listsLast) {
		lists, err := d.Lists()
		if err != nil {
			return nil, fmt.Errorf("read the imported lists: %w", err)
		}
		hand := ban.Hand{}
		if d.Hand != nil {
			if hand, err = d.Hand(); err != nil {
				return nil, err
			}
		}
		if d.read = now; !reflect.DeepEqual(lists, d.lists) || !reflect.DeepEqual(hand, d.hand) {
			d.lists, d.hand, d.said = lists, hand, nil
			d.edition++
		}
	}
	return d.reconciled(known, now), nil
}

// maxSaid is for how many days reconciled bans are kept.
const maxSaid = 32

func (d *Desk) reconciled(known, now time.Time) map[string][]ban.Ban {
	day := now
	if !known.IsZero() {
		day = known.Add(-time.Second)
	}
	name := day.UTC().Format(time.DateOnly)
	if !known.IsZero() {
		name += " known"
	}
	if len(d.said) > maxSaid {
		d.said = nil
	}
	out, ok := d.said[name]
	if !ok {
		reports := append(ban.FromRecord(d.recordsThen(known), day), listedBy(d.lists, known)...)
		out = map[string][]ban.Ban{}
		bans, _ := ban.ReconcileBy(reports, d.hand)
		for _, b := range bans {
			out[b.CC] = append(out[b.CC], b)
		}
		if d.said == nil {
			d.said = map[string]map[string][]ban.Ban{}
		}
		d.said[name] = out
	}
	return out
}

// listedBy returns the reports of lists that were imported before a moment; the zero
// moment returns all. The time of import stands for the time of publication, which lists
// do not give.
func listedBy(lists []ban.Report, known time.Time) []ban.Report {
	if known.IsZero() {
		return lists
	}
	return slices.DeleteFunc(slices.Clone(lists), func(r ban.Report) bool { return r.Imported.IsZero() || !r.Imported.Before(known) })
}

// recordsThen returns the record as it was known at a moment; the zero moment is now.
func (d *Desk) recordsThen(known time.Time) *casefile.Records {
	if known.IsZero() {
		return d.Records
	}
	day := casefile.Day(known.Add(-time.Second), time.UTC)
	then := *d.Records
	then.Cases = nil
	for _, c := range d.Records.Cases {
		then.Cases = append(then.Cases, d.Records.AsOf(c, day))
	}
	then.Shared.Bans = slices.DeleteFunc(slices.Clone(then.Shared.Bans), func(b casefile.Ban) bool {
		since, ok := d.Records.KnownSince(new(casefile.Case), b.Cites).LastDay(time.UTC)
		return !ok || !since.Before(known)
	})
	return &then
}

// Cells returns the cells of a target in a country: hourly for a short time, else daily,
// as answer.Hourly says.
func (d *Desk) Cells(ctx context.Context, cc, target string, from, to, known time.Time) ([]series.Cell, error) {
	hours := answer.Hourly(from, to)
	f := store.Filter{CC: cc, Target: target, Since: from, Until: to}
	switch {
	case d.Store == nil:
		return nil, nil
	case !known.IsZero():
		then, err := d.Store.Known(ctx, cc, known)
		if err != nil {
			return nil, err
		}
		if hours {
			return then.Hours[target], nil
		}
		return then.Days[target], nil
	case hours:
		return d.Store.Hours(ctx, f)
	}
	return d.Store.Cells(ctx, f)
}

// InCountry answers for every target that was measured in a country or is reported blocked
// there. Blocked targets come first, then those with a state, then the rest; each group is
// sorted by name.
func (d *Desk) InCountry(ctx context.Context, cc string, at, known time.Time) ([]answer.Answer, error) {
	return remember(ctx, d, fmt.Sprint("country ", cc, at, d.then(known)), func() ([]answer.Answer, error) { return d.inCountry(ctx, cc, at, known) })
}

func (d *Desk) inCountry(ctx context.Context, cc string, at, known time.Time) ([]answer.Answer, error) {
	all := map[string]answer.Evidence{}
	if d.Store != nil {
		var err error
		if all, err = d.Store.CountryEvidence(ctx, cc, cmp.Or(at, known), known); err != nil {
			return nil, err
		}
	}
	bans, err := d.reported(known)
	if err != nil {
		return nil, err
	}
	for _, b := range bans[cc] {
		if _, ok := all[b.Target]; !ok && b.Target != ban.Unnamed && b.Target != ban.Internet {
			all[b.Target] = answer.Evidence{}
		}
	}
	var out []answer.Answer
	for _, id := range slices.Sorted(maps.Keys(all)) {
		ev := all[id]
		if err := d.addSaid(&ev, cc, id, known); err != nil {
			return nil, err
		}
		out = append(out, answer.Of(d.question(Ask{CC: cc, Target: id, At: at, Known: known}), ev))
	}
	slices.SortStableFunc(out, func(a, b answer.Answer) int {
		return cmp.Or(rank(&a)-rank(&b), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// Places returns up to limit pairs of country and target with measurements, the most
// measured first.
func (d *Desk) Places(ctx context.Context, limit int) ([]store.Place, error) {
	if d.Store == nil {
		return nil, nil
	}
	return remember(ctx, d, fmt.Sprint("places ", limit), func() ([]store.Place, error) { return d.Store.Places(ctx, limit) })
}

func rank(a *answer.Answer) int {
	switch {
	case a.State.Accuses():
		return 0
	case a.State == "insufficient" && len(a.Reported) == 0:
		return 3
	case a.State == "insufficient":
		return 2
	}
	return 1
}

// Events returns the dated bans that f selects, and those set aside as artefacts. If known
// is not zero, it dates the bans anew from what was known then, without the artefacts.
func (d *Desk) Events(ctx context.Context, f store.Filter, known time.Time) (event.Result, error) {
	if d.Store == nil {
		return event.Result{}, nil
	}
	if known.IsZero() {
		return d.Store.Events(ctx, f)
	}
	countries := []string{f.CC}
	if f.CC == "" {
		var err error
		if countries, err = d.Store.Countries(ctx); err != nil {
			return event.Result{}, err
		}
	}
	var out event.Result
	for _, cc := range countries {
		if !f.Shard.Has(cc) {
			continue
		}
		then, err := d.Store.Known(ctx, cc, known)
		if err != nil {
			return event.Result{}, err
		}
		for _, e := range then.Events {
			if f.Target == "" || slices.Contains(e.Targets, f.Target) {
				out.Events = append(out.Events, e)
			}
		}
	}
	return out, nil
}

// Reports returns all reports of bans as of a day, before they are put together: those of
// the record, the dated bans of the archive and, if lists is true, those of imported
// lists.
func (d *Desk) Reports(ctx context.Context, day time.Time, lists bool) ([]ban.Report, error) {
	return d.reportsThen(ctx, day, lists, time.Time{})
}

// reportsThen is Reports by what was known at a moment; zero means all.
func (d *Desk) reportsThen(ctx context.Context, day time.Time, lists bool, known time.Time) ([]ban.Report, error) {
	reports := ban.FromRecord(d.recordsThen(known), day)
	if lists && d.Lists != nil {
		others, err := d.Lists()
		if err != nil {
			return nil, err
		}
		reports = append(reports, listedBy(others, known)...)
	}
	found, err := d.Events(ctx, store.Filter{}, known)
	if err != nil {
		return nil, err
	}
	last, err := d.lastMeasured(ctx)
	if err != nil {
		return nil, err
	}
	if !known.IsZero() && !day.Before(known) { // later measurements were not known
		day = known.AddDate(0, 0, -1)
	}
	return append(reports, ban.FromEvents(found.Events, last, day)...), nil
}

// bans returns all bans as of a day, with reports of the same ban put together, by what
// was known at a moment; zero means all.
func (d *Desk) bans(ctx context.Context, day, known time.Time) ([]ban.Ban, error) {
	reports, err := d.reportsThen(ctx, day, true, known)
	if err != nil {
		return nil, err
	}
	hand := ban.Hand{}
	if d.Hand != nil {
		if hand, err = d.Hand(); err != nil {
			return nil, err
		}
	}
	bans, _ := ban.ReconcileBy(reports, hand)
	return bans, nil
}

// Case returns a case as it was known at the end of a day, with its clock, and the answers
// to its claims. A zero day is now.
func (d *Desk) Case(ctx context.Context, c *casefile.Case, asOf casefile.Date) (*casefile.Case, []casefile.Answer, error) {
	_, known := asOf.Bounds(c.Zone())
	both, err := remember(ctx, d, fmt.Sprint("case ", c.ID, " ", asOf, d.then(known)), func() (shownCase, error) {
		shown, claims, err := d.caseAt(ctx, c, asOf)
		return shownCase{shown, claims}, err
	})
	return both.shown, both.claims, err
}

// shownCase is a case with the answers to its claims.
type shownCase struct {
	shown  *casefile.Case
	claims []casefile.Answer
}

func (d *Desk) caseAt(ctx context.Context, c *casefile.Case, asOf casefile.Date) (*casefile.Case, []casefile.Answer, error) {
	_, known := asOf.Bounds(c.Zone())
	found, err := d.Events(ctx, store.Filter{CC: c.Jurisdiction}, known)
	if err != nil {
		return nil, nil, err
	}
	shown := d.Records.Show(c, asOf, answer.MeasuredBan(d.Records.AsOf(c, asOf), found.Events))
	claims, err := answer.Claims(ctx, d.Records, c, asOf, d)
	return shown, claims, err
}

// Check answers whether a claim about access was true.
func (d *Desk) Check(ctx context.Context, claim casefile.AccessClaim) (casefile.Answer, error) {
	return remember(ctx, d, fmt.Sprintf("check %+v", claim), func() (casefile.Answer, error) { return answer.Check(ctx, d.Records, claim, d) })
}

// Blocked returns the answers that say blocked by what was measured or reported last. The
// ban that began last comes first.
func (d *Desk) Blocked(ctx context.Context) ([]answer.Answer, error) {
	return d.BlockedOn(ctx, time.Time{}, time.Time{})
}

// BlockedOn returns the answers that said blocked at a moment, by what was known at
// another. at is exclusive, the end of a day; zero takes what was measured or reported
// last. known zero is now.
func (d *Desk) BlockedOn(ctx context.Context, at, known time.Time) ([]answer.Answer, error) {
	return remember(ctx, d, fmt.Sprint("blocked ", at, d.then(known)), func() ([]answer.Answer, error) { return d.blockedOn(ctx, at, known) })
}

func (d *Desk) blockedOn(ctx context.Context, at, known time.Time) ([]answer.Answer, error) {
	pairs := map[store.Pair]bool{}
	found, err := d.Events(ctx, store.Filter{}, known)
	if err != nil {
		return nil, err
	}
	for i := range found.Events {
		e := &found.Events[i]
		for _, t := range e.Targets {
			if e.Kind != event.Shutdown && (e.End == nil || !at.IsZero() && e.End.Latest != nil && e.End.Latest.After(at.AddDate(0, 0, -1))) && (at.IsZero() || e.Onset.Earliest == nil || e.Onset.Earliest.Before(at)) {
				pairs[store.Pair{CC: e.CC, Target: t}] = true
			}
		}
	}
	bans, err := d.reported(known)
	if err != nil {
		return nil, err
	}
	for _, list := range bans {
		for i := range list {
			holds := list[i].Status == ban.Ongoing
			if !at.IsZero() {
				holds = list[i].Start.Before(at) && (holds || list[i].End.IsZero() || !list[i].End.Before(at.AddDate(0, 0, -1)))
			}
			if b := &list[i]; holds && b.Scope == ban.National && b.Target != ban.Internet && b.Target != ban.Unnamed {
				pairs[store.Pair{CC: b.CC, Target: b.Target}] = true
			}
		}
	}
	evidence, err := d.evidenceOf(ctx, slices.Collect(maps.Keys(pairs)), known)
	if err != nil {
		return nil, err
	}
	out := []answer.Answer{}
	for p, ev := range evidence {
		if a := answer.Of(d.question(Ask{CC: p.CC, Target: p.Target, At: at, Known: known}), ev); a.State.Accuses() {
			out = append(out, a)
		}
	}
	began := func(a *answer.Answer) time.Time {
		if a.Since != nil && a.Since.Latest != nil {
			return *a.Since.Latest
		}
		return time.Time{}
	}
	slices.SortFunc(out, func(a, b answer.Answer) int {
		return cmp.Or(began(&b).Compare(began(&a)), cmp.Compare(a.CC, b.CC), cmp.Compare(a.Target, b.Target))
	})
	return out, nil
}
