package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/request"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// object is an answer that is one value.
type object[T any] struct{ Body T }

// none is the input of an endpoint without parameters.
type none struct{}

// Place holds the parameters for country and target.
type Place struct {
	Country string `query:"country" maxLength:"2" doc:"Two letters of ISO 3166-1, as PK." example:"PK"`
	Target  string `query:"target" maxLength:"253" doc:"A platform by any of its names, or a host: x, twitter, telegram.org." example:"x"`
}

// Networks holds the parameter for networks.
type Networks struct {
	Network []string `query:"network" maxItems:"100" doc:"AS numbers, as AS17557 or 17557, separated by commas." example:"AS17557"`
}

// Period holds the parameters for a time: Since is inclusive, Until exclusive, but a day
// as Until is included.
type Period struct {
	Since string `query:"since" maxLength:"40" doc:"The first day (2024-02-17), or a time (RFC 3339)." example:"2024-02-17"`
	Until string `query:"until" maxLength:"40" doc:"The last day, or a time (RFC 3339), which is not included." example:"2024-02-20"`
}

// KnownOn holds the parameter for the day whose knowledge is used.
type KnownOn struct {
	AsOf string `query:"as-of" maxLength:"10" doc:"Only what was known at the end of this day, as 2024-03-13." example:"2024-03-13"`
}

func invalid(name, value, want string) error {
	return huma.Error422UnprocessableEntity(fmt.Sprintf("%s is %q: want %s.", name, value, want))
}

// countryOf reads a country code into capitals; "" stays "". An unknown code is a 422.
func countryOf(code string) (string, error) {
	cc := strings.ToUpper(code)
	if cc != "" && !casefile.KnownCountry(cc) {
		return "", invalid("country", code, "two letters of ISO 3166-1, as PK")
	}
	return cc, nil
}

// filterOf reads country, target, networks and period into a filter. A mistake is a 422,
// an unknown target inquiry.UnknownTarget.
func (s *Server) filterOf(ctx context.Context, p Place, n Networks, t Period) (f store.Filter, err error) {
	if f.CC, err = countryOf(p.Country); err != nil {
		return f, err
	}
	if p.Target != "" {
		if f.Target, err = s.Desk.Target(ctx, p.Target); err != nil {
			return f, err
		}
	}
	if f.ASNs, err = n.asns(); err != nil {
		return f, err
	}
	if f.Since, err = momentOf("since", t.Since, 0); err != nil {
		return f, err
	}
	if f.Until, err = momentOf("until", t.Until, 1); err != nil {
		return f, err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return f, huma.Error422UnprocessableEntity("since is not before until: exchange them.")
	}
	return f, nil
}

func (n Networks) asns() (out []uint32, err error) {
	for _, word := range n.Network {
		asn, err := network.ParseASN(strings.TrimSpace(word))
		if err != nil {
			return nil, invalid("network", word, "an AS number, as AS17557")
		}
		out = append(out, uint32(asn))
	}
	return out, nil
}

// momentOf reads a day or a time (RFC 3339). A day becomes the start of the day that is
// `days` days later; "" becomes the zero time.
func momentOf(name, text string, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.AddDate(0, 0, days), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, invalid(name, text, "a day as 2024-02-17, or a time as 2024-02-17T10:00:00Z")
	}
	return t.UTC(), nil
}

// endOf reads a day and returns its end; "" becomes the zero time.
func endOf(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, invalid(name, text, "a day as 2024-02-17")
	}
	return t.AddDate(0, 0, 1), nil
}

// headersOf describes the headers of all answers.
func headersOf() map[string]*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	return map[string]*huma.Param{
		"ETag":             {Description: "Give it back in If-None-Match", Schema: text},
		"RateLimit":        {Description: "Requests that are left in this minute (r) and the seconds to its end (t)", Schema: text},
		"RateLimit-Policy": {Description: "Requests that a client may make a minute (q)", Schema: text},
	}
}

