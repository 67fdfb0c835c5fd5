package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/country/zone"
	"github.com/bandish/bandish/internal/target"
	"github.com/spf13/cobra"
)

// newCase is a case that begins: what its files say on the first day.
type newCase struct {
	id, cc, target, name, offset, folder string
	year                                 int
	known                                *ban.Ban // what lists and measurements say of the ban
}

var caseID = regexp.MustCompile(`^([a-z]{2})-(\d{4})-[a-z0-9]+(-[a-z0-9]+)*$`)

func recordNewCommand(env *environment) *cobra.Command {
	var n newCase
	c := &cobra.Command{
		Use:   "new [ID]",
		Short: "begin a case: write its files with what is known of it already",
		Example: `bandish record new
bandish record new zz-2026-x --target x`,
		Annotations: map[string]string{argumentsNote: "ID  country, year and platform, for instance pk-2024-x; if it is left out, a person at a terminal is asked"},
		RunE: doing(func(ctx context.Context, args []string) error {
			if len(args) > 1 {
				return usageError("record new takes one id, got %d", len(args))
			}
			return recordNew(ctx, env, n, args)
		}),
	}
	c.Flags().StringVar(&n.cc, "cc", "", "`country` of the new case, ISO 3166-1 alpha-2")
	c.Flags().StringVar(&n.target, "target", "", "`platform` of the new case, by id, name or host")
	recordsFlag(c, env)
	return c
}

// recordNew writes the files of a new case with everything that is known already. If a
// person can answer, it asks for what the flags do not give.
func recordNew(ctx context.Context, env *environment, n newCase, args []string) error {
	registry, err := loadTargets()
	if err != nil {
		return err
	}
	n.cc, n.folder = strings.ToUpper(n.cc), env.records
	if n.folder == "" {
		n.folder = "records"
	}
	if len(args) > 0 {
		n.id = args[0]
	}
	if err := n.ask(env); err != nil {
		return err
	}
	if err := n.resolve(registry); err != nil {
		return err
	}
	dir := filepath.Join(n.folder, n.id)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; choose another id", dir)
	}
	if n.known, err = n.lookUp(ctx, env, registry); err != nil {
		return err
	}
	files := n.files()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("begin case %s: %w", n.id, err)
	}
	for _, file := range files {
		path := filepath.Join(dir, file.name)
		if err := os.WriteFile(path, []byte(file.text), 0o644); err != nil {
			return fmt.Errorf("begin case %s: %w", n.id, err)
		}
		fmt.Fprintln(env.stdout, filepath.ToSlash(path))
	}
	if n.known != nil {
		fmt.Fprintf(env.stdout, "%s already tell of it: %s\n", number(len(n.known.Reports), "report"), n.known.ID)
	}
	_, err = fmt.Fprintf(env.stdout, "Fill it in, then: bandish record lint --records %s (how: docs/write-a-case.md)\n", n.folder)
	return err
}

// ask asks for what is missing, if a person sits at the terminal.
func (n *newCase) ask(env *environment) error {
	in, ok := env.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		if n.id == "" {
			return usageError("record new takes the id of the case: country, year and platform, pk-2024-x")
		}
		return nil
	}
	lines := bufio.NewReader(in)
	question := func(text string, answer *string) error {
		if *answer != "" {
			return nil
		}
		fmt.Fprint(env.stderr, text+" ")
		line, err := lines.ReadString('\n')
		if *answer = strings.TrimSpace(line); err != nil && *answer == "" {
			return fmt.Errorf("read the answer: %w", err)
		}
		return nil
	}
	err := question("Which platform (x, Telegram, x.com)?", &n.target)
	if n.id == "" && err == nil {
		if err = question("In which country (PK, Pakistan)?", &n.cc); err != nil {
			return err
		}
		year := ""
		if err = question("In which year did it begin?", &year); err != nil {
			return err
		}
		if cc, ok := country.Code(n.cc); ok {
			n.cc = cc
		}
		n.id = fmt.Sprintf("%s-%s-%s", strings.ToLower(n.cc), year, strings.ToLower(n.target))
	}
	return err
}

// resolve turns what was given into terms of the record.
func (n *newCase) resolve(registry *target.Registry) error {
	if id := registry.OfName(strings.ToLower(n.target)); id != "" {
		n.target = id
	}
	platform, _, err := registry.Resolve(n.target)
	p, known := registry.Platform(platform)
	if err != nil || !known {
		return usageError("--target %q is no platform; `bandish targets` lists them", n.target)
	}
	if host := strings.ToLower(n.target); host != platform && strings.HasSuffix(n.id, "-"+host) {
		n.id = strings.TrimSuffix(n.id, host) + platform
	}
	n.target, n.name = platform, p.Name
	m := caseID.FindStringSubmatch(n.id)
	if m == nil {
		return usageError("%q is not the id of a case; write country, year and platform: pk-2024-x", n.id)
	}
	if cc, ok := country.Code(n.cc); ok && !casefile.KnownCountry(n.cc) {
		n.cc = cc // "Pakistan"
	}
	if n.cc == "" {
		n.cc = strings.ToUpper(m[1])
	}
	if !casefile.KnownCountry(n.cc) {
		return usageError("%q is not an ISO 3166-1 alpha-2 code; give the country with --cc", n.cc)
	}
	n.year, _ = strconv.Atoi(m[2]) // matched as four digits
	n.offset = time.Date(n.year, 1, 1, 0, 0, 0, 0, zone.Location(n.cc)).Format("-07:00")
	return nil
}

