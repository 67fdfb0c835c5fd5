// Package fingerprint knows the pages and addresses that censors are known to give.
// A Set is a snapshot of fingerprints in the schema of OONI's blocking-fingerprints
// tables. It finds all fingerprints that match an address or a response in one
// pass. The package concludes nothing: package verdict decides what a match means
// in which country. It does no I/O.
package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/bandish/bandish/internal/header"
)

// Fingerprint is one row of the table.
type Fingerprint struct {
	Name string
	// Scope says who shows it: nat (a state), isp, prod (a filtering product), inst
	// (an institution), prov (the server's provider), vbw (words that may mean a
	// block), fp (known not to be a block).
	Scope       string
	Location    string // body, dns, header.NAME with the name in lower case
	PatternType string // full, prefix, contains, regexp (RE2)
	Pattern     string
	Countries   []string // where it is expected, ISO 3166-1 alpha-2, sorted
	Confidence  int      // from 0 to 10: how surely a match is no false positive
}

var columns = []string{"name", "scope", "location_found", "pattern_type", "pattern", "confidence_no_fp", "expected_countries"}

// ReadCSV reads a table in OONI's schema. The columns may be in any order, and
// columns that are not needed may be absent. The error names every faulty row with
// its line.
func ReadCSV(r io.Reader) ([]Fingerprint, error) {
	return header.Read(r, "fingerprints", columns, fromRow)
}

func fromRow(get func(column string) string) (Fingerprint, error) {
	f := Fingerprint{
		Name:        strings.Map(nameRune, get("name")),
		Scope:       get("scope"),
		Location:    strings.ToLower(get("location_found")),
		PatternType: get("pattern_type"),
		Pattern:     get("pattern"),
	}
	if c := get("confidence_no_fp"); c != "" {
		n, err := strconv.Atoi(c)
		if err != nil {
			return f, fmt.Errorf("%s: confidence_no_fp %q is no number", f.Name, c)
		}
		f.Confidence = n
	}
	for cc := range strings.SplitSeq(get("expected_countries"), ",") {
		if cc = strings.ToUpper(strings.TrimSpace(cc)); cc != "" {
			f.Countries = append(f.Countries, cc)
		}
	}
	sort.Strings(f.Countries)
	return f, f.check()
}

// nameRune keeps out of names the semicolon, which separates the fields of
// Match.String, and control characters.
func nameRune(r rune) rune {
	if r == ';' || r < ' ' {
		return '_'
	}
	return r
}

