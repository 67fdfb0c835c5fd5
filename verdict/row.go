package verdict

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// State is the conclusion about one measurement. A wrong Blocked is worse than a
// missed one, so the states that say more need more evidence.
type State string

// The six states, the strongest against the network first.
const (
	Blocked       State = "blocked"        // an artefact of interference was seen
	LikelyBlocked State = "likely_blocked" // a determinate contrast with the control, or several signs
	Impaired      State = "impaired"       // something is wrong, and the cause is not known
	Down          State = "down"           // the control has the same failure
	OK            State = "ok"
	Insufficient  State = "insufficient" // too little evidence
)

// Accuses reports whether the state says that the network interferes.
func (s State) Accuses() bool { return s == Blocked || s == LikelyBlocked }

// Outcome is the result of one layer of one measurement; "" where the layer was not
// tried.
type Outcome string

// The outcomes of a layer.
const (
	OutcomeOK      Outcome = "ok"
	OutcomeBlocked Outcome = "blocked"
	OutcomeDown    Outcome = "down"
	OutcomeUnknown Outcome = "unknown"
)

// Layer is an outcome with the id of the rule that decided it.
type Layer struct {
	Outcome Outcome `json:"outcome" parquet:"outcome,dict"`
	Rule    string  `json:"rule" parquet:"rule,dict"`
}

// Row is the verdict on one measurement as the archive keeps it, for later stages
// (series, event, store). A measurement has one row for each ruleset.
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
	Target      string    `json:"target" parquet:"target,dict"` // platform id, or the host name where it belongs to no platform
	Domain      string    `json:"domain,omitempty" parquet:"domain,dict"`

	State      State    `json:"state" parquet:"state,dict"`
	DNS        Layer    `json:"dns,omitzero" parquet:"dns"`
	TCP        Layer    `json:"tcp,omitzero" parquet:"tcp"`
	TLS        Layer    `json:"tls,omitzero" parquet:"tls"`
	HTTP       Layer    `json:"http,omitzero" parquet:"http"`
	QUIC       Layer    `json:"quic,omitzero" parquet:"quic"`
	App        Layer    `json:"app,omitzero" parquet:"app"` // the endpoints of a messenger or a circumvention tool together
	Mechanisms []string `json:"mechanisms,omitempty" parquet:"mechanisms,dict"`
	Rules      []string `json:"rules,omitempty" parquet:"rules,dict"` // every rule that fired, sorted
	Ruleset    string   `json:"ruleset" parquet:"ruleset,dict"`
	// BytesPerSecond is the pace of the page's connection; 0 where it was too short
	// (PaceOf).
	BytesPerSecond float32 `json:"bytes_per_second,omitempty" parquet:"bytes_per_second"`
	Fingerprints   string  `json:"fingerprints,omitempty" parquet:"fingerprints,dict"` // snapshot id

	// Invalid says why the measurement says nothing about the network: a defect of
	// the instrument. Marks are doubts that were found at import (clock_future, …). A
	// row with either is kept and counted apart, and does not vote.
	Invalid string   `json:"invalid,omitempty" parquet:"invalid,dict"`
	Marks   []string `json:"marks,omitempty" parquet:"marks,dict"`

	// Raw and Line say where the measurement is in the archive: the SHA-256 of the
	// batch, and the line in it, from 0. They are empty where there is no raw
	// document.
	Raw  string `json:"raw,omitempty" parquet:"raw,dict"`
	Line uint32 `json:"line,omitempty" parquet:"line"`

	// Channel and Content tell documents with one uid apart: how the measurement came
	// into the archive (bucket, web, file, table, submitted), and the first 8 bytes
	// of the SHA-256 of the document.
	Channel string `json:"channel,omitempty" parquet:"channel,dict"`
	Content uint64 `json:"content,omitempty,string" parquet:"content"`
}

// The channels by which a measurement comes into the archive.
const (
	Bucket    = "bucket"    // a bucket, such as OONI's
	Web       = "web"       // an address on the web
	File      = "file"      // a file or folder
	Table     = "table"     // a row of observations, without its document
	Submitted = "submitted" // handed in at our own collector
)

// Provenance returns the rank of the channel. Of several measurements under one
// uid, the one with the highest rank counts. 0 means that the channel is not known,
// because an older program did not note it.
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

// Superseded is the mark of a measurement whose uid another measurement from a
// better source has. It does not vote.
const Superseded = "superseded"

// The marks of a measurement that was handed in and whose claim nothing confirms.
// It informs: it is kept, shown and counted apart, and decides nothing.
const (
	NetworkUnconfirmed = "network_unconfirmed" // nothing shows that the sender is in the network and the country that it claims
	TimeUnconfirmed    = "time_unconfirmed"    // by its own date, it was handed in long after it was made, or before
)

// Informs reports whether the only thing against the row is that its network or
// time is not confirmed.
func (r *Row) Informs() bool {
	return r.Invalid == "" && len(r.Marks) > 0 &&
		!slices.ContainsFunc(r.Marks, func(m string) bool { return m != NetworkUnconfirmed && m != TimeUnconfirmed })
}

// Reporter returns the key of the voice to which the row belongs: its presumed
// sender, else its report. Rows without either share one voice for each hour,
// because nothing shows that they are from several people.
func (r *Row) Reporter() string {
	return cmp.Or(r.Sender, r.ReportID, "hour "+strconv.FormatInt(r.Time.Unix()/3600, 10))
}

// Votes reports whether the row may count for a conclusion.
func (r *Row) Votes() bool { return r.Invalid == "" && len(r.Marks) == 0 }
