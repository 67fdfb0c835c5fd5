package ban_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/ban/list"
	"github.com/bandish/bandish/casefile"
)

// labCase is an invented ban in an invented place.
const labCase = `
id: zz-2026-x
title: "The lab: access to X"
jurisdiction: ZZ
utc_offset: "+00:00"
targets: [x]
status: ended
start: {date: 2026-02-17, cites: [{source: s1}]}
end: {date: 2026-02-20, cites: [{source: s1}]}
acts:
  - {id: vote, kind: context, date: 2026-02-08, what: The lab votes., cites: [{source: s1}]}
  - {id: later, kind: context, date: 2026-03-01, what: The lab celebrates., cites: [{source: s1}]}
  - {id: denied, kind: denial, date: 2026-02-18, by: [m], what: The ministry denies it., cites: [{source: s1}]}
  - {id: order, kind: order, date: 2026-02-17, by: [m], what: The ministry orders a block., effect: restrict, grounds: [national security and the exams], basis: [{law: l, section: "9"}], cites: [{source: s2}]}
ADMITS
actors: [{id: m, kind: ministry, name: Ministry of Example, cc: ZZ}]
laws: [{id: l, name: Example Act, cc: ZZ, date: 2020, sections: [{number: "9", empowers: to block}]}]
sources:
  - {id: s1, publisher: Example Times, title: t, date: 2026-03-02, url: "https://times.example/1", type: press, language: en, reliability: B, reliability_reason: r}
  - {id: s2, publisher: Access Now, title: t, date: 2026-03-02, url: "https://www.accessnow.org/example", type: press, language: en, reliability: B, reliability_reason: r}
`

// exportLab exports the invented case and gives its row by column.
func exportLab(t *testing.T, admits string) map[string]string {
	t.Helper()
	record, err := casefile.Load(fstest.MapFS{"zz-2026-x/case.yaml": &fstest.MapFile{Data: []byte(strings.Replace(labCase, "ADMITS", admits, 1))}}, "records")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	bans := ban.Reconcile(ban.FromRecord(record, day))
	var out bytes.Buffer
	if err := list.ExportKeepItOn(&out, bans, day, func(id string) string { return id }); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	row := map[string]string{}
	for i, name := range rows[0] {
		row[name] = rows[1][i]
	}
	return row
}

// A case fills the columns of KeepItOn's table that it knows of, and no other.
func TestColumnsOfACase(t *testing.T) {
	row := exportLab(t, "  - {id: admitted, kind: admission, date: 2026-02-19, by: [m], what: The ministry admits it., cites: [{source: s1, phrase: we did it}]}")
	for name, want := range map[string]string{
		"ordered_by": "Executive government", "decision_maker": "Ministry of Example", "legal_just": "Yes",
		"gov_justification": "National security/ Counter-terrorism; School exams", "gov_just_details": "national security and the exams",
		"gov_ack": "Yes", "gov_ack_source": "https://times.example/1", "gov_ack_quote": "we did it", "actual_cause_details": "The lab votes.",
		"an_link": "https://www.accessnow.org/example", "info_source_link": "https://times.example/1; https://www.accessnow.org/example",
		"sms_affected": "No", "phonecall_affected": "No", "twitter_affected": "Yes", "facebook_affected": "No", "duration": "4",
		"actual_cause": "", "affected_network": "", "telco_ack": "", "election": "", "violence": "", "hr_abuse_reported": "", "users_targeted": "", "users_notified": "",
	} {
		if row[name] != want {
			t.Errorf("%s: %q, want %q", name, row[name], want)
		}
	}
	if !strings.HasPrefix(row["legal_method"], "order; ") {
		t.Errorf("legal_method: %q", row["legal_method"])
	}
}

// A state that only denied has not admitted; one of whom nobody tells says nothing.
func TestDenialIsNoAdmission(t *testing.T) {
	if got := exportLab(t, "")["gov_ack"]; got != "No" {
		t.Errorf("gov_ack %q", got)
	}
}
