package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/ooniapi"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/web"
	"github.com/bandish/bandish/records"
)

// The clients of the tests of scrubbing, of the ranges for documentation.
const (
	client4 = "203.0.113.77"
	client6 = "2001:db8:5:6:a:b:c:d"
)

// spelling is one way of writing a client's address into the text of a
// measurement.
type spelling struct {
	name   string
	text   string // as it stands within a JSON string
	number bool   // it is a JSON value by itself
	whole  bool   // it is a string by itself
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// each writes every byte of a text in a form.
func each(form, s string) string {
	var out strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&out, form, c)
	}
	return out.String()
}

func spellings4() []spelling {
	a := client4
	dots := func(by string) string { return strings.ReplaceAll(a, ".", by) }
	return []spelling{
		{name: "plain", text: a},
		{name: "in a word", text: "host" + a + "x"},
		{name: "after a line's end", text: `ip:\n` + a + `\n`},
		{name: "every byte escaped", text: each(`\u%04x`, a)},
		{name: "stops escaped", text: dots(`\u002E`)},
		{name: "escaped within a string of JSON", text: `{\"a\":\"` + strings.ReplaceAll(each(`\u%04x`, a), `\`, `\\`) + `\"}`},
		{name: "a string of JSON", text: `{\"probe_ip\":\"` + a + `\"}`},
		{name: "percent, stops", text: dots("%2E")},
		{name: "percent, all", text: each("%%%02x", a)},
		{name: "percent, twice", text: dots("%252e")},
		{name: "percent, twice, all", text: strings.ReplaceAll(each("%%%02X", a), "%", "%25")},
		{name: "percent, three times", text: dots("%25252E")},
		{name: "percent, escaped", text: dots(`\u00252E`)},
		{name: "after an escape", text: "x%20" + a + "%22"},
		{name: "reference, decimal", text: dots("&#46;")},
		{name: "reference, hexadecimal", text: each("&#x%x;", a)},
		{name: "reference, by name", text: dots("&period;")},
		{name: "reference, escaped", text: dots(`\u0026#46;`)},
		{name: "quoted-printable", text: dots("=2E")},
		{name: "dashes", text: "host-" + dots("-") + ".isp.example"},
		{name: "underscores", text: "ip_" + dots("_")},
		{name: "square brackets", text: dots("[.]")},
		{name: "round brackets", text: dots("(.)")},
		{name: "spaces", text: dots(" . ")},
		{name: "dot", text: dots(" dot ")},
		{name: "dot in brackets", text: dots("[DOT]")},
		{name: "padded", text: "203.000.113.077"},
		{name: "run together", text: "203000113077.dyn.example"},
		{name: "reversed", text: "77.113.0.203"},
		{name: "reversed, dashes", text: "77-113-0-203.dyn.example"},
		{name: "reversed, padded", text: "077.113.000.203"},
		{name: "in-addr.arpa", text: "77.113.0.203.in-addr.arpa"},
		{name: "in-addr.arpa of its network", text: "113.0.203.IN-ADDR.ARPA"},
		{name: "hexadecimal, 0x", text: "0xCB00714D"},
		{name: "hexadecimal", text: "id cb00714d"},
		{name: "hexadecimal, little-endian", text: "00000000:4D7100CB"},
		{name: "hexadecimal, each", text: "0xcb.0x0.0x71.0x4d"},
		{name: "hexadecimal, each padded", text: "0xCB.0x00.0x71.0x4D"},
		{name: "hexadecimal, stops", text: "cb.00.71.4d"},
		{name: "hexadecimal, colons", text: "cb:00:71:4d"},
		{name: "hexadecimal, dashes", text: "cb-00-71-4D"},
		{name: "mixed", text: "0xcb.0.0161.77"},
		{name: "its bytes, in a string", text: `\\xcb\\x00\\x71\\x4d`},
		{name: "its bytes, in a URL", text: "%CB%00%71%4D"},
		{name: "number", text: "3405803853"},
		{name: "number of JSON", text: "3405803853", number: true},
		{name: "number, signed", text: "-889163443"},
		{name: "number, signed, of JSON", text: "-889163443", number: true},
		{name: "number, little-endian", text: "1299251403"},
		{name: "octal, each", text: "0313.0.0161.0115"},
		{name: "octal, padded", text: "0313.0000.0161.0115"},
		{name: "octal", text: "031300070515"},
		{name: "list of JSON", text: "[203, 0, 113, 77]", number: true},
		{name: "list of FTP", text: "227 Entering Passive Mode (203,0,113,77,19,136)"},
		{name: "network", text: "203.0.113.0/24"},
		{name: "network, slash escaped", text: `203.0.113.0\/24`},
		{name: "mapped", text: "::ffff:" + a},
		{name: "mapped, hexadecimal", text: "::FFFF:CB00:714D"},
		{name: "mapped, whole", text: "[0:0:0:0:0:ffff:cb00:714d]:443"},
		{name: "NAT64", text: "64:ff9b::cb00:714d"},
		{name: "NAT64 of a network", text: "2001:db8:64:cb00:71:4d00::"},
		{name: "6to4", text: "2002:cb00:714d::1"},
		{name: "Teredo", text: "2001:0:4136:e378:8000:63bf:34ff:8eb2"},
		{name: "ISATAP", text: "fe80::5efe:cb00:714d"},
		{name: "6to4 in ip6.arpa", text: "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.4.1.7.0.0.b.c.2.0.0.2.ip6.arpa"},
		{name: "base64", text: b64("your address is " + a + ", is it not")},
		{name: "base64, alone", text: b64(a)},
		{name: "base64, of URLs", text: base64.RawURLEncoding.EncodeToString([]byte("?>?>" + a))},
		{name: "base64, twice", text: b64("see " + b64("at "+a))},
		{name: "base64, escaped", text: strings.ReplaceAll(b64("????>>>"+a+"???"), "/", `\/`)},
		{name: "base64, padding in percents", text: strings.ReplaceAll(b64("ip "+a), "=", "%3D")},
		{name: "base64, in a query", text: "https://x.com/?q=" + b64("a "+a)},
		{name: "base64 of an encoded address", text: b64("ip=" + url.QueryEscape(dots("%2E")))},
		{name: "base64 of its bytes", text: b64("\x00\x08\x00\x07\x00\x01\x20\x00\xcb\x00\x71\x4d\xff"), whole: true},
		{name: "digits of its letters", text: each("%02x", a)},
		{name: "full width", text: "２０３．０．１１３．７７"},
		{name: "Persian", text: "۲۰۳.۰.۱۱۳.۷۷"},
		{name: "Arabic, escaped", text: `\u0662\u0660\u0663.\u0660.\u0661\u0661\u0663.\u0667\u0667`},
		{name: "what is not seen within", text: "203.\u200b0.\u00ad113.77"},
	}
}

func spellings6() []spelling {
	a := client6
	colons := func(by string) string { return strings.ReplaceAll(a, ":", by) }
	return []spelling{
		{name: "plain", text: a},
		{name: "capitals", text: strings.ToUpper(a)},
		{name: "whole", text: "2001:0db8:0005:0006:000a:000b:000c:000d"},
		{name: "zone", text: a + "%eth0"},
		{name: "port", text: "[" + a + "]:443"},
		{name: "port without brackets", text: a + ":443"},
		{name: "after a word", text: "node:" + a + "."},
		{name: "tail with stops", text: "2001:db8:5:6:a:b:0.12.0.13"},
		{name: "percent", text: colons("%3A")},
		{name: "percent, twice", text: colons("%253a")},
		{name: "escaped", text: each(`\u%04X`, a)},
		{name: "references", text: colons("&#58;")},
		{name: "dashes", text: colons("-") + ".isp.example"},
		{name: "dashes, whole", text: "2001-0db8-0005-0006-000a-000b-000c-000d.isp.example"},
		{name: "underscores", text: colons("_.")[:4] + strings.ReplaceAll(a[4:], ":", "_")},
		{name: "hexadecimal", text: "20010DB800050006000A000B000C000D"},
		{name: "hexadecimal, 0x", text: "0x20010db800050006000a000b000c000d"},
		{name: "number", text: "42540766411288637596685337336797200397", number: true},
		{name: "ip6.arpa", text: "d.0.0.0.c.0.0.0.b.0.0.0.a.0.0.0.6.0.0.0.5.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
		{name: "ip6.arpa of its network", text: "6.0.0.0.5.0.0.0.8.b.d.0.1.0.0.2.IP6.ARPA"},
		{name: "network", text: "2001:db8:5:6::/64"},
		{name: "network, wider", text: "2001:db8:5::/48"},
		{name: "network without a length", text: "2001:db8:5:6::"},
		{name: "network, begun", text: "the prefix 2001:db8:5:6 is yours"},
		{name: "network, whole, begun", text: "2001:0db8:0005:0006"},
		{name: "network, hexadecimal", text: "20010db800050006"},
		{name: "another of its household", text: "2001:db8:5:6:1234:5678:9abc:def0"},
		{name: "base64", text: b64("hello " + a)},
		{name: "base64 of its bytes", text: b64("\x00\x02\x40\x00\x20\x01\x0d\xb8\x00\x05\x00\x06\x00\x0a\x00\x0b\x00\x0c\x00\x0d"), whole: true},
		{name: "digits of its letters", text: each("%02x", a)},
		{name: "full width colons", text: colons("：")},
	}
}

// A client's address, in whatever spelling a document holds it, is nowhere on the
// disk and on no page once the document was handed in: not in the raw batches, not
// in a column of any table, not in what was set aside.
func TestClientInEverySpelling(t *testing.T) {
	t.Parallel()
	for version, all := range map[string][]spelling{"IPv4": spellings4(), "IPv6": spellings6()} {
		client := map[string]string{"IPv4": client4, "IPv6": client6}[version]
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p, err := openPipeline(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2024, 2, 20, 0, 0, 0, 0, time.UTC)
			p.Now = func() time.Time { return now }
			c, err := newCollector(p, collect.Config{BaseURL: "http://bandish.example"}, "")
			if err != nil {
				t.Fatal(err)
			}
			st, err := store.Open(p.Archive, "")
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			rec, err := casefile.Load(records.FS, "records")
			if err != nil {
				t.Fatal(err)
			}
			site := &web.Site{Desk: newDesk(p.Archive.Dir(), st, rec, p.Targets), Store: st, Targets: p.Targets, Records: rec, Now: p.Now, Log: slog.New(slog.DiscardHandler)}
			api := &ooniapi.Server{Store: st, Targets: p.Targets, Records: rec, BaseURL: "http://bandish.example", Now: p.Now, Log: slog.New(slog.DiscardHandler)}
			srv := httptest.NewServer(answers(site.Handler(), c, api))
			defer srv.Close()

			// All at once: they are committed together.
			uids := make([]string, len(all))
			var sent sync.WaitGroup
			for i, s := range all {
				doc := spelledDocument(client, s, i)
				if !json.Valid([]byte(doc)) {
					t.Fatalf("%s: the document is no JSON: %s", s.name, doc)
				}
				sent.Go(func() {
					status, answer := send(t, "POST", srv.URL+"/api/v1/measurement", doc)
					var receipt struct {
						UID string `json:"measurement_uid"`
					}
					if err := json.Unmarshal([]byte(answer), &receipt); err != nil || status != http.StatusOK {
						t.Errorf("%s: %d %s", s.name, status, answer)
					}
					uids[i] = receipt.UID
				})
			}
			sent.Wait()
			var shown []byte
			for i, uid := range uids {
				for _, path := range []string{"/m/" + uid, "/m/" + uid + "?format=json", "/api/v1/raw_measurement?measurement_uid=" + uid} {
					status, page := send(t, "GET", srv.URL+path, "")
					if status != http.StatusOK {
						t.Fatalf("%s: %s answers %d", all[i].name, path, status)
					}
					shown = append(shown, page...)
				}
			}
			// What is no measurement is set aside by an import.
			aside := filepath.Join(t.TempDir(), "aside.jsonl")
			var lines strings.Builder
			for i, s := range all {
				lines.WriteString(strings.Replace(spelledDocument(client, s, i), `"test_keys"`, `"tests"`, 1) + "\n")
			}
			if err := os.WriteFile(aside, []byte(lines.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			env := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: os.Getenv}
			run(t.Context(), env, []string{"import", aside, "--data", p.Archive.Dir()})
			if p.QuarantineSize() == 0 {
				t.Error("nothing was set aside")
			}

			places := onDisk(t, p.Archive.Dir())
			places["pages"] = shown
			for where, text := range places {
				low := bytes.ToLower(text)
				for _, s := range all {
					plain := s.text
					json.Unmarshal([]byte(`"`+s.text+`"`), &plain)
					for _, form := range []string{s.text, plain, strings.ReplaceAll(s.text, `\`, `\\`), client} {
						if at := bytes.Index(low, []byte(strings.ToLower(form))); at >= 0 {
							t.Errorf("%s: %q stands in %s: %s", s.name, form, where, low[max(0, at-20):min(len(low), at+len(form)+20)])
							break
						}
					}
				}
			}
			if len(all) < 20 || len(places) < 6 {
				t.Errorf("%d spellings were looked for in %d places", len(all), len(places))
			}
			t.Logf("%d spellings, looked for in %d files and the pages", len(all), len(places)-1)
		})
	}
	if n := len(spellings4()) + len(spellings6()); n < 43 {
		t.Errorf("%d spellings, want 43", n)
	}
}

// spelledDocument is a measurement whose server tells the client its address.
func spelledDocument(client string, s spelling, i int) string {
	value, text := `"`+s.text+`"`, s.text
	switch {
	case s.whole:
		text = "nothing"
	case s.number:
		value, text = s.text, "nothing"
	}
	return fmt.Sprintf(`{"annotations":{"said":%[3]s},"input":"https://x.com/","measurement_start_time":"2024-02-19 %02[4]d:%02[5]d:00","probe_asn":"AS64512","probe_cc":"ZZ","probe_ip":%[1]q,"report_id":"r%[6]d","test_name":"web_connectivity","test_version":"0.5.0","test_keys":{`+
		`"queries":[{"engine":"udp","hostname":"x.com","query_type":"A","failure":null,"answers":[{"answer_type":"A","ipv4":"8.8.8.8"},{"answer_type":"CNAME","hostname":"%[2]s"}],"raw_response":{"format":"base64","data":%[7]q}}],`+
		`"tcp_connect":[{"ip":"8.8.8.8","port":443,"status":{"success":false,"failure":"unknown_failure: %[2]s"}}],`+
		`"requests":[{"failure":null,"request":{"url":"https://x.com/","method":"GET","headers":{"X-Said":"%[2]s"}},"response":{"code":403,"headers":{"X-Client":"%[2]s"},"headers_list":[["X-Client","%[2]s"]],"body":"<html><title>blocked %[2]s</title> your address: %[2]s, goodbye</html>"}}],`+
		`"said":%[3]s,"body":{"format":"base64","data":%[8]q},"control":{"http_request":{"status_code":200,"body_length":1000,"title":"X"},"dns":{"addrs":["8.8.8.8"],"failure":null}}}}`,
		client, text, value, i/60, i%60, i, b64("\x12\x34\x81\x80 "+text), b64("<html>"+text+"</html>\xff"))
}

// onDisk is what stands in the files of a folder, unpacked: raw batches as lines,
// tables as the values of all columns.
func onDisk(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		switch filepath.Ext(path) {
		case ".zst":
			z, err := zstd.NewReader(nil)
			if err != nil {
				return err
			}
			defer z.Close()
			if b, err = z.DecodeAll(b, nil); err != nil {
				return err
			}
		case ".parquet":
			if b, err = valuesOf(b); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		out[rel] = b
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func valuesOf(b []byte) ([]byte, error) {
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 64)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				for _, v := range row {
					fmt.Fprintf(&out, "%s\n", v.String())
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
		}
		rows.Close()
	}
	return out.Bytes(), nil
}
