package verdict

import (
	"strings"

	"github.com/bandish/bandish/observation"
)

// Apps and circumvention tools have no control. Their endpoints serve as a control
// for each other: they are on many networks and do not all break at once. If all
// endpoints of a group fail while others in the same measurement work, that is a
// contrast. If everything fails, there are more explanations.

// group is a part of an app that works when one of its endpoints works.
type group struct {
	tried, worked int
	active        int // failures that something on the path must have sent: resets, refusals
	failure       observation.Result
	step          string // of the failures: tcp, tls, dns
}

// app says how the groups of a measurement did.
type app struct {
	groups  map[string]*group
	tried   int  // groups with an endpoint that was tried
	failed  int  // those of them in which no endpoint worked
	through bool // an endpoint of any group worked
}

// groupOf returns the part of the app to which an endpoint belongs, "" for none.
func groupOf(v *view) string {
	switch v.TestName {
	case "telegram":
		if v.Literal {
			return "datacenters"
		}
		return "web"
	case "whatsapp":
		switch {
		case strings.HasPrefix(v.Name, "web."):
			if v.Port == 80 {
				return ""
			}
			return "web"
		case strings.HasPrefix(v.Name, "v."):
			return "registration"
		}
		return "endpoints"
	case "facebook_messenger":
		return v.Name
	case "signal":
		if v.Name == "uptime.signal.org" {
			return ""
		}
		return v.Name
	}
	return ""
}

// ignored reports whether an app's test looks a name up for other reasons. What it
// finds then is no fault.
func ignored(v *view) bool { return isApp(v.TestName) && groupOf(v) == "" }

func isApp(test string) bool {
	return test == "telegram" || test == "whatsapp" || test == "facebook_messenger" || test == "signal"
}

// appOf adds up the endpoints of a messenger.
func (s *scene) appOf() *app {
	a := &app{groups: map[string]*group{}}
	for i := range s.views {
		v := &s.views[i]
		name := groupOf(v)
		if name == "" {
			continue
		}
		g := a.groups[name]
		if g == nil {
			g = &group{}
			a.groups[name] = g
		}
		g.add(v)
	}
	for _, g := range a.groups {
		if g.tried == 0 {
			continue
		}
		a.tried++
		if g.worked > 0 {
			a.through = true
		} else {
			a.failed++
		}
	}
	return a
}

// ownOnly lists networks of companies that host nobody else.
var ownOnly = map[uint32]bool{
	32934: true, // Facebook
	13414: true, // Twitter
	19679: true, // Dropbox
}

// namesWithheld reports whether parts of the app do not work because several names
// are said not to exist. A single name may be a host that the service gave up.
func (s *scene) namesWithheld() bool {
	missing := map[string]bool{}
	for i := range s.views {
		v := &s.views[i]
		if g := s.app.groups[groupOf(v)]; g == nil || g.worked > 0 || v.IP != "" || !v.system || v.dns != "dns_nxdomain_error" || !asksAddress(v) || s.systemFound(v) {
			continue
		}
		missing[v.Name] = true
	}
	return len(missing) > 1
}

// spare reports whether a row is one of many endpoints of a part of an app, or of
// the servers of a tool, most of which work. Some of these are always out of order.
func (s *scene) spare(v *view) bool {
	if v.Tunnel.Tried() {
		return s.mostWork
	}
	if s.app == nil {
		return false
	}
	g := s.app.groups[groupOf(v)]
	return g != nil && g.tried > 2 && 2*g.worked >= g.tried
}

// add counts an endpoint. An endpoint with TLS works if the handshake proves the
// name; another one works if the probe connects.
func (g *group) add(v *view) {
	var res observation.Result
	stage := ""
	switch {
	case v.tls.Tried():
		res, stage = v.tls, LayerTLS
		if v.tls == done && !v.Verified() {
			res = "ssl_unknown_authority"
		}
		if v.tls == done && v.http.Failed() {
			res, stage = v.http, LayerHTTP
		}
	case v.tcp.Tried():
		res, stage = v.tcp, LayerTCP
		if v.tcp == done && v.Literal && v.http.Failed() {
			res, stage = v.http, LayerHTTP
		}
	case v.http.Tried():
		res, stage = v.http, LayerHTTP
	case v.IP == "" && v.dns.Failed():
		res, stage = v.dns, LayerDNS
	default:
		return
	}
	if v.v6 && res != done {
		return
	}
	g.tried++
	if res == done {
		g.worked++
		return
	}
	if res == "connection_reset" || res == "connection_refused" {
		g.active++
	}
	if g.failure == "" || res < g.failure {
		g.failure, g.step = res, stage
	}
}

