package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bandish/bandish/internal/pipeline"
)

// demoMark is a file that marks a folder as a demonstration, from the first measurement
// on.
const (
	demoMark   = "demo"
	demoMaking = "The demonstration is being made, or was cut short: see bandish serve --demo.\n"
	demoMade   = "Made in the lab for bandish serve --demo. Nothing here was measured on a real network.\n"
)

// demoWanted reports whether the demonstration must be made. A folder with real
// measurements is an error: measurements of a lab must not stand beside them.
func demoWanted(p *pipeline.Pipeline, data string) (bool, error) {
	m, err := p.Archive.Manifest()
	if err != nil {
		return false, err
	}
	switch mark, err := os.ReadFile(filepath.Join(data, demoMark)); {
	case err == nil && string(mark) == demoMaking:
		return false, fmt.Errorf("serve --demo: the demonstration in %s was cut short: delete that folder, or name another with --data", data)
	case err == nil:
		return false, nil
	case m.Totals().Batches > 0:
		return false, fmt.Errorf("serve --demo: %s holds measurements that are not a demonstration: name an empty folder with --data", data)
	}
	return true, nil
}

// demonstration fills an empty folder with the packed history of the lab, moved so that it
// ends today. It takes some seconds.
func demonstration(ctx context.Context, env *environment, p *pipeline.Pipeline) error {
	data := env.data
	if wanted, err := demoWanted(p, data); err != nil || !wanted {
		return err
	}
	mark := filepath.Join(data, demoMark)
	if err := os.WriteFile(mark, []byte(demoMaking), 0o644); err != nil {
		return err
	}
	began := time.Now()
	n, err := unpackDemo(ctx, p, began)
	if err != nil {
		return fmt.Errorf("serve --demo: %w", err)
	}
	fmt.Fprintf(env.stdout, "%d measurements of country ZZ, made in a lab, are in %s after %v. Nothing of it happened anywhere.\n", n, data, time.Since(began).Round(100*time.Millisecond))
	return os.WriteFile(mark, []byte(demoMade), 0o644)
}
