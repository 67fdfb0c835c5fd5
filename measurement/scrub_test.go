package measurement

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestScrub(t *testing.T) {
	hidden := base64.StdEncoding.EncodeToString([]byte("\xffyour address is 192.0.2.77 "))
	gone := base64.StdEncoding.EncodeToString([]byte("\xffyour address is 127.0.0.1 "))
	for _, c := range []struct {
		name, in, want string
		more           []netip.Addr
	}{
		{name: "its own value", in: `{"probe_ip":"192.0.2.77"}`, want: `{"probe_ip":"127.0.0.1"}`},
		{name: "spaces", in: `{"probe_ip" : "192.0.2.77", "x":"192.0.2.77"}`, want: `{"probe_ip" : "127.0.0.1", "x":"127.0.0.1"}`},
		{name: "bodies and headers", in: `{"probe_ip":"192.0.2.77","b":"X-Client: 192.0.2.77\r\n<p>192.0.2.77.</p>"}`, want: `{"probe_ip":"127.0.0.1","b":"X-Client: 127.0.0.1\r\n<p>127.0.0.1.</p>"}`},
		{name: "other addresses stay", in: `{"probe_ip":"192.0.2.7","a":"192.0.2.77 1192.0.2.7 192.0.2.7.1 1.192.0.2.7"}`, want: `{"probe_ip":"127.0.0.1","a":"192.0.2.77 1192.0.2.7 192.0.2.7.1 1.192.0.2.7"}`},
		{name: "already scrubbed", in: `{"probe_ip":"127.0.0.1","a":"127.0.0.1"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1"}`},
		{name: "escaped", in: `{"probe_ip":"\u0031\u00392.0.2.77","a":"192.0.2.77"}`, want: `{"probe_ip":"\u0031\u00392.0.2.77","a":"127.0.0.1"}`},
		{name: "IPv6 in its forms", in: `{"probe_ip":"2001:db8::a","a":"2001:DB8::A [2001:0db8:0000:0000:0000:0000:0000:000a]:443 2001:db8:1::a"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1 [127.0.0.1]:443 2001:db8:1::a"}`},
		{name: "mapped", in: `{"probe_ip":"::ffff:192.0.2.77","a":"::ffff:192.0.2.77 192.0.2.77"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1 127.0.0.1"}`},
		{name: "base64", in: `{"probe_ip":"192.0.2.77","body":{"format":"base64","data":"` + hidden + `"}}`, want: `{"probe_ip":"127.0.0.1","body":{"format":"base64","data":"` + gone + `"}}`},
		{name: "known from elsewhere", in: `{"probe_ip":"127.0.0.1","a":"192.0.2.9"}`, more: []netip.Addr{netip.MustParseAddr("192.0.2.9")}, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1"}`},
		{name: "twice", in: `{"probe_ip":"192.0.2.1","test_keys":{"probe_ip":"192.0.2.2"},"a":"192.0.2.2"}`, want: `{"probe_ip":"127.0.0.1","test_keys":{"probe_ip":"127.0.0.1"},"a":"127.0.0.1"}`},
		{name: "an escaped key", in: `{"probe\u005fip":"192.0.2.77","a":"192.0.2.77"}`, want: `{"probe\u005fip":"127.0.0.1","a":"127.0.0.1"}`},
		{name: "capitals", in: `{"PROBE_IP":"192.0.2.77"}`, want: `{"PROBE_IP":"127.0.0.1"}`},
		{name: "a list", in: `{"probe_ip":["192.0.2.77",2],"a":"192.0.2.77"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1"}`},
		{name: "an object", in: `{"probe_ip":{"v4":"192.0.2.77"},"a":"192-0-2-77.isp.example"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1.isp.example"}`},
		{name: "client_ip", in: `{"client_ip":"192.0.2.77","n":1}`, want: `{"client_ip":"127.0.0.1","n":1}`},
		{name: "spellings of IPv6", in: `{"probe_ip":"2001:db8::83","a":"2001:0DB8::0083 2001:db8:0:0:0:0:0:83, [2001:db8::83]:443 2001:db8:4::83"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1 127.0.0.1, [127.0.0.1]:443 2001:db8:4::83"}`},
		{name: "after an escape", in: `{"probe_ip":"192.0.2.77","a":"x%20192.0.2.77%22192.0.2.77 \u0026192.0.2.77 \u0022192.0.2.77\u0022 5192.0.2.77"}`, want: `{"probe_ip":"127.0.0.1","a":"x%20127.0.0.1%22127.0.0.1 \u0026127.0.0.1 \u0022127.0.0.1\u0022 5192.0.2.77"}`},
		{name: "IPv6 after an escape", in: `{"probe_ip":"2001:db8::83","a":"\u003e2001:db8::83\u003c %202001:db8::83"}`, want: `{"probe_ip":"127.0.0.1","a":"\u003e127.0.0.1\u003c %20127.0.0.1"}`},
		{name: "IPv6 in a URL", in: `{"probe_ip":"2a0:db8::83","a":"?ip%3D2a0%3Adb8%3a%3A83&x=2a0%3Adb8%3A4%3A%3A83"}`, want: `{"probe_ip":"127.0.0.1","a":"?ip%3D127.0.0.1&x=2a0%3Adb8%3A4%3A%3A83"}`},
		{name: "IPv6 in a host name", in: `{"probe_ip":"2001:db8::83","a":"2001-db8--83.isp.example 2001-0db8-0000-0000-0000-0000-0000-0083.x"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1.isp.example 127.0.0.1.x"}`},
		{name: "reverse name", in: `{"probe_ip":"192.0.2.77","a":"77.2.0.192.in-addr.arpa 77.2.0.192 78.2.0.192.in-addr.arpa"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1 127.0.0.1 78.2.0.192.in-addr.arpa"}`},
		{name: "client subnet", in: `{"probe_ip":"192.0.2.77","a":"edns0-client-subnet 192.0.2.0/24, 192.0.2.64/26 192.0.0.0/8 192.0.3.0/24 192.0.2.0/240"}`, want: `{"probe_ip":"127.0.0.1","a":"edns0-client-subnet 127.0.0.1, 127.0.0.1 192.0.0.0/8 192.0.3.0/24 192.0.2.0/240"}`},
		{name: "client subnet of IPv6", in: `{"probe_ip":"2001:db8:1:2::83","a":"2001:db8:1:2::/56 2001:db8:1::/48, 2001:db8:2::/48 2001::/16"}`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1 127.0.0.1, 2001:db8:2::/48 2001::/16"}`},
		{name: "a number", in: `{"probe_ip":3221226061,"a":1}`, want: `{"probe_ip":"127.0.0.1","a":1}`},
		{name: "not JSON", in: `{"probe_ip":"192.0.2.77","a":"192.0.2.77`, want: `{"probe_ip":"127.0.0.1","a":"127.0.0.1`},
		{name: "null", in: `{"probe_ip":null,"a":"192.0.2.77"}`, want: `{"probe_ip":null,"a":"192.0.2.77"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := Scrub([]byte(c.in), c.more...)
			if c.name == "escaped" { // the key's own value is looked at after decoding
				var v struct {
					IP string `json:"probe_ip"`
					A  string `json:"a"`
				}
				if err := json.Unmarshal(got, &v); err != nil {
					t.Fatal(err)
				}
				if v.A != scrubbed {
					t.Errorf("a is %q", v.A)
				}
				if v.IP != scrubbed {
					t.Errorf("the escaped probe_ip stays %q", v.IP)
				}
				return
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// FuzzScrub holds that no canonical spelling of the probe's address survives
// where it stands alone, and that what is valid stays valid.
func FuzzScrub(f *testing.F) {
	f.Add([]byte(`{"probe_ip":"192.0.2.77","a":"x 192.0.2.77 y"}`))
	f.Add([]byte(`{"probe_ip":"2001:db8::a","a":{"format":"base64","data":"MTkyLjAuMi43Nw=="}}`))
	for _, key := range []string{"probe_ip", "PROBE_IP", "client_addreſs", "cLient_aDDRESS", "client_addre\\u017fs", "probe\\u005fip", "\\u0070robe_ip", "x_ip"} {
		for _, value := range []string{`"127.0.0.1"`, `null`, `""`, `"192.0.2.77"`, `["192.0.2.77"]`, `7`, ``} {
			f.Add([]byte(`{"a":"b\"` + key + `","` + key + `" : ` + value + `}`))
			f.Add([]byte(`{"` + key + `":"127.0.0.1","b":{"` + key + `":` + value))
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		in := bytes.Clone(doc)
		if withheld(doc) {
			if _, addrs, n := replaceValues(doc); n != 0 || addrs != nil {
				t.Fatalf("%q is taken to withhold addresses: there are %d, %v", doc, n, addrs)
			}
		}
		got, n := Scrub(doc)
		if !bytes.Equal(doc, in) {
			t.Fatal("Scrub changed its input")
		}
		if n == 0 && !bytes.Equal(got, in) {
			t.Fatal("Scrub changed the document and counted nothing")
		}
		if json.Valid(in) && !json.Valid(got) {
			t.Fatalf("%q was valid and %q is not", in, got)
		}
		if again, m := Scrub(got); m > 0 && bytes.Equal(again, got) {
			t.Fatal("Scrub counts changes it does not make")
		}
	})
}

func TestScrubText(t *testing.T) {
	for in, want := range map[string]string{
		`{"probe_ip":"198.51.100.81`:                   `{"probe_ip":"127.0.0.1"`,
		`'probe_ip':'198.51.100.82' at 198.51.100.82`:  `'probe_ip':'127.0.0.1' at 127.0.0.1`,
		`probe_ip=2001:db8::82; from 2001:DB8:0::82`:   `probe_ip=127.0.0.1; from 127.0.0.1`,
		`nothing about 198.51.100.83 says whose it is`: `nothing about 198.51.100.83 says whose it is`,
	} {
		if got := string(ScrubText([]byte(in))); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", in, got, want)
		}
	}
}

// A document that names many clients keeps no address at all, and is read a
// bounded number of times.
func TestScrubManyClients(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"v6":"see 2001:db8::5, 2001-db8-0-0-0-0-0-5","dns":"8.8.8.8.in-addr.arpa","x":"host-192-0-2-9.example","date":"2024-02-17 10:11:12","data":"`)
	b.WriteString(base64.StdEncoding.EncodeToString([]byte("\xff you are 198.51.100.3")) + `","list":[{}`)
	for i := range 40 {
		fmt.Fprintf(&b, `,{"probe_ip":"192.0.%d.7","client_ip":"2001:db8::%x"}`, i, i)
	}
	b.WriteString(`]}`)
	got, n := Scrub([]byte(b.String()))
	if !json.Valid(got) || n < 80 {
		t.Fatalf("%d places, %s", n, got)
	}
	for _, left := range []string{"192.0.", "2001:db8", "2001-db8", "8.8.8.8", "192-0-2-9"} {
		if bytes.Contains(got, []byte(left)) {
			t.Errorf("%s stands in %s", left, got)
		}
	}
	var doc struct {
		Data, Date string
	}
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	if plain, err := base64.StdEncoding.DecodeString(doc.Data); err != nil || string(plain) != "\xff you are 127.0.0.1" {
		t.Errorf("base64: %q, %v", plain, err)
	}
	if doc.Date != "2024-02-17 10:11:12" {
		t.Errorf("the date has become %q", doc.Date)
	}
}
