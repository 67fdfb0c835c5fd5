package intake

import (
	"net/netip"
	"testing"
)

func TestInside(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1": true, "10.1.2.3": true, "169.254.169.254": true, "168.63.129.16": true, "0.1.2.3": true, "100.64.0.1": true,
		"::1": true, "fd00::1": true, "fe80::1": true, "::ffff:192.168.0.1": true, "64:ff9b::a00:1": true, "2002:7f00:1::1": true, "64:ff9b:1::1": true,
		"192.0.2.1": false, "64:ff9b::c000:201": false, "2002:c000:201::1": false, "2001:db8::1": false,
	} {
		if got := inside(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: inside is %t, want %t", addr, got, want)
		}
	}
}