// operation begins the description of an endpoint. failures are its own error statuses,
// besides those that all endpoints have.
func (s *Server) operation(path, name, summary, text, tag, example string, failures []int) huma.Operation {
	failures = append(failures, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusTooManyRequests)
	slices.Sort(failures)
	return huma.Operation{
		OperationID: name, Method: http.MethodGet, Path: Prefix + path, Summary: summary, Description: text, Tags: []string{tag}, Errors: slices.Compact(failures),
		Extensions: map[string]any{"x-example": Prefix + example}, RejectUnknownQueryParameters: true,
		Responses: map[string]*huma.Response{"304": {Description: "The client has this answer: If-None-Match names it."}},
	}
}

// addObject registers an endpoint whose answer is one value; of makes it.
func addObject[I, T any](s *Server, path, name, summary, text, tag, example string, failures []int, of func(ctx context.Context, in *I) (T, error)) {
	op := s.operation(path, name, summary, text, tag, example, failures)
	op.Responses["200"] = &huma.Response{Description: "The answer", Headers: headersOf()}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*object[T], error) {
		v, err := of(ctx, in)
		if err != nil {
			return nil, s.failure(ctx, Prefix+path, err)
		}
		return &object[T]{v}, nil
	})
}

// The tags of the document, in its order.
const (
	tagAnswers  = "Answers"
	tagMeasured = "What was measured"
	tagRecord   = "The record"
	tagBans     = "Bans"
	tagAbout    = "About"
	tagFiles    = "Files"
)

var notFoundToo = []int{http.StatusNotFound}

// register registers all endpoints except those of files.
func (s *Server) register() {
	s.registerAnswers()
	s.registerMeasured()
	s.registerRecord()
	s.registerBans()
	addList(s, listing[hit]{"/search", "search", "Search the record and the archived sources", "All words must be found; \"a phrase\", -not and field:word are understood. The best 1000 hits, best first.", tagAbout, "/search?q=imran+khan", nil}, nil, s.search)
	addObject(s, "/rules", "rules", "The rules that judge measurements", "", tagAbout, "/rules", nil, func(context.Context, *none) (rulesBody, error) {
		return rulesBody{verdict.Ruleset, verdict.Listing()}, nil
	})
	addList(s, listing[inquiry.Change]{"/changes", "changes", "What began, ended or was done", "When dated bans began and ended, and the acts of the record, the newest first. since and until narrow the list. The feeds of the site show the same.", tagAnswers, "/changes?country=PK", notFoundToo}, nil, s.changes)
}

type rulesBody struct {
	Ruleset string           `json:"ruleset"`
	Rules   []verdict.Listed `json:"rules"`
}

// Asked holds the day that a question is about, and the day whose knowledge is used.
type Asked struct {
	KnownOn
	At string `query:"at" maxLength:"10" doc:"The day that is asked about, with all that is known now, as 2024-03-13." example:"2024-03-13"`
}

// times returns the ends of the two days; zero for one that is not named.
func (in Asked) times() (at, known time.Time, err error) {
	if at, err = endOf("at", in.At); err == nil {
		known, err = endOf("as-of", in.AsOf)
	}
	return at, known, err
}

type answerInput struct {
	Place
	Networks
	Asked
	Since string `query:"since" maxLength:"10" doc:"First day of the timeline, as 2024-02-01."`
}

// askOf reads the question that an answer is for.
func (s *Server) askOf(ctx context.Context, in *answerInput) (ask inquiry.Ask, err error) {
	f, err := s.filterOf(ctx, in.Place, in.Networks, Period{Since: in.Since})
	if err != nil {
		return ask, err
	}
	ask = inquiry.Ask{CC: f.CC, Target: f.Target, ASNs: f.ASNs, Since: f.Since}
	ask.At, ask.Known, err = in.times()
	return ask, err
}

