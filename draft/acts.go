package draft

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
)

// An act is proposed only where one sentence names who did what to whom: an
// actor of a fitting kind stands as the subject right before the verb, and
// behind the verb stands the one addressed, or the platform. What is passive,
// denied, planned, hearsay, or told with a pronoun proposes nothing: a missed
// act is for a person to see, a reversed one misleads.
type actRule struct {
	id   string
	kind casefile.ActKind
	by   []casefile.ActorKind
	// form stands right behind the actor: the verb and what belongs to it. Its
	// group "to" ends where the one addressed must be named; its group "at"
	// ends where the platform must be. Without either, the form says it all.
	form            *regexp.Regexp
	to              []casefile.ActorKind
	example, silent string
}

const (
	restrictVerb = `(?:block|ban|suspend|restrict|throttle|shut down|cut off|disable|take down)`
	restoreVerb  = `(?:unblock|restore|reinstate|reopen)`
	restricted   = `(?:blocked|banned|suspended|restricted|throttled|shut down|cut off|disabled)`
	restoring    = `(?:unblocked|restored|reinstated|reopened)`
	measureNoun  = `(?:block|ban|blocking|suspension|restriction|closure|shutdown|restoration|unblocking|throttling)`
	// service is what may stand between a verb and the platform's name.
	service = `(?:,? indefinitely,?)?(?: (?:access to|the|its|their|all|operations|activities|of|and|social|media|messaging|microblogging|networking|network|networks|platforms?|sites?|websites?|apps?|services?|giant))*`
	// asked stands between a verb and what is to be done: the one addressed,
	// with a day and the mark of a quotation perhaps.
	asked = `(?P<to> )[^.;]{2,90}?,? ["“]?to (?:immediately |temporarily |fully )?(?:` + restrictVerb + `|` + restoreVerb + `|cut)`
	// crowd are those addressed who have no name.
	crowd = `(?:all |the )?(?:authorities|government|(?:\pL+ ){0,3}(?:providers|operators|carriers|networks|companies)(?: and (?:internet (?:service )?providers|ISPs))?|ISPs|regulator|ministry)`
	// things stand for platforms that the sentence does not name again.
	things = `(?: (?:access to )?(?:the|all|its|social) (?:services?|platforms?|apps?|sites?|internet|media)\b)`
	// adverbs may stand between the actor and the verb.
	adverbs = `(?:,? \((?:\pL{2,8})\),?)?(?:,? (?:on|in|late on|early on) (?:` + weekdayNames + `|` + monthNames + `)(?: \d{1,2})?(?:,? \d{4})?,?)?(?: (?:has|had|have|also|again|later|then|today|yesterday|formally|temporarily|immediately|finally|indefinitely|subsequently|briefly|` + weekdayNames + `))*`
)

var (
	stateKinds = []casefile.ActorKind{"government", "ministry", "regulator", "agency", "legislature", "office_holder"}
	courtKinds = []casefile.ActorKind{"court", "judge"}
)

func behind(form string) *regexp.Regexp {
	return regexp.MustCompile(`^` + adverbs + `,? ` + form)
}

