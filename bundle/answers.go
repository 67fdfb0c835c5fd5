package bundle

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
)

// The kinds of answers: AnswerOfPair says how a target stands in a country,
// AnswerToClaim answers a claim of a case.
const (
	AnswerOfPair  = "answer" // how a target stands in a country
	AnswerToClaim = "claim"  // of a case
)

// ReportedBan is a ban that others report, of a target that an answer is about. It
// holds what answers use of a ban.Ban.
type ReportedBan struct {
	ID       string     `json:"id"`
	CC       string     `json:"probe_cc"`
	Target   string     `json:"target"`
	Method   ban.Method `json:"method"`
	Scope    ban.Scope  `json:"scope"`
	Area     string     `json:"area"`
	Dates    Dates      `json:"dates"`
	Disputes []string   `json:"disputes"`
	Reports  []Said     `json:"reports"`
}

// Dates are the dates of a reported ban, with the meaning of ban.Report's fields.
// Days are midnight UTC.
type Dates struct {
	Start   time.Time  `json:"start"`
	StartBy time.Time  `json:"start_by,omitzero"`
	End     time.Time  `json:"end,omitzero"`
	EndFrom time.Time  `json:"end_from,omitzero"`
	Status  ban.Status `json:"status"`
	Known   time.Time  `json:"known"`
}

// Said is one report of a reported ban.
type Said struct {
	Origin ban.Origin `json:"origin"`
	Case   string     `json:"case"`
	Dates  Dates      `json:"dates"`
}

// ReportedBanOf takes from a reported ban what answers use.
func ReportedBanOf(b *ban.Ban) ReportedBan {
	out := ReportedBan{ID: b.ID, CC: b.CC, Target: b.Target, Method: b.Method, Scope: b.Scope, Area: b.Area, Disputes: append([]string{}, b.Disputes...), Reports: []Said{},
		Dates: Dates{b.Start, b.StartBy, b.End, b.EndFrom, b.Status, b.Known}}
	for i := range b.Reports {
		r := &b.Reports[i]
		out.Reports = append(out.Reports, Said{r.Origin, r.Case, Dates{r.Start, r.StartBy, r.End, r.EndFrom, r.Status, r.Known}})
	}
	return out
}

func (r *ReportedBan) ban() ban.Ban {
	d := r.Dates
	out := ban.Ban{ID: r.ID, CC: r.CC, Target: r.Target, Method: r.Method, Scope: r.Scope, Area: r.Area, Disputes: r.Disputes,
		Start: d.Start, StartBy: d.StartBy, End: d.End, EndFrom: d.EndFrom, Status: d.Status, Known: d.Known}
	for _, s := range r.Reports {
		out.Reports = append(out.Reports, ban.Report{Origin: s.Origin, Case: s.Case, CC: r.CC, Targets: []string{r.Target}, Method: r.Method, Scope: r.Scope,
			Start: s.Dates.Start, StartBy: s.Dates.StartBy, End: s.Dates.End, EndFrom: s.Dates.EndFrom, Status: s.Dates.Status, Known: s.Dates.Known})
	}
	return out
}

// NewAnswer answers how a target stands in a country at q.At, in the form that a
// bundle encloses. Nothing in it depends on the day on which it is made: q.Now is
// ignored.
func NewAnswer(q answer.Question, ev answer.Evidence) (Answer, error) {
	q.Now = q.At
	a := answer.Of(q, ev)
	doc, err := json.Marshal(a)
	return Answer{Kind: AnswerOfPair, ID: fmt.Sprintf("%s/%s@%s", q.CC, q.Target, a.LastDay().Format(time.DateOnly)), CC: q.CC, Target: q.Target, State: string(a.State), Sentence: a.Sentence,
		Event: a.Event, Evidence: append([]string{}, a.Evidence...), Document: string(doc)}, err
}

// NewClaim puts the answer to a claim of a case into the form that a bundle
// encloses.
func NewClaim(c *casefile.Case, a *casefile.Answer) (Answer, error) {
	doc, err := json.Marshal(a)
	return Answer{Kind: AnswerToClaim, ID: c.ID + "/" + a.Claim, CC: c.Jurisdiction, Target: strings.Join(c.Targets, ","), State: string(a.Verdict), Sentence: a.Says + ": " + a.Reason, Evidence: []string{}, Document: string(doc)}, err
}

// evidence is what answers are concluded from in a check: what is enclosed and,
// where the detector can run on all of it, the dated bans that it finds.
type evidence struct {
	c     *Contents
	found map[string][]event.Event // by country; only countries on all of whose cells the detector ran
}

// Evidence implements answer.Archive.
func (e *evidence) Evidence(_ context.Context, cc, target string, _ time.Time) (answer.Evidence, error) {
	ev := answer.Evidence{Ruleset: e.c.State.Ruleset}
	var own []series.Cell
	for _, x := range e.c.Days {
		if x.CC == cc && x.Target == target {
			own = append(own, x)
		}
	}
	counts := slices.DeleteFunc(slices.Clone(e.c.Counts), func(x derivation.PublishedCount) bool { return x.CC != cc || x.Target != target })
	ev.Days = derivation.Beside(own, derivation.PublishedCells(counts))
	list, whole := e.found[cc]
	if !whole {
		list = e.c.Events
	}
	for i := range list {
		if list[i].CC == cc && list[i].Concerns(target) {
			ev.Events = append(ev.Events, list[i])
		}
	}
	for i := range e.c.Events { // signals are not enclosed, so the detector cannot find these here
		if x := &e.c.Events[i]; whole && x.CC == cc && x.SeenDark() {
			ev.Events = append(ev.Events, *x)
		}
	}
	for i := range e.c.Reported {
		if r := &e.c.Reported[i]; r.CC == cc && r.Target == target {
			ev.Bans = append(ev.Bans, r.ban())
		}
	}
	return ev, nil
}

