package verdict

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// State is the conclusion about one measurement. A wrong Blocked is worse
// than a missed one, so each state but OK asks for more evidence than the
// next.
type State string

// The six states, in the order of the strength of what they say against the
// network.
const (
	Blocked       State = "blocked"        // an artefact of interference was seen
	LikelyBlocked State = "likely_blocked" // a determinate contrast with the control
	Impaired      State = "impaired"       // something is wrong, the cause is open
	Down          State = "down"           // the control suffers the same
	OK            State = "ok"
	Insufficient  State = "insufficient" // below the evidence floor
)

// Accuses reports whether the state says that the network interferes.
func (s State) Accuses() bool { return s == Blocked || s == LikelyBlocked }

// Outcome is what one layer of one measurement came to. Empty: the layer was
// not tried.
type Outcome string

// The outcomes of a layer.
const (
	OutcomeOK      Outcome = "ok"
	OutcomeBlocked Outcome = "blocked"
	OutcomeDown    Outcome = "down"
	OutcomeUnknown Outcome = "unknown"
)

// Layer is an outcome and the id of the rule that decided it.
type Layer struct {
	Outcome Outcome `json:"outcome" parquet:"outcome,dict"`
	Rule    string  `json:"rule" parquet:"rule,dict"`
}

// Row is the verdict on one measurement, as the archive keeps it: what later
// stages (series, event, store) read. One measurement has one row per ruleset.
type Row struct {
	UID         string    `json:"measurement_uid" parquet:"measurement_uid"`
	ReportID    string    `json:"report_id,omitempty" parquet:"report_id,dict"`
	Sender      string    `json:"sender,omitempty" parquet:"sender,dict"`                                         // who may have sent it, where the report does not tell (observation.Row)
	Time        time.Time `json:"measurement_start_time" parquet:"measurement_start_time,timestamp(microsecond)"` // UTC
	CC          string    `json:"probe_cc" parquet:"probe_cc,dict"`
	ASN         uint32    `json:"probe_asn" parquet:"probe_asn"`
	ResolverASN uint32    `json:"resolver_asn,omitempty" parquet:"resolver_asn"`
	TestName    string    `json:"test_name" parquet:"test_name,dict"`
	Software    string    `json:"software,omitempty" parquet:"software,dict"` // name/version
	Platform    string    `json:"platform,omitempty" parquet:"platform,dict"` // annotations.platform
	Input       string    `json:"input,omitempty" parquet:"input,dict"`
	Target      string    `json:"target" parquet:"target,dict"` // platform id, or host name where no platform claims it
	Domain      string    `json:"domain,omitempty" parquet:"domain,dict"`

	State      State    `json:"state" parquet:"state,dict"`
	DNS        Layer    `json:"dns,omitzero" parquet:"dns"`
	TCP        Layer    `json:"tcp,omitzero" parquet:"tcp"`
	TLS        Layer    `json:"tls,omitzero" parquet:"tls"`
	HTTP       Layer    `json:"http,omitzero" parquet:"http"`
	QUIC       Layer    `json:"quic,omitzero" parquet:"quic"`
	App        Layer    `json:"app,omitzero" parquet:"app"` // how a test's endpoints combine: IM, circumvention
	Mechanisms []string `json:"mechanisms,omitempty" parquet:"mechanisms,dict"`
	Rules      []string `json:"rules,omitempty" parquet:"rules,dict"` // every rule that fired, sorted
	Ruleset    string   `json:"ruleset" parquet:"ruleset,dict"`
	// BytesPerSecond is the pace of the page's connection, 0 where it was too
	// short to tell (PaceOf).
	BytesPerSecond float32 `json:"bytes_per_second,omitempty" parquet:"bytes_per_second"`
	Fingerprints   string  `json:"fingerprints,omitempty" parquet:"fingerprints,dict"` // snapshot id

	// Invalid says why the measurement cannot be about the network (a defect
	// of the instrument). Marks are doubts found at import (clock_future, …).
	// A row with either is kept and counted apart and does not vote.
	Invalid string   `json:"invalid,omitempty" parquet:"invalid,dict"`
	Marks   []string `json:"marks,omitempty" parquet:"marks,dict"`

	// Raw and Line say where the measurement lies in the archive: the batch's
	// SHA-256 and the line in it, from 0. Empty where there is no raw.
	Raw  string `json:"raw,omitempty" parquet:"raw,dict"`
	Line uint32 `json:"line,omitempty" parquet:"line"`

	// Channel and Content tell apart what several documents say under one uid:
	// how the measurement came into the archive (bucket, web, file, table,
	// submitted), and the first 8 bytes of the SHA-256 of the document.
	Channel string `json:"channel,omitempty" parquet:"channel,dict"`
	Content uint64 `json:"content,omitempty,string" parquet:"content"`
}

// The channels by which a measurement comes into the archive.
const (
	Bucket    = "bucket"    // a bucket, as OONI's
	Web       = "web"       // an address of the web
	File      = "file"      // a file or folder
	Table     = "table"     // a row of observations, without its document
	Submitted = "submitted" // handed in at our own collector
)

// Provenance ranks how a measurement came: of several under one uid the one of
// the highest rank speaks. 0 is unknown: an older program did not note it.
func (r *Row) Provenance() int {
	switch r.Channel {
	case Bucket:
		return 4
	case Web, File:
		return 3
	case Table:
		return 2
	case Submitted:
		return 1
	}
	return 0
}

// Superseded is the mark of a measurement under whose uid another came from a
// better source. It does not vote.
const Superseded = "superseded"

// The marks of a measurement that was handed in and whose claim nothing
// confirms. It informs: it is kept, shown and counted apart by what it says, and
// decides nothing.
const (
	NetworkUnconfirmed = "network_unconfirmed" // nothing shows that its sender is on the network and in the country that it claims
	TimeUnconfirmed    = "time_unconfirmed"    // it was handed in long after it was made, as it says, or before
)

// Informs reports whether nothing is held against the row but that its network
// or its time is not confirmed.
func (r *Row) Informs() bool {
	return r.Invalid == "" && len(r.Marks) > 0 &&
		!slices.ContainsFunc(r.Marks, func(m string) bool { return m != NetworkUnconfirmed && m != TimeUnconfirmed })
}

// Reporter is whose voice the row is: its report's or, where reports do not
// tell senders apart, its presumed sender's. Rows without either share one
// reporter an hour, since nothing shows that they come from several people.
func (r *Row) Reporter() string {
	return cmp.Or(r.Sender, r.ReportID, "hour "+strconv.FormatInt(r.Time.Unix()/3600, 10))
}

// Votes reports whether the row may count towards a conclusion.
func (r *Row) Votes() bool { return r.Invalid == "" && len(r.Marks) == 0 }
