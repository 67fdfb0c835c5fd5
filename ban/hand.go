package ban

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Hand holds decisions that a person made. They win over the rules.
type Hand struct {
	Together []ByPerson `yaml:"together"` // reports of one ban
	Apart    []ByPerson `yaml:"apart"`    // reports of different bans
}

// ByPerson is one decision on two or more reports.
type ByPerson struct {
	// Reports names them as the tables do: "keepiton list.csv:17", "ooni 123".
	Reports []string `yaml:"reports"`
	// Why is the reason, in a sentence. It is shown with the decision.
	Why string `yaml:"why"`
}

// ParseHand reads decisions from YAML. An unknown field, and a decision without two
// reports and a reason, are errors.
func ParseHand(data []byte) (Hand, error) {
	var h Hand
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(&h); err != nil {
		return h, fmt.Errorf("read decisions: %w", err)
	}
	for _, p := range slices.Concat(h.Together, h.Apart) {
		if len(p.Reports) < 2 || p.Why == "" {
			return h, fmt.Errorf("read decisions: a decision names two reports or more and says why; got %v", p.Reports)
		}
	}
	return h, nil
}

// Missing returns the reports that decisions name and that are not among reports.
func (h Hand) Missing(reports []Report) []string {
	have := make(map[string]bool, len(reports))
	for _, r := range reports {
		have[r.Origin.String()] = true
	}
	var missing []string
	for _, p := range slices.Concat(h.Together, h.Apart) {
		for _, name := range p.Reports {
			if !have[name] && !slices.Contains(missing, name) {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

// joins reports whether a person decided that the report is of the same ban as one
// of the group.
func (h Hand) joins(g *group, e entry) (Decision, bool) {
	m, why, ok := named(h.Together, g, e)
	return Decision{Report: e.Origin, With: m, Kind: ByHand, Why: why}, ok
}

// parts reports whether a person decided that the report is of another ban than one
// of the group.
func (h Hand) parts(g *group, e entry) bool {
	_, _, ok := named(h.Apart, g, e)
	return ok
}

func named(list []ByPerson, g *group, e entry) (with Origin, why string, ok bool) {
	for _, p := range list {
		if !slices.Contains(p.Reports, e.Origin.String()) {
			continue
		}
		for _, m := range g.entries {
			if m.Origin != e.Origin && slices.Contains(p.Reports, m.Origin.String()) {
				return m.Origin, p.Why, true
			}
		}
	}
	return Origin{}, "", false
}
