package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/kit"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 0, "Is it blocked from here"},
		{[]string{"version"}, 0, kit.Version},
		{[]string{"probe"}, 2, "name a platform"},
		{[]string{"watch-probe", "--every", "0s", "example.org"}, 2, "--every must be more than 0"},
		{[]string{"probe", "install", "example.org"}, 0, "watch-probe"},
		{[]string{"ftp://example.org/"}, 2, "not http or https"},
	} {
		var out bytes.Buffer
		env := &kit.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: os.Getenv}
		if code := run(t.Context(), env, c.args); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q: code %d\n%s", c.args, code, &out)
		}
	}
}
