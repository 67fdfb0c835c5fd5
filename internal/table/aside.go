package table

// Aside is a row of a table that its reader did not use. O says where the row
// lies.
type Aside[O any] struct {
	Origin O      `json:"origin"`
	Reason string `json:"reason"`
	Text   string `json:"text,omitempty"` // the row
}

// maxAside bounds Text, in characters.
const maxAside = 200

// NewAside sets a row aside for a reason; a long text is shortened.
func NewAside[O any](origin O, reason, text string) Aside[O] {
	if r := []rune(text); len(r) > maxAside {
		text = string(r[:maxAside]) + "…"
	}
	return Aside[O]{origin, reason, text}
}
