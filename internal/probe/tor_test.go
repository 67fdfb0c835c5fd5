package probe

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// install puts programs of shell script on the path in place of the real.
func install(t *testing.T, programs map[string]string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for tor is a shell script")
	}
	dir := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

const torLog = `echo "Nov 23 12:00:00.000 [notice] Bootstrapped 0% (starting): Starting"
echo "Nov 23 12:00:00.000 [notice] Bootstrapped 5% (conn): Connecting to a relay"
echo "Nov 23 12:00:01.000 [notice] Guard 198.51.100.77:443 is ours"
`

func TestTorBootstrap(t *testing.T) {
	l := newLoop(t)
	install(t, map[string]string{"tor": torLog + `echo "[notice] Bootstrapped 100% (done): Done"; exec sleep 60`})
	m, err := TorBootstrap(t.Context(), l.config())
	if err != nil {
		t.Fatal(err)
	}
	k := m.TestKeys
	if m.TestName != "vanilla_tor" || k.TorProgress != 100 || k.TorProgressTag != "done" || !*k.Success || k.Failure != "" || len(k.TorLogs) != 3 || m.Runtime > 30 {
		t.Errorf("%s %+v", m.TestName, k)
	}
	if v := verdict.Judge(observation.Observe(m, observation.Options{}).Rows); v.State != verdict.OK {
		t.Errorf("state %s", v.State)
	}

	install(t, map[string]string{"tor": torLog + "exit 1"})
	m, err = TorBootstrap(t.Context(), l.config())
	if err != nil || *m.TestKeys.Success || m.TestKeys.TorProgress != 5 || m.TestKeys.Failure == "" {
		t.Errorf("a tor that ends: %v %+v", err, m)
	}

	// The time that the person allowed is not tor's failure.
	install(t, map[string]string{"tor": torLog + "exec sleep 60"})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if m, err := TorBootstrap(ctx, l.config()); err == nil {
		t.Errorf("cut off, and yet a measurement: %+v", m.TestKeys)
	}
	install(t, map[string]string{"tor": "echo nonsense; exit 1"})
	if _, err := TorBootstrap(t.Context(), l.config()); err == nil {
		t.Error("a tor that says nothing is a measurement")
	}
}

func TestTorBridge(t *testing.T) {
	l := newLoop(t)
	// The stand-in succeeds only with the bridge and its plugin.
	install(t, map[string]string{
		"obfs4proxy": "exit 1", "snowflake-client": "exit 1",
		"tor": `case "$*" in *"UseBridges 1"*"exec "*/obfs4proxy*"obfs4 198.51.100.9:443 SECRET"*|*snowflake-client*) ;; *) exit 1;; esac
` + torLog + `echo "[notice] Bootstrapped 100% (done): Done"`,
	})
	for line, test := range map[string]string{"obfs4 198.51.100.9:443 SECRET cert=x": "vanilla_tor", "snowflake 192.0.2.3:80 SECRET": "torsf"} {
		m, err := TorBridge(t.Context(), l.config(), line)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if m.TestName != test || !*m.TestKeys.Success || strings.Contains(string(raw), "SECRET") || strings.Contains(string(raw), "198.51.100.9") {
			t.Errorf("%s: %s", line, raw)
		}
	}
	if _, err := TorBridge(t.Context(), l.config(), "meek 192.0.2.3:80"); err == nil {
		t.Error("an unknown transport is tried")
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := TorBridge(t.Context(), l.config(), "obfs4 192.0.2.3:80"); !errors.Is(err, ErrNoTor) {
		t.Errorf("without tor: %v", err)
	}
	if _, err := TorBootstrap(t.Context(), l.config()); !errors.Is(err, ErrNoTor) {
		t.Errorf("without tor: %v", err)
	}
}

func TestTorAuthorities(t *testing.T) {
	l := newLoop(t)
	l.web("198.51.100.1:443", serving("x"), nil, "www.random.example")
	l.web("198.51.100.2:443", serving("x"), func(_ string, c net.Conn) bool { reset(c); return true }, "www.random.example")
	m, err := torAt(t.Context(), l.config(), []TorAuthority{
		{Name: "a", ORPort: netip.MustParseAddrPort("198.51.100.1:443")}, {Name: "b", ORPort: netip.MustParseAddrPort("198.51.100.2:443")}, {Name: "c", ORPort: netip.MustParseAddrPort("198.51.100.3:443")},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, target := range m.TestKeys.Targets {
		got[target.TargetName] = string(target.Failure)
	}
	if got["a"] != "" || got["b"] != failReset || got["c"] != failRefused || len(got) != 3 {
		t.Errorf("%v", got)
	}
	if rows := observation.Observe(m, observation.Options{}).Rows; len(rows) != 3 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestTorAuthoritiesAreRead(t *testing.T) {
	all := TorAuthorities()
	for _, a := range all {
		if a.Name == "" || !a.ORPort.IsValid() || !a.DirPort.IsValid() || a.ORPort == a.DirPort || len(a.Fingerprint) != 40 {
			t.Errorf("%+v", a)
		}
	}
	if len(all) < 8 {
		t.Errorf("%d authorities", len(all))
	}
}
