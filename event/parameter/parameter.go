// Package parameter holds the numbers of the model that finds events: what each
// is, where it comes from, and which cases need it. docs/DETECTION.md lists them;
// the list is made from here (Markdown). The package computes nothing else.
package parameter

import "github.com/bandish/bandish/event/dating"

const (
	hour = 3600.0
	day  = 24 * hour
)

// Parameters are all of them, by what they are for. Of each field the tag "is"
// says what it is, "from" whether it is derived, fitted (and on what) or chosen,
// and "needs" which cases become worse without it.
type Parameters struct {
	Votes     Votes     // how votes of one day add up
	Chain     Chain     // the hidden Markov chain
	Candidate Candidate // what is an event
	Date      Date      // when it began and ended
	Course    Course    // its end, phases and confidence
	Label     Label     // what follows a label of the instrument
	Defect    Defect    // broken probes and lines
	Parts     Parts     // hosts and tests of one target
	Schedule  Schedule  // bans of certain hours
	World     World     // other countries and targets
	Darkness  Darkness  // countries and networks that fall silent
}

// Votes are the parameters of: how votes of one day add up.
type Votes struct {
	Repeat     float64 `is:"intraclass correlation of the votes of one network on one day [6]" from:"chosen" needs:"jo-facebook; Brazil; at once, 1 network"`
	RepeatBare float64 `is:"the same, of counts that name no reports" from:"chosen" needs:"mm-2024-tor-counts; counts only"`
	Mingled    float64 `is:"times the correlation where reports are named and networks are not: roughly the chance that two votes are of one network" from:"chosen" needs:"Brazil"`
}

