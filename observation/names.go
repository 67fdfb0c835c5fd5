package observation

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// CanonicalName returns a host name in lower case and punycode without a final dot,
// or an IP address in its canonical form.
func CanonicalName(host string) string {
	if simple(host) {
		return host
	}
	host = strings.TrimSuffix(strings.TrimSpace(host), ".")
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().String()
	}
	host = strings.ToLower(host)
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}

// simple reports whether a name already is in its canonical form.
func simple(host string) bool {
	for i := range len(host) {
		c := host[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i < len(host)-1 {
			continue
		}
		return false
	}
	return host != ""
}

// canonicalIP returns an IP address in its canonical form, "" where it is not one.
func canonicalIP(s string) string {
	addr, err := netip.ParseAddr(strings.Trim(s, "[] "))
	if err != nil {
		return ""
	}
	if addr.Is4() {
		return s
	}
	return addr.Unmap().WithZone("").String()
}

// place says where a URL points.
type place struct {
	scheme string
	name   string // canonical
	port   uint16
}

// placeOf reads a URL, "host:port" or a bare host.
func placeOf(raw string) place {
	raw = strings.TrimSpace(raw)
	if !strings.Contains(raw, "://") {
		host, port := splitEndpoint(raw)
		return place{name: CanonicalName(host), port: port}
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	p := place{scheme: strings.ToLower(scheme)}
	host := ""
	if u, err := url.Parse(raw); err == nil {
		host = u.Hostname()
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
			p.port = uint16(n)
		}
	} else { // browsers and probes accept more than url.Parse does
		authority := rest
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			authority = rest[:i]
		}
		host, p.port = splitEndpoint(authority[strings.LastIndexByte(authority, '@')+1:])
	}
	if host != "" {
		p.name = CanonicalName(host)
	}
	if p.port == 0 {
		switch p.scheme {
		case "http":
			p.port = 80
		case "https":
			p.port = 443
		}
	}
	return p
}

// splitEndpoint splits "1.2.3.4:443", "[2001:db8::1]:443" and a bare host.
func splitEndpoint(s string) (host string, port uint16) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") || strings.Count(s, ":") > 1 && !strings.Contains(s, "]") {
		return strings.Trim(s, "[]"), 0
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return s[:i], 0
	}
	return strings.Trim(s[:i], "[]"), uint16(n)
}

// isAddr reports whether a canonical name is an IP address.
func isAddr(name string) bool {
	if name == "" || (name[len(name)-1] > '9' && !strings.Contains(name, ":")) {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// PortOf returns the port of a measurement's input: the one that it names, else
// that of its scheme, else 0.
func PortOf(input string) uint16 { return placeOf(input).port }

// HostOf returns the canonical host name of a measurement's input, "" where it
// names none.
func HostOf(input string) string {
	if input == "" {
		return ""
	}
	return placeOf(input).name
}
