package verdict

// Listed is a rule as pages, commands and programs show it.
type Listed struct {
	ID        string  `json:"id"`
	Layer     string  `json:"layer"`
	Sentence  string  `json:"sentence"`
	Basis     string  `json:"basis"`
	Kind      string  `json:"kind"` // determinate, circumstantial
	Outcome   Outcome `json:"outcome,omitempty"`
	State     State   `json:"state,omitempty"`
	Mechanism string  `json:"mechanism,omitempty"`
	Invalid   string  `json:"invalid,omitempty"` // why the measurement says nothing about the network
}

// Listing returns the rule set for readers, in order.
func Listing() []Listed {
	var out []Listed
	for _, r := range Rules() {
		out = append(out, Listed{r.ID, r.Layer, r.Sentence, r.Basis, r.Kind(), r.Outcome, r.State, r.Mechanism, r.Invalid})
	}
	return out
}