// Cells implements answer.Archive.
func (e *evidence) Cells(_ context.Context, cc, target string, from, to, _ time.Time) ([]series.Cell, error) {
	cells, first := e.c.Days, from.Truncate(series.Day)
	if answer.Hourly(from, to) {
		cells, first = e.c.hours(cc), from
	}
	var out []series.Cell
	for _, x := range cells {
		if x.CC == cc && x.Target == target && x.Layer == series.Whole && (from.IsZero() || x.Start >= first.Unix()) && (to.IsZero() || x.Start < to.Unix()) {
			out = append(out, x)
		}
	}
	return out, nil
}

// again makes an enclosed answer again from the evidence.
func (e *evidence) again(a *Answer) (Answer, error) {
	var doc answer.Answer
	if err := json.Unmarshal([]byte(a.Document), &doc); err != nil {
		return Answer{}, err
	}
	ev, err := e.Evidence(context.Background(), a.CC, a.Target, time.Time{})
	if err != nil {
		return Answer{}, err
	}
	ev.Cases = doc.Cases
	return NewAnswer(answer.Question{CC: a.CC, Country: doc.Country, Target: a.Target, Name: doc.Name, At: doc.At}, ev)
}

// claims answers the claims of the enclosed cases again. Keys are ids of answers.
func (e *evidence) claims(in io.ReaderAt, size int64) (map[string]Answer, error) {
	z, err := zip.NewReader(in, size)
	if err != nil {
		return nil, err
	}
	folder, err := fs.Sub(z, "records")
	if err != nil {
		return nil, err
	}
	rec, err := casefile.Load(folder, "records")
	if err != nil {
		return nil, err
	}
	out := map[string]Answer{}
	for _, c := range rec.Cases {
		list, err := answer.Claims(context.Background(), rec, c, casefile.Date{}, e)
		if err != nil {
			return nil, err
		}
		for i := range list {
			a, err := NewClaim(c, &list[i])
			if err != nil {
				return nil, err
			}
			out[a.ID] = a
		}
	}
	return out, nil
}

// manyAnswers is the number of answers up to which a check has a line for each.
const manyAnswers = 3

// answers makes the enclosed answers again and compares.
func (r *Result) answers(in io.ReaderAt, size int64, c *Contents, found map[string][]event.Event) {
	if len(c.Answers) == 0 {
		return
	}
	e := &evidence{c: c, found: found}
	var claims map[string]Answer
	if slices.ContainsFunc(c.Answers, func(a Answer) bool { return a.Kind == AnswerToClaim }) {
		var err error
		if claims, err = e.claims(in, size); err != nil {
			r.wrong([]string{err.Error()}, "the enclosed record can be read, so that its claims can be answered again")
			return
		}
	}
	var wrong []string
	var same, other []*Answer
	for i := range c.Answers {
		a := &c.Answers[i]
		mine, have := claims[a.ID]
		if a.Kind == AnswerOfPair {
			var err error
			if mine, err = e.again(a); err != nil {
				wrong = append(wrong, fmt.Sprintf("%s: %v", a.ID, err))
				continue
			}
			have = true
		}
		switch {
		case a.Kind != AnswerOfPair && !have:
			wrong = append(wrong, a.ID+": the enclosed record has no such claim")
		case text(a) == text(mine):
			same = append(same, a)
		case c.State.Answers != answer.Version || c.State.Detector != event.Version:
			other = append(other, a)
		default:
			wrong = append(wrong, fmt.Sprintf("%s: %s", a.ID, answerDifference(a, &mine)))
		}
	}
	if len(wrong) > 0 {
		r.wrong(wrong, "the answers follow from the counts, dated bans, reports and records that are enclosed")
	}
	const again = "concluded again here, it has the same state, dates, counts and words"
	if n := len(same); n > manyAnswers {
		r.proved("%d answers follow from the counts, dated bans, reports and records that are enclosed: concluded again here, they have the same states, dates, counts and words; %s has them", n, answersName)
	} else {
		for _, a := range same {
			r.proved("the answer %s follows from the counts, dated bans, reports and records that are enclosed: %s: %s", a.ID, again, a.Sentence)
		}
	}
	for _, a := range other {
		mine, have := claims[a.ID]
		if !have {
			mine, _ = e.again(a)
		}
		r.open(fmt.Sprintf("it was concluded by %s with %s, and this program has %s with %s, which concludes %s (%s)", c.State.Answers, c.State.Detector, answer.Version, event.Version, mine.State, answerDifference(a, &mine)),
			"the answer %s follows from what is enclosed: %s", a.ID, a.Sentence)
	}
	r.reported(c)
}

// answerDifference says where two answers differ.
func answerDifference(enclosed, mine *Answer) string {
	if enclosed.Document == mine.Document {
		return firstDifference([]Answer{*enclosed}, []Answer{*mine})
	}
	return firstDifference([]json.RawMessage{json.RawMessage(enclosed.Document)}, []json.RawMessage{json.RawMessage(mine.Document)})
}

// reported says which evidence for answers the check takes as it is enclosed.
func (r *Result) reported(c *Contents) {
	lists := map[ban.Dataset]bool{}
	for i := range c.Reported {
		for _, s := range c.Reported[i].Reports {
			lists[s.Origin.Dataset] = true
		}
	}
	if len(lists) == 0 {
		return
	}
	var names []string
	for d := range lists {
		names = append(names, d.Words())
	}
	slices.Sort(names)
	r.open("taken as it is enclosed: it was read from "+strings.Join(names, ", ")+"; each report names the file and row, or the case, from which it was read", "what others report of %d bans is so", len(c.Reported))
}
