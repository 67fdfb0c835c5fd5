package casefile

import (
	"fmt"
	"reflect"
	"strings"
)

// term is one word of a closed list, with its meaning. The lists are part of the
// format: a word never gets another meaning.
type term struct {
	Value string
	About string
}

// ActKind is the kind of a step.
type ActKind string

var actKinds = []term{
	{"intelligence_report", "an intelligence body reports on a platform or its use"},
	{"recommendation", "a body advises a measure without ordering it"},
	{"request", "an authority asks another to act"},
	{"order", "an authority commands a measure"},
	{"implementation", "a regulator or operator carries a measure out"},
	{"denial", "an office holder or body denies a measure or a part in it"},
	{"admission", "a body of the state admits a measure and its part in it"},
	{"statement", "any other statement on the matter"},
	{"petition", "a case is brought"},
	{"hearing", "a court hears the matter without deciding"},
	{"interim_order", "a court orders something before judgment"},
	{"government_reply", "the state answers a court in writing or through counsel"},
	{"judgment", "a court decides"},
	{"contempt", "a court begins or hears contempt proceedings"},
	{"compliance", "an order is obeyed"},
	{"non_compliance", "an order is not obeyed, or it is found so"},
	{"withdrawal", "an order, request or statement is withdrawn, or said to be"},
	{"restoration", "access is given back, or said to be"},
	{"takedown_request", "an authority asks a platform to remove content or accounts"},
	{"criminal_case", "a criminal case (a first information report and the like)"},
	{"registration_sought", "a platform is asked to register, appoint or sign"},
	{"circumvention_restricted", "VPNs or other ways round are restricted, or it is asked for"},
	{"context", "an event outside the chain that the sources connect with it"},
}

// ActKinds returns the words for the kinds of acts.
func ActKinds() []string {
	out := make([]string, len(actKinds))
	for i, t := range actKinds {
		out[i] = t.Value
	}
	return out
}

// Effect says what an act does to access, or would do.
type Effect string

var effects = []term{
	{"restrict", "it restricts access or would"},
	{"restore", "it gives access back or would"},
	{"keep", "it keeps a restriction in force"},
}

// ActorKind says what an actor is.
type ActorKind string

var actorKinds = []term{
	{"government", "a government as a whole"},
	{"ministry", "a ministry or department"},
	{"regulator", "a regulator of telecommunications or media"},
	{"agency", "an agency of police, security or intelligence"},
	{"legislature", "a parliament, its chamber or committee"},
	{"court", "a court"},
	{"judge", "a judge, in that office"},
	{"person", "a person in public office, with the posts held"},
	{"office_holder", "a public office, or the one who holds it and is not named"},
	{"party", "a political party"},
	{"company", "a company or the platform it runs"},
	{"civil_society", "an organisation of civil society, or several together"},
	{"measurer", "a body that measures networks"},
	{"press", "a newspaper, broadcaster or agency"},
	{"other", "none of these"},
}

// PartyRole is the role of a party before a court.
type PartyRole string

var partyRoles = []term{
	{"petitioner", "brought the case"},
	{"respondent", "the case is against it"},
	{"intervener", "joined the case"},
	{"appellant", "brought the appeal"},
	{"amicus", "advises the court"},
}

// Disposition says how a case before a court ended.
type Disposition string

var dispositions = []term{
	{"allowed", "the court gave what was asked"},
	{"partly_allowed", "the court gave a part of it"},
	{"dismissed", "the court refused it on the merits"},
	{"moot", "the court ended it because its matter had gone, without deciding the merits"},
	{"withdrawn", "those who brought it took it back"},
	{"disposed_of", "the court ended it; the sources do not say on what ground"},
}

// SourceType says what a source is.
type SourceType string

var sourceTypes = []term{
	{"official_document", "a document that an authority published"},
	{"court_paper", "a judgment, order or filing"},
	{"document_obtained", "an official document as the press that obtained it reports it"},
	{"press", "a report by the press"},
	{"statement", "a statement published by the one who makes it"},
	{"measurement", "a measurement, or a report by the body that measured"},
	{"research", "research, or a data set"},
	{"other", "none of these"},
}

// Reliability is the grade of a source in the Admiralty code.
type Reliability string

var reliabilities = []term{
	{"A", "completely reliable: the document itself, or the body that measured"},
	{"B", "usually reliable: named authors, editors, corrections"},
	{"C", "fairly reliable: reports with some care, often second hand"},
	{"D", "not usually reliable: unsigned, undated or copied"},
	{"E", "unreliable: known to have published what was not so"},
	{"F", "cannot be judged"},
}

// Confidence says how sure the record is of a fact.
type Confidence string

var confidences = []term{
	{"high", "a published document or the body that measured, or two independent publishers, one of them first hand"},
	{"medium", "one publisher first hand, or two second hand; what one voice says of others; what is inferred"},
	{"low", "one publisher second hand, a weak source, or none that was read"},
}

// Access says how access is, in the words of a claim or a sighting.
type Access string