// lookUp returns the longest ban of the platform in the country that began in the year,
// from imported lists and measurements; nil if they know none.
func (n *newCase) lookUp(ctx context.Context, env *environment, registry *target.Registry) (*ban.Ban, error) {
	with := *env
	if with.records = n.folder; !isFolder(n.folder) {
		with.records = ""
	}
	filter := banFilter{env: &with, target: n.target, cc: n.cc, registry: registry, day: time.Now().UTC()}
	bans, err := filter.bans(ctx, true)
	if err != nil {
		return nil, err
	}
	bans = slices.DeleteFunc(bans, func(b ban.Ban) bool { return b.Start.Year() != n.year || b.Basis.Dataset == ban.Record })
	ranked := ban.Rank(bans, filter.day)
	if len(ranked) == 0 {
		return nil, nil
	}
	return &ranked[0].Ban, nil
}

// newFile is one file of a new case.
type newFile struct{ name, text string }

const schemaLine = "# yaml-language-server: $schema=../casefile.schema.json\n"

// files returns the texts of the case's files. What nobody knows yet stands there as a
// comment that shows its form.
func (n *newCase) files() []newFile {
	title := n.cc
	if name := country.Name(n.cc); name != "" {
		title = name
	}
	start, end, status := "null           # {date: 2024-02-17, what: …, cites: [id of a source]}", "null             # null while it lasts", "unknown       # ongoing, ended or unknown"
	sightings, sources := sightingForm, sourceForm
	if n.known != nil {
		start, end, status, sightings, sources = n.fromLists()
	}
	return []newFile{
		{"case.yaml", fmt.Sprintf(caseForm, n.id, title, n.name, n.year, n.cc, n.offset, n.target, status, start, end) + actForm + claimForm + sources},
		{"sightings.yaml", schemaLine + sightings},
		{"dockets.yaml", schemaLine + docketForm},
		{"disputes.yaml", schemaLine + disputeForm},
		{"requests.yaml", schemaLine + requestForm},
	}
}

// fromLists writes what the lists say: start and end, a sighting for each report, and a
// source for each list. The texts say that they come from lists.
func (n *newCase) fromLists() (start, end, status, sightings, sources string) {
	b := n.known
	cites, told := []string{}, map[string]ban.Report{} // told: for each list, the report with the last day
	sightings = "# What others' lists say; look at their own sources and say it in your words.\nsightings:\n"
	sources = "\nsources:\n"
	for _, r := range b.Reports {
		if r.Origin.Dataset == ban.Measured || r.Origin.Dataset == ban.Record {
			sightings += fmt.Sprintf("# measured here: %s, from %s; the archive answers for it\n", r.Origin.ID, r.Start.Format(time.DateOnly))
			continue
		}
		id := listID(r)
		if !slices.Contains(cites, id) {
			cites = append(cites, id)
		}
		if last := r.Known; last.After(told[id].Known) {
			told[id] = r
		}
		sightings += fmt.Sprintf("  - id: list-%d\n    date: %s\n    targets: [%s]\n    access: blocked\n    what: %s\n    cites: [%s]\n",
			r.Origin.Row, listSpan(r), n.target, strconv.Quote(fmt.Sprintf("%s has it as %s from %s.", r.Origin, r.Status, r.Start.Format(time.DateOnly))), id)
	}
	if len(cites) == 0 {
		_, comments, _ := strings.Cut(sightings, "sightings:\n")
		return "null", "null", "unknown", comments + sightingForm, sourceForm
	}
	for _, id := range cites {
		sources += listSource(id, told[id])
	}
	list := strings.Join(cites, ", ")
	start = fmt.Sprintf("{date: %s, what: By others' lists., cites: [%s]}", b.Start.Format(time.DateOnly), list)
	end, status = "null", "ongoing"
	switch b.Status {
	case ban.Ended:
		end, status = fmt.Sprintf("{date: %s, what: By others' lists., cites: [%s]}", b.End.Format(time.DateOnly), list), "ended"
	case ban.Unknown:
		status = "unknown"
	}
	return start, end, status, sightings, sources
}

