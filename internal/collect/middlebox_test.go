package collect

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
)

// speak sends text to a service and reads as long as it answers.
func speak(t *testing.T, serve func(context.Context, net.Listener, *slog.Logger) error, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, text)
	c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return string(got)
}

func TestEcho(t *testing.T) {
	for _, line := range []string{"ABCD / HTTP/1.1\n\r", "GET cache_object://localhost/ HTTP/1.0\n\r", strings.Repeat("Q", 1024) + " / HTTP/1.1\r\n"} {
		if got := speak(t, Echo, line); got != line {
			t.Errorf("%q came back as %q", line, got)
		}
	}
	if got := speak(t, Echo, strings.Repeat("x", maxMiddleboxBytes)); len(got) != maxMiddleboxBytes {
		t.Errorf("%d bytes came back", len(got))
	}
}

func TestJSONHeaders(t *testing.T) {
	got := speak(t, JSONHeaders, "GeT / HTTP/1.1\r\nhOsT: abc.com\r\naCCept: */*\r\naCCept: text/html\r\n\r\n")
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	var answer requestAsWritten
	if err := json.Unmarshal([]byte(body), &answer); err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		t.Fatalf("%v: %s", err, got)
	}
	want := requestAsWritten{Line: "GeT / HTTP/1.1", Dict: map[string][]string{"hOsT": {"abc.com"}, "aCCept": {"*/*", "text/html"}},
		Headers: [][2]string{{"hOsT", "abc.com"}, {"aCCept", "*/*"}, {"aCCept", "text/html"}}}
	if !reflect.DeepEqual(answer, want) {
		t.Errorf("%+v", answer)
	}
	for _, bad := range []string{"", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nHost: x"} {
		if got := speak(t, JSONHeaders, bad); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%q: %q", bad, got)
		}
	}
}