// The words for access.
const (
	Accessible   Access = "accessible"
	Restored     Access = "restored"
	Partial      Access = "partial"
	Disrupted    Access = "disrupted"
	Inaccessible Access = "inaccessible"
	Blocked      Access = "blocked"
)

var accesses = []term{
	{"accessible", "it can be reached without a way round"},
	{"restored", "it can be reached again, after a time when it could not"},
	{"partial", "it can be reached on some networks or at some times"},
	{"disrupted", "it works badly or not for many, and the cause is open"},
	{"inaccessible", "it cannot be reached, and the source does not say who keeps it so"},
	{"blocked", "somebody keeps it from being reached without a way round"},
}

// ParseAccess reads one of the words for access. The error lists them.
func ParseAccess(s string) (Access, error) {
	var words []string
	for _, t := range accesses {
		if t.Value == s {
			return Access(s), nil
		}
		words = append(words, t.Value)
	}
	return "", fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
}

// Subject says what a claim is about.
type Subject string

var subjects = []term{
	{"access", "whether a platform could be reached"},
	{"number", "a count, a share or an amount"},
	{"law", "what a law allows or asks for"},
	{"conduct", "who did what, and why"},
}

// Bearing says whether a piece of evidence supports or contradicts a claim.
type Bearing string

var bearings = []term{
	{"supports", "it agrees with the claim"},
	{"contradicts", "it disagrees with the claim"},
}

// Status says whether a case is over.
type Status string

var statuses = []term{
	{"ongoing", "access is still restricted"},
	{"ended", "access was given back"},
	{"unknown", "the sources do not say"},
}

// Level says what a request to a platform names.
type Level string

var levels = []term{
	{"url", "addresses of pages or posts"},
	{"account", "accounts"},
	{"demand", "legal demands, each of which may name many accounts or items"},
	{"information", "requests for information about users"},
	{"item", "items, as the platform counts them"},
}

// ComplianceRule says which requests a reporter counts as followed.
type ComplianceRule string

var complianceRules = []term{
	{"authority_sees_blocked", "the authority counts addresses that it finds blocked or gone, whoever took them away"},
	{"some_withheld", "the platform counts demands after which it withheld something, however little"},
	{"account_withheld", "the platform counts accounts that it withheld in the country, not single posts"},
	{"item_removed", "the platform counts items that it removed, for law or for its own policy"},
	{"data_given", "the platform counts requests for information after which it gave some"},
	{"notice_acted_on", "the one who handed a notice in to a public database says that it was acted on"},
}

// Meaning returns what a word of one of the closed lists means, for instance a Turn
// or a Status; "" where it is in none.
func Meaning(word any) string {
	list, ok := word.(interface{ terms() []term })
	if !ok {
		return ""
	}
	for _, t := range list.terms() {
		if t.Value == fmt.Sprint(word) {
			return t.About
		}
	}
	return ""
}

// TermName returns the key of a word of a closed list in the catalogues of
// languages, for instance "Effect.restrict"; "" where it is in no list.
func TermName(word any) string {
	if Meaning(word) == "" {
		return ""
	}
	return reflect.TypeOf(word).Name() + "." + fmt.Sprint(word)
}

// TermNames returns the keys of all words of closed lists that case files hold.
func TermNames() []string {
	var out []string
	for _, list := range []interface{ terms() []term }{ActKind(""), Effect(""), ActorKind(""), PartyRole(""), Disposition(""), SourceType(""), Reliability(""), Confidence(""), Access(""), Subject(""), Bearing(""), Status(""), Level(""), Counter(""), ComplianceRule(""), Hand(""), SourceRead("")} {
		for _, t := range list.terms() {
			out = append(out, reflect.TypeOf(list).Name()+"."+t.Value)
		}
	}
	return out
}

// Counter says how requests were counted.
type Counter string

var counters = []term{
	{"period", "those of the period"},
	{"cumulative", "all since a start, up to the period's end"},
}

func (ActKind) terms() []term     { return actKinds }
func (Effect) terms() []term      { return effects }
func (ActorKind) terms() []term   { return actorKinds }
func (PartyRole) terms() []term   { return partyRoles }
func (Disposition) terms() []term { return dispositions }
func (SourceType) terms() []term  { return sourceTypes }
func (Reliability) terms() []term { return reliabilities }
func (Confidence) terms() []term  { return confidences }
func (Access) terms() []term      { return accesses }
func (Subject) terms() []term     { return subjects }
func (Bearing) terms() []term     { return bearings }
func (Status) terms() []term      { return statuses }
func (Level) terms() []term       { return levels }
func (Counter) terms() []term     { return counters }
func (ComplianceRule) terms() []term {
	return complianceRules
}

// AccessWord is a word for access and its meaning.
type AccessWord struct{ Word, Meaning string }

// Accesses returns the words for access, from accessible to blocked.
func Accesses() []AccessWord {
	out := make([]AccessWord, len(accesses))
	for i, t := range accesses {
		out[i] = AccessWord{t.Value, t.About}
	}
	return out
}
