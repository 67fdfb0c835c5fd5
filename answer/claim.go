package answer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// Archive gives claims the evidence: what was measured and what others report. A
// nil Archive holds nothing.
type Archive interface {
	// Evidence returns what was known of a target in a country before the moment
	// known; zero means all that is known.
	Evidence(ctx context.Context, cc, target string, known time.Time) (Evidence, error)
	// Cells returns the cells of whole measurements in [from, to), sorted: hourly
	// cells where Hourly(from, to), else daily ones.
	Cells(ctx context.Context, cc, target string, from, to, known time.Time) ([]series.Cell, error)
}

// hourly is the longest time for which hourly cells are used.
const hourly = 72 * time.Hour

// Hourly reports whether a time is short enough for hourly cells. They are needed
// because the days of a claim are days of its country, and daily cells are days of
// UTC.
func Hourly(from, to time.Time) bool {
	return !from.IsZero() && !to.IsZero() && to.Sub(from) <= hourly
}

// Claims answers every claim of a case that is not withdrawn, from the evidence as
// it was known at the end of the day asOf; a zero day means all that is known now.
// An error is one of the archive.
func Claims(ctx context.Context, r *casefile.Records, c *casefile.Case, asOf casefile.Date, a Archive) ([]casefile.Answer, error) {
	_, known := asOf.Bounds(c.Zone())
	c = r.AsOf(c, asOf)
	out := []casefile.Answer{}
	for i := range c.Claims {
		k := &c.Claims[i]
		if k.Withdrawn != nil {
			continue
		}
		answered, err := Claim(ctx, r, c, k, known, a)
		if err != nil {
			return nil, fmt.Errorf("answer claim %s of case %s: %w", k.ID, c.ID, err)
		}
		out = append(out, answered)
	}
	return out, nil
}

// Claim answers one claim: from measurements where it is about access and there are
// enough, else from what sources report. A question of law can be decided by courts
// only; without a decision the answer is that it is disputed. An error is one of
// the archive.
func Claim(ctx context.Context, r *casefile.Records, c *casefile.Case, k *casefile.Claim, known time.Time, a Archive) (casefile.Answer, error) {
	out := casefile.Answer{Claim: k.ID, Says: k.Says, By: k.By, Date: k.Date, Access: k.Access, Sources: r.Hear(c, k)}
	err := settle(ctx, r, &out, c.Zone(), known, a)
	if k.About == "law" && out.Verdict != casefile.Untested && !r.Decided(c, k) {
		out.Verdict, out.Reason = casefile.Disputed, "It is a question of law that no court has decided. "+out.Reason
	}
	return out, err
}

// Check answers a claim about access that is in no case: from measurements, else
// from what the cases of the record and imported lists report.
func Check(ctx context.Context, r *casefile.Records, claim casefile.AccessClaim, a Archive) (casefile.Answer, error) {
	out := casefile.Answer{Says: fmt.Sprintf("%s is %s in %s, %s", claim.Target, claim.Says, claim.CC, claim.At), Access: &claim, Sources: []casefile.Heard{}}
	zone := time.UTC
	for _, c := range r.Cases {
		if c.Jurisdiction != claim.CC || c.Withdrawn != nil {
			continue
		}
		zone = c.Zone()
		for _, h := range r.Hear(c, &casefile.Claim{Access: &claim, Evidence: attached(c, &claim)}) {
			h.Case = c.ID
			out.Sources = append(out.Sources, h)
		}
	}
	return out, settle(ctx, r, &out, zone, time.Time{}, a)
}

// attached returns the evidence that editors attached to claims of a case that say
// the same as claim, so that a question and a statement with the same words get the
// same answer.
func attached(c *casefile.Case, claim *casefile.AccessClaim) []casefile.Evidence {
	var out []casefile.Evidence
	for i := range c.Claims {
		k := &c.Claims[i]
		if k.Withdrawn != nil || k.Access == nil || !same(k.Access, claim) {
			continue
		}
		for _, e := range k.Evidence {
			if !slices.ContainsFunc(out, func(o casefile.Evidence) bool { return o.Ref == e.Ref }) {
				out = append(out, e)
			}
		}
	}
	return out
}

func same(a, b *casefile.AccessClaim) bool {
	return a.Target == b.Target && a.CC == b.CC && a.Says == b.Says && a.At.String() == b.At.String() && slices.Equal(a.Networks, b.Networks)
}