var appRules = []Rule{
	{
		ID: "app_forged_certificate", Layer: LayerApp, Determinate: true, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.mitm", Basis: artefact + ": the app's hosts are known, and their certificates prove them elsewhere",
		Sentence: "Somebody answered in the place of one of the app's servers with a certificate of his own.",
		row: func(s *scene, v *view) bool {
			return groupOf(v) != "" && certificateFailure(v.tls) &&
				(v.Cert == observation.CertSelfSigned || v.Cert == observation.CertWrongName)
		},
	},
	{
		ID: "app_bogon", Layer: LayerApp, Determinate: true, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890: the app's hosts are public",
		Sentence: "The resolver answered for one of the app's hosts with an address that no public server can have.",
		row: func(s *scene, v *view) bool {
			return groupOf(v) != "" && asked(v) && v.bogon && !hostLocal(v) && !homeLocal(v) && s.resolve == 0 && !s.systemFound(v)
		},
	},
	{
		ID: "app_bogon_loopback", Layer: LayerApp, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890; hosts files answer so too",
		Sentence: "The resolver answered for one of the app's hosts with the probe's own address.",
		row: func(s *scene, v *view) bool {
			return groupOf(v) != "" && asked(v) && v.addr.IsLoopback() && s.resolve == 0
		},
	},
	{
		ID: "app_bogon_local", Layer: LayerApp, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890; filters of households answer so (Pi-hole, AdGuard), and the test has no control",
		Sentence: "The resolver answered for one of the app's hosts with the zero address, or with one of a home network.",
		row: func(s *scene, v *view) bool {
			return groupOf(v) != "" && asked(v) && (v.addr.IsUnspecified() || homeLocal(v))
		},
	},
	{
		ID: "app_others_address", Layer: LayerApp, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: "forged answers in China are addresses of Facebook, Twitter and Dropbox, which host nobody else (Anonymous and others, FOCI 2020; Hoang and others, USENIX Security 2021)",
		Sentence: "The resolver answered for one of the app's hosts with an address of a company that hosts nobody else, and nothing worked there.",
		row: func(s *scene, v *view) bool {
			return (v.TestName == "signal" || v.TestName == "telegram") && groupOf(v) != "" && asked(v) && v.system && ownOnly[v.IPASN] && s.resolve == 0 &&
				(v.tcp.Failed() || v.tls.Failed()) && !s.other(func(w *view) bool { return w.IP == v.IP && proven(w) })
		},
	},
	{
		ID: "app_names_withheld", Layer: LayerApp, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.nxdomain", Basis: "the app's other hosts were found by the same resolver, and worked",
		Sentence: "The resolver says of several of the app's hosts that they do not exist, while others of the app work.",
		whole:    func(s *scene) bool { return s.app != nil && s.app.through && s.resolve == 0 && s.namesWithheld() },
	},
	{
		ID: "app_part_blocked", Layer: LayerApp, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "*", Basis: "the app's other parts worked at the same time",
		Sentence: "A part of the app is cut off while its other parts work.",
		whole: func(s *scene) bool {
			if !isApp(s.first.TestName) {
				return false
			}
			a := s.app
			if !a.through {
				return false
			}
			for _, g := range a.groups {
				if g.tried > 0 && g.worked == 0 && (g.active == g.tried && g.failure == "connection_reset" || g.tried >= 4 && g.step != LayerDNS) {
					return true
				}
			}
			return false
		},
	},
	{
		ID: "app_all_reset", Layer: LayerApp, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "*", Basis: "several servers in several networks do not all send resets at once",
		Sentence: "Every part of the app is cut off by resets.",
		whole: func(s *scene) bool {
			if !isApp(s.first.TestName) {
				return false
			}
			tried, reset := 0, 0
			for _, g := range s.app.groups {
				if g.worked > 0 {
					return false
				}
				tried += g.tried
				reset += g.active
			}
			return tried >= 3 && reset == tried
		},
	},
	{
		ID: "app_failed", Layer: LayerApp, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "*", Basis: "without a control, a failure has many explanations",
		Sentence: "A part of the app, or all of it, does not work.",
		whole: func(s *scene) bool {
			return isApp(s.first.TestName) && s.app.failed > 0
		},
	},
	{
		ID: "app_one_address", Layer: LayerApp, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: "the app's hosts stand in many places; Myanmar 2021, github.com/ooni/explorer issue 545",
		Sentence: "The resolver answered for all of the app's hosts with one address of the probe's own network, and no server there proved a name.",
		whole:    func(s *scene) bool { return s.resolve == 0 && s.oneAddress() && s.ownNetwork() },
	},
	{
		ID: "app_one_address_elsewhere", Layer: LayerApp, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "dns.injection.other", Basis: "the app's hosts stand in many places",
		Sentence: "The resolver answered for all of the app's hosts with one address, and no server there proved a name: that it accepts connections says nothing.",
		whole:    func(s *scene) bool { return s.oneAddress() && !s.ownNetwork() },
	},
	{
		ID: "app_works", Layer: LayerApp, Outcome: OutcomeOK, State: OK,
		Basis:    "every part of the app has an endpoint that works",
		Sentence: "The app works.",
		whole: func(s *scene) bool {
			if !isApp(s.first.TestName) {
				return false
			}
			a := s.app
			return a.tried > 0 && a.failed == 0 && !s.oneAddress()
		},
	},
	{
		ID: "ech_blocked", Layer: LayerApp, Determinate: true, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "*", Basis: "the same address, at the same time, without it",
		Sentence: "The handshake with an encrypted client hello is cut off, and without it completes.",
		row: func(s *scene, v *view) bool {
			return withECH(v) && cutOff(v.Tunnel) && s.other(func(w *view) bool {
				return w.TunnelKind == "" && w.IP == v.IP && w.TLS == done
			}) && !(v.TunnelKind == "ech_grease" && s.other(func(w *view) bool { return w.TunnelKind == "ech" && w.Tunnel == done }))
		},
	},
	{
		ID: "tunnel_part_blocked", Layer: LayerApp, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "*", Basis: "servers of the same tool, reached in another way, worked at the same time",
		Sentence: "All the tool's servers of one kind are cut off while those of another kind work.",
		whole: func(s *scene) bool {
			if !s.tunnelled {
				return false
			}
			kinds := s.tunnels()
			for _, g := range kinds {
				if g.tried >= 5 && g.worked == 0 && !lone(kinds) {
					return true
				}
			}
			return false
		},
	},
	{
		ID: "wireguard_silent", Layer: LayerApp, Outcome: OutcomeUnknown,
		Basis:    "a server of WireGuard answers nobody whom it does not know (Donenfeld, WireGuard, section 5.1)",
		Sentence: "The WireGuard server is silent: it is blocked, or switched off, or does not know the key.",
		whole:    func(s *scene) bool { return s.tunnelled && s.silent() },
	},
	{
		ID: "tunnel_failed", Layer: LayerApp, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "*", Basis: "without a control, a failure has many explanations",
		Sentence: "The tool, or most of its servers, does not work here.",
		whole: func(s *scene) bool {
			if !s.tunnelled {
				return false
			}
			worked, tried := s.tunnelCount()
			return tried > 0 && 2*worked < tried && !s.silent()
		},
	},
	{
		ID: "tunnel_works", Layer: LayerApp, Outcome: OutcomeOK, State: OK,
		Basis:    "the tunnel stood, through most of the servers tried",
		Sentence: "The tool works.",
		whole: func(s *scene) bool {
			if !s.tunnelled {
				return false
			}
			worked, tried := s.tunnelCount()
			return tried > 0 && 2*worked >= tried
		},
	},
	{
		ID: "connection_verified", Layer: LayerApp, Outcome: OutcomeOK, State: OK,
		Basis:    "certificates, checked by the probe and again by us",
		Sentence: "Every connection of the measurement reached a server that proved its name.",
		whole: func(s *scene) bool {
			if s.web || isApp(s.first.TestName) {
				return false
			}
			ok := false
			for i := range s.views {
				v := &s.views[i]
				if v.Tunnel.Tried() || v.tcp.Failed() || v.tls.Failed() || v.http.Failed() || v.quic.Failed() || v.IP == "" && v.dns.Failed() {
					return false
				}
				ok = ok || (v.tls == done || v.quic == done) && v.Verified()
			}
			return ok
		},
	},
}

