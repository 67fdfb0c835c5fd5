package casefile

import (
	"time"

	"github.com/bandish/bandish/network"
)

// Case is one ban, or one dispute over access, with everything that is known of it.
// A case folder is one Case: any of its files may hold any of the fields, but each
// field is in one file.
type Case struct {
	// ID is the name of the folder: country, year and platform, "pk-2024-x".
	ID string `json:"id" rule:"required"`
	// Title names the case without saying how it ended.
	Title string `json:"title" rule:"required"`
	// Jurisdiction is the country, ISO 3166-1 alpha-2. ZZ is the lab: no real place.
	Jurisdiction string `json:"jurisdiction" rule:"required"`
	// UTCOffset is the offset in which the days of this case are days, "+05:00".
	UTCOffset string `json:"utc_offset" rule:"required"`
	// Targets are the platforms, by their id in the register of targets.
	Targets []string `json:"targets" rule:"required"`
	// Names are other names and domains of the platform.
	Names []string `json:"names,omitempty"`
	// Status is whether access is still restricted.
	Status Status `json:"status" rule:"required"`
	// Start is when access was lost, by the sources.
	Start *Bound `json:"start" rule:"required,null"`
	// End is when access came back, by the sources; null while it has not.
	End *Bound `json:"end" rule:"required,null"`
	// StatedTerm is how long the ban was meant to last, as the order said.
	StatedTerm *Term `json:"stated_term,omitempty"`
	// Summary tells the case in a few sentences, each with its sources.
	Summary []Note `json:"summary,omitempty"`
	// OpenQuestions are questions that nobody has answered yet.
	OpenQuestions []string `json:"open_questions,omitempty"`
	// Related are the ids of other cases.
	Related []string `json:"related,omitempty"`
	// Withdrawn is set when the case should not be relied on; a case is never deleted.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`

	// Acts are the steps, in the order of their dates.
	Acts []Act `json:"acts,omitempty"`
	// Sightings are what others saw or measured of access.
	Sightings []Sighting `json:"sightings,omitempty"`
	// Claims are checkable statements.
	Claims []Claim `json:"claims,omitempty"`
	// Disputes keep facts that disagree side by side.
	Disputes []Dispute `json:"disputes,omitempty"`
	// Dockets are the cases before courts.
	Dockets []Docket `json:"dockets,omitempty"`
	// Requests are counts of what authorities asked of the platform.
	Requests []Request `json:"requests,omitempty"`
	// Actors of this case alone; others are in records/shared.
	Actors []Actor `json:"actors,omitempty"`
	// Laws of this case alone; others are in records/shared.
	Laws []Law `json:"laws,omitempty"`
	// Sources of this case alone; others are in records/shared.
	Sources []Source `json:"sources,omitempty"`

	// Computed is what is computed when a case is shown; it is in no file.
	Computed *Computed `json:"computed,omitempty"`

	folder *files
	zone   *time.Location
}

// Shared is what is in records/shared: what several cases cite.
type Shared struct {
	// Actors of several cases.
	Actors []Actor `json:"actors,omitempty"`
	// Laws of several cases.
	Laws []Law `json:"laws,omitempty"`
	// Sources of several cases and of the bans.
	Sources []Source `json:"sources,omitempty"`
	// Bans are bans described in a few lines, for comparison with the cases.
	Bans []Ban `json:"bans,omitempty"`

	folder *files
}

