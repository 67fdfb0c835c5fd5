package draft

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/casefile"
)

// A sheet as it is written decides nothing; with every line accepted it asks
// for what is open, and for nothing that stands.
func TestSheetAsWritten(t *testing.T) {
	d := read(t, "2024-05-15",
		"The Ministry of Example requested the Sampleland Telecom Authority on Monday to block Sampler until further orders.",
		"Minister Ada Example said on 9 May 2024 that less than 2% of users were on Sampler, but that it was accessible. She said the law asked for it.",
		"Writ petitions challenging the ban are pending before the Exampleville High Court.")
	sheet, err := d.Sheet(Source{Title: "“Quoted: title” #1", Published: d.Published, Author: "A", SHA256: strings.Repeat("a", 64), MediaType: "text/html"})
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(string) bool { return false }
	decided, problems := Decide(sheet, "", nobody)
	if len(problems) > 0 || len(decided.Additions) > 0 || decided.Refused > 0 {
		t.Fatalf("undecided: %+v %v", decided, problems)
	}
	lines := 1 + len(d.Acts) + len(d.Claims)
	for _, a := range d.Actors {
		if a.Is.ID == nil {
			lines++
		}
	}
	if decided.Open != lines {
		t.Errorf("%d lines open, want %d", decided.Open, lines)
	}
	all := strings.ReplaceAll(string(sheet), "decision: null", "decision: accept")
	decided, problems = Decide([]byte(all), "", nobody)
	if decided != nil || len(problems) == 0 {
		t.Fatal("what is open was accepted")
	}
	for _, p := range problems {
		if !strings.Contains(p.Message, "is not known yet") {
			t.Errorf("%d: %s: %s", p.Line, p.Path, p.Message)
		}
		if line := strings.Split(all, "\n")[p.Line-1]; !strings.Contains(line, p.Path[strings.LastIndex(p.Path, ".")+1:]) && !strings.Contains(all, "null") {
			t.Errorf("line %d is %q, not %s", p.Line, line, p.Path)
		}
	}
	refused := strings.ReplaceAll(string(sheet), "decision: null", "decision: refuse")
	if decided, problems = Decide([]byte(refused), "", nobody); len(problems) > 0 || decided.Refused != lines || len(decided.Additions) > 0 {
		t.Errorf("refused: %+v %v", decided, problems)
	}
}

// Ids of a sheet are ids of the record, and each stands once.
func TestSheetIDs(t *testing.T) {
	taken := make(map[string]bool)
	for _, name := range []string{"Conatel", "Conatel", "Türkiye: Bilgi Teknolojileri", "وزارت داخلہ", "--", ""} {
		id := unique(slug(name), taken)
		if strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(id, "-") {
			t.Errorf("%q gives %q", name, id)
		}
	}
	if len(taken) != 6 {
		t.Errorf("ids %v", taken)
	}
}

func TestDecide(t *testing.T) {
	const source = "source:\n  decision: accept\n  is: {id: paper, publisher: P, title: null, date: null, url: null, type: press, language: en, reliability: B, reliability_reason: r}\n"
	for _, test := range []struct{ name, sheet, use, want string }{
		{"not YAML", "a: [", "", "did not find"},
		{"no sheet", "acts: []", "", "is no sheet"},
		{"unknown field", source + "acts: [{decision: accept, is: {id: a, deed: b}}]", "", "unknown field"},
		{"no line", source + "acts: [a]", "", "no line of a sheet"},
		{"no list", source + "acts: a", "", "is no list"},
		{"nothing to accept", source + "acts: [{decision: accept}]", "", "is missing"},
		{"two sources", source, "other", "--source names another"},
		{"no source", "source: {decision: null}\nacts: [{decision: accept, is: {id: a, kind: order, what: w, confidence: low}}]", "", "need a source to cite"},
		{"a hole", source + "acts: [{decision: accept, is: {id: a, kind: order, what: w, confidence: low, term: {text: null}}}]", "", "write it, or take term out"},
	} {
		_, problems := Decide([]byte(test.sheet), test.use, func(string) bool { return true })
		if !slices.ContainsFunc(problems, func(p casefile.Problem) bool { return strings.Contains(p.Message, test.want) }) {
			t.Errorf("%s: %+v", test.name, problems)
		}
	}
	good := source + "actors: [{decision: edit, is: {id: zz-m, kind: ministry, name: The Ministry}}]\nacts: [{decision: accept, at: {paragraph: 3}, is: {what: w, id: a, kind: order, by: [The Ministry], term: null, confidence: low}}]\n"
	decided, problems := Decide([]byte(good), "", func(string) bool { return false })
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var fields []string
	act := decided.Additions["acts"][0]
	for i := 0; i < len(act.Content); i += 2 {
		fields = append(fields, act.Content[i].Value)
	}
	if got := fmt.Sprint(fields); got != "[id kind date by what confidence cites]" { // in the case file's order; a null that must stand, stands
		t.Errorf("fields %s", got)
	}
	if id := get(act, "by").Content[0].Value; id != "zz-m" {
		t.Errorf("by %s", id)
	}
	if cite := get(act, "cites").Content[0]; get(cite, "source").Value != "paper" || get(cite, "paragraph").Value != "3" {
		t.Errorf("cite %+v", cite)
	}
	if names, _, _ := casefile.Fields("computed"); names != nil {
		t.Error("computed is no list")
	}
}

func FuzzDecide(f *testing.F) {
	f.Add("source: {decision: null}\nacts: [{decision: accept, is: {by: [a], cites: a}}]\n")
	f.Add("source: {decision: accept, is: {id: [a]}}\nactors: [{decision: edit, is: {name: {}, id: []}}]\nclaims: [{decision: accept, at: 3, passage: [], is: {by: x, says: []}}]")
	f.Fuzz(func(t *testing.T, sheet string) {
		decided, problems := Decide([]byte(sheet), "", func(string) bool { return true })
		if (decided == nil) != (len(problems) > 0) {
			t.Errorf("%v and %v", decided, problems)
		}
	})
}
