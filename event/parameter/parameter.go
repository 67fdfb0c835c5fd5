// Package parameter holds the numbers of the model that finds events: what each is,
// where it comes from, and which cases need it. Package event and the packages
// below it read Standard. Markdown makes the list in docs/DETECTION.md. The package
// computes nothing else.
package parameter

import "github.com/bandish/bandish/event/dating"

const (
	hour = 3600.0
	day  = 24 * hour
)

// Parameters holds all numbers of the model, by what they are for. Each field has
// three tags: "is" says what it is, "from" says whether it is derived, fitted (and
// on what) or chosen, and "needs" says which cases become worse without it.
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

// Votes holds the parameters of: how votes of one day add up.
type Votes struct {
	Repeat     float64 `is:"intraclass correlation of the votes of one network on one day [6]" from:"chosen" needs:"jo-facebook; Brazil; at once, 1 network"`
	RepeatBare float64 `is:"the same, for counts that name no reports" from:"chosen" needs:"mm-2024-tor-counts; counts only"`
	Mingled    float64 `is:"factor for the correlation where the source names reports and not networks: roughly the chance that two votes are from one network" from:"chosen" needs:"Brazil"`
}

// Chain holds the parameters of: the hidden Markov chain.
type Chain struct {
	OnsetDays    float64    `is:"a ban of one target on one network begins once in so many days" from:"chosen" needs:"TestTrack"`
	EndDays      float64    `is:"a ban ends after so many days, on average" from:"chosen" needs:"TestTrack"`
	EnterMost    float64    `is:"largest chance that a ban begins within one gap" from:"chosen" needs:"mm-2024-tor-counts; Brazil; sparse, 1 a day"`
	LeastGap     float64    `is:"seconds: a shorter gap counts as this long" from:"chosen" needs:"TestTrack"`
	Begun        float64    `is:"nats that a ban costs which began before the data" from:"chosen" needs:"jo-facebook; cu-tremendanota; et-2018-unblocking"`
	SwitchCost   float64    `is:"nats that a change costs: of strength within a ban, or between access and interference within an event" from:"chosen" needs:"et-2018-unblocking; jo-facebook; Brazil"`
	Strengths    [3]float64 `is:"shares of the votes that a ban makes bad: there are partial bans and throttling. The middle one is used for dating where the source does not name networks, or the bad votes are of both sorts" from:"chosen" needs:"a prior: TestWeights"`
	Hard         [2]float64 `is:"share of blocked votes among the bad votes of a ban: where the verdicts recognise the interference, and where they say only that something is wrong" from:"chosen" needs:"a prior: TestWeights"`
	MinBaseline  float64    `is:"smallest usual share of bad votes" from:"chosen" needs:"TestTrack"`
	MaxBaseline  float64    `is:"largest usual share of bad votes" from:"chosen" needs:"TestTrack"`
	PriorHard    float64    `is:"share of blocked votes where nobody blocks" from:"chosen" needs:"TestTrack"`
	PriorSoft    float64    `is:"share of impaired votes where nobody blocks" from:"chosen" needs:"TestTrack"`
	PriorVotes   float64    `is:"weight of this prior, in votes" from:"chosen" needs:"cu-tremendanota; mm-2024-tor-counts; at once, 1 network"`
	PriorKind    float64    `is:"weight of the prior share of blocked among bad votes, in bad votes" from:"chosen" needs:"cu-tremendanota; et-2018-unblocking; at once, 1 network"`
	MinHard      float64    `is:"smallest usual share of blocked among the bad votes" from:"chosen" needs:"TestTrack"`
	MaxHard      float64    `is:"the largest" from:"chosen" needs:"TestTrack"`
	Rounds       int        `is:"rounds of estimating the usual share and the path in turn" from:"chosen" needs:"cost: a story of every scenario comes out alike with one round"`
	SameStart    float64    `is:"starts whose usual shares differ by less than this are one start" from:"chosen" needs:"cost"`
	Halfway      float64    `is:"by how much the whole series must be worse than the prior, to start from the middle of both as well" from:"fitted: Brazil with half of its rows" needs:"Brazil with half of its rows"`
	MinBadVotes  float64    `is:"a series with fewer bad votes is not looked at" from:"derived: fewer cannot reach the threshold" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	FalseAlarms  float64    `is:"most false alarms wanted, for each series and year" from:"derived: Ville's inequality [3]" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	Overshoot    float64    `is:"nats by which a score exceeds the threshold when it passes it" from:"derived: what scores exceed a threshold by when they pass it; the worlds check it" needs:"TestThreshold"`
	MinimalScore float64    `is:"nats: the smallest threshold" from:"chosen" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
}

// Candidate holds the parameters of: what is an event.
type Candidate struct {
	WeakScore    float64 `is:"nats that a network's stretch needs to join an event" from:"chosen" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	NamedWrongly float64 `is:"largest chance that an event of one target names a network that does not block" from:"derived: Ville's inequality [3]" needs:"8 platforms, one of 5 networks"`
	BriefScore   float64 `is:"nats that a stretch needs where all of its bad votes are on one day, and that a part of a stretch needs where other networks show nothing" from:"chosen" needs:"at once, 15 unequal networks; sparse, 1 a day"`
	ListedScore  float64 `is:"nats that a network needs in a stretch of all networks together, to be named where others have as much" from:"chosen" needs:"ug-2018-porn; Kenya"`
	AloneScore   float64 `is:"nats that a single network must add to the threshold, where others are measured" from:"chosen" needs:"TestNeeded"`
	InsideScore  float64 `is:"nats that a network needs in a stretch of all networks together, to carry it" from:"chosen" needs:"ir-rambler-lull; Kenya"`
	MinRise      float64 `is:"smallest rise of the share of bad votes over the usual share" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours; cu-tremendanota"`
	MinRiseSoft  float64 `is:"the same, where a share SoftShare of the bad votes are impaired" from:"chosen" needs:"mm-2024-tor-counts; at once, 1 network; counts only"`
	MinRiseBrief float64 `is:"the same, where all of the event is within BriefDays" from:"chosen" needs:"impaired only, 6 networks; one provider, 6 of 6 platforms; one provider, 8 of 10 platforms"`
	BriefDays    int64   `is:"days that are brief" from:"chosen" needs:"mm-2024-tor-counts"`
	SoftShare    float64 `is:"share of impaired among the bad votes above which the verdicts said only that something is wrong" from:"chosen" needs:"TestImpaired; TestBogonIsStrong"`
	PickedRate   float64 `is:"share of bad votes of a ban that is looked for inside a longer time that is a little worse than usual" from:"fitted: quiet real series, Tor in Myanmar with half of its days" needs:"Myanmar with half of its days; quiet real series"`
	PickedRise   float64 `is:"smallest rise of a ban that was found in this way" from:"fitted: as PickedRate" needs:"Myanmar with half of its days; quiet real series"`
	ClearRise    float64 `is:"rise that is clear. It is required of one network among several whose resolvers give ok and bad votes, of one network with impaired votes, and of the whole country unless the score is WeakTimes the threshold" from:"chosen" needs:"TestNeeded"`
	WeakTimes    float64 `is:"factor for the threshold: with such a score no clear rise of the whole country is required, however many votes are impaired" from:"chosen" needs:"mm-2024-tor-counts; Brazil; Kenya"`
	Surely       float64 `is:"share of impaired votes from which more than the threshold is required" from:"chosen" needs:"TestNeeded"`
	OverallVotes float64 `is:"weight of the country's usual share in a picked time, in votes" from:"chosen" needs:"TestNeeded"`
	MinReports   int     `is:"reports that an event needs: one submitter must not make an event" from:"derived: one submitter must not move a conclusion" needs:"cu-tremendanota; Brazil; at once, 1 network"`
	MinLeft      float64 `is:"nats that must remain without the loudest report" from:"derived: as MinReports" needs:"cu-tremendanota; mm-2024-tor-counts; counts only"`
	MuchForOne   float64 `is:"nats of one report above which the event must also be found without it" from:"derived: as MinReports" needs:"et-2018-unblocking; ir-rambler-lull"`
	LoudVotes    uint64  `is:"a report with so many votes on one target may be left out from the start" from:"derived: as MinReports" needs:"TestNeeded"`
	LoudTimes    uint64  `is:"and is left out if it has so many times the votes of the next report" from:"derived: as MinReports" needs:"TestNeeded"`
	FloodDays    int     `is:"longest flood of measurements, in days" from:"derived: as MinReports" needs:"cu-tremendanota; Brazil"`
	FloodTimes   float64 `is:"a flood has so many times the votes of a usual day" from:"derived: as MinReports" needs:"TestBurstOfReports"`
	MinPerDay    float64 `is:"bad votes for each bad day, where the source names neither network nor report" from:"chosen" needs:"mm-2024-tor-counts; counts only"`
	TimerDays    int     `is:"days with equally many bad votes that a timer explains" from:"fitted: quiet real series (Psiphon in Hong Kong)" needs:"quiet real series"`
	TimerSpread  float64 `is:"variance of the daily bad votes divided by their mean, below which a timer made them" from:"fitted: as TimerDays" needs:"quiet real series"`
	MinContrast  float64 `is:"ok votes that must be around an event that rests on impaired votes" from:"chosen" needs:"mm-2024-tor-counts; Brazil; impaired only, 6 networks"`
	AlwaysRate   float64 `is:"where there are none: share of bad votes that is enough by itself" from:"chosen" needs:"TestNeeded"`
	AlwaysNets   int     `is:"the same: number of networks" from:"chosen" needs:"TestNeeded"`
	PureTimes    float64 `is:"a resolver with so many times more ok votes than bad ones, or the reverse, counts as all ok or all bad" from:"chosen" needs:"TestNeeded"`
	PureShare    float64 `is:"share of the votes from such resolvers that explains why some measurements are ok" from:"chosen" needs:"TestNeeded"`
	AloneVotes   float64 `is:"bad votes that one network with impaired votes needs, to be an event alone, or that a target needs which always failed" from:"chosen" needs:"TestNeeded"`
	AloneDays    int     `is:"bad days, the same" from:"chosen" needs:"TestNeeded"`
	MainShare    float64 `is:"share of the score from which an event is mainly of one network" from:"chosen" needs:"ug-2018-porn; worlds"`
	LullShort    int64   `is:"days without a bad vote that never end a ban" from:"chosen" needs:"worlds"`
	LullHalf     int64   `is:"days: largest pause of half the length of what is around it, and a day more" from:"chosen" needs:"ir-rambler-lull"`
	LullLong     int64   `is:"days: largest pause of a twentieth of the length of what is around it" from:"chosen" needs:"TestNeeded"`
}

