package fingerprint

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const table = `name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes
a.page,nat,,body,contains,"<title>Site ""closed"" here</title>",10,"ZZ, QQ",test,,
a.start,isp,,body,prefix,<b>closed,5,ZZ,test,,
a.all,isp,,body,full,closed,5,,test,,
a.words,vbw,,body,regexp,clos.* by order,5,,test,,
a.false,fp,,body,contains,shop is closed,5,,test,,
a.moved,nat,,header.location,prefix,http://closed.test/,10,ZZ,test,,
a.server,prod,,header.Server,contains,Closer/,5,,test,,
a.addr,nat,,dns,full,192.0.2.7,10,ZZ,test,,
`

func set(t testing.TB, csv string) *Set {
	all, err := ReadCSV(strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(all)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(matches []string) []string {
	var all []string
	for _, m := range matches {
		all = append(all, ParseMatch(m).Name)
	}
	slices.Sort(all)
	return all
}

func TestMatch(t *testing.T) {
	s := set(t, table)
	for body, want := range map[string][]string{
		`x <title>Site "closed" here</title> y`:  {"a.page"},
		`<b>closed and <b>closed`:                {"a.start"},
		` <b>closed`:                             nil,
		`closed`:                                 {"a.all"},
		`closed `:                                nil,
		`it is closed now by order`:              {"a.words"},
		"the shop is closed by order":            {"a.false", "a.words"},
		`<title>Site "clos<title>Site "closed"`:  nil,
		"":                                       nil,
		strings.Repeat("<title>", 50) + "closed": nil,
	} {
		if got := names(s.MatchBody(body)); !slices.Equal(got, want) {
			t.Errorf("body %q: got %q, want %q", body, got, want)
		}
	}
	if got := names(s.MatchHeader("location", "http://closed.test/x")); !slices.Equal(got, []string{"a.moved"}) {
		t.Errorf("location: %q", got)
	}
	if got := s.MatchHeader("location", "http://x/?http://closed.test/"); got != nil {
		t.Errorf("a prefix matched elsewhere: %q", got)
	}
	if got := names(s.MatchHeader("server", "Closer/2")); !slices.Equal(got, []string{"a.server"}) {
		t.Errorf("server: %q", got)
	}
	if got := names(s.MatchDNS("192.0.2.7")); !slices.Equal(got, []string{"a.addr"}) || s.MatchDNS("192.0.2.70") != nil {
		t.Errorf("address: %q", got)
	}
	m := ParseMatch(s.MatchBody(`<title>Site "closed" here</title>`)[0])
	if m.Scope != "nat" || m.Confidence != 10 || !m.Expected("ZZ") || !m.Expected("QQ") || m.Expected("AA") {
		t.Errorf("match %+v", m)
	}
}

func TestIDDependsOnContentOnly(t *testing.T) {
	a := set(t, table)
	lines := strings.SplitAfter(strings.TrimSuffix(table, "\n"), "\n")
	last := lines[len(lines)-1] + "\n"
	lines[len(lines)-1], lines[1] = strings.TrimSuffix(lines[1], "\n"), last
	if b := set(t, strings.Join(lines, "")); a.ID() != b.ID() || len(a.ID()) != 16 {
		t.Errorf("the order of rows changes the id: %s %s", a.ID(), b.ID())
	}
	if b := set(t, strings.Replace(table, "192.0.2.7", "192.0.2.8", 1)); a.ID() == b.ID() {
		t.Error("another pattern has the same id")
	}
}

func TestReadCSVNamesEveryFault(t *testing.T) {
	_, err := ReadCSV(strings.NewReader(strings.NewReplacer("a.start,isp,,body", "a.start,isp,,foot", "clos.* by", "clos(* by", ",full,192.0.2.7", ",whole,192.0.2.7").Replace(table)))
	if err == nil {
		t.Fatal("faults were taken")
	}
	for _, want := range []string{"line 3", "foot", "line 5", "line 9", "whole"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	for _, bad := range []string{"", "name,scope\nx,y\n", "name,scope,location_found,pattern_type,pattern,confidence_no_fp,expected_countries\nx,nat,body,contains,p,many,\n"} {
		if _, err := ReadCSV(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestEmbedded(t *testing.T) {
	s := Embedded()
	for _, addr := range []string{"10.10.34.34", "10.10.34.35", "10.10.34.36"} {
		m := s.MatchDNS(addr)
		if len(m) != 1 || !ParseMatch(m[0]).Expected("IR") {
			t.Errorf("%s: %q", addr, m)
		}
	}
	if s.Len() != len(EmbeddedList()) || s.Len() == 0 {
		t.Errorf("%d fingerprints", s.Len())
	}
}

// The words found are those that strings.Contains finds, of few letters so that
// many begin alike and lie one in another.
func TestWordsAgreeWithContains(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	word := func(n int) string {
		b := make([]byte, 1+rng.IntN(n))
		for i := range b {
			b[i] = "ab"[rng.IntN(2)]
		}
		return string(b)
	}
	hits := 0
	for range 500 {
		var all []literal
		for i := range 1 + rng.IntN(30) {
			all = append(all, literal{text: word(14), match: fmt.Sprint(i)})
		}
		w := newWords(all)
		for range 20 {
			text := word(200)
			var want []string
			for _, l := range all {
				if strings.Contains(text, l.text) {
					want = append(want, l.match)
					hits += min(1, len(l.text)/windowBytes)
				}
			}
			got := w.find(text)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("words %v in %q: got %v, want %v", all, text, got, want)
			}
		}
	}
	if hits < 1000 {
		t.Errorf("only %d long words were in the texts", hits)
	}
}

// The tables as they are published.
func TestUpstreamTables(t *testing.T) {
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = "../../shared"
	}
	files, _ := filepath.Glob(filepath.Join(shared, "ooni", "fingerprints", "*.csv"))
	if len(files) == 0 {
		t.Skipf("no tables under %s; set BANDISH_SHARED", shared)
	}
	var all []Fingerprint
	for _, path := range files {
		f, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		some, err := ReadCSV(bytes.NewReader(f))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	s, err := New(all)
	if err != nil {
		t.Fatal(err)
	}
	// Each literal pattern is found in itself, in whatever is around it.
	n := 0
	for _, f := range all {
		if f.Location != "body" || f.PatternType != "contains" {
			continue
		}
		n++
		if !slices.Contains(names(s.MatchBody("xx"+f.Pattern+"yy")), f.Name) {
			t.Errorf("%s does not match its own pattern", f.Name)
		}
	}
	if n < 1000 {
		t.Errorf("only %d patterns of bodies", n)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte(table), []byte("closed"))
	f.Fuzz(func(t *testing.T, csv, body []byte) {
		all, err := ReadCSV(bytes.NewReader(csv))
		if err != nil {
			return
		}
		s, err := New(all)
		if err != nil {
			t.Fatalf("read but not made: %v", err)
		}
		for _, m := range s.MatchBody(string(body)) {
			if ParseMatch(m).String() != m {
				t.Fatalf("%q is not read back", m)
			}
		}
	})
}

func BenchmarkMatchBody(b *testing.B) {
	s := set(b, table)
	body := strings.Repeat("<div class='news'>a page of no interest</div>", 1500)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		s.MatchBody(body)
	}
}
