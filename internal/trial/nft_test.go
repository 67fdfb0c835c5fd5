package trial

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/lab"
)

// TestNftables measures behind a censor that is none of ours: nftables and
// iptables in a router of the real kernel.
func TestNftables(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"nft", "iptables-legacy"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the command %s is missing (Debian packages nftables, iptables)", tool)
		}
	}
	l, err := lab.NewKernel(lab.Sites()...)
	f := field(t, l, err)
	defer f.Close()

	const banned, big, quic = "banned.test", "big.banned.test", "quic.banned.test"
	addr := func(site string) netip.Addr { return l.Addrs(site)[0] }
	nft := func(rules ...string) [][]string {
		commands := [][]string{
			{"nft", "add table ip lab"},
			{"nft", "add chain ip lab forward { type filter hook forward priority 0; }"},
			{"nft", "add chain ip lab divert { type nat hook prerouting priority -100; }"},
		}
		for _, r := range rules {
			commands = append(commands, []string{"nft", "add rule ip lab " + r})
		}
		return commands
	}
	iptables := func(rule string) [][]string {
		return [][]string{strings.Fields("iptables-legacy -A FORWARD " + rule)}
	}
	// The name stands 20 bytes after the beginning of the UDP header.
	asked := fmt.Sprintf("udp dport 53 @th,160,104 0x%x", "\x06banned\x04test\x00")
	const https, http = "https://" + banned + "/", "http://" + banned + "/"
	truth := func(layer, mechanism string) lab.Truth {
		return lab.Truth{State: "blocked", Layer: layer, Mechanism: mechanism}
	}
	tests := []struct {
		name     string
		input    string
		commands [][]string
		truth    lab.Truth
	}{
		{"clean", https, nft(), lab.Truth{State: "ok"}},
		{"dns lie", https, nft("divert " + asked + " dnat to " + lab.LiarAddr.String()), truth("dns", "dns.injection.bogon")},
		{"dns drop", https, nft("forward " + asked + " drop"), truth("dns", "dns.timeout")},
		{"syn drop", https, nft(fmt.Sprintf("forward ip daddr %s tcp flags & (syn|ack) == syn drop", addr(banned))), truth("tcp", "tcp.timeout")},
		{"syn reset", https, nft(fmt.Sprintf("forward ip daddr %s tcp dport { 80, 443 } reject with tcp reset", addr(banned))), truth("tcp", "tcp")},
		{"icmp", https, nft(fmt.Sprintf("forward ip daddr %s tcp dport { 80, 443 } reject with icmp host-unreachable", addr(banned))), truth("tcp", "ip.unreachable|tcp")},
		{"sni reset", https, iptables("-p tcp --dport 443 -m string --algo bm --string " + banned + " -j REJECT --reject-with tcp-reset"), truth("tls", "tls.reset.sni")},
		{"sni drop", https, iptables("-p tcp --dport 443 -m string --algo bm --string " + banned + " -j DROP"), truth("tls", "tls.timeout")},
		{"host reset", http, iptables("-p tcp --dport 80 -m string --algo bm --string " + banned + " -j REJECT --reject-with tcp-reset"), truth("http", "http.reset")},
		{"mitm", https, nft(fmt.Sprintf("divert ip daddr %s tcp dport 443 dnat to %s", addr(banned), l.BoxAddr(banned))), truth("tls", "tls.mitm")},
		{"block page", http, nft(fmt.Sprintf("divert ip daddr %s tcp dport 80 dnat to %s", addr(banned), lab.BlockPageAddr)), truth("http", "http.blockpage")},
		{"throttle", "https://" + big + "/", nft(fmt.Sprintf("forward ip saddr %s tcp sport 443 limit rate over 30 kbytes/second burst 15 kbytes drop", addr(big))),
			lab.Truth{State: "blocked|impaired", Layer: "http", Mechanism: "http.throttle", Also: "http.timeout|tls.throttle"}},
		{"quic drop", "https://" + quic + "/", nft(fmt.Sprintf("forward ip daddr %s udp dport 443 drop", addr(quic))), lab.Truth{State: "ok", Layer: "quic", Mechanism: "quic.timeout"}},
	}
	results := runAll(t, f, len(tests), func(i int) Result {
		tt := &tests[i]
		c, err := l.Routed(tt.commands...)
		if err != nil {
			t.Error(err)
			return Result{}
		}
		defer c.Close()
		r, err := f.measure(t.Context(), c, lab.Scenario{Name: tt.name, Input: tt.input, Truth: tt.truth}, nil)
		if err != nil {
			t.Error(err)
		}
		return r
	})
	report(t, results)
}
