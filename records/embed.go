// Package records holds the reviewed case record: one folder a case, and what
// the cases share. How to read and write it is told in docs/formats/record.md.
package records

import "embed"

// FS is the record as it was built into the program.
//
//go:embed */*.yaml
var FS embed.FS

// Schema is the JSON Schema of a case, as it is written and as it is shown.
//
//go:embed casefile.schema.json
var Schema []byte
