package web

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/internal/inquiry"
)

// banView is one ban with all that is reported of it, as it stood on a day.
type banView struct {
	ban.Ranked
	Country, Name, Long string
	Page                string // the page of the answer for its platform, "" if there is none
	Where, How          string
	Reports             []reportView
}

func (v banView) title() string {
	return capital(v.Name) + " in " + v.Country + ": a ban of " + v.Start.Format("January 2006")
}

// Sentence states the ban in one sentence.
func (v banView) Sentence() string {
	began := v.Began()
	out := capital(v.Name) + " was " + v.How + " in " + v.Country + ". It began " + answer.When(began)
	switch until := v.Until(); {
	case until != nil && v.Length.Ongoing:
		return out + " and held on the day that is asked about. It ended " + answer.When(*until) + "."
	case until != nil:
		return out + " and ended " + answer.When(*until) + "."
	case !v.Seen().IsZero():
		return out + ". No end was measured; it was measured until " + v.Seen().Format(longDay) + "."
	}
	return out + ". It was last said to hold on " + v.Known.Format(longDay) + "."
}

// Feed is the path of the feed that tells of changes, "" for a ban of no platform.
func (v banView) Feed() string { return feedOfPage(v.Page) }

// reportView is one report of a ban in words.
type reportView struct {
	From  string // who reports it
	Row   string // where in their list
	Dates string
	Facts []fact
}

const banPage page[banView] = "ban.html"

// ban is the page of one ban, measured or reported: /bans/ID.
func (s *Site) ban(w http.ResponseWriter, r *http.Request) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	v, err := s.banOn(r.Context(), r.PathValue("id"), t)
	if err != nil {
		return err
	}
	f := frame{Title: v.title(), About: "One ban, with everything that is reported of it.", Trail: []crumb{{"All bans", "/bans"}, {v.Country, "/cc/" + v.CC}, {v.Name, ""}}}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	f.embeddable(r, f.Title, t.query())
	return banPage.show(s, w, r, f, *v, v.Ranked)
}

// rankedOn finds a ban by its id: one that had begun by the day t.at, according to what
// was known on the day t.known.
func (s *Site) rankedOn(ctx context.Context, id string, t times) (*ban.Ranked, error) {
	ranked, err := s.Desk.Longest(ctx, t.at, t.known)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(ranked, func(b ban.Ranked) bool { return b.ID == id })
	switch {
	case at >= 0:
		return &ranked[at], nil
	case t.query() != "":
		return nil, notFound("At the end of that day no ban of this id had begun, or none was known. Those that had are listed here: /bans" + t.query())
	}
	return nil, notFound("There is no ban of this id. All of them are listed here: /bans")
}

// banOn puts a ban into words.
func (s *Site) banOn(ctx context.Context, id string, t times) (*banView, error) {
	b, err := s.rankedOn(ctx, id, t)
	if err != nil {
		return nil, err
	}
	row := s.bansRow(*b, t.query())
	v := banView{Ranked: *b, Country: row.Country, Name: row.Name, Page: row.Answer, Long: row.Long, Where: row.Where, How: "blocked"}
	if b.Method == ban.Throttle {
		v.How = "slowed down"
	}
	for i := range b.Reports {
		v.Reports = append(v.Reports, s.reportView(&b.Reports[i]))
	}
	return &v, nil
}

// linksIn turns the addresses in a text of a list into links. If the text has other words,
// it stays as it is.
func linksIn(text string) []value {
	var out []value
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ';' || c == ' ' || c == '\n' }) {
		if !isWeb(part) {
			return []value{{Text: text}}
		}
		out = append(out, value{Text: part, Href: part, Code: true})
	}
	return out
}

// wholeCountry matches areas that only say that the whole country was meant.
var wholeCountry = regexp.MustCompile(`(?i)^(?:all of |the )?(?:nation(?:al|ally|[ -]?wide|wde)?|(?:entire|whole) (?:country|nation)|country[ -]?wide)\.?$`)

// whereWords says which part of a country a ban covers, by the data sets that report it. A
// case of the record covers its whole country; a measurement knows only its networks.
func whereWords(scope ban.Scope, area string, of []ban.Dataset) string {
	area = strings.TrimSpace(area)
	switch {
	case scope == ban.National && (wholeCountry.MatchString(area) || area == "" && slices.Contains(of, ban.Record)):
		return "the whole country"
	case area != "":
		return area
	case scope == ban.National && slices.Equal(of, []ban.Dataset{ban.Measured}):
		return "the networks that were measured"
	case scope == ban.National:
		return "no part of the country is named"
	case scope == ban.Regional:
		return "a part of the country"
	}
	return "a place in the country"
}

