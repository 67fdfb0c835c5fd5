package verdict

import (
	"slices"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/observation"
)

// supposition is one fact of a measurement that could have been different. If a
// rule fires once the fact is changed, the rule lacked that fact. No supposition
// makes a step of the probe fail that worked, because a step that worked needs no
// explanation.
type supposition struct {
	sentence string // the changed fact, to follow the word "if"
	whole    bool   // it is a fact of the measurement, not of a row
	// change makes it so in rows[i], and in other rows that share the fact. It
	// returns false where it is so already, or cannot be. It writes into the rows,
	// never into what they point to.
	change func(rows []observation.Row, i int) bool
	// add, instead of change, returns one more row.
	add func(rows []observation.Row, i int) (observation.Row, bool)
}

type obs = observation.Row

var suppositions = slices.Concat(
	ofControl([]supposition{
		{sentence: "the control had loaded the page", whole: true, change: func(rows []obs, _ int) bool {
			return forAll(rows, func(r *obs) bool {
				changed := set(&r.ControlHTTP, done)
				if r.ControlStatus == 0 {
					r.ControlStatus = 200
				}
				r.ControlState = done
				return changed
			})
		}},
		{sentence: "the control had not got the page either", whole: true, change: func(rows []obs, _ int) bool {
			return forAll(rows, func(r *obs) bool {
				if r.ControlState != done || r.ControlHTTP.Failed() {
					return false
				}
				r.ControlHTTP, r.ControlStatus = "connection_reset", 0
				return true
			})
		}},
		{sentence: "the control had found the name, at another address", change: func(rows []obs, i int) bool {
			return ofName(rows, i, func(r *obs) bool {
				if r.ControlDNS == done && !slices.Contains(r.ControlAddrs, r.IP) {
					return false
				}
				r.ControlState, r.ControlDNS, r.ControlAddrs = done, done, []string{otherAddress(rows)}
				return true
			})
		}},
		{sentence: "the control had got the same address", change: func(rows []obs, i int) bool {
			ip := rows[i].IP
			return ip != "" && ofName(rows, i, func(r *obs) bool {
				if slices.Contains(r.ControlAddrs, ip) {
					return false
				}
				r.ControlState, r.ControlDNS = done, done
				r.ControlAddrs = append(slices.Clone(r.ControlAddrs), ip)
				return true
			})
		}},
		{sentence: "the control had not found the name either", change: func(rows []obs, i int) bool {
			return ofName(rows, i, func(r *obs) bool {
				if r.ControlDNS.Failed() {
					return false
				}
				r.ControlState, r.ControlDNS, r.ControlAddrs, r.ControlASNs = done, "dns_nxdomain_error", nil, nil
				return forAll(rows, func(r *obs) bool { r.ControlHTTP, r.ControlStatus = "dns_nxdomain_error", 0; return true })
			})
		}},
		{sentence: "the address had been of a network that the control's are of", change: func(rows []obs, i int) bool {
			r := &rows[i]
			return r.IP != "" && len(r.ControlASNs) > 0 && !slices.Contains(r.ControlASNs, r.IPASN) && set(&r.IPASN, r.ControlASNs[0])
		}},
		{sentence: "the address had been of another network than the control's", change: func(rows []obs, i int) bool {
			r := &rows[i]
			return r.IP != "" && slices.Contains(r.ControlASNs, r.IPASN) && set(&r.IPASN, 0)
		}},
	}),
	[]supposition{
		{sentence: "the resolver had not been one that filters on request", whole: true, change: func(rows []obs, _ int) bool {
			return forAll(rows, func(r *obs) bool { return filtering[r.ResolverASN] && set(&r.ResolverASN, 0) })
		}},
		{sentence: "a second resolver, asked in the clear, had refused to answer", add: askedAgain("dns_refused_error")},
		{sentence: "the network's own resolver had said that it censors the name (RFC 8914)", change: func(rows []obs, i int) bool {
			r := &rows[i]
			if !r.DNS.Tried() || r.Literal || !slices.ContainsFunc(r.DNSEngines, ownResolver) {
				return false
			}
			r.DNSExtended = append(slices.Clone(r.DNSExtended), observation.ExtendedError{Code: observation.ExtendedCensored, Engine: "udp system"}.String())
			return true
		}},
		{sentence: "a second resolver had said that the name does not exist", add: askedAgain("dns_nxdomain_error")},
	},
	ofControl(control("connected to the address", "failed to connect to the address", func(r *obs) (probe, control *observation.Result) { return &r.TCP, &r.ControlTCP })),
	ofControl(control("completed the handshake", "failed in the handshake", func(r *obs) (probe, control *observation.Result) { return &r.TLS, &r.ControlTLS })),
	failed("the lookup", func(r *obs) *observation.Result { return &r.DNS },
		"dns_nxdomain_error", "dns_refused_error", "generic_timeout_error", "android_dns_cache_no_data"),
	failed("the connection", func(r *obs) *observation.Result { return &r.TCP }, "ok", "connection_refused", "generic_timeout_error"),
	failed("the handshake", func(r *obs) *observation.Result { return &r.TLS }, "ok", "connection_reset", "generic_timeout_error", "ssl_unknown_authority"),
	failed("the QUIC handshake", func(r *obs) *observation.Result { return &r.QUIC }, "ok"),
	failed("the exchange", func(r *obs) *observation.Result { return &r.HTTP }, "ok", "connection_reset", "generic_timeout_error"),
	failed("the tunnel", func(r *obs) *observation.Result { return &r.Tunnel }, "ok"),
	certificate("prove the name, as we check it", observation.CertValid),
	certificate("be one that its owner signed himself", observation.CertSelfSigned),
	certificate("be one for another name", observation.CertWrongName),
	[]supposition{
		{sentence: "the page had been the control's", change: func(rows []obs, i int) bool {
			r := &rows[i]
			if r.HTTP != done || r.ControlHTTP != done || compare(&view{Row: r}) == alike {
				return false
			}
			r.Status, r.Title, r.BodyBytes, r.Headers = r.ControlStatus, r.ControlTitle, max(r.ControlBodyBytes, 0), r.ControlHeaders
			return true
		}},
		{sentence: "the page had been another than the control's, by every measure", change: func(rows []obs, i int) bool {
			r := &rows[i]
			if r.HTTP != done || r.ControlHTTP != done || compare(&view{Row: r}) == unlike {
				return false
			}
			r.Status, r.Title, r.BodyBytes, r.BodyTruncated, r.Headers = 200, "Quite another title", max(r.ControlBodyBytes, 0)/10, false, nil
			return true
		}},
		{sentence: "the address had been a known one of this country's block pages", change: matching("dns", true)},
		{sentence: "the address had been a known one of another country's block pages", change: matching("dns", false)},
		{sentence: "the response had been a known block page of this country", change: matching("body", true)},
		{sentence: "the response had been a known block page of another country", change: matching("body", false)},
		{sentence: "the response had matched no fingerprint", change: func(rows []obs, i int) bool {
			had := len(rows[i].Fingerprints) > 0
			rows[i].Fingerprints = nil
			return had
		}},
		{sentence: "the handshake with another name had completed at the same address", change: contrasting("sni_contrast tls ok")},
		{sentence: "QUIC with another name had worked at the same address", change: contrasting("quic_contrast quic ok")},
		{sentence: "the lookup, tried again, had not worked either", change: without("repeat dns ok")},
		{sentence: "the handshake, tried again, had not worked either", change: without("repeat tls ok")},
		{sentence: "the name had not passed at an innocent server", change: without("innocent_server tls ok")},
		{sentence: "an innocent server had answered in time", change: without("innocent_baseline tcp generic_timeout_error", "innocent_baseline tls generic_timeout_error", "innocent_baseline http generic_timeout_error")},
	},
)