// Bound is the start or the end of a ban.
type Bound struct {
	// Date in EDTF; a span when sources give only limits.
	Date Date `json:"date" rule:"required"`
	// What happened then, in a sentence.
	What string `json:"what,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
}

// Term is how long something was meant to last.
type Term struct {
	// Text is the term in words.
	Text string `json:"text" rule:"required"`
	// Until is the last moment of the term, where one was set.
	Until Date `json:"until,omitzero"`
	// Days is the length in days, where one was set.
	Days *int64 `json:"days,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites,omitempty"`
}

// Note is a sentence or two with their sources.
type Note struct {
	// Text in our own words.
	Text string `json:"text" rule:"required"`
	// Cites are the sources; a note without sources has no place here.
	Cites []Cite `json:"cites" rule:"required"`
}

// Withdrawal says when and why something should no longer be relied on.
type Withdrawal struct {
	// Date of the withdrawal.
	Date Date `json:"date" rule:"required"`
	// Reason in a sentence.
	Reason string `json:"reason" rule:"required"`
}

// Act is one dated step.
type Act struct {
	// ID is unique in the case: "moi-letter".
	ID string `json:"id" rule:"required"`
	// Kind of the step.
	Kind ActKind `json:"kind" rule:"required"`
	// Date in EDTF, local; null when no source gives one.
	Date Date `json:"date" rule:"required,null"`
	// DateNote says what is doubtful about the date.
	DateNote string `json:"date_note,omitempty"`
	// By are the ids of those who acted.
	By []string `json:"by,omitempty"`
	// To are the ids of those addressed.
	To []string `json:"to,omitempty"`
	// AssertedBy are those who say that it took place, apart from those who acted;
	// none where the sources know it themselves.
	AssertedBy []Assertion `json:"asserted_by,omitempty"`
	// Inferred is set when no source states the act and the record concludes it.
	Inferred *Inference `json:"inferred,omitempty"`
	// What happened, in a sentence of our own.
	What string `json:"what" rule:"required"`
	// Asked is what it asked for.
	Asked string `json:"asked,omitempty"`
	// Condition under which an order holds, where it names one. What depends on the
	// order also depends on the condition.
	Condition *Note `json:"condition,omitempty"`
	// Operative is what an order or judgment commands, without what was said at the
	// hearing.
	Operative *Note `json:"operative,omitempty"`
	// Remarks are what the bench said without ordering it.
	Remarks []Note `json:"remarks,omitempty"`
	// Scope is what it affected.
	Scope *Scope `json:"scope,omitempty"`
	// Effect on access.
	Effect Effect `json:"effect,omitempty"`
	// Term is how long it was meant to last.
	Term *Term `json:"term,omitempty"`
	// Basis are the laws it names.
	Basis []Basis `json:"basis,omitempty"`
	// Grounds are the reasons it gives, in its own terms.
	Grounds []string `json:"grounds,omitempty"`
	// Docket is the id of the case before a court to which it belongs.
	Docket string `json:"docket,omitempty"`
	// Judges are the ids of the bench.
	Judges []string `json:"judges,omitempty"`
	// Next is the date to which a hearing was adjourned.
	Next Date `json:"next,omitzero"`
	// Due is the date by which it had to be done.
	Due Date `json:"due,omitzero"`
	// Answers are ids of acts it answers.
	Answers []string `json:"answers,omitempty"`
	// Implements are ids of acts it carries out or passes on.
	Implements []string `json:"implements,omitempty"`
	// Repeats are ids of acts whose words it uses again.
	Repeats []string `json:"repeats,omitempty"`
	// Contradicts are ids of acts it does not agree with.
	Contradicts []string `json:"contradicts,omitempty"`
	// Defies are ids of orders it does not obey.
	Defies []string `json:"defies,omitempty"`
	// Withdraws are ids of acts it takes back, or says are taken back.
	Withdraws []string `json:"withdraws,omitempty"`
	// Details are further sentences, each with its sources, because some became known
	// later than the act.
	Details []Note `json:"details,omitempty"`
	// Confidence in the fact, computed from the sources; in a file it may be left
	// out.
	Confidence Confidence `json:"confidence"`
	// ConfidenceReason says why the confidence differs from what the rule gives.
	ConfidenceReason string `json:"confidence_reason,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
	// Withdrawn is set when the entry should not be relied on.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
}

// Scope is what a step affected.
type Scope struct {
	// Targets are platforms by id.
	Targets []string `json:"targets,omitempty"`
	// Other is what has no id in the register of targets: "VPN services".
	Other []string `json:"other,omitempty"`
	// Networks are ASNs.
	Networks []network.ASN `json:"networks,omitempty"`
	// Areas are places, where not the whole country.
	Areas []string `json:"areas,omitempty"`
}

// Basis is a law that a step or a claim names.
type Basis struct {
	// Law is the id of the law.
	Law string `json:"law" rule:"required"`
	// Section in it.
	Section string `json:"section,omitempty"`
	// Note says how it is used.
	Note string `json:"note,omitempty"`
}

