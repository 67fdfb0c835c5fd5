package kit

import (
	"context"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
)

// tool is a circumvention tool that is not reached over the web.
type tool struct {
	name    string
	measure func(context.Context, probe.Config) (*measurement.Measurement, error)
}

// tools are those that --circumvention tries.
func tools() []tool {
	return []tool{{"tor-authorities", probe.Tor}, {"tor-bootstrap", probe.TorBootstrap}}
}

// toolOf returns the tool that an argument names, nil where it names none.
func toolOf(arg string) *tool {
	for _, t := range tools() {
		if t.name == arg {
			return &t
		}
	}
	return nil
}
