package main

import "github.com/bandish/bandish/fingerprint"

// currentFingerprints is the snapshot in force for a data folder.
func currentFingerprints(dir string) (*fingerprint.Set, error) { return fingerprint.Embedded(), nil }