// Chain are the parameters of: the hidden Markov chain.
type Chain struct {
	OnsetDays    float64    `is:"a ban of one target on one network begins once in so many days" from:"chosen" needs:"TestTrack"`
	EndDays      float64    `is:"a ban ends after so many days in the mean" from:"chosen" needs:"TestTrack"`
	EnterMost    float64    `is:"chance of a beginning within one gap, at most" from:"chosen" needs:"mm-2024-tor-counts; Brazil; sparse, 1 a day"`
	LeastGap     float64    `is:"seconds that a gap counts at least" from:"chosen" needs:"TestTrack"`
	Begun        float64    `is:"nats against a ban that began before the data" from:"chosen" needs:"jo-facebook; cu-tremendanota; et-2018-unblocking"`
	SwitchCost   float64    `is:"nats for a change of strength within a ban, and for passing between access and interference within an event" from:"chosen" needs:"et-2018-unblocking; jo-facebook; Brazil"`
	Strengths    [3]float64 `is:"shares of the votes that a ban turns bad: partial and throttled bans are real. The middle one dates where the source does not name networks, or the bad votes are of both sorts" from:"chosen" needs:"a prior: TestWeights"`
	Hard         [2]float64 `is:"share of blocked among the bad votes of a ban: where the verdicts know the interference, and where they say that something is wrong" from:"chosen" needs:"a prior: TestWeights"`
	MinBaseline  float64    `is:"usual bad share, at least" from:"chosen" needs:"TestTrack"`
	MaxBaseline  float64    `is:"usual bad share, at most" from:"chosen" needs:"TestTrack"`
	PriorHard    float64    `is:"share of blocked votes where nobody blocks" from:"chosen" needs:"TestTrack"`
	PriorSoft    float64    `is:"share of impaired votes where nobody blocks" from:"chosen" needs:"TestTrack"`
	PriorVotes   float64    `is:"votes that this prior weighs" from:"chosen" needs:"cu-tremendanota; mm-2024-tor-counts; at once, 1 network"`
	PriorKind    float64    `is:"bad votes that the prior of their kind weighs" from:"chosen" needs:"cu-tremendanota; et-2018-unblocking; at once, 1 network"`
	MinHard      float64    `is:"usual share of blocked among the bad votes, at least" from:"chosen" needs:"TestTrack"`
	MaxHard      float64    `is:"the same, at most" from:"chosen" needs:"TestTrack"`
	Rounds       int        `is:"rounds of estimating the usual share and the path in turn" from:"chosen" needs:"cost: a story of every scenario comes out alike with one round"`
	SameStart    float64    `is:"usual shares that differ by less are one start" from:"chosen" needs:"cost"`
	Halfway      float64    `is:"by which the series as a whole must be worse than the prior, to begin between the two as well" from:"fitted: Brazil with half of its rows" needs:"Brazil with half of its rows"`
	MinBadVotes  float64    `is:"bad votes below which nothing is looked at" from:"derived: fewer cannot reach the threshold" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	FalseAlarms  float64    `is:"false alarms wanted at most, a series and year" from:"derived: Ville's inequality [3]" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	Overshoot    float64    `is:"nats that scores overshoot the threshold by" from:"derived: what scores exceed a threshold by when they pass it; the worlds check it" needs:"TestThreshold"`
	MinimalScore float64    `is:"nats, the threshold at least" from:"chosen" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
}

// Candidate are the parameters of: what is an event.
type Candidate struct {
	WeakScore    float64 `is:"nats of a network's stretch that may join an event" from:"chosen" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	NamedWrongly float64 `is:"chance that a network which does not block is named beside others, for one target, at most" from:"derived: Ville's inequality [3]" needs:"8 platforms, one of 5 networks"`
	BriefScore   float64 `is:"the same, where all lies within a day" from:"chosen" needs:"at once, 15 unequal networks; sparse, 1 a day"`
	ListedScore  float64 `is:"nats of a network in a stretch of all together, to be named where others have as much" from:"chosen" needs:"ug-2018-porn; Kenya"`
	AloneScore   float64 `is:"nats that one network alone must add, where others are measured" from:"chosen" needs:"TestNeeded"`
	InsideScore  float64 `is:"nats of a network within a stretch of all together, to carry it" from:"chosen" needs:"ir-rambler-lull; Kenya"`
	MinRise      float64 `is:"rise of the bad share over the usual one" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours; cu-tremendanota"`
	MinRiseSoft  float64 `is:"the same, where SoftShare of the bad votes are soft" from:"chosen" needs:"mm-2024-tor-counts; at once, 1 network; counts only"`
	MinRiseBrief float64 `is:"the same, where all lies within BriefDays" from:"chosen" needs:"impaired only, 6 networks; one provider, 6 of 6 platforms; one provider, 8 of 10 platforms"`
	BriefDays    int64   `is:"days" from:"chosen" needs:"mm-2024-tor-counts"`
	SoftShare    float64 `is:"share of soft votes above which the verdicts only said that something is wrong" from:"chosen" needs:"TestImpaired; TestBogonIsStrong"`
	PickedRate   float64 `is:"bad share of a ban that is looked for within a longer time that is a little worse than usual" from:"fitted: quiet real series, Tor in Myanmar with half of its days" needs:"Myanmar with half of its days; quiet real series"`
	PickedRise   float64 `is:"rise of what is picked so" from:"fitted: as PickedRate" needs:"Myanmar with half of its days; quiet real series"`
	ClearRise    float64 `is:"rise that is plain: asked of one network among several whose resolvers give ok and bad, of one network with soft votes, and of the country as a whole unless it has WeakTimes the score" from:"chosen" needs:"TestNeeded"`
	WeakTimes    float64 `is:"times the threshold" from:"chosen" needs:"mm-2024-tor-counts; Brazil; Kenya"`
	Surely       float64 `is:"share of soft votes from which more than the threshold is asked" from:"chosen" needs:"TestNeeded"`
	OverallVotes float64 `is:"votes that the country's usual share weighs in a picked window" from:"chosen" needs:"TestNeeded"`
	MinReports   int     `is:"reports that an event needs: one submitter makes none" from:"derived: one submitter must not move a conclusion" needs:"cu-tremendanota; Brazil; at once, 1 network"`
	MinLeft      float64 `is:"nats that must be left without the loudest report" from:"derived: as MinReports" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	MuchForOne   float64 `is:"nats of one report above which the event must be found without it" from:"derived: as MinReports" needs:"et-2018-unblocking; ir-rambler-lull"`
	LoudVotes    uint64  `is:"votes of a report on one target, to be left out from the beginning" from:"derived: as MinReports" needs:"TestNeeded"`
	LoudTimes    uint64  `is:"times the next one's votes, for that" from:"derived: as MinReports" needs:"TestNeeded"`
	FloodDays    int     `is:"days within which a flood lies" from:"derived: as MinReports" needs:"cu-tremendanota; Brazil"`
	FloodTimes   float64 `is:"times the votes of a usual day, that are a flood" from:"derived: as MinReports" needs:"TestBurstOfReports"`
	MinPerDay    float64 `is:"bad votes a bad day, where the source names neither network nor report" from:"chosen" needs:"mm-2024-tor-counts; counts only"`
	TimerDays    int     `is:"days of as many bad votes that a timer explains" from:"fitted: quiet real series (Psiphon in Hong Kong)" needs:"quiet real series"`
	TimerSpread  float64 `is:"variance of the daily bad votes by their mean, below which a timer made them" from:"fitted: as TimerDays" needs:"quiet real series"`
	MinContrast  float64 `is:"ok votes around an event that rests on soft ones" from:"chosen" needs:"mm-2024-tor-counts; Brazil; impaired only, 6 networks"`
	AlwaysRate   float64 `is:"where there are none: the share of bad votes that speaks for itself" from:"chosen" needs:"TestNeeded"`
	AlwaysNets   int     `is:"on so many networks" from:"chosen" needs:"TestNeeded"`
	PureTimes    float64 `is:"times as many ok votes as bad ones, or the reverse, that make a resolver all ok or all bad" from:"chosen" needs:"TestNeeded"`
	PureShare    float64 `is:"share of the votes that came through such resolvers, to explain that others get through" from:"chosen" needs:"TestNeeded"`
	AloneVotes   float64 `is:"bad votes, the same" from:"chosen" needs:"TestNeeded"`
	AloneDays    int     `is:"bad days, the same" from:"chosen" needs:"TestNeeded"`
	MainShare    float64 `is:"share of the score that makes an event mainly one network's" from:"chosen" needs:"ug-2018-porn; worlds"`
	LullShort    int64   `is:"days without a bad vote that do not end a ban" from:"chosen" needs:"worlds"`
	LullHalf     int64   `is:"days, the same, at most, of half of what lies around and a day more" from:"chosen" needs:"ir-rambler-lull"`
	LullLong     int64   `is:"days, the same, at most, of a twentieth of what lies around" from:"chosen" needs:"TestNeeded"`
}

// Date are the parameters of: when it began and ended.
type Date struct {
	Before     int           `is:"observations that date a change, on its open side" from:"chosen: more change nothing" needs:"mm-2024-tor-counts; at once, 1 network; counts only"`
	Networks   int           `is:"networks that bear on the dates, at most: those whose bad votes say most" from:"chosen: cost" needs:"cost"`
	Votes      float64       `is:"first bad votes that date a change" from:"chosen" needs:"et-2018-unblocking; Brazil; at once, 1 network"`
	Full       float64       `is:"share of a network's votes that a ban is taken to turn bad" from:"fitted: seeds 1–12" needs:"et-2018-unblocking; at once, 1 network; one provider, one platform"`
	Mingled    int           `is:"networks that votes of unnamed ones are taken to be of" from:"chosen" needs:"mm-2024-tor-counts; Brazil; counts only"`
	FirmBad    float64       `is:"bad share from which votes that begin an event stand out" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; grows over ten days; grows over three days, 8 networks"`
	FirmSoft   float64       `is:"the same, where most bad votes are soft" from:"chosen" needs:"mm-2024-tor-counts; Brazil; nights, 8 hours"`
	FirmEnough float64       `is:"nats to which their sum must rise" from:"chosen" needs:"mm-2024-tor-counts; zz-8-platforms-2-ok-one-network; Brazil"`
	FirmBefore int64         `is:"seconds: bad votes no further before a stretch, with no ok between, are of it" from:"chosen" needs:"sparse, 1 a day"`
	UsualApart int64         `is:"seconds: votes nearer to an event do not say what is usual" from:"chosen" needs:"mm-2024-tor-counts; Brazil; at once, 1 network"`
	Laggard    int64         `is:"seconds: a network so much later does not date the onset, one so much earlier not the end" from:"chosen" needs:"one provider, 6 of 6 platforms; one provider, one platform; sparse, 1 a day"`
	Model      dating.Model  `is:"ways of obeying and their priors; what the interval leaves on its sides" from:"fitted: scenarios 1–60, the sides 1–80" needs:"every scenario"`
	EndBefore  float64       `is:"what the interval of an end leaves on its far side" from:"fitted: scenarios 1–80" needs:"et-2018-unblocking; at once, 1 network; counts only"`
	Growth     dating.Growth `is:"bans that grow" from:"fitted: scenarios 1–12" needs:"grows over ten days; grows over three days, 8 networks"`
}

