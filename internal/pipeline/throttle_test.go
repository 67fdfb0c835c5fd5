package pipeline

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// load is a measurement whose page came over TLS, at a rate.
func load(report, host, cc, asn string, n int, slow bool) string {
	seconds, size := 0.002, 20_000
	if slow {
		seconds, size = 0.5, 8_000
	}
	var events []string
	for i := range 13 {
		events = append(events, fmt.Sprintf(`{"failure":null,"operation":"read","num_bytes":%d,"proto":"tcp","t":%g,"transaction_id":1}`, size, 0.2+float64(i)*seconds))
	}
	return strings.NewReplacer(
		`"failure":"connection_reset"`, `"failure":null,"transaction_id":1,"t0":0.1`,
		`"success":true}}],"tls`, `"success":true},"t0":0.05,"t":0.1,"transaction_id":1}],"network_events":[`+strings.Join(events, ",")+`],"tls`,
		`"requests":[]`, `"requests":[{"transaction_id":1,"network":"tcp","address":"104.244.42.1:443","failure":null,"request":{"url":"https://`+host+`/","method":"GET"},"response":{"code":200,"body":"0123456789","headers":{}}}]`,
	).Replace(strings.ReplaceAll(strings.ReplaceAll(string(zz(report, n)), `"probe_asn":"AS64512","probe_cc":"ZZ"`, `"probe_asn":"`+asn+`","probe_cc":"`+cc+`"`), "x.com", host))
}

// Slow loads of a target are impaired one by one, and likely_blocked where the
// network's other targets are fast and the target is fast elsewhere.
func TestThrottledTargetsCountAsBlocked(t *testing.T) {
	for _, c := range []struct {
		name           string
		elsewhere      bool
		likely, unsure uint32
	}{{"fast elsewhere", true, 6, 0}, {"measured nowhere else", false, 0, 6}} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t)
			var in bytes.Buffer
			n := 0
			for place, cc := range []string{"ZZ", "QM", "QN", "QO"} {
				if place > 0 && !c.elsewhere {
					break
				}
				for _, host := range []string{"x.com", "a.example", "b.example", "c.example", "d.example", "e.example"} {
					for i := range 6 {
						n++
						in.WriteString(load(fmt.Sprint("report-", cc, i), host, cc, fmt.Sprint("AS", 64512+place), n, place == 0 && host == "x.com") + "\n")
					}
				}
			}
			if s := bring(t, p, Want{}, write(t, "in.jsonl", in.Bytes())); s.Added != int64(n) {
				t.Fatalf("%+v", s)
			}
			var likely, unsure uint32
			for _, c := range counted(t, p) {
				likely, unsure = likely+c.Likely, unsure+c.Impaired
			}
			if likely != c.likely || unsure != c.unsure {
				t.Errorf("%d likely_blocked, %d impaired; want %d, %d", likely, unsure, c.likely, c.unsure)
			}
		})
	}
}
