package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bandish/bandish/event"
)

// Topic is what a receiver wants to hear of. An empty field allows everything.
type Topic struct {
	CC      string   `json:"country,omitempty"`
	Target  string   `json:"target,omitempty"`
	Network string   `json:"network,omitempty"` // "AS64512"
	Case    string   `json:"case,omitempty"`    // id of a case of the record
	Targets []string `json:"targets,omitempty"` // those of the case; one of them is enough
}

// Wants reports whether the topic includes an alert.
func (t Topic) Wants(a *Alert) bool {
	e := &a.Event
	one := len(t.Targets) == 0 || slices.ContainsFunc(t.Targets, func(id string) bool { return slices.Contains(e.Targets, id) })
	return one && (t.CC == "" || e.CC == t.CC) && (t.Target == "" || slices.Contains(e.Targets, t.Target)) && (t.Network == "" || slices.Contains(e.Networks, t.Network))
}

// String names the topic; "" means everything.
func (t Topic) String() string {
	out := ""
	for _, part := range []string{t.CC, t.Target, t.Network, t.Case} {
		if part != "" {
			out += " " + part
		}
	}
	return out
}

// About is a channel that gets only the alerts of a topic.
type About struct {
	Channel
	Topic
}

// Name is different for each topic of a receiver.
func (a About) Name() string { return a.Channel.Name() + a.Topic.String() }

// Round looks once. It announces, in the journal of a folder, what changed in found, which
// must be all events, and sends the channels what they have not got yet. Several processes
// may use one folder: each waits until the journal is free. With backlog, a new channel
// gets everything in the journal. Round returns the alerts after the one numbered after,
// its own included, and the number of the last alert. If after is negative, it returns
// only its own.
func Round(ctx context.Context, dir string, found []event.Event, channels []Channel, backlog bool, after int, now func() time.Time, sleep func(context.Context, time.Duration) error) (news []Alert, last int, err error) {
	l, err := openWhenFree(ctx, dir)
	if err != nil {
		return nil, after, err
	}
	defer l.Close()
	for _, c := range channels {
		if err := l.Subscribe(c, backlog, now()); err != nil {
			return nil, after, err
		}
	}
	if after < 0 {
		after = len(l.list)
	}
	for _, r := range event.Revise(l.Announced(), found) {
		if _, err := l.Append(now(), r); err != nil {
			return nil, after, err
		}
	}
	news = slices.Clone(l.list[min(after, len(l.list)):])
	return news, len(l.list), l.Deliver(ctx, channels, now, sleep)
}

// openWhenFree waits until no other process holds the journal.
func openWhenFree(ctx context.Context, dir string) (*Journal, error) {
	for {
		l, err := Open(dir)
		if !errors.Is(err, errHeld) {
			return l, err
		}
		if serr := Sleep(ctx, 200*time.Millisecond); serr != nil {
			return nil, fmt.Errorf("wait for the journal: %w", err)
		}
	}
}
