// Package series counts verdicts into cells: what was seen of one target, from
// one network of one country, in one hour or one day.
//
// A cell keeps two kinds of numbers. Counts are of measurements, for showing.
// Votes are for concluding: they are capped so that one report, however many
// measurements it holds, is worth one vote a day for a target on a network.
// Both are whole numbers and the cells are sorted, so that the same rows give
// the same cells whatever their order, and a row that arrives twice counts
// once. The package does no I/O and reads no clock.
package series

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Vote is the weight of one report: votes are kept in thousandths.
const Vote = 1000

// The spans that cells are made for.
const (
	Hour = time.Hour
	Day  = 24 * time.Hour
)

// Whole is the layer of cells that count whole measurements by state. The
// other layers are "dns", "tcp", "tls", "http", "quic" and "app".
const Whole = ""

// PartPrefix begins the layer of cells that count whole measurements of one
// part of a target alone: "part telegram.org", one host, or "part vanilla_tor",
// one test that has no host.
const PartPrefix = "part "

// Cell is what one network of one country saw of one target in one span.
// Times are Unix seconds, UTC; 0 where there is none.
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

	// Aside counts the rows that do not vote (verdict.Row.Votes) and stand in
	// no other number here.
	Aside uint32 `json:"aside" parquet:"aside"`

	// Informing counts those of Aside that inform (verdict.Row.Informs);
	// InformingBad those of them that look blocked or impaired.
	Informing    uint32 `json:"informing,omitempty" parquet:"informing"`
	InformingBad uint32 `json:"informing_bad,omitempty" parquet:"informing_bad"`

	// Reports is the number of distinct reports, 0 where the source gives
	// counts without them.
	Reports uint32 `json:"reports" parquet:"reports"`

	// The votes, in thousandths: Blocked and Likely together, Impaired, OK,
	// Down. Insufficient has none.
	VoteBlocked  uint32 `json:"vote_blocked" parquet:"vote_blocked"`
	VoteImpaired uint32 `json:"vote_impaired" parquet:"vote_impaired"`
	VoteOK       uint32 `json:"vote_ok" parquet:"vote_ok"`
	VoteDown     uint32 `json:"vote_down" parquet:"vote_down"`

	// When, within the span, the first and the last measurement of each sort
	// were made; bad is blocked, likely_blocked or impaired. A source that
	// gives counts only leaves them 0, and anything may have come first.
	FirstBad int64 `json:"first_bad,omitempty" parquet:"first_bad"`
	LastBad  int64 `json:"last_bad,omitempty" parquet:"last_bad"`
	FirstOK  int64 `json:"first_ok,omitempty" parquet:"first_ok"`
	LastOK   int64 `json:"last_ok,omitempty" parquet:"last_ok"`

	// The measurements that stand at those times.
	FirstBadUID string `json:"first_bad_uid,omitempty" parquet:"first_bad_uid"`
	LastBadUID  string `json:"last_bad_uid,omitempty" parquet:"last_bad_uid"`
	FirstOKUID  string `json:"first_ok_uid,omitempty" parquet:"first_ok_uid"`
	LastOKUID   string `json:"last_ok_uid,omitempty" parquet:"last_ok_uid"`

	// Voices are the reports heard in the cell, at most MaxVoices of them,
	// those with the smallest hashes; whoever concludes can so check that no
	// one report decides. Empty where the source gives counts only.
	Voices []Voice `json:"voices,omitempty" parquet:"voices,list"`

	// Tallies split the votes by mechanism, rule, software, resolver and
	// ruleset, sorted by kind and name. Cells of a layer have only rules.
	Tallies []Tally `json:"tallies,omitempty" parquet:"tallies,list"`
}

// MaxVoices bounds the reports that a cell names.
const MaxVoices = 8

// Voice is the part of a cell's votes, in thousandths, that one report cast.
type Voice struct {
	Report uint32 `json:"report" parquet:"report"` // FNV-1a of the report id
	Bad    uint32 `json:"bad" parquet:"bad"`
	OK     uint32 `json:"ok" parquet:"ok"`
}

// Kind says what a tally is of.
type Kind string

// The kinds. Mechanisms and rules are those of bad measurements.
const (
	Mechanism Kind = "mechanism"
	Rule      Kind = "rule"
	Software  Kind = "software"
	Resolver  Kind = "resolver" // "AS15169"
	Ruleset   Kind = "ruleset"  // ruleset and fingerprint snapshot
)

// Tally is the votes, in thousandths, of the measurements of one kind and name.
type Tally struct {
	Kind Kind   `json:"kind" parquet:"kind,dict"`
	Name string `json:"name" parquet:"name,dict"`
	Bad  uint32 `json:"bad" parquet:"bad"`
	OK   uint32 `json:"ok" parquet:"ok"`
}

// Bad is the number of measurements that were not ok and that nothing but the
// network explains so far.
func (c *Cell) Bad() uint32 { return c.Blocked + c.Likely + c.Impaired }

// End is the first second after the cell.
func (c *Cell) End() int64 { return c.Start + c.Span }

// Compare orders cells by country, target, network, layer and time: the order
// in which Build returns them and in which they are best stored.
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
