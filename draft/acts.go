package draft

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
)

// An act is proposed only where one sentence names who did what to whom: the
// one who acts stands as the subject right before the verb, or behind "by" in
// the passive, and behind the verb stands the platform, the one addressed or
// the paper. Names and what stands for the only one of its kind in the text
// ("the regulator", "the app") name; pronouns do not. What is denied, planned,
// asked, conditional or hearsay proposes nothing: a missed act is for a person
// to see, a reversed one misleads.
type actRule struct {
	id    string
	kind  casefile.ActKind
	court casefile.ActKind     // the kind where a court or judge acts; "" where none can
	by    []casefile.ActorKind // who else can; none: a court alone
	// verb, object: the predicate in the active voice. A group "to" of the object
	// ends where the one addressed stands, "at" where the platform must stand, "on"
	// where it may.
	verb, object string
	passive      bool           // the verb is used with "was … by" too, with the object behind the agent
	patient      *regexp.Regexp // what must stand before "was", where it is no platform and nobody addressed
	example      string
	silent       string

	active, behindAgent *regexp.Regexp // made of verb and object
}

const (
	restrictVerb = `(?:block|ban|suspend|deactivate|restrict|throttle|slow down|shut down|shut off|cut off|cut|disable|take down|close|lift|limit)`
	restoreVerb  = `(?:unblock|restore|reinstate|reopen|lift)`
	restricted   = `(?:blocked|banned|suspended|restricted|throttled|slowed down|shut down|shut off|cut off|disabled|barred)`
	restoring    = `(?:unblocked|restored|reinstated|reopened|re-enabled)`
	measureNoun  = `(?:block|ban|blocking|suspension|restriction|restrictions|closure|shutdown|restoration|unblocking|throttling)`
	paper        = `(?:order|directive|decree|notification|letter|decision|instruction|notice|circular|ruling|injunction|judgment|verdict|` + measureNoun + `)`
	// service is what may stand between a verb and the platform's name.
	service = `(?:,? indefinitely,?| (?:access to|the|its|their|all|both|two|three|operations|activities|use|of|on|to|and|social|media|messaging|microblogging|networking|video|network|networks|platforms?|sites?|websites?|apps?|applications?|services?|giant)\b,?)*[ "“‘']*(?P<at>)`
	// asked stands between a verb and what is to be done: the one addressed, with a
	// day and the mark of a quotation perhaps.
	asked = ` (?P<to>)[^.;]{2,90}?,? ["“]?to ["“]?(?:immediately |temporarily |fully |at once )?(?:` + restrictVerb + `|` + restoreVerb + `)` + service
	// suit is what is brought to a court.
	suit = `(?:an? |the |two |its )?(?:\pL+ ){0,3}(?:petitions?|suit|lawsuit|case|plea|challenge|appeal|application|complaint)`
	// maybe is service where a platform may follow, and need not.
	maybe = `(?:,? indefinitely,?| (?:access to|the|its|their|use|of|on|social|media|messaging|networks?|platforms?|apps?|services?)\b)*[ "“‘']*(?P<on>)`
	// upTo is whatever stands between two things of one clause.
	upTo = `[^.;"“”]{0,90}?`
)

var (
	stateKinds = []casefile.ActorKind{"government", "ministry", "regulator", "agency", "legislature", "office_holder"}
	courtKinds = []casefile.ActorKind{"court", "judge"}
	carriers   = append(slices.Clone(stateKinds), "company")
	anybody    = append(slices.Clone(carriers), "civil_society", "party", "press", "measurer", "other")
)

