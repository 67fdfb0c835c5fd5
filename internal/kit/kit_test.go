package kit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/trial"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	// Most of a test is waiting. What -parallel says comes after and decides.
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// shelf is an archive in a folder: a synced file for each document.
type shelf struct {
	dir string

	mu    sync.Mutex
	order []string              // SHA-256 in the order of arrival
	fail  func(kept bool) error // fails before (false) or after (true) the document is kept
}

func (s *shelf) Submit(_ context.Context, doc []byte, _ collect.Sender) (collect.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(false); err != nil {
			return collect.Receipt{}, err
		}
	}
	if _, err := measurement.Decode(doc); err != nil {
		return collect.Receipt{}, err
	}
	sum := sha256.Sum256(doc)
	name := hex.EncodeToString(sum[:])
	if err := writeDurably(filepath.Join(s.dir, name), doc); err != nil {
		return collect.Receipt{}, err
	}
	s.order = append(s.order, name)
	if s.fail != nil {
		if err := s.fail(true); err != nil {
			return collect.Receipt{}, err
		}
	}
	return collect.Receipt{UID: "uid-" + name[:8], SHA256: name}, nil
}

func (s *shelf) docs(t *testing.T) (out []*measurement.Measurement) {
	t.Helper()
	files, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(s.dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		m, err := measurement.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// person is somebody at a terminal in the lab.
type person struct {
	t        *testing.T
	env      Env
	out, err bytes.Buffer
	data     string
	resolver string
}

// field starts a lab with a helper and a collector that keeps on the shelf.
func field(t *testing.T) (*trial.Field, *shelf) {
	t.Helper()
	l, err := lab.New(lab.Sites()...)
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{dir: t.TempDir()}
	f, err := trial.NewField(l, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f, s
}

// at puts a person behind the censor of a scenario.
func at(t *testing.T, f *trial.Field, scenario string) *person {
	t.Helper()
	s, ok := lab.FindScenario(scenario)
	if !ok {
		t.Fatalf("no scenario %s", scenario)
	}
	c, err := f.Lab.Client(lab.Line{Rules: s.Rules, Delay: s.Delay, IPv6: s.IPv6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p := &person{t: t, data: t.TempDir(), resolver: f.Lab.Addrs(lab.ResolverName)[0].String()}
	p.env = p.envOf(c, f.Lab)
	return p
}

func (p *person) envOf(c *lab.Client, l *lab.Lab) Env {
	return Env{
		Stdin: strings.NewReader(""), Stdout: &p.out, Stderr: &p.err, Getenv: func(string) string { return "" },
		Network: c, Now: time.Now, Version: "0.0.0-test", Roots: l.RootCAs(), Timeouts: trial.Timeouts,
	}
}

// run gives a command line; the lab's servers stand in for the usual.
func (p *person) run(do func(context.Context, *Env, []string) error, args ...string) int {
	p.t.Helper()
	p.out.Reset()
	p.err.Reset()
	err := do(p.t.Context(), &p.env, append([]string{
		"--data", p.data, "--collector", "https://" + lab.HelperName, "--resolvers", p.resolver,
		"--innocent", lab.InnocentName, "--object", "none", "--cc", "ZZ", "--asn", "AS64512",
	}, args...))
	var exit *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.Err != nil {
			fmt.Fprintln(&p.err, exit.Err)
		}
		return exit.Code
	}
	fmt.Fprintln(&p.err, err)
	return 1
}

func TestExitCodesAndSentences(t *testing.T) {
	t.Parallel()
	f, _ := field(t)
	for _, c := range []struct {
		scenario, target string
		args             []string
		code             int
		says             []string
	}{
		{"ok-https", "banned.test", nil, 0, []string{"https://banned.test/ is reachable from here (AS64512, country unknown)", "loads the page: 200"}},
		{"tls-reset", "banned.test", nil, ExitBlocked, []string{"blocked here", "[tls.reset", "another name at the same address: answered", "this name at that ordinary server: reset"}},
		{"dns-nxdomain", "banned.test", nil, ExitBlocked, []string{"blocked here", "does not exist"}},
		{"down-refused", "closed.test", nil, ExitDown, []string{"is down"}},
		{"tls-reset", "banned.test", []string{"--helper", "none", "--passive"}, ExitUnclear, []string{"unclear"}},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			t.Parallel()
			p := at(t, f, c.scenario)
			code := p.run(Probe, append(c.args, "--yes", c.target)...)
			if code != c.code {
				t.Errorf("%v: code %d, want %d\n%s%s", c.args, code, c.code, &p.out, &p.err)
			}
			for _, s := range c.says {
				if !strings.Contains(p.out.String(), s) {
					t.Errorf("does not say %q:\n%s", s, &p.out)
				}
			}
		})
	}
}

// What --json writes reads back to the same observations, and says the
// verdict in OONI's words.
func TestJSONReadsBack(t *testing.T) {
	t.Parallel()
	f, _ := field(t)
	for _, c := range []struct {
		scenario             string
		blocking, accessible any
	}{{"ok-https", false, true}, {"tls-reset", "http-failure", false}, {"dns-nxdomain", "dns", false}} {
		p := at(t, f, c.scenario)
		p.run(Probe, "--yes", "--json", "-", "banned.test")
		var doc struct {
			Keys struct {
				Blocking   any `json:"blocking"`
				Accessible any `json:"accessible"`
			} `json:"test_keys"`
		}
		if err := json.Unmarshal(p.out.Bytes(), &doc); err != nil {
			t.Fatalf("%s: standard output is not one document: %v\n%s", c.scenario, err, &p.out)
		}
		if doc.Keys.Blocking != c.blocking || doc.Keys.Accessible != c.accessible {
			t.Errorf("%s: blocking %v, accessible %v", c.scenario, doc.Keys.Blocking, doc.Keys.Accessible)
		}
		m, err := measurement.Decode(bytes.TrimSpace(p.out.Bytes()))
		if err != nil || len(m.Defects) > 0 {
			t.Fatal(err, m.Defects)
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := measurement.Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		a, b := observation.Observe(m, observation.Options{}), observation.Observe(twice, observation.Options{})
		if len(a.Rows) == 0 || !reflect.DeepEqual(a, b) {
			t.Errorf("%s: observations differ after a round trip", c.scenario)
		}
		if !strings.Contains(p.err.String(), "banned.test") {
			t.Error("with --json - the steps go to standard error")
		}
	}
}

func TestConsent(t *testing.T) {
	t.Parallel()
	f, shelf := field(t)
	p := at(t, f, "ok-https")
	for _, answer := range []string{"", "no\n", "y\n"} {
		p.env.Stdin = strings.NewReader(answer)
		if code := p.run(Probe, "--helper", "none", "banned.test"); code != 2 || strings.Contains(p.out.String(), "banned.test") {
			t.Errorf("answer %q: code %d\n%s", answer, code, &p.out)
		}
		if !strings.Contains(p.err.String(), "may take notice") || !strings.Contains(p.err.String(), "--yes") {
			t.Errorf("answer %q is told:\n%s", answer, &p.err)
		}
	}
	// Yes to measuring, no to submitting: asked once, nothing leaves.
	p.env.Stdin = strings.NewReader("yes\nno\n")
	if code := p.run(Probe, "banned.test"); code != 0 {
		t.Fatalf("code %d\n%s", code, &p.err)
	}
	p.env.Stdin = strings.NewReader("")
	if code := p.run(Probe, "banned.test"); code != 0 || strings.Contains(p.err.String(), "Measure?") {
		t.Errorf("asked again: code %d\n%s", code, &p.err)
	}
	if n := len(shelf.docs(t)); n != 0 {
		t.Errorf("%d measurements left without consent", n)
	}
	// --yes consents to measuring only.
	q := at(t, f, "ok-https")
	if code := q.run(Probe, "--yes", "banned.test"); code != 0 || len(shelf.docs(t)) != 0 {
		t.Errorf("--yes submitted: code %d, %d documents", code, len(shelf.docs(t)))
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	f, shelf := field(t)
	p := at(t, f, "tls-reset")
	if code := p.run(Probe, "--yes", "--submit", "banned.test", "innocent.test"); code != ExitBlocked {
		t.Fatalf("code %d\n%s%s", code, &p.out, &p.err)
	}
	docs := shelf.docs(t)
	if len(docs) != 2 || !strings.Contains(p.out.String(), "submitted 2") || !strings.Contains(p.out.String(), "1 reachable, 1 blocked, 0 down, 0 unclear") {
		t.Fatalf("%d documents\n%s%s", len(docs), &p.out, &p.err)
	}
	for _, m := range docs {
		if !strings.Contains(m.ReportID, "_webconnectivity_ZZ_64512_n1_") || m.ProbeCC != "ZZ" {
			t.Errorf("%s: report %q", m.Input, m.ReportID)
		}
	}
	receipts, err := os.ReadFile(filepath.Join(p.data, "probe", "receipts.jsonl"))
	if err != nil || strings.Count(string(receipts), shelf.order[0]) != 1 {
		t.Errorf("receipts: %s %v", receipts, err)
	}
	if names, err := (spool{filepath.Join(p.data, "probe")}).pending(); err != nil || len(names) != 0 {
		t.Errorf("pending: %v %v", names, err)
	}
}

// Offline, results are kept. When the collector is back they arrive in order
// and once, even where it kept a document and could not say so.
func TestOfflineThenInOrderOnce(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("kept %v", late), func(t *testing.T) {
			t.Parallel()
			offlineThenOnline(t, late)
		})
	}
}

// offlineThenOnline: the collector fails before or after it kept a document.
func offlineThenOnline(t *testing.T, late bool) {
	f, shelf := field(t)
	p := at(t, f, "ok-https")
	failures := 1
	broken := true
	shelf.fail = func(kept bool) error {
		if broken && kept == late {
			return errors.New("out of order")
		}
		return nil
	}
	if code := p.run(Watch, "--yes", "--submit", "--every", "1ms", "--rounds", "2", "banned.test", "innocent.test"); code != 0 {
		t.Fatalf("code %d\n%s", code, &p.err)
	}
	s := spool{filepath.Join(p.data, "probe")}
	names, err := s.pending()
	if err != nil || len(names) != 4 {
		t.Fatalf("pending %v %v\n%s", names, err, &p.err)
	}
	broken = false
	if code := p.run(Watch, "--yes", "--submit", "--every", "1ms", "--rounds", "1", "banned.test"); code != 0 {
		t.Fatalf("code %d\n%s", code, &p.err)
	}
	if rest, err := s.pending(); err != nil || len(rest) != 0 {
		t.Errorf("pending %v %v\n%s", rest, err, &p.err)
	}
	sent, err := os.ReadDir(filepath.Join(s.dir, "sent"))
	if err != nil || len(sent) != 5 || sent[0].Name() != names[0] {
		t.Errorf("sent %v %v", sent, err)
	}
	if n := len(shelf.docs(t)); n != 5 {
		t.Errorf("late %v: the archive holds %d documents, want 5 (%d failures)", late, n, failures)
	}
	// The order of arrival is the order of measuring.
	var arrived []string
	for _, sum := range shelf.order {
		if len(arrived) == 0 || arrived[len(arrived)-1] != sum {
			arrived = append(arrived, sum)
		}
	}
	for i, e := range sent {
		raw, err := os.ReadFile(filepath.Join(s.dir, "sent", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		if i < len(arrived) && arrived[i] != hex.EncodeToString(sum[:]) {
			t.Errorf("late %v: document %d did not arrive in its place", late, i)
		}
	}
}

// A document that the collector will never take does not hold up the others.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	f, shelf := field(t)
	p := at(t, f, "ok-https")
	s := spool{filepath.Join(p.data, "probe")}
	bad := []byte(`{"test_name":"x","measurement_start_time":"2024-02-17 00:00:00","report_id":"nonsense","test_keys":{}}`)
	if err := s.add(bad, time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if code := p.run(Probe, "--yes", "--submit", "innocent.test"); code != 0 || len(shelf.docs(t)) != 1 {
		t.Fatalf("code %d, %d documents\n%s", code, len(shelf.docs(t)), &p.err)
	}
	why, err := os.ReadFile(filepath.Join(s.dir, "refused", "20240217T000000.000000000Z.json.reason"))
	if err != nil || !strings.Contains(string(why), "not the name of a report") {
		t.Errorf("reason %q %v", why, err)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	f, _ := field(t)
	list := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(list, []byte("url,category_code,category_description,date_added,source,notes\nhttps://innocent.test/,NEWS,News,2024-01-01,x,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "name a platform"},
		{[]string{"ftp://x.test/"}, 2, "not http or https"},
		{[]string{"nosuchplatform"}, 2, "unknown target"},
		{[]string{"--cc", "Pakistan", "innocent.test"}, 2, "two letters"},
		{[]string{"--asn", "x", "innocent.test"}, 2, "AS17557"},
		{[]string{"--helper", "nonsense", "innocent.test"}, 2, "not the URL of a server"},
		{[]string{"--resolvers", "nonsense", "innocent.test"}, 2, "no address"},
		{[]string{"--geo", "/nonexistent.mmdb", "innocent.test"}, 1, "database of networks"},
		{[]string{"--nonsense"}, 2, "not defined"},
		{[]string{"--helper", "none", "openvpn://198.51.100.1/udp"}, 2, "want openvpn://"},
		{[]string{"--wireguard", list}, 1, "no [Peer]"},
		{[]string{"--country-list", list}, 0, "https://innocent.test/ is reachable"},
		{[]string{"--country-list", list + "x"}, 1, "no such file"},
	} {
		p := at(t, f, "ok-https")
		code := p.run(Probe, append([]string{"--yes"}, c.args...)...)
		if code != c.code || !strings.Contains(p.out.String()+p.err.String(), c.says) {
			t.Errorf("%v: code %d\n%s%s", c.args, code, &p.out, &p.err)
		}
	}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	env := &Env{Stdout: &out, Stderr: io.Discard}
	err := Probe(t.Context(), env, []string{"install", "--program", "/usr/bin/bandish", "--submit", "--collector", "https://bandish.example/100%", "x", "https://a b.example/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`ExecStart=/usr/bin/bandish watch-probe --yes --data /var/lib/bandish-probe --every 1h0m0s --collector https://bandish.example/100%% --submit -- x "https://a b.example/"`,
		"DynamicUser=yes", "[Install]",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the unit lacks %q:\n%s", want, &out)
		}
	}
	if err := Probe(t.Context(), env, []string{"install"}); err == nil {
		t.Error("a unit that watches nothing")
	}
}

// A tool that cannot be measured does not keep the others from it.
func TestToolsThatCannotBeMeasured(t *testing.T) {
	f, _ := field(t)
	p := at(t, f, "ok-https")
	t.Setenv("PATH", t.TempDir())
	bridges := filepath.Join(t.TempDir(), "bridges")
	if err := os.WriteFile(bridges, []byte("# mine\nBridge obfs4 198.51.100.9:443 SECRET cert=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code := p.run(Probe, "--yes", "--bridges", bridges, "tor-bootstrap", "innocent.test")
	for _, want := range []string{"tor-bootstrap could not be measured", "tor over obfs4 could not be measured", "https://innocent.test/ is reachable"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("does not say %q", want)
		}
	}
	if code != ExitUnclear || strings.Contains(p.out.String(), "SECRET") {
		t.Errorf("code %d\n%s", code, &p.out)
	}
}
