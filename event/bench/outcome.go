package bench

import (
	"fmt"
	"io"
)

// WriteOutcomes prints a line for every scenario.
func WriteOutcomes(out io.Writer, list []*Outcome) {
	fmt.Fprintf(out, "| scenario | found | precision | pieces | onset holds | end holds | over | width h | networks p/r | grouped |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range list {
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %.2f | %.2f (%d/%d) | %.2f (%d/%d) | %.2f | %.1f | %.2f/%.2f | %.2f |\n", o.Scenario,
			share(o.Found, o.Stories), share(o.Right, o.Events), share(o.Right, o.Found), share(o.OnsetIn, o.OnsetOf), o.OnsetIn, o.OnsetOf,
			share(o.EndIn, o.EndOf), o.EndIn, o.EndOf, share(o.Over, o.Found), percentile(o.Wide, 0.5),
			share(o.NetsHit, o.NetsSaid), share(o.NetsHit, o.NetsTrue), share(o.Grouped, o.Found))
	}
}