// Date holds the parameters of: when it began and ended.
type Date struct {
	Before     int           `is:"observations before an onset (after an end) that date it" from:"chosen: more change nothing" needs:"mm-2024-tor-counts; at once, 1 network; counts only"`
	Networks   int           `is:"most networks that count for the dates: those whose bad votes say most" from:"chosen: cost" needs:"cost"`
	Votes      float64       `is:"first bad votes that date a change" from:"chosen" needs:"et-2018-unblocking; Brazil; at once, 1 network"`
	Full       float64       `is:"share of a network's votes that a ban is assumed to make bad" from:"fitted: seeds 1–12" needs:"et-2018-unblocking; at once, 1 network; one provider, one platform"`
	Mingled    int           `is:"number of networks that votes without a network are assumed to be from" from:"chosen" needs:"mm-2024-tor-counts; Brazil; counts only"`
	FirmBad    float64       `is:"usual share of bad votes against which the votes that begin an event stand out" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; grows over ten days; grows over three days, 8 networks"`
	FirmSoft   float64       `is:"the same, where most bad votes are impaired" from:"chosen" needs:"mm-2024-tor-counts; Brazil; nights, 8 hours"`
	FirmEnough float64       `is:"nats to which the sum of these votes must rise" from:"chosen" needs:"mm-2024-tor-counts; zz-8-platforms-2-ok-one-network; Brazil"`
	FirmBefore int64         `is:"seconds: bad votes this shortly before a stretch, with no ok vote between, belong to it" from:"chosen" needs:"sparse, 1 a day"`
	UsualApart int64         `is:"seconds: votes nearer to an event do not count for what is usual" from:"chosen" needs:"mm-2024-tor-counts; Brazil; at once, 1 network"`
	Laggard    int64         `is:"seconds: a network that follows so much later does not date the onset, and one that was restored so much earlier does not date the end" from:"chosen" needs:"one provider, 6 of 6 platforms; one provider, one platform; sparse, 1 a day"`
	Model      dating.Model  `is:"ways of obeying an order and their priors; the probability that the interval leaves out on its sides" from:"fitted: scenarios 1–60, the sides 1–80" needs:"every scenario"`
	EndBefore  float64       `is:"probability that the interval of an end leaves out on its far side" from:"fitted: scenarios 1–80" needs:"et-2018-unblocking; at once, 1 network; counts only"`
	Growth     dating.Growth `is:"bans that grow" from:"fitted: scenarios 1–12" needs:"grows over ten days; grows over three days, 8 networks"`
}

