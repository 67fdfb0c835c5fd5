package country_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/bandish/bandish/country"
)

func TestCode(t *testing.T) {
	for name, want := range map[string]string{
		"Pakistan": "PK", " pakistan ": "PK", "Iran (Islamic Republic of)": "IR", "Russian Federation": "RU", "Türkiye": "TR", "Turkey": "TR", "Côte d'Ivoire": "CI",
		"Congo": "CG", "Congo (Democratic Republic of the)": "CD", "DemocraticRepublicCongo": "CD", "Palestine, State of": "PS", "Viet Nam": "VN", "Vietnam": "VN",
		"Venezuela (Bolivarian Republic of)": "VE", "Myanmar": "MM", "UAE": "AE", "United Kingdom": "GB", "South Korea": "KR", "The Gambia": "GM", "SriLanka": "LK", "ZZ": "ZZ", "Kosovo": "XK",
		"Eswatini": "SZ", "Cabo Verde": "CV", "Bosnia & Herzegovina": "BA", "Trinidad & Tobago": "TT", "Hong Kong": "HK", "Guinea": "GN", "Guinea-Bissau": "GW",
	} {
		if got, ok := country.Code(name); got != want || !ok {
			t.Errorf("Code(%q) = %q, %t, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "Atlantis", "XX", "Korea", "Cameroon; Chad"} {
		if got, ok := country.Code(name); ok {
			t.Errorf("Code(%q) = %q, want none", name, got)
		}
	}
}

// Every country's own English name leads back to it.
func TestNamesLeadBack(t *testing.T) {
	codes := country.Codes()
	if len(codes) < 240 {
		t.Fatalf("%d countries, want about 250", len(codes))
	}
	for _, cc := range codes {
		if got, _ := country.Code(country.Name(cc)); got != cc {
			t.Errorf("%s is named %q, which leads to %q", cc, country.Name(cc), got)
		}
		if !country.Valid(cc) {
			t.Errorf("%s is not valid", cc)
		}
	}
	for cc, want := range map[string]bool{"ZZ": true, "XX": false, "pk": false, "": false, "EU": false} {
		if got := country.Valid(cc); got != want {
			t.Errorf("Valid(%q) = %t", cc, got)
		}
	}
}

var update = flag.Bool("update", false, "write names.tsv")

// withdrawn are codes that are no country's any more, or no country's at all,
// and that the region table still counts.
const withdrawn = "ZZ EZ UN JT MI PU WK PZ AC DG CP CQ EA IC TA PC FQ NQ AN CS SU YU NT"

// names.tsv says what the Unicode CLDR says.
func TestNamesAreThoseOfCLDR(t *testing.T) {
	var want strings.Builder
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			cc := string([]rune{a, b})
			r, err := language.ParseRegion(cc)
			if err != nil || cc == "ZZ" {
				continue
			}
			kind := "other"
			if r.IsCountry() && r.Canonicalize() == r && !strings.Contains(withdrawn, cc) {
				kind = "country"
			}
			if name := display.English.Regions().Name(r); name != "" && name != "Unknown Region" {
				fmt.Fprintf(&want, "%s\t%s\t%s\n", cc, name, kind)
			}
		}
	}
	if *update {
		if err := os.WriteFile("names.tsv", []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("names.tsv")
	if err != nil || string(have) != want.String() {
		t.Errorf("names.tsv is not what the library says: go test ./country -update (%v)", err)
	}
}
