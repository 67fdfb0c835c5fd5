package inquiry

import (
	"context"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/event"
)

// Network is what one network blocks.
type Network struct {
	ASN     uint32          `json:"probe_asn"`
	Answers []NetworkAnswer `json:"targets"`
	Events  []event.Event   `json:"events"`
	Left    int             `json:"not_shown"` // targets with fewer measurements than those shown
}

// NetworkAnswer is the answer on one target for a network alone.
type NetworkAnswer struct {
	CC           string         `json:"probe_cc"`
	Country      string         `json:"country"`
	Target       string         `json:"target"`
	Name         string         `json:"name"`
	Measurements int64          `json:"measurements"`
	Last         time.Time      `json:"last_measured"`
	Network      answer.Network `json:"network"`
}

// mostOnNetwork bounds the targets for which a network is asked.
const mostOnNetwork = 60

// Network says what a network blocks; false where nothing was measured on it.
func (d *Desk) Network(ctx context.Context, asn uint32) (Network, bool, error) {
	n := Network{ASN: asn, Answers: []NetworkAnswer{}, Events: []event.Event{}}
	places, err := d.OnNetwork(ctx, asn)
	if err != nil {
		return n, false, err
	}
	for i, p := range places {
		if i == mostOnNetwork {
			n.Left = len(places) - i
			break
		}
		a, err := d.Answer(ctx, Ask{CC: p.CC, Target: p.Target})
		if err != nil {
			return n, false, err
		}
		one := NetworkAnswer{CC: p.CC, Country: a.Country, Target: p.Target, Name: a.Name, Measurements: p.Measurements, Last: p.Last}
		for _, on := range a.Networks {
			if on.ASN == asn {
				one.Network = on
			}
		}
		n.Answers = append(n.Answers, one)
	}
	if n.Events, err = d.EventsOnNetwork(ctx, asn); err != nil {
		return n, false, err
	}
	return n, len(n.Answers)+len(n.Events) > 0, nil
}
