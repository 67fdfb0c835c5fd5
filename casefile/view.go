package casefile

// Computed is what is worked out from a case when it is shown.
type Computed struct {
	// AsOf is the day for which the case is shown; null for all that is known.
	AsOf Date `json:"as_of"`
}
