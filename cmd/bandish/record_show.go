package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/spf13/cobra"
)

func recordShowCommand(env *environment) *cobra.Command {
	day, asJSON := "", false
	c := &cobra.Command{
		Use:               "show ID",
		Short:             "print a case: its clock, chronology, courts, requests and sources",
		Example:           "bandish record show pk-2024-x\nbandish record show pk-2024-x --as-of 2024-03-14",
		Annotations:       map[string]string{argumentsNote: "ID  of a case; `bandish record list` lists them"},
		ValidArgsFunction: firstOf(env.caseValues),
		Args:              oneArg("the id of a case"),
		RunE:              doing(func(ctx context.Context, args []string) error { return recordShow(ctx, env, args[0], day, asJSON) }),
	}
	c.Flags().StringVar(&day, "as-of", "", "show only what was known at the end of that `day`")
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

func recordShow(ctx context.Context, env *environment, id, day string, asJSON bool) error {
	w := env.stdout
	r, c, err := env.openCase(id)
	if err != nil {
		return err
	}
	asOf, err := casefile.ParseDate(day)
	if err != nil {
		return usageError("--as-of: %v", err)
	}
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	shown, _, err := desk.Case(ctx, c, asOf)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, shown)
	}
	p := &printer{w: w, r: r, c: shown}
	p.all()
	return p.err
}

// printer writes a case as text. After the first error it writes nothing more.
type printer struct {
	w   io.Writer
	r   *casefile.Records
	c   *casefile.Case
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) all() {
	c := p.c
	p.line("%s", c.Title)
	p.line("%s · %s · %s · %s", c.ID, c.Jurisdiction, strings.Join(c.Targets, ", "), c.Status)
	if !c.Computed.AsOf.IsZero() {
		p.line("As known at the end of %s. What became known later is left out.", c.Computed.AsOf)
	}
	for _, n := range c.Summary {
		p.line("  %s [%s]", n.Text, p.publishers(n.Cites))
	}
	p.clock()
	p.line("\nCHRONOLOGY")
	for _, e := range c.Computed.Chronology {
		p.entry(e)
	}
	p.courts()
	p.deeds()
	p.disputes()
	p.requests()
	p.sources()
	if len(c.OpenQuestions) > 0 {
		p.line("\nOPEN QUESTIONS")
		for _, q := range c.OpenQuestions {
			p.line("  %s", q)
		}
	}
	p.line("\n%d acts, %d sightings, %d claims, %d rows of requests; all details: --json; answers to the claims: bandish claims --case %s", len(c.Acts), len(c.Sightings), len(c.Claims), len(c.Requests), c.ID)
}

func (p *printer) clock() {
	clock := p.c.Computed.Clock
	p.line("\nCLOCK")
	for _, point := range clock.Points {
		if point.Date.IsZero() {
			p.line("  %-16s not known", point.Turn)
			continue
		}
		from := string(point.From)
		if point.From == casefile.FromSources {
			from = p.publishers(point.Cites)
		}
		p.line("  %-16s %s  [%s]", point.Turn, point.Date, from)
	}
	for _, s := range clock.Spans {
		means := s.Means
		if s.Condition != nil {
			means += "; the order was conditional: " + s.Condition.Text
		}
		p.line("  %5s days %s", dayCount(s.Days, s.AtMost), means)
	}
	if t := clock.StatedTerm; t != nil {
		p.line("  stated term: %s", t.Text)
	}
	if clock.Note != "" {
		p.line("  %s", clock.Note)
	}
}

