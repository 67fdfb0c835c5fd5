package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/network"
)

// checkFlags are the flags of `bandish check`.
type checkFlags struct {
	target, cc, at, claim, asn string
	asJSON                     bool
}

func checkCommand(env *environment) *cobra.Command {
	var o checkFlags
	c := &cobra.Command{
		Use:     "check --target ID --cc CC [--at DATE] [--claim CLAIM]",
		Short:   "ask whether a claim about access was true: counts, networks and evidence, or that nobody measured",
		Example: "bandish check --target x --cc PK --at 2024-03-13 --claim accessible",
		Args:    noArgs,
		RunE:    doing(func(ctx context.Context, _ []string) error { return checkClaim(ctx, env, &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.target, "target", "", "platform `id`, or a host name")
	f.StringVar(&o.cc, "cc", "", "`country`, ISO 3166-1 alpha-2")
	f.StringVar(&o.at, "at", "", "`date` in EDTF: 2024-03-13, 2024-03-13/2024-03-20; today when empty")
	f.StringVar(&o.claim, "claim", "blocked", "what was said, the `claim`: "+strings.Join(accessClaims, ", "))
	f.StringVar(&o.asn, "asn", "", "`networks`, as AS17557,AS45595; all when empty")
	c.RegisterFlagCompletionFunc("claim", completing(words(accessClaims...)))
	recordsFlag(c, env)
	jsonFlag(c, &o.asJSON)
	return c
}

var accessClaims = []string{"accessible", "restored", "partial", "disrupted", "inaccessible", "blocked"}

func checkClaim(ctx context.Context, env *environment, o *checkFlags) error {
	claim, err := parseClaim(o, time.Now())
	if err != nil {
		return err
	}
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	answer, err := desk.Check(ctx, claim)
	if err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(env.stdout, answer)
	}
	return printClaimAnswer(env.stdout, desk.Records, nil, answer)
}

// parseClaim reads the claim from the flags. A claim without a date is about today (UTC).
func parseClaim(o *checkFlags, now time.Time) (casefile.AccessClaim, error) {
	platform, cc, when, says, networks := o.target, o.cc, o.at, o.claim, o.asn
	claim := casefile.AccessClaim{Target: platform, CC: strings.ToUpper(cc)}
	if platform == "" || cc == "" {
		return claim, usageError("check needs --target and --cc: bandish check --target x --cc PK --at 2024-03-13 --claim accessible")
	}
	if when == "" {
		when = now.UTC().Format(time.DateOnly)
	}
	registry, err := loadTargets()
	if err != nil {
		return claim, err
	}
	if claim.Target, _, err = registry.Resolve(platform); err != nil {
		return claim, err
	}
	if claim.At, err = casefile.ParseDate(when); err != nil {
		return claim, usageError("--at: %v", err)
	}
	if claim.Says, err = casefile.ParseAccess(says); err != nil {
		return claim, usageError("--claim: %v", err)
	}
	if !casefile.KnownCountry(claim.CC) {
		return claim, usageError("--cc %q is not an ISO 3166-1 alpha-2 code", cc)
	}
	asns, err := asnList(networks)
	for _, n := range asns {
		claim.Networks = append(claim.Networks, network.ASN(n))
	}
	return claim, err
}
