package request

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	csv "github.com/bandish/bandish/internal/table"
)

// maxNotice is how many bytes one notice of Lumen may have.
const maxNotice = 64 << 20

// lumenKinds maps the kinds of notices that authities send, by their name in
// Lumen's API, to the name of the list of addresses in each.
var lumenKinds = map[string]string{
	"government_request":      "urls_in_request",
	"law_enforcement_request": "urls_in_request",
	"court_order":             "targetted_urls", // Lumen's spelling
}

// lumenNotice holds the fields of a notice in Lumen's API that a request needs.
type lumenNotice struct {
	ID            int64             `json:"id"`
	Type          string            `json:"type"`
	DateSent      string            `json:"date_sent"`
	DateReceived  string            `json:"date_received"`
	Topics        []string          `json:"topics"`
	SenderName    string            `json:"sender_name"`
	PrincipalName string            `json:"principal_name"`
	RecipientName string            `json:"recipient_name"`
	Jurisdictions []string          `json:"jurisdictions"`
	ActionTaken   string            `json:"action_taken"`
	Works         []json.RawMessage `json:"works"`
}

// LumenFixed lists the fields that may be given for a notice that lacks them.
var LumenFixed = []string{"authority", "cc", "period", "platform"}

// ReadLumen reads one notice of an authority in the JSON of Lumen's API,
// https://lumendatabase.org/notices/ID.json. A notice gives two rows: the demand
// with what became of it, and the addresses that it names. file is the name that
// rows give as their origin. fixed holds fields that the notice lacks (LumenFixed).
// platform returns a platform's id for the name of the company that received the
// notice. A notice that gives no row is set aside; an error means that the file is
// no such notice.
//
// No name of a person is read: for a court order, Lumen names whoever submitted it,
// who is often a private person.
// often a private person, and that name is left out.
func ReadLumen(r io.Reader, file string, fixed map[string]string, platform func(name string) string) (*Import, error) {
	for name := range fixed {
		if !slices.Contains(LumenFixed, name) {
			return nil, fmt.Errorf("read %s: no field %q can be set for a notice; these can: %s", file, name, strings.Join(LumenFixed, ", "))
		}
	}
	content, err := io.ReadAll(io.LimitReader(r, maxNotice+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if len(content) > maxNotice {
		return nil, fmt.Errorf("read %s: longer than %d bytes, which no notice is", file, maxNotice)
	}
	kind, n, err := oneNotice(content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	im := &Import{Dataset: Lumen, Rows: 1}
	origin := Origin{Dataset: Lumen, File: file}
	rows, err := n.rows(kind, origin, fixed, platform)
	if err != nil {
		im.Asides = []Aside{csv.NewAside(origin, err.Error(), fmt.Sprintf("Lumen notice %d", n.ID))}
		return im, nil
	}
	im.Used, im.Requests = 1, rows
	return im, nil
}

// oneNotice returns the notice of a document, and its kind.
func oneNotice(content []byte) (kind string, n lumenNotice, err error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(content, &doc); err != nil {
		return "", n, fmt.Errorf("is no JSON object (%w); save a notice from https://lumendatabase.org/notices/ID.json", err)
	}
	if _, list := doc["notices"]; list {
		return "", n, errors.New("is a list of notices, the answer to a search; save each as https://lumendatabase.org/notices/ID.json")
	}
	if len(doc) != 1 {
		return "", n, fmt.Errorf("is no notice of Lumen's API: it has one field, named by the kind of notice, and this has %d", len(doc))
	}
	for name, body := range doc {
		if err := json.Unmarshal(body, &n); err != nil {
			return "", n, fmt.Errorf("%s: %w", name, err)
		}
		kind = name
	}
	if n.ID <= 0 {
		return "", n, fmt.Errorf("%s.id: is missing or no number of a notice", kind)
	}
	return kind, n, nil
}

// rows makes the rows of a notice.
func (n *lumenNotice) rows(kind string, origin Origin, fixed map[string]string, platform func(string) string) ([]Row, error) {
	list, ok := lumenKinds[kind]
	if !ok {
		return nil, fmt.Errorf("a notice of kind %s is no request of an authority; these are read: %s", kind, strings.Join(slices.Sorted(maps.Keys(lumenKinds)), ", "))
	}
	row := Row{Origin: origin}
	row.ReportedBy, row.Counter, row.Confidence, row.Compliance = "Lumen", "period", "medium", "notice_acted_on"
	row.Reason = strings.Join(n.Topics, "; ")
	var err error
	if row.CC, err = n.country(fixed["cc"]); err != nil {
		return nil, err
	}
	if row.Platform, err = n.platform(fixed["platform"], platform); err != nil {
		return nil, err
	}
	if row.Period, err = n.day(fixed["period"]); err != nil {
		return nil, err
	}
	row.Authority = n.authority(kind, fixed["authority"])
	demand, urls := row, row
	demand.Level, demand.Sent = "demand", number(1)
	switch n.ActionTaken {
	case "Yes":
		demand.Complied, demand.Partly, demand.Rejected = number(1), number(0), number(0)
	case "Partial":
		demand.Complied, demand.Partly, demand.Rejected = number(0), number(1), number(0)
	case "No":
		demand.Complied, demand.Partly, demand.Rejected = number(0), number(0), number(1)
	case "", "Unspecified": // the notice does not say
	default:
		return nil, fmt.Errorf("action_taken: %q is none of Yes, Partial, No, Unspecified", n.ActionTaken)
	}
	demand.ID = fmt.Sprintf("lumen:%d", n.ID)
	sent, err := n.addresses(list)
	if err != nil || sent == 0 {
		return []Row{demand}, err
	}
	urls.Level, urls.Sent, urls.Compliance, urls.ID = "url", &sent, "", demand.ID+":urls"
	return []Row{demand, urls}, nil
}

func (n *lumenNotice) country(set string) (string, error) {
	if set == "" {
		switch len(n.Jurisdictions) {
		case 0:
			return "", errors.New("jurisdictions: none is named; say whose authority asked with --set cc=CC")
		case 1:
			set = n.Jurisdictions[0]
		default:
			return "", fmt.Errorf("jurisdictions: %s, and one authority asked; say whose with --set cc=CC", strings.Join(n.Jurisdictions, ", "))
		}
	}
	cc, err := countryCode(set, set)
	if err != nil {
		return "", fmt.Errorf("jurisdictions: %q is no country; say which with --set cc=CC", set)
	}
	return cc, nil
}

// companyForms are the ends of companies' names that are dropped.
var companyForms = []string{" international company", " international unlimited company", " inc", " llc", " ltd", " limited", " corp", " corporation", " ireland"}

// platform returns the platform of the one who received the notice.
func (n *lumenNotice) platform(set string, id func(string) string) (string, error) {
	name := set
	if name == "" {
		name = n.RecipientName
	}
	for before := ""; name != before; {
		if got := id(name); got != "" {
			return got, nil
		}
		before = name
		name = strings.TrimRight(name, " .,")
		for _, form := range companyForms {
			if cut := len(name) - len(form); cut > 0 && strings.EqualFold(name[cut:], form) {
				name = name[:cut]
				break
			}
		}
	}
	return "", fmt.Errorf("recipient_name: %q is no platform of the registry; say which was asked with --set platform=ID (`bandish targets` lists them)", n.RecipientName)
}

// day returns the day on which the notice was received, else the day on which it
// was sent.
func (n *lumenNotice) day(set string) (casefile.Date, error) {
	if set != "" {
		return period(set)
	}
	text, field := n.DateReceived, "date_received"
	if text == "" {
		text, field = n.DateSent, "date_sent"
	}
	if text == "" {
		return casefile.Date{}, errors.New("date_received: is missing, and so is date_sent; give the day with --set period=DAY")
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return casefile.Day(t, time.UTC), nil
		}
	}
	return casefile.Date{}, fmt.Errorf("%s: %q is no time like 2024-03-14T09:30:00Z; give the day with --set period=DAY", field, text)
}

// authority returns the name of the one who asked: the principal, for whom the
// sender wrote, else the sender.
func (n *lumenNotice) authority(kind, set string) string {
	name := strings.TrimSpace(n.PrincipalName)
	if name == "" {
		name = strings.TrimSpace(n.SenderName)
	}
	switch {
	case set != "":
		return set
	case kind == "court_order":
		return "a court"
	case name == "" || strings.Contains(strings.ToLower(name), "redacted"):
		return "an authority that is not named"
	}
	return name
}

// addresses counts the addresses that the notice names. Lumen lists each, or only
// how many there are for each host.
func (n *lumenNotice) addresses(list string) (int64, error) {
	total := int64(0)
	for i, raw := range n.Works {
		var work map[string]json.RawMessage
		if err := json.Unmarshal(raw, &work); err != nil {
			return 0, fmt.Errorf("works[%d]: is no object", i)
		}
		if work[list] == nil {
			list = "infringing_urls" // an older name in the API, for every kind
		}
		var rows []struct {
			URL, FQDN string
			Count     int64
		}
		if work[list] == nil {
			continue
		}
		if err := json.Unmarshal(work[list], &rows); err != nil {
			return 0, fmt.Errorf("works[%d].%s: is no list of addresses", i, list)
		}
		for j, r := range rows {
			switch {
			case r.Count < 0 || r.Count > 1e9:
				return 0, fmt.Errorf("works[%d].%s[%d].count: %d is no count", i, list, j, r.Count)
			case r.FQDN != "" && r.Count > 0:
				total += r.Count
			case strings.Contains(r.URL, "://"): // not "No URL submitted"
				total++
			}
		}
	}
	return total, nil
}