// actRules in the order in which they are tried; the first that fits an actor
// proposes.
var actRules = []actRule{
	{id: "order", kind: "order", by: stateKinds,
		form:    behind(`(?:ordered|directed|instructed|told)` + asked + `(?P<at>` + service + ` )`),
		example: "The Ministry of Example ordered the Example Telecom Authority to block Sampler.", silent: "The Ministry of Example was ordered by the Exampleville High Court to restore Sampler."},
	{id: "order-crowd", kind: "order", by: stateKinds,
		form:    behind(`(?:ordered|directed|instructed|told) ` + crowd + `(?: (?:late |early )?(?:on )?(?:` + weekdayNames + `|(?:` + monthNames + `) \d{1,2}))?,? to (?:immediately |temporarily )?(?:` + restrictVerb + `|` + restoreVerb + `|cut)(?P<at>` + service + ` )`),
		example: "The Ministry of Example ordered internet providers to block Sampler.", silent: "The Ministry of Example ordered internet providers to lower prices."},
	{id: "order-measure", kind: "order", by: stateKinds,
		form:    behind(`(?:ordered|directed) (?:the |an? )?(?:[\pL\d-]+ ){0,2}` + measureNoun + ` (?:of|on)(?P<at>` + service + ` )`),
		example: "The Ministry of Example ordered the immediate suspension of Sampler.", silent: "The Ministry of Example welcomed the suspension of Sampler."},
	{id: "request", kind: "request", by: stateKinds,
		form:    behind(`(?:requested|asked|wrote to|urged)` + asked + `(?P<at>` + service + ` )`),
		example: "The Ministry of Example requested the Example Telecom Authority to block Sampler.", silent: "The Example Foundation asked why Sampler was blocked."},
	{id: "recommendation", kind: "recommendation", by: stateKinds,
		form:    behind(`(?:recommended|advised) [^.;]{0,60}?(?:temporarily |immediately )?(?:blocking|banning|suspending|restricting|throttling)(?: of)?(?P<at>` + service + ` )`),
		example: "The Example Intelligence Bureau recommended restricting Sampler.", silent: "The doctor recommended rest."},
	{id: "court-order", kind: "interim_order", by: courtKinds,
		form:    behind(`(?:ordered|directed|instructed|told)` + asked + `(?P<at>` + service + ` )`),
		example: "The Exampleville High Court ordered the Ministry of Example to restore Sampler.", silent: "The Ministry of Example told the Exampleville High Court that it would restore Sampler."},
	{id: "court-crowd", kind: "interim_order", by: courtKinds,
		form:    behind(`(?:ordered|directed|instructed|told) ` + crowd + ` to (?:immediately |fully )?(?:` + restoreVerb + `|` + restrictVerb + `)` + things),
		example: "Judge Ada Example ordered the authorities to restore the services.", silent: "Judge Ada Example ordered the authorities to restore the park."},
	{id: "court-measure", kind: "interim_order", by: courtKinds,
		form:    behind(`ordered (?:the |an? )?(?:[\pL\d-]+ ){0,2}` + measureNoun + ` (?:of|on)(?P<at>` + service + ` )`),
		example: "Justice Ada Example ordered the suspension of Sampler.", silent: "The Exampleville High Court heard of the suspension of Sampler."},
	{id: "judgment", kind: "judgment", by: courtKinds,
		form:    behind(`(?:struck down|quashed|set aside|overturned|annulled|upheld) (?:the |a )?(?:\pL+ ){0,3}(?:ban|block|order|suspension|restriction|directive|notification)\b`),
		example: "The Exampleville Supreme Court struck down the ban.", silent: "The Exampleville Supreme Court was asked to strike down the ban."},
	{id: "dismissal", kind: "judgment", by: courtKinds,
		form:    behind(`(?:dismissed|disposed of|rejected) (?:the |a |an |two |several )?(?:\pL+ ){0,3}(?:petitions?|cases?|suits?|appeals?|pleas?)\b`),
		example: "The Exampleville High Court dismissed the petition.", silent: "The Exampleville High Court adjourned the petition."},
	{id: "reply", kind: "government_reply", by: stateKinds, to: courtKinds,
		form:    behind(`(?:told|informed|apprised)(?P<to> )`),
		example: "The Ministry of Example told the Exampleville High Court that it had its reasons.", silent: "The Exampleville High Court told the Ministry of Example to reply."},
	{id: "reply-bench", kind: "government_reply", by: stateKinds,
		form:    behind(`(?:told|informed|apprised) (?:the|a) (?:court|bench|tribunal)\b`),
		example: "Additional Solicitor General Ada Example informed the bench that there was a letter.", silent: "Additional Solicitor General Ada Example informed the press that there was a letter."},
	{id: "responsibility", kind: "admission", by: stateKinds,
		form:    behind(`(?:taken|took) (?:full )?responsibility for (?:\pL+ ){0,3}(?:ban|block|blocking|suspension|shutdown)\b`),
		example: "The Ministry of Example has taken full responsibility for the ban.", silent: "The Ministry of Example was held responsible for the ban."},
	{id: "denial", kind: "denial", by: stateKinds,
		form:    behind(`(?:denied|rejected) (?:that|blocking|banning|having|reports|claims|allegations)\b[^.;]{0,80}?\b(?:ban|banned|block|blocked|blocking|restricted|suspended|shutdown|shut down)\b`),
		example: "Minister Ada Example denied that Sampler was blocked.", silent: "The Exampleville High Court rejected the petition against the ban."},
	{id: "announcement", kind: "statement", by: stateKinds,
		form:    behind(`(?:announced|declared) (?:the |an? )?(?:\pL+ ){0,2}(?:ban|block|suspension|restriction|shutdown|lifting|restoration)\b`),
		example: "Minister Ada Example announced the suspension of Sampler.", silent: "Minister Ada Example announced the winner."},
	{id: "papers", kind: "government_reply", by: stateKinds, to: courtKinds,
		form:    behind(`(?:submitted|filed) (?:its|their|his|her|a|the) (?:written )?(?:repl(?:y|ies)|responses?|reports?|comments|affidavit) (?:to|before|in|with)(?P<to> )`),
		example: "The Ministry of Example submitted its report to the Exampleville High Court.", silent: "The Ministry of Example submitted its report to the press."},
	{id: "petition", kind: "petition", by: []casefile.ActorKind{"civil_society", "party", "company", "press", "measurer"}, to: courtKinds,
		form:    behind(`(?:filed|lodged|brought|submitted) (?:an? |the )?(?:\pL+ ){0,2}(?:petition|suit|lawsuit|case|plea|challenge)(?: [^.;"“”]{0,40})? (?:before|at|in|with|to)(?P<to> )`),
		example: "The Example Bar Association filed a petition before the Exampleville High Court.", silent: "The Example Bar Association signed an online petition."},
	{id: "to-court", kind: "petition", by: []casefile.ActorKind{"civil_society", "party", "company", "press", "measurer"}, to: courtKinds,
		form:    behind(`(?:went to|approached|petitioned|moved)(?P<to> )`),
		example: "The Example Bar Association went to the Exampleville High Court.", silent: "The Exampleville High Court went to the Example Bar Association."},
	{id: "takedown", kind: "takedown_request", by: stateKinds,
		form:    behind(`(?:sent|forwarded|submitted|made) (?:numerous |several |many |[\d,]+ )?(?:takedown |removal |blocking )?requests to(?P<at>` + service + ` )`),
		example: "The Example Investigation Agency has forwarded numerous requests to Sampler.", silent: "The Example Investigation Agency has forwarded two requests to its bank."},
	{id: "blocked", kind: "implementation", by: []casefile.ActorKind{"government", "ministry", "regulator", "agency", "company"},
		form:    behind(restricted + `(?P<at>` + service + ` )`),
		example: "The Example Telecom Authority blocked access to Sampler.", silent: "The Example Telecom Authority was blocked by Sampler."},
	{id: "restored", kind: "restoration", by: stateKinds,
		form:    behind(`(?:` + restoring + `|lifted (?:the |its |a )?(?:ban|block|suspension|restrictions?) (?:on|of))(?P<at>` + service + ` )`),
		example: "The Example Telecom Authority restored access to Sampler.", silent: "The Example Telecom Authority was asked when Sampler would be restored."},
}

