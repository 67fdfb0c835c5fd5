// Package event finds bans in cells. One real ban is one Event: an interval for its
// onset and one for its end, the networks, the mechanisms, and the reasons for
// saying so.
//
// Cells (package series) and signals from outside (package signal) come in; a
// Result with events and artefacts goes out. Detection keeps no state: it is
// computed from all cells of the window each time. So late data and changed
// verdicts need no special treatment, and the same cells give the same bytes.
// docs/DETECTION.md has the model with its equations and sources. The package does
// no I/O and reads no clock.
package event

import (
	"maps"
	"slices"
	"time"

	"github.com/bandish/bandish/event/parameter"
)

// set holds the parameters of the model.
var set = &parameter.Standard

// Version names the model and its parameters. It changes whenever the same cells
// may give other events.
const Version = "bandish-event/11"

// Kind says what sort of event it is.
type Kind string

// The kinds.
const (
	Block      Kind = "block"
	Throttling Kind = "throttling"
	Shutdown   Kind = "shutdown" // a country or network fell silent
)

// State says how the event stands at the end of the data.
type State string

// The states. Dark is the state of every shutdown, whether it is over or not.
const (
	Ongoing State = "ongoing"
	Ended   State = "ended"
	// Fading means that some networks are restored and others are not, or that the
	// blocked networks have not been measured for long.
	Fading State = "fading"
	Dark   State = "dark"
)

// Interval holds the moment of a change with a probability of 95 %. Earliest is nil
// where the data do not reach far enough back; Latest is then when the change was
// first seen.
type Interval struct {
	Earliest *time.Time `json:"earliest"`
	Latest   *time.Time `json:"latest"`
}

// Event is one ban.
type Event struct {
	ID      string   `json:"id"`
	Kind    Kind     `json:"kind"`
	Target  string   `json:"target"`  // the first of Targets; "*" for a shutdown
	Targets []string `json:"targets"` // sorted
	// Of lists the hosts and tests of the target that show the ban, where others do
	// not.
	Of []string `json:"of,omitempty"`
	// Schedule says at which hours it holds, where it does not hold all day. The
	// counts are then of these hours only.
	Schedule   *Schedule `json:"schedule,omitempty"`
	Scope      string    `json:"scope"` // "X, facebook and youtube on 12 networks"
	CC         string    `json:"probe_cc"`
	Networks   []string  `json:"networks"` // "AS17557", sorted by number; empty where the source names none
	Onset      Interval  `json:"onset"`
	End        *Interval `json:"end"` // nil while nothing shows an end
	State      State     `json:"state"`
	Mechanisms []string  `json:"mechanisms"` // the most frequent first
	Counts     Counts    `json:"counts"`
	// ByNetwork says what each network showed, in the order of Networks; empty where
	// the source names none.
	ByNetwork  []OnNetwork `json:"by_network,omitempty"`
	Phases     []Phase     `json:"phases"`
	Confidence float64     `json:"confidence"` // 0 to 1
	Evidence   []string    `json:"evidence"`   // measurement uids, in order of time
	Reasons    []string    `json:"reasons"`    // why we say so, a sentence each
	Parts      []Part      `json:"parts,omitempty"`
	// Signals are the signals from outside that fell; only a shutdown has some.
	Signals  []Signal `json:"signals,omitempty"`
	Artefact string   `json:"artefact,omitempty"` // why this is not an event after all; empty for an event
	// Flaws are the laws of Check that the event breaks. They are faults of the
	// detector; the caller should log them.
	Flaws     []string `json:"flaws,omitempty"`
	Detector  string   `json:"detector"`
	InputHash string   `json:"input_hash"` // SHA-256 of the cells it rests on

	primary anchor
	mainly  uint32 // the network that shows nearly all of the event, or 0
	always  bool   // rests on impaired measurements only, and nothing else was ever seen
}

// Counts are numbers of measurements between onset and end, on the networks of the
// event.
type Counts struct {
	Blocked      int `json:"blocked"` // blocked and likely_blocked
	OK           int `json:"ok"`
	Down         int `json:"down"`
	Inconclusive int `json:"inconclusive"` // impaired and insufficient
	Measurements int `json:"measurements"`
	Reports      int `json:"reports"`
}

// OnNetwork is an event on one network. Onset and End are dated by that network's
// measurements alone. End is nil while they do not show one.
type OnNetwork struct {
	Network string    `json:"network"` // "AS17557"
	Onset   Interval  `json:"onset"`
	End     *Interval `json:"end"`
	Counts  Counts    `json:"counts"` // from the first to the last bad measurement of the event
	Before  Before    `json:"before"`
}

// Before says what a network showed before the event began.
type Before struct {
	OK    int     `json:"ok"`
	Bad   int     `json:"bad"`   // blocked, likely_blocked and impaired
	Usual float64 `json:"usual"` // share of bad votes that the model takes to be usual there, from 0 to 1
}

// PhaseKind says what a phase is.
type PhaseKind string

// The kinds of phase.
const (
	PhaseBlocked   PhaseKind = "blocked"   // a time of blocking
	PhaseLull      PhaseKind = "lull"      // access between two times of blocking
	PhaseSpread    PhaseKind = "spread"    // a network joined later
	PhaseRestored  PhaseKind = "restored"  // a network was restored before the others
	PhaseMechanism PhaseKind = "mechanism" // the mechanism changed
)

// Phase is one part of the course of an event. To is nil while it lasts.
type Phase struct {
	Kind       PhaseKind  `json:"kind"`
	From       time.Time  `json:"from"`
	To         *time.Time `json:"to"`
	Networks   []string   `json:"networks,omitempty"`
	Mechanisms []string   `json:"mechanisms,omitempty"`
	Note       string     `json:"note"`
}

// Part is one target of an event that has several targets.
type Part struct {
	Target     string    `json:"target"`
	Networks   []string  `json:"networks"`
	Onset      Interval  `json:"onset"`
	End        *Interval `json:"end"`
	State      State     `json:"state"`
	Mechanisms []string  `json:"mechanisms"`
	Counts     Counts    `json:"counts"`
	Confidence float64   `json:"confidence"`

	ByNetwork []OnNetwork `json:"by_network,omitempty"`
}

// Signal is one signal from outside that fell during a shutdown.
type Signal struct {
	DataSource string     `json:"datasource"` // as IODA names it: bgp, ping-slash24, merit-nt, ucsd-nt
	Network    string     `json:"network,omitempty"`
	From       time.Time  `json:"from"`            // by this time it was low
	To         *time.Time `json:"to"`              // by this time it was back; nil where the data do not show it
	Usual      float64    `json:"usual"`           // its usual value at that hour of the day, in the four weeks before
	Least      float64    `json:"least"`           // its lowest value in that time
	Document   string     `json:"document_sha256"` // of the document that holds the first low value
}

// anchor is what the id is made from.
type anchor struct {
	from, to int64 // of the blocked stretch
}

func instant(t int64) *time.Time {
	u := time.Unix(t, 0).UTC()
	return &u
}

// Self returns a pointer to a copy of the interval, for templates.
func (i Interval) Self() *Interval { return &i }

// String writes the interval for people, to the minute, UTC.
func (i Interval) String() string {
	const form = "2006-01-02 15:04"
	switch {
	case i.Earliest == nil && i.Latest == nil:
		return "at a time not known"
	case i.Earliest == nil:
		return "before " + i.Latest.Format(form) + " UTC"
	case i.Latest == nil:
		return "after " + i.Earliest.Format(form) + " UTC"
	}
	return "between " + i.Earliest.Format(form) + " and " + i.Latest.Format(form) + " UTC"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
