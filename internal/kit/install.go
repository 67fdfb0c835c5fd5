package kit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// NewInstall is the command that prints a systemd unit, which watches what the arguments
// name. It changes nothing: the person installs the unit.
func NewInstall(env *Env) *Command {
	c, o := newCommand(env, "probe install")
	every := c.Flags.Duration("every", time.Hour, "`time` between the starts of two rounds")
	program := c.Flags.String("program", "", "`path` of the program (default: this one)")
	c.Run = func(_ context.Context, args []string) error { return o.install(env, *every, *program, args) }
	return c
}

func (o *options) install(env *Env, every time.Duration, program string, rest []string) error {
	if len(rest) == 0 && !o.all && o.list == "" {
		return usage("probe install: name what to watch, or give --all or --country-list FILE")
	}
	var err error
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
	}
	command := []string{program, "watch-probe", "--yes", "--data", "/var/lib/bandish-probe", "--every", every.String()}
	for _, f := range []struct {
		name, value string
	}{{"--collector", o.collector}, {"--helper", o.helper}, {"--country-list", o.list}, {"--cc", o.cc}, {"--asn", o.asn}} {
		if f.value != "" {
			command = append(command, f.name, f.value)
		}
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"--submit", o.submit}, {"--passive", o.passive}, {"--all", o.all}, {"--circumvention", o.circumvent}} {
		if f.set {
			command = append(command, f.name)
		}
	}
	if len(rest) > 0 {
		command = append(append(command, "--"), rest...)
	}
	for i, word := range command {
		command[i] = quote(word)
	}
	_, err = fmt.Fprintf(env.Stdout, unit, filepath.Base(program), strings.Join(command, " "))
	return err
}

// quote writes a word for a systemd unit: % and $ are escaped.
func quote(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$").Replace(word)
	if !strings.ContainsAny(word, " \t\"'\\;") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

const unit = `# Save as /etc/systemd/system/bandish-probe.service, then:
#   systemctl daemon-reload && systemctl enable --now bandish-probe
# --yes says that you know what the probe does: run %s probe once by hand and read it.
[Unit]
Description=Bandish probe: is it blocked from here?
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=%s
DynamicUser=yes
StateDirectory=bandish-probe
Restart=on-failure
RestartSec=60
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
PrivateTmp=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
CapabilityBoundingSet=
MemoryMax=512M

[Install]
WantedBy=multi-user.target
`