func (f *Fingerprint) check() error {
	switch {
	case f.Name == "":
		return errors.New("a fingerprint has no name")
	case f.Pattern == "":
		return fmt.Errorf("%s: empty pattern", f.Name)
	case f.Location != "body" && f.Location != "dns" && !strings.HasPrefix(f.Location, "header."):
		return fmt.Errorf("%s: location_found %q; want body, dns or header.NAME", f.Name, f.Location)
	case !slices.Contains([]string{"full", "prefix", "contains", "regexp"}, f.PatternType):
		return fmt.Errorf("%s: pattern_type %q; want full, prefix, contains or regexp", f.Name, f.PatternType)
	}
	if f.PatternType == "regexp" {
		if _, err := regexp.Compile(f.Pattern); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// Match is a fingerprint that matched, with what a verdict needs to know of it.
type Match struct {
	Name       string
	Scope      string
	Location   string
	Countries  []string
	Confidence int
}

// String writes the form that observations keep:
// NAME;SCOPE;LOCATION;CC,CC;CONFIDENCE.
func (m Match) String() string {
	return m.Name + ";" + m.Scope + ";" + m.Location + ";" + strings.Join(m.Countries, ",") + ";" + strconv.Itoa(m.Confidence)
}

// ParseMatch reads what String wrote. Text that it cannot read becomes a match
// without a scope, on which no rule rests.
func ParseMatch(s string) Match {
	part := strings.Split(s, ";")
	if len(part) != 5 {
		return Match{Name: s}
	}
	m := Match{Name: part[0], Scope: part[1], Location: part[2]}
	if part[3] != "" {
		m.Countries = strings.Split(part[3], ",")
	}
	m.Confidence, _ = strconv.Atoi(part[4])
	return m
}

// Expected reports whether the fingerprint is expected in a country.
func (m Match) Expected(cc string) bool { return slices.Contains(m.Countries, cc) }

// Set is a snapshot of fingerprints, ready to match. Several goroutines may use it.
// A match is returned in the form of Match.String.
type Set struct {
	id       string
	size     int
	addrs    map[string][]string // by IP address, or by a name in a DNS answer
	names    []rule              // for names in DNS answers: prefix, contains and regexp
	headers  map[string][]rule   // by header name in lower case
	literals *words              // for bodies: contains
	starts   []rule              // for bodies: full and prefix
	patterns []rule              // for bodies: regexp
}

// rule is one fingerprint that is compared alone.
type rule struct {
	kind    string
	pattern string
	regexp  func() *regexp.Regexp // compiled at first use
	match   string
}

func (r *rule) matches(s string) bool {
	switch r.kind {
	case "full":
		return s == r.pattern
	case "prefix":
		return strings.HasPrefix(s, r.pattern)
	case "contains":
		return strings.Contains(s, r.pattern)
	default:
		re := r.regexp()
		start, _ := re.LiteralPrefix() // looking for this text is far cheaper
		return strings.Contains(s, start) && re.MatchString(s)
	}
}

// New makes a set; the order of the fingerprints does not matter. A fingerprint
// that cannot be right is an error.
func New(all []Fingerprint) (*Set, error) {
	s := &Set{addrs: map[string][]string{}, headers: map[string][]rule{}, size: len(all)}
	var lines []string
	var literals []literal
	for i := range all {
		f := &all[i]
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("make fingerprint set: %w", err)
		}
		match := Match{f.Name, f.Scope, f.Location, f.Countries, f.Confidence}.String()
		lines = append(lines, match+"\x00"+f.PatternType+"\x00"+f.Pattern+"\n")
		r := rule{kind: f.PatternType, pattern: f.Pattern, match: match}
		if f.PatternType == "regexp" {
			r.regexp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(f.Pattern) })
		}
		switch {
		case f.Location == "dns" && f.PatternType != "full":
			s.names = append(s.names, r)
		case f.Location == "dns":
			s.addrs[f.Pattern] = append(s.addrs[f.Pattern], match)
		case f.Location != "body":
			name := strings.TrimPrefix(f.Location, "header.")
			s.headers[name] = append(s.headers[name], r)
		case f.PatternType == "regexp":
			s.patterns = append(s.patterns, r)
		case f.PatternType == "contains":
			literals = append(literals, literal{f.Pattern, match})
		default:
			s.starts = append(s.starts, r)
		}
	}
	sort.Strings(lines)
	hash := sha256.Sum256([]byte(strings.Join(lines, "")))
	s.id = hex.EncodeToString(hash[:8])
	s.literals = newWords(literals)
	return s, nil
}

// ID names the snapshot: the first 16 hexadecimal digits of the SHA-256 of its
// content.
func (s *Set) ID() string { return s.id }

// Len is the number of fingerprints.
func (s *Set) Len() int { return s.size }

// MatchDNS returns the matches of an IP address, sorted.
func (s *Set) MatchDNS(addr string) []string { return s.addrs[addr] }

// MatchName returns the matches of a name in a DNS answer (a CNAME), in lower case.
func (s *Set) MatchName(name string) []string {
	found := slices.Clone(s.addrs[name])
	for i := range s.names {
		if s.names[i].matches(name) {
			found = append(found, s.names[i].match)
		}
	}
	return found
}

// MatchHeader returns the matches of one header; name is in lower case.
func (s *Set) MatchHeader(name, value string) []string {
	var found []string
	for i := range s.headers[name] {
		if r := &s.headers[name][i]; r.matches(value) {
			found = append(found, r.match)
		}
	}
	return found
}

// MatchBody returns the matches of a body, each once.
func (s *Set) MatchBody(body string) []string {
	found := s.literals.find(body)
	for _, rules := range [][]rule{s.starts, s.patterns} {
		for i := range rules {
			if rules[i].matches(body) {
				found = append(found, rules[i].match)
			}
		}
	}
	return found
}
