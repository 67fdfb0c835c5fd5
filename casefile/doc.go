// Package casefile holds the case record: for each ban, who asked for it, who
// ordered it and on what grounds, what the courts and the officials said, and what
// sources report. It reads reviewed YAML, checks it, puts it in order of time,
// shows what was known on a day, and compares claims with what was measured.
//
// Files come in (Load), cases go out (Records). Package answer brings the
// measurements: it passes a MeasuredBan to Show and Clock, and settles claims. The
// package reads only from an fs.FS, knows no clock and no network, and gives the
// same output for the same input. docs/formats/record.md describes the files field
// by field.
package casefile
