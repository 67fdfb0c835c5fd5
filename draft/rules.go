package draft

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
)

var (
	banWords     = regexp.MustCompile(`(?i)\b(?:ban|bans|banned|banning|block|blocks|blocked|blocking|blockade|restrict\w*|suspen\w*|shut(?:ting|s)? ?down|shutdowns?|throttl\w*|slow(?:ed|ing)? down|(?:cut|cuts|cutting)(?: off)? access|(?:cut|cuts|cutting) off|switch(?:ed|ing)? off|disconnect\w*|disabl\w*|deactivat\w*|disrupt\w*|inaccessible|unavailable|outages?|blackouts?)\b`)
	restoreWords = regexp.MustCompile(`(?i)\b(?:restor\w*|unblock\w*|lift(?:s|ed|ing)?|reinstat\w*|resum\w*|re-?open\w*|withdr[ae]w\w*|set aside|quash\w*|overturn\w*|annul\w*)\b`)
	accessWords  = regexp.MustCompile(`(?i)\b(?:accessible|inaccessible|access to|available|unavailable|working|operational|reachable|unreachable|running|restored|up and running|functioning|functional|back online|offline|remain open|opening again)\b`)
	lawWords     = regexp.MustCompile(`(?i)\b(?:laws?|legal|legally|section \d+|article \d+|rules?|regulat\w+|constitution\w*|jurisdiction|statute|act|regist\w+|memorandum|MoU|licen[cs]e|court order)\b`)
	vpnWords     = regexp.MustCompile(`(?i)\b(?:VPNs?|virtual private networks?|proxies|proxy services?)\b`)
	termForm     = regexp.MustCompile(`(?i)\b(?:(?:until|till) (?:further (?:orders?|notice)|(?:at least )?[^,.;"”]{3,80})|indefinitely|for (?:\d+|` + numberWords + `) (?:hours|days|weeks|months))`)
)

// actRule proposes an act wherever its form is met. The clause, or the
// sentence where whole is set, must also hold what about asks for.
type actRule struct {
	id    string
	kind  casefile.ActKind
	form  *regexp.Regexp
	about func(r *reader, s *sentence, from, to int) bool
	// by and to say where the actors stand: before or after the form.
	by, to side
	// court says whether a court or a judge must, or must not, be named before
	// the form.
	court courtPlace
	// whole looks for what about asks in all of the sentence.
	whole bool
	// example proposes; silent does not.
	example, silent string
}

type side uint8

const (
	nobody side = iota
	before
	after
	agent // "by the regulator", after the form
)

type courtPlace uint8

const (
	anyone courtPlace = iota
	courtActs
	noCourt
)