// Course are the parameters of: its end, phases and confidence.
type Course struct {
	Restored    float64 `is:"nats that ok votes after a stretch must say, to end it: two ok measurements of two reports" from:"derived: as MinReports" needs:"et-2018-unblocking; at once, 1 network; counts only"`
	AccessRise  float64 `is:"rise that a ban is taken to have at least, for telling whether it is over" from:"chosen" needs:"et-2018-unblocking; Brazil"`
	AccessMost  float64 `is:"bad share that it is taken to have at most" from:"chosen" needs:"Brazil; at once, 1 network; counts only"`
	Stale       int64   `is:"seconds of silence after which an event fades" from:"chosen" needs:"Brazil; et-2018-unblocking"`
	StaleTimes  int64   `is:"times the usual pause between bad votes, the same" from:"chosen" needs:"et-2018-unblocking"`
	LullReach   int64   `is:"seconds from an ok vote that a lull may reach" from:"derived: nothing is said of where nobody measured" needs:"TestNeeded"`
	MeansGain   float64 `is:"nats by which a change of the means must explain the votes better" from:"chosen" needs:"et-2018-unblocking; zz-8-platforms-2-ok-one-network; Kenya"`
	MeansChange float64 `is:"change of a mean's share of the bad measurements, to be told" from:"chosen" needs:"ke24-wc-gap-20-25nov; zz-8-platforms-2-ok-one-network; Kenya"`
	TopShare    float64 `is:"of the heaviest mechanism's weight, below which another is not named" from:"chosen" needs:"ke24-wc-gap-20-25nov; Kenya; one of two hosts, 4 networks"`
	Evidence    int     `is:"measurements that are named, at most" from:"chosen" needs:"TestNeeded"`
	SureOffset  float64 `is:"nats taken off for confidence: a false alarm's worth" from:"chosen" needs:"TestNeeded"`
	SureScale   float64 `is:"nats in which doubt falls to a third" from:"chosen" needs:"TestNeeded"`
	SureOne     float64 `is:"times the confidence, on one network" from:"chosen" needs:"TestNeeded"`
	SureWeak    float64 `is:"the same, where the verdicts only say that something is wrong" from:"chosen" needs:"TestNeeded"`
	SureAlways  float64 `is:"the same, where there is no other time to compare with" from:"chosen" needs:"TestNeeded"`
}

