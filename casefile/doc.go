// Package casefile holds the case record: for each ban, who asked for it, who
// ordered it and on what grounds, what the courts said, what officials said
// and what the sources report. It reads reviewed YAML, checks it, orders it
// in time, shows what was known on a day, and holds what was said against
// what was measured.
//
// The package only computes: it reads from an fs.FS, knows no clock and no
// network, and gives the same output for the same input. Measurements reach
// it through the interface Measured. The layout of the files is described
// field by field in docs/formats/record.md.
package casefile