// Course holds the parameters of: its end, phases and confidence.
type Course struct {
	Restored    float64 `is:"nats that ok votes after a stretch must say to end it: two ok measurements from two reports" from:"derived: as MinReports" needs:"et-2018-unblocking; at once, 1 network; counts only"`
	AccessRise  float64 `is:"smallest rise that a ban is assumed to have, to decide whether it is over" from:"chosen" needs:"et-2018-unblocking; Brazil"`
	AccessMost  float64 `is:"largest share of bad votes that it is then assumed to have" from:"chosen" needs:"Brazil; at once, 1 network; counts only"`
	Stale       int64   `is:"seconds of silence after which an event fades" from:"chosen" needs:"Brazil; et-2018-unblocking"`
	StaleTimes  int64   `is:"the same, in usual pauses between bad votes" from:"chosen" needs:"et-2018-unblocking"`
	LullReach   int64   `is:"seconds: how far from an ok vote a lull may reach" from:"derived: nothing is said of where nobody measured" needs:"TestNeeded"`
	MeansGain   float64 `is:"nats by which a change of mechanism must explain the votes better" from:"chosen" needs:"et-2018-unblocking; zz-8-platforms-2-ok-one-network; Kenya"`
	MeansChange float64 `is:"smallest change of a mechanism's share of the bad measurements that is reported" from:"chosen" needs:"ke24-wc-gap-20-25nov; zz-8-platforms-2-ok-one-network; Kenya"`
	TopShare    float64 `is:"a mechanism with less than this share of the most frequent one's weight is not named" from:"chosen" needs:"ke24-wc-gap-20-25nov; Kenya; one of two hosts, 4 networks"`
	Evidence    int     `is:"most measurements that are named as evidence" from:"chosen" needs:"TestNeeded"`
	SureOffset  float64 `is:"nats subtracted for the confidence: as much as a false alarm may have" from:"chosen" needs:"TestNeeded"`
	SureScale   float64 `is:"nats for which doubt falls to about a third" from:"chosen" needs:"TestNeeded"`
	SureOne     float64 `is:"factor for the confidence, on one network" from:"chosen" needs:"TestNeeded"`
	SureWeak    float64 `is:"the same, where the verdicts say only that something is wrong" from:"chosen" needs:"TestNeeded"`
	SureAlways  float64 `is:"the same, where there is no other time to compare with" from:"chosen" needs:"TestNeeded"`
}

