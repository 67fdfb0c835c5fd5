package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// printExplanation prints the steps of a measurement beside those of the control, the
// rules that fired, and those that nearly fired.
func printExplanation(w io.Writer, file string, e verdict.Explanation) error {
	v := &e.Verdict
	fmt.Fprintf(w, "%s\n%s of %s (%s), %s %s, %s\n", file, v.TestName, orDash(v.Input), v.Target, v.CC, network.ASN(v.ASN), v.Time.UTC().Format(time.RFC3339))
	fmt.Fprintf(w, "\nVERDICT %s, by ruleset %s\n", v.State, v.Ruleset)
	if v.Invalid != "" {
		fmt.Fprintf(w, "  invalid: %s; it does not vote\n", v.Invalid)
	}
	if len(v.Mechanisms) > 0 {
		fmt.Fprintf(w, "  mechanisms: %s\n", strings.Join(v.Mechanisms, ", "))
	}
	if err := printSteps(w, e.Rows); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nRULES THAT FIRED (%d)\n", len(e.Fired))
	for i := range e.Fired {
		f := &e.Fired[i]
		fmt.Fprintf(w, "  %s, %s%s\n    %s\n    stands on: %s\n", f.Rule.ID, argues(&f.Rule), ofRows(f.Rows), f.Rule.Sentence, f.Rule.Basis)
		if f.Void != "" {
			fmt.Fprintf(w, "    does not count: %s\n", f.Void)
		}
	}
	printNear(w, &e)
	_, err := fmt.Fprintln(w)
	return err
}

func argues(r *verdict.Rule) string {
	switch {
	case r.Invalid != "":
		return r.Kind() + ", argues that it is invalid: " + r.Invalid
	case r.State != "":
		return r.Kind() + ", argues for " + string(r.State)
	}
	return r.Kind() + ", says of layer " + r.Layer + ": " + string(r.Outcome)
}

// ofRows names rows by their numbers in the list of steps; of many it names the first.
func ofRows(rows []uint16) string {
	const most = 8
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(", row")
	if len(rows) > 1 {
		b.WriteByte('s')
	}
	for i, n := range rows {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(rows)-most)
			break
		}
		b.WriteString(" " + strconv.Itoa(int(n)))
	}
	return b.String()
}

// printNear prints the rules that nearly fired, in order, and below each what was missing.
func printNear(w io.Writer, e *verdict.Explanation) {
	fmt.Fprint(w, "\nRULES THAT NEARLY FIRED, one fact away\n")
	if e.Supposed < len(e.Rows) {
		fmt.Fprintf(w, "  The measurement is long: facts of the first %d rows were tried.\n", e.Supposed)
	}
	last := ""
	for i := range e.Near {
		n := &e.Near[i]
		if n.Rule.ID != last {
			last = n.Rule.ID
			fmt.Fprintf(w, "  %s, %s\n    %s\n", n.Rule.ID, argues(&n.Rule), n.Rule.Sentence)
		}
		fmt.Fprintf(w, "    would have fired if %s%s\n", n.Missing, ofRows(n.Rows))
	}
	if len(e.Near) == 0 {
		fmt.Fprintln(w, "  none")
	}
}

