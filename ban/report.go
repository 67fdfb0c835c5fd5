// Package ban compares bans. Reports come in: what others published of bans
// (package list reads it), what the record says, and what the archive measured.
// Bans go out: reports of the same ban are grouped, and bans are ranked by length
// as of a day.
//
// No report is lost: a Ban keeps every report that it rests on, with the file and
// row that the report came from, and says where they disagree. A yearly list that
// repeats an ongoing ban adds a report, not a ban. The package does no I/O and
// reads no clock.
package ban

import (
	"fmt"
	"time"
)

// Targets that are neither a platform nor a host.
const (
	Internet = "internet" // a shutdown of the network as a whole
	Unnamed  = "other"    // services without an id
)

// Dataset names a collection of reports.
type Dataset string

// The data sets, those first whose dates are preferred.
const (
	Measured Dataset = "measured" // an event of our own archive
	Record   Dataset = "record"   // a case file or a ban of the record
	KeepItOn Dataset = "keepiton"
	OONI     Dataset = "ooni" // published incidents
	SFLC     Dataset = "sflc"
)

// Words returns what a reader calls the data set.
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

// Origin says where a report is: a row of a file, an element of a list, or a
// document of the record.
type Origin struct {
	Dataset Dataset `json:"dataset"`
	File    string  `json:"file"`             // name as imported
	SHA256  string  `json:"sha256,omitempty"` // of the file
	Sheet   string  `json:"sheet,omitempty"`
	Row     int     `json:"row,omitempty"` // as a spreadsheet counts rows, or the number of an element, from 1
	ID      string  `json:"id,omitempty"`  // the data set's own id, or that of the record
}

// String writes the origin as tables name it: "keepiton list.csv:17", "ooni 123".
func (o Origin) String() string {
	switch {
	case o.ID != "" && o.Dataset != KeepItOn:
		return fmt.Sprintf("%s %s", o.Dataset, o.ID)
	case o.Sheet != "":
		return fmt.Sprintf("%s %s/%s:%d", o.Dataset, o.File, o.Sheet, o.Row)
	}
	return fmt.Sprintf("%s %s:%d", o.Dataset, o.File, o.Row)
}

// Status says what a report knows of a ban's end.
type Status string

// The statuses.
const (
	Ongoing Status = "ongoing" // it still held on the report's Known day
	Ended   Status = "ended"
	Unknown Status = "unknown" // the report does not say
)

// Scope says how much of a country a report is about.
type Scope string

// The scopes.
const (
	National Scope = "national" // more than one state or province, or all
	Regional Scope = "regional"
	Local    Scope = "local"
)

// Method says how access was taken away.
type Method string

// The two methods that the data sets tell apart.
const (
	Block    Method = "block"
	Throttle Method = "throttle" // slowed down, not blocked
)

// Report is what one source says of one ban. Days are calendar days of the country,
// kept as midnight UTC.
type Report struct {
	Origin  Origin   `json:"origin"`
	CC      string   `json:"cc"`
	Targets []string `json:"targets"`         // platform ids, host names, or Internet
	Other   []string `json:"other,omitempty"` // services without an id, as they are written
	Method  Method   `json:"method"`
	Scope   Scope    `json:"scope"`
	Area    string   `json:"area,omitempty"`

	Start     time.Time `json:"start"`
	StartBy   time.Time `json:"start_by,omitzero"`    // the last possible day of the start, where the start is a span
	StartOpen bool      `json:"start_open,omitempty"` // it may have begun before Start, when nothing was measured
	Estimated bool      `json:"estimated,omitempty"`  // the start is an estimate
	End       time.Time `json:"end,omitzero"`         // the last day; zero unless Status is Ended
	EndFrom   time.Time `json:"end_from,omitzero"`    // the first possible day of the end, where the end is a span
	Status    Status    `json:"status"`
	Known     time.Time `json:"known"` // the last day on which the report says that the ban held

	Title         string   `json:"title,omitempty"`
	OrderedBy     string   `json:"ordered_by,omitempty"`
	DecisionMaker string   `json:"decision_maker,omitempty"`
	Cause         string   `json:"cause,omitempty"`
	Justification string   `json:"justification,omitempty"`
	Networks      string   `json:"networks,omitempty"` // as they are written
	Links         []string `json:"links,omitempty"`
	Case          string   `json:"case,omitempty"` // id of the case that describes it
	// Columns are other columns of KeepItOn's table, by their names there.
	Columns map[string]string `json:"columns,omitempty"`

	// Imported is when the list came into this installation; zero for a report that
	// is from no list. Lists do not say when their rows were published.
	Imported time.Time `json:"-"`

	// Within is the state that holds the places of Area, where the list names it
	// separately.
	Within string `json:"-"`
}

// Day returns the calendar day of t, in t's own zone, as midnight UTC.
func Day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// days is the number of days from a to b.
func days(a, b time.Time) int { return int(b.Sub(a).Hours() / 24) }