// Words that the rules ask for beside their form.
var (
	interimWords   = regexp.MustCompile(`(?i)\b(?:submit|explain|reply|reasons|respond|response|file|appear|place|produce|comply|notify|hand over|provide)\b`)
	letterWords    = regexp.MustCompile(`(?i)\b(?:letter|order|directive|instruction|request)\b`)
	deniedWords    = regexp.MustCompile(`(?i)\b(?:free speech|critics|silenc\w+|shutdown|proposals?|freedom|censor\w*|reports?|claims?|allegations?|directive|knowledge)\b`)
	petitionWord   = regexp.MustCompile(`(?i)\b(?:petitions?|pleas?|cases?|lawsuits?|suits?|applications?)\b`)
	petitionWords  = regexp.MustCompile(`(?i)\b(?:fil(?:ed|es|ing)|pending|challeng\w+|contest\w+|moved|submitted|lodged|brought|review\w*|against|seeking)\b`)
	toCourt        = regexp.MustCompile(`(?i)\b(?:(?:went to|approached|moved|asked|petitioned) (?:the |an? )?(?:\p{L}+ ){0,4}(?:court|tribunal)|appealed)\b`)
	onlinePetition = regexp.MustCompile(`(?i)\b(?:online petition|signatures)\b`)
	benchWords     = regexp.MustCompile(`(?i)\b(?:courts?|bench|judges?|petitions?)\b`)
	contemptWords  = regexp.MustCompile(`(?i)\b(?:court|notice|proceedings|order)\b`)
	courtWords     = regexp.MustCompile(`(?i)\b(?:courts?|bench)\b`)
	vpnMeasure     = regexp.MustCompile(`(?i)\b(?:block\w*|restrict\w*|ban(?:ned|ning)?|illegal|unregistered|regist\w+|fined?|throttl\w*)\b`)
	vpnUse         = regexp.MustCompile(`(?i)\b(?:without|using|use of|via|through|demand for) (?:an? |their )?(?:VPN|virtual)`)
	paperWords     = regexp.MustCompile(`(?i)\b(?:letter|order|notification|directive|statement|ban|request|decision|circular|measure|block|decree)\b`)
	toWithdraw     = regexp.MustCompile(`(?i)\bto withdraw\b`)
	platformWords  = regexp.MustCompile(`(?i)\b(?:the (?:compan(?:y|ies)|platforms?|service)|social media)\b`)
	accessWord     = regexp.MustCompile(`(?i)\baccess\b`)
	serviceWords   = regexp.MustCompile(`(?i)\b(?:social media|platforms?|websites?|internet|apps?)\b`)
	notDone        = regexp.MustCompile(`(?i)\b(?:would|could|should|may|might|to be|be|not|never|if|will|cannot|can|can't|to|no service had|any service had|plans? to) (?:have )?(?:been )?(?:also )?(?:block|ban|suspend|restrict|throttle|cut|blocked|banned|suspended|restricted|shut down|cut off|throttled|slowed down)\b`)
	deniedThat     = regexp.MustCompile(`(?i)\b(?:den(?:y|ies|ied|ying)|reject(?:s|ed)? (?:claims|reports|allegations|suggestions)|no (?:evidence|proof|truth))\b[^.;]* that\b`)
	notComplied    = regexp.MustCompile(`(?i)\b(?:not|never|nor|failed|refused)\b`)
	blockAccounts  = regexp.MustCompile(`(?i)\bto (?:block|suspend|remove|withhold) (?:\p{L}+ ){0,2}(?:accounts?|posts?|tweets?|videos?|content)\b`)
)

