package verdict_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/verdict"
)

// Two things at once that are nobody's interference are none together: a twelfth
// of the pairs, or all with BANDISH_LONG=1.
func TestInnocentPairsAccuseNobody(t *testing.T) {
	var innocent []condition
	for _, c := range slices.Concat(conditions, more) {
		if !strings.Contains(c.truth.truth, "blocked") || c.truth.truth == "not-blocked" {
			innocent = append(innocent, c)
		}
	}
	n, accused := 0, 0
	for i, a := range innocent {
		for j, b := range innocent[i+1:] {
			if (i+j)%12 != 0 && os.Getenv("BANDISH_LONG") == "" {
				continue
			}
			for _, shape := range []string{"0.4", "0.5"} {
				for _, scheme := range []string{"http", "https"} {
					fits := func(c condition) bool {
						return (c.only == "" || c.only == shape) && (c.both || c.https == (scheme == "https"))
					}
					if !fits(a) || !fits(b) || undoes(a.name, b.name) || undoes(b.name, a.name) {
						continue
					}
					w := newWorld(uint64(i*1000+j), shape, scheme)
					v, ok := pairOf(t, w, a, b)
					if !ok {
						continue
					}
					n++
					if v.State == verdict.Blocked || v.State == verdict.LikelyBlocked {
						accused++
						t.Errorf("%s + %s, %s %s: %s %v by %v", a.name, b.name, shape, scheme, v.State, v.Mechanisms, v.Rules)
					}
				}
			}
		}
	}
	t.Logf("%d pairs, %d accused", n, accused)
}

// undoes reports whether a condition takes away what makes another one's truth.
func undoes(a, b string) bool {
	for _, pair := range [][2]string{
		{"name_gone|control_old_down|dressed_name_gone", "edge_|captcha_|forbidden_|local_page_|notice_only"}, // an answer for no name is a ghost
		{"other_port", "edge_|captcha_|forbidden_|local_page_|geoblock"},                                      // servers that do not listen there
		{"long_page", "edge_|local_page_"},                                                                    // that have another page
		{"interception_of_all", "doh_"},                                                                       // whose evidence is the encrypted resolver
		{"v6_only", "notice_only"},                                                                            // whose only page is the notice then
		{"resolver_of_choice", "elsewhere"},                                                                   // and the resolver's network
	} {
		if prefixed(a, pair[0]) && prefixed(b, pair[1]) {
			return true
		}
	}
	return false
}

func prefixed(name, of string) bool {
	return slices.ContainsFunc(strings.Split(of, "|"), func(p string) bool { return strings.HasPrefix(name, p) })
}

// pairOf makes both conditions in one world; some cannot go together.
func pairOf(t *testing.T, w *world, a, b condition) (v verdict.Row, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	for _, c := range []condition{a, b} {
		if c.make != nil {
			c.make(w)
		}
	}
	doc := w.document()
	for _, c := range []condition{a, b} {
		if c.edit != nil {
			c.edit(doc)
		}
	}
	return judgeLoose(t, encode(doc))
}