// actRules in the order in which they are tried; the first that fits a
// predicate proposes.
var actRules = prepare([]actRule{
	{id: "register", kind: "registration_sought", by: stateKinds, verb: `(?:ordered|directed|told|asked|required|requested)`, object: service + `[^.;]{0,20}? to (?:register|appoint|name|open|set up|establish|obtain)\b`, passive: true,
		example: "The Example Telecom Authority told Sampler to appoint an agent.", silent: "Sampler told the Example Telecom Authority to appoint an agent."},
	{id: "remove", kind: "takedown_request", by: stateKinds, verb: `(?:ordered|directed|asked|requested|told|urged)`, object: ` [^.;]{2,50}? to (?:remove|take down|delete|block|withhold)\b` + upTo + `(?:accounts?|posts?|content|videos?|channels?|pages?|links?|tweets?)\b`, passive: true,
		example: "The Example Telecom Authority asked Sampler to remove 200 accounts.", silent: "Sampler asked the Example Telecom Authority to remove a tax."},
	{id: "takedown", kind: "takedown_request", by: stateKinds, verb: `(?:sent|forwarded|submitted|made)`, object: ` (?:numerous |several |many |[\d,]+ )?(?:takedown |removal |blocking )?(?:requests|complaints|notices|URLs|links|addresses) to(?: the (?:company|firm)\b|` + service + `)`,
		example: "The Example Investigation Agency has forwarded numerous requests to Sampler.", silent: "The Example Investigation Agency has forwarded two requests to its bank."},
	{id: "order", kind: "order", court: "interim_order", by: stateKinds, verb: `(?:ordered|directed|instructed|told|commanded)`, object: asked, passive: true,
		example: "The Ministry of Example ordered the Example Telecom Authority to block Sampler.", silent: "The Ministry of Example ordered the Example Telecom Authority to lower prices."},
	{id: "order-measure", kind: "order", court: "interim_order", by: stateKinds, verb: `(?:ordered|directed|imposed)`, object: ` (?:the |an? )?(?:[\pL\d-]+ ){0,2}` + measureNoun + `(?: (?:of|on)` + service + `| to | in |,|\.)`,
		example: "The Ministry of Example ordered the immediate suspension of Sampler.", silent: "The Ministry of Example welcomed the suspension of Sampler."},
	{id: "order-issued", kind: "order", by: stateKinds, verb: `issued`, object: ` (?:an? |the )?(?:\pL+ )?(?:directives?|orders?|instructions?) to [^.;"“”]{0,60}?(?:operators|providers|ISPs|carriers|licensees)\b`,
		example: "The Example Telecom Authority issued a directive to mobile operators.", silent: "The Example Telecom Authority issued a directive to its staff."},
	{id: "order-that", kind: "order", court: "interim_order", by: stateKinds, verb: `ordered`, object: `(?: that)?` + service + `(?:[^.;, ]+,? ){1,4}?(?:to )?be (?:\pL+ly )?(?:` + restricted + `|` + restoring + `)`,
		example: "The Ministry of Example ordered that Sampler be blocked.", silent: "The Ministry of Example ordered that a bridge be restored."},
	{id: "wrote", kind: "order", by: stateKinds, verb: `wrote`, object: ` to (?P<to>)[^.;]{2,60}? and (?:directed|ordered|instructed) (?:it|them) to ` + restrictVerb + `[^.;]{0,30}?` + service,
		example: "The Ministry of Example wrote to the Example Telecom Authority and directed it to block Sampler.", silent: "The Ministry of Example wrote to the Example Telecom Authority and thanked it."},
	{id: "order-vpn", kind: "circumvention_restricted", by: stateKinds, verb: `(?:ordered|directed|instructed|told)`, object: ` (?P<to>)[^.;]{2,60}? to ` + upTo + `\b(?:VPNs?|virtual private networks?)\b`, passive: true,
		example: "The Ministry of Example directed the Example Telecom Authority to prosecute who uses VPNs.", silent: "The Ministry of Example told users of VPNs to beware."},
	{id: "order-matter", kind: "order", by: stateKinds, verb: `(?:ordered|directed|instructed)`, object: ` (?P<to>)[^.;]{2,60}? to ` + upTo + `\b(?:social media|online|internet|platforms?|apps?)\b`, passive: true,
		example: "The Ministry of Example directed the Example Telecom Authority to license social media.", silent: "The Ministry of Example directed the Example Telecom Authority to license radios."},
	{id: "request", kind: "request", by: stateKinds, verb: `(?:requested|asked|urged|wrote to)`, object: asked, passive: true,
		example: "The Ministry of Example requested the Example Telecom Authority to block Sampler.", silent: "The Example Foundation asked why Sampler was blocked."},
	{id: "recommendation", kind: "recommendation", by: stateKinds, verb: `(?:recommended|advised|proposed)`, object: ` [^.;]{0,60}?(?:(?:blocking|banning|suspending|restricting|throttling|(?:a |the |an )?(?:\pL+ )?` + measureNoun + ` (?:of|on))` + service + `|\b(?:internet|social media|shutdowns?)\b)`,
		example: "The Example Intelligence Bureau recommended restricting Sampler.", silent: "The Example Intelligence Bureau recommended rest."},
	{id: "contempt", kind: "contempt", court: "contempt", verb: `(?:issued|initiated|began)`, object: ` (?:a |the )?contempt(?: of court)? (?:notices?|proceedings) (?:to|against) (?P<to>)`,
		example: "The Exampleville High Court issued a contempt notice to the Example Telecom Authority.", silent: "The Example Telecom Authority issued a contempt notice to nobody."},
	{id: "court-asks", kind: "hearing", court: "hearing", verb: `(?:issued (?:a )?(?:show-cause )?notices? to|summoned|sought (?:an? |the )?(?:repl(?:y|ies)|responses?|reports?|comments) from)`, object: ` (?P<to>)`,
		example: "The Exampleville High Court issued notices to the Example Telecom Authority.", silent: "The Example Telecom Authority issued notices to the Exampleville High Court."},
	{id: "hearing", kind: "hearing", court: "hearing", verb: `(?:heard|reserved|adjourned|put off)`, object: ` (?:its |the |his |her )?(?:\pL+ ){0,3}?(?:company|case|petitions?|arguments?|judgment|verdict|ruling|hearing|appeal|matter|plea|parties|lawyers|counsel)\b`,
		example: "The Exampleville High Court adjourned the hearing.", silent: "The Exampleville High Court was heard of far away."},
	{id: "court-papers", kind: "interim_order", court: "interim_order", verb: `(?:ordered|directed|instructed)`, object: ` (?P<to>)[^.;]{2,60}? to (?:submit|file|produce|place|publish|explain|disclose|reply|respond|lift|withdraw)\b`, passive: true,
		example: "The Exampleville High Court ordered the Example Telecom Authority to file its reply.", silent: "The Example Telecom Authority ordered the Example Foundation to file its reply."},
	{id: "court-restrains", kind: "interim_order", court: "interim_order", verb: `(?:restrained|barred|prohibited|enjoined|stopped)`, object: ` (?P<to>)[^.;]{2,60}? from (?:further )?(?:blocking|banning|suspending|restricting)\b`, passive: true,
		example: "The Exampleville High Court restrained the Example Telecom Authority from blocking further apps.", silent: "The Example Telecom Authority restrained the police from blocking roads."},
	{id: "court-refuses", kind: "interim_order", court: "interim_order", verb: `(?:refused|declined) to (?:stay|suspend|lift|extend|grant)`, object: ` (?:an? |the )?(?:\pL+ ){0,3}` + paper + `\b`,
		example: "The Exampleville High Court refused to stay the ban.", silent: "The Example Telecom Authority refused to lift the ban."},
	{id: "stay", kind: "interim_order", court: "interim_order", verb: `(?:stayed|suspended)`, object: ` (?:the |a |an |its )?(?:\pL+['’]?s? ){0,3}` + paper + `\b`, passive: true, patient: papers,
		example: "The Exampleville Supreme Court suspended the regulator's order.", silent: "The Example Telecom Authority suspended its order."},
	{id: "judgment", kind: "judgment", court: "judgment", verb: `(?:struck down|quashed|set aside|overturned|annulled|upheld)`, object: ` (?:the |a |an |its )?(?:\pL+['’]?s? ){0,3}` + paper + `\b(?: (?:on|of)` + maybe + `)?`, passive: true, patient: papers,
		example: "The Exampleville Supreme Court struck down the ban.", silent: "The Exampleville Supreme Court was asked to strike down the ban."},
	{id: "unlawful", kind: "judgment", court: "judgment", verb: `(?:ruled|held|declared|found)`, object: ` (?:that )?(?:the |a )?(?:\pL+ ){0,3}` + measureNoun + upTo + `\b(?:unlawful|illegal|unconstitutional|void|lawful)\b`, passive: true, patient: papers,
		example: "The Exampleville High Court ruled that the ban was unlawful.", silent: "The Example Foundation declared the ban unlawful."},
	{id: "dismissal", kind: "judgment", court: "judgment", verb: `(?:dismissed|disposed of|rejected)`, object: ` ` + suit + `\b`, passive: true, patient: suits,
		example: "The Exampleville High Court dismissed the petition.", silent: "The Exampleville High Court adjourned the petition."},
	{id: "criminal", kind: "criminal_case", by: stateKinds, verb: `(?:initiated|registered|opened|filed|launched|lodged)`, object: ` (?:[\pL\d]+ ){0,4}?(?:FIRs?|criminal cases?|first information reports?|criminal charges|criminal proceedings)\b`,
		example: "The Example Investigation Agency opened criminal cases against eleven users.", silent: "The Example Investigation Agency opened an office."},
	{id: "intelligence", kind: "intelligence_report", by: []casefile.ActorKind{"agency"}, verb: `(?:reported|warned|informed)`, object: `[^.;"“”]{0,40}? that [^.;"“”]{0,250}?\b(?:social media|platforms?|apps?|using|messaging)\b`,
		example: "The Example Intelligence Bureau reported on 3 May 2024 that militants were using Sampler.", silent: "The Example Police reported that militants were using Sampler."},
	{id: "reply", kind: "government_reply", by: stateKinds, verb: `(?:told|informed|apprised)`, object: ` (?P<court>)`,
		example: "The Ministry of Example told the Exampleville High Court that it had its reasons.", silent: "The Exampleville High Court told the Ministry of Example to reply."},
	{id: "papers", kind: "government_reply", by: stateKinds, verb: `(?:submitted|filed)`, object: ` (?:its|their|his|her|a|the) (?:written )?(?:repl(?:y|ies)|responses?|reports?|comments|affidavit) (?:to|before|in|with) (?P<court>)`,
		example: "The Ministry of Example submitted its report to the Exampleville High Court.", silent: "The Ministry of Example submitted its report to the press."},
	{id: "petition", kind: "petition", by: anybody, verb: `(?:filed|lodged|brought|submitted)`, object: ` ` + suit + `(?: against` + upTo + `)?(?: ` + upTo + `)?,? (?:before|at|in|with|to) (?P<court>)`, passive: true, patient: suits,
		example: "The Example Bar Association filed a petition before the Exampleville High Court.", silent: "The Example Bar Association signed an online petition."},
	{id: "sued", kind: "petition", by: anybody, verb: `sued`, object: ` (?P<to>)`, passive: true,
		example: "The Example Bar Association sued the Example Telecom Authority.", silent: "The Example Telecom Authority was never sued by name."},
	{id: "to-court", kind: "petition", by: anybody, verb: `(?:went to|approached|petitioned|moved|turned to|asked|appealed (?:against|to)|challenged|contested)`, object: `(?: (?:\d+ of )?(?:the |its )?(?:\pL+ ){0,2}` + paper + `s?(?: ` + upTo + `)?)?(?: ?(?:before|in|at|to))? (?P<court>)`,
		example: "The Example Bar Association went to the Exampleville High Court.", silent: "The Exampleville High Court went to the Example Bar Association."},
	{id: "appealed", kind: "petition", by: anybody, verb: `(?:appealed against|challenged)`, object: ` (?:the |its |a )?(?:\pL+['’]?s? ){0,3}` + paper + `\b`,
		example: "The Example Bar Association appealed against the ruling.", silent: "The Example Bar Association appealed for calm."},
	{id: "responsibility", kind: "admission", by: stateKinds, verb: `(?:taken|took)`, object: ` (?:full )?responsibility for (?:\pL+ ){0,3}` + measureNoun + `\b`,
		example: "The Ministry of Example has taken full responsibility for the ban.", silent: "The Ministry of Example was held responsible for the ban."},
	{id: "complied", kind: "compliance", by: carriers, verb: `(?:carried out|complied with|implemented|confirmed)`, object: `(?: that it had \pL+)? (?:the|its|an?) (?:\pL+['’]?s? ){0,3}` + paper + `\b`,
		example: "The Example Telecom Authority complied with the order.", silent: "The Example Telecom Authority complied with its charter."},
	{id: "admission", kind: "admission", by: stateKinds, verb: `(?:admitted|acknowledged|conceded|confirmed)`, object: ` ` + upTo + `\b(?:that|to having|having|ordering|blocking|sending)\b` + upTo + `\b(?:ordered|blocked|blocking|banned|suspended|restricted|` + paper + `)\b`,
		example: "Minister Ada Example admitted that her office had ordered the block of Sampler.", silent: "Minister Ada Example admitted that mistakes are human."},
	{id: "never", kind: "denial", by: stateKinds, verb: `(?:said|told [^.;"“”]{3,40}?|insisted|stated)`, object: `(?: (?:on )?(?:` + weekdayNames + `|last week))?,? that ` + upTo + `\b(?:(?:had|has|have|was|were|did) (?:never|not)(?: been)?|(?:had|has|have) no (?:plans?|intention) to) (?:order|block|bann?|suspend|restrict|instruct)(?:ed)?\b`,
		example: "Minister Ada Example told parliament that she had never ordered a ban.", silent: "Minister Ada Example told parliament that she had ordered a ban."},
	{id: "charge", kind: "denial", by: stateKinds, verb: `(?:denied|rejected|dismissed)`, object: ` (?:the |these |any )?(?:charges?|claims?|allegations?|accusations?|reports?|suggestions?) (?:that|of)\b`,
		example: "Minister Ada Example rejected the charge that critics were silenced.", silent: "The Exampleville High Court rejected the charge that Sampler had lied."},
	{id: "turned-down", kind: "statement", by: stateKinds, verb: `(?:turned down|turned|rejected)`, object: ` (?:the |a |its )?(?:\pL+ ){0,2}(?:proposal|demand|request|recommendation|call|appeal)\b`,
		example: "The Ministry of Example turned down the proposal.", silent: "The Ministry of Example turned a page."},
	{id: "denial", kind: "denial", by: stateKinds, verb: `denied`, object: ` (?:that |having |any |blocking |a )?` + upTo + `\b(?:ban|banned|block|blocked|blocking|restricted|suspended|suspension|shutdown|shut down|directive|order)\b`,
		example: "Minister Ada Example denied that Sampler was blocked.", silent: "The Exampleville High Court rejected the petition against the ban."},
	{id: "withdrawal", kind: "withdrawal", court: "withdrawal", by: stateKinds, verb: `(?:withdrew|withdrawn|revoked|rescinded|recalled|cancelled|repealed)`, object: ` (?:the|its|his|her|their|a) (?:\pL+ ){0,3}` + paper + `\b(?: (?:against|on|to block)` + maybe + `)?`, passive: true, patient: papers,
		example: "The Example Telecom Authority withdrew its order against Sampler.", silent: "The Example Telecom Authority withdrew its troops."},
	{id: "passed-on", kind: "implementation", by: carriers, verb: `(?:passed|forwarded|relayed|circulated)`, object: ` (?:the|its|an?) (?:\pL+['’]?s? ){0,3}` + paper + `\b`,
		example: "The Example Telecom Authority forwarded the letter to operators.", silent: "The Example Telecom Authority passed its exams."},
	{id: "disobeyed", kind: "non_compliance", by: carriers, verb: `(?:ignored|defied|flouted|(?:failed|refused) to (?:comply with|obey|carry out|implement))`, object: ` (?:the|an?) (?:\pL+['’]?s? ){0,3}(?:order|directive|ruling|injunction|judgment|decision)\b`,
		example: "The Example Telecom Authority ignored the court's order.", silent: "The Example Telecom Authority ignored the weather."},
	{id: "restored", kind: "restoration", court: "interim_order", by: carriers, verb: restoring, object: service, passive: true,
		example: "The Example Telecom Authority restored access to Sampler.", silent: "The Example Telecom Authority was asked when Sampler would be restored."},
	{id: "lifted", kind: "restoration", court: "judgment", by: stateKinds, verb: `lifted`, object: ` (?:the |its |a )?(?:\pL+ )?` + measureNoun + ` (?:on|of)` + service,
		example: "The Example Telecom Authority lifted the ban on Sampler.", silent: "The Example Telecom Authority lifted the ban on alcohol."},
	{id: "blocked", kind: "implementation", court: "interim_order", by: carriers, verb: restricted, object: service, passive: true,
		example: "The Example Telecom Authority blocked access to Sampler.", silent: "The Example Telecom Authority was not blocked by Sampler."},
	{id: "blocked-many", kind: "implementation", by: stateKinds, verb: restricted, object: ` (?:[\d,.]+ (?:lakh |thousand )?|hundreds of |thousands of |dozens of )(?:\pL+ )?(?:addresses|URLs|websites|sites|links|accounts|channels|apps)\b`,
		example: "The Ministry of Example has blocked 9,845 web addresses.", silent: "The Ministry of Example has blocked two roads."},
	{id: "said-blocked", kind: "statement", by: stateKinds, verb: `(?:said|stated|told [^.;,"“”]{3,40}?|informed [^.;,"“”]{3,40}?)`, object: `,? that` + service + `(?: [\pL-]+){0,3}? (?:has been|have been|had been|was|were|is|are) (?:temporarily |now )?(?:` + restricted + `|` + restoring + `)\b`,
		example: "Minister Ada Example informed the Senate on Thursday that Sampler has been blocked.", silent: "Minister Ada Example said that Sampler was not blocked."},
	{id: "announcement", kind: "statement", by: stateKinds, verb: `(?:announced|declared|defended|justified)`, object: `(?: (?:the |an? |its )?(?:[\pL-]+-long )?(?:\pL+ ){0,2}(?:` + measureNoun + `|lifting|measure)\b|` + upTo + ` that ` + upTo + `\b(?:` + restricted + `|` + restoring + `|lifted)\b)`,
		example: "Minister Ada Example announced the suspension of Sampler.", silent: "Minister Ada Example announced the winner."},
})

