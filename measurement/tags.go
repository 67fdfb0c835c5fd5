package measurement

import "slices"

// Tags of steps that are not the target's own (docs/formats/probe.md). A step with
// one of them says nothing about the target by itself.
const (
	TagContrast = "contrast" // one thing was varied; a second tag says what
	TagResolver = "resolver" // a connection to a public resolver
)

// Auxiliary reports whether a step with these tags is not the target's own.
func Auxiliary(tags []string) bool {
	return slices.Contains(tags, TagContrast) || slices.Contains(tags, TagResolver)
}
