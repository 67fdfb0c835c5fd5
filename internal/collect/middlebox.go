package collect

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/server"
)

// Two services with which OONI's probes find middleboxes that change HTTP. One sends back
// what it gets; the other says how a request arrived. The probe compares that with what it
// sent.

// The limits of both services.
const (
	maxMiddleboxConns = 256
	maxMiddleboxBytes = 64 << 10
	maxMiddleboxTime  = 30 * time.Second
)

// Echo sends back on each connection what comes in, until ctx ends. It is OONI's tcp-echo,
// for the test http_invalid_request_line.
func Echo(ctx context.Context, l net.Listener, log *slog.Logger) error {
	return serveConns(ctx, l, log, func(c net.Conn) { io.Copy(c, io.LimitReader(c, maxMiddleboxBytes)) })
}

// JSONHeaders answers a request with that request's line and headers, exactly as they
// came, until ctx ends. It is OONI's http-return-json-headers, for the test
// http_header_field_manipulation.
func JSONHeaders(ctx context.Context, l net.Listener, log *slog.Logger) error {
	return serveConns(ctx, l, log, func(c net.Conn) {
		answer, err := readRequestAsWritten(bufio.NewReader(io.LimitReader(c, maxMiddleboxBytes)))
		if err != nil {
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		}
		body, err := json.Marshal(answer)
		if err != nil {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	})
}

// requestAsWritten is a request in the upper and lower case in which it came.
type requestAsWritten struct {
	Line    string              `json:"request_line"`
	Dict    map[string][]string `json:"headers_dict"`
	Headers [][2]string         `json:"request_headers"` // in order
}

func readRequestAsWritten(in *bufio.Reader) (requestAsWritten, error) {
	out := requestAsWritten{Dict: map[string][]string{}, Headers: [][2]string{}}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return out, err
		}
		line = strings.TrimRight(line, "\r\n")
		if out.Line == "" && line != "" {
			out.Line = line
			continue
		}
		if line == "" {
			return out, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return out, fmt.Errorf("header %q has no colon", line)
		}
		value = strings.TrimSpace(value)
		out.Dict[name] = append(out.Dict[name], value)
		out.Headers = append(out.Headers, [2]string{name, value})
	}
}

// serveConns calls do with each connection, within the limits.
func serveConns(ctx context.Context, l net.Listener, log *slog.Logger, do func(net.Conn)) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, maxMiddleboxConns)
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
		select {
		case slots <- struct{}{}:
		default:
			c.Close()
			continue
		}
		all.Go(func() {
			defer func() { <-slots }()
			defer c.Close()
			ended := context.AfterFunc(ctx, func() { c.Close() })
			defer ended()
			if c.SetDeadline(time.Now().Add(maxMiddleboxTime)) == nil {
				server.Safely("a service for probes", log, nil, func() error { do(c); return nil })
			}
		})
	}
}