// Label are the parameters of: what follows a label of the instrument.
type Label struct {
	Before      int     `is:"observations before a change that are compared" from:"chosen" needs:"TestVersion"`
	Within      int     `is:"observations within it" from:"chosen" needs:"TestVersion"`
	Overlap     float64 `is:"votes of labels seen on both sides, to compare within" from:"chosen" needs:"TestVersion"`
	Rise        float64 `is:"a rise within labels below it is none" from:"chosen" needs:"at once, 1 network; one provider, one platform; sparse, 1 a day"`
	JoinedLater int64   `is:"seconds: networks that join so late say nothing of the onset" from:"chosen" needs:"TestNeeded"`
	Pure        float64 `is:"share of the leading label, for a switch" from:"chosen" needs:"TestResolver"`
	Apart       float64 `is:"votes of labels on both sides, at most, for a switch" from:"chosen" needs:"at once, 1 network; one provider, one platform; sparse, 1 a day"`
	LeastBefore float64 `is:"votes before a change, at least" from:"chosen" needs:"TestBegunBefore; TestVersion"`
	LeastAfter  float64 `is:"votes within it, at least" from:"chosen" needs:"TestVersion"`
	Shared      float64 `is:"share of the ok votes after an event that came through labels seen in it, below which they do not end it" from:"chosen" needs:"at once, 1 network; one provider, one platform; sparse, 1 a day"`
}

