package target

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"golang.org/x/net/idna"
)

// Registry is the set of all platforms, indexed for lookup.
type Registry struct {
	platforms []*Platform // sorted by id
	byID      map[string]*Platform
	byAlias   map[string]string
	byTest    map[string]string
	byName    map[string]string  // id, alias, name and former name, in lower case
	claims    map[string][]claim // by host or domain name, the latest first
	hash      string
}

// claim says that a platform has a name for a time, in Unix seconds. An empty platform
// marks a name that is excepted from the domain above it.
type claim struct {
	platform    string
	under       bool // names below it too
	from, until int64
}

const (
	always  = -1 << 62
	forever = 1 << 62
)

// Platform returns the platform of an id.
func (r *Registry) Platform(id string) (*Platform, bool) {
	p, ok := r.byID[id]
	return p, ok
}

// Platforms returns every platform, sorted by id. The caller may change the slice, but not
// the platforms.
func (r *Registry) Platforms() []*Platform { return slices.Clone(r.platforms) }

// OfTest returns the platform that an OONI test measures, "" if the test is about no
// single platform.
func (r *Registry) OfTest(testName string) string { return r.byTest[testName] }

// Hash returns the SHA-256 of the registry's content, in hex. Comments and layout of the
// documents do not change it.
func (r *Registry) Hash() string { return r.hash }

// OfHost returns the platform that a host belonged to at a time, "" for none. The longest
// claim of whole labels decides: notx.com is not x.com. Case, a port, a dot at the end and
// names in Unicode do not matter. The zero time asks for the latest claim.
func (r *Registry) OfHost(host string, at time.Time) string {
	host = hostName(host)
	if host == "" {
		return ""
	}
	when := int64(forever)
	if !at.IsZero() {
		when = at.Unix()
	}
	for name, whole := host, true; ; whole = false {
		for _, c := range r.claims[name] { // the latest first
			if (whole || c.under) && (when == forever || c.from <= when && when < c.until) {
				return c.platform
			}
		}
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return ""
		}
		name = name[dot+1:]
	}
}

// Of returns the platform that a host belongs to or, if there is none, that the test
// measures; "" for none.
func (r *Registry) Of(host, test string, at time.Time) string {
	if host != "" {
		if id := r.OfHost(host, at); id != "" {
			return id
		}
	}
	return r.OfTest(test)
}

// Resolve reads a target as a person writes it: the id or an alias of a platform, or a
// host name. For a platform it returns the id and all names that it claims. For a host
// that no platform claims, it returns the host. The error suggests similar ids.
func (r *Registry) Resolve(arg string) (id string, hosts []string, err error) {
	name := strings.ToLower(strings.TrimSpace(arg))
	if alias, ok := r.byAlias[name]; ok {
		name = alias
	}
	if p, ok := r.byID[name]; ok {
		return p.ID, p.HostNames(time.Time{}), nil
	}
	host := name
	if u, err := url.Parse(name); err == nil && u.Host != "" {
		host = u.Host
	}
	host = hostName(host)
	if id := r.OfHost(host, time.Time{}); id != "" {
		return id, r.byID[id].HostNames(time.Time{}), nil
	}
	if isAddress(host) || strings.Contains(host, ".") && !strings.HasPrefix(host, ".") {
		return host, []string{host}, nil
	}
	hint := "`bandish targets` lists them"
	if near := r.near(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return "", nil, fmt.Errorf("unknown target %q: neither a platform nor a host name; %s", arg, hint)
}

// hostName returns a host in the form in which it is claimed: lower case, punycode, no
// port, no dot at the end; "" if the text is no host name. It allocates only if the form
// changes.
func hostName(s string) string {
	plain := s != ""
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' && i > 0 && s[i-1] != '.' || c == '-' || c == '_'
	}
	if plain && len(s) <= 253 && s[len(s)-1] != '.' {
		return s
	}
	return cleanHostName(s)
}