// actRules in the order in which they are tried; each kind is proposed once a
// sentence.
var actRules = []actRule{
	{id: "intelligence", kind: "intelligence_report", by: before,
		form:    regexp.MustCompile(`(?i)\b(?:reported|reports|claim(?:ed|s)?|warn(?:ed|s)?|informed|assess(?:ed|es)?|alleg(?:ed|es))\b`),
		about:   func(_ *reader, s *sentence, from, to int) bool { return s.hasBody(from, to, intelligenceBody) },
		example: "The Intelligence Bureau reported on 3 March 2024 that Sampler was being exploited.", silent: "The newspaper reported that Sampler was slow."},
	{id: "recommend", kind: "recommendation", by: before, to: after, whole: true,
		form:  regexp.MustCompile(`(?i)\b(?:recommend(?:ed|s|ing)|advised|proposed)\b`),
		about: aboutBan, example: "The Bureau of Example recommended restricting Sampler.", silent: "The doctor recommended rest."},
	{id: "request", kind: "request", by: before, to: after, whole: true,
		form:  regexp.MustCompile(`(?i)\b(?:requested|asked|asks|asking|wrote to|written to|urged|urges|called (?:on|upon|for)|sought|petitioned)\b`),
		about: aboutBlocking, example: "The Ministry of Example requested the Example Telecom Authority to block Sampler.", silent: "The court asked for Sampler's reply."},
	{id: "order", kind: "order", by: before, to: after, whole: true, court: noCourt,
		form:    regexp.MustCompile(`(?i)\b(?:(?:has |had |hereby )?(?:ordered|directed|instructed|commanded|instructing|directing|ordering)|(?:orders|directs|instructs) (?:[\p{L}’'-]+ ){1,6}to\b|told (?:[\p{L}’'-]+ ){1,8}to (?:block|ban|cut|suspend|restrict|shut|disable|throttle|slow|switch off|take down)\b|decid(?:ed|es) to|issued (?:an? |the )?(?:\p{L}+ ){0,2}(?:order|directive|decree|notification|circular|letter|notice|ruling)|signed (?:an? |the )?(?:order|decree|resolution))\b`),
		about:   aboutBlocking,
		example: "The Ministry of Example ordered the Example Telecom Authority to block Sampler.", silent: "The Exampleville High Court ordered the ministry to restore Sampler."},
	{id: "interim-order", kind: "interim_order", by: before, to: after, whole: true, court: courtActs,
		form: regexp.MustCompile(`(?i)\b(?:ordered|directed|instructed|(?:orders|directs|instructs) (?:[\p{L}’'-]+ ){1,6}to\b|restrain(?:ed|s)|stay(?:ed|s) the|told|(?:issued|issues) (?:an? )?(?:\p{L}+ )?(?:notices?|injunctions?)|grant(?:ed|s) (?:an? )?(?:\p{L}+ )?(?:stay|injunction|conservatory orders?|relief)|conservatory orders?|refused (?:to (?:stay|suspend|lift)|(?:an? )?(?:\p{L}+ )?(?:stay|injunction))|declin(?:ed|es) to (?:stay|suspend|lift)|suspend(?:ed|s) the|(?:gave|gives|given) .{1,40} (?:hours?|days?|weeks?) to|sought (?:an? |the )?(?:\p{L}+ )?(?:reply|response|report|explanation))\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return restoreWords.MatchString(s.text) || banWords.MatchString(s.text) || interimWords.MatchString(s.text) || petitionWord.MatchString(s.text)
		},
		example: "The Exampleville High Court ordered the ministry to restore Sampler.", silent: "The Ministry of Example ordered the Example Telecom Authority to block Sampler."},
	{id: "responsibility", kind: "admission", by: before,
		form: regexp.MustCompile(`(?i)\b(?:admit(?:s|ted)?|acknowledg(?:es|ed)|conced(?:es|ed)|tak(?:es|en|ing) (?:full )?responsibility|took (?:full )?responsibility|(?:confirm(?:s|ed)|sa(?:id|ys)) (?:that )?(?:it|he|she|they) (?:had|has|have) (?:temporarily )?(?:sent|issued|received|blocked|banned|suspended|restricted|throttled|shut))\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return banWords.MatchString(s.text) || letterWords.MatchString(s.text)
		}, whole: true,
		example: "The Ministry of Example has taken full responsibility for the ban.", silent: "She admitted that she was tired."},
	{id: "denial", kind: "denial", by: before, whole: true, court: noCourt,
		form: regexp.MustCompile(`(?i)\b(?:den(?:y|ies|ied)|reject(?:s|ed)?|dismiss(?:es|ed) (?:claims|reports|allegations|rumou?rs|criticism)|refut(?:es|ed)|turned (?:.{1,40} )?down|(?:had|has|have|there (?:is|are|was|were)) no (?:\p{L}+ )?(?:plans?|intentions?|ban|block|shutdown|restrictions?)\b|(?:is|are|was|were) (?:false|fake|baseless|untrue|rumou?rs))\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return banWords.MatchString(s.text) || deniedWords.MatchString(s.text)
		},
		example: "Minister Ada Example rejected claims that the ban targets free speech.", silent: "The Exampleville High Court rejected the petition against the ban."},
	{id: "denial-of-ban", kind: "denial", by: before, whole: true,
		form:    regexp.MustCompile(`(?i)\b(?:was|is|were|are|has|have|had) (?:not|never) (?:been )?(?:banned|blocked|suspended|restricted|shut down)\b`),
		about:   func(_ *reader, s *sentence, _, _ int) bool { return attributions.MatchString(s.text) },
		example: "Minister Ada Example insisted that Sampler was not banned.", silent: "Sampler was not banned."},
	{id: "announcement", kind: "statement", by: before, whole: true, court: noCourt,
		form:    regexp.MustCompile(`(?i)\b(?:announc(?:ed|es|ing)|declar(?:ed|es)) (?:that )?(?:an? |the |its )?(?:\pL+ ){0,3}(?:ban|block|suspension|restriction|shutdown|lifting|restoration)\b`),
		about:   aboutBan,
		example: "Minister Ada Example announced the suspension of Sampler.", silent: "The team announced the lifting of the trophy."},
	{id: "defence", kind: "statement", by: before, whole: true,
		form:  regexp.MustCompile(`(?i)\b(?:defend(?:s|ed|ing)?|justif(?:y|ies|ied))\b[^.;]{0,40}?\b(?:ban|block|blocking|blockade|restrictions?|suspension|shutdown|decision|move|measure)\b`),
		about: func(_ *reader, _ *sentence, _, _ int) bool { return true }, example: "The Ministry of Example defended its ban on Sampler.", silent: "The team defended its title."},
	{id: "petition", kind: "petition", by: before, whole: true,
		form: regexp.MustCompile(`(?i)\b(?:(?:writ )?(?:petitions?|lawsuits?|legal challenges?)|(?:a|the|its|their|his|her|on|several) (?:pleas?|suits?|appeals?)|(?:challeng|contest)(?:ed|es|ing) .{0,60}\b(?:court|tribunal)|(?:went to|approached|moved|asked|petitioned) (?:the |an? )?(?:\p{L}+ ){0,4}(?:court|tribunal)|appealed)\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return (petitionWords.MatchString(s.text) || toCourt.MatchString(s.text)) && !onlinePetition.MatchString(s.text)
		},
		example: "Writ petitions challenging the ban are pending before the Exampleville High Court.", silent: "An online petition gathered signatures against the ban."},
	{id: "hearing", kind: "hearing", by: nobody, whole: true,
		form: regexp.MustCompile(`(?i)\b(?:hearing|heard|to hear|adjourn(?:ed|s)|reserved (?:its|his|her|the) (?:judgment|verdict|ruling|order)|currently reviewing|took up)\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return s.courtBefore(len(s.text)) || benchWords.MatchString(s.text)
		},
		example: "The Exampleville High Court adjourned the case until Monday.", silent: "He was hard of hearing."},
	{id: "judgment", kind: "judgment", by: before, whole: true, court: courtActs,
		form:    regexp.MustCompile(`(?i)\b(?:ruled|struck down|quash(?:ed|es)|set aside|overturn(?:ed|s)|annul(?:led|s)|disposed of|declared|dismissed (?:the|an?) (?:petition|case|plea|suit|appeal|application)|rejected (?:the|an?) (?:petition|case|plea|suit|appeal|application)|upheld|(?:ruling|verdict|judgment) (?:of|in|on|that)|held that|found that)\b`),
		about:   func(*reader, *sentence, int, int) bool { return true },
		example: "The Exampleville Supreme Court ruled that the ban was unlawful.", silent: "The government ruled for ten years."},
	{id: "contempt", kind: "contempt", by: nobody, whole: true,
		form: regexp.MustCompile(`(?i)\bcontempt\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return contemptWords.MatchString(s.text)
		},
		example: "The court issued a contempt notice to the chairman.", silent: "He spoke with contempt of the film."},
	{id: "reply", kind: "government_reply", by: before, whole: true,
		form: regexp.MustCompile(`(?i)\b(?:(?:submitted|filed|furnished|presented) (?:its|their|his|her|a|the|an?)?\s?(?:written )?(?:repl(?:y|ies)|responses?|comments|reports?)|(?:told|informed|apprised) (?:the )?(?:\p{L}+,? ){0,6}(?:courts?|bench|tribunal)|(?:filed|submitted) (?:an? )?(?:\p{L}+ )?(?:affidavit|counter-affidavit|statement))\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return s.courtBefore(len(s.text)) || courtWords.MatchString(s.text)
		},
		example: "The Ministry of Example submitted its responses to the Exampleville High Court.", silent: "The students submitted their reports."},
	{id: "takedown", kind: "takedown_request", by: before, to: nobody, whole: true,
		form: regexp.MustCompile(`(?i)\b(?:(?:forwarded|sent|made|submitted|referred|reported) (?:\p{L}+ |[\d,]+ ){0,3}(?:requests?|complaints?|URLs?|links|demands?)|(?:takedown|removal|blocking) (?:requests?|demands?|notices?)|requir(?:ed|es|ing) the (?:suspension|removal|blocking) of (?:\p{L}+ ){0,3}(?:accounts?|posts?|content|tweets?)|request(?:s|ed)? (?:to |the )?(?:remove|block|take down|withhold|removal of|suspension of) (?:\p{L}+ ){0,3}(?:accounts?|posts?|content|tweets?))\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return len(s.platforms) > 0 || platformWords.MatchString(s.text)
		},
		example: "The Example Investigation Agency has forwarded numerous requests to Sampler to block accounts.", silent: "The firm sent two requests to its bank."},
	{id: "criminal-case", kind: "criminal_case", by: before, whole: true,
		form:    regexp.MustCompile(`\b(?:FIRs?|[Ff]irst [Ii]nformation [Rr]eports?|criminal (?:cases?|charges?|complaints?)|(?:was|were) (?:booked|charged|arrested)|(?:to |be |been )?prosecute[ds]? (?:\p{L}+ ){0,3}(?:offenders?|users?|violators?|anyone|those|journalists?|persons?)|(?:opened|launched|initiated|registered) (?:an? )?(?:criminal )?(?:investigations?|cases?|inquir(?:y|ies)|probe))\b`),
		about:   func(_ *reader, s *sentence, _, _ int) bool { return true },
		example: "The agency has initiated several FIRs against accounts.", silent: "The fir trees were cut."},
	{id: "register", kind: "registration_sought", by: before, to: after, whole: true,
		form:    regexp.MustCompile(`(?i)\b(?:asked|told|required|urged|ordered|directed|instructed|gave|gives|given) (?:[\p{L}\d/()’'-]+,? ){0,9}to (?:immediately )?(?:register|get registered|be registered|enlist|sign|commence (?:the )?(?:process of )?(?:licensing|registration)|(?:obtain|apply for) (?:an? )?licen[cs]es?|licen[cs]e|appoint|name (?:an? )?(?:local|legal|representative)|open (?:an )?(?:\p{L}+ )?office|set up (?:an )?(?:\p{L}+ )?office)\b`),
		about:   func(_ *reader, s *sentence, _, _ int) bool { return true },
		example: "The regulator asked Sampler to register in the country.", silent: "Voters register in May."},
	{id: "vpn", kind: "circumvention_restricted", by: before, whole: true,
		form: vpnWords,
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return vpnMeasure.MatchString(s.text) && !vpnUse.MatchString(s.text)
		},
		example: "The ministry called for VPN services to be blocked.", silent: "Users reach it without VPNs."},
	{id: "withdrawal", kind: "withdrawal", by: before, whole: true,
		form: regexp.MustCompile(`(?i)\b(?:withdr(?:ew|awn|aws?)|rescind(?:ed|s)|revok(?:ed|es))\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return paperWords.MatchString(s.text) && !toWithdraw.MatchString(s.text)
		},
		example: "The regulator withdrew the notification.", silent: "The army withdrew from the town."},
	{id: "restoration", kind: "restoration", by: before,
		form: regexp.MustCompile(`(?i)\b(?:(?:was|were|has been|have been|had been|is|are) (?:partially |fully |finally )?(?:restored|unblocked|lifted|reinstated)|(?:restor(?:ed|es)|unblock(?:ed|s)|lift(?:ed|s)) (?:access|(?:the |its )?(?:ban|block|suspension|restrictions?)|\p{Lu}\p{L}+)|(?:access|service|services|apps?|sites?|platforms?|\p{Lu}\p{L}+) (?:returned|came back|resumed|reopened)|(?:is|was|are|were|be|been|came|come) (?:back online|re-?opened|accessible again|available again|opening again|restored|reachable again))\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return len(s.platforms) > 0 || banWords.MatchString(s.text) || accessWord.MatchString(s.text)
		},
		example: "Access to Sampler was restored on 7 May 2024.", silent: "The old church was restored."},
	{id: "compliance", kind: "compliance", by: before, whole: true,
		form: regexp.MustCompile(`(?i)\b(?:(?:has |have |had )?(?:complied|obeyed)|in compliance) (?:with )?(?:the |an? |its |this |that )?(?:[\p{L}’']+ ){0,3}(?:orders?|rulings?|directives?|directions?|judgments?|demands?|conditions)|complied under protest\b`),
		about: func(_ *reader, s *sentence, _, _ int) bool {
			return !notComplied.MatchString(s.text)
		},
		example: "The regulator complied with the court's order.", silent: "The regulator has not complied with the court's order."},
	{id: "paper", kind: "request", by: after,
		form:    regexp.MustCompile(`(?i)\b(?:on (?:a|the) (?:letter|request|recommendation)|(?:a|the) (?:letter|request|note)|at the request|on the (?:directives?|instructions?)) (?:of|from|by)\b`),
		about:   func(_ *reader, s *sentence, from, to int) bool { return s.hasKind(from, to, stateKinds...) },
		example: "It acted on a letter from the Ministry of Example.", silent: "It acted on a letter from the bank."},
	{id: "non-compliance", kind: "non_compliance", by: before, whole: true,
		form:    regexp.MustCompile(`(?i)\b(?:(?:has|have|had|did) not (?:complied|comply|obeyed|obey|implemented|implement|honou?r|followed|acted)|ignor(?:ed|es|ing) (?:\p{L}+ |[\d,]+ ){0,8}(?:requests?|orders?|rulings?)|refus(?:ed|es) to comply|failed to (?:comply|obey|restore|implement|hand over|appoint|name|register)|defied|failure to comply)\b`),
		about:   func(_ *reader, s *sentence, _, _ int) bool { return true },
		example: "Sampler has not complied with the requests.", silent: "Sampler complied with the requests."},
	{id: "blocked", kind: "implementation", by: before,
		form: regexp.MustCompile(`(?i)\b(?:blocked|blocks|banned|bans|suspended|suspends|restricted|restricts|shut down|shuts down|cut off|cuts off|(?:cut|cuts|cutting) access|throttled|throttles|slowed down|slows down|disconnected|disabled|deactivated|went (?:dead|dark|down|offline)|(?:became|become|were|was) (?:unavailable|inaccessible|unreachable)|blacked out)\b`),
		about: func(_ *reader, s *sentence, from, to int) bool {
			clause := s.text[from:to]
			return !deniedThat.MatchString(clause) && (len(s.targetsOf(from, to)) > 0 || serviceWords.MatchString(clause)) &&
				!notDone.MatchString(clause)
		},
		example: "Exampleland blocked access to Sampler on 17 February 2024.", silent: "Sampler would have been banned first."},
	{id: "implemented", kind: "implementation", by: agent,
		form:  regexp.MustCompile(`(?i)\b(?:was|were|has been|had been) (?:implemented|imposed|enforced|put in place|carried out)\b|(?i)\b(?:forwarded|passed) (?:it|(?:the|this|that) (?:letter|order|directive|request|list)) (?:on )?to\b`),
		about: aboutBan, whole: true,
		example: "The ban was imposed nine days after 8 February 2024.", silent: "The tax was imposed in May."},
	{id: "election", kind: "context", by: nobody,
		form:    regexp.MustCompile(`(?i)\b(?:general |national |presidential |parliamentary )?elections?\b`),
		about:   func(_ *reader, s *sentence, from, to int) bool { return electionDate.MatchString(s.text) },
		example: "It came after the 8 February 2024 general elections.", silent: "Elections matter."},
}

