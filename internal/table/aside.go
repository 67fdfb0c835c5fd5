package table

// Aside is a row of a table that its reader left out. O is the type that says where the
// row stands.
type Aside[O any] struct {
	Origin O      `json:"origin"`
	Reason string `json:"reason"`
	Text   string `json:"text,omitempty"` // text of the row
}

// maxAside is how many characters Text has at most.
const maxAside = 200

// NewAside makes the Aside of a row, for a reason. A long text is cut.
func NewAside[O any](origin O, reason, text string) Aside[O] {
	if r := []rune(text); len(r) > maxAside {
		text = string(r[:maxAside]) + "…"
	}
	return Aside[O]{origin, reason, text}
}
