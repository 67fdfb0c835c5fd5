package country

import "strings"

// demonyms maps words such as "nigerian" to country codes. It has the countries
// whose bans the press reports most.
var demonyms = map[string]string{
	"afghan": "AF", "algerian": "DZ", "angolan": "AO", "argentine": "AR", "armenian": "AM", "azerbaijani": "AZ", "bahraini": "BH", "bangladeshi": "BD", "belarusian": "BY", "beninese": "BJ", "bolivian": "BO", "brazilian": "BR", "burmese": "MM", "burundian": "BI",
	"cambodian": "KH", "cameroonian": "CM", "chadian": "TD", "chinese": "CN", "colombian": "CO", "congolese": "CD", "cuban": "CU", "ecuadorian": "EC", "egyptian": "EG", "emirati": "AE", "equatoguinean": "GQ", "eritrean": "ER", "ethiopian": "ET", "gabonese": "GA", "gambian": "GM", "georgian": "GE", "ghanaian": "GH", "guinean": "GN",
	"indian": "IN", "indonesian": "ID", "iranian": "IR", "iraqi": "IQ", "jordanian": "JO", "kazakh": "KZ", "kenyan": "KE", "kyrgyz": "KG", "lebanese": "LB", "liberian": "LR", "libyan": "LY", "malagasy": "MG", "malawian": "MW", "malaysian": "MY", "malian": "ML", "mauritanian": "MR", "mozambican": "MZ",
	"nepali": "NP", "nepalese": "NP", "nicaraguan": "NI", "nigerian": "NG", "omani": "OM", "pakistani": "PK", "philippine": "PH", "qatari": "QA", "russian": "RU", "rwandan": "RW", "saudi": "SA", "senegalese": "SN", "somali": "SO", "sudanese": "SD", "syrian": "SY", "tajik": "TJ", "tanzanian": "TZ", "thai": "TH", "togolese": "TG", "tunisian": "TN", "turkish": "TR", "turkmen": "TM",
	"ugandan": "UG", "ukrainian": "UA", "uzbek": "UZ", "venezuelan": "VE", "vietnamese": "VN", "yemeni": "YE", "zambian": "ZM", "zimbabwean": "ZW", "spanish": "ES", "albanian": "AL", "sri lankan": "LK",
}

// OfDemonym returns the country code of a word such as "Nigerian", whatever its
// case, and "" where the word is not in the table.
func OfDemonym(word string) string { return demonyms[strings.ToLower(word)] }