// Sighting is what someone saw or measured of access.
type Sighting struct {
	// ID is unique in the case.
	ID string `json:"id" rule:"required"`
	// Date or span for which it holds, in EDTF, local.
	Date Date `json:"date" rule:"required,null"`
	// DateNote says what is doubtful about the date.
	DateNote string `json:"date_note,omitempty"`
	// By are the ids of those who saw it; a press report names its own publisher as source only.
	By []string `json:"by,omitempty"`
	// Targets are platforms by id.
	Targets []string `json:"targets,omitempty"`
	// Other is what has no id in the register.
	Other []string `json:"other,omitempty"`
	// Networks are ASNs, where named.
	Networks []network.ASN `json:"networks,omitempty"`
	// Access as it was seen.
	Access Access `json:"access" rule:"required"`
	// Onset is true when it says when access was lost.
	Onset bool `json:"onset,omitempty"`
	// Method by which the block was made, where it was seen.
	Method string `json:"method,omitempty"`
	// What was seen, in a sentence of our own.
	What string `json:"what" rule:"required"`
	// Confidence in the fact, computed from the sources; in a file it may be left
	// out.
	Confidence Confidence `json:"confidence"`
	// ConfidenceReason says why the confidence differs from what the rule gives.
	ConfidenceReason string `json:"confidence_reason,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
	// Withdrawn is set when the entry should not be relied on.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
}

// Claim is a checkable statement by someone.
type Claim struct {
	// ID is unique in the case.
	ID string `json:"id" rule:"required"`
	// Act is the id of the act in which it was said.
	Act string `json:"act,omitempty"`
	// By are the ids of those who said it.
	By []string `json:"by" rule:"required"`
	// Date on which it was said.
	Date Date `json:"date" rule:"required,null"`
	// About is the subject.
	About Subject `json:"about" rule:"required"`
	// Says is the claim in our own words.
	Says string `json:"says" rule:"required"`
	// Access is what it says of access, in terms that can be checked.
	Access *AccessClaim `json:"access,omitempty"`
	// Figure is the number it gives.
	Figure *Figure `json:"figure,omitempty"`
	// Law is the law it speaks of.
	Law *Basis `json:"law,omitempty"`
	// Evidence for and against, from sources other than the claim's own.
	Evidence []Evidence `json:"evidence,omitempty"`
	// Confidence that it was said, computed from the sources; in a file it may be
	// left out.
	Confidence Confidence `json:"confidence"`
	// ConfidenceReason says why the confidence differs from what the rule gives.
	ConfidenceReason string `json:"confidence_reason,omitempty"`
	// Cites are the sources for its having been said.
	Cites []Cite `json:"cites" rule:"required"`
	// Withdrawn is set when the entry should not be relied on.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
}

// AccessClaim is a claim about access in terms that can be measured.
type AccessClaim struct {
	// Target is the platform's id.
	Target string `json:"target" rule:"required"`
	// CC is the country, ISO 3166-1 alpha-2.
	CC string `json:"cc" rule:"required"`
	// Networks are ASNs; none means all of the country.
	Networks []network.ASN `json:"networks,omitempty"`
	// At is the time that the claim is about, in EDTF; null when it names none.
	At Date `json:"at" rule:"required,null"`
	// Says is what it says of access.
	Says Access `json:"says" rule:"required"`
}

// Figure is a number that someone gives.
type Figure struct {
	// What is counted.
	What string `json:"what" rule:"required"`
	// Value of the number.
	Value float64 `json:"value" rule:"required"`
	// Unit: "%", "USD", "accounts".
	Unit string `json:"unit" rule:"required"`
	// Relation: "=", "<", ">", "~"; "=" when it is left out.
	Relation string `json:"relation,omitempty"`
	// Period to which it belongs.
	Period Date `json:"period,omitzero"`
}

// Evidence is something that supports or contradicts a claim.
type Evidence struct {
	// Ref is the id of an act, sighting, request or claim of the case.
	Ref string `json:"ref,omitempty"`
	// Bearing says whether it supports or contradicts.
	Bearing Bearing `json:"bearing" rule:"required"`
	// Why says why, in a sentence.
	Why string `json:"why" rule:"required"`
	// Cites are its sources, where Ref is not enough.
	Cites []Cite `json:"cites,omitempty"`
}

// Dispute keeps facts that disagree side by side.
type Dispute struct {
	// ID is unique in the case.
	ID string `json:"id" rule:"required"`
	// Question on which they disagree.
	Question string `json:"question" rule:"required"`
	// Positions are at least two.
	Positions []Position `json:"positions" rule:"required"`
}

// Position is one side of a dispute.
type Position struct {
	// Says is the side's answer in our own words.
	Says string `json:"says" rule:"required"`
	// Refs are ids of acts, sightings, claims or requests that hold it.
	Refs []string `json:"refs,omitempty"`
	// Cites are its sources.
	Cites []Cite `json:"cites" rule:"required"`
}

// Docket is a case before a court.
type Docket struct {
	// ID is unique in the case: "ihc-abbasi".
	ID string `json:"id" rule:"required"`
	// Court is the actor's id.
	Court string `json:"court" rule:"required"`
	// Name of the case as the court or the press writes it.
	Name string `json:"name,omitempty"`
	// Number as the court gives it; null when no source does.
	Number *string `json:"number" rule:"required,null"`
	// Numbers of further petitions that are heard with it.
	Numbers []string `json:"numbers,omitempty"`
	// Filed is the date on which it was brought.
	Filed Date `json:"filed,omitzero"`
	// Petitioners as the sources name them.
	Petitioners []string `json:"petitioners,omitempty"`
	// Respondents are ids of actors.
	Respondents []string `json:"respondents,omitempty"`
	// Parties are those with other roles, or with more to say about their role.
	Parties []Party `json:"parties,omitempty"`
	// Counsel are those who spoke for a party.
	Counsel []Counsel `json:"counsel,omitempty"`
	// Judges are the ids of all who sat.
	Judges []string `json:"judges,omitempty"`
	// Relief sought.
	Relief string `json:"relief,omitempty"`
	// InterimRelief is what was asked for the time until judgment.
	InterimRelief string `json:"interim_relief,omitempty"`
	// Consolidated are ids of dockets of the case that are heard together with it.
	Consolidated []string `json:"consolidated,omitempty"`
	// AppealOf is the id of the docket whose decision it appeals.
	AppealOf string `json:"appeal_of,omitempty"`
	// Outcome of the docket; null while there is none or it is not known.
	Outcome *Note `json:"outcome" rule:"required,null"`
	// Disposition is how it ended, if it ended.
	Disposition Disposition `json:"disposition,omitempty"`
	// Disposed is when it ended.
	Disposed Date `json:"disposed,omitzero"`
	// Notes are further sentences.
	Notes []Note `json:"notes,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
}