var (
	papers = regexp.MustCompile(`\b` + paper + `\b`)
	suits  = regexp.MustCompile(`\b(?:petition|suit|lawsuit|case|plea|challenge|appeal|application|complaint)\b`)
)

// addressee is the part of an object that the passive has as its subject.
var addressee = regexp.MustCompile(`^ \(\?P<to>\)\[\^\.;\]\{2,\d+\}\?`)

// prepare compiles the predicates of the rules.
func prepare(rules []actRule) []actRule {
	for i := range rules {
		r := &rules[i]
		r.active = regexp.MustCompile(`^` + r.verb + `(?:,)?(?: today| immediately)?` + r.object)
		r.behindAgent = regexp.MustCompile(`^` + addressee.ReplaceAllString(r.object, ""))
	}
	return rules
}

// opens is what opens a clause; governs makes what stands behind it no
// subject.
var (
	opens   = regexp.MustCompile(`(?i)(?:^|[,;:"“—–.]|\b(?:that|said|and|but|when|while|after|because|where|meanwhile|as)\b)\s*`)
	governs = regexp.MustCompile(`(?i)\b(?:by|of|from|to|against|with|for|at|in|on|under|via|through|before|into|over|about|than|said|told|asked|including|between|among)\b`)
)

// subject reports whether an actor stands as the subject of a clause: at its
// beginning, or behind three words at most that govern nothing.
func (s *sentence) subject(who mention) bool {
	text := s.text[:who.start]
	places := opens.FindAllStringIndex(text, -1)
	from := places[len(places)-1][1]
	for _, d := range s.dates { // "On 3 May the court …"
		if d.start >= from && d.end <= who.start {
			from = d.end
		}
	}
	lead := text[from:]
	for _, form := range []*regexp.Regexp{benchOf, lately, titled} {
		lead = form.ReplaceAllString(lead, "")
	}
	return len(strings.Fields(lead)) <= 3 && !governs.MatchString(lead)
}

