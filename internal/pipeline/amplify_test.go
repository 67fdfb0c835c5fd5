package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// amplifying are documents that take much more than their size when they are
// read without bounds: each is made of a head, a part that is repeated, and a
// tail, to 16 MiB in all, or to what its budget
// allows. %d in the part is its number.
var amplifying = []struct{ name, head, part, tail string }{
	{"requests of numbers", `"test_keys":{"requests":[0`, `,1`, `]}`},
	{"requests of objects", `"test_keys":{"requests":[{}`, `,{}`, `]}`},
	{"requests of nulls", `"test_keys":{"requests":[null`, `,null`, `]}`},
	{"queries of objects", `"test_keys":{"queries":[{}`, `,{}`, `]}`},
	{"queries of lists", `"test_keys":{"queries":[[]`, `,[]`, `]}`},
	{"answers", `"test_keys":{"queries":[{"answers":[{}`, `,{}`, `]}]}`},
	{"connections", `"test_keys":{"tcp_connect":[{}`, `,{}`, `]}`},
	{"connections as one object", `"test_keys":{"tcp_connect":{"a":1`, `,"%d":1`, `}}`},
	{"handshakes", `"test_keys":{"tls_handshakes":[{}`, `,{}`, `]}`},
	{"handshakes over QUIC", `"test_keys":{"quic_handshakes":[0`, `,0`, `]}`},
	{"certificates", `"test_keys":{"tls_handshakes":[{"peer_certificates":[{}`, `,{}`, `]}]}`},
	{"network events", `"test_keys":{"network_events":[{}`, `,{}`, `]}`},
	{"tags", `"test_keys":{"network_events":[{"tags":[""`, `,""`, `]}]}`},
	{"targets of numbers", `"test_keys":{"targets":{"a":1`, `,"%d":1`, `}}`},
	{"targets of objects", `"test_keys":{"targets":{"a":{}`, `,"%d":{}`, `}}`},
	{"lookups", `"test_keys":{"lookups":{"a":{}`, `,"%d":{}`, `}}`},
	{"headers", `"test_keys":{"requests":[{"response":{"headers":{"a":"b"`, `,"%d":""`, `}}}]}`},
	{"headers of lists", `"test_keys":{"requests":[{"response":{"headers":{"a":[""`, `,""`, `]}}}]}`},
	{"header list", `"test_keys":{"requests":[{"response":{"headers_list":[["a","b"]`, `,["",""]`, `]}}]}`},
	{"header list of empty lists", `"test_keys":{"requests":[{"response":{"headers_list":[[]`, `,[]`, `]}}]}`},
	{"endpoints of the control", `"test_keys":{"control":{"tcp_connect":{"a":{}`, `,"%d":{}`, `}}}`},
	{"addresses of the control", `"test_keys":{"control":{"dns":{"addrs":[""`, `,""`, `]}}}`},
	{"what is known of addresses", `"test_keys":{"control":{"ip_info":{"a":{}`, `,"%d":{}`, `}}}`},
	{"what was asked of the control", `"test_keys":{"x_control_request":{"http_request_headers":{"a":[]`, `,"%d":[]`, `}}}`},
	{"logs", `"test_keys":{"tor_logs":[""`, `,""`, `]}`},
	{"extensions", `"test_keys":{},"extensions":{"a":1`, `,"%d":1`, `}`},
	{"test helpers", `"test_keys":{},"test_helpers":{"a":{}`, `,"%d":{}`, `}`},
	{"a map of numbers at the top", `"test_keys":{},"a":1`, `,"%d":1`, ``},
	{"the same member again", `"test_keys":{}`, `,"test_keys":{"requests":[{},{}]}`, ``},
	{"lists in lists", `"test_keys":{},"a":[`, `[`, ``},
	{"objects in objects", `"test_keys":{},"a":{`, `"a":{`, ``},
	{"an unknown list", `"test_keys":{"x":[0`, `,0`, `]}`},
	{"escapes", `"test_keys":{"requests":[{"response":{"body":"`, `\u0001`, `"}}]}`},
	{"a body of tags", `"test_keys":{"requests":[{"failure":null,"request":{"url":"http://x.com/"},"response":{"code":200,"body":"`, `<title>`, `"}}]}`},
	{"base64", `"test_keys":{"requests":[{"response":{"body":{"format":"base64","data":"`, `AAAA`, `"}}}]}`},
	{"a number", `"test_keys":{},"test_runtime":1`, `1`, ``},
	{"white space", `"test_keys":{},"a":1`, ` `, ``},
	{"addresses of clients", `"test_keys":{},"a":[{}`, `,{"probe_ip":"192.0.%d.7"}`, `]`},
	{"addresses of clients, IPv6", `"test_keys":{},"a":[{}`, `,{"client_ip":"2001:db8::%d"}`, `]`},
	{"many handshakes that fail", `"test_keys":{"tls_handshakes":[{}`, `,{"address":"192.0.2.1:%d","server_name":"x.com","failure":"connection_reset","t":1}`, `]}`},
	{"many lookups with answers", `"test_keys":{"queries":[{}`, `,{"hostname":"x%d.com","query_type":"A","engine":"udp","failure":null,"answers":[{"answer_type":"A","ipv4":"192.0.2.1"}]}`, `]}`},
	{"many pages", `"test_keys":{"requests":[{}`, `,{"failure":null,"request":{"url":"http://x.com/%d"},"response":{"code":200,"body":"<title>a</title>"}}`, `]}`},
}

