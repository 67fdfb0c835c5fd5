// Package records holds the reviewed case record: one folder for each case, and
// shared/ with what the cases share. docs/formats/record.md says how to read and
// write it.
package records

import "embed"

// FS is the record that was built into the program: FOLDER/FILE.yaml.
//
//go:embed */*.yaml
var FS embed.FS

// Schema is the JSON Schema of a case, for the files that editors write and for the
// JSON that the API shows.
//
//go:embed casefile.schema.json
var Schema []byte
