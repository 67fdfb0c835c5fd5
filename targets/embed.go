// Package targets holds the registry of platforms as reviewed documents: one YAML
// file for each platform. Package internal/target reads and checks them.
package targets

import "embed"

// FS holds the documents, NAME.yaml at its root.
//
//go:embed *.yaml
var FS embed.FS