func cleanHostName(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "[") { // [2001:db8::1]:443
		address, _, closed := strings.Cut(s[1:], "]")
		if !closed || !isAddress(address) {
			return ""
		}
		s = address
	} else if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.IndexByte(s, ':') == i {
		if strings.Trim(s[i+1:], "0123456789") != "" {
			return ""
		}
		s = s[:i]
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone("").String()
	}
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if !isASCII(s) {
		a, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return ""
		}
		s = a
	}
	if s == "" || len(s) > 253 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return ""
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return ""
		}
	}
	return s
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// near returns up to three ids whose id, alias or name resembles a word.
func (r *Registry) near(word string) []string {
	type match struct {
		id   string
		cost int
	}
	if len(word) > 40 { // longer than any name
		return nil
	}
	var matches []match
	for _, p := range r.platforms {
		best := 3
		for _, n := range append([]string{p.ID, strings.ToLower(p.Name)}, p.Aliases...) {
			cost := levenshtein.ComputeDistance(word, n)
			if len(word) >= 3 && strings.HasPrefix(n, word) {
				cost = 1
			}
			if cost < max(len(word), 2)/2+1 {
				best = min(best, cost)
			}
		}
		if best < 3 {
			matches = append(matches, match{p.ID, best})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return a.cost - b.cost })
	var ids []string
	for _, m := range matches[:min(len(matches), 3)] {
		ids = append(ids, m.id)
	}
	return ids
}

// index makes the lookup tables of checked platforms.
func index(platforms []*Platform) (*Registry, error) {
	slices.SortFunc(platforms, func(a, b *Platform) int { return strings.Compare(a.ID, b.ID) })
	r := &Registry{
		platforms: platforms,
		byID:      make(map[string]*Platform),
		byAlias:   make(map[string]string),
		byTest:    make(map[string]string),
		byName:    make(map[string]string),
		claims:    make(map[string][]claim),
	}
	for _, p := range platforms {
		r.byID[p.ID] = p
		for _, f := range p.Former {
			r.byName[strings.ToLower(f.Name)] = p.ID
		}
		for _, a := range p.Aliases {
			r.byAlias[a] = p.ID
		}
		for _, t := range p.Tests {
			r.byTest[t] = p.ID
		}
		for _, h := range p.Hosts {
			c := claim{platform: p.ID, under: h.Domain != "", from: always, until: forever}
			if h.From != "" {
				c.from = h.From.Start().Unix()
			}
			if h.Until != "" {
				c.until = h.Until.End().Unix()
			}
			r.claims[h.Name()] = append(r.claims[h.Name()], c)
			for _, e := range h.Except {
				r.claims[e] = append(r.claims[e], claim{under: true, from: c.from, until: c.until})
			}
		}
	}
	for _, cs := range r.claims {
		slices.SortFunc(cs, func(a, b claim) int {
			if (a.platform == "") != (b.platform == "") { // a claim wins against an exception
				return strings.Compare(b.platform, a.platform)
			}
			return cmp.Compare(b.until, a.until)
		})
	}
	for _, p := range platforms { // a present name wins against a former one
		r.byName[strings.ToLower(p.Name)] = p.ID
	}
	maps.Copy(r.byName, r.byAlias)
	for id := range r.byID {
		r.byName[id] = id
	}
	text, err := json.Marshal(platforms)
	if err != nil {
		return nil, fmt.Errorf("hash the target registry: %w", err)
	}
	sum := sha256.Sum256(text)
	r.hash = hex.EncodeToString(sum[:])
	return r, nil
}

// OfName returns the platform that a word in prose means, "" for none. The word may be its
// id, an alias, its name or a former name, in any case.
func (r *Registry) OfName(word string) string {
	return r.byName[strings.ToLower(strings.TrimSpace(word))]
}

// Names returns every word that OfName knows, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.byName)) }