// titled is an office before a name.
var titled = regexp.MustCompile(`(?:\p{Lu}\pL+ )*(?:Minister|Secretary|President|Justice|Judge|Senator|Chairman|Chairperson|Chief)(?: (?:of|for) (?:(?:\p{Lu}\pL+|and|the),? ?)+)? ?$`)

// lately is a time without a date.
var lately = regexp.MustCompile(`(?i)^(?:in|over|during|for) the (?:last|past) [\w-]+ (?:days|weeks|months|years),? `)

// benchOf says how many judges of a court speak.
var benchOf = regexp.MustCompile(`(?i)\b(?:an? |the )?(?:\pL+-(?:member|judge) |division |larger |full )?bench of (?:the )?$`)

// subjunctive makes of a verb behind it no deed.
var subjunctive = regexp.MustCompile(`(?i)\b(?:if|unless|whether|would|could|might|(?-i:may)|had the|reportedly|allegedly|alleged|claim(?:s|ed|ing)|misled|accused|rumou?rs?|false(?:ly)?|fake|den(?:y|ies|ied))\b`)

// What may stand between a subject and its verb.
var (
	apposition    = regexp.MustCompile(`^, (?:the|a|an|its|who|headed|led|chaired|reached|asked|speaking|appearing|quoted|in turn|meanwhile)\b[^,;.]{0,70},`)
	comprising    = regexp.MustCompile(`^,? (?:comprising|consisting of|headed by|led by) `)
	parenthesis   = regexp.MustCompile(`^,? \([^()]{2,40}\),?`)
	ofPlace       = regexp.MustCompile(`^ of (?:the )?\p{Lu}\pL+(?: \p{Lu}\pL+)*\b`)
	adverbs       = regexp.MustCompile(`^,? (?:has|had|have|also|again|later|then|formally|temporarily|immediately|finally|subsequently|briefly|earlier|first|itself|in turn|separately)\b,?`)
	seat          = regexp.MustCompile(`^, \p{Lu}\pL+ `)
	openQuote     = regexp.MustCompile(`^,? ["“]`)
	partOfDay     = regexp.MustCompile(`^ (?:night|evening|morning|afternoon)\b`)
	daywords      = regexp.MustCompile(`^,? (?:(?:late|early|earlier) )?(?:on |in |the )?$`)
	insertion     = regexp.MustCompile(`^,? (?:in|through|by) (?:a|an|its|their|his|her) (?:\pL+ ){0,3}(?:letter|statement|order|ruling|judgment|notice|post|interview|verdict|circular)(?: (?:dated|of|on) [^,;.]{4,20})?,?`)
	beforeHearers = regexp.MustCompile(`^ before (?:the |a )?(?:\pL+ ){0,3}(?:committee|parliament|court|senate)\b`)
)