func (s *Server) registerAnswers() {
	addObject(s, "/answer", "answer", "Is it blocked?", "How a platform stands in a country: state, since when, on which networks, by which means, on what evidence, with the days. The value that /cc/PK/x shows (docs/formats/answer.md).", tagAnswers, "/answer?country=PK&target=x", notFoundToo,
		func(ctx context.Context, in *answerInput) (*inquiry.Answered, error) {
			ask, err := s.askOf(ctx, in)
			if err != nil {
				return nil, err
			}
			if ask.CC == "" || ask.Target == "" {
				return nil, huma.Error422UnprocessableEntity("country and target are both needed: /api/v1/answer?country=PK&target=x. All targets of a country, or all countries of a target, stand in /api/v1/answers.")
			}
			return s.Desk.Answer(ctx, ask)
		})
	type answersInput struct {
		Paging
		Place
		Asked
	}
	addList(s, listing[answer.Answer]{"/answers", "answers", "All answers of a country or of a target", "With country: every target that was measured or reported blocked there. With target: every country. With neither: all that is blocked now, or was on the day.", tagAnswers, "/answers?country=PK", notFoundToo}, nil,
		func(ctx context.Context, in *answersInput) (out rows[answer.Answer], err error) {
			ask, err := s.askOf(ctx, &answerInput{Place: in.Place, Asked: in.Asked})
			switch {
			case err != nil:
			case ask.CC != "" && ask.Target != "":
				err = huma.Error422UnprocessableEntity("country or target, not both: one answer stands in /api/v1/answer.")
			case ask.CC != "":
				out.list, err = s.Desk.InCountry(ctx, ask.CC, ask.At, ask.Known)
			case ask.Target != "":
				out.list, err = s.Desk.OfTarget(ctx, ask.Target, ask.At, ask.Known)
			default:
				out.list, err = s.Desk.BlockedOn(ctx, ask.At, ask.Known)
			}
			return out, err
		})
	type checkInput struct {
		Place
		At    string `query:"at" required:"true" maxLength:"40" doc:"A day or a span in EDTF: 2024-03-13, 2024-03-13/2024-03-20." example:"2024-03-13"`
		Claim string `query:"claim" required:"true" maxLength:"40" doc:"What was said of access, as accessible or blocked; /check?format=json lists the words." example:"accessible"`
	}
	addObject(s, "/check", "check", "Was it true?", "Holds a statement about access to a platform against the measurements and the record.", tagAnswers, "/check?country=PK&target=x&at=2024-03-13&claim=accessible", notFoundToo,
		func(ctx context.Context, in *checkInput) (casefile.Answer, error) {
			f, err := s.filterOf(ctx, in.Place, Networks{}, Period{})
			if err != nil {
				return casefile.Answer{}, err
			}
			if f.CC == "" || f.Target == "" {
				return casefile.Answer{}, huma.Error422UnprocessableEntity("country and target are both needed, as country=PK&target=x.")
			}
			claim := casefile.AccessClaim{CC: f.CC, Target: f.Target}
			if claim.At, err = casefile.ParseDate(in.At); err != nil || claim.At.IsZero() {
				return casefile.Answer{}, invalid("at", in.At, "a day as 2024-03-13, or two as 2024-03-13/2024-03-20")
			}
			if claim.Says, err = casefile.ParseAccess(in.Claim); err != nil {
				return casefile.Answer{}, huma.Error422UnprocessableEntity("claim: " + err.Error() + ".")
			}
			return s.Desk.Check(ctx, claim)
		})
	type summariesInput struct {
		Paging
		Asked
	}
	summaries := func(of func(ctx context.Context, at, known time.Time) ([]inquiry.Summary, error)) func(context.Context, *summariesInput) (rows[inquiry.Summary], error) {
		return func(ctx context.Context, in *summariesInput) (out rows[inquiry.Summary], err error) {
			at, known, err := in.times()
			if err == nil {
				out.list, err = of(ctx, at, known)
			}
			return out, err
		}
	}
	addList(s, listing[inquiry.Summary]{"/countries", "countries", "Countries of which anything is known", "", tagAnswers, "/countries", nil}, nil, summaries(s.Desk.Countries))
	addList(s, listing[inquiry.Summary]{"/platforms", "platforms", "Platforms and sites of which anything is known", "", tagAnswers, "/platforms", nil}, nil, summaries(s.Desk.Platforms))
	addObject(s, "/platforms/{target}", "platform", "What makes up a platform", "Its names, hosts and endpoints in the registry (docs/formats/targets.md).", tagAnswers, "/platforms/x", notFoundToo, func(ctx context.Context, in *struct {
		Target string `path:"target" maxLength:"253"`
	}) (target.Platform, error) {
		id, err := s.Desk.Target(ctx, in.Target)
		if err != nil {
			return target.Platform{}, err
		}
		p, ok := s.Targets.Platform(id)
		if !ok {
			return target.Platform{}, huma.Error404NotFound(id + " is a site that no platform of the registry claims: it stands for itself. Its answers stand in /api/v1/answers?target=" + id + ".")
		}
		return *p, nil
	})
	addList(s, listing[store.Measured]{"/networks", "networks", "Networks from which anything was measured", "", tagAnswers, "/networks", nil}, nil, func(ctx context.Context, _ *struct{ Paging }) (rows[store.Measured], error) {
		if s.Store == nil {
			return rows[store.Measured]{}, nil
		}
		list, err := s.Store.Networks(ctx)
		return rows[store.Measured]{list: list}, err
	})
	addObject(s, "/networks/{network}", "network", "What one network blocks", "", tagAnswers, "/networks/AS17557", notFoundToo, func(ctx context.Context, in *struct {
		Network string `path:"network" maxLength:"12" example:"AS17557"`
		Asked
	}) (inquiry.Network, error) {
		asns, err := Networks{[]string{in.Network}}.asns()
		if err != nil {
			return inquiry.Network{}, err
		}
		at, known, err := in.times()
		if err != nil {
			return inquiry.Network{}, err
		}
		n, measured, err := s.Desk.Network(ctx, asns[0])
		if measured && err == nil && (in.At != "" || in.AsOf != "") {
			n, err = s.Desk.NetworkOn(ctx, asns[0], at, known)
		}
		if err == nil && !measured {
			err = huma.Error404NotFound("This archive holds no measurements from " + network.Name(asns[0]) + ". /api/v1/networks lists those that it has.")
		}
		return n, err
	})
}

