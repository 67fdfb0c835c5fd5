package casefile

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// lab is a whole valid case about no real place, and what it shares.
func lab() fstest.MapFS {
	return fstest.MapFS{
		"shared/all.yaml":     {Data: []byte(labShared)},
		"zz-2024-x/case.yaml": {Data: []byte(labCase)},
	}
}

const labShared = `actors:
  - {id: zz-ministry, kind: ministry, name: Ministry of the Lab, cc: ZZ}
  - {id: zz-court, kind: court, name: Court of the Lab, cc: ZZ}
  - {id: zz-judge, kind: judge, name: Judge of the Lab, office: Judge, of: zz-court, from: 2020-01-01}
laws:
  - {id: zz-law, name: Law of the Lab, cc: ZZ, date: 2016, sections: [{number: 37, empowers: the ministry to do nothing}]}
`

const aaa = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

const labCase = `id: zz-2024-x
title: "Lab: access to X"
jurisdiction: ZZ
utc_offset: "+05:00"
targets: [x]
status: ended
start: {date: 2024-02-17, cites: [zz-paper]}
end: {date: 2024-03-01, cites: [zz-paper-3]}
acts:
  - id: letter
    kind: order
    date: 2024-02-17
    by: [zz-ministry]
    what: The ministry orders the block.
    effect: restrict
    basis: [{law: zz-law, section: 37}]
    cites: [{source: zz-paper, phrase: blocked at once}]
  - id: ruling
    kind: judgment
    date: 2024-02-20
    by: [zz-court]
    judges: [zz-judge]
    docket: zz-1
    what: The court orders access restored.
    effect: restore
    answers: [letter]
    cites: [zz-paper-2]
sightings:
  - id: seen
    date: 2024-02-17T22:00:00+05:00
    access: blocked
    onset: true
    targets: [x]
    networks: [AS64512]
    what: Users cannot reach it.
    cites: [zz-paper]
claims:
  - id: works
    by: [zz-ministry]
    date: 2024-02-18
    about: access
    says: It works.
    access: {target: x, cc: ZZ, at: 2024-02-18, says: accessible}
    cites: [zz-paper-2]
dockets:
  - {id: zz-1, court: zz-court, number: null, outcome: null, cites: [zz-paper-2]}
sources:
  - {id: zz-paper, publisher: Lab Paper, title: null, date: 2024-02-18, url: null, type: press, language: en, reliability: B, reliability_reason: made for a test, note: made up, copy: {sha256: '` + aaa + `'}}
  - {id: zz-paper-2, publisher: Lab Gazette, title: null, date: 2024-02-21, url: null, type: official_document, language: en, reliability: A, reliability_reason: made for a test, note: made up}
  - {id: zz-paper-3, publisher: Lab Gazette, title: null, date: 2024-03-02, url: null, type: official_document, language: en, reliability: A, reliability_reason: made for a test, note: made up}
`

func TestLoad(t *testing.T) {
	r, err := Load(lab(), "records")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.problems) > 0 {
		t.Fatalf("problems: %v", r.problems)
	}
	c := r.Case("zz-2024-x")
	if c == nil || len(c.Acts) != 2 || len(r.Shared.Actors) != 3 {
		t.Fatalf("read %+v", r)
	}
	if got := c.Acts[0].Cites[0]; got.Source != "zz-paper" || got.Phrase != "blocked at once" {
		t.Errorf("cite %+v", got)
	}
	if c.Sightings[0].Networks[0] != 64512 || c.Acts[1].Cites[0].Source != "zz-paper-2" || c.Dockets[0].Number != nil {
		t.Errorf("read %+v", c)
	}
}

// The fields of a case may stand in several files, each in one.
func TestLoadSplit(t *testing.T) {
	head, sources, _ := strings.Cut(labCase, "sources:\n")
	fsys := lab()
	fsys["zz-2024-x/case.yaml"].Data = []byte(head)
	fsys["zz-2024-x/sources.yaml"] = &fstest.MapFile{Data: []byte("sources:\n" + sources)}
	r, err := Load(fsys, "records")
	if err != nil || len(r.problems) > 0 || len(r.Case("zz-2024-x").Sources) != 3 {
		t.Fatalf("%v, %v, %+v", err, r.problems, r.Cases)
	}
	fsys["zz-2024-x/zzz.yaml"] = &fstest.MapFile{Data: []byte("sources: []\n")}
	r, _ = Load(fsys, "records")
	want := "records/zz-2024-x/zzz.yaml:1: sources: is already in records/zz-2024-x/sources.yaml; keep a field in one file"
	if !slices.ContainsFunc(r.problems, func(p Problem) bool { return p.String() == want }) || len(r.Case("zz-2024-x").Sources) != 3 {
		t.Errorf("problems %v", r.problems)
	}
}
