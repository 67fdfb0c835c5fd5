package notary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"

	"github.com/bandish/bandish/internal/child"
	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// A witness program of others signs the ledger, with an Ed25519 and an ML-DSA-44
// key, and refuses a fork. .ci/run builds it from .ci/witness and names it in
// BANDISH_OMNIWITNESS.
func TestAWitnessOfOthers(t *testing.T) {
	program := os.Getenv("BANDISH_OMNIWITNESS")
	if program == "" {
		t.Skip("BANDISH_OMNIWITNESS names no witness program: go build -C .ci/witness -o DIR github.com/transparency-dev/witness/cmd/omniwitness")
	}
	data := t.TempDir()
	l := begun(t, data, "log.example/ledger")
	grow(t, l, files(1, 10)...)

	dir := t.TempDir()
	classic, err := newKey("witness.example/ed25519")
	if err != nil {
		t.Fatal(err)
	}
	classicKey, err := fnote.VKeyToCosignatureV1(classic.public)
	if err != nil {
		t.Fatal(err)
	}
	pqPrivate, pqKey, err := fnote.GenerateMLDSAKey("witness.example/mldsa44")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ed25519":   classic.private,
		"mldsa":     pqPrivate,
		"logs.yaml": fmt.Sprintf("Logs:\n  - Origin: log.example/ledger\n    URL: http://127.0.0.1:1/\n    PublicKey: %s\n", verifierString(t, l)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address, metrics := child.Free(t), child.Free(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cmd := exec.CommandContext(ctx, program, "--listen", address, "--metrics_listen", metrics, "--db_file", filepath.Join(dir, "db"),
		"--private_key_path", filepath.Join(dir, "ed25519"), "--private_key_path", filepath.Join(dir, "mldsa"), "--additional_logs", filepath.Join(dir, "logs.yaml"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the witness says:\n%s", said.String())
		}
	}()
	asked := []Asked{{"http://" + address, classicKey}, {"http://" + address, pqKey}}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the witness does not listen")
		}
	}
	early := copyDir(t, data)
	for round := range 3 {
		grow(t, l, files(100*round, 5)...)
		names, err := l.Collect(t.Context(), http.DefaultClient, asked)
		if err != nil || len(names) != 2 {
			t.Fatalf("round %d: %v, %v", round, names, err)
		}
		c, sigs, err := l.Opened([]string{classicKey, pqKey})
		if now, _, e := l.Checkpoint(); err != nil || e != nil || c != now || len(sigs) != 2 {
			t.Fatalf("round %d: %v, %v", round, sigs, err)
		}
	}
	// A receipt carries the signatures of both.
	i := int64(3)
	c, signed, err := l.Witnessed()
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.ProveAt(c, signed, i)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := l.Entry(c, i)
	if err != nil {
		t.Fatal(err)
	}
	known, err := cosigners([]string{classicKey, pqKey})
	if err != nil {
		t.Fatal(err)
	}
	back, err := ledger.ParseProof(p.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if _, sigs, err := back.Check(entry, verifier(t, l), known...); err != nil || len(sigs) != 2 {
		t.Errorf("%v, %v", sigs, err)
	}
	fork := Open(disk.OS{}, early)
	grow(t, fork, files(900, 50)...)
	if names, err := fork.Collect(t.Context(), http.DefaultClient, asked); !errors.Is(err, ErrFork) || len(names) > 0 {
		t.Errorf("a fork is signed by %v: %v", names, err)
	}
}