const amplifySize = 16 << 20

// amplify makes a document; within makes it as long as its budget allows.
func amplify(i int, within bool) []byte {
	c := amplifying[i]
	most := amplifySize
	switch {
	case !within:
	case strings.HasPrefix(c.part, `,"`):
		most = 9_900 // members of one object
	case strings.HasPrefix(c.part, `,`):
		most = 49_900 / (1 + strings.Count(c.part, `["",""]`)*2 + strings.Count(c.part, `:[{`))
	case c.part == `[` || c.part == `"a":{`:
		most = 900
	}
	var b bytes.Buffer
	b.WriteString(`{"test_name":"web_connectivity","measurement_start_time":"2024-02-17 00:00:00","probe_cc":"ZZ","probe_asn":"AS64512","input":"https://x.com/","report_id":"r",`)
	b.WriteString(c.head)
	numbered := strings.Contains(c.part, "%d")
	for n := 0; n < most && b.Len() < amplifySize; n++ {
		if numbered {
			fmt.Fprintf(&b, c.part, n)
		} else {
			b.WriteString(c.part)
		}
	}
	b.WriteString(c.tail + "}")
	return bytes.Clone(b.Bytes())
}

// amplified is what reading one of them took.
type amplified struct {
	MB      float64 `json:"mb"`      // resident at most, above what was before
	Seconds float64 `json:"seconds"` // of processor time, on both of two cores
	Said    string  `json:"said"`
}

// amplifyChild reads one document as a submission is read, in a process of its
// own.
func amplifyChild(dir string, i int, within bool) error {
	p, err := newPipeline(dir)
	if err != nil {
		return err
	}
	doc := amplify(i, within)
	runtime.GC()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // resets the peak
		return err
	}
	before := peakMB()
	start := processorTime()
	out := amplified{Said: "taken"}
	_, err = p.Submit(context.Background(), doc, Sender{})
	if err != nil {
		out.Said = err.Error()
	}
	out.Seconds, out.MB = (processorTime() - start).Seconds(), peakMB()-before
	return json.NewEncoder(os.Stdout).Encode(out)
}

// processorTime is what this process has used. The time on the clock follows what
// else the machine does.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// amplifyOnce is what a document takes in a process of its own.
func amplifyOnce(t *testing.T, which string) amplified {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return answer[amplified](t, program(ctx, t, "amplify", t.TempDir(), which))
}

// No document takes the memory or the time of many.
func TestAmplifyingInputs(t *testing.T) {
	if testing.Short() { // as .ci/run asks for the race detector
		t.Skip("memory is measured without -short: the race detector takes memory of its own")
	}
	for i, c := range amplifying {
		if os.Getenv("BANDISH_LONG") == "" && i%6 != 0 { // set by .ci/run
			continue
		}
		for _, size := range []string{"", "within"} {
			t.Run(strings.ReplaceAll(c.name+" "+size, " ", "_"), func(t *testing.T) {
				var got amplified
				for range 3 { // the collector of garbage comes late where others have the cores
					got = amplifyOnce(t, fmt.Sprint(i, " ", size))
					if got.MB <= 200 {
						break
					}
				}
				t.Logf("%4.0f MB, %5.2f s: %.90s", got.MB, got.Seconds, got.Said)
				if got.MB > 200 || got.Seconds > 2*2 {
					t.Errorf("it took %.0f MB and %.1f s of two cores", got.MB, got.Seconds)
				}
			})
		}
	}
}

// hostileLoad submits all of the documents at once, each as large as its
// budget allows, several times over, and a good one after them. Together they
// are as large as what the collector takes in at one time.
func hostileLoad(dir string) error {
	p, err := newPipeline(dir)
	if err != nil {
		return err
	}
	p.Patience = 5 * time.Minute
	start := time.Now()
	var wg sync.WaitGroup
	for round := range 3 {
		for i := range amplifying {
			doc := amplify(i, true)
			if round > 0 && len(doc) > amplifySize/2 {
				continue // the collector holds no more of them at a time
			}
			wg.Go(func() { p.Submit(context.Background(), doc, Sender{}) })
		}
	}
	wg.Wait()
	_, err = p.Submit(context.Background(), zz("r", 1), Sender{})
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(amplified{peakMB(), time.Since(start).Seconds(), "taken"}))
}

// However many such documents come at once, few are decoded at a time.
func TestHostileLoad(t *testing.T) {
	if os.Getenv("BANDISH_LONG") == "" {
		t.Skip("it takes some seconds of both cores: BANDISH_LONG=1")
	}
	got := answer[amplified](t, program(t.Context(), t, "hostile-load", t.TempDir(), ""))
	t.Logf("%.0f MB, %.1f s", got.MB, got.Seconds)
	if got.MB > 1024 {
		t.Errorf("the process took %.0f MB", got.MB)
	}
}