// chained stands between the judges of a bench.
var chained = regexp.MustCompile(`^(?:,? (?:comprising|consisting of|headed by|led by) |,? and |, )$`)

// predicate is where the verb of a subject stands: behind what else says who it
// is, the days and adverbs.
func (s *sentence) predicate(at int) int {
	for moved := true; moved; {
		moved = false
		rest := s.text[at:]
		bench := comprising.MatchString(rest)
		for _, of := range s.actors {
			if between, ok := s.between(at, of.start); ok && (between == " of " || between == " of the " || bench && chained.MatchString(between)) {
				at, moved = of.end, true
			}
		}
		for _, d := range s.dates {
			if d.start >= at && !moved && daywords.MatchString(s.text[at:d.start]) {
				at, moved = d.end, true
			}
		}
		for _, form := range []*regexp.Regexp{ofPlace, partOfDay, apposition, parenthesis, adverbs, insertion, openQuote} {
			if !moved && form.MatchString(rest) {
				at, moved = at+len(form.FindString(rest)), true
			}
		}
	}
	if place := seat.FindString(s.text[at:]); place != "" { // "the Bureau, Exampleville reported"
		at += len(place)
	}
	for at < len(s.text) && strings.ContainsRune(" ,\"", rune(s.text[at])) {
		at++
	}
	return at
}

