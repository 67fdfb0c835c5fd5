package draft

import (
	"strings"

	"github.com/bandish/bandish/casefile"
)

// body is a body of a state, or one that measures, by the names that
// newspapers in English use for it.
type body struct {
	cc    string // "" for one of no country
	kind  casefile.ActorKind
	name  string
	short string   // abbreviation in use, or ""
	also  []string // other names
}

// bodies are those that order, carry out, judge or measure bans. A body counts
// only in a text of its country, because short names mean others elsewhere.
var bodies = []body{
	{"AE", "regulator", "Telecommunications and Digital Government Regulatory Authority", "TDRA", nil},
	{"AF", "regulator", "Afghanistan Telecom Regulatory Authority", "ATRA", nil},
	{"AL", "regulator", "Electronic and Postal Communications Authority", "AKEP", nil},
	{"AO", "regulator", "Angolan Institute of Communications", "INACOM", nil},
	{"AR", "regulator", "National Communications Entity", "ENACOM", nil},
	{"AZ", "ministry", "Ministry of Digital Development and Transport", "", nil},
	{"BD", "regulator", "Bangladesh Telecommunication Regulatory Commission", "BTRC", nil},
	{"BD", "agency", "National Telecommunication Monitoring Centre", "NTMC", nil},
	{"BR", "regulator", "National Telecommunications Agency", "Anatel", []string{"National Agency of Telecommunications"}},
	{"BR", "court", "Federal Supreme Court", "STF", []string{"Supreme Federal Court", "Supreme Federal Tribunal", "Federal Supreme Tribunal"}},
	{"BR", "court", "Superior Electoral Court", "TSE", []string{"Superior Electoral Tribunal"}},
	{"BR", "agency", "Federal Police", "", nil},
	{"BR", "agency", "Office of the Attorney General of the Union", "AGU", nil},
	{"BW", "regulator", "Botswana Communications Regulatory Authority", "BOCRA", nil},
	{"BY", "agency", "Operations and Analytical Centre", "OAC", []string{"Operations and Analysis Center"}},
	{"CD", "regulator", "Regulatory Authority of Post and Telecommunications", "ARPTC", nil},
	{"CI", "regulator", "Telecommunications Regulatory Authority of Ivory Coast", "ARTCI", nil},
	{"CM", "regulator", "Telecommunications Regulatory Board", "", nil},
	{"CN", "regulator", "Cyberspace Administration of China", "CAC", nil},
	{"CN", "ministry", "Ministry of Industry and Information Technology", "MIIT", nil},
	{"CU", "company", "ETECSA", "ETECSA", nil},
	{"EC", "regulator", "Telecommunications Regulation and Control Agency", "ARCOTEL", nil},
	{"EG", "regulator", "National Telecommunications Regulatory Authority", "NTRA", []string{"National Telecom Regulatory Authority"}},
	{"EG", "regulator", "Supreme Council for Media Regulation", "SCMR", nil},
	{"ET", "agency", "Information Network Security Agency", "INSA", nil},
	{"ET", "company", "Ethio Telecom", "", nil},
	{"ET", "regulator", "Ethiopian Communications Authority", "ECA", nil},
	{"GA", "regulator", "High Authority of Communication", "HAC", []string{"High Authority for Communication"}},
	{"GH", "regulator", "National Communications Authority", "NCA", nil},
	{"GM", "regulator", "Public Utilities Regulatory Authority", "PURA", nil},
	{"GN", "regulator", "Regulatory Authority of Posts and Telecommunications", "ARPT", nil},
	{"ID", "ministry", "Ministry of Communication and Digital Affairs", "Komdigi", []string{"Ministry of Communications and Digital Affairs"}},
	{"ID", "ministry", "Ministry of Communication and Information Technology", "Kominfo", []string{"Ministry of Communication and Informatics", "Ministry of Communications and Informatics"}},
	{"IN", "ministry", "Ministry of Electronics and Information Technology", "MeitY", []string{"IT Ministry", "Ministry of Electronics and IT"}},
	{"IN", "ministry", "Department of Telecommunications", "DoT", []string{"Department of Telecom"}},
	{"IN", "ministry", "Ministry of Home Affairs", "MHA", []string{"Union Home Ministry"}},
	{"IN", "ministry", "Ministry of Information and Broadcasting", "MIB", []string{"I&B Ministry"}},
	{"IN", "regulator", "Telecom Regulatory Authority of India", "TRAI", nil},
	{"IN", "agency", "Indian Cyber Crime Coordination Centre", "I4C", nil},
	{"IN", "civil_society", "Internet Freedom Foundation", "IFF", nil},
	{"IN", "civil_society", "Software Freedom Law Center", "SFLC", []string{"SFLC.in", "Software Freedom Law Centre"}},
	{"IQ", "regulator", "Communications and Media Commission", "CMC", nil},
	{"IR", "agency", "Supreme Council of Cyberspace", "", []string{"Supreme Council for Cyberspace"}},
	{"IR", "agency", "Supreme National Security Council", "SNSC", nil},
	{"JO", "regulator", "Telecommunications Regulatory Commission", "TRC", nil},
	{"KE", "regulator", "Communications Authority of Kenya", "CA", []string{"Communications Authority", "Communication Authority of Kenya"}},
	{"KE", "civil_society", "Law Society of Kenya", "LSK", nil},
	{"KE", "civil_society", "Kenya Union of Journalists", "KUJ", nil},
	{"KE", "civil_society", "Bloggers Association of Kenya", "BAKE", nil},
	{"KE", "company", "Safaricom", "", nil},
	{"KG", "agency", "State Committee for National Security", "GKNB", nil},
	{"KH", "regulator", "Telecommunication Regulator of Cambodia", "TRC", nil},
	{"LK", "regulator", "Telecommunications Regulatory Commission of Sri Lanka", "TRCSL", []string{"Telecommunications Regulatory Commission"}},
	{"MM", "ministry", "Ministry of Transport and Communications", "MoTC", nil},
	{"MW", "regulator", "Malawi Communications Regulatory Authority", "MACRA", nil},
	{"MY", "regulator", "Malaysian Communications and Multimedia Commission", "MCMC", nil},
	{"MZ", "regulator", "National Communications Institute of Mozambique", "INCM", []string{"Communications Regulatory Authority of Mozambique"}},
	{"NG", "regulator", "Nigerian Communications Commission", "NCC", []string{"Nigeria Communications Commission"}},
	{"NG", "regulator", "National Broadcasting Commission", "NBC", nil},
	{"NG", "agency", "National Information Technology Development Agency", "NITDA", nil},
	{"NG", "civil_society", "Socio-Economic Rights and Accountability Project", "SERAP", nil},
	{"NG", "civil_society", "Association of Licensed Telecommunications Operators of Nigeria", "ALTON", []string{"Association of Licensed Telecom Operators of Nigeria"}},
	{"NG", "civil_society", "Nigerian Bar Association", "NBA", nil},
	{"NG", "civil_society", "Paradigm Initiative", "", nil},
	{"NP", "regulator", "Nepal Telecommunications Authority", "NTA", []string{"Nepal Telecommunication Authority", "Nepal Telecom Authority"}},
	{"NP", "ministry", "Ministry of Communication and Information Technology", "MoCIT", []string{"Ministry of Communications and Information Technology"}},
	{"OM", "regulator", "Telecommunications Regulatory Authority", "TRA", nil},
	{"PE", "regulator", "Supervisory Agency for Private Investment in Telecommunications", "OSIPTEL", nil},
	{"PH", "regulator", "National Telecommunications Commission", "NTC", nil},
	{"PK", "regulator", "Pakistan Telecommunication Authority", "PTA", []string{"Pakistan Telecommunications Authority", "Pakistan Telecom Authority"}},
	{"PK", "regulator", "Pakistan Electronic Media Regulatory Authority", "PEMRA", nil},
	{"PK", "agency", "National Cyber Crime Investigation Agency", "NCCIA", nil},
	{"PK", "agency", "Inter-Services Intelligence", "ISI", nil},
	{"PK", "court", "Peshawar High Court", "PHC", nil},
	{"PK", "court", "Balochistan High Court", "BHC", nil},
	{"PK", "civil_society", "Digital Rights Foundation", "DRF", nil},
	{"PK", "civil_society", "Bolo Bhi", "", nil},
	{"PK", "civil_society", "Bytes for All", "", nil},
	{"RU", "regulator", "Roskomnadzor", "RKN", []string{"Federal Service for Supervision of Communications, Information Technology and Mass Media"}},
	{"RU", "agency", "Federal Security Service", "FSB", nil},
	{"RU", "agency", "Prosecutor General's Office", "", []string{"Prosecutor-General's Office", "General Prosecutor's Office"}},
	{"RU", "ministry", "Ministry of Digital Development", "Mintsifry", []string{"Digital Development Ministry", "Digital Ministry"}},
	{"RU", "government", "Kremlin", "", nil},
	{"RU", "legislature", "State Duma", "", nil},
	{"RU", "civil_society", "Roskomsvoboda", "", []string{"RosKomSvoboda"}},
	{"RW", "regulator", "Rwanda Utilities Regulatory Authority", "RURA", nil},
	{"SA", "regulator", "Communications, Space and Technology Commission", "CST", []string{"Communications and Information Technology Commission"}},
	{"SD", "regulator", "Telecommunications and Post Regulatory Authority", "TPRA", nil},
	{"SN", "regulator", "Telecommunications and Posts Regulatory Authority", "ARTP", nil},
	{"SN", "ministry", "Ministry of Communication, Telecommunications and Digital Affairs", "", nil},
	{"SO", "regulator", "National Communications Authority", "NCA", nil},
	{"SS", "regulator", "National Communication Authority", "NCA", []string{"National Communications Authority"}},
	{"TD", "regulator", "Regulatory Authority for Electronic Communications and Posts", "ARCEP", nil},
	{"TG", "regulator", "Regulatory Authority for Electronic Communications and Posts", "ARCEP", nil},
	{"TH", "regulator", "National Broadcasting and Telecommunications Commission", "NBTC", nil},
	{"TH", "ministry", "Ministry of Digital Economy and Society", "MDES", nil},
	{"TR", "regulator", "Information and Communication Technologies Authority", "BTK", []string{"Information and Communications Technologies Authority", "Information Technologies and Communications Authority", "Information and Communication Technology Authority"}},
	{"TR", "regulator", "Radio and Television Supreme Council", "RTÜK", []string{"RTUK"}},
	{"TR", "regulator", "Telecommunications Communication Presidency", "TİB", []string{"TIB", "Telecommunications Directorate"}},
	{"TR", "court", "Constitutional Court", "AYM", nil},
	{"TR", "court", "Council of State", "", nil},
	{"TR", "civil_society", "Freedom of Expression Association", "İFÖD", []string{"IFOD", "EngelliWeb"}},
	{"TZ", "regulator", "Tanzania Communications Regulatory Authority", "TCRA", nil},
	{"UG", "regulator", "Uganda Communications Commission", "UCC", nil},
	{"UG", "civil_society", "Uganda Law Society", "ULS", nil},
	{"UG", "civil_society", "Chapter Four Uganda", "", nil},
	{"UZ", "regulator", "Uzkomnazorat", "", nil},
	{"VE", "regulator", "National Telecommunications Commission", "Conatel", nil},
	{"VE", "court", "Supreme Tribunal of Justice", "TSJ", []string{"Supreme Court of Justice"}},
	{"VE", "company", "CANTV", "CANTV", []string{"Cantv"}},
	{"VE", "civil_society", "VE sin Filtro", "", nil},
	{"VE", "civil_society", "Espacio Público", "", nil},
	{"VN", "ministry", "Ministry of Information and Communications", "MIC", nil},
	{"ZM", "regulator", "Zambia Information and Communications Technology Authority", "ZICTA", nil},
	{"ZW", "regulator", "Postal and Telecommunications Regulatory Authority of Zimbabwe", "POTRAZ", nil},

	// Bodies that measure or defend, everywhere.
	{"", "measurer", "NetBlocks", "", []string{"Netblocks"}},
	{"", "measurer", "Open Observatory of Network Interference", "OONI", nil},
	{"", "measurer", "Cloudflare Radar", "", []string{"Cloudflare"}},
	{"", "measurer", "Internet Outage Detection and Analysis", "IODA", nil},
	{"", "measurer", "Kentik", "", nil},
	{"", "measurer", "Censored Planet", "", nil},
	{"", "measurer", "Citizen Lab", "", nil},
	{"", "measurer", "Downdetector", "", []string{"DownDetector"}},
	{"", "measurer", "GreatFire", "", []string{"GreatFire.org"}},
	{"", "measurer", "Top10VPN", "", nil},
	{"", "civil_society", "Access Now", "", nil},
	{"", "civil_society", "Amnesty International", "", []string{"Amnesty"}},
	{"", "civil_society", "Human Rights Watch", "HRW", nil},
	{"", "civil_society", "Reporters Without Borders", "RSF", nil},
	{"", "civil_society", "Committee to Protect Journalists", "CPJ", nil},
	{"", "civil_society", "Freedom House", "", nil},
	{"", "civil_society", "Internet Society", "ISOC", nil},
	{"", "civil_society", "Electronic Frontier Foundation", "EFF", nil},
	{"", "civil_society", "Article 19", "", []string{"ARTICLE 19"}},
	{"", "other", "United Nations", "UN", nil},
	{"", "other", "European Union", "EU", nil},
	{"", "other", "African Union", "AU", nil},
	{"", "court", "ECOWAS Court", "", []string{"ECOWAS Court of Justice", "ECOWAS Community Court of Justice"}},
	{"", "court", "East African Court of Justice", "EACJ", nil},
	{"", "court", "European Court of Human Rights", "ECHR", []string{"ECtHR"}},
}

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
		if b.cc != "" && b.cc != x.cc {
			continue
		}
		a := x.lookup(b.name)
		for _, other := range append([]string{b.short}, b.also...) {
			if a == nil && other != "" {
				a = x.lookup(other)
			}
		}
		if a == nil {
			a = &Actor{Kind: b.kind, Name: b.name}
			if b.cc != "" {
				cc := b.cc
				a.CC = &cc
			}
		}
		for _, form := range append(nameForms(b.name), append([]string{b.short}, b.also...)...) {
			if form != "" && x.byName[form] == nil {
				x.byName[form] = a
			}
		}
	}
}