// Party is one side before a court.
type Party struct {
	// Who is an actor's id, for a body or a person in public office.
	Who string `json:"who,omitempty"`
	// Name as the sources give it, for those who are no actor of the record.
	Name string `json:"name,omitempty"`
	// Role before the court.
	Role PartyRole `json:"role" rule:"required"`
	// Note in a sentence.
	Note string `json:"note,omitempty"`
}

// Counsel is one who speaks for a party.
type Counsel struct {
	// Name as the sources give it.
	Name string `json:"name" rule:"required"`
	// For whom, as the sources put it: "the petitioner", "PTA".
	For string `json:"for" rule:"required"`
	// Office, for a law officer of the state.
	Office string `json:"office,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
}

// Request counts what an authority asked of a platform in a period.
type Request struct {
	// ID is unique in the case.
	ID string `json:"id" rule:"required"`
	// Authority that asked, an actor's id.
	Authority string `json:"authority" rule:"required"`
	// CC is the authority's country, ISO 3166-1 alpha-2.
	CC string `json:"cc" rule:"required"`
	// Platform asked, by id.
	Platform string `json:"platform" rule:"required"`
	// Product of the platform, where named.
	Product string `json:"product,omitempty"`
	// Reason that was given, where named.
	Reason string `json:"reason,omitempty"`
	// Period in EDTF.
	Period Date `json:"period" rule:"required,null"`
	// Counter is whether the counts are those of the period or all up to its end.
	Counter Counter `json:"counter" rule:"required"`
	// Level is what was counted.
	Level Level `json:"level" rule:"required"`
	// ReportedBy is the one whose figures these are, an actor's id.
	ReportedBy string `json:"reported_by" rule:"required"`
	// Compliance is by whose rule a request counts as followed; a rate has a meaning only with it.
	Compliance ComplianceRule `json:"compliance,omitempty"`
	// Sent is how many were sent.
	Sent *int64 `json:"sent,omitempty"`
	// Complied is how many were followed in full.
	Complied *int64 `json:"complied,omitempty"`
	// Partly is how many were followed in part.
	Partly *int64 `json:"partly,omitempty"`
	// Rejected is how many were refused.
	Rejected *int64 `json:"rejected,omitempty"`
	// Pending is how many were still open, or still accessible.
	Pending *int64 `json:"pending,omitempty"`
	// Accounts is how many accounts were named.
	Accounts *int64 `json:"accounts,omitempty"`
	// RatePercent is the share followed, as the reporter gives it.
	RatePercent *float64 `json:"rate_percent,omitempty"`
	// Note says what is particular about the row.
	Note string `json:"note,omitempty"`
	// Confidence in the figures as reported, computed from the sources; in a file it
	// may be left out.
	Confidence Confidence `json:"confidence"`
	// ConfidenceReason says why the confidence differs from what the rule gives.
	ConfidenceReason string `json:"confidence_reason,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
}

