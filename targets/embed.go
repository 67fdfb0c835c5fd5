// Package targets holds the registry of platforms as reviewed documents, one
// YAML file a platform. Package internal/target reads and checks them.
package targets

import "embed"

// FS holds the documents.
//
//go:embed *.yaml
var FS embed.FS