// Label holds the parameters of: what follows a label of the instrument.
type Label struct {
	Before      int     `is:"observations before a change that are compared" from:"chosen" needs:"TestVersion"`
	Within      int     `is:"observations after a change that are compared" from:"chosen" needs:"TestVersion"`
	Overlap     float64 `is:"votes of labels that are on both sides of a change, to compare within labels" from:"chosen" needs:"TestVersion"`
	Rise        float64 `is:"a smaller rise within labels is no rise" from:"chosen" needs:"at once, 1 network; one provider, one platform; sparse, 1 a day"`
	JoinedLater int64   `is:"seconds: networks that join so late do not count for the onset" from:"chosen" needs:"TestNeeded"`
	Pure        float64 `is:"share of the most frequent label on each side, for a change of label" from:"chosen" needs:"TestResolver"`
	Apart       float64 `is:"most votes of labels that are on both sides, for a change of label" from:"chosen" needs:"at once, 1 network; one provider, one platform; sparse, 1 a day"`
	LeastBefore float64 `is:"fewest votes before a change" from:"chosen" needs:"TestBegunBefore; TestVersion"`
	LeastAfter  float64 `is:"fewest votes after a change" from:"chosen" needs:"TestVersion"`
	Shared      float64 `is:"ok votes after an event do not end it if a smaller share of them has labels that are in the event" from:"chosen" needs:"at once, 1 network; one provider, one platform; sparse, 1 a day"`
}