// stateKinds are the kinds of actors that are part of a state.
var stateKinds = []casefile.ActorKind{"government", "ministry", "regulator", "agency", "legislature", "office_holder"}

// electionDate is a day told together with an election.
var electionDate = regexp.MustCompile(`(?:(?:` + monthNames + `)\.? \d{1,2}(?:,? \d{4})?,?|\d{1,2} (?:` + monthNames + `)(?:,? \d{4})?,?) (?:(?:general|national|presidential|parliamentary) )?elections?\b|elections? (?:on|of) (?:\d{1,2} (?:` + monthNames + `)|(?:` + monthNames + `)\.? \d{1,2})`)

// intelligenceBody are the actors whose reports are intelligence reports.
var intelligenceBody = regexp.MustCompile(`(?i)intelligence|security (?:agencies|officials|services)`)

// aboutBan asks that a clause speaks of a restriction.
func aboutBan(_ *reader, s *sentence, from, to int) bool {
	return banWords.MatchString(s.text[from:to])
}

// blockInfinitive is what somebody is asked to do.
var blockInfinitive = regexp.MustCompile(`(?i)\b(?:to|that|the)\s+(?:\p{L}+ )?(?:immediately |temporarily )?(?:block\w*|ban\w*|suspen\w*|restrict\w*|shut\w*|unblock\w*|restor\w*|throttl\w*|slow\w*|lift\w*|cut(?: off)?\b|disconnect\w*|disabl\w*|deactivat\w*|switch off|take down|pull|limit|be (?:blocked|banned|suspended|restricted|shut down|disabled|removed))\b`)