// withECH reports whether a row is of a handshake with an encrypted client hello,
// or with something that looks like one.
func withECH(v *view) bool { return v.TunnelKind == "ech" || v.TunnelKind == "ech_grease" }

// manyNames is the number of hosts from which an app's hosts never share a single
// address.
const manyNames = 4

// oneAddress reports whether the probe's resolver gave one and the same address for
// all of an app's hosts, of which there are several, and no server proved to be one
// of them.
func (s *scene) oneAddress() bool {
	if s.app == nil {
		return false
	}
	names, at := map[string]bool{}, ""
	for i := range s.views {
		v := &s.views[i]
		if groupOf(v) == "" || v.Literal || v.IP == "" {
			continue
		}
		if at == "" {
			at = v.IP
		}
		if v.IP != at || proven(v) {
			return false
		}
		names[v.Name] = true
	}
	return len(names) >= manyNames
}

// ownNetwork reports whether an address that the probe was given is on the probe's
// own network.
func (s *scene) ownNetwork() bool {
	return s.first.ASN != 0 && s.other(func(v *view) bool { return v.IPASN == s.first.ASN && groupOf(v) != "" })
}

// tunnels counts the servers of a circumvention tool by kind.
func (s *scene) tunnels() map[string]*group {
	kinds := map[string]*group{}
	for i := range s.views {
		v := &s.views[i]
		if !v.Tunnel.Tried() {
			continue
		}
		g := kinds[v.TunnelKind]
		if g == nil {
			g = &group{}
			kinds[v.TunnelKind] = g
		}
		g.tried++
		if v.Tunnel == done {
			g.worked++
		}
	}
	return kinds
}

// silent reports whether all servers that were tried are WireGuard's and none sent
// anything. A closed port would send something.
func (s *scene) silent() bool {
	return !s.other(func(v *view) bool { return v.Tunnel.Tried() && (v.TunnelKind != "wireguard" || v.Tunnel != timedOut) })
}

// lone reports whether no kind of server works.
func lone(kinds map[string]*group) bool {
	for _, g := range kinds {
		if g.worked > 0 {
			return false
		}
	}
	return true
}

func (s *scene) tunnelCount() (worked, tried int) {
	for _, g := range s.tunnels() {
		worked += g.worked
		tried += g.tried
	}
	return worked, tried
}
