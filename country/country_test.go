package country_test

import (
	"testing"

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