// settle fills in the verdict: from measurements where they reach the evidence
// floor, else from reports.
func settle(ctx context.Context, r *casefile.Records, out *casefile.Answer, zone *time.Location, known time.Time, a Archive) error {
	why, past := "", ""
	switch {
	case out.Access == nil:
	case out.Access.At.IsZero():
		why = "The claim names no time, so no measurement can be held against it. "
	default:
		from, to := out.Access.At.Bounds(zone)
		tally, err := measure(ctx, r, out.Access, from, to, known, a)
		if err != nil {
			return err
		}
		out.Measured = &tally.Tally
		out.Sources = append(out.Sources, tally.heard...)
		var enough bool
		if out.Verdict, why, enough = weighTally(&tally, out.Access.Says); enough {
			out.AnsweredFrom, out.Reason = casefile.FromMeasurements, why
			return nil
		}
		why, past = why+" ", tally.past
	}
	out.Verdict, out.AnsweredFrom, out.Reason = casefile.FromReports(out.Sources)
	out.Reason = why + out.Reason
	if out.AnsweredFrom == casefile.FromNothing {
		out.Reason += past
	}
	return nil
}

// tallied holds what was measured in the time of a claim, and what lists report of
// it.
type tallied struct {
	casefile.Tally
	sum   series.Cell // of all networks
	heard []casefile.Heard
	past  string // what was last reported before that time, in words
}

// measure counts the cells of the time of a claim and reads each network. A cell
// counts when its middle is in that time.
func measure(ctx context.Context, r *casefile.Records, claim *casefile.AccessClaim, from, to, known time.Time, a Archive) (tallied, error) {
	t := tallied{Tally: casefile.Tally{From: stampOrNil(from), To: stampOrNil(to), Networks: []casefile.NetworkTally{}, Events: []string{}}}
	if a == nil {
		return t, nil
	}
	if !known.IsZero() && (to.IsZero() || to.After(known)) {
		to = known
	}
	fail := func(err error) (tallied, error) {
		return t, fmt.Errorf("read the measurements of %s in %s: %w", claim.Target, claim.CC, err)
	}
	ev, err := a.Evidence(ctx, claim.CC, claim.Target, known)
	if err != nil {
		return fail(err)
	}
	cells, err := a.Cells(ctx, claim.CC, claim.Target, from, to, known)
	if err != nil {
		return fail(err)
	}
	asked := func(asn uint32) bool {
		return len(claim.Networks) == 0 || slices.Contains(claim.Networks, network.ASN(asn))
	}
	by := map[uint32][]series.Cell{}
	for _, c := range cells {
		middle := time.Unix(c.Start+c.Span/2, 0)
		if c.Measurements > 0 && asked(c.ASN) && (from.IsZero() || !middle.Before(from)) && (to.IsZero() || middle.Before(to)) {
			by[c.ASN] = append(by[c.ASN], c)
		}
	}
	spans := newView(Question{CC: claim.CC, Target: claim.Target}, ev).spans
	for i := range spans {
		if s := &spans[i]; asked(s.asn) && s.covers(from, to) && (s.endFirst != nil || len(cells) > 0) {
			by[s.asn] = slices.Clip(by[s.asn]) // the network is read even if nobody measured it in that time
		}
	}
	t.sum = series.Sum(slices.Concat(slices.Collect(maps.Values(by))...))
	for _, asn := range slices.Sorted(maps.Keys(by)) {
		t.network(asn, by[asn], spans, from, to)
	}
	slices.SortStableFunc(t.Networks, func(x, y casefile.NetworkTally) int {
		return cmp.Or(cmp.Compare(size(y), size(x)), cmp.Compare(x.ASN, y.ASN))
	})
	t.heard, t.past = listed(r, ev.Bans, claim, from, to), past(ev.Bans, claim, from)
	return t, nil
}

func size(n casefile.NetworkTally) int64 { return n.OK + n.Blocked + n.Down + n.Unclear }

func stampOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// network adds the reading of one network. Within a dated ban it is blocked. At the
// edges of a ban it is mixed. Outside of bans its measurements decide, and they
// never give blocked.
func (t *tallied) network(asn uint32, cells []series.Cell, spans []span, from, to time.Time) {
	sum := series.Sum(cells)
	n := casefile.NetworkTally{ASN: network.ASN(asn), OK: int64(sum.OK), Blocked: int64(sum.Blocked) + int64(sum.Likely), Down: int64(sum.Down),
		Unclear: int64(sum.Impaired) + int64(sum.Insufficient)}
	n.Reading = read(&sum)
	for i := range spans {
		s := &spans[i]
		if s.asn != asn || !s.may(from, upTo(to)) {
			continue
		}
		if !slices.Contains(t.Events, s.event.ID) {
			t.Events = append(t.Events, s.event.ID)
		}
		if n.Event == "" || weight(s.reading(&sum, from, to)) > weight(n.Reading) { // the ban that says most against the network
			n.Event, n.Reading = s.event.ID, s.reading(&sum, from, to)
		}
	}
	t.Networks = append(t.Networks, n)
	t.OK, t.Blocked, t.Down, t.Unclear, t.Reports = t.OK+n.OK, t.Blocked+n.Blocked, t.Down+n.Down, t.Unclear+n.Unclear, t.Reports+int64(sum.Reports)
}

// weight orders readings by how much they say against the network; larger is more.
func weight(r casefile.Reading) int {
	return slices.Index([]casefile.Reading{casefile.ReadLittle, casefile.ReadOK, casefile.ReadDown, casefile.ReadMixed, casefile.ReadBlocked}, r)
}

// reading returns the reading of a network for a time that touches a ban. Within
// the ban it is blocked. At its edges the measurements decide, but the reading is
// ok only if the ban had surely not begun or was surely over.
func (s *span) reading(sum *series.Cell, from, to time.Time) casefile.Reading {
	whole := !from.IsZero() && !to.IsZero()
	touched := upTo(to).After(s.latest) && (s.endFirst == nil || from.Before(*s.endFirst))
	switch own := read(sum); {
	case whole && s.covers(from, to), sum.Conclude().Accuses():
		return casefile.ReadBlocked
	case !touched:
		return own
	}
	return casefile.ReadMixed
}