// Defect holds the parameters of: broken probes and lines.
type Defect struct {
	Targets     int     `is:"targets that fail on one day" from:"chosen" needs:"cu-tremendanota; Brazil; at once, 1 network"`
	During      int     `is:"targets that fail while an event lasts" from:"chosen" needs:"worlds"`
	Share       float64 `is:"share of the targets that are usually fine, that must fail" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms; one provider, 8 of 10 platforms"`
	Networks    int     `is:"if so many networks fail on one day, it is not a probe" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms"`
	Gap         int64   `is:"seconds between two days of one defect" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 8 of 10 platforms"`
	Spared      float64 `is:"largest share of bad votes of a target that is spared" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours; one of two hosts, 4 networks"`
	Struck      float64 `is:"smallest share of bad votes of a target that is not spared" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 8 of 10 platforms"`
	SparedVotes float64 `is:"votes that a target needs, to be spared or not" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; nights, 8 hours; one provider, 8 of 10 platforms"`
	Judged      float64 `is:"share of the targets that must be spared or not spared" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 8 of 10 platforms"`
	Surely      float64 `is:"share of the bad votes with mechanisms that no defect has" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms; worlds"`
	Sole        float64 `is:"share of a country's votes in the weeks around, from which nothing can be compared with one network" from:"chosen" needs:"worlds; et-2018-unblocking; one provider, 6 of 6 platforms"`
	SoleSpan    int64   `is:"seconds: these weeks, on each side" from:"chosen" needs:"TestNeeded"`
	Doubted     float64 `is:"per cent of the confidence that remains where a defect is not ruled out" from:"chosen" needs:"one provider, 6 of 6 platforms"`
}

// Parts holds the parameters of: hosts and tests of one target.
type Parts struct {
	Most  int     `is:"most parts that are looked at alone: those with the most votes" from:"chosen: cost" needs:"cost"`
	Votes float64 `is:"votes that a part needs, to be looked at alone" from:"chosen" needs:"ke24-wc-gap-20-25nov; Kenya; one of two hosts, 4 networks"`
}