// aboutBlocking asks that a clause speaks of a restriction that is to be made
// of a platform or a service, and not of single accounts or posts.
func aboutBlocking(_ *reader, s *sentence, from, to int) bool {
	return blockInfinitive.MatchString(s.text[from:to]) && !blockAccounts.MatchString(s.text)
}

// hasBody reports whether an actor whose name matches stands in a clause.
func (s *sentence) hasBody(from, to int, form *regexp.Regexp) bool {
	return slices.ContainsFunc(s.actors, func(m mention) bool {
		return m.start >= from && m.start < to && form.MatchString(m.actor.Name)
	})
}

// hasKind reports whether an actor of one of the kinds stands before a place.
func (s *sentence) hasKind(from, to int, kinds ...casefile.ActorKind) bool {
	return slices.ContainsFunc(s.actors, func(m mention) bool {
		return m.start >= from && m.start < to && slices.Contains(kinds, m.actor.Kind)
	})
}

// courtBefore reports whether a court or a judge is named before a place.
func (s *sentence) courtBefore(to int) bool { return s.hasKind(0, to, "court", "judge") }

// acts proposes the acts of a sentence.
func (r *reader) acts(s *sentence) []Line[Act] {
	var lines []Line[Act]
	taken := make(map[casefile.ActKind]bool)
	for _, rule := range actRules {
		if taken[rule.kind] {
			continue
		}
		for _, m := range rule.form.FindAllStringIndex(s.text, -1) {
			from, to := s.clause(m[0])
			if rule.court == courtActs && !s.courtBefore(m[0]) || rule.court == noCourt && s.courtBefore(m[0]) {
				continue
			}
			if rule.whole {
				from, to = 0, len(s.text)
			}
			if !rule.about(r, s, from, to) {
				continue
			}
			taken[rule.kind] = true
			lines = append(lines, line("act-"+rule.id, s, m[0], m[1], r.act(rule, s, m)))
			break
		}
	}
	return lines
}

