package intake

import (
	"slices"

	"github.com/bandish/bandish/internal/shard"
)

// Take returns the sources that belong to a part of an import, and overwrites list. The
// part of a source follows from its name alone.
func Take(list []Source, s shard.Shard) []Source {
	return slices.DeleteFunc(list, func(o Source) bool { return !s.Has(o.Name) })
}