// conjoined begins another predicate of the same subject.
var conjoined = regexp.MustCompile(`^[^;:"“”]{0,140}?,? and (?:(?:also|then|later) )?`)

// acts proposes the acts of a sentence.
func (r *reader) acts(s *sentence) []Line[Act] {
	var lines []Line[Act]
	add := func(id string, a Act, start, end int) {
		if !slices.ContainsFunc(lines, func(l Line[Act]) bool { return l.Is.Kind == a.Kind && slices.Equal(l.Is.By, a.By) }) {
			lines = append(lines, line("act-"+id, s, start, end, a))
		}
	}
	for i, who := range s.doers() {
		from, to := s.clause(who.start)
		related := whichDid.FindString(s.text[who.end:]) // "the court, which heard …"
		if !s.subject(who) && related == "" || s.possessive(who) || s.quoted(who.start) && !documentSays.MatchString(s.text) || subjunctive.MatchString(s.text[from:who.start]) {
			continue
		}
		at := s.predicate(who.end + len(related))
		if related != "" {
			_, to = s.clause(at)
		}
		for range 2 { // "the court heard them and ordered …"
			if rule, a, end, ok := s.active(who, at, to); ok {
				add(rule.id, a, who.start, end)
			}
			m := conjoined.FindString(s.text[at:max(at, to)])
			if m == "" || i+1 < len(s.actors) && s.actors[i+1].start < at+len(m) && s.subject(s.actors[i+1]) || thatWord.MatchString(m) {
				break
			}
			at = s.predicate(at + len(m) - 1)
		}
	}
	for _, m := range passiveVerb.FindAllStringSubmatchIndex(s.text, -1) {
		verb := m[1]
		if m[2] >= 0 { // "the petition, filed by …"
			verb = m[2]
		}
		if rule, a, start, end, ok := s.passive(m[0], verb); ok {
			add(rule.id, a, start, end)
		}
	}
	return lines
}

// documentSays is who speaks in a quotation that tells of others' acts.
var documentSays = regexp.MustCompile(`(?i)["”] (?:the |its |his |her )?(?:document|letter|order|report|notification|directive|notice) (?:states?|stated|reads?|says?|said|added|adds)\b`)

// whichDid makes a name the subject of what follows.
var whichDid = regexp.MustCompile(`^,? (?:which|who)\b`)

// doers are those who may act: the actors, and platforms, which go to court.
func (s *sentence) doers() []mention {
	all := slices.Clone(s.actors)
	for _, p := range s.platforms {
		if name := s.text[p.start:p.end]; name != "" && name != "it" {
			all = append(all, mention{start: p.start, end: p.end, id: name, actor: &Actor{Kind: "other", Name: name}})
		}
	}
	return all
}

// active reads the words of a predicate.
func (s *sentence) active(who mention, at, to int) (rule actRule, a Act, end int, ok bool) {
	for _, rule := range actRules {
		kind, can := rule.kindBy(who)
		if m := rule.active.FindStringSubmatchIndex(s.text[at:]); can && m != nil {
			if a, end, ok := s.fill(rule.active, m, at, who); ok {
				a.Kind = kind
				s.complete(&a, who.start, end, to)
				return rule, a, end, true
			}
		}
	}
	return rule, a, 0, false
}

// passiveVerb is "was …" with what may stand before the participle.
var passiveVerb = regexp.MustCompile(`\b(?:was|were|has been|have been|had been) (?:also |again |temporarily |later |first )?|\b(?:petitions?|suit|lawsuit|plea|challenge|appeal)(?: against[^,.;"“”]{0,50}?)?,? (filed|lodged|brought) `)

