package target

import (
	"fmt"
	"strings"
	"time"
)

// Kind says what people use a platform for.
type Kind string

// The kinds of platforms.
const (
	Social        Kind = "social"
	Messaging     Kind = "messaging"
	Video         Kind = "video"
	News          Kind = "news"
	Reference     Kind = "reference"
	Circumvention Kind = "circumvention"
	Tooling       Kind = "tooling"
)

// Kinds lists every kind, in the order in which people meet them.
var Kinds = []Kind{Social, Messaging, Video, News, Reference, Circumvention, Tooling}

// Platform is one document of the registry.
type Platform struct {
	ID       string       `yaml:"id" json:"id"`
	Name     string       `yaml:"name" json:"name"`
	Former   []FormerName `yaml:"former_names,omitempty" json:"former_names,omitempty"`
	Aliases  []string     `yaml:"aliases,omitempty" json:"aliases,omitempty"` // lower case; accepted in place of the id
	Kind     Kind         `yaml:"kind" json:"kind"`
	Owner    string       `yaml:"owner" json:"owner"`
	Launched Date         `yaml:"launched,omitempty" json:"launched,omitempty"`
	Closed   Date         `yaml:"closed,omitempty" json:"closed,omitempty"`
	Hosts    []Host       `yaml:"hosts" json:"hosts"`
	Services []Service    `yaml:"services,omitempty" json:"services,omitempty"`
	Tests    []string     `yaml:"tests,omitempty" json:"tests,omitempty"` // names of OONI tests that measure this platform alone
	Notes    string       `yaml:"notes,omitempty" json:"notes,omitempty"`
}

// FormerName is what the platform was called up to a day.
type FormerName struct {
	Name  string `yaml:"name" json:"name"`
	Until Date   `yaml:"until" json:"until"`
}

// Host claims a domain with all names below it, or exactly one host (a name or an
// address). Exactly one of Domain and Exact is set.
type Host struct {
	Domain string   `yaml:"domain,omitempty" json:"domain,omitempty"`
	Exact  string   `yaml:"host,omitempty" json:"host,omitempty"`
	Except []string `yaml:"except,omitempty" json:"except,omitempty"` // names below Domain that do not belong to the platform
	From   Date     `yaml:"from,omitempty" json:"from,omitempty"`     // first day; "": always
	Until  Date     `yaml:"until,omitempty" json:"until,omitempty"`   // last day; "": still
}

// Name returns the claimed name, Domain or Exact.
func (h Host) Name() string {
	if h.Domain != "" {
		return h.Domain
	}
	return h.Exact
}

// ValidAt reports whether the claim holds at t. For the zero time every claim holds.
func (h Host) ValidAt(t time.Time) bool {
	if t.IsZero() {
		return true
	}
	return (h.From == "" || !t.Before(h.From.Start())) && (h.Until == "" || t.Before(h.Until.End()))
}

// Service is a part of a platform that works or fails as one: its web site, the app's
// servers, an edition. A platform works if all its services work.
type Service struct {
	Name string `yaml:"name" json:"name"`
	// Need says how many endpoints must work: Any or All.
	Need      Need     `yaml:"need" json:"need"`
	Endpoints []string `yaml:"endpoints" json:"endpoints"` // URLs: https, http, tcp, udp
	// SharedWith is the platform that claims the hosts of the endpoints, if this
	// platform's app uses another platform's servers.
	SharedWith string `yaml:"shared_with,omitempty" json:"shared_with,omitempty"`
}

// Need is how many of a service's endpoints must be reachable.
type Need string

// The two kinds of need.
const (
	Any Need = "any" // a pool: one that answers is enough
	All Need = "all" // a set: all are needed
)

// NameAt returns the platform's name at t. The zero time gives the present name.
func (p *Platform) NameAt(t time.Time) string {
	if !t.IsZero() {
		for _, f := range p.Former { // sorted by Until
			if t.Before(f.Until.End()) {
				return f.Name
			}
		}
	}
	return p.Name
}

// HostNames returns the names that the platform claims at t, in the document's order. The
// zero time gives all that it ever claimed.
func (p *Platform) HostNames(t time.Time) []string {
	var names []string
	for _, h := range p.Hosts {
		if h.ValidAt(t) {
			names = append(names, h.Name())
		}
	}
	return names
}

// Date is a UTC day, month or year: "2023-07-24", "2023-07", "2023".
type Date string

var dateLayouts = []string{"2006-01-02", "2006-01", "2006"}

// bounds returns the first instant of the date, and the first instant after it.
func (d Date) bounds() (start, end time.Time, err error) {
	for i, layout := range dateLayouts {
		t, err := time.Parse(layout, string(d))
		if err != nil || len(d) != len(layout) {
			continue
		}
		switch i {
		case 0:
			return t, t.AddDate(0, 0, 1), nil
		case 1:
			return t, t.AddDate(0, 1, 0), nil
		}
		return t, t.AddDate(1, 0, 0), nil
	}
	return start, end, fmt.Errorf("bad date %q: write YYYY-MM-DD, YYYY-MM or YYYY", string(d))
}

// Start returns the first instant of the date; the zero time if the date is wrong.
func (d Date) Start() time.Time {
	start, _, _ := d.bounds()
	return start
}

// End returns the first instant after the date; the zero time if the date is wrong.
func (d Date) End() time.Time {
	_, end, _ := d.bounds()
	return end
}

func (k Kind) known() bool {
	for _, kind := range Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// kindList lists the kinds, for an error message.
func kindList() string {
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}
