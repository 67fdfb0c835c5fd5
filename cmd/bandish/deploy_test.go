package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/bandish/bandish/internal/shard"
)

// TestCommandsOfDeploy holds the files in deploy to the commands that there are: each
// container's arguments name a command and flags of it. (.ci/deploy holds them to the
// formats of Kubernetes and compose.)
func TestCommandsOfDeploy(t *testing.T) {
	n := 0
	for _, name := range []string{"kubernetes.yaml", "compose.yaml"} {
		text, err := os.ReadFile("../../deploy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var doc any
			if err := d.Decode(&doc); err != nil {
				break
			}
			for _, args := range containerArguments(doc) {
				n++
				root := rootCommand(&environment{})
				c, rest, err := root.Find(args)
				if err != nil || !c.Runnable() || c == root {
					t.Errorf("%s: %q is no command: %v", name, args, err)
				} else if err := c.ParseFlags(rest); err != nil {
					t.Errorf("%s: %q: %v", name, args, err)
				} else if err := c.Args(c, c.Flags().Args()); err != nil {
					t.Errorf("%s: %q: %v", name, args, err)
				} else if f := c.Flags().Lookup("shard"); f != nil && !strings.HasPrefix(f.Value.String(), "$(JOB_COMPLETION_INDEX)/") {
					if _, err := shard.Parse(f.Value.String()); err != nil {
						t.Errorf("%s: %q: %v", name, args, err)
					}
				}
			}
		}
	}
	if n != 6 {
		t.Errorf("%d commands were found, want 6", n)
	}
	for _, index := range []string{"0", "15"} { // what Kubernetes puts into the arguments
		if _, err := shard.Parse(index + "/16"); err != nil {
			t.Error(err)
		}
	}
}

// containerArguments are the args of containers (Kubernetes) and the commands of services
// of our image (compose).
func containerArguments(doc any) (out [][]string) {
	switch v := doc.(type) {
	case []any:
		for _, e := range v {
			out = append(out, containerArguments(e)...)
		}
	case map[string]any:
		image, _ := v["image"].(string)
		for key, e := range v {
			list, ok := e.([]any)
			if !ok || key != "args" && key != "command" || !strings.Contains(image, "bandish") {
				out = append(out, containerArguments(e)...)
				continue
			}
			var args []string
			for _, a := range list {
				text, _ := a.(string)
				args = append(args, text)
			}
			out = append(out, args)
		}
	}
	return out
}
