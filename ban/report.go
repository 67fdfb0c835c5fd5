// Package ban compares bans: it puts what others reported (package list reads it)
// of the same ban together, and ranks bans by length, counted as of a date.
//
// Reports are never merged away: a Ban keeps every report it stands on, with
// the file and row each came from, and names what they disagree on. A yearly
// sheet that repeats an ongoing ban gives one more report, not one more ban.
package ban

import (
	"fmt"
	"time"
)

// Targets that are no platform and no host.
const (
	Internet = "internet" // a shutdown of the network itself
	Unnamed  = "other"    // services that no id is known for
)

// Dataset names where reports come from.
type Dataset string

// The data sets, in the order in which their dates are preferred.
const (
	Measured Dataset = "measured" // an event of our own archive
	Record   Dataset = "record"   // a case file or a ban of the record
	KeepItOn Dataset = "keepiton"
	OONI     Dataset = "ooni" // published incidents
	SFLC     Dataset = "sflc"
)

// Words are what a reader calls the data set, as one who reports.
func (d Dataset) Words() string {
	switch d {
	case Measured:
		return "measurements"
	case Record:
		return "the case record"
	case KeepItOn:
		return "the list of KeepItOn"
	case OONI:
		return "the incidents of OONI"
	case SFLC:
		return "the list of SFLC.in"
	}
	return string(d)
}

var preference = map[Dataset]int{Measured: 0, Record: 1, KeepItOn: 2, OONI: 3, SFLC: 4}

// Origin is where a report stands: a row of a file, an element of a list, or
// a document of the record.
type Origin struct {
	Dataset Dataset `json:"dataset"`
	File    string  `json:"file"`             // name as imported
	SHA256  string  `json:"sha256,omitempty"` // of the file
	Sheet   string  `json:"sheet,omitempty"`
	Row     int     `json:"row,omitempty"` // as a spreadsheet counts, or the element from 1
	ID      string  `json:"id,omitempty"`  // the data set's own, or the record's
}

func (o Origin) String() string {
	switch {
	case o.ID != "" && o.Dataset != KeepItOn:
		return fmt.Sprintf("%s %s", o.Dataset, o.ID)
	case o.Sheet != "":
		return fmt.Sprintf("%s %s/%s:%d", o.Dataset, o.File, o.Sheet, o.Row)
	}
	return fmt.Sprintf("%s %s:%d", o.Dataset, o.File, o.Row)
}

// Status is what a report says of a ban's end.
type Status string

// The three answers.
const (
	Ongoing Status = "ongoing" // it still held on the report's Known day
	Ended   Status = "ended"
	Unknown Status = "unknown" // the report does not say
)

// Scope is how much of a country a report speaks of.
type Scope string

// The scopes.
const (
	National Scope = "national" // more than one state or province, or all
	Regional Scope = "regional"
	Local    Scope = "local"
)

// Method is how access was taken away.
type Method string

// The two methods that the data sets tell apart.
const (
	Block    Method = "block"
	Throttle Method = "throttle" // slowed down and nothing else
)

// Report is what one source says of one ban. Days are civil days of the
// country, kept as midnight UTC.
type Report struct {
	Origin  Origin   `json:"origin"`
	CC      string   `json:"cc"`
	Targets []string `json:"targets"`         // platform ids, host names, or Internet
	Other   []string `json:"other,omitempty"` // services as written that no id is known for
	Method  Method   `json:"method"`
	Scope   Scope    `json:"scope"`
	Area    string   `json:"area,omitempty"`

	Start     time.Time `json:"start"`
	StartBy   time.Time `json:"start_by,omitzero"`    // where the start is a span, its last day
	StartOpen bool      `json:"start_open,omitempty"` // it may have begun before Start: nothing was measured then
	Estimated bool      `json:"estimated,omitempty"`  // the start is an estimate
	End       time.Time `json:"end,omitzero"`         // last day; zero unless Ended
	EndFrom   time.Time `json:"end_from,omitzero"`    // where the end is a span, its first day
	Status    Status    `json:"status"`
	Known     time.Time `json:"known"` // the last day for which the report says that the ban held

	Title         string   `json:"title,omitempty"`
	OrderedBy     string   `json:"ordered_by,omitempty"`
	DecisionMaker string   `json:"decision_maker,omitempty"`
	Cause         string   `json:"cause,omitempty"`
	Justification string   `json:"justification,omitempty"`
	Networks      string   `json:"networks,omitempty"` // as written
	Links         []string `json:"links,omitempty"`
	Case          string   `json:"case,omitempty"` // id of the case that tells it
	// Columns are further columns of KeepItOn's table, by their names there.
	Columns map[string]string `json:"columns,omitempty"`

	// Imported is when the list came into this installation, zero for what is no list's:
	// no list says when its rows were published.
	Imported time.Time `json:"-"`

	// Within is the state in which the places of Area lie, where the list names it apart.
	Within string `json:"-"`
}

// Day is a civil day.
func Day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// days is the number of days from a to b.
func days(a, b time.Time) int { return int(b.Sub(a).Hours() / 24) }