// opens is what opens a clause; governs makes what stands behind it no
// subject.
var (
	opens   = regexp.MustCompile(`(?i)(?:^|[,;:"“—–]|\b(?:that|and|but|when|while|after|because|where|meanwhile|as)\b)\s*`)
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
	return len(strings.Fields(lead)) <= 3 && !governs.MatchString(lead)
}

// subjunctive makes of a verb behind it no deed.
var subjunctive = regexp.MustCompile(`(?i)\b(?:if|unless|whether|would|could|might|reportedly|allegedly|rumou?rs?|false(?:ly)?|fake|den(?:y|ies|ied))\b`)

// apposition says between commas who the subject is.
var apposition = regexp.MustCompile(`^, (?:the|a|an|its|who) [^,;.]{3,70},`)

// fullName is the end of what says who an actor is: "of the Supreme Court", or
// an apposition.
func (s *sentence) fullName(who mention) int {
	end := who.end
	for _, of := range s.actors {
		if between, ok := s.between(end, of.start); ok && (between == " of " || between == " of the ") {
			end = of.end
		}
	}
	end += len(ofPlace.FindString(s.text[end:]))
	return end + len(apposition.FindString(s.text[end:]))
}

var ofPlace = regexp.MustCompile(`^ of (?:the )?\p{Lu}\pL+(?: \p{Lu}\pL+)?\b`)