func (s *Server) registerMeasured() {
	type Where struct {
		Paging
		Place
		Networks
		Period
	}
	inside := func(f *store.Filter, asn uint32, at time.Time) bool {
		return (len(f.ASNs) == 0 || slices.Contains(f.ASNs, asn)) && (f.Since.IsZero() || !at.Before(f.Since)) && (f.Until.IsZero() || at.Before(f.Until))
	}
	addList(s, listing[verdict.Row]{"/verdicts", "verdicts", "Measurements with their verdicts", "One row a measurement, oldest day first (columns: docs/formats/columns.md). Rows with invalid or marks are kept and do not vote.", tagMeasured, "/verdicts?country=PK&target=x&since=2024-02-17&until=2024-02-18", notFoundToo}, asParquet[verdict.Row],
		func(ctx context.Context, in *struct {
			Where
			State []string `query:"state" maxItems:"6" doc:"States, separated by commas." enum:"blocked,likely_blocked,impaired,down,ok,insufficient"`
			Test  string   `query:"test_name" maxLength:"64" doc:"Test, as web_connectivity."`
		}) (rows[verdict.Row], error) {
			f, err := s.filterOf(ctx, in.Place, in.Networks, in.Period)
			return rows[verdict.Row]{view: "verdicts", filter: f, keep: func(r *verdict.Row) bool {
				return inside(&f, r.ASN, r.Time) && (len(in.State) == 0 || slices.Contains(in.State, string(r.State))) && (in.Test == "" || r.TestName == in.Test)
			}}, err
		})
	addObject(s, "/verdicts/{uid}", "evidence", "One measurement with its evidence", "The verdict, the rules that fired, and what happened at each step beside what the control saw. OONI's document itself stands at /api/v1/raw_measurement?measurement_uid=.", tagMeasured, "/verdicts/20240217101112.000000_ZZ_webconnectivity_0000000000000000", notFoundToo,
		func(ctx context.Context, in *struct {
			UID     string `path:"uid" maxLength:"200"`
			Content string `query:"content" maxLength:"20" pattern:"^[0-9]*$" doc:"Of several documents under one uid, the one with this content hash."`
		}) (inquiry.Measurement, error) {
			m, ok, err := s.Desk.Measurement(ctx, in.UID, in.Content)
			if err == nil && !ok {
				err = huma.Error404NotFound("The archive has no measurement of this uid.")
			}
			return m, err
		})
	addList(s, listing[observation.Row]{"/observations", "observations", "Observations", "One row an endpoint: what happened at each step, what the control saw.", tagMeasured, "/observations?country=PK&target=x&since=2024-02-17&until=2024-02-17", notFoundToo}, asParquet[observation.Row],
		func(ctx context.Context, in *struct {
			Where
			UID string `query:"measurement_uid" maxLength:"200" doc:"Those of one measurement."`
		}) (rows[observation.Row], error) {
			f, err := s.filterOf(ctx, in.Place, in.Networks, in.Period)
			return rows[observation.Row]{view: "observations", filter: f, keep: func(r *observation.Row) bool {
				return inside(&f, r.ASN, r.Time) && (in.UID == "" || r.UID == in.UID)
			}}, err
		})
	addList(s, listing[series.Cell]{"/cells", "cells", "Counts and votes by target, country, network and day or hour", "Counts are of measurements, for showing; votes are what conclusions rest on: thousandths, one report at most 1000 a day.", tagMeasured, "/cells?country=PK&target=x", notFoundToo}, asParquet[series.Cell],
		func(ctx context.Context, in *struct {
			Where
			Span  string `query:"span" enum:"day,hour" doc:"The default is day."`
			Layer string `query:"layer" enum:"dns,tcp,tls,http,quic,app" doc:"Counts of one layer, by day; without it those of whole measurements."`
		}) (rows[series.Cell], error) {
			f, err := s.filterOf(ctx, in.Place, in.Networks, in.Period)
			view := "cells"
			switch {
			case err == nil && in.Span == "hour" && in.Layer != "":
				err = huma.Error422UnprocessableEntity("layers are counted by day: leave span out, or layer.")
			case in.Span == "hour":
				view = "hours"
			case in.Layer != "":
				view = "layers"
			}
			return rows[series.Cell]{view: view, filter: f, keep: func(c *series.Cell) bool {
				return c.Layer == in.Layer && inside(&f, c.ASN, time.Unix(c.Start, 0))
			}}, err
		})
	addList(s, listing[event.Event]{"/events", "events", "Dated bans", "Bans that measurements date, with an interval for onset and end (docs/formats/events.md). since and until keep those that may have held in that time; at keeps those that had begun by the end of a day.", tagMeasured, "/events?country=PK", notFoundToo}, eventsParquet,
		func(ctx context.Context, in *struct {
			Where
			Asked
			State string `query:"state" enum:"ongoing,ended,fading,dark"`
		}) (rows[event.Event], error) {
			f, err := s.filterOf(ctx, in.Place, in.Networks, in.Period)
			if err != nil {
				return rows[event.Event]{}, err
			}
			at, known, err := in.times()
			if err != nil {
				return rows[event.Event]{}, err
			}
			found, err := s.Desk.EventsOn(ctx, f, at, known)
			out := slices.DeleteFunc(found, func(e event.Event) bool {
				named := len(f.ASNs) == 0 || slices.ContainsFunc(f.ASNs, func(asn uint32) bool { return slices.Contains(e.Networks, network.Name(asn)) })
				begun := f.Until.IsZero() || e.Onset.Latest == nil || e.Onset.Latest.Before(f.Until) || e.Onset.Earliest != nil && e.Onset.Earliest.Before(f.Until)
				over := !f.Since.IsZero() && e.End != nil && e.End.Latest != nil && e.End.Latest.Before(f.Since)
				return !named || !begun || over || in.State != "" && string(e.State) != in.State
			})
			return rows[event.Event]{list: out}, err
		})
	addObject(s, "/events/{id}", "event", "One dated ban", "", tagMeasured, "/events/0000000000000000", notFoundToo, func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"200"`
	}) (event.Event, error) {
		found, err := s.Desk.Events(ctx, store.Filter{}, time.Time{})
		if err != nil {
			return event.Event{}, err
		}
		for _, e := range found.Events {
			if e.ID == in.ID {
				return e, nil
			}
		}
		return event.Event{}, huma.Error404NotFound("There is no dated ban of this id. Ids of bans that were found no more are in no list; /api/v1/events has those that are.")
	})
	addObject(s, "/receipts/{uid}", "receipt", "What became of a submission", "Whether a measurement that was handed in arrived, when, and what was made of it.", tagMeasured, "/receipts/20240217101112.000000_ZZ_webconnectivity_0000000000000000", notFoundToo, s.receipt)
}

type caseInput struct {
	Paging
	KnownOn
	Case    string `query:"case" maxLength:"100" doc:"Id of a case, as pk-2024-x." example:"pk-2024-x"`
	Country string `query:"country" maxLength:"2" doc:"Two letters of ISO 3166-1, as PK."`
	Target  string `query:"target" maxLength:"253" doc:"A platform by any of its names."`
}

// shownCase is a case as it was known on a day, with the answers to its claims.
type shownCase struct {
	shown  *casefile.Case
	claims []casefile.Answer
}

// cases returns the cases of the record that the input names.
func (s *Server) cases(ctx context.Context, in *caseInput) ([]shownCase, error) {
	f, err := s.filterOf(ctx, Place{in.Country, in.Target}, Networks{}, Period{})
	if err != nil {
		return nil, err
	}
	day, err := dateOf(in.AsOf)
	if err != nil {
		return nil, err
	}
	if in.Case != "" && s.Records.Case(in.Case) == nil {
		return nil, noCase(in.Case)
	}
	var out []shownCase
	for _, c := range s.Records.Cases {
		if in.Case != "" && c.ID != in.Case || f.CC != "" && c.Jurisdiction != f.CC || f.Target != "" && !slices.Contains(c.Targets, f.Target) || c.Withdrawn != nil && in.Case == "" {
			continue
		}
		shown, claims, err := s.Desk.Case(ctx, c, day)
		if err != nil {
			return nil, err
		}
		out = append(out, shownCase{shown, claims})
	}
	return out, nil
}

func noCase(id string) error {
	return huma.Error404NotFound(fmt.Sprintf("The record has no case %q. /api/v1/cases lists those that it has.", id))
}

// dateOf reads the day whose knowledge of the record is used.
func dateOf(text string) (casefile.Date, error) {
	if _, err := endOf("as-of", text); err != nil || text == "" {
		return casefile.Date{}, err
	}
	return casefile.ParseDate(text)
}

type (
	caseLine struct {
		ID      string          `json:"id"`
		Title   string          `json:"title"`
		CC      string          `json:"jurisdiction"`
		Country string          `json:"country"`
		Targets []string        `json:"targets"`
		Status  casefile.Status `json:"status"`
		Clock   casefile.Clock  `json:"clock"`
	}
	caseBody struct {
		Case   *casefile.Case    `json:"case"`
		Claims []casefile.Answer `json:"claims"`
	}
	caseAct struct {
		Case string `json:"case"`
		casefile.Act
	}
	caseClaim struct {
		Case string `json:"case"`
		casefile.Answer
	}
	caseDocket struct {
		Case string `json:"case"`
		casefile.Docket
		LastHeard casefile.Date `json:"last_heard"`
		Next      casefile.Date `json:"next"`
	}
)

// addParts registers a list of parts of cases, for instance of acts.
func addParts[T any](s *Server, d listing[T], of func(c *shownCase) []T) {
	addList(s, d, nil, func(ctx context.Context, in *caseInput) (rows[T], error) {
		list, err := s.cases(ctx, in)
		var out []T
		for i := range list {
			out = append(out, of(&list[i])...)
		}
		return rows[T]{list: out}, err
	})
}

func (s *Server) registerRecord() {
	addParts(s, listing[caseLine]{"/cases", "cases", "Cases of the record", "Each with its turning points and the days between them.", tagRecord, "/cases", notFoundToo}, func(c *shownCase) []caseLine {
		k := c.shown
		return []caseLine{{k.ID, k.Title, k.Jurisdiction, inquiry.Country(k.Jurisdiction), k.Targets, k.Status, k.Computed.Clock}}
	})
	addObject(s, "/cases/{id}", "case", "One case, whole", "Acts, sightings, claims with their answers, disputes, dockets, requests, actors, laws, sources, and what is computed of them (docs/formats/record.md).", tagRecord, "/cases/pk-2024-x", notFoundToo, func(ctx context.Context, in *struct {
		KnownOn
		ID string `path:"id" maxLength:"100" example:"pk-2024-x"`
	}) (caseBody, error) {
		c := s.Records.Case(in.ID)
		if c == nil {
			return caseBody{}, noCase(in.ID)
		}
		day, err := dateOf(in.AsOf)
		if err != nil {
			return caseBody{}, err
		}
		shown, claims, err := s.Desk.Case(ctx, c, day)
		return caseBody{shown, claims}, err
	})
	addParts(s, listing[caseAct]{"/acts", "acts", "Acts: who did what, when, on what authority", "", tagRecord, "/acts?case=pk-2024-x", notFoundToo}, func(c *shownCase) (out []caseAct) {
		for _, a := range c.shown.Acts {
			out = append(out, caseAct{c.shown.ID, a})
		}
		return out
	})
	addParts(s, listing[caseClaim]{"/claims", "claims", "Claims, each checked against the evidence", "", tagRecord, "/claims?case=pk-2024-x", notFoundToo}, func(c *shownCase) (out []caseClaim) {
		for _, a := range c.claims {
			out = append(out, caseClaim{c.shown.ID, a})
		}
		return out
	})
	addParts(s, listing[caseDocket]{"/dockets", "dockets", "Cases before courts", "", tagRecord, "/dockets?case=pk-2024-x", notFoundToo}, func(c *shownCase) (out []caseDocket) {
		for _, d := range c.shown.Dockets {
			one := caseDocket{Case: c.shown.ID, Docket: d}
			for _, st := range c.shown.Computed.Dockets {
				if st.ID == d.ID {
					one.LastHeard, one.Next = st.LastHeard, st.Next
				}
			}
			out = append(out, one)
		}
		return out
	})
	type countryInput struct {
		Paging
		Country string `query:"country" maxLength:"2" doc:"Two letters of ISO 3166-1, as PK."`
	}
	addList(s, listing[request.Row]{"/requests", "requests", "What authorities asked of platforms", "The ledger: each figure with who reports it (docs/formats/requests.md). Figures of two reporters are never added.", tagRecord, "/requests?country=PK", notFoundToo}, nil, func(ctx context.Context, in *struct {
		Paging
		Place
	}) (rows[request.Row], error) {
		f, err := s.filterOf(ctx, in.Place, Networks{}, Period{})
		if err != nil {
			return rows[request.Row]{}, err
		}
		list := request.FromRecord(s.Records)
		if s.Ledger != nil {
			if list, err = s.Ledger(); err != nil {
				return rows[request.Row]{}, err
			}
		}
		return rows[request.Row]{list: slices.DeleteFunc(slices.Clone(list), func(r request.Row) bool {
			return f.CC != "" && r.CC != f.CC || f.Target != "" && r.Platform != f.Target
		})}, nil
	})
	addList(s, listing[casefile.Actor]{"/actors", "actors", "Actors: bodies, and persons in public office", "", tagRecord, "/actors", nil}, nil, func(_ context.Context, in *countryInput) (rows[casefile.Actor], error) {
		return ofCountry(s, in.Country, s.Records.Shared.Actors, func(c *casefile.Case) []casefile.Actor { return c.Actors }, func(a *casefile.Actor) string { return a.CC })
	})
	addList(s, listing[casefile.Law]{"/laws", "laws", "Laws that bans are based on", "", tagRecord, "/laws?country=PK", nil}, nil, func(_ context.Context, in *countryInput) (rows[casefile.Law], error) {
		return ofCountry(s, in.Country, s.Records.Shared.Laws, func(c *casefile.Case) []casefile.Law { return c.Laws }, func(l *casefile.Law) string { return l.CC })
	})
	addList(s, listing[casefile.Source]{"/sources", "sources", "Sources that facts are cited from", "", tagRecord, "/sources", nil}, nil, func(_ context.Context, in *struct{ Paging }) (rows[casefile.Source], error) {
		return ofCountry(s, "", s.Records.Shared.Sources, func(c *casefile.Case) []casefile.Source { return c.Sources }, func(*casefile.Source) string { return "" })
	})
}

// ofCountry returns the shared entries and those of all cases, narrowed to one country if
// code is not "".
func ofCountry[T any](s *Server, code string, shared []T, ofCase func(*casefile.Case) []T, cc func(*T) string) (rows[T], error) {
	want, err := countryOf(code)
	out := slices.Clone(shared)
	for _, c := range s.Records.Cases {
		out = append(out, ofCase(c)...)
	}
	return rows[T]{list: slices.DeleteFunc(out, func(v T) bool { return want != "" && cc(&v) != want })}, err
}

func (s *Server) registerBans() {
	addList(s, listing[ban.Ranked]{"/bans", "bans", "All bans, measured and reported, the longest first", "With every report of each (docs/formats/bans.md).", tagBans, "/bans?country=PK", notFoundToo}, nil, func(ctx context.Context, in *struct {
		Paging
		Place
		Asked
	}) (rows[ban.Ranked], error) {
		f, err := s.filterOf(ctx, in.Place, Networks{}, Period{})
		if err != nil {
			return rows[ban.Ranked]{}, err
		}
		at, known, err := in.times()
		if err != nil {
			return rows[ban.Ranked]{}, err
		}
		list, err := s.Desk.Longest(ctx, at, known)
		return rows[ban.Ranked]{list: slices.DeleteFunc(slices.Clone(list), func(b ban.Ranked) bool {
			return f.CC != "" && b.CC != f.CC || f.Target != "" && b.Target != f.Target
		})}, err
	})
	addList(s, listing[ban.Year]{"/hours", "hours", "Hours banned by platform, country and year", "Measured and reported hours side by side, each the least and the most; they are never added.", tagBans, "/hours?format=csv", notFoundToo}, nil, func(ctx context.Context, in *struct {
		Paging
		Place
		Asked
		Year int `query:"year" minimum:"1990" maximum:"2100"`
	}) (rows[ban.Year], error) {
		f, err := s.filterOf(ctx, in.Place, Networks{}, Period{})
		if err != nil {
			return rows[ban.Year]{}, err
		}
		at, known, err := in.times()
		if err != nil {
			return rows[ban.Year]{}, err
		}
		list, err := s.Desk.Hours(ctx, at, known)
		return rows[ban.Year]{list: slices.DeleteFunc(slices.Clone(list), func(y ban.Year) bool {
			return f.CC != "" && y.CC != f.CC || f.Target != "" && y.Target != f.Target || in.Year != 0 && y.Year != in.Year
		})}, err
	})
}

type hit struct {
	search.Hit
	How search.How `json:"how" doc:"How forgiving the search had to be: all_words, similar_words, any_word."`
}

// mostHits is how many hits a search returns at most; hitsAtOnce is how many it reads at
// one time.
const mostHits, hitsAtOnce = 1000, 200

func (s *Server) search(ctx context.Context, in *struct {
	Paging
	Place
	Query string `query:"q" required:"true" minLength:"1" maxLength:"500" doc:"Words." example:"imran khan"`
	Kind  string `query:"kind" enum:"case,act,claim,docket,sighting,dispute,actor,law,source,ban,platform,country,text"`
	Case  string `query:"case" maxLength:"100"`
}) (out rows[hit], err error) {
	cc, err := countryOf(in.Country)
	if err != nil || s.Search == nil {
		return out, err
	}
	for len(out.list) < mostHits {
		found, err := s.Search.Search(ctx, in.Query, search.Options{CC: cc, Target: in.Target, Case: in.Case, Kind: in.Kind, Limit: hitsAtOnce, Offset: len(out.list)})
		if errors.Is(err, search.ErrQuery) {
			return out, invalid("q", in.Query, "at least one word, and 500 letters at the most")
		}
		if err != nil {
			return out, err
		}
		for _, h := range found.Hits {
			out.list = append(out.list, hit{h, found.How})
		}
		if len(found.Hits) == 0 || uint64(len(out.list)) >= found.Total {
			break
		}
	}
	return out, nil
}

func (s *Server) changes(ctx context.Context, in *struct {
	Paging
	Place
	Period
	Asked
	Case string `query:"case" maxLength:"100" doc:"Id of a case."`
}) (rows[inquiry.Change], error) {
	f, err := s.filterOf(ctx, in.Place, Networks{}, in.Period)
	if err != nil {
		return rows[inquiry.Change]{}, err
	}
	if in.Case != "" && s.Records.Case(in.Case) == nil {
		return rows[inquiry.Change]{}, noCase(in.Case)
	}
	at, known, err := in.times()
	if err != nil {
		return rows[inquiry.Change]{}, err
	}
	list, err := s.Desk.Changes(ctx, inquiry.Topic{CC: f.CC, Target: f.Target, Case: in.Case, At: at, Known: known})
	return rows[inquiry.Change]{list: slices.DeleteFunc(list, func(c inquiry.Change) bool {
		return !f.Since.IsZero() && c.At.Before(f.Since) || !f.Until.IsZero() && !c.At.Before(f.Until)
	})}, err
}
