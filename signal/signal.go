// Package signal reads what an observer outside saw of a country or a network as a
// whole: how much of its address space was routed, how much of it answered probes,
// and how much of it a telescope heard. The signals come from IODA, of Georgia
// Tech's Internet Intelligence Lab. The package keeps the values as they were
// given; event/darkness decides what a fall means. It does no I/O.
package signal

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/network"
)

// Observer names a way to see a network from outside. Two observers fail
// independently.
type Observer string

// The observers. Other data sources of IODA, such as the traffic to Google's
// products, show use and not presence; Read leaves them out.
const (
	Routes    Observer = "routes"    // BGP: blocks of addresses that other networks have a route to
	Probing   Observer = "probing"   // blocks of addresses that answer probes
	Telescope Observer = "telescope" // addresses from which stray packets reach an unused range
)

// observers maps the names that IODA's API gives its data sources.
var observers = map[string]Observer{
	"bgp":          Routes,
	"ping-slash24": Probing,
	"merit-nt":     Telescope, // Merit's, since 2022
	"ucsd-nt":      Telescope, // UC San Diego's, before
}

// None is the entry of Values for a moment for which the source gives no value.
const None = -1

// Series is one signal of one country or network over a span of time. Its columns
// are those of the archive.
type Series struct {
	CC         string    `json:"probe_cc" parquet:"probe_cc,dict"`
	ASN        uint32    `json:"probe_asn" parquet:"probe_asn"`           // 0: the whole country
	DataSource string    `json:"datasource" parquet:"datasource,dict"`    // as IODA names it: bgp, ping-slash24, merit-nt, ucsd-nt
	From       int64     `json:"from" parquet:"from"`                     // Unix seconds
	Step       int64     `json:"step" parquet:"step"`                     // seconds from one value to the next
	Values     []float64 `json:"values" parquet:"values,list"`            // one a step; -1 where there is none
	Document   string    `json:"document_sha256" parquet:"document,dict"` // SHA-256 of the document that holds it
	Raw        string    `json:"raw,omitempty" parquet:"raw,dict"`        // SHA-256 of the raw batch that holds the document
	Line       uint32    `json:"line,omitempty" parquet:"line"`           // the document's line there, from 0
}

// Observer returns who saw the series.
func (s *Series) Observer() Observer { return observers[s.DataSource] }

// Until returns the end of the last step, in Unix seconds.
func (s *Series) Until() int64 { return s.From + s.Step*int64(len(s.Values)) }

// Compare orders series as the archive keeps them.
func Compare(a, b *Series) int {
	return cmp.Or(strings.Compare(a.CC, b.CC), cmp.Compare(a.ASN, b.ASN), strings.Compare(a.DataSource, b.DataSource),
		cmp.Compare(a.From, b.From), strings.Compare(a.Document, b.Document), cmp.Compare(a.Step, b.Step),
		slices.Compare(a.Values, b.Values))
}

// The bounds of a document: no answer of IODA's is beyond them.
const (
	maxValues = 1 << 20
	maxStep   = 86400 // seconds
)

// Earliest is when IODA's signals begin. Read refuses what says to be older.
var Earliest = time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)

// document is an answer of /v2/signals/raw.
type document struct {
	Error *string `json:"error"`
	CC    string  `json:"probe_cc"` // not IODA's: the country that the import was asked for
	Data  [][]struct {
		EntityType string            `json:"entityType"`
		EntityCode string            `json:"entityCode"`
		DataSource string            `json:"datasource"`
		From       int64             `json:"from"`
		Step       int64             `json:"step"`
		Values     []json.RawMessage `json:"values"`
	} `json:"data"`
}

// Read reads an answer of IODA's /v2/signals/raw/{country|asn}/CODE. For a network
// IODA names no country, so the import adds a member probe_cc to the document. sum
// is the SHA-256 of the document, as each series will name it.
func Read(data []byte, sum string) ([]Series, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("read signals: %w", err)
	}
	if d.Error != nil && *d.Error != "" {
		return nil, fmt.Errorf("read signals: the source answered with an error: %.200q", *d.Error)
	}
	var out []Series
	var others []string
	total := 0
	for i, list := range d.Data {
		for j, from := range list {
			at := fmt.Sprintf("data[%d][%d]", i, j)
			if _, ok := observers[from.DataSource]; !ok {
				others = append(others, strconv.Quote(from.DataSource))
				continue
			}
			s := Series{DataSource: from.DataSource, From: from.From, Step: from.Step, Document: sum}
			var err error
			if s.CC, s.ASN, err = entity(from.EntityType, from.EntityCode, d.CC); err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
			if total += len(from.Values); total > maxValues {
				return nil, fmt.Errorf("%s: more than %d values: ask for less time at once", at, maxValues)
			}
			if err := s.check(len(from.Values)); err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
			for k, text := range from.Values {
				v, err := value(text)
				if err != nil {
					return nil, fmt.Errorf("%s.values[%d]: %w", at, k, err)
				}
				s.Values = append(s.Values, v)
			}
			if slices.ContainsFunc(s.Values, func(v float64) bool { return v != None }) {
				out = append(out, s)
			}
		}
	}
	if len(out) == 0 {
		if len(others) > 0 {
			return nil, fmt.Errorf("read signals: none of bgp, ping-slash24, merit-nt or ucsd-nt has a value in it (it has %s)", strings.Join(slices.Compact(slices.Sorted(slices.Values(others)))[:1], ", "))
		}
		return nil, errors.New("read signals: it has no series: the source knows nothing of that time")
	}
	slices.SortFunc(out, func(a, b Series) int { return Compare(&a, &b) })
	return out, nil
}

// entity returns the country and the network of a series.
func entity(kind, code, country string) (cc string, asn uint32, err error) {
	switch kind {
	case "country":
		cc = strings.ToUpper(code)
	case "asn":
		n, err := network.ParseASN(code)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("entityCode is %.40q: want the number of a network", code)
		}
		if country == "" {
			return "", 0, fmt.Errorf("the source does not say in which country network %d is: say it with --cc", n)
		}
		cc, asn = strings.ToUpper(country), uint32(n)
	default:
		return "", 0, fmt.Errorf("entityType is %.40q: want country or asn", kind)
	}
	if len(cc) != 2 || cc[0] < 'A' || cc[0] > 'Z' || cc[1] < 'A' || cc[1] > 'Z' {
		return "", 0, fmt.Errorf("the country is %.40q: want two letters", cc)
	}
	return cc, asn, nil
}

// check refuses spans of time that cannot be.
func (s *Series) check(values int) error {
	switch {
	case s.Step < 1 || s.Step > maxStep:
		return fmt.Errorf("step is %d s: want 1 to %d", s.Step, maxStep)
	case s.From < Earliest.Unix() || s.From > 1<<33:
		return fmt.Errorf("from is %d: want seconds since 1970, of %d or later", s.From, Earliest.Year())
	case int64(values) > (1<<33)/s.Step:
		return fmt.Errorf("%d values of %d s reach too far", values, s.Step)
	}
	return nil
}

// value reads a number that is not negative; null is None.
func value(text json.RawMessage) (float64, error) {
	if string(text) == "null" {
		return None, nil
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) || v < 0 {
		return 0, fmt.Errorf("%.40q is no count", text)
	}
	return v, nil
}
