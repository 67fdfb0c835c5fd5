package casefile

import (
	"cmp"
	"slices"
	"time"
)

// From says what an answer or a date rests on.
type From string

// The values of From, the preferred ones first.
const (
	FromMeasurements From = "measurements"
	FromSources      From = "sources"
	FromNothing      From = "none"
)

var froms = []term{
	{string(FromMeasurements), "worked out from measurements in the archive"},
	{string(FromSources), "nobody measured enough; it is what the sources report"},
	{string(FromNothing), "neither measurements nor sources say"},
}

func (From) terms() []term { return froms }

// Turn is a turning point of a ban.
type Turn string

// The turning points, in the order in which a ban usually takes them.
const (
	Recommended    Turn = "recommended"
	Ordered        Turn = "ordered"
	Lost           Turn = "lost"
	Acknowledged   Turn = "acknowledged"
	Admitted       Turn = "admitted"
	RestoreOrdered Turn = "restore_ordered"
	Returned       Turn = "returned"
)

var turns = []term{
	{string(Recommended), "a body advised the ban"},
	{string(Ordered), "an authority asked for it or ordered it"},
	{string(Lost), "access was lost: as measured, else as reported"},
	{string(Acknowledged), "someone of the state first said that it could not be reached"},
	{string(Admitted), "the state first admitted its own part"},
	{string(RestoreOrdered), "a court first ordered access restored"},
	{string(Returned), "access came back: as measured, else as reported"},
}

func (Turn) terms() []term { return turns }

// Clock is the time line of a ban by its turning points.
type Clock struct {
	// Points are the turning points, those without a date too.
	Points []Point `json:"points" rule:"required"`
	// Spans are the days between pairs of them, where both have a date.
	Spans []Span `json:"spans" rule:"required"`
	// Deeds compare orders and announcements with what followed.
	Deeds []Deed `json:"deeds" rule:"required"`
	// StatedTerm is how long the ban was to last.
	StatedTerm *Term `json:"stated_term,omitempty"`
	// Note says what is missing from the clock.
	Note string `json:"note,omitempty"`
}

// Point is one turning point.
type Point struct {
	// Turn is which turning point it is.
	Turn Turn `json:"turn" rule:"required"`
	// Date in EDTF; null when it did not happen or is not known.
	Date Date `json:"date" rule:"required,null"`
	// From is where the date comes from.
	From From `json:"from" rule:"required"`
	// Reported is the date in the sources, where Date is measured.
	Reported Date `json:"reported,omitzero"`
	// Ref is the act, claim or measured ban.
	Ref string `json:"ref,omitempty"`
	// What happened.
	What string `json:"what,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites,omitempty"`
}

// Span is the days from one turning point to another.
type Span struct {
	// From is the first point.
	From Turn `json:"from" rule:"required"`
	// To is the second.
	To Turn `json:"to" rule:"required"`
	// Days between their calendar days, at least; below zero when the second came first.
	Days int64 `json:"days" rule:"required"`
	// AtMost is the most days it can have been, where a date leaves room.
	AtMost *int64 `json:"at_most,omitempty"`
	// Means says it in words.
	Means string `json:"means" rule:"required"`
	// Condition of the order from or to which it is counted, where it named one.
	Condition *Note `json:"condition,omitempty"`
}

// Deed is an order or an announcement and what followed.
type Deed struct {
	// Ref is the act.
	Ref string `json:"ref" rule:"required"`
	// What it said.
	What string `json:"what" rule:"required"`
	// Date of it.
	Date Date `json:"date" rule:"required,null"`
	// Due is the date by which it was to be done, where one was set.
	Due Date `json:"due,omitzero"`
	// Late is the number of days from Due until it was done, at least.
	Late *int64 `json:"late,omitempty"`
	// Condition under which the order held, where it named one. The clock does not
	// say whether it was met.
	Condition *Note `json:"condition,omitempty"`
	// Effect that it should have.
	Effect Effect `json:"effect" rule:"required"`
	// Followed is when access was lost or came back; null when it has not.
	Followed Date `json:"followed" rule:"required,null"`
	// Days from the one to the other, at least; null when either has no date.
	Days *int64 `json:"days" rule:"required,null"`
	// AtMost is the most days it can have been, where a date leaves room.
	AtMost *int64 `json:"at_most,omitempty"`
	// From is where Followed comes from.
	From From `json:"from" rule:"required"`
	// Defied are the ids of acts that do not obey it.
	Defied []string `json:"defied,omitempty"`
}

