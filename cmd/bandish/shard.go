package main

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/shard"
)

// shardFlags are the flags that say which part of a shared work this process does.
type shardFlags struct {
	shard string
	lease time.Duration
}

// add adds the flags to a command. what names the things that are cut into parts.
func (o *shardFlags) add(c *cobra.Command, what string) {
	f := c.Flags()
	f.StringVar(&o.shard, "shard", "", "only part `N/M` of the "+what+", for instance 3/16, so that M processes share it; auto/16: any of 16 parts that is free, until none is left")
	f.DurationVar(&o.lease, "lease", time.Minute, "with --shard: the `duration` after which others may take the part of a process that is not heard from")
}

// parse returns the part, or a usage error for the command.
func (o *shardFlags) parse(command string) (shard.Shard, error) {
	s, err := shard.Parse(o.shard)
	if err == nil && o.lease < time.Second {
		err = fmt.Errorf("--lease is %s: want a second at least", o.lease)
	}
	if err != nil {
		return s, usageError("%s: %v", command, err)
	}
	return s, nil
}

// crew says how this process takes part. Each part that the process waits for is named on
// standard error once.
func (o *shardFlags) crew(env *environment, part shard.Shard) pipeline.Crew {
	host, err := os.Hostname()
	if err != nil {
		host = "a machine without a name"
	}
	last := ""
	return pipeline.Crew{
		Shard: part, Lease: o.lease, Program: build(),
		Holder: fmt.Sprintf("%s, process %d %s", host, os.Getpid(), rand.Text()[:8]),
		Waiting: func(h *shard.HeldError) {
			if now := h.Part.String() + h.By; now != last {
				last = now
				fmt.Fprintf(env.stderr, "waiting for others: %v, or longer if its process renews the lease\n", h)
			}
		},
	}
}

// build names the program, so that only processes that write the same bytes share a work.
// A program built from uncommitted files is named by the hash of its own file.
func build() string {
	v := versionOf()
	name := v.Module + " " + v.Commit
	if v.Commit != "" && !v.Modified {
		return name
	}
	self, err := os.Executable()
	if err != nil {
		return name
	}
	f, err := os.Open(self)
	if err != nil {
		return name
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return name
	}
	return cmp.Or(v.Commit, v.Module) + " " + hex.EncodeToString(h.Sum(nil))
}

// printEnded prints how far a work is that this process did not put together.
func printEnded(env *environment, what string, how pipeline.Ended, asJSON bool) error {
	if asJSON {
		return printJSON(env.stdout, how)
	}
	if how.Left > 0 {
		_, err := fmt.Fprintf(env.stdout, "the part is done; left to others: %s; the process that does the last puts the %s together\n", number(how.Left, "part"), what)
		return err
	}
	_, err := fmt.Fprintf(env.stdout, "another put the %s together at %s; to do it again now, leave out --shard\n", what, how.Before.UTC().Format(time.RFC3339))
	return err
}
