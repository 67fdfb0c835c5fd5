// Package child runs the program of a test once more, as a process of its own: tests
// that kill, race or measure processes begin them here. It is no part of the program.
package child

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"testing"
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
