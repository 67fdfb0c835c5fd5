package reported_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bandish/bandish/internal/reported"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

const example = `A page in clear text of which the resolver denies the name.

right: likely_blocked
why: The control finds the name,
  the probe's resolver says that there is none.
source: an example

-- measurement.json --
{"test_name":"web_connectivity","measurement_start_time":"2024-02-17 10:00:00","probe_cc":"ZZ","probe_asn":"AS64512","input":"http://www.a.example/",
 "test_keys":{
  "queries":[{"engine":"system","hostname":"www.a.example","query_type":"A","failure":"dns_nxdomain_error","answers":null}],
  "requests":[{"failure":"dns_nxdomain_error","request":{"url":"http://www.a.example/"},"response":{"body":"{100 bytes}"}}],
  "control":{"dns":{"failure":null,"addrs":["198.51.100.1"]},"http_request":{"failure":null,"status_code":200,"body_length":9,"title":"t","headers":{}}}}}
`

func TestCase(t *testing.T) {
	c, err := reported.Parse("example", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if c.Title != "A page in clear text of which the resolver denies the name." || c.Source != "an example" ||
		c.Why != "The control finds the name, the probe's resolver says that there is none." {
		t.Errorf("read %+v", c)
	}
	if strings.Contains(string(c.Document), "{100 bytes}") || len(c.Document) < len("This text means nothing")+100 {
		t.Errorf("the body was not filled: %s", c.Document)
	}
	v, err := c.Judge(observation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v.State != verdict.LikelyBlocked || !c.Fits(v.State) || c.Fits(verdict.OK) {
		t.Errorf("judged %s", v.State)
	}
}

func TestFaultyCases(t *testing.T) {
	for fault, change := range map[string][2]string{
		`"perhaps" is no state`:             {"right: likely_blocked", "right: perhaps"},
		`is no state; want blocked`:         {"right: likely_blocked", ""},
		`why: and source:`:                  {"source: an example", ""},
		`line "where: here"`:                {"source: an example", "where: here"},
		`measurement.json is missing`:       {example[strings.Index(example, "-- measurement"):], ""},
		`file "other.json"`:                 {"-- measurement.json --", "-- other.json --"},
		`no column "name"`:                  {"-- measurement.json --", "-- fingerprints.csv --\na,b\n-- measurement.json --"},
		`measurement.json is missing or no`: {`{"test_name"`, `{test_name`},
	} {
		text := strings.Replace(example, change[0], change[1], 1)
		_, err := reported.Parse("example", []byte(text))
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q instead of %q: %v, want %s", change[1], change[0], err, fault)
		}
	}
}

func TestRead(t *testing.T) {
	_, document, _ := strings.Cut(example, "-- measurement.json --")
	good := fstest.MapFS{
		"b.txt":     {Data: []byte(example)},
		"truth.tsv": {Data: []byte("a\tok|impaired\tsomebody\n")},
		"a.json":    {Data: []byte(document)},
		"notes.md":  {Data: []byte("not read")},
	}
	cases, err := reported.Read(good)
	if err != nil || len(cases) != 2 || cases[0].Name != "a" || cases[1].Name != "b" || len(cases[0].Right) != 2 || cases[0].Source != "somebody" {
		t.Fatalf("read %+v, %v", cases, err)
	}
	bad := fstest.MapFS{
		"truth.tsv": {Data: []byte("a\tok\tsomebody\nb\tok\nc\twell\tsomebody\n")},
		"d.txt":     {Data: []byte("right: ok\n")},
	}
	_, err = reported.Read(bad)
	for _, want := range []string{"truth.tsv:1: open a.json", "truth.tsv:2: 2 fields", `truth.tsv:3: "well" is no state`, "d.txt: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

func TestScore(t *testing.T) {
	var s reported.Score
	add := func(state verdict.State, right ...verdict.State) {
		s.Add(&reported.Case{Right: right}, state)
	}
	add(verdict.OK, verdict.OK)
	add(verdict.Blocked, verdict.Blocked)
	add(verdict.Blocked, verdict.LikelyBlocked) // a right accusation, said too strongly
	add(verdict.LikelyBlocked, verdict.Impaired, verdict.LikelyBlocked)
	add(verdict.Impaired, verdict.Impaired, verdict.LikelyBlocked) // none was needed
	add(verdict.LikelyBlocked, verdict.Down)
	add(verdict.Down, verdict.LikelyBlocked, verdict.Blocked)
	want := reported.Score{Cases: 7, Right: 4, Accused: 3, False: 1, Missed: 1}
	if s != want || s.Precision() != 0.75 || s.Recall() != 0.75 {
		t.Errorf("got %+v, precision %v, recall %v; want %+v", s, s.Precision(), s.Recall(), want)
	}
	if (&reported.Score{}).Precision() != 1 {
		t.Error("no accusation is no false one")
	}
}