// Clock computes the turning points of a case: from the measured ban where there is
// one, else from the sources. ban may be nil.
func (r *Records) Clock(c *Case, ban *MeasuredBan) Clock {
	clock := Clock{Spans: []Span{}, Deeds: []Deed{}, StatedTerm: c.StatedTerm}
	lost, returned := accessPoints(c, ban)
	clock.Points = []Point{
		first(c, Recommended, func(a *Act) bool { return a.Kind == "recommendation" && a.Effect == "restrict" }),
		first(c, Ordered, func(a *Act) bool { return (a.Kind == "order" || a.Kind == "request") && a.Effect == "restrict" }),
		lost,
		r.acknowledged(c),
		first(c, Admitted, func(a *Act) bool { return a.Kind == "admission" }),
		first(c, RestoreOrdered, func(a *Act) bool { return a.Effect == "restore" && r.byCourt(c, a) }),
		returned,
	}
	if ban == nil {
		clock.Note = "No measured ban in the archive; the days of loss and return are those of the sources."
	}
	clock.Spans = spans(c, clock.Points)
	clock.Deeds = r.deeds(c, lost, returned)
	return clock
}

// accessPoints returns when access was lost and when it came back.
func accessPoints(c *Case, ban *MeasuredBan) (lost, returned Point) {
	lost, returned = Point{Turn: Lost, From: FromNothing}, Point{Turn: Returned, From: FromNothing}
	if c.Start != nil {
		lost = Point{Turn: Lost, Date: c.Start.Date, From: FromSources, What: c.Start.What, Cites: c.Start.Cites}
	}
	if c.End != nil {
		returned = Point{Turn: Returned, Date: c.End.Date, From: FromSources, What: c.End.What, Cites: c.End.Cites}
	}
	if ban == nil {
		return lost, returned
	}
	lost.Reported, lost.Date, lost.From, lost.Ref = lost.Date, ban.Start.date(c.Zone()), FromMeasurements, ban.ID
	// A ban without an end in the archive may be one whose end nobody measured.
	if !ban.End.Latest.IsZero() {
		returned.Reported, returned.Date, returned.From, returned.Ref = returned.Date, ban.End.date(c.Zone()), FromMeasurements, ban.ID
	}
	return lost, returned
}

// first returns the earliest act that fits, as a turning point; a point without a
// date where there is none.
func first(c *Case, turn Turn, fits func(*Act) bool) Point {
	p := Point{Turn: turn, From: FromNothing}
	var best *Act
	for i := range c.Acts {
		a := &c.Acts[i]
		if a.Withdrawn != nil || a.Date.IsZero() || !concerns(c, a) || !fits(a) {
			continue
		}
		if best == nil || byDate(a.Date, best.Date, c.Zone()) < 0 {
			best = a
		}
	}
	if best == nil {
		return p
	}
	return Point{Turn: turn, Date: best.Date, From: FromSources, Ref: best.ID, What: best.What, Cites: best.Cites}
}

// concerns reports whether the act is about a platform of the case. An act without
// a scope is.
func concerns(c *Case, a *Act) bool {
	if a.Scope == nil {
		return true
	}
	return slices.ContainsFunc(a.Scope.Targets, func(id string) bool { return slices.Contains(c.Targets, id) })
}

func (r *Records) byCourt(c *Case, a *Act) bool {
	return slices.ContainsFunc(a.By, func(id string) bool {
		actor := r.Actor(c, id)
		return actor != nil && (actor.Kind == "court" || actor.Kind == "judge")
	})
}

// acknowledged returns the first admission, or the first claim by somebody of the
// state that the platform could not be reached, whichever is earlier.
func (r *Records) acknowledged(c *Case) Point {
	p := first(c, Acknowledged, func(a *Act) bool { return a.Kind == "admission" })
	for i := range c.Claims {
		k := &c.Claims[i]
		if k.Withdrawn != nil || k.Access == nil || k.Date.IsZero() || !r.ofState(c, k.By) {
			continue
		}
		if k.Access.Says != Blocked && k.Access.Says != Inaccessible {
			continue
		}
		if p.Date.IsZero() || byDate(k.Date, p.Date, c.Zone()) < 0 {
			p = Point{Turn: Acknowledged, Date: k.Date, From: FromSources, Ref: k.ID, What: k.Says, Cites: k.Cites}
		}
	}
	return p
}

