package lab

import (
	"crypto/tls"
	"net"
	"testing"
)

// clientHello is what Go's own client sends first for a name.
func clientHello(t testing.TB, name string) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		defer client.Close()
		_ = tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake() // nobody answers
	}()
	buf := make([]byte, maxStream)
	n, err := server.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// TestHelloName: the name is found once the hello is whole, and not before,
// wherever it is cut.
func TestHelloName(t *testing.T) {
	hello := clientHello(t, "x.test")
	if len(hello) < mtu {
		t.Errorf("the hello has %d bytes: it no longer spans two segments, which the lab is to show", len(hello))
	}
	for n := range len(hello) {
		if name, err := helloName(hello[:n]); err != errMore {
			t.Fatalf("after %d bytes of %d: %q, %v", n, len(hello), name, err)
		}
	}
	for _, stream := range [][]byte{hello, append(hello[:len(hello):len(hello)], "more"...), records(hello, 7), records(hello, 600)} {
		if name, err := helloName(stream); name != "x.test" || err != nil {
			t.Errorf("%d bytes: %q, %v", len(stream), name, err)
		}
	}
	if name, err := helloName(clientHello(t, "")); name != "" || err != nil {
		t.Errorf("without a name: %q, %v", name, err)
	}
	for _, other := range []string{"GET / HTTP/1.1\r\n", "\x16\x03\x01\x00\x04\x02\x00\x00\x00", "\x17\x03\x03\x00\x01x"} {
		if _, err := helloName([]byte(other)); err != errNotHello {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// records cuts the one record of a hello into records of n bytes.
func records(hello []byte, n int) []byte {
	var out []byte
	for body := hello[5:]; len(body) > 0; {
		part := body[:min(n, len(body))]
		out = append(out, 22, 3, 1, byte(len(part)>>8), byte(len(part)))
		out = append(out, part...)
		body = body[len(part):]
	}
	return out
}

func FuzzHelloName(f *testing.F) {
	f.Add(clientHello(f, "x.test"))
	f.Add(records(clientHello(f, "x.test"), 100))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x.test\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 0 {
			streamName(stream)
		}
	})
}
