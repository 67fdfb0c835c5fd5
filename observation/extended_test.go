package observation_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/bandish/bandish/observation"
)

// answerSaying is a DNS message that denies a name, with options of EDNS0.
func answerSaying(t testing.TB, options ...dnsmessage.Option) string {
	name := dnsmessage.MustNewName("www.a.example.")
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{Response: true, RCode: dnsmessage.RCodeNameError},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Additionals: []dnsmessage.Resource{
			{Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}, Body: &dnsmessage.AResource{A: [4]byte{198, 51, 100, 1}}},
			{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Type: dnsmessage.TypeOPT, Class: 1232}, Body: &dnsmessage.OPTResource{Options: options}},
		},
	}
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func saying(code byte, text string) dnsmessage.Option {
	return dnsmessage.Option{Code: 15, Data: append([]byte{0, code}, text...)}
}

// What a resolver says of its answer is kept, with its words and its name, and
// nothing that is hostile in it.
func TestExtendedErrors(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want []string
	}{
		{answerSaying(t, saying(16, "by order; of a court")), []string{"16;udp 192.0.2.53:53;by order; of a court"}},
		{answerSaying(t, dnsmessage.Option{Code: 10, Data: []byte("cookie")}, saying(15, "")), []string{"15;udp 192.0.2.53:53;"}},
		{answerSaying(t, saying(17, "a\x00\x1b[31m\u202eb")), []string{"17;udp 192.0.2.53:53;a  [31m b"}},
		{answerSaying(t, saying(15, strings.Repeat("ä", 500))), []string{"15;udp 192.0.2.53:53;" + strings.Repeat("ä", 128)}},
		{answerSaying(t, saying(18, "x"), saying(15, "y")), []string{"15;udp 192.0.2.53:53;y", "18;udp 192.0.2.53:53;x"}},
		{answerSaying(t, dnsmessage.Option{Code: 15, Data: []byte{0}}), nil},
		{answerSaying(t), nil},
		{"", nil},
		{"not base64 at all, but long enough", nil},
		{answerSaying(t, saying(16, ""))[:40], nil},
	} {
		doc := head + fmt.Sprintf(`{"queries":[{"engine":"udp","resolver_address":"192.0.2.53:53","hostname":"www.a.example","query_type":"A","failure":"dns_nxdomain_error","answers":null,"raw_response":%q}]}}`, c.raw)
		rows := observation.Observe(decode(t, doc), observation.Options{}).Rows
		if len(rows) != 1 || !slices.Equal(rows[0].DNSExtended, c.want) {
			t.Errorf("%s: rows %+v, want %q", c.raw, rows, c.want)
		}
	}
}

// They stand on the rows of an address, too, beside those of other lookups.
func TestExtendedErrorsOfAddresses(t *testing.T) {
	doc := head + fmt.Sprintf(`{"queries":[
		{"engine":"getaddrinfo","hostname":"www.a.example","query_type":"ANY","failure":null,"answers":[{"answer_type":"A","ipv4":"0.0.0.0"}]},
		{"engine":"udp","resolver_address":"system","hostname":"www.a.example","query_type":"A","failure":null,"answers":[{"answer_type":"A","ipv4":"0.0.0.0"}],"raw_response":%q}],
		"tcp_connect":[{"ip":"0.0.0.0","port":80,"status":{"failure":"connection_refused","success":false}}]}}`, answerSaying(t, saying(15, "malware")))
	rows := observation.Observe(decode(t, doc), observation.Options{}).Rows
	if len(rows) != 1 || !slices.Equal(rows[0].DNSExtended, []string{"15;udp system;malware"}) || len(rows[0].DNSEngines) != 2 {
		t.Errorf("rows %+v", rows)
	}
	e, ok := observation.ParseExtendedError(rows[0].DNSExtended[0])
	if !ok || e.Code != observation.ExtendedBlocked || e.Engine != "udp system" || e.Text != "malware" {
		t.Errorf("parsed %+v, %v", e, ok)
	}
	if _, ok := observation.ParseExtendedError("15"); ok {
		t.Error("a code alone is none")
	}
}

// No message, however broken, is fatal or gives text that is not to be shown.
func FuzzExtendedErrors(f *testing.F) {
	for _, o := range [][]dnsmessage.Option{nil, {saying(16, "x")}, {saying(15, "\xff"), saying(17, "")}} {
		raw, err := base64.StdEncoding.DecodeString(answerSaying(f, o...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc := head + fmt.Sprintf(`{"queries":[{"engine":"udp","hostname":"www.a.example","query_type":"A","failure":"dns_nxdomain_error","answers":null,"raw_response":%q}]}}`,
			base64.StdEncoding.EncodeToString(raw))
		for _, r := range observation.Observe(decode(t, doc), observation.Options{}).Rows {
			for _, s := range r.DNSExtended {
				if _, ok := observation.ParseExtendedError(s); !ok || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
					t.Errorf("%q is kept", s)
				}
			}
		}
	})
}