// Actor is a body, or a person in public office.
type Actor struct {
	// ID is unique among all actors.
	ID string `json:"id" rule:"required"`
	// Kind of actor.
	Kind ActorKind `json:"kind" rule:"required"`
	// Name as it is written in English.
	Name string `json:"name" rule:"required"`
	// Abbreviation in use.
	Abbreviation string `json:"abbreviation,omitempty"`
	// Script is the name in its own script.
	Script string `json:"script,omitempty"`
	// Aliases are other spellings and names in use.
	Aliases []string `json:"aliases,omitempty"`
	// Wikidata is the id there, "Q918", where it is known.
	Wikidata string `json:"wikidata,omitempty"`
	// CC is the country, ISO 3166-1 alpha-2, where there is one.
	CC string `json:"cc,omitempty"`
	// Posts are the offices that a person held, each for its time.
	Posts []Post `json:"posts,omitempty"`
	// Office held, for a judge and for an office whose holder no source names.
	Office string `json:"office,omitempty"`
	// Of is the id of the body to which it belongs.
	Of string `json:"of,omitempty"`
	// From is when the office began.
	From Date `json:"from,omitzero"`
	// To is when the office ended.
	To Date `json:"to,omitzero"`
	// Private is true for a body that is not part of a state, where its kind does not
	// say so.
	Private bool `json:"private,omitempty"`
	// Note in a sentence.
	Note string `json:"note,omitempty"`
}

// Post is an office that a person held for a time.
type Post struct {
	// Office as the sources call it.
	Office string `json:"office" rule:"required"`
	// Of is the id of the body to which it belongs.
	Of string `json:"of" rule:"required"`
	// From is when it began, or the first day on which a source shows the person in
	// it.
	From Date `json:"from,omitzero"`
	// To is when it ended.
	To Date `json:"to,omitzero"`
	// Cites are the sources.
	Cites []Cite `json:"cites,omitempty"`
}

// Law is a statute, rules or a decree.
type Law struct {
	// ID is unique among all laws.
	ID string `json:"id" rule:"required"`
	// Name of the law.
	Name string `json:"name" rule:"required"`
	// Abbreviation in use.
	Abbreviation string `json:"abbreviation,omitempty"`
	// CC is the country, ISO 3166-1 alpha-2.
	CC string `json:"cc" rule:"required"`
	// Date on which it was made or notified.
	Date Date `json:"date" rule:"required,null"`
	// Under is the id of the law under which these rules were made.
	Under string `json:"under,omitempty"`
	// Replaces is the id of the law that it replaced.
	Replaces string `json:"replaces,omitempty"`
	// Sections that matter here.
	Sections []Section `json:"sections,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites,omitempty"`
}

// Section is a part of a law.
type Section struct {
	// Number of the section or article.
	Number string `json:"number" rule:"required"`
	// Empowers says what it allows or forbids, and to whom, as the sources put it.
	Empowers string `json:"empowers" rule:"required"`
	// Disputed are other readings.
	Disputed []Note `json:"disputed,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites,omitempty"`
}

