package draft

import (
	_ "embed" // the table of bodies
	"strings"

	"github.com/bandish/bandish/casefile"
)

// body is a body of a state, or one that measures, by the names that
// newspapers in English use for it.
type body struct {
	CC    string // "" for one of no country
	Kind  casefile.ActorKind
	Name  string
	Short string   // abbreviation in use, or ""
	Also  []string // other names
}

//go:embed bodies.yaml
var bodyTable []byte

// bodies are those that order, carry out, judge or measure bans.
var bodies, _ = readTable[body](bodyTable)

// demonyms are the words for what belongs to a country, of those whose bans
// the press reports most.
var demonyms = map[string]string{
	"afghan": "AF", "algerian": "DZ", "angolan": "AO", "argentine": "AR", "armenian": "AM", "azerbaijani": "AZ", "bahraini": "BH", "bangladeshi": "BD", "belarusian": "BY", "beninese": "BJ", "bolivian": "BO", "brazilian": "BR", "burmese": "MM", "burundian": "BI",
	"cambodian": "KH", "cameroonian": "CM", "chadian": "TD", "chinese": "CN", "colombian": "CO", "congolese": "CD", "cuban": "CU", "ecuadorian": "EC", "egyptian": "EG", "emirati": "AE", "equatoguinean": "GQ", "eritrean": "ER", "ethiopian": "ET", "gabonese": "GA", "gambian": "GM", "georgian": "GE", "ghanaian": "GH", "guinean": "GN",
	"indian": "IN", "indonesian": "ID", "iranian": "IR", "iraqi": "IQ", "jordanian": "JO", "kazakh": "KZ", "kenyan": "KE", "kyrgyz": "KG", "lebanese": "LB", "liberian": "LR", "libyan": "LY", "malagasy": "MG", "malawian": "MW", "malaysian": "MY", "malian": "ML", "mauritanian": "MR", "mozambican": "MZ",
	"nepali": "NP", "nepalese": "NP", "nicaraguan": "NI", "nigerian": "NG", "omani": "OM", "pakistani": "PK", "philippine": "PH", "qatari": "QA", "russian": "RU", "rwandan": "RW", "saudi": "SA", "senegalese": "SN", "somali": "SO", "sudanese": "SD", "syrian": "SY", "tajik": "TJ", "tanzanian": "TZ", "thai": "TH", "togolese": "TG", "tunisian": "TN", "turkish": "TR", "turkmen": "TM",
	"ugandan": "UG", "ukrainian": "UA", "uzbek": "UZ", "venezuelan": "VE", "vietnamese": "VN", "yemeni": "YE", "zambian": "ZM", "zimbabwean": "ZW", "spanish": "ES", "albanian": "AL", "sri lankan": "LK",
}

// demonymsIn finds words such as "Nigerian" and gives their countries.
func demonymsIn(text string) []string {
	var list []string
	for _, m := range wordForm.FindAllStringIndex(text, -1) {
		word := text[m[0]:m[1]]
		if cc := demonyms[strings.ToLower(word)]; cc != "" && word != strings.ToLower(word) {
			list = append(list, cc)
		}
	}
	return list
}

// knowBodies adds the bodies of the text's country and those of none, after
// the actors of the record, whose ids go before.
func (x *actorIndex) knowBodies() {
	for _, b := range bodies {
		if b.CC != "" && b.CC != x.cc {
			continue
		}
		a := x.lookup(b.Name)
		for _, other := range append([]string{b.Short}, b.Also...) {
			if a == nil && other != "" {
				a = x.lookup(other)
			}
		}
		if a == nil {
			a = &Actor{Kind: b.Kind, Name: b.Name}
			if b.CC != "" {
				cc := b.CC
				a.CC = &cc
			}
		}
		x.call(a, append(append(nameForms(b.Name), b.Short), b.Also...)...)
	}
}
