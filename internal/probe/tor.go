package probe

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/address"
	"github.com/bandish/bandish/measurement"
)

// TorAuthority is a directory authority of Tor. The addresses are public and built into
// every tor.
type TorAuthority struct {
	Name        string
	ORPort      netip.AddrPort
	DirPort     netip.AddrPort
	Fingerprint string // of its RSA identity, in upper-case hex
}

//go:embed tor_authorities.tsv
var torAuthorities string

// TorAuthorities returns the authorities in tor_authorities.tsv, which names its source.
var TorAuthorities = sync.OnceValue(func() (out []TorAuthority) {
	for line := range strings.Lines(torAuthorities) {
		if f := strings.Fields(line); !strings.HasPrefix(line, "#") {
			out = append(out, TorAuthority{f[0], netip.MustParseAddrPort(f[1]), netip.MustParseAddrPort(f[2]), f[3]})
		}
	}
	return out
})

// Tor connects to the directory authorities and makes a TLS handshake with each, as OONI's
// tor test does. It builds no circuit.
func Tor(ctx context.Context, cfg Config) (*measurement.Measurement, error) {
	return torAt(ctx, cfg, TorAuthorities())
}

func torAt(ctx context.Context, cfg Config, authorities []TorAuthority) (*measurement.Measurement, error) {
	start := cfg.Now()
	targets := map[string]measurement.TorTarget{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, a := range authorities {
		all.Go(func() {
			t := torTarget(ctx, cfg, start, a)
			mu.Lock()
			defer mu.Unlock()
			targets[a.ORPort.String()] = t
		})
	}
	all.Wait()
	m := cfg.document(start, "tor", "0.4.0")
	m.TestKeys.Targets = targets
	return m, nil
}

func torTarget(ctx context.Context, cfg Config, start time.Time, a TorAuthority) measurement.TorTarget {
	rec := newRecord(start, cfg)
	w := cfg.Wire
	w.Watch = rec.event
	tx := rec.next(depthTag(0))
	d := w.Connect(ctx, tx, a.ORPort)
	rec.dial(d, tx)
	note := Note{Step: "tor", What: a.Name + " at " + a.ORPort.String(), Failure: Failure(d.Err), Took: d.End.Sub(d.Start)}
	if d.Err == nil {
		// Relays use self-made certificates.
		_, h := w.TLS(ctx, d.Conn, a.ORPort, Hello{NoVerify: true})
		d.Conn.Close()
		rec.handshake(h, tx)
		note.Failure, note.Took = Failure(h.Err), h.End.Sub(d.Start)
	}
	if cfg.OnNote != nil && note.Failure != failInterrupted {
		cfg.OnNote(note)
	}
	k := rec.finish()
	return measurement.TorTarget{
		Connection: measurement.Connection{NetworkEvents: k.NetworkEvents, Queries: orEmpty(k.Queries), Requests: k.Requests, TCPConnect: k.TCPConnect, TLSHandshakes: k.TLSHandshakes},
		Failure:    measurement.Failure(note.Failure), TargetAddress: a.ORPort.String(), TargetName: a.Name, TargetProtocol: "or_port_dirauth",
	}
}

// ErrNoTor means that no tor is installed.
var ErrNoTor = errors.New("no program tor is installed here; install it to see whether Tor works from this network")

// bootstrapped finds tor's progress in its log.
var bootstrapped = regexp.MustCompile(`Bootstrapped (\d+)%(?: \(([a-z_]+)\))?`)

// maxBootstrap is how long tor may take.
const maxBootstrap = 5 * time.Minute

// TorBootstrap starts an installed tor and watches how far it gets, as OONI's vanilla_tor
// test does. Tor's own steps are not recorded. They always go over the kernel's network,
// not over cfg.Network.
func TorBootstrap(ctx context.Context, cfg Config) (*measurement.Measurement, error) {
	program, err := exec.LookPath("tor")
	if err != nil {
		return nil, ErrNoTor
	}
	return torBootstrap(ctx, cfg, program, "vanilla", nil)
}

// transports lists, for each pluggable transport of Tor, the programs that implement it.
// The first that is installed is used.
var transports = map[string][]string{
	"obfs4":     {"lyrebird", "obfs4proxy"},
	"webtunnel": {"lyrebird", "webtunnel-client"},
	"snowflake": {"snowflake-client", "lyrebird"},
}

// TorBridge starts tor with a bridge. line is the bridge's line in a torrc ("obfs4
// 192.0.2.1:443 FINGERPRINT cert=… iat-mode=0"). The bridge is a secret of its user and is
// not in the measurement.
func TorBridge(ctx context.Context, cfg Config, line string) (*measurement.Measurement, error) {
	program, err := exec.LookPath("tor")
	if err != nil {
		return nil, ErrNoTor
	}
	transport, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	for _, name := range transports[transport] {
		if client, err := exec.LookPath(name); err == nil {
			return torBootstrap(ctx, cfg, program, transport, []string{
				"UseBridges", "1", "ClientTransportPlugin", transport + " exec " + client, "Bridge", line,
			})
		}
	}
	if transports[transport] == nil {
		return nil, fmt.Errorf("read bridge: transport %q is not obfs4, webtunnel or snowflake", transport)
	}
	return nil, fmt.Errorf("%w for the transport %s: install %s", ErrNoTor, transport, strings.Join(transports[transport], " or "))
}

func torBootstrap(ctx context.Context, cfg Config, program, transport string, more []string) (*measurement.Measurement, error) {
	dir, err := os.MkdirTemp("", "bandish-tor-")
	if err != nil {
		return nil, fmt.Errorf("start tor: %w", err)
	}
	defer os.RemoveAll(dir)
	start := cfg.Now()
	limited, cancel := context.WithTimeout(ctx, maxBootstrap)
	defer cancel()
	args := []string{"-f", os.DevNull, "--defaults-torrc", os.DevNull, "--ignore-missing-torrc",
		"SocksPort", "0", "DataDirectory", dir, "Log", "notice stdout", "AvoidDiskWrites", "1"}
	cmd := exec.CommandContext(limited, program, append(args, more...)...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start tor: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start tor: %w", err)
	}
	test, version := "vanilla_tor", "0.3.0"
	if transport == "snowflake" {
		test, version = "torsf", "0.5.0"
	}
	m := cfg.document(start, test, version)
	k := &m.TestKeys
	k.TransportName, k.Timeout = transport, maxBootstrap.Seconds()
	lines := bufio.NewScanner(out)
	for k.TorProgress < 100 && lines.Scan() {
		p := bootstrapped.FindStringSubmatch(lines.Text())
		if p == nil {
			continue
		}
		if n, err := strconv.ParseFloat(p[1], 64); err == nil {
			k.TorProgress, k.TorProgressTag = n, p[2]
		}
		k.TorLogs = append(k.TorLogs, address.Scrub(strings.TrimSpace(lines.Text())))
		if cfg.OnNote != nil {
			cfg.OnNote(Note{Step: "tor", What: "bootstrap over " + transport, Detail: p[1] + "%", Took: cfg.Now().Sub(start)})
		}
	}
	ended := limited.Err()
	cancel()
	cmd.Wait() // we killed it, or it ended by itself; what counts was read
	m.Runtime = cfg.Now().Sub(start).Seconds()
	if ctx.Err() != nil && k.TorProgress < 100 {
		return nil, fmt.Errorf("start tor: %w: the time allowed is over before tor's own", ctx.Err())
	}
	success := k.TorProgress >= 100
	k.Success = &success
	switch {
	case success:
		k.BootstrapTime = m.Runtime
	case errors.Is(ended, context.DeadlineExceeded):
		k.Failure = failTimeout
	case len(k.TorLogs) == 0:
		return nil, fmt.Errorf("start tor: %s ended without a word on its progress", program)
	default:
		k.Failure = "unknown_failure: tor ended"
	}
	return m, nil
}