// act fills in what the sentence says of an act; the rest stays null.
func (r *reader) act(rule actRule, s *sentence, m []int) Act {
	a := Act{Kind: rule.kind, By: []string{}, To: []string{}, Targets: s.targetsOf(0, len(s.text)), Effect: effectOf(rule.kind, s.text)}
	if rule.kind == "context" {
		a.Targets = []string{}
		for _, d := range s.dates {
			if !d.relative {
				a.Date = d.Date
			}
		}
		return a
	}
	if d, ok := s.dateAt(m[0]); ok {
		a.Date = d.Date
		if d.Date.IsZero() {
			a.DateText = d.Text
		}
	}
	if rule.id == "paper" { // the letter's day is the act's
		a.Date, a.DateText = casefile.Date{}, ""
		for _, d := range s.dates {
			if d.start > m[0] && datedPaper.MatchString(s.text[m[0]:d.start]) {
				a.Date = d.Date
				break
			}
		}
	}
	a.By, a.To = r.actorsOf(rule, s, m)
	for _, c := range s.actors {
		if c.actor.Kind == "court" && !contains(a.Courts, c.id) && !contains(a.By, c.id) {
			a.Courts = append(a.Courts, c.id)
		}
	}
	if vpn := vpnWords.FindString(s.text); vpn != "" {
		a.Other = []string{"VPN services"}
	}
	if rule.kind == "request" || rule.kind == "order" || rule.kind == "recommendation" || rule.kind == "implementation" {
		if t := termForm.FindString(s.text); t != "" {
			a.Term = ptr(passage(t, 0, len(t)))
		}
	}
	return a
}

