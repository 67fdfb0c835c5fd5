package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/internal/target"
	"github.com/spf13/cobra"
)

func targetsCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:               "targets [PLATFORM]",
		Short:             "list the platforms of the registry, or show one",
		Example:           "bandish targets\nbandish targets twitter\nbandish targets abs.twimg.com --json",
		Annotations:       map[string]string{argumentsNote: "PLATFORM  an id, another name, or a host"},
		ValidArgsFunction: firstOf(env.targetValues),
		RunE:              doing(func(_ context.Context, args []string) error { return showTargets(env.stdout, args, asJSON) }),
	}
	jsonFlag(c, &asJSON)
	return c
}

func showTargets(w io.Writer, rest []string, asJSON bool) error {
	if len(rest) > 1 {
		return usageError("targets takes one platform, got %d", len(rest))
	}
	registry, err := loadTargets()
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return listTargets(w, registry, asJSON)
	}
	id, _, err := registry.Resolve(rest[0])
	if err != nil {
		return err
	}
	p, ok := registry.Platform(id)
	if !ok {
		return fmt.Errorf("no platform claims %s; as a target it stands for itself", id)
	}
	if asJSON {
		return printJSON(w, p)
	}
	return showTarget(w, p)
}

func listTargets(w io.Writer, registry *target.Registry, asJSON bool) error {
	platforms := registry.Platforms()
	if asJSON {
		return printJSON(w, struct {
			Hash      string             `json:"hash"`
			Platforms []*target.Platform `json:"platforms"`
		}{registry.Hash(), platforms})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tKIND\tHOSTS")
	for _, p := range platforms {
		hosts := p.HostNames(time.Time{})
		more := ""
		if len(hosts) > 3 {
			more = fmt.Sprintf(" and %d more", len(hosts)-3)
			hosts = hosts[:3]
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s%s\n", p.ID, p.Name, p.Kind, strings.Join(hosts, " "), more)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d platforms, registry %s\n", len(platforms), registry.Hash()[:12])
	return err
}

func showTarget(w io.Writer, p *target.Platform) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%s), owner %s\n", p.ID, p.Name, p.Kind, p.Owner)
	for _, f := range p.Former {
		fmt.Fprintf(&b, "  called %s until %s\n", f.Name, f.Until)
	}
	if len(p.Aliases) > 0 {
		fmt.Fprintf(&b, "  also accepted: %s\n", strings.Join(p.Aliases, ", "))
	}
	if p.Launched != "" {
		fmt.Fprintf(&b, "  launched %s\n", p.Launched)
	}
	if p.Closed != "" {
		fmt.Fprintf(&b, "  closed %s\n", p.Closed)
	}
	b.WriteString("  hosts\n")
	for _, h := range p.Hosts {
		fmt.Fprintf(&b, "    %s\n", hostLine(h))
	}
	for _, s := range p.Services {
		fmt.Fprintf(&b, "  service %s, needs %s of\n", s.Name, s.Need)
		for _, e := range s.Endpoints {
			fmt.Fprintf(&b, "    %s\n", e)
		}
		if s.SharedWith != "" {
			fmt.Fprintf(&b, "    (hosts of %s)\n", s.SharedWith)
		}
	}
	if len(p.Tests) > 0 {
		fmt.Fprintf(&b, "  OONI tests: %s\n", strings.Join(p.Tests, ", "))
	}
	if p.Notes != "" {
		fmt.Fprintf(&b, "  %s\n", p.Notes)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func hostLine(h target.Host) string {
	line := h.Name()
	if h.Domain != "" {
		line += " and all under it"
	}
	if len(h.Except) > 0 {
		line += " except " + strings.Join(h.Except, ", ")
	}
	if h.From != "" {
		line += ", from " + string(h.From)
	}
	if h.Until != "" {
		line += ", until " + string(h.Until)
	}
	return line
}