// Defect are the parameters of: broken probes and lines.
type Defect struct {
	Targets     int     `is:"targets that fail on one day" from:"chosen" needs:"cu-tremendanota; Brazil; at once, 1 network"`
	During      int     `is:"targets that fail while an event lasts" from:"chosen" needs:"worlds"`
	Share       float64 `is:"of the targets that are otherwise fine" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms; one provider, 8 of 10 platforms"`
	Networks    int     `is:"networks that fail so on one day: no probe" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms"`
	Gap         int64   `is:"seconds between two days of one defect" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 8 of 10 platforms"`
	Spared      float64 `is:"bad share of a target that is left alone" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours; one of two hosts, 4 networks"`
	Struck      float64 `is:"bad share of one that is not" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 8 of 10 platforms"`
	SparedVotes float64 `is:"votes that must speak for it" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; nights, 8 hours; one provider, 8 of 10 platforms"`
	Judged      float64 `is:"of the targets must be one or the other" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 8 of 10 platforms"`
	Surely      float64 `is:"of the bad votes, by means that no defect makes" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms; worlds"`
	Sole        float64 `is:"of a country's votes in the weeks around, that one network has" from:"chosen" needs:"worlds; et-2018-unblocking; one provider, 6 of 6 platforms"`
	SoleSpan    int64   `is:"seconds, these weeks on either side" from:"chosen" needs:"TestNeeded"`
	Doubted     float64 `is:"per cent of the confidence that is left where a defect is not ruled out" from:"chosen" needs:"one provider, 6 of 6 platforms"`
}

// Parts are the parameters of: hosts and tests of one target.
type Parts struct {
	Most  int     `is:"parts that are looked at alone, those with the most votes" from:"chosen: cost" needs:"cost"`
	Votes float64 `is:"votes of a part, for that" from:"chosen" needs:"ke24-wc-gap-20-25nov; Kenya; one of two hosts, 4 networks"`
}

// Schedule are the parameters of: bans of certain hours.
type Schedule struct {
	Block    int64   `is:"seconds that are folded to a week, anew from every half of them" from:"chosen" needs:"TestNeeded"`
	Enter    float64 `is:"nats by which the hours of a block must stand out" from:"chosen" needs:"jo-facebook; Brazil; at once, 1 network"`
	Share    float64 `is:"of the votes in these hours that are bad" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Rate     float64 `is:"bad share by which hours are looked for" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Days     int     `is:"days on which they are bad" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Shortest int     `is:"hours" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Longest  int     `is:"hours" from:"chosen" needs:"TestNeeded"`
}

// World are the parameters of: other countries and targets.
type World struct {
	Countries   int     `is:"unrelated countries that change at once" from:"chosen" needs:"TestWorld"`
	Sure        int     `is:"of these, enough whatever the others do" from:"chosen" needs:"TestNeeded"`
	Share       float64 `is:"else the share of those that were watching" from:"chosen" needs:"TestNeeded"`
	Slack       int64   `is:"seconds around an onset" from:"chosen" needs:"TestWorld"`
	BanEvery    float64 `is:"seconds between the bans of a target in a country, roughly" from:"chosen" needs:"TestWorld"`
	Apart       int64   `is:"seconds by which an event outlasts those it began with" from:"chosen" needs:"TestNeeded"`
	Surprise    float64 `is:"nats of coincidence that are too much" from:"chosen" needs:"TestWorld"`
	Always      int     `is:"countries in which a target always fails without a sign of why" from:"chosen" needs:"TestNeeded"`
	WatchSpan   int32   `is:"days around an onset in which a country must have measured" from:"chosen" needs:"TestNeeded"`
	GroupSlack  int64   `is:"seconds between the dates of one ban's targets" from:"chosen" needs:"worlds"`
	GroupWidth  float64 `is:"times the narrowest interval of one ban's targets: those that are no wider date it together" from:"chosen" needs:"12 platforms, 4 networks"`
	GroupShared float64 `is:"of their networks that are the same" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms; one provider, 8 of 10 platforms"`
}

