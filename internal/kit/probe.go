package kit

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

// Arguments names what the commands take besides flags, for usage texts.
const Arguments = "TARGET|URL…"

// session is one run of a command.
type session struct {
	env    *Env
	opts   *options
	cfg    probe.Config
	judge  judge
	screen *screen
	submit bool
	jsonTo io.Writer // nil: write no JSON

	verdicts []verdict.Row // of this run
}

// Command is a command of the kit: its flags, and what it does when they are read.
type Command struct {
	Flags *flag.FlagSet
	// Run does the work. args are the arguments without flags. The error may be an
	// *ExitError.
	Run func(ctx context.Context, args []string) error
}

// newCommand makes a command with the flags that all commands share.
func newCommand(env *Env, name string) (*Command, *options) {
	c, o := &Command{Flags: flag.NewFlagSet(name, flag.ContinueOnError)}, new(options)
	c.Flags.SetOutput(env.Stderr)
	o.flags(c.Flags, env)
	return c, o
}

// Do reads the flags, which may stand before, between and after the arguments, and runs
// the command.
func (c *Command) Do(ctx context.Context, args []string) error {
	rest, err := parse(c.Flags, args)
	if err != nil {
		return err
	}
	return c.Run(ctx, rest)
}

// Probe measures what its arguments name, and says what it found. The error carries the
// exit code. If the first argument is "install", it runs NewInstall's command with the
// others.
func Probe(ctx context.Context, env *Env, args []string) error {
	if len(args) > 0 && args[0] == "install" {
		return NewInstall(env).Do(ctx, args[1:])
	}
	return NewProbe(env).Do(ctx, args)
}

// NewProbe is the command that measures once what its arguments name.
func NewProbe(env *Env) *Command {
	c, o := newCommand(env, "probe")
	jsonFile := c.Flags.String("json", "", "write the measurements to `FILE`, a line each; - is standard output")
	c.Run = func(ctx context.Context, args []string) error { return o.probe(ctx, env, *jsonFile, args) }
	return c
}

func (o *options) probe(ctx context.Context, env *Env, jsonFile string, rest []string) error {
	registry, err := target.Load(targets.FS)
	if err != nil {
		return fmt.Errorf("read the target registry: %w", err)
	}
	jobs, err := o.jobs(registry, rest)
	if err != nil {
		return err
	}
	s, err := o.session(ctx, env, registry, jsonFile == "-")
	if err != nil {
		return err
	}
	finish, err := s.openJSON(jsonFile)
	if err != nil {
		return err
	}
	code, err := s.all(ctx, jobs)
	if closeErr := finish(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if s.submit {
		if err := s.send(ctx); err != nil {
			fmt.Fprintf(env.Stderr, "%v\n", err) // what was found stays valid
		}
	}
	if code != 0 {
		return &ExitError{Code: code}
	}
	return nil
}

// session asks for consent and prepares a run.
func (o *options) session(ctx context.Context, env *Env, registry *target.Registry, jsonOut bool) (*session, error) {
	cfg, err := o.config(env)
	if err != nil {
		return nil, err
	}
	submit, err := o.consented(env)
	if err != nil {
		return nil, err
	}
	if submit && o.collector == "" {
		return nil, usage("--submit: name the server with --collector URL or $%s; ooni is OONI's", CollectorVariable)
	}
	o.checkIn(ctx, env, &cfg)
	cfg.Resolver = cfg.ResolverPlace(ctx)
	s := &session{env: env, opts: o, cfg: cfg, judge: newJudge(registry), submit: submit, screen: &screen{out: env.Stdout}}
	if jsonOut {
		s.screen.out = env.Stderr
	}
	s.cfg.OnNote = s.screen.note
	return s, nil
}

func (s *session) openJSON(path string) (finish func() error, err error) {
	switch path {
	case "":
		return func() error { return nil }, nil
	case "-":
		s.jsonTo = s.env.Stdout
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	s.jsonTo = f
	return f.Close, nil
}

// job is one thing to measure.
type job struct {
	url  string // to measure with web_connectivity
	tool *tool  // or a circumvention tool to try
}

// jobs returns what the arguments and flags name, each once.
func (o *options) jobs(registry *target.Registry, args []string) ([]job, error) {
	var urls []string
	var jobs []job
	for _, arg := range args {
		if t := toolOf(arg); t != nil {
			jobs = append(jobs, job{tool: t})
			continue
		}
		if strings.HasPrefix(arg, "openvpn://") {
			if _, _, err := probe.ParseOpenVPN(arg); err != nil {
				return nil, usage("%v", err)
			}
			jobs = append(jobs, job{tool: openVPN(arg)})
			continue
		}
		more, err := urlsOf(registry, arg)
		if err != nil {
			return nil, usage("%v", err)
		}
		urls = append(urls, more...)
	}
	if o.all {
		for _, p := range registry.Platforms() {
			urls = append(urls, platformURLs(p)...)
		}
	}
	if o.list != "" {
		more, err := listURLs(o.list)
		if err != nil {
			return nil, err
		}
		urls = append(urls, more...)
	}
	if o.circumvent {
		for _, p := range registry.Platforms() {
			if p.Kind == target.Circumvention {
				urls = append(urls, platformURLs(p)...)
			}
		}
		for _, t := range tools() {
			jobs = append(jobs, job{tool: &t})
		}
	}
	if o.wireguard != "" {
		more, err := wireGuards(o.wireguard)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, more...)
	}
	if o.bridges != "" {
		more, err := bridges(o.bridges)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, more...)
	}
	seen := map[string]bool{}
	for _, u := range urls {
		if !seen[u] {
			seen[u] = true
			jobs = append(jobs, job{url: u})
		}
	}
	if len(jobs) == 0 {
		return nil, usage("name a platform, a host or a URL to probe, or give --all or --country-list FILE")
	}
	return jobs, nil
}