// upTo returns t, or a moment after all others where t is zero.
func upTo(t time.Time) time.Time {
	if t.IsZero() {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// read returns the reading of a network's measurements outside of dated bans.
func read(sum *series.Cell) casefile.Reading {
	switch s := sum.Conclude(); {
	case s == "ok":
		return casefile.ReadOK
	case s == "down":
		return casefile.ReadDown
	case s == "insufficient":
		return casefile.ReadLittle
	}
	return casefile.ReadMixed
}

// weighTally compares a claim with the readings of the networks. enough is false
// below the evidence floor; why then says what is missing.
func weighTally(t *tallied, says casefile.Access) (v casefile.Verdict, why string, enough bool) {
	total := t.OK + t.Blocked + t.Down + t.Unclear
	if total == 0 && len(t.Events) == 0 {
		return casefile.Untested, "This archive holds no measurements of that time.", false
	}
	counts := fmt.Sprintf("%s on %s in %s: %d ok, %d blocked, %d down, %d unclear",
		plural(int(total), "measurement"), plural(len(t.Networks), "network"), plural(int(t.Reports), "report"), t.OK, t.Blocked, t.Down, t.Unclear)
	if v, why, enough := t.asOne(says, counts); enough {
		return v, why, enough
	}
	var agree, disagree, open []casefile.NetworkTally
	for _, n := range t.Networks {
		switch {
		case n.Reading == casefile.ReadLittle:
		case n.Reading == casefile.ReadMixed:
			open = append(open, n)
		case agrees(says, n.Reading):
			agree = append(agree, n)
		default:
			disagree = append(disagree, n)
		}
	}
	if len(agree)+len(disagree)+len(open) == 0 {
		return casefile.Untested, fmt.Sprintf("Measured too little to say (%s).", counts), false
	}
	v = weigh(says, len(agree), len(disagree), len(open))
	return v, sayTally(says, agree, disagree, open) + " (" + counts + ").", true
}

// asOne reads all networks as one where none has enough measurements by itself and
// no ban touches the time.
func (t *tallied) asOne(says casefile.Access, counts string) (v casefile.Verdict, why string, enough bool) {
	if len(t.Events) > 0 || slices.ContainsFunc(t.Networks, func(n casefile.NetworkTally) bool { return n.Reading != casefile.ReadLittle }) {
		return "", "", false
	}
	r := read(&t.sum)
	if r == casefile.ReadLittle {
		return "", "", false
	}
	agree, disagree, open := 0, 0, 0
	switch {
	case r == casefile.ReadMixed:
		open = 1
	case agrees(says, r):
		agree = 1
	default:
		disagree = 1
	}
	v = weigh(says, agree, disagree, open)
	return v, fmt.Sprintf("“%s” is %s by all networks read as one, since none has enough of its own (%s).", says, v, counts), true
}

// sayTally says in one sentence on which networks a claim is true.
func sayTally(says casefile.Access, agree, disagree, open []casefile.NetworkTally) string {
	if says == casefile.Partial && len(agree) > 0 && len(disagree) > 0 {
		return fmt.Sprintf("It could be reached %s, and not %s", onNetworks(agree), onNetworks(disagree))
	}
	var parts []string
	add := func(list []casefile.NetworkTally, what string) {
		if len(list) > 0 {
			parts = append(parts, what+" "+onNetworks(list))
		}
	}
	add(disagree, "contradicted")
	add(agree, "supported")
	add(open, "neither supported nor contradicted")
	return fmt.Sprintf("“%s” is %s", says, strings.Join(parts, ", and "))
}

// onNetworks names at most four networks, and the dated bans on them.
func onNetworks(list []casefile.NetworkTally) string {
	const most = 4
	var names, bans []string
	for _, n := range list {
		names = append(names, n.ASN.String())
		if n.Event != "" && !slices.Contains(bans, n.Event) {
			bans = append(bans, n.Event)
		}
	}
	out := "on " + strings.Join(names, ", ")
	if len(names) > most {
		out = fmt.Sprintf("on %d networks (%s and %d more)", len(names), strings.Join(names[:most], ", "), len(names)-most)
	}
	if len(bans) > 0 {
		out += ", where the dated ban " + strings.Join(bans, ", ") + " holds"
	}
	return out
}

// weigh makes a verdict from the numbers of networks that agree, disagree and are
// undecided.
func weigh(says casefile.Access, agree, disagree, open int) casefile.Verdict {
	switch {
	case says == casefile.Partial && agree > 0 && disagree > 0:
		return casefile.Supported
	case says == casefile.Partial && agree > 0:
		return casefile.Mixed // every network measured reaches it; others may not
	case disagree == 0 && open == 0:
		return casefile.Supported
	case agree == 0 && open == 0:
		return casefile.Contradicted
	default:
		return casefile.Mixed
	}
}

// agrees reports whether a network's reading is what the claim says.
func agrees(says casefile.Access, reading casefile.Reading) bool {
	switch says {
	case casefile.Accessible, casefile.Restored, casefile.Partial:
		return reading == casefile.ReadOK
	case casefile.Blocked:
		return reading == casefile.ReadBlocked
	default: // inaccessible, disrupted
		return reading == casefile.ReadBlocked || reading == casefile.ReadDown
	}
}

// publishers names those who publish imported lists.
var publishers = map[ban.Dataset]string{
	ban.KeepItOn: "Access Now, KeepItOn", ban.OONI: "OONI", ban.SFLC: "SFLC.in", ban.Record: "Bandish, records/shared",
}

// listed returns what is reported of the time of a claim by imported lists, by the
// short bans of the record, and by cases of the record without an end. Cases with
// an end are heard by Records.Hear.
func listed(records *casefile.Records, bans []ban.Ban, claim *casefile.AccessClaim, from, to time.Time) []casefile.Heard {
	bearing := casefile.Bears(claim.Says, casefile.Inaccessible)
	if from.IsZero() || to.IsZero() || len(claim.Networks) > 0 || bearing == "" || claim.Says == casefile.Partial || claim.Says == casefile.Disrupted {
		return nil // a ban may have its hours, and lists name no networks
	}
	var out []casefile.Heard
	for i := range bans {
		b := &bans[i]
		if b.CC != claim.CC || b.Target != claim.Target || b.Scope != ban.National {
			continue
		}
		for j := range b.Reports {
			r := &b.Reports[j]
			if !heldThrough(b, r, from, to) {
				continue
			}
			h := casefile.Heard{Bearing: bearing, Why: "By " + r.Origin.Dataset.Words() + " it was blocked " + heldWords(r) + ".", Cites: []casefile.Cite{}}
			if c, cites := cited(records, r); c == nil {
				h.Publishers, h.Strong = []string{publishers[r.Origin.Dataset]}, r.Origin.Dataset == ban.OONI
			} else if c.End != nil {
				continue
			} else {
				h.Case, h.Cites = c.ID, cites
				h = records.Support(c, h)
			}
			out = append(out, h)
		}
	}
	return out
}

// past says what was last reported of the target in the whole country, where
// nothing is reported of the time itself; "" for nothing.
func past(bans []ban.Ban, claim *casefile.AccessClaim, from time.Time) string {
	var last *ban.Ban
	for i := range bans {
		b := &bans[i]
		if b.CC == claim.CC && b.Target == claim.Target && b.Scope == ban.National && saidUntil(b).Before(from) && (last == nil || saidUntil(last).Before(saidUntil(b))) {
			last = b
		}
	}
	switch {
	case last == nil:
		return ""
	case last.Status == ban.Ended && last.End.Equal(last.Start):
		return fmt.Sprintf(" Before that time a ban of one day is reported, %s.", longDay(last.Start))
	case last.Status == ban.Ended:
		return fmt.Sprintf(" Before that time a ban is reported from %s to %s.", longDay(last.Start), longDay(last.End))
	}
	return fmt.Sprintf(" Before that time a ban is reported since %s. It was last reported on %s, which is too long before to speak of that time.", longDay(last.Start), longDay(last.Known))
}

// saidUntil returns the last day of which the reports of a ban say something.
func saidUntil(b *ban.Ban) time.Time {
	if b.Status == ban.Ended {
		return b.End
	}
	return b.Known
}

// cited returns the case of a report of the record (an empty one for a short ban),
// and the sources of its start.
func cited(records *casefile.Records, r *ban.Report) (*casefile.Case, []casefile.Cite) {
	if r.Origin.Dataset != ban.Record {
		return nil, nil
	}
	if c := records.Case(r.Case); c != nil && c.Start != nil && r.Origin.File != "records/shared" {
		return c, slices.Clone(c.Start.Cites)
	}
	for i := range records.Shared.Bans {
		if b := &records.Shared.Bans[i]; b.ID == r.Origin.ID {
			return new(casefile.Case), slices.Clone(b.Cites)
		}
	}
	return nil, nil
}

// heldThrough reports whether a report says that the ban held during all of [from,
// to), or that it still held on a day not long before.
func heldThrough(b *ban.Ban, r *ban.Report, from, to time.Time) bool {
	last := r.Known
	if r.Status == ban.Ended {
		last = r.End
		if !r.EndFrom.IsZero() {
			last = r.EndFrom
		}
	}
	start := r.Start
	if !r.StartBy.IsZero() {
		start = r.StartBy
	}
	if r.Status == ban.Ongoing {
		last = last.Add(lately)
	}
	if b.Status == ban.Ended && last.After(b.End) { // others report the end
		last = b.End
	}
	return start.Before(from) && !to.After(last.AddDate(0, 0, 1))
}

func heldWords(r *ban.Report) string {
	if r.Status == ban.Ended {
		return "from " + longDay(r.Start) + " to " + longDay(r.End)
	}
	return "since " + longDay(r.Start) + ", last said on " + longDay(r.Known)
}

// MeasuredBan returns the measured ban of a case: the first that overlaps the time
// from a week before the reported start to a week after the reported end. It
// returns nil where there is none. Where no end is reported, a ban that began more
// than a week after the case is another ban.
func MeasuredBan(c *casefile.Case, events []event.Event) *casefile.MeasuredBan {
	if c.Start == nil {
		return nil
	}
	const margin = 7 * series.Day
	from, begun := c.Start.Date.Bounds(c.Zone())
	if !from.IsZero() {
		from = from.Add(-margin)
	}
	var to time.Time
	if c.End != nil {
		if _, to = c.End.Date.Bounds(c.Zone()); !to.IsZero() {
			to = to.Add(margin)
		}
	}
	var best *span
	for _, target := range c.Targets {
		for i := range events {
			for _, s := range spansOf(&events[i], target) {
				if to.IsZero() && !begun.IsZero() && s.onset.Earliest != nil && s.onset.Earliest.After(begun.Add(margin)) {
					continue // it worked after the case began, so this is another ban
				}
				if s.may(from, upTo(to)) && (best == nil || s.whole.latest().Before(best.whole.latest())) {
					best = &s
				}
			}
		}
	}
	if best == nil {
		return nil
	}
	return &casefile.MeasuredBan{ID: best.event.ID, Start: window(&best.whole.onset), End: window(best.whole.end)}
}

func window(i *event.Interval) casefile.Window {
	var w casefile.Window
	if i != nil && i.Earliest != nil {
		w.Earliest = *i.Earliest
	}
	if i != nil && i.Latest != nil {
		w.Latest = *i.Latest
	}
	return w
}
