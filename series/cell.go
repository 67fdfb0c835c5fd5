// Package series counts verdicts into cells. A cell says what one network of one
// country saw of one target in one hour or one day.
//
// A cell has two kinds of numbers. Counts are numbers of measurements, for display.
// Votes are for conclusions: one report has one vote a day for a target on a
// network, however many measurements it holds. All are whole numbers and cells are
// sorted, so that the same rows give the same cells in whatever order they come,
// and a row that comes twice counts once. The package does no I/O and reads no
// clock.
package series

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Vote is the vote of one report, in thousandths.
const Vote = 1000

// The spans that cells are made for.
const (
	Hour = time.Hour
	Day  = 24 * time.Hour
)

// Whole is the layer of cells that count whole measurements by state. The other
// layers are "dns", "tcp", "tls", "http", "quic" and "app".
const Whole = ""

// PartPrefix begins the name of a layer whose cells count the measurements of one
// part of a target: "part telegram.org" for a host, or "part vanilla_tor" for a
// test that has no host.
const PartPrefix = "part "

// Cell says what one network of one country saw of one target in one span of time.
// Times are Unix seconds; 0 means that there is none.
type Cell struct {
	Target string `json:"target" parquet:"target,dict"`
	CC     string `json:"probe_cc" parquet:"probe_cc,dict"`
	ASN    uint32 `json:"probe_asn" parquet:"probe_asn"` // 0: not known, or all networks together
	Layer  string `json:"layer" parquet:"layer,dict"`
	Start  int64  `json:"start" parquet:"start"`
	Span   int64  `json:"span" parquet:"span"` // seconds

	// Measurements is the sum of the counts that follow. In the cells of a
	// layer only OK, Blocked, Impaired (the layer's unknown) and Down are used.
	Measurements uint32 `json:"measurements" parquet:"measurements"`
	OK           uint32 `json:"ok" parquet:"ok"`
	Blocked      uint32 `json:"blocked" parquet:"blocked"`
	Likely       uint32 `json:"likely_blocked" parquet:"likely_blocked"`
	Impaired     uint32 `json:"impaired" parquet:"impaired"`
	Down         uint32 `json:"down" parquet:"down"`
	Insufficient uint32 `json:"insufficient" parquet:"insufficient"`

	// Aside counts the rows that do not vote (verdict.Row.Votes). They are in no
	// other count above or in Reports.
	Aside uint32 `json:"aside" parquet:"aside"`

	// Informing counts the rows among Aside that inform (verdict.Row.Informs).
	// InformingBad counts those of them that look blocked or impaired.
	Informing    uint32 `json:"informing,omitempty" parquet:"informing"`
	InformingBad uint32 `json:"informing_bad,omitempty" parquet:"informing_bad"`

	// Reports is the number of distinct reports; 0 where the source publishes counts
	// without reports.
	Reports uint32 `json:"reports" parquet:"reports"`

	// The votes, in thousandths: VoteBlocked is for Blocked and Likely together.
	// Insufficient measurements have no vote.
	VoteBlocked  uint32 `json:"vote_blocked" parquet:"vote_blocked"`
	VoteImpaired uint32 `json:"vote_impaired" parquet:"vote_impaired"`
	VoteOK       uint32 `json:"vote_ok" parquet:"vote_ok"`
	VoteDown     uint32 `json:"vote_down" parquet:"vote_down"`

	// When the first and the last measurement of each sort began; bad means blocked,
	// likely_blocked or impaired. All are 0 where the source publishes only counts;
	// the order is then unknown.
	FirstBad int64 `json:"first_bad,omitempty" parquet:"first_bad"`
	LastBad  int64 `json:"last_bad,omitempty" parquet:"last_bad"`
	FirstOK  int64 `json:"first_ok,omitempty" parquet:"first_ok"`
	LastOK   int64 `json:"last_ok,omitempty" parquet:"last_ok"`

	// The uids of the measurements that began at those times.
	FirstBadUID string `json:"first_bad_uid,omitempty" parquet:"first_bad_uid"`
	LastBadUID  string `json:"last_bad_uid,omitempty" parquet:"last_bad_uid"`
	FirstOKUID  string `json:"first_ok_uid,omitempty" parquet:"first_ok_uid"`
	LastOKUID   string `json:"last_ok_uid,omitempty" parquet:"last_ok_uid"`

	// Voices are the reports with votes in the cell, at most MaxVoices, those with
	// the smallest hashes. With them a reader can check that no single report
	// decides. Empty where the source publishes only counts.
	Voices []Voice `json:"voices,omitempty" parquet:"voices,list"`

	// Tallies split the votes by mechanism, rule, software, resolver and ruleset,
	// sorted by kind and name. Cells of a layer have only rules.
	Tallies []Tally `json:"tallies,omitempty" parquet:"tallies,list"`
}

// MaxVoices is how many reports a cell names at most.
const MaxVoices = 8

// Voice is what one report adds to a cell's votes, in thousandths.
type Voice struct {
	Report uint32 `json:"report" parquet:"report"` // FNV-1a of the report id
	Bad    uint32 `json:"bad" parquet:"bad"`
	OK     uint32 `json:"ok" parquet:"ok"`
}

// Kind says by what a tally splits the votes.
type Kind string

// The kinds. Mechanisms and rules are split for bad measurements only.
const (
	Mechanism Kind = "mechanism"
	Rule      Kind = "rule"
	Software  Kind = "software"
	Resolver  Kind = "resolver" // "AS15169"
	Ruleset   Kind = "ruleset"  // ruleset and fingerprint snapshot
)

// Tally is the sum of votes, in thousandths, of measurements with one name of one
// kind.
type Tally struct {
	Kind Kind   `json:"kind" parquet:"kind,dict"`
	Name string `json:"name" parquet:"name,dict"`
	Bad  uint32 `json:"bad" parquet:"bad"`
	OK   uint32 `json:"ok" parquet:"ok"`
}

// Bad returns the number of measurements that look blocked, likely blocked or
// impaired.
func (c *Cell) Bad() uint32 { return c.Blocked + c.Likely + c.Impaired }

// End returns the first second after the cell, in Unix seconds.
func (c *Cell) End() int64 { return c.Start + c.Span }

// Compare orders cells by country, target, network, layer, start and span: the
// order that Builder.Cells returns and in which cells are best stored.
func Compare(a, b Cell) int {
	return cmp.Or(
		strings.Compare(a.CC, b.CC),
		strings.Compare(a.Target, b.Target),
		cmp.Compare(a.ASN, b.ASN),
		strings.Compare(a.Layer, b.Layer),
		cmp.Compare(a.Start, b.Start),
		cmp.Compare(a.Span, b.Span),
	)
}

// Sort puts cells into the order of Compare.
func Sort(cells []Cell) { slices.SortFunc(cells, Compare) }
