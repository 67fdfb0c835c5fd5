package event

// Statement is what an event says: the fields whose change a reader would call a
// revision. Counts are not among them, because every measurement changes them.
type Statement struct {
	ID         string    `json:"id"`
	Kind       Kind      `json:"kind"`
	CC         string    `json:"probe_cc"`
	Targets    []string  `json:"targets"`
	Scope      string    `json:"scope"`
	Networks   []string  `json:"networks"`
	Onset      Interval  `json:"onset"`
	End        *Interval `json:"end"`
	State      State     `json:"state"`
	Mechanisms []string  `json:"mechanisms"`
	Detector   string    `json:"detector"`
}

// Statement returns what the event says.
func (e *Event) Statement() Statement {
	return Statement{e.ID, e.Kind, e.CC, e.Targets, e.Scope, e.Networks, e.Onset, e.End, e.State, e.Mechanisms, e.Detector}
}