// columnWords names the columns of KeepItOn's table in words for readers.
var columnWords = map[string]string{
	"actual_cause": "Cause", "actual_cause_details": "More on the cause", "econ_impact": "Cost, as somebody estimates it", "gov_ack": "Did the government acknowledge it?", "gov_ack_quote": "In its words", "gov_ack_source": "Where it said so",
	"gov_just": "Reason that the government gave", "gov_just_details": "More on its reason", "info_source": "Kind of source", "info_source_link": "The source", "legal_just": "Was a legal ground given?", "legal_method": "Legal means", "an_link": "Access Now on it", "event": "Event", "hrs_dur": "Hours",
	"affected_network": "Kind of network", "election": "Around an election?", "violence": "Was violence reported?", "hr_abuse_reported": "Were abuses of human rights reported?", "users_targeted": "Was a group of people meant?", "users_target_detail": "Which group", "users_notified": "Were users told before?",
	"sms_affected": "Did text messages stop, too?", "phonecall_affected": "Did telephone calls stop, too?", "telco_ack": "Did an operator acknowledge it?", "telco_ack_quote": "In the operator's words", "telco_ack_source": "Where the operator said so", "region": "Region of the world",
}

// reportView puts a report into words.
func (s *Site) reportView(r *ban.Report) reportView {
	v := reportView{From: r.Origin.Dataset.Words()}
	if r.Origin.Row > 0 {
		v.Row = "row " + thousands(strconv.Itoa(r.Origin.Row))
		if r.Origin.Sheet != "" {
			v.Row += " of the sheet “" + r.Origin.Sheet + "”"
		}
	}
	v.Dates = "It began " + answer.When(r.Began())
	switch until := r.Until(); {
	case until != nil:
		v.Dates += " and ended " + answer.When(*until)
	case r.Origin.Dataset == ban.Measured:
		v.Dates += "; no end was measured, and it was measured until " + r.Known.Format(longDay)
	default:
		v.Dates += "; it is said to have held on " + r.Known.Format(longDay)
	}
	if r.Estimated {
		v.Dates += " (the beginning is an estimate)"
	}
	add := func(name string, values ...value) {
		values = slices.DeleteFunc(values, func(v value) bool { return v.Text == "" })
		for i := range values { // what the record says of itself is no quotation
			quoted := r.Origin.Dataset != ban.Measured && r.Origin.Dataset != ban.Record || name == columnWords["gov_ack_quote"]
			values[i].Said = quoted && values[i].Href == ""
		}
		if len(values) > 0 {
			v.Facts = append(v.Facts, fact{name, values})
		}
	}
	for _, t := range s.tellers([]string{r.Origin.String()}) {
		if t.Href != "" {
			add("Where it stands", value{Text: t.Name, Href: t.Href})
		}
	}
	if r.Origin.Dataset != ban.Measured { // its title names platforms by their ids
		add("Title", value{Text: r.Title})
	}
	add("Where", value{Text: r.Area})
	add("Services as written", value{Text: strings.Join(r.Other, ", ")})
	add("Ordered by", value{Text: r.OrderedBy})
	add("Who decided", value{Text: r.DecisionMaker})
	add("Cause", value{Text: r.Cause})
	add("Reason given", value{Text: r.Justification})
	add("Networks", value{Text: r.Networks})
	var links []value
	for _, l := range r.Links {
		links = append(links, linksIn(l)...)
	}
	add("Links", links...)
	for _, name := range slices.Sorted(maps.Keys(r.Columns)) {
		label := columnWords[name]
		if label == "" {
			label = capital(spacedWords(name))
		}
		add(label, linksIn(r.Columns[name])...)
	}
	return v
}

// datasetsOf are the data sets that report a ban.
func datasetsOf(b *ban.Ranked) []ban.Dataset {
	var out []ban.Dataset
	for i := range b.Reports {
		if d := b.Reports[i].Origin.Dataset; !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// bansRow makes the line of a ban in a list; query carries the days to its pages.
func (s *Site) bansRow(b ban.Ranked, query string) bansRow {
	row := bansRow{Ranked: b, Country: inquiry.Country(b.CC), Name: s.name(b.Target), Href: "/bans/" + url.PathEscape(b.ID) + query, Long: rankedLength(b.Length), Where: whereWords(b.Scope, b.Area, datasetsOf(&b))}
	switch b.Target {
	case ban.Internet:
		row.Name = "the internet"
	case ban.Unnamed:
		row.Name = "services that are not named"
		if len(b.Other) > 0 {
			row.Name = strings.Join(b.Other, ", ")
		}
	default:
		row.Answer = "/cc/" + b.CC + "/" + url.PathEscape(b.Target) + query
	}
	var origins []string
	for i := range b.Reports {
		origins = append(origins, b.Reports[i].Origin.String())
	}
	row.Tellers = s.tellers(origins)
	return row
}
