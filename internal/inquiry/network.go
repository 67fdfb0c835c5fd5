package inquiry

import (
	"context"
	"fmt"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/store"
)

// Network is what one network blocks.
type Network struct {
	ASN     uint32          `json:"probe_asn"`
	Answers []NetworkAnswer `json:"targets"`
	Events  []event.Event   `json:"events"`
	Left    int             `json:"not_shown"` // how many more targets there are, with fewer measurements than those shown
}

// NetworkAnswer is the answer about a target, for one network alone.
type NetworkAnswer struct {
	CC           string         `json:"probe_cc"`
	Country      string         `json:"country"`
	Target       string         `json:"target"`
	Name         string         `json:"name"`
	Measurements int64          `json:"measurements"`
	Last         time.Time      `json:"last_measured"`
	Network      answer.Network `json:"network"`
	At           time.Time      `json:"-"` // exclusive moment of the answer
	Days         []answer.Day   `json:"-"` // the last DaysOnNetwork days, of this network alone
}

// How many targets of a network are shown, and how many days of each.
const (
	mostOnNetwork = 60
	DaysOnNetwork = 30
)

// Network says what a network blocks now. It returns false if nothing was measured there.
func (d *Desk) Network(ctx context.Context, asn uint32) (Network, bool, error) {
	n, err := d.NetworkOn(ctx, asn, time.Time{}, time.Time{})
	return n, len(n.Answers)+len(n.Events) > 0, err
}

// NetworkOn says what a network blocked at a moment, by what was known at another. at is
// exclusive, the end of a day; zero takes the last measurement of each target. known zero
// is now.
func (d *Desk) NetworkOn(ctx context.Context, asn uint32, at, known time.Time) (Network, error) {
	return remember(ctx, d, fmt.Sprint("network ", asn, " ", at, d.then(known)), func() (Network, error) { return d.network(ctx, asn, at, known) })
}

func (d *Desk) network(ctx context.Context, asn uint32, at, known time.Time) (Network, error) {
	n := Network{ASN: asn, Answers: []NetworkAnswer{}, Events: []event.Event{}}
	if d.Store == nil {
		return n, nil
	}
	places, err := d.Store.OnNetwork(ctx, asn)
	if err != nil {
		return n, err
	}
	if len(places) > mostOnNetwork {
		n.Left = len(places) - mostOnNetwork
		places = places[:mostOnNetwork]
	}
	pairs := make([]store.Pair, len(places))
	for i, p := range places {
		pairs[i] = store.Pair{CC: p.CC, Target: p.Target}
	}
	evidence, err := d.evidenceOf(ctx, pairs, known)
	if err != nil {
		return n, err
	}
	for i, p := range places {
		n.Answers = append(n.Answers, d.onNetwork(asn, p, evidence[pairs[i]], at, known))
	}
	n.Events, err = d.EventsOnNetwork(ctx, asn, known)
	return n, err
}

func (d *Desk) onNetwork(asn uint32, p store.Place, ev answer.Evidence, at, known time.Time) NetworkAnswer {
	q := d.question(Ask{CC: p.CC, Target: p.Target, At: at, Known: known})
	a := answer.Of(q, ev)
	if last := a.LastMeasured; at.IsZero() && last != nil && last.Before(a.At) { // a report may still hold when nobody measures any more
		q.At = *last
		a = answer.Of(q, ev)
	}
	one := NetworkAnswer{CC: p.CC, Country: a.Country, Target: p.Target, Name: a.Name, Measurements: p.Measurements, Last: p.Last, At: a.At}
	for _, on := range a.Networks {
		if on.ASN == asn {
			one.Network = on
		}
	}
	q.ASNs = []uint32{asn}
	_, days := answer.Timeline(q, ev, a.At.AddDate(0, 0, -DaysOnNetwork))
	one.Days = days[asn]
	return one
}
