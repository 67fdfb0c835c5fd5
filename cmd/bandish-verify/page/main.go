// Command page writes the check of bundles as one HTML file that works from the disk,
// without network:
//
//	go run ./cmd/bandish-verify/page bandish-verify.html
//
// It builds bandish-verify as WebAssembly, compresses it, and puts it into the page.
package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed page.html
var page string

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "page: name the file to write: go run ./cmd/bandish-verify/page bandish-verify.html")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "page: %v\n", err)
		os.Exit(1)
	}
}

func write(name string) error {
	dir, err := os.MkdirTemp("", "bandish-verify")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "verify.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "github.com/bandish/bandish/cmd/bandish-verify")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the program as WebAssembly: %w", err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	glue, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	wasm, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(wasm); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	out := strings.Replace(page, "{{.Exec}}", string(glue), 1)
	out = strings.Replace(out, "{{.Program}}", base64.StdEncoding.EncodeToString(packed.Bytes()), 1)
	return os.WriteFile(name, []byte(out), 0o644)
}
