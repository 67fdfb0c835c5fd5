//go:build !linux

package frugal

// inMemory returns "": only of Linux is it known where files are in memory.
func inMemory() string { return "" }