func (r *Records) ofState(c *Case, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool {
		a := r.Actor(c, id)
		return a != nil && !a.Private &&
			slices.Contains([]ActorKind{"government", "ministry", "regulator", "agency", "legislature", "office_holder", "person"}, a.Kind)
	})
}

// spans returns the days between the turning points that people ask about.
func spans(c *Case, points []Point) []Span {
	at, condition := map[Turn]Date{}, map[Turn]*Note{}
	for _, p := range points {
		at[p.Turn] = p.Date
		if a := c.Act(p.Ref); a != nil {
			condition[p.Turn] = a.Condition
		}
	}
	out := []Span{}
	for _, s := range []Span{
		{From: Recommended, To: Ordered, Means: "from the recommendation to the order"},
		{From: Ordered, To: Lost, Means: "from the order to the loss of access"},
		{From: Lost, To: Acknowledged, Means: "from the loss of access until someone of the state said so"},
		{From: Lost, To: Admitted, Means: "from the loss of access until the state admitted its part"},
		{From: Lost, To: RestoreOrdered, Means: "from the loss of access until a court ordered it restored"},
		{From: RestoreOrdered, To: Returned, Means: "from the first order to restore until access came back"},
		{From: Lost, To: Returned, Means: "without access"},
	} {
		if least, most := daysBetween(at[s.From], at[s.To], c.Zone()); least != nil {
			s.Days, s.AtMost = *least, most
			s.Condition = cmp.Or(condition[s.From], condition[s.To])
			out = append(out, s)
		}
	}
	return out
}

// daysBetween counts calendar days from one date to another: the fewest possible
// and, where it differs, the most possible. Both are nil where a date is not known.
func daysBetween(a, b Date, zone *time.Location) (least, most *int64) {
	aFirst, ok1 := a.FirstDay(zone)
	aLast, ok2 := a.LastDay(zone)
	bFirst, ok3 := b.FirstDay(zone)
	bLast, ok4 := b.LastDay(zone)
	if !ok2 || !ok3 {
		return nil, nil
	}
	days := func(from, to time.Time) *int64 {
		n := int64(to.Sub(from).Hours() / 24)
		return &n
	}
	least = days(aLast, bFirst)
	if ok1 && ok4 {
		if most = days(aFirst, bLast); *most == *least {
			most = nil
		}
	}
	return least, most
}

// deeds compares every order to restrict, every court order to restore and every
// announced restoration with what followed.
func (r *Records) deeds(c *Case, lost, returned Point) []Deed {
	out := []Deed{}
	for i := range c.Acts {
		a := &c.Acts[i]
		ordered := a.Kind == "order" || a.Kind == "request" || a.Kind == "interim_order" || a.Kind == "judgment"
		announced := a.Kind == "restoration"
		if a.Withdrawn != nil || !concerns(c, a) || !ordered && !announced {
			continue
		}
		d := Deed{Ref: a.ID, What: a.What, Date: a.Date, Due: a.Due, Condition: a.Condition, Effect: a.Effect}
		switch a.Effect {
		case "restrict":
			d.Followed, d.From = lost.Date, lost.From
		case "restore":
			d.Followed, d.From = returned.Date, returned.From
		default:
			continue
		}
		if d.Days, d.AtMost = daysBetween(d.Date, d.Followed, c.Zone()); d.Days != nil && *d.Days < 0 && d.AtMost != nil && *d.AtMost >= 0 {
			*d.Days = 0 // both dates are only limits; what follows cannot come first
		}
		d.Late, _ = daysBetween(d.Due, d.Followed, c.Zone())
		for j := range c.Acts {
			if slices.Contains(c.Acts[j].Defies, a.ID) {
				d.Defied = append(d.Defied, c.Acts[j].ID)
			}
		}
		out = append(out, d)
	}
	return out
}

// Show returns a copy of the case with what is computed for readers: as of the end
// of a day, or with all that is known for a zero day. measured is the measured ban
// that was known then; nil for none.
func (r *Records) Show(c *Case, asOf Date, measured *MeasuredBan) *Case {
	shown := *r.AsOf(c, asOf)
	clock := r.Clock(&shown, measured)
	shown.Computed = &Computed{AsOf: asOf, Chronology: r.Chronology(&shown), Clock: clock, Dockets: shown.dockets(clock.Deeds)}
	return &shown
}
