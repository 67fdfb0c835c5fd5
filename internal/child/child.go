// Package child runs processes for tests: the program of the test once more, for tests
// that kill, race or measure processes, and servers of other projects. It is not part of
// the program.
package child

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Command is the program of the running test with variables, "NAME=value", added to
// its environment; its TestMain reads them and does what they say. It is killed when
// ctx ends. What it writes to its standard error goes to the test's.
func Command(ctx context.Context, t testing.TB, variables ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stderr = os.Stderr
	return cmd
}

// Start begins a process that the test writes to and whose lines it reads. Whoever
// begins it waits for its end.
func Start(t testing.TB, cmd *exec.Cmd) (in io.WriteCloser, out *bufio.Scanner) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return in, bufio.NewScanner(stdout)
}

// Free returns an address of this machine, 127.0.0.1:port, that nobody listens on.
func Free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Serve starts a server, and returns when it listens on address; it is killed when the test
// ends. If it does not listen within 30 s, the test fails with what the server printed.
func Serve(t testing.TB, cmd *exec.Cmd, address string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(end)
	for range 600 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	end() // after this nothing is written to said
	t.Fatalf("%s does not start: %s", cmd.Path, &said)
}