func printSteps(w io.Writer, rows []verdict.ExplainedRow) error {
	fmt.Fprintf(w, "\nSTEPS\n")
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "  row %d: %s\n", r.Seq, endpoint(r.Row))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range steps(r.Row) {
			fmt.Fprintf(tw, "    %s\t%s\tcontrol: %s\n", s[0], s[1], orDash(s[2]))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		for _, fact := range slices.Concat(facts(r.Row), r.Notes) {
			fmt.Fprintf(w, "    - %s\n", fact)
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func endpoint(r *observation.Row) string {
	s := orDash(r.Name)
	if r.IP != "" {
		s += " at " + r.IP
	}
	if r.Port != 0 {
		s += ", port " + strconv.Itoa(int(r.Port))
	}
	if r.IPASN != 0 {
		s += ", " + network.ASN(r.IPASN).String()
	}
	switch {
	case r.Hop == 1:
		s += ", after a redirect"
	case r.Hop > 1:
		s += fmt.Sprintf(", after %d redirects", r.Hop)
	}
	return s
}

// steps returns the steps of a row: name, what the probe saw, what the control saw.
func steps(r *observation.Row) [][3]string {
	var all [][3]string
	add := func(name string, probe observation.Result, detail string, control observation.Result, controlDetail string) {
		if probe.Tried() {
			all = append(all, [3]string{name, string(probe) + detail, string(control) + controlDetail})
		}
	}
	control := ""
	if len(r.ControlAddrs) > 0 {
		control = ": " + strings.Join(r.ControlAddrs, " ")
	}
	add("dns", r.DNS, " by "+orDash(strings.Join(r.DNSEngines, ", "))+took(r.DNSSeconds), r.ControlDNS, control)
	add("tcp", r.TCP, took(r.TCPSeconds), r.ControlTCP, "")
	name := ""
	if r.ServerName != "" && r.ServerName != r.Name {
		name = " with the name " + r.ServerName
	}
	add("tls", r.TLS, name+took(r.TLSSeconds), r.ControlTLS, "")
	add("quic", r.QUIC, name+took(r.QUICSeconds), r.ControlQUIC, "")
	add("http", r.HTTP, page(r.Status, r.BodyBytes, r.Title)+took(r.HTTPSeconds), r.ControlHTTP, page(r.ControlStatus, r.ControlBodyBytes, r.ControlTitle))
	add(orDash(r.TunnelKind), r.Tunnel, took(r.TunnelSeconds), "", "")
	return all
}

func took(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return fmt.Sprintf(" in %.2f s", seconds)
}

func page(status uint16, bytes int64, title string) string {
	if status == 0 {
		return ""
	}
	s := fmt.Sprintf(", status %d", status)
	if bytes > 0 {
		s += fmt.Sprintf(", %d bytes", bytes)
	}
	if title != "" {
		s += fmt.Sprintf(", title %q", title)
	}
	return s
}

// facts returns what else is known of a row.
func facts(r *observation.Row) []string {
	var all []string
	add := func(what, value string) {
		if value != "" {
			all = append(all, what+value)
		}
	}
	if r.ControlState.Failed() {
		add("the control did not answer: ", string(r.ControlState))
	}
	add("request for ", r.URL)
	add("redirects to ", r.Location)
	if r.Cert != "" {
		all = append(all, fmt.Sprintf("certificate of %q from %q: by our check %s", r.CertSubject, r.CertIssuer, r.Cert))
	}
	if r.NoVerify {
		all = append(all, "the probe did not check the certificate")
	}
	add("the answers led through ", strings.Join(r.CNAMEs, " "))
	for _, said := range r.DNSExtended {
		if e, ok := observation.ParseExtendedError(said); ok {
			all = append(all, fmt.Sprintf("%s said of its answer: extended error %d %q", e.Engine, e.Code, e.Text))
		}
	}
	add("NAT64 for ", r.IPv4)
	add("leads to ", r.LeadsTo)
	add("known defects of this version of the test: ", strings.Join(r.Defects, " "))
	add("other answers to the same lookup: ", strings.Join(r.DNSLate, " "))
	add("fingerprints: ", strings.Join(r.Fingerprints, " "))
	if r.ReadSeconds > 0 {
		all = append(all, fmt.Sprintf("read %d bytes in %.2f s, longest pause %.2f s", r.ReadBytes, r.ReadSeconds, r.MaxGap))
	}
	if r.Pace > 0 || r.PaceNamed > 0 {
		all = append(all, fmt.Sprintf("transfers: %.0f bytes/s from the target, %.0f from the reference, %.0f from it under the target's name, %.0f under its own", r.Pace, r.PaceReference, r.PaceNamed, r.PaceOwn))
	}
	add("contrasts: ", strings.Join(r.Contrasts, "; "))
	return all
}
