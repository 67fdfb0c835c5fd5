package request_test

import (
	"strings"
	"testing"

	"github.com/bandish/bandish/request"
)

// notice is an invented notice in the JSON of Lumen's API. Each case changes
// one thing of it.
const notice = `{"government_request": {"id": 7, "date_received": "2024-03-14T09:30:00Z", "topics": ["Government Requests"], "sender_name": "Example Regulator",
	"recipient_name": "Sampler, Inc.", "jurisdictions": ["KE"], "action_taken": "Yes", "works": [{"urls_in_request": [{"fqdn": "a.example", "count": 2}, {"url": "http://a.example/1"}]}]}}`

func sampler(name string) string {
	if strings.EqualFold(name, "sampler") {
		return "sampler"
	}
	return ""
}

func TestLumenNotice(t *testing.T) {
	im, err := request.ReadLumen(strings.NewReader(notice), "n.json", nil, sampler)
	if err != nil || im.Rows != 1 || im.Used != 1 || len(im.Requests) != 2 {
		t.Fatalf("%+v %v", im, err)
	}
	d, u := im.Requests[0], im.Requests[1]
	if d.ID != "lumen:7" || d.CC != "KE" || d.Platform != "sampler" || d.Authority != "Example Regulator" || d.Period.String() != "2024-03-14" || d.Level != "demand" || *d.Sent != 1 || *d.Complied != 1 || d.ReportedBy != "Lumen" || d.Compliance != "notice_acted_on" {
		t.Errorf("the demand: %+v", d)
	}
	if u.Level != "url" || *u.Sent != 3 || u.Complied != nil {
		t.Errorf("its addresses: %+v", u)
	}
}

func TestLumenNoticeVariants(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		fixed          map[string]string
		check          func(demand *request.Row) bool
	}{
		{"a court order names nobody", `"government_request"`, `"court_order"`, nil, func(d *request.Row) bool { return d.Authority == "a court" }},
		{"the principal asked", `"sender_name"`, `"principal_name": "Example Ministry", "sender_name"`, nil, func(d *request.Row) bool { return d.Authority == "Example Ministry" }},
		{"a name taken out", `Example Regulator`, `[REDACTED]`, nil, func(d *request.Row) bool { return d.Authority == "an authority that is not named" }},
		{"nobody says what became of it", `"Yes"`, `"Unspecified"`, nil, func(d *request.Row) bool { return d.Complied == nil && d.Rejected == nil }},
		{"done in part", `"Yes"`, `"Partial"`, nil, func(d *request.Row) bool { return *d.Partly == 1 && *d.Complied == 0 }},
		{"sent only", `"date_received": "2024-03-14T09:30:00Z"`, `"date_received": null, "date_sent": "2024-03-13"`, nil, func(d *request.Row) bool { return d.Period.String() == "2024-03-13" }},
		{"several countries, one given", `["KE"]`, `["KE", "UG"]`, map[string]string{"cc": "UG"}, func(d *request.Row) bool { return d.CC == "UG" }},
		{"a platform given", `Sampler, Inc.`, `Somebody`, map[string]string{"platform": "sampler"}, func(d *request.Row) bool { return d.Platform == "sampler" }},
	} {
		im, err := request.ReadLumen(strings.NewReader(strings.Replace(notice, tt.old, tt.new, 1)), "n.json", tt.fixed, sampler)
		if err != nil || im.Used != 1 || !tt.check(&im.Requests[0]) {
			t.Errorf("%s: %+v %v", tt.name, im, err)
		}
	}
}

// What cannot be used says where it fails and how to go on.
func TestLumenNoticeErrors(t *testing.T) {
	for _, tt := range []struct{ name, old, new, wrong string }{
		{"a private notice", `"government_request"`, `"dmca"`, "a notice of kind dmca is no request of an authority; these are read: court_order, government_request, law_enforcement_request"},
		{"no country", `["KE"]`, `[]`, "--set cc=CC"},
		{"two countries", `["KE"]`, `["KE", "UG"]`, "jurisdictions: KE, UG, and one authority asked"},
		{"no country at all", `["KE"]`, `["Atlantis"]`, `jurisdictions: "Atlantis" is no country`},
		{"an unknown platform", `Sampler`, `Somebody`, `recipient_name: "Somebody, Inc." is no platform of the registry`},
		{"no day", `"date_received"`, `"date"`, "date_received: is missing"},
		{"a day that is none", `2024-03-14T09:30:00Z`, `14/03`, `date_received: "14/03" is no time`},
		{"an action of its own", `"Yes"`, `"Maybe"`, `action_taken: "Maybe" is none of`},
		{"a count below nothing", `"count": 2`, `"count": -2`, "works[0].urls_in_request[0].count: -2 is no count"},
		{"addresses that are no list", `[{"fqdn": "a.example", "count": 2}, {"url": "http://a.example/1"}]`, `"many"`, "works[0].urls_in_request: is no list of addresses"},
		{"works that are no objects", `[{"urls_in_request": [{"fqdn": "a.example", "count": 2}, {"url": "http://a.example/1"}]}]`, `[1]`, "works[0]: is no object"},
		{"no number", `"id": 7`, `"id": 0`, "government_request.id: is missing"},
		{"no JSON", `{"government_request"`, `{government_request`, "is no JSON object"},
		{"a wrong type", `["KE"]`, `"KE"`, "jurisdictions"},
		{"something else", `{"government_request": {`, `{"title": 1, "government_request": {`, "is no notice of Lumen's API"},
	} {
		text := strings.Replace(notice, tt.old, tt.new, 1)
		if text == notice {
			t.Fatalf("%s changes nothing", tt.name)
		}
		im, err := request.ReadLumen(strings.NewReader(text), "n.json", nil, sampler)
		said := ""
		switch {
		case err != nil:
			said = err.Error()
		case im.Used == 0 && len(im.Asides) == 1:
			said = im.Asides[0].Reason
		}
		if !strings.Contains(said, tt.wrong) {
			t.Errorf("%s: %q, want %q", tt.name, said, tt.wrong)
		}
	}
}

func FuzzReadLumen(f *testing.F) {
	f.Add(notice)
	f.Add(`{"notices": []}`)
	f.Fuzz(func(t *testing.T, s string) {
		im, err := request.ReadLumen(strings.NewReader(s), "n.json", nil, sampler)
		if err == nil && im.Rows != im.Used+len(im.Asides) {
			t.Errorf("%d rows, %d used, %d set aside", im.Rows, im.Used, len(im.Asides))
		}
	})
}