func dayCount(least int64, most *int64) string {
	if most == nil {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d–%d", least, *most)
}

func (p *printer) entry(e casefile.Entry) {
	date := e.Date.String()
	if date == "" {
		date = "undated"
	}
	marks := ""
	if e.Why != "" {
		marks += ": " + e.Why
	}
	if e.Unread {
		marks += ", SOURCE NOT READ"
	}
	if e.Disputed {
		marks += ", disputed"
	}
	if e.Withdrawn != nil {
		marks += fmt.Sprintf(", WITHDRAWN %s: %s", e.Withdrawn.Date, e.Withdrawn.Reason)
	}
	who := ""
	if a := p.c.Act(e.ID); a != nil && len(a.By) > 0 {
		who = p.r.Names(p.c, a.By)
		if len(a.To) > 0 {
			who += " → " + p.r.Names(p.c, a.To)
		}
		who += ": "
	}
	p.line("  %s  %s (%s)", date, e.Kind, e.ID)
	p.line("      %s%s", who, e.What)
	if a := p.c.Act(e.ID); a != nil {
		p.act(a)
	}
	p.line("      [%s; confidence %s%s]", p.publishers(e.Cites), e.Confidence, marks)
}

// act writes what an act asked for, on what grounds, and how it relates to other acts.
func (p *printer) act(a *casefile.Act) {
	list := func(label string, items []string) {
		if len(items) > 0 {
			p.line("      %s: %s", label, strings.Join(items, "; "))
		}
	}
	text := func(label, s string) {
		if s != "" {
			p.line("      %s: %s", label, s)
		}
	}
	if len(a.AssertedBy) > 0 || a.Inferred != nil {
		text("who says so", p.r.Attribution(p.c, a))
	}
	text("date", a.DateNote)
	text("asked", a.Asked)
	note := func(label string, n *casefile.Note) {
		if n != nil {
			p.line("      %s: %s [%s]", label, n.Text, p.publishers(n.Cites))
		}
	}
	note("operative words", a.Operative)
	note("on condition", a.Condition)
	if a.Term != nil {
		text("for", a.Term.Text)
	}
	text("due", a.Due.String())
	list("grounds", a.Grounds)
	list("legal basis", p.r.LegalBasis(p.c, a.Basis))
	list("answers", a.Answers)
	list("carries out", a.Implements)
	list("repeats", a.Repeats)
	list("contradicts", a.Contradicts)
	list("does not obey", a.Defies)
	list("withdraws", a.Withdraws)
	for _, n := range a.Remarks {
		note("from the bench", &n)
	}
	for _, n := range a.Details {
		p.line("      %s [%s]", n.Text, p.publishers(n.Cites))
	}
}

// publishers names the sources for a reader.
func (p *printer) publishers(cites []casefile.Cite) string {
	var names []string
	for _, cite := range cites {
		s := p.r.Source(p.c, cite.Source)
		if s == nil {
			continue
		}
		name := s.Publisher
		if !s.Date.IsZero() {
			name += " " + s.Date.String()
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "; ")
}

func (p *printer) courts() {
	if len(p.c.Dockets) == 0 {
		return
	}
	p.line("\nCOURTS")
	for _, d := range p.c.Dockets {
		number := "number not known"
		if d.Number != nil {
			number = *d.Number
		}
		if d.Name != "" {
			number = d.Name + ", " + number
		}
		p.line("  %s (%s), %s", p.r.Name(p.c, d.Court), d.ID, strings.Join(append([]string{number}, d.Numbers...), ", "))
		p.parties(&d)
		for _, a := range p.c.Hearings(d.ID) {
			next := ""
			if !a.Next.IsZero() {
				next = ", put off to " + a.Next.String()
			}
			p.line("      %s  %s (%s)%s", a.Date, a.Kind, a.ID, next)
		}
		if d.Outcome != nil {
			ended := "outcome"
			if d.Disposition != "" {
				ended = fmt.Sprintf("%s, %s", d.Disposition, d.Disposed)
			}
			p.line("      %s: %s [%s]", ended, d.Outcome.Text, p.publishers(d.Outcome.Cites))
		}
	}
}

// parties writes who the parties before the court are, and what they ask for.
func (p *printer) parties(d *casefile.Docket) {
	if len(d.Petitioners) > 0 {
		p.line("      brought by %s", strings.Join(d.Petitioners, ", "))
	}
	if len(d.Respondents) > 0 {
		p.line("      against %s", p.r.Names(p.c, d.Respondents))
	}
	for _, party := range d.Parties {
		name := party.Name
		if party.Who != "" {
			name = p.r.Name(p.c, party.Who)
		}
		p.line("      %s: %s %s", party.Role, name, party.Note)
	}
	for _, k := range d.Counsel {
		p.line("      counsel for %s: %s %s", k.For, k.Name, k.Office)
	}
	if len(d.Consolidated) > 0 {
		p.line("      heard together with %s", strings.Join(d.Consolidated, ", "))
	}
	if len(d.Judges) > 0 {
		p.line("      before %s", p.r.Names(p.c, d.Judges))
	}
	if d.Relief != "" {
		p.line("      relief sought: %s", d.Relief)
	}
	if d.InterimRelief != "" {
		p.line("      until judgment: %s", d.InterimRelief)
	}
	for _, n := range d.Notes {
		p.line("      %s [%s]", n.Text, p.publishers(n.Cites))
	}
}

// deeds writes orders and announcements beside what followed.
func (p *printer) deeds() {
	if len(p.c.Computed.Clock.Deeds) == 0 {
		return
	}
	p.line("\nORDERS AND ANNOUNCEMENTS AGAINST WHAT FOLLOWED")
	for _, d := range p.c.Computed.Clock.Deeds {
		days := "it has not happened"
		if d.Days != nil {
			days = dayCount(*d.Days, d.AtMost) + " days later, by " + string(d.From)
		}
		if d.Late != nil && *d.Late > 0 {
			days += fmt.Sprintf(", %d days after it was due", *d.Late)
		}
		if d.Condition != nil {
			days += "; conditional: " + d.Condition.Text
		}
		p.line("  %s of %s was to %s access: %s", d.Ref, d.Date, d.Effect, days)
	}
}

func (p *printer) disputes() {
	if len(p.c.Disputes) == 0 {
		return
	}
	p.line("\nDISPUTED")
	for _, d := range p.c.Disputes {
		p.line("  %s", d.Question)
		for _, pos := range d.Positions {
			p.line("      - %s [%s]", pos.Says, p.publishers(pos.Cites))
		}
	}
}

func (p *printer) requests() {
	if len(p.c.Requests) == 0 {
		return
	}
	p.line("\nREQUESTS TO PLATFORMS, AS EACH SIDE COUNTS THEM")
	count := func(n *int64) string {
		if n == nil {
			return "?"
		}
		return fmt.Sprint(*n)
	}
	for _, q := range p.c.Requests {
		rate := ""
		if q.RatePercent != nil {
			rate = fmt.Sprintf(", %v %% by its reporter", *q.RatePercent)
		}
		p.line("  %s  %s → %s, %s (%s), counted by %s: %s sent, %s complied, %s rejected, %s pending%s [%s]", q.Period, p.r.Name(p.c, q.Authority), q.Platform,
			q.Level, q.Counter, p.r.Name(p.c, q.ReportedBy), count(q.Sent), count(q.Complied), count(q.Rejected), count(q.Pending), rate, p.publishers(q.Cites))
		if q.Note != "" {
			p.line("      %s", q.Note)
		}
	}
}

// sources writes the sources that the case cites, shared ones included.
func (p *printer) sources() {
	var ids []string
	for _, cite := range casefile.Cites(p.c) {
		if !slices.Contains(ids, cite.Source) {
			ids = append(ids, cite.Source)
		}
	}
	slices.Sort(ids)
	p.line("\nSOURCES, WITH THEIR RELIABILITY FROM A TO F")
	for _, id := range ids {
		s := p.r.Source(p.c, id)
		if s == nil {
			continue
		}
		date, where := s.Date.String(), "no address"
		if date == "" {
			date = "undated"
		}
		if s.URL != nil {
			where = *s.URL
		}
		p.line("  %s %s: %s, %s, %s", s.Reliability, s.ID, s.Publisher, date, where)
	}
}