// agent stands behind the participle of a passive, with a day or a court
// between them perhaps.
var agent = regexp.MustCompile(`^ ([^.;"“”]{0,70}?)\bby (?:the )?$`)

// passive reads "the platform was blocked by the regulator": what is done
// stands before, who does it behind "by".
func (s *sentence) passive(aux, verb int) (rule actRule, a Act, start, end int, ok bool) {
	from, to := s.clause(aux)
	if s.quoted(aux) || subjunctive.MatchString(s.text[from:aux]) {
		return rule, a, 0, 0, false
	}
	for _, rule := range actRules {
		participle := regexp.MustCompile(`^` + rule.verb + `\b`).FindString(s.text[verb:])
		if !rule.passive || participle == "" {
			continue
		}
		for _, who := range s.actors {
			kind, can := rule.kindBy(who)
			if !can || who.start <= verb || who.start >= to || s.possessive(who) || !agent.MatchString(s.text[verb+len(participle):who.start]) {
				continue
			}
			a := Act{By: []string{who.id}, To: []string{}, Targets: []string{}, Kind: kind}
			start, end := from, who.end
			object, addressed := s.platformBefore(aux), s.actorBefore(aux)
			switch m := rule.behindAgent.FindStringSubmatchIndex(s.text[who.end:]); {
			case rule.patient != nil && rule.patient.MatchString(s.text[from:verb]):
				if court := s.courtWithin(verb, to); kind == "petition" && court != nil {
					a.To = []string{court.id}
				}
			case strings.HasSuffix(rule.object, service) && rule.object == service && object != nil: // blocked, restored
				start = object.start
			case m != nil && m[1] > 0 && (addressed != nil || crowds.MatchString(s.text[from:aux])):
				filled, at, fits := s.fill(rule.behindAgent, m, who.end, who)
				if !fits {
					continue
				}
				a.Targets, end = filled.Targets, at
				if addressed != nil {
					a.To, start = []string{addressed.id}, addressed.start
				}
			case rule.id == "sued" && addressed != nil:
				a.To, start = []string{addressed.id}, addressed.start
			default:
				continue
			}
			if object != nil && len(a.Targets) == 0 {
				a.Targets = []string{object.id}
			}
			s.complete(&a, start, end, to)
			return rule, a, start, end, true
		}
	}
	return rule, a, 0, 0, false
}

// crowds are those addressed who have no name.
var crowds = regexp.MustCompile(`(?i)\b(?:providers|operators|carriers|ISPs|licensees|companies)\b`)

// kindBy is the kind of act that a rule proposes of an actor, if it does.
func (rule *actRule) kindBy(who mention) (casefile.ActKind, bool) {
	if slices.Contains(courtKinds, who.actor.Kind) {
		return rule.court, rule.court != ""
	}
	return rule.kind, slices.Contains(rule.by, who.actor.Kind) && (rule.kind != "intelligence_report" || intelligence.MatchString(who.actor.Name))
}

var intelligence = regexp.MustCompile(`(?i)intelligence|security|\bbureau\b`)

// fill takes the one addressed, the court and the platform that a predicate
// names; ok is false where one is missing that must be there.
func (s *sentence) fill(form *regexp.Regexp, m []int, at int, who mention) (a Act, end int, ok bool) {
	end = at + m[1]
	a = Act{By: []string{who.id}, To: []string{}, Targets: []string{}}
	if to := place(form, m, "to"); to > 0 {
		b := s.actorAt(at + to)
		if thatWord.MatchString(s.text[at:end]) || b != nil && b.id == who.id || b == nil && place(form, m, "at") == 0 {
			return a, 0, false // only where a platform is named may the one addressed have no name
		}
		if b != nil {
			a.To, end = []string{b.id}, max(end, b.end)
		}
	}
	if to := place(form, m, "court"); to > 0 {
		b := s.actorAt(at + to)
		switch {
		case b != nil && slices.Contains(courtKinds, b.actor.Kind):
			a.To, end = []string{b.id}, max(end, b.end)
		case !theCourt.MatchString(s.text[at+to:]):
			return a, 0, false
		}
	}
	if to := max(place(form, m, "at"), place(form, m, "on")); to > 0 {
		p := s.platformAt(at + to)
		needed := place(form, m, "at") > 0 && !(place(form, m, "to") > 0 && generic.MatchString(s.text[at:at+to]))
		if p == nil {
			return a, end, !needed
		}
		a.Targets, end = []string{p.id}, max(end, p.end)
	}
	return a, end, true
}

// theCourt is a court without its name.
var theCourt = regexp.MustCompile(`^(?:the |a )?(?:full |same |top |apex )?(?:court|bench|tribunal|judges?)\b`)

// generic are platforms that an order names by no name.
var generic = regexp.MustCompile(`\b(?:services|platforms|apps|sites|websites|social media|networks|the internet)[ ,"”]*$`)

// complete adds the platforms, the effect, the day and the term.
func (s *sentence) complete(a *Act, start, end, to int) {
	from, _ := s.clause(start)
	for _, id := range s.targetsOf(start, max(to, end)) {
		if !contains(a.Targets, id) {
			a.Targets = append(a.Targets, id)
		}
	}
	a.Effect = effectOf(a.Kind, s.text[start:end])
	a.dated(s.dayOf(from, to, start, end))
	if t := termForm.FindString(s.text[start:]); t != "" && slices.Contains([]casefile.ActKind{"order", "request", "recommendation", "interim_order", "implementation"}, a.Kind) {
		a.Term = ptr(passage(t, 0, len(t)))
	}
}

