package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

func checkCommand() command {
	return command{
		name:  "check",
		usage: "--target ID --cc CC --at DATE --claim accessible|restored|partial|disrupted|inaccessible|blocked [--asn N,N] [--json]",
		about: "ask whether a claim about access was true: counts, networks and evidence, or that nobody measured",
		run:   runCheck,
	}
}

func runCheck(ctx context.Context, env *environment, args []string) error {
	set := newFlags(env, "check")
	asJSON := set.Bool("json", false, "print JSON")
	data := dataFlag(set)
	folder := recordsFlag(set.String)
	platform := set.String("target", "", "platform `id`, or a host name")
	cc := set.String("cc", "", "`country`, ISO 3166-1 alpha-2")
	when := set.String("at", "", "`date` in EDTF: 2024-03-13, 2024-03-13/2024-03-20")
	says := set.String("claim", "", "what was said: accessible, restored, partial, disrupted, inaccessible, `blocked`")
	networks := set.String("asn", "", "`networks`, as AS17557,AS45595; all when empty")
	rest, err := parseFlags(set, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError("check takes flags only, got %q", rest[0])
	}
	claim, err := parseClaim(*platform, *cc, *when, *says, *networks)
	if err != nil {
		return err
	}
	desk, done, err := openDesk(ctx, *data, *folder)
	if err != nil {
		return err
	}
	defer done()
	answer, err := desk.Check(ctx, claim)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.stdout, answer)
	}
	return printClaimAnswer(env.stdout, desk.Records, nil, answer)
}

func parseClaim(platform, cc, when, says, networks string) (casefile.AccessClaim, error) {
	claim := casefile.AccessClaim{Target: platform, CC: strings.ToUpper(cc)}
	if platform == "" || cc == "" || when == "" || says == "" {
		return claim, usageError("check needs --target, --cc, --at and --claim: bandish check --target x --cc PK --at 2024-03-13 --claim accessible")
	}
	registry, err := target.Load(targets.FS)
	if err != nil {
		return claim, fmt.Errorf("read the target registry: %w", err)
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
	for _, n := range strings.FieldsFunc(networks, func(r rune) bool { return r == ',' || r == ' ' }) {
		asn, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(n), "AS"), 10, 32)
		if err != nil || asn == 0 {
			return claim, usageError("--asn %q is not a network; write AS17557", n)
		}
		claim.Networks = append(claim.Networks, casefile.ASN(asn))
	}
	return claim, nil
}
