package kit

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
)

// tool is a circumvention tool that is not reached over the web.
type tool struct {
	name    string
	measure func(context.Context, probe.Config) (*measurement.Measurement, error)
}

// tools lists the tools that --circumvention tries.
func tools() []tool {
	return []tool{{"tor-authorities", probe.Tor}, {"tor-bootstrap", probe.TorBootstrap}}
}

// toolOf returns the tool that an argument names, nil if it names none.
func toolOf(arg string) *tool {
	for _, t := range tools() {
		if t.name == arg {
			return &t
		}
	}
	return nil
}

func openVPN(endpoint string) *tool {
	return &tool{endpoint, func(ctx context.Context, cfg probe.Config) (*measurement.Measurement, error) {
		return probe.OpenVPN(ctx, cfg, endpoint)
	}}
}

// wireGuards returns a job for each peer of a configuration file.
func wireGuards(path string) ([]job, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	peers, err := probe.ReadWireGuard(f)
	if err != nil {
		return nil, fmt.Errorf("read WireGuard configuration %s: %w", path, err)
	}
	var jobs []job
	for _, p := range peers {
		jobs = append(jobs, job{tool: &tool{"wireguard://" + p.Endpoint.String(), func(ctx context.Context, cfg probe.Config) (*measurement.Measurement, error) {
			return probe.WireGuard(ctx, cfg, p)
		}}})
	}
	return jobs, nil
}

// bridges returns a job for each line of a file.
func bridges(path string) ([]job, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "Bridge "))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		transport, _, _ := strings.Cut(line, " ")
		jobs = append(jobs, job{tool: &tool{"tor over " + transport, func(ctx context.Context, cfg probe.Config) (*measurement.Measurement, error) {
			return probe.TorBridge(ctx, cfg, line)
		}}})
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("read bridges: %s holds none", path)
	}
	return jobs, nil
}