// Schedule holds the parameters of: bans of certain hours.
type Schedule struct {
	Block    int64   `is:"seconds that are added up by hour of the week; blocks begin at every half of this" from:"chosen" needs:"TestNeeded"`
	Enter    float64 `is:"nats by which the hours of a block must stand out" from:"chosen" needs:"jo-facebook; Brazil; at once, 1 network"`
	Share    float64 `is:"share of bad votes in these hours" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Rate     float64 `is:"share of bad votes with which hours are looked for" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Days     int     `is:"fewest days on which they are bad" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Shortest int     `is:"hours" from:"chosen" needs:"exams, 4 hours on weekdays; nights, 8 hours"`
	Longest  int     `is:"hours" from:"chosen" needs:"TestNeeded"`
}

// World holds the parameters of: other countries and targets.
type World struct {
	Countries   int     `is:"unrelated countries that change at once" from:"chosen" needs:"TestWorld"`
	Sure        int     `is:"number of these that is enough, whatever the others do" from:"chosen" needs:"TestNeeded"`
	Share       float64 `is:"otherwise the share of the countries that measured then" from:"chosen" needs:"TestNeeded"`
	Slack       int64   `is:"seconds around an onset that count as the same time" from:"chosen" needs:"TestWorld"`
	BanEvery    float64 `is:"seconds between the bans of a target in a country, roughly" from:"chosen" needs:"TestWorld"`
	Apart       int64   `is:"seconds: an event that outlasts those that began with it by more is its own" from:"chosen" needs:"TestNeeded"`
	Surprise    float64 `is:"nats from which a coincidence is too unlikely" from:"chosen" needs:"TestWorld"`
	Always      int     `is:"countries in which a target always fails and nothing shows why" from:"chosen" needs:"TestNeeded"`
	WatchSpan   int32   `is:"days around an onset in which a country must have measured" from:"chosen" needs:"TestNeeded"`
	GroupSlack  int64   `is:"seconds between the dates of one ban's targets" from:"chosen" needs:"worlds"`
	GroupWidth  float64 `is:"factor: intervals of one ban's targets that are no more times wider than the narrowest date it together" from:"chosen" needs:"12 platforms, 4 networks"`
	GroupShared float64 `is:"share of the networks that two targets of one ban have in common" from:"chosen" needs:"zz-8-platforms-2-ok-one-network; one provider, 6 of 6 platforms; one provider, 8 of 10 platforms"`
}

// Darkness holds the parameters of: countries and networks that fall silent.
type Darkness struct {
	Window      int     `is:"days on either side that give the usual presence" from:"chosen" needs:"TestSilences"`
	Least       int     `is:"fewest days with a usual presence" from:"chosen" needs:"et-2018-unblocking; zz-8-platforms-2-ok-one-network; one provider, one platform"`
	Width       int64   `is:"seconds: steps of time that are scored" from:"chosen" needs:"TestSilences"`
	Level       float64 `is:"share of the usual presence that remains in darkness" from:"chosen" needs:"worlds"`
	Spread      float64 `is:"smallest overdispersion of presence" from:"chosen" needs:"12 platforms, 4 networks; 4 platforms, 3 networks; worlds"`
	Enter       float64 `is:"score that darkness must reach" from:"chosen" needs:"TestSilences"`
	Networks    int     `is:"networks that must be heard regularly, and vanish" from:"chosen" needs:"worlds"`
	Targets     int     `is:"fewest targets: with fewer, silence may mean only that nobody tests them any more" from:"chosen" needs:"gaps at the edges; worlds"`
	Regular     float64 `is:"share of days on which a regular network is heard" from:"chosen" needs:"worlds"`
	Return      float64 `is:"share of the usual presence that must return" from:"chosen" needs:"worlds"`
	Longest     float64 `is:"longest silence at the end of the data that is reported, in days" from:"chosen" needs:"TestSilences"`
	Steady      float64 `is:"share of the last four weeks' presence that the weeks before must have had" from:"chosen" needs:"TestSilences"`
	Credible    float64 `is:"probability that its intervals hold the moment" from:"chosen" needs:"worlds"`
	Neighbours  float64 `is:"share of their usual presence that others must keep" from:"chosen" needs:"worlds"`
	LonePresent float64 `is:"hours a day in which a network that falls silent alone is usually heard" from:"chosen" needs:"TestSilences"`
	LoneKinds   int     `is:"kinds of probes, by software or resolver, through which it was heard before and after" from:"chosen" needs:"TestSilences"`
	LoneShare   float64 `is:"share of the votes that a kind needs" from:"chosen" needs:"TestSilences"`

	SignalLeast  float64 `is:"smallest usual value of a signal from outside: a smaller one falls by chance" from:"chosen" needs:"TestDarkFromOutside"`
	SignalLasts  int64   `is:"seconds for which it must be low" from:"chosen" needs:"TestDarkFromOutside"`
	SignalShared int     `is:"if so many other countries fell with it, and half of those that were watched, the observer failed" from:"chosen" needs:"TestDarkFromOutside"`
	SignalSure   float64 `is:"confidence in darkness that one observer gives" from:"chosen" needs:"TestDarkFromOutside"`
}

// Standard holds the parameters that the detector uses.
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
