package intake

import (
	"slices"

	"github.com/bandish/bandish/internal/shard"
)

// Take keeps the sources of a part of an import. Which these are follows from their names
// alone.
func Take(list []Source, s shard.Shard) []Source {
	return slices.DeleteFunc(list, func(o Source) bool { return !s.Has(o.Name) })
}