// place is the end of a group, 0 where the form has none.
func place(form *regexp.Regexp, m []int, group string) int {
	if i := form.SubexpIndex(group); i > 0 && m[2*i+1] > 0 {
		return m[2*i+1]
	}
	return 0
}

// actorAt is the actor who is named right at a place, but for an article.
func (s *sentence) actorAt(at int) *mention {
	for i := range s.actors {
		if between, ok := s.between(at, s.actors[i].start); ok && (between == "" || between == "the " || strings.HasSuffix(between, "'s ") || strings.HasSuffix(between, "’s ")) {
			return &s.actors[i]
		}
	}
	return nil
}

// actorBefore is the actor who is named right before a place.
func (s *sentence) actorBefore(at int) *mention {
	for i := range s.actors {
		if a := &s.actors[i]; a.end < at && s.subject(*a) && s.predicate(a.end) == at {
			return a
		}
	}
	return nil
}

func (s *sentence) courtWithin(from, to int) *mention {
	for i := range s.actors {
		if a := &s.actors[i]; a.start > from && a.start < to && slices.Contains(courtKinds, a.actor.Kind) {
			return a
		}
	}
	return nil
}

// platformAt is the platform that is named right at a place.
func (s *sentence) platformAt(at int) *mention {
	for i := range s.platforms {
		p := &s.platforms[i]
		if between, ok := s.between(at, p.start); ok && strings.Trim(between, "\"“‘' ") == "" || p.start == p.end && p.start <= at && at-p.start < 3 {
			return p
		}
	}
	return nil
}

// platformBefore is the platform that is named right before a place, with a
// few words between them at most.
func (s *sentence) platformBefore(at int) *mention {
	for i := range s.platforms {
		if between, ok := s.between(s.platforms[i].end, at); ok && !strings.ContainsAny(between, ".;,\"“”") {
			return &s.platforms[i]
		}
	}
	return nil
}

func (s *sentence) between(from, to int) (string, bool) {
	if to < from || to-from > 40 {
		return "", false
	}
	return s.text[from:to], true
}

// dayWord stands right before a day on which something was done, and nothing
// else does: before a deadline stands "by" or "until", before another event
// "after" or "before".
var dayWord = regexp.MustCompile(`(?i)(?:^|\b(?:on|in|late|early) |, )(?:the )?$`)

// dayOf is the one day that is told in the clause as that of the act, between
// the clause's beginning and a few words behind it; null where there is none
// or more than one.
func (s *sentence) dayOf(from, to, start, end int) DateText {
	var day DateText
	n := 0
	for i, d := range s.dates {
		near := d.start >= from && d.end <= start || d.start >= start && d.start < min(to, end+40)
		if !near || s.isBase(i) || s.dateline(d) || d.start > start && thatWord.MatchString(s.text[start:d.start]) || strings.ContainsAny(s.text[min(end, d.start):d.start], `"“”`) {
			continue
		}
		on := onOrIn.MatchString(d.Text) || nearSpan.MatchString(d.Text) || sameDay.MatchString(d.Text) || dayWord.MatchString(s.text[:d.start]) || weekdayAlone(s, d)
		letter := letterOf.MatchString(s.text[from:d.start]) // "In a letter dated 3 May the ministry asked …"
		if n++; letter || on && !deadline.MatchString(s.text[:d.start]) {
			day = d.DateText
		}
	}
	if n != 1 {
		return DateText{}
	}
	return day
}

var (
	onOrIn   = regexp.MustCompile(`(?i)^(?:on|in) `)
	letterOf = regexp.MustCompile(`\b[Ii]n (?:an?|its|his|her) (?:\pL+ ){0,3}(?:letter|order|directive|notice|circular)(?: (?:dated|of|on))? $`)
	dashed   = regexp.MustCompile(`^ (?:\([^)]{2,20}\) )?[-–—] `)
)

// dateline reports a day that says when a report was written: "CITY, May 3 - …".
func (s *sentence) dateline(d dateMention) bool {
	return d.start < 40 && dashed.MatchString(s.text[d.end:])
}

// dated fills in the day, or the words of one that hangs on what the text does
// not say.
func (a *Act) dated(d DateText) {
	if a.Date = d.Date; d.Date.IsZero() {
		a.DateText = d.Text
	}
}

// thatWord begins what is said: a date behind it belongs to that.
var thatWord = regexp.MustCompile(`\bthat\b`)

// deadline stands before a day by which something is to be done, or of which
// another paper is.
var deadline = regexp.MustCompile(`(?i)\b(?:by|until|till|before|after|since|from|to|than|next|dated|due|deadline|scheduled for|adjourned)(?: the| on)? $`)

// weekdayAlone is "the ministry ordered on Monday" without its "on", or today.
func weekdayAlone(s *sentence, d dateMention) bool {
	return nearDay.MatchString(d.Text) || weekday.MatchString(d.Text) && !strings.Contains(d.Text, "next") && !strings.Contains(d.Text, "until") && !strings.Contains(d.Text, "till")
}
