package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Truth is what is true in a scenario, in the words of the verdict engine. Alternatives
// are separated by "|".
type Truth struct {
	// State is ok, down, blocked, impaired or insufficient, or one of the weaker claims
	// not-blocked and not-ok. blocked includes likely_blocked.
	State string
	// Layer is the layer that decides: dns, tcp, tls, http or quic; "" means any.
	Layer string
	// Mechanism is the beginning, up to a dot, of mechanisms of which at least one must be
	// found. "" demands none; if the state is ok or down, none may be found.
	Mechanism string
	// Also is what may be found besides. Nothing else may be found.
	Also string
}

// Finding is what the probe and the verdict engine found in a run.
type Finding struct {
	State      string
	Layers     map[string]string // outcome by layer; only of judged layers
	Mechanisms []string
}

// Mismatch says how a finding differs from the truth; "" if it does not.
func (t Truth) Mismatch(f Finding) string {
	var wrong []string
	if !anyOf(t.State, func(s string) bool { return stateHolds(s, f.State) }) {
		wrong = append(wrong, fmt.Sprintf("state %s, in truth %s", f.State, t.State))
	}
	if t.Layer != "" && !anyOf(t.Layer, func(l string) bool { return troubled(f.Layers[l]) }) {
		wrong = append(wrong, fmt.Sprintf("layers %v, in truth it is %s", f.Layers, t.Layer))
	}
	holds := func(m string) bool { return under(t.Mechanism, m) }
	invented := func(m string) bool { return !holds(m) && !under(t.Also, m) }
	if t.Mechanism != "" && (!slices.ContainsFunc(f.Mechanisms, holds) || slices.ContainsFunc(f.Mechanisms, invented)) {
		wrong = append(wrong, fmt.Sprintf("mechanisms %v, in truth %s", f.Mechanisms, t.Mechanism))
	}
	if unwanted := slices.DeleteFunc(slices.Clone(f.Mechanisms), func(m string) bool { return m == serverSide || under(t.Also, m) }); t.Mechanism == "" &&
		(t.State == "ok" || t.State == "down") && len(unwanted) > 0 {
		wrong = append(wrong, fmt.Sprintf("mechanisms %v, in truth none", unwanted))
	}
	return strings.Join(wrong, "; ")
}

// serverSide is the mechanism for what a server does by its own choice. It is not
// interference.
const serverSide = "server_side"

func anyOf(alternatives string, holds func(string) bool) bool {
	return slices.ContainsFunc(strings.Split(alternatives, "|"), holds)
}

// under reports whether a mechanism is one of the alternatives, or lies below one.
func under(alternatives, m string) bool {
	return anyOf(alternatives, func(prefix string) bool { return m == prefix || strings.HasPrefix(m, prefix+".") })
}

func stateHolds(truth, found string) bool {
	blocked := found == "blocked" || found == "likely_blocked"
	switch truth {
	case "blocked":
		return blocked
	case "not-blocked":
		return !blocked
	case "not-ok":
		return found != "ok"
	}
	return truth == found
}

func troubled(outcome string) bool { return outcome != "" && outcome != "ok" }

// Class is the row of the truth in a confusion matrix: its first state.
func (t Truth) Class() string {
	class, _, _ := strings.Cut(t.State, "|")
	return class
}