// listID is the id of the source for a list.
func listID(r ban.Report) string {
	if r.Origin.Dataset == ban.OONI {
		return "ooni-finding-" + r.Origin.ID
	}
	return string(r.Origin.Dataset) + "-list"
}

// listSource writes the source for a list.
func listSource(id string, r ban.Report) string {
	publisher := map[ban.Dataset]string{ban.KeepItOn: "Access Now (KeepItOn)", ban.OONI: "OONI", ban.SFLC: "SFLC.in"}[r.Origin.Dataset]
	url, kind, grade, hand := "null", "research", "B", "\n    hand: second"
	if r.Origin.Dataset == ban.OONI {
		url, kind, grade, hand = "https://explorer.ooni.org/findings/"+r.Origin.ID, "measurement", "A", ""
	}
	return fmt.Sprintf(`  - id: %s
    publisher: %s
    title: null
    date: %s
    date_note: The last day of which its rows here tell; it came out then or later.
    url: %s
    type: %s
    language: en
    reliability: %s
    reliability_reason: a list that was imported here%s
    read: excerpt
    note: Read were its rows here, in %s.
`, id, publisher, r.Known.Format(time.DateOnly), url, kind, grade, hand, r.Origin.File)
}

func listSpan(r ban.Report) string {
	switch last := r.Known; {
	case r.Status == ban.Ended && !r.End.Equal(r.Start):
		return r.Start.Format(time.DateOnly) + "/" + r.End.Format(time.DateOnly)
	case last.After(r.Start):
		return r.Start.Format(time.DateOnly) + "/" + last.Format(time.DateOnly)
	}
	return r.Start.Format(time.DateOnly)
}

const caseForm = schemaLine + `# Facts in your own words, each with its source. What no source gives stays null.
id: %s
title: "%s: access to %s, from %d"          # say what it is about, not how it ended
jurisdiction: %s
utc_offset: "%s"  # in which the days below are days
targets: [%s]
status: %s
start: %s
end: %s
`

const actForm = `
acts: []
#  - id: letter
#    kind: order      # the kinds are listed in docs/formats/record.md
#    date: 2024-02-17 # EDTF: 2024-02, 2024-02-17~ (about), "[2024-02-17..2024-02-19]" (one of)
#    by: []           # ids of actors, of this case or of records/shared
#    asserted_by: []  # who says that it took place, where the sources do not know it themselves
#    what: One sentence of your own.
#    effect: restrict # restrict, restore or keep, where it would change access
#    cites: [{source: paper-2024-02-18, phrase: at most 25 words}]
`

const claimForm = `
claims: []
#  - id: works
#    by: [minister]
#    date: 2024-03-13
#    about: access    # access, number, law, conduct
#    says: It works.
#    access: {target: x, cc: PK, at: 2024-03-13, says: accessible}
#    cites: [{source: paper-2024-03-14, phrase: at most 25 words}]
`

const sourceForm = `
sources: []
#  - id: paper-2024-02-18
#    publisher: Name of the paper
#    title: null
#    date: 2024-02-18 # of publication; facts count as known from here
#    url: null
#    type: press
#    language: en
#    reliability: B   # A to F
#    reliability_reason: why, in a sentence
#    read: excerpt    # whole, excerpt, unread
`

const sightingForm = `# What others saw or measured of access. Our own measurements stand in the archive.
#sightings:
#  - id: goes-down
#    date: 2024-02-17T22:00:00+05:00
#    targets: [x]
#    access: inaccessible # accessible, restored, partial, disrupted, inaccessible, blocked
#    onset: true          # it tells when access was lost
#    what: It goes down at about ten in the evening.
#    cites: [{source: paper-2024-02-18, phrase: at most 25 words}]
`

const docketForm = `# Cases before courts. Their hearings are the acts that name them.
#dockets:
#  - id: high-court
#    court: xx-high-court # an actor
#    number: null
#    petitioners: [Name as the sources give it]
#    respondents: []      # ids of actors
#    relief: what is asked
#    outcome: null
#    cites: [paper-2024-02-18]
`

const disputeForm = `# Facts that disagree, side by side.
#disputes:
#  - id: which-day
#    question: On which day did it begin?
#    positions:
#      - {says: On the 17th., cites: [paper-2024-02-18]}
#      - {says: On the 18th., cites: [other-2024-02-19]}
`

const requestForm = `# Counts of what authorities asked of the platform, as each side counts them.
#requests:
#  - id: regulator-2024
#    authority: xx-regulator
#    cc: XX
#    platform: x
#    period: 2024-01/2024-06
#    counter: period  # or cumulative
#    level: url       # url, account, demand, information, item
#    reported_by: xx-regulator
#    compliance: authority_sees_blocked # by whose rule something counts as complied with
#    sent: 100
#    complied: 50
#    cites: [paper-2024-07-01]
`

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