// actorsOf are those who act and those addressed: the nearest actor on the
// side that the rule names.
func (r *reader) actorsOf(rule actRule, s *sentence, m []int) (by, to []string) {
	by, to = []string{}, []string{}
	near := func(where side, others []string) []string {
		from, until := s.clause(m[0])
		best := -1
		for i, c := range s.actors {
			inClause := c.start >= from && c.start < until || where == after
			switch {
			case contains(others, c.id):
			case where == before && c.end <= m[0] && strings.HasPrefix(s.text[m[0]:], "to ") && strings.TrimSpace(s.text[c.end:m[0]]) == "":
				// "directed the police to prosecute": who directs acts
			case where == before && c.end <= m[0] && (inClause || best < 0):
				best = i
			case where == after && rule.kind == "registration_sought" && c.start > m[0] && best < 0:
				best = i
			case where == after && c.start >= m[1] && best < 0 && !strings.Contains(s.text[m[1]:c.start], " to "):
				best = i
			case where == agent && c.start >= m[1] && strings.Contains(s.text[m[1]:c.start], " by ") && best < 0:
				best = i
			}
		}
		if best < 0 {
			return []string{}
		}
		return []string{s.actors[best].id}
	}
	if rule.by != nobody {
		from, _ := s.clause(m[0])
		if by = near(rule.by, nil); len(by) == 0 || !s.named(by[0], from, m[0]) && len(r.speakerIn(s, from, m[0])) > 0 {
			by = r.speakerIn(s, 0, m[0])
		}
		if rule.kind == "non_compliance" && s.platformNearer(m[0]) {
			by = []string{} // the platform, which targets names
		}
		if rule.kind == "government_reply" && len(by) > 0 && r.isCourt(s, by[0]) {
			by = []string{}
		}
	}
	if place := s.attribution(); rule.kind == "denial" && place != nil && place[0] < m[0] { // "said that there was no ban"
		if who := r.claimant(s, place); len(who) > 0 {
			by = who
		}
	}
	if rule.kind == "implementation" { // who measures or protests blocks nothing
		by = slices.DeleteFunc(by, func(id string) bool { return s.isKind(id, "measurer", "civil_society", "party", "press") })
	}
	if rule.to != nobody {
		to = near(rule.to, by)
	}
	if place := s.attribution(); rule.kind == "petition" && place != nil && place[1] <= m[0] && !slices.ContainsFunc(by, func(id string) bool { return s.named(id, place[1], m[0]) }) {
		by = []string{} // "the ministry notes that petitions are pending": who says so brings none
	}
	if rule.kind == "petition" || rule.kind == "contempt" {
		by = slices.DeleteFunc(by, func(id string) bool { return rule.kind == "petition" && r.isCourt(s, id) })
	}
	return by, to
}

func (r *reader) isCourt(s *sentence, id string) bool { return s.isKind(id, "court") }

// isKind reports whether an actor that the sentence names is of one of the
// kinds.
func (s *sentence) isKind(id string, kinds ...casefile.ActorKind) bool {
	return slices.ContainsFunc(s.actors, func(m mention) bool { return m.id == id && slices.Contains(kinds, m.actor.Kind) })
}

// named reports whether an actor stands between two places.
func (s *sentence) named(id string, from, to int) bool {
	return slices.ContainsFunc(s.actors, func(m mention) bool { return m.id == id && m.start >= from && m.end <= to })
}

// speakerIn is the one who is meant in a part of a sentence.
func (r *reader) speakerIn(s *sentence, from, to int) []string {
	part := *s
	part.text = strings.TrimLeft(s.text[from:to], " ,;")
	return r.speaker(&part, len(part.text))
}

// platformNearer reports whether a platform is named between a place and the
// last actor before it.
func (s *sentence) platformNearer(at int) bool {
	actor := -1
	for _, a := range s.actors {
		if a.end <= at {
			actor = a.end
		}
	}
	return slices.ContainsFunc(s.platforms, func(m mention) bool { return m.end <= at && m.start >= actor })
}