// Ban is a ban described in a few lines.
type Ban struct {
	// ID is unique among the bans: "pk-2012-twitter".
	ID string `json:"id" rule:"required"`
	// CC is the country, ISO 3166-1 alpha-2.
	CC string `json:"cc" rule:"required"`
	// Targets are platforms by id.
	Targets []string `json:"targets" rule:"required"`
	// Other is what has no id in the register.
	Other []string `json:"other,omitempty"`
	// Start in EDTF, local.
	Start Date `json:"start" rule:"required,null"`
	// End in EDTF, local; null when it had not ended or no source says so.
	End Date `json:"end" rule:"required,null"`
	// Hours it lasted, where a source counts hours.
	Hours *float64 `json:"hours,omitempty"`
	// By whom, in words.
	By string `json:"by,omitempty"`
	// Basis in law.
	Basis []Basis `json:"basis,omitempty"`
	// Method as reported: DNS, throttling, …
	Method string `json:"method,omitempty"`
	// Networks are ASNs, where named.
	Networks []network.ASN `json:"networks,omitempty"`
	// StatedTerm is how long it was meant to last.
	StatedTerm *Term `json:"stated_term,omitempty"`
	// Case is the id of the case that describes it in full.
	Case string `json:"case,omitempty"`
	// Notes are further sentences: interruptions, other figures.
	Notes []Note `json:"notes,omitempty"`
	// Confidence in the dates, computed from the sources; in a file it may be left
	// out.
	Confidence Confidence `json:"confidence"`
	// ConfidenceReason says why the confidence differs from what the rule gives.
	ConfidenceReason string `json:"confidence_reason,omitempty"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
}

// Source is something published, or archived, from which facts are cited.
type Source struct {
	// ID is unique among all sources: publisher and day, "dawn-2024-02-17".
	ID string `json:"id" rule:"required"`
	// Publisher as it names itself.
	Publisher string `json:"publisher" rule:"required"`
	// Authors, where named.
	Authors []string `json:"authors,omitempty"`
	// Title; null when it is not known.
	Title *string `json:"title" rule:"required,null"`
	// Date of publication in EDTF; null when it is not known. A fact counts as known
	// from the date of its earliest source.
	Date Date `json:"date" rule:"required,null"`
	// DateNote says how the date was found where the source does not print it.
	DateNote string `json:"date_note,omitempty"`
	// URL; null for what is not on the web or whose address is not known.
	URL *string `json:"url" rule:"required,null"`
	// Type of source.
	Type SourceType `json:"type" rule:"required"`
	// Language, BCP 47.
	Language string `json:"language" rule:"required"`
	// Reliability by the Admiralty code.
	Reliability Reliability `json:"reliability" rule:"required"`
	// ReliabilityReason in a sentence.
	ReliabilityReason string `json:"reliability_reason" rule:"required"`
	// Hand is how near the source is to what it reports; left out, its type and grade
	// decide.
	Hand Hand `json:"hand,omitempty"`
	// Read is how much of it was read for the record.
	Read SourceRead `json:"read,omitempty"`
	// MachinePictures is true when its pictures are machine-made.
	MachinePictures bool `json:"machine_pictures,omitempty"`
	// Copies is the id of the source whose text it repeats, so that the two are not counted twice.
	Copies string `json:"copies,omitempty"`
	// Copy is the archived copy.
	Copy *Copy `json:"copy,omitempty"`
	// Note in a sentence.
	Note string `json:"note,omitempty"`
}

// Copy is the archived copy of a source.
type Copy struct {
	// SHA256 of the copy's bytes, in hexadecimal; the copy is under sources/ in the
	// data folder.
	SHA256 string `json:"sha256" rule:"required"`
	// MediaType: "text/html".
	MediaType string `json:"media_type,omitempty"`
	// Fetched is when it was fetched.
	Fetched Date `json:"fetched,omitzero"`
	// How it was fetched: "http", "file", "warc".
	How string `json:"how,omitempty"`
	// Withheld is true for a copy that may not be published; its hash and the places
	// in it may.
	Withheld bool `json:"withheld,omitempty"`
}

// Cite is a source with a place in it. In YAML a source without a place may be
// written as its id.
type Cite struct {
	// Source is the id.
	Source string `json:"source" rule:"required"`
	Locator
	// Phrase is a short quotation of at most 25 words; it is checked against the
	// archived copy.
	Phrase string `json:"phrase,omitempty"`
	// Prefix is the text directly before the phrase, where the phrase occurs more
	// than once.
	Prefix string `json:"prefix,omitempty"`
	// Suffix is the text directly after it.
	Suffix string `json:"suffix,omitempty"`
	// Note says which part of the fact the source supports.
	Note string `json:"note,omitempty"`
}

// Locator is a place in a source.
type Locator struct {
	// Page in a paged document, from 1.
	Page int64 `json:"page,omitempty"`
	// Paragraph, from 1.
	Paragraph int64 `json:"paragraph,omitempty"`
	// Offset of the passage in the extracted text, in bytes.
	Offset *int64 `json:"offset,omitempty"`
	// Length of the passage in bytes.
	Length int64 `json:"length,omitempty"`
	// Extractor is the name and version of the program that made the text in which
	// Offset counts: "bandish-text/1".
	Extractor string `json:"extractor,omitempty"`
	// SHA256 of the archived copy that was read, when it is not the source's own
	// copy.
	SHA256 string `json:"sha256,omitempty"`
}

// Zone returns the zone in which the days of the case are days; UTC where the
// record has none that can be read, and for a nil case.
func (c *Case) Zone() *time.Location {
	if c == nil || c.zone == nil {
		return time.UTC
	}
	return c.zone
}
