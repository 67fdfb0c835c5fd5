// Package cost reckons what an archive of some size costs: processor time, storage,
// requests and money. It takes measured figures and a list of prices.
//
// Both the measured and the reckoned tables stand in docs/SCALE.md, between marks. The
// reckoned ones follow from the measured ones as they stand there; a test compares. The
// command internal/cost/table measures, and writes the tables.
package cost

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Prices is a list of prices, all in Currency.
type Prices struct {
	Name     string `json:"name"`
	Date     string `json:"date"` // the day on which it was written down here, 2026-11-28
	Note     string `json:"note"` // what a reader must know before relying on it
	Currency string `json:"currency"`

	Storage       []Step `json:"storage"`
	StorageSource string `json:"storage_source"`

	PutPer1000     float64 `json:"put_per_1000"` // 1,000 requests PUT, COPY, POST or LIST
	GetPer1000     float64 `json:"get_per_1000"` // 1,000 requests GET or HEAD; DELETE is free
	RequestsSource string  `json:"requests_source"`

	CoreHour       float64 `json:"core_hour"` // one core for one hour
	CoreHourSource string  `json:"core_hour_source"`
}

// Step is the price for a month of the bytes beyond the step before.
type Step struct {
	UpToGB     float64 `json:"up_to_gb"` // end of the step, in units of 10⁹ bytes; 0 in the last step, which has no end
	PerGBMonth float64 `json:"per_gb_month"`
}

//go:embed prices.json
var list []byte

// Listed returns the prices of prices.json, or an error if that file is not a complete
// list.
func Listed() (Prices, error) { return readPrices(list) }

func readPrices(text []byte) (p Prices, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("read the list of prices: %w", err)
	}
	if err := p.check(); err != nil {
		return p, fmt.Errorf("the list of prices: %w", err)
	}
	return p, nil
}

func (p Prices) check() error {
	if _, err := time.Parse(time.DateOnly, p.Date); err != nil {
		return err
	}
	for what, text := range map[string]string{"name": p.Name, "currency": p.Currency, "storage_source": p.StorageSource, "requests_source": p.RequestsSource, "core_hour_source": p.CoreHourSource} {
		if text == "" {
			return fmt.Errorf("%s is missing", what)
		}
	}
	if p.PutPer1000 <= 0 || p.GetPer1000 <= 0 || p.CoreHour <= 0 || len(p.Storage) == 0 {
		return errors.New("a price is missing, or not above nothing")
	}
	before := 0.0
	for i, s := range p.Storage {
		last := i == len(p.Storage)-1
		if s.PerGBMonth <= 0 || last != (s.UpToGB == 0) || !last && s.UpToGB <= before {
			return fmt.Errorf("step %d of storage: want a price, and an end above the one before, but for the last", i+1)
		}
		before = s.UpToGB
	}
	return nil
}

// Month returns the price of storing this many bytes for a month.
func (p Prices) Month(bytes float64) (sum float64) {
	gb, before := bytes/1e9, 0.0
	for _, s := range p.Storage {
		end := gb
		if s.UpToGB > 0 {
			end = min(gb, s.UpToGB)
		}
		sum += max(0, end-before) * s.PerGBMonth
		before = s.UpToGB
	}
	return sum
}

// Requests returns the price of requests: puts counts PUT and LIST, gets counts GET and
// HEAD.
func (p Prices) Requests(puts, gets float64) float64 {
	return puts/1000*p.PutPer1000 + gets/1000*p.GetPer1000
}