// ofControl changes suppositions so that they do not apply where the test has no
// control.
func ofControl(all []supposition) []supposition {
	for i := range all {
		change := all[i].change
		all[i].change = func(rows []obs, j int) bool {
			return (rows[j].TestName == "web_connectivity" || rows[j].ControlState.Tried()) && change(rows, j)
		}
	}
	return all
}

// forAll changes every row and reports whether any changed.
func forAll(rows []obs, change func(*obs) bool) bool {
	changed := false
	for i := range rows {
		changed = change(&rows[i]) || changed
	}
	return changed
}

// ofName changes the rows with the same name as row i, which must be a row of a
// lookup.
func ofName(rows []obs, i int, change func(*obs) bool) bool {
	if !rows[i].DNS.Tried() || rows[i].Literal {
		return false
	}
	return forAll(rows, func(r *obs) bool { return r.Name == rows[i].Name && change(r) })
}

func set[T comparable](at *T, to T) bool {
	changed := *at != to
	*at = to
	return changed
}

// otherAddress returns an address that no row has; one of a documentation block
// where the measurement's own addresses are.
func otherAddress(rows []obs) string {
	if slices.ContainsFunc(rows, func(r obs) bool { return documentationText(r.IP) }) {
		return "198.51.100.253"
	}
	return "8.8.4.4"
}