// Darkness are the parameters of: countries and networks that fall silent.
type Darkness struct {
	Window      int     `is:"days on either side that give the usual presence" from:"chosen" needs:"TestSilences"`
	Least       int     `is:"of them at least" from:"chosen" needs:"et-2018-unblocking; zz-8-platforms-2-ok-one-network; one provider, one platform"`
	Width       int64   `is:"seconds, the stretches that are scored" from:"chosen" needs:"TestSilences"`
	Level       float64 `is:"share of the usual presence that is left in darkness" from:"chosen" needs:"worlds"`
	Spread      float64 `is:"overdispersion of presence, at least" from:"chosen" needs:"12 platforms, 4 networks; 4 platforms, 3 networks; worlds"`
	Enter       float64 `is:"score that darkness must reach" from:"chosen" needs:"TestSilences"`
	Networks    int     `is:"networks that are heard regularly, and vanish" from:"chosen" needs:"worlds"`
	Targets     int     `is:"targets; of fewer, silence may only mean that nobody tests them any more" from:"chosen" needs:"gaps at the edges; worlds"`
	Regular     float64 `is:"share of days on which a regular network is heard" from:"chosen" needs:"worlds"`
	Return      float64 `is:"share of the usual presence that returns" from:"chosen" needs:"worlds"`
	Longest     float64 `is:"days at the end of the data, beyond which it is no news" from:"chosen" needs:"TestSilences"`
	Steady      float64 `is:"of the last four weeks' presence that the weeks before them had" from:"chosen" needs:"TestSilences"`
	Credible    float64 `is:"mass of its intervals" from:"chosen" needs:"worlds"`
	Neighbours  float64 `is:"share of their usual presence that others must keep" from:"chosen" needs:"worlds"`
	LonePresent float64 `is:"hours a day in which it is usually heard" from:"chosen" needs:"TestSilences"`
	LoneKinds   int     `is:"kinds of probes, by software or resolver, before and after" from:"chosen" needs:"TestSilences"`
	LoneShare   float64 `is:"share of the votes that makes a kind" from:"chosen" needs:"TestSilences"`

	SignalLeast  float64 `is:"what a signal from outside must usually be: a smaller one falls by chance" from:"chosen" needs:"TestDarkFromOutside"`
	SignalLasts  int64   `is:"seconds for which it must be low" from:"chosen" needs:"TestDarkFromOutside"`
	SignalShared int     `is:"other countries that fell with it, and half of those watched, that make it the observer's" from:"chosen" needs:"TestDarkFromOutside"`
	SignalSure   float64 `is:"confidence that one observer of darkness gives" from:"chosen" needs:"TestDarkFromOutside"`
}