// acts proposes the acts of a sentence.
func (r *reader) acts(s *sentence) []Line[Act] {
	var lines []Line[Act]
	for _, who := range s.actors {
		for _, rule := range actRules {
			if a, m, ok := rule.match(s, who); ok {
				lines = append(lines, line("act-"+rule.id, s, m[0], m[1], a))
				break
			}
		}
	}
	return append(lines, r.blockedBy(s)...)
}

// passive is a platform on which something was done by an actor.
var passive = regexp.MustCompile(`^[^.;,]{0,30} (?:was|were|has been|have been|had been) (?:temporarily |also |again )?` + restricted + ` [^.;,"“”]{0,30}?\bby (?:the )?$`)

// blockedBy proposes what the passive names: the platform, and who did it.
func (r *reader) blockedBy(s *sentence) []Line[Act] {
	for _, p := range s.platforms {
		for _, who := range s.actors {
			from, to := s.clause(p.start)
			if who.start <= p.end || who.start >= to || s.possessive(who) || slices.Contains(courtKinds, who.actor.Kind) || subjunctive.MatchString(s.text[from:who.start]) ||
				!slices.Contains(append(stateKinds, "company"), who.actor.Kind) || !passive.MatchString(s.text[p.end:who.start]) {
				continue
			}
			a := Act{Kind: "implementation", By: []string{who.id}, To: []string{}, Targets: []string{p.id}, Effect: "restrict"}
			a.dated(s.dayOf(from, to, p.start, who.end))
			return []Line[Act]{line("act-blocked-by", s, p.start, who.end, a)}
		}
	}
	return nil
}

// match reads the words behind an actor; it gives the act and the place of its
// words.
func (rule actRule) match(s *sentence, who mention) (Act, []int, bool) {
	from, to := s.clause(who.start)
	if len(rule.by) > 0 && !slices.Contains(rule.by, who.actor.Kind) || !s.subject(who) ||
		s.possessive(who) || s.quoted(who.start) || subjunctive.MatchString(s.text[from:who.end]) {
		return Act{}, nil, false
	}
	who.end = s.fullName(who)
	m := rule.form.FindStringSubmatchIndex(s.text[who.end:])
	if m == nil {
		return Act{}, nil, false
	}
	end := who.end + m[1]
	a := Act{Kind: rule.kind, By: []string{who.id}, To: []string{}, Targets: []string{}}
	if at := place(rule.form, m, "to"); at > 0 {
		b := s.actorAt(who.end + at)
		if b == nil || b.id == who.id || len(rule.to) > 0 && !slices.Contains(rule.to, b.actor.Kind) || subjunctive.MatchString(s.text[who.end:b.start]) {
			return Act{}, nil, false
		}
		a.To, end = []string{b.id}, max(end, b.end)
	}
	if at := place(rule.form, m, "at"); at > 0 {
		p := s.platformAt(who.end + at)
		if p == nil {
			return Act{}, nil, false
		}
		end = p.end
	}
	a.Targets = s.targetsOf(who.end, max(to, end))
	a.Effect = effectOf(rule.kind, s.text[who.end:end])
	a.dated(s.dayOf(from, to, who.start, end))
	if t := termForm.FindString(s.text[who.end:]); t != "" && slices.Contains([]casefile.ActKind{"order", "request", "recommendation", "interim_order", "implementation"}, rule.kind) {
		a.Term = ptr(passage(t, 0, len(t)))
	}
	return a, []int{who.start, end}, true
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

// platformAt is the platform that is named right at a place.
func (s *sentence) platformAt(at int) *mention {
	for i := range s.platforms {
		if between, ok := s.between(at, s.platforms[i].start); ok && strings.Trim(between, "\"“‘' ") == "" {
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
		if !near || s.isBase(i) || d.start > start && thatWord.MatchString(s.text[start:d.start]) || strings.ContainsAny(s.text[min(end, d.start):d.start], `"“”`) {
			continue
		}
		on := strings.HasPrefix(strings.ToLower(d.Text), "on ") || dayWord.MatchString(s.text[:d.start]) || weekdayAlone(s, d)
		if n++; on && !deadline.MatchString(s.text[:d.start]) {
			day = d.DateText
		}
	}
	if n != 1 {
		return DateText{}
	}
	return day
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