// askedAgain returns a failed lookup, by a second resolver, of a name that the
// probe's own resolver was asked for.
func askedAgain(f observation.Result) func([]obs, int) (obs, bool) {
	return func(rows []obs, i int) (obs, bool) {
		r := rows[i]
		if !r.DNS.Tried() || r.Literal || !slices.ContainsFunc(r.DNSEngines, ownResolver) {
			return obs{}, false
		}
		bare := obs{
			UID: r.UID, ReportID: r.ReportID, Time: r.Time, CC: r.CC, ASN: r.ASN, ResolverASN: r.ResolverASN,
			TestName: r.TestName, TestVersion: r.TestVersion, Software: r.Software, Input: r.Input, Target: r.Target,
			Seq: uint16(len(rows)), Name: r.Name, Hop: r.Hop, DNS: f, DNSEngines: []string{"udp"}, DNSType: "A",
			ControlState: r.ControlState, ControlDNS: r.ControlDNS, ControlAddrs: r.ControlAddrs, ControlASNs: r.ControlASNs,
			ControlHTTP: r.ControlHTTP, ControlStatus: r.ControlStatus,
		}
		return bare, true
	}
}

// control supposes that the control did what the probe tried, or did not.
func control(did, failed string, of func(*obs) (probe, control *observation.Result)) []supposition {
	to := func(result observation.Result) func([]obs, int) bool {
		return func(rows []obs, i int) bool {
			probe, control := of(&rows[i])
			if !probe.Tried() || *control != "" && control.Failed() == result.Failed() {
				return false
			}
			rows[i].ControlState = done
			return set(control, result)
		}
	}
	return []supposition{{sentence: "the control had " + did, change: to(done)}, {sentence: "the control had " + failed + " too", change: to(timedOut)}}
}

// failed supposes that a failed step failed in another way, or worked.
func failed(step string, of func(*obs) *observation.Result, instead ...observation.Result) []supposition {
	var all []supposition
	for _, result := range instead {
		sentence := step + " had failed with " + string(result)
		if result == done {
			sentence = step + " had worked"
		}
		all = append(all, supposition{sentence: sentence, change: func(rows []obs, i int) bool {
			return of(&rows[i]).Failed() && set(of(&rows[i]), result)
		}})
	}
	return all
}

// certificate supposes another result of our check of a chain, for a handshake
// whose certificate the probe refused or did not check.
func certificate(what, state string) []supposition {
	return []supposition{{sentence: "the stored certificate had been found to " + what, change: func(rows []obs, i int) bool {
		r := &rows[i]
		return (certificateFailure(r.TLS) || r.NoVerify) && set(&r.Cert, state)
	}}}
}

// matching supposes that a fingerprint of the measurement's country, or of another
// country, matched.
func matching(location string, here bool) func([]obs, int) bool {
	return func(rows []obs, i int) bool {
		r := &rows[i]
		if location == "dns" && r.IP == "" || location != "dns" && (r.Status == 0 || r.Verified()) {
			return false
		}
		country := r.CC
		if !here {
			country = "ZZ-other"
		}
		m := fingerprint.Match{Name: "supposed", Scope: "nat", Location: location, Countries: []string{country}, Confidence: 10}
		r.Fingerprints = append(slices.Clone(r.Fingerprints), m.String())
		return true
	}
}

func contrasting(fact string) func([]obs, int) bool {
	return func(rows []obs, i int) bool {
		r := &rows[i]
		if slices.Contains(r.Contrasts, fact) || r.IP == "" {
			return false
		}
		r.Contrasts = append(slices.Clone(r.Contrasts), fact)
		return true
	}
}

// without supposes that some contrasts were not seen.
func without(facts ...string) func([]obs, int) bool {
	return func(rows []obs, i int) bool {
		r := &rows[i]
		kept := slices.DeleteFunc(slices.Clone(r.Contrasts), func(f string) bool { return slices.Contains(facts, f) })
		changed := len(kept) != len(r.Contrasts)
		r.Contrasts = kept
		return changed
	}
}