// Standard are the parameters that the detector uses.
var Standard = Parameters{
	Votes: Votes{
		Repeat:     0.05,
		RepeatBare: 0.10,
		Mingled:    0.25,
	},
	Chain: Chain{
		OnsetDays:    1000,
		EndDays:      30,
		EnterMost:    0.1,
		LeastGap:     1800,
		Begun:        1,
		SwitchCost:   4,
		Strengths:    [3]float64{0.3, 0.6, 0.93},
		Hard:         [2]float64{0.9, 0.15},
		MinBaseline:  0.02,
		MaxBaseline:  0.7,
		PriorHard:    0.03,
		PriorSoft:    0.07,
		PriorVotes:   30,
		PriorKind:    3,
		MinHard:      0.1,
		MaxHard:      0.8,
		Rounds:       3,
		SameStart:    0.03,
		Halfway:      0.1,
		MinBadVotes:  2,
		FalseAlarms:  1e-3,
		Overshoot:    2,
		MinimalScore: 13,
	},
	Candidate: Candidate{
		WeakScore:    6,
		NamedWrongly: 0.01,
		BriefScore:   10,
		ListedScore:  4,
		AloneScore:   6,
		InsideScore:  1,
		MinRise:      0.25,
		MinRiseSoft:  0.35,
		MinRiseBrief: 0.45,
		BriefDays:    14,
		SoftShare:    0.7,
		PickedRate:   0.6,
		PickedRise:   0.7,
		ClearRise:    0.6,
		WeakTimes:    2,
		Surely:       0.4,
		OverallVotes: 3,
		MinReports:   3,
		MinLeft:      8,
		MuchForOne:   9,
		LoudVotes:    6,
		LoudTimes:    3,
		FloodDays:    2,
		FloodTimes:   3,
		MinPerDay:    1.5,
		TimerDays:    7,
		TimerSpread:  0.25,
		MinContrast:  8,
		AlwaysRate:   0.9,
		AlwaysNets:   3,
		PureTimes:    4,
		PureShare:    0.8,
		AloneVotes:   12,
		AloneDays:    5,
		MainShare:    0.75,
		LullShort:    3,
		LullHalf:     8,
		LullLong:     14,
	},
	Date: Date{
		Before:     40,
		Networks:   60,
		Votes:      4,
		Full:       0.9,
		Mingled:    12,
		FirmBad:    0.2,
		FirmSoft:   0.3,
		FirmEnough: 8,
		FirmBefore: 36 * 3600,
		UsualApart: 3 * 86400,
		Laggard:    10 * 86400,
		Model: dating.Model{
			Ahead: []dating.Lag{{Scale: 0, Prior: 0.45}, {Scale: 2 * hour, Prior: 0.25}, {Scale: day, Prior: 0.2}, {Scale: 4 * day, Prior: 0.1}},
			Behind: []dating.Lag{{Scale: 0, Stray: 0.15, Prior: 0.2}, {Scale: 0, Stray: 0.85, Prior: 0.35}, {Scale: 900, Stray: 0.15, Prior: 0.15},
				{Scale: 3 * hour, Stray: 0.15, Prior: 0.15}, {Scale: 1.5 * day, Stray: 0.15, Prior: 0.15}},
			StrayScale: 3 * day,
			Before:     0.04, After: 0.03, Few: 4,
			Reach: 365 * day,
			Parts: 4,
		},
		EndBefore: 0.025,
		Growth: dating.Growth{
			Step: 6 * hour, Before: 21 * day, After: 14 * day,
			Over:      []float64{2 * day, 2.7 * day, 3.6 * day, 4.9 * day, 6.6 * day, 8.9 * day, 12 * day, 16 * day, 20 * day},
			Strengths: []float64{0.3, 0.6, 0.93},
			From:      []float64{0, 0.1, 0.25},
			Within:    []float64{6 * hour, day, 4 * day, 35 * day},
			Enough:    6,
			Most:      40,
			Tail:      0.015,
		},
	},
	Course: Course{
		Restored:    3,
		AccessRise:  0.2,
		AccessMost:  0.97,
		Stale:       14 * 86400,
		StaleTimes:  10,
		LullReach:   86400,
		MeansGain:   8,
		MeansChange: 0.5,
		TopShare:    0.1,
		Evidence:    24,
		SureOffset:  4,
		SureScale:   8,
		SureOne:     0.95,
		SureWeak:    0.85,
		SureAlways:  0.6,
	},
	Label: Label{
		Before:      80,
		Within:      40,
		Overlap:     1.5,
		Rise:        0.15,
		JoinedLater: 7 * 86400,
		Pure:        0.9,
		Apart:       0.5,
		LeastBefore: 4,
		LeastAfter:  3,
		Shared:      0.1,
	},
	Defect: Defect{
		Targets:     6,
		During:      5,
		Share:       0.8,
		Networks:    3,
		Gap:         3 * 86400,
		Spared:      0.3,
		Struck:      0.7,
		SparedVotes: 3,
		Judged:      2.0 / 3,
		Surely:      0.5,
		Sole:        0.8,
		SoleSpan:    28 * 86400,
		Doubted:     60,
	},
	Parts: Parts{
		Most:  8,
		Votes: 12,
	},
	Schedule: Schedule{
		Block:    14 * 86400,
		Enter:    25,
		Share:    0.6,
		Rate:     0.8,
		Days:     4,
		Shortest: 2,
		Longest:  12,
	},
	World: World{
		Countries:   4,
		Sure:        6,
		Share:       0.5,
		Slack:       6 * 3600,
		BanEvery:    730 * 86400,
		Apart:       7 * 86400,
		Surprise:    10,
		Always:      3,
		WatchSpan:   14,
		GroupSlack:  12 * 3600,
		GroupWidth:  2,
		GroupShared: 0.5,
	},
	Darkness: Darkness{
		Window:      28,
		Least:       7,
		Width:       6 * 3600,
		Level:       0.05,
		Spread:      1.5,
		Enter:       10,
		Networks:    3,
		Targets:     2,
		Regular:     0.25,
		Return:      0.4,
		Longest:     60,
		Steady:      0.5,
		Credible:    0.988,
		Neighbours:  0.5,
		LonePresent: 5,
		LoneKinds:   2,
		LoneShare:   0.1,

		SignalLeast:  20,
		SignalLasts:  2 * 3600,
		SignalShared: 2,
		SignalSure:   0.55,
	},
}
