package source

import (
	"fmt"
	"io"
	"os"
)

// OpenFile opens a regular file for reading. Other files are refused: a device may have no
// end, and a pipe no writer.
func OpenFile(name string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is a %s and not a regular file; give the copy as a file", name, kindOfFile(info.Mode()))
	}
	f, err := os.Open(name)
	return f, info, err
}

// ReadFile reads a regular file. It is an error if it has more than maxBytes.
func ReadFile(name string, maxBytes int64) ([]byte, os.FileInfo, error) {
	f, info, err := OpenFile(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxBytes+1)) // the file may grow, and files in /proc have size 0
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(content)) > maxBytes {
		return nil, nil, fmt.Errorf("%s has more than %d bytes, which is too large", name, maxBytes)
	}
	return content, info, nil
}

func kindOfFile(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&os.ModeNamedPipe != 0:
		return "pipe"
	case m&os.ModeSocket != 0:
		return "socket"
	}
	return "device"
}