// urlsOf returns the URLs of one argument. A URL or a host name stands for itself; the id
// or an alias of a platform stands for its services.
func urlsOf(registry *target.Registry, arg string) ([]string, error) {
	if !strings.Contains(arg, "://") && !strings.Contains(arg, ".") {
		id, _, err := registry.Resolve(arg)
		if err != nil {
			return nil, err
		}
		if p, ok := registry.Platform(id); ok {
			return platformURLs(p), nil
		}
	}
	u, err := probe.ParseInput(arg)
	if err != nil {
		return nil, err
	}
	return []string{u.String()}, nil
}

// platformURLs returns the web endpoints of a platform's services, or else the pages of
// its domains.
func platformURLs(p *target.Platform) []string {
	var out []string
	for _, s := range p.Services {
		for _, e := range s.Endpoints {
			if u, err := probe.ParseInput(e); err == nil && !slices.Contains(out, u.String()) {
				out = append(out, u.String())
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, h := range p.HostNames(time.Now()) {
		if u, err := probe.ParseInput(h); err == nil {
			out = append(out, u.String())
		}
	}
	return out
}

func listURLs(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, _, err := target.ReadTestList(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var out []string
	for _, e := range entries {
		if u, err := probe.ParseInput(e.URL); err == nil {
			out = append(out, u.String())
		}
	}
	return out, nil
}

// gravity orders exit codes. The code of a list of results is the last of them in this
// order.
var gravity = []int{0, ExitDown, ExitUnclear, ExitBlocked}

// all measures the jobs one after the other, and returns the gravest exit code.
func (s *session) all(ctx context.Context, jobs []job) (int, error) {
	worst := 0
	count := map[int]int{}
	s.verdicts = nil
	for _, j := range jobs {
		code, err := s.one(ctx, j)
		if err != nil {
			return worst, err
		}
		count[code]++
		if slices.Index(gravity, code) > slices.Index(gravity, worst) {
			worst = code
		}
	}
	regime, err := s.regime(ctx)
	if err != nil {
		return worst, err
	}
	if regime != "" {
		s.screen.printf("%s\n", regime)
		return worst, nil
	}
	if len(jobs) > 1 {
		s.screen.printf("Of %d from %s: %d reachable, %d blocked, %d down, %d unclear.\n",
			len(jobs), s.cfg.Place, count[0], count[ExitBlocked], count[ExitDown], count[ExitUnclear])
	}
	return worst, nil
}

// one measures one job, judges it, shows it and keeps it. It returns the exit code.
func (s *session) one(ctx context.Context, j job) (int, error) {
	limited, cancel := context.WithTimeout(ctx, s.opts.maxTime)
	defer cancel()
	s.screen.printf("%s from %s\n", j, s.cfg.Place)
	m, err := s.measure(limited, j)
	if err != nil {
		if ctx.Err() != nil {
			return 0, &ExitError{Code: exitInterrupted, Err: errors.New("interrupted")}
		}
		if j.tool != nil { // it is not installed, or slower than --max-time
			s.screen.printf("%s could not be measured: %v\n", j, err)
			return ExitUnclear, nil
		}
		return 0, err
	}
	v, err := s.judge.conclude(m)
	if err != nil {
		return 0, err
	}
	s.show(m, v)
	return exitCode(v), s.keep(m, v)
}

// keep writes a measurement to all places where it is wanted.
func (s *session) keep(m *measurement.Measurement, v verdict.Row) error {
	s.verdicts = append(s.verdicts, v)
	raw, err := Document(m, v)
	if err != nil {
		return err
	}
	if s.jsonTo != nil {
		if _, err := s.jsonTo.Write(append(raw, '\n')); err != nil {
			return fmt.Errorf("write the measurement: %w", err)
		}
	}
	if s.submit {
		return s.opts.spool().add(raw, s.env.Now())
	}
	return nil
}

func (j job) String() string {
	if j.tool != nil {
		return j.tool.name
	}
	return j.url
}

func (s *session) measure(ctx context.Context, j job) (*measurement.Measurement, error) {
	if j.tool != nil {
		return j.tool.measure(ctx, s.cfg)
	}
	return probe.Run(ctx, s.cfg, j.url)
}

// show prints the facts of the contrasts, and the conclusion.
func (s *session) show(m *measurement.Measurement, v verdict.Row) {
	for _, t := range triggers(m) {
		s.screen.printf("   - %s\n", t)
	}
	s.screen.printf("%s\n   state %s, rules %s, ruleset %s, %.1f s\n", sentence(m, v, s.cfg.Place.String()), v.State, strings.Join(v.Rules, " "), v.Ruleset, m.Runtime)
}

// send submits what is kept.
func (s *session) send(ctx context.Context) error {
	c := collector{site: s.opts.site(s.opts.collector, &s.cfg), wire: s.cfg.Wire, now: s.env.Now}
	n, err := s.opts.spool().submit(ctx, c)
	if n > 0 {
		s.screen.printf("submitted %d to %s\n", n, s.opts.collector)
	}
	return err
}
