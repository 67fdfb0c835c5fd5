// Package country turns the names of countries, as data sets and articles write
// them, into ISO 3166-1 alpha-2 codes, and codes into names. The codes and English
// names are those of the Unicode CLDR. Other spellings in use are in a table here.
// A name that could mean two countries has no code. The package does no I/O.
package country

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// others maps spellings that CLDR's English names do not have to their codes. The
// spellings are written as plain writes them.
var others = map[string]string{
	"bolivia plurinational state of": "BO", "brunei darussalam": "BN", "burma": "MM", "myanmar": "MM", "cabo verde": "CV", "cape verde": "CV",
	"cote d ivoire": "CI", "ivory coast": "CI", "congo": "CG", "congo brazzaville": "CG", "republic of the congo": "CG", "republic of congo": "CG",
	"congo democratic republic of the": "CD", "democratic republic of congo": "CD", "democratic republic of the congo": "CD", "democraticrepubliccongo": "CD", "drc": "CD", "dr congo": "CD", "congo drc": "CD", "congo kinshasa": "CD",
	"czech republic": "CZ", "england": "GB", "great britain": "GB", "uk": "GB", "hong kong": "HK", "iran islamic republic of": "IR", "islamic republic of iran": "IR",
	"korea republic of": "KR", "republic of korea": "KR", "korea democratic people s republic of": "KP", "lao people s democratic republic": "LA",
	"macao": "MO", "macau": "MO", "macedonia": "MK", "moldova republic of": "MD", "palestine": "PS", "palestine state of": "PS", "state of palestine": "PS", "palestinian territories": "PS",
	"russian federation": "RU", "somaliland": "SO", "swaziland": "SZ", "eswatini": "SZ", "syrian arab republic": "SY", "tanzania united republic of": "TZ", "united republic of tanzania": "TZ",
	"east timor": "TL", "the gambia": "GM", "turkey": "TR", "turkiye": "TR", "uae": "AE", "united states of america": "US", "usa": "US", "us": "US", "america": "US",
	"venezuela bolivarian republic of": "VE", "viet nam": "VN", "holland": "NL", "the netherlands": "NL", "micronesia federated states of": "FM", "trinidad and tobago": "TT",
	"bosnia": "BA", "bosnia and herzegovina": "BA", "st lucia": "LC", "saint lucia": "LC", "south korea": "KR", "north korea": "KP", "taiwan province of china": "TW",
	"vatican": "VA", "holy see": "VA", "mainland china": "CN", "pr china": "CN", "people s republic of china": "CN", "antigua and barbuda": "AG",
	"saint kitts and nevis": "KN", "saint vincent and the grenadines": "VC", "sao tome and principe": "ST", "isle of man": "IM", "libyan arab jamahiriya": "LY", "luxemburg": "LU",
}

var table = sync.OnceValue(func() map[string]string {
	codes := make(map[string]string)
	for _, cc := range Codes() {
		codes[plain(Name(cc))] = cc
	}
	for name, cc := range others {
		codes[name] = cc
	}
	for name, cc := range codes { // "SriLanka"
		if run := strings.ReplaceAll(name, " ", ""); len(run) > 6 && codes[run] == "" {
			codes[run] = cc
		}
	}
	return codes
})

// names is a table of codes, English names, and "country" for those that are a
// country's today, as the Unicode CLDR has them (a test compares). The table is a
// file so that small programs need not hold CLDR's tables of all languages.
//
//go:embed names.tsv
var names string

// listed are the rows of names.
var listed = sync.OnceValue(func() (l struct {
	codes  []string
	byCode map[string]string
}) {
	l.byCode = map[string]string{}
	for line := range strings.Lines(names) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		l.byCode[f[0]] = f[1]
		if f[2] == "country" {
			l.codes = append(l.codes, f[0])
		}
	}
	return l
})

// Codes lists every country code, sorted.
func Codes() []string { return slices.Clone(listed().codes) }

// Valid reports whether cc is a country code in capitals, or ZZ, the code of the
// lab.
func Valid(cc string) bool {
	_, found := slices.BinarySearch(listed().codes, cc)
	return found || cc == "ZZ"
}

// Name returns the English name of a country code, or the code itself where it has
// no name.
func Name(cc string) string {
	if name, ok := listed().byCode[cc]; ok {
		return name
	}
	return cc
}

// Code returns the country code of an English name in any spelling in use, whatever
// its case, accents and punctuation; false where the name is not known.
func Code(name string) (string, bool) {
	key := plain(name)
	if key == "zz" { // the lab has no other name
		return "ZZ", true
	}
	if cc, ok := table()[key]; ok {
		return cc, true
	}
	if rest, ok := strings.CutPrefix(key, "the "); ok {
		cc, ok := table()[rest]
		return cc, ok
	}
	return "", false
}

// plain is a name in lower case without accents and punctuation.
func plain(s string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == '&':
			b.WriteString(" and")
			space = true
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			if r == 'ı' {
				r = 'i'
			}
			b.WriteRune(r)
		default:
			space = true
		}
	}
	return b.String()
}
