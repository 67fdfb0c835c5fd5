package alert

import (
	"fmt"
	"strings"

	"github.com/bandish/bandish/event"
)

// Subject puts an alert into one line.
func Subject(a Alert) string {
	what := map[event.Action]string{event.Announced: "Blocked", event.Updated: "Revised", event.Over: "Unblocked", event.Withdrawn: "Withdrawn"}[a.Action]
	if a.Event.Kind == event.Shutdown {
		what = map[event.Action]string{event.Announced: "Dark", event.Updated: "Revised", event.Over: "Back", event.Withdrawn: "Withdrawn"}[a.Action]
	}
	return fmt.Sprintf("%s: %s in %s (%s)", what, a.Event.Scope, a.Event.CC, a.ID)
}

// Text puts an alert into words for a person.
func Text(a Alert) string {
	var b strings.Builder
	e := &a.Event
	fmt.Fprintf(&b, "%s\n\n", Subject(a))
	fmt.Fprintf(&b, "It began %s.\n", e.Onset)
	if e.End != nil {
		fmt.Fprintf(&b, "It ended %s.\n", *e.End)
	} else {
		fmt.Fprintf(&b, "State: %s.\n", e.State)
	}
	if len(e.Networks) > 0 {
		fmt.Fprintf(&b, "Networks: %s\n", strings.Join(e.Networks, ", "))
	}
	if len(e.Mechanisms) > 0 {
		fmt.Fprintf(&b, "By: %s\n", strings.Join(e.Mechanisms, ", "))
	}
	c := e.Counts
	fmt.Fprintf(&b, "Measurements: %d blocked, %d inconclusive, %d ok, %d down; %d in all\n", c.Blocked, c.Inconclusive, c.OK, c.Down, c.Measurements)
	fmt.Fprintf(&b, "Confidence: %.2f\n", e.Confidence)
	if len(a.Changes) > 0 {
		b.WriteString("\nWhat changed:\n")
		for _, ch := range a.Changes {
			fmt.Fprintf(&b, "  %s: %s -> %s\n", ch.Field, orNone(ch.From), orNone(ch.To))
		}
	}
	fmt.Fprintf(&b, "\nWhy: %s\n", a.Why)
	if len(e.Evidence) > 0 {
		fmt.Fprintf(&b, "Evidence: %s\n", strings.Join(e.Evidence, " "))
	}
	fmt.Fprintf(&b, "\nAlert %d, %s, detector %s\n", a.Seq, a.Time.Format("2006-01-02 15:04 UTC"), e.Detector)
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
