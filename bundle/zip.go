package bundle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
)

// This file writes and reads the container: a ZIP file in one fixed form. Files are
// in the order of their names, without compression, all with the date 1980-01-01,
// and with no comment, gap or extra field. Every ZIP program can read it. Because
// the form is fixed, the names and contents of the files determine every byte, and
// any other byte is noticed.

// file is one file of a bundle.
type file struct {
	name string
	data []byte
}

const (
	localLength   = 30
	centralLength = 46
	endLength     = 22
	maxFiles      = 1 << 15
	maxBytes      = 1<<32 - 1<<24 // of a container; ZIP64 is not written
)

// local returns the header in front of a file.
func local(f file) []byte {
	b := make([]byte, 0, localLength+len(f.name))
	b = append(b, "PK\x03\x04"...)
	b = append(b, 20, 0) // version 2.0 is needed to read it
	b = appendCommon(b, f)
	return append(b, f.name...)
}

// appendCommon appends what both headers of a file have in common.
func appendCommon(b []byte, f file) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, 1<<11)  // the name is UTF-8
	b = le.AppendUint16(b, 0)      // stored
	b = le.AppendUint16(b, 0)      // time
	b = le.AppendUint16(b, 1<<5|1) // date: 1980-01-01
	b = le.AppendUint32(b, crc32.ChecksumIEEE(f.data))
	b = le.AppendUint32(b, uint32(len(f.data)))
	b = le.AppendUint32(b, uint32(len(f.data)))
	b = le.AppendUint16(b, uint16(len(f.name)))
	return le.AppendUint16(b, 0) // no extra field
}

// directory returns the list of files at the end.
func directory(files []file) []byte {
	le := binary.LittleEndian
	var b []byte
	at := 0
	for _, f := range files {
		b = append(b, "PK\x01\x02"...)
		b = append(b, 20, 0, 20, 0)
		b = appendCommon(b, f)
		b = append(b, make([]byte, 10)...) // no comment, disk 0, no attributes
		b = le.AppendUint32(b, uint32(at))
		b = append(b, f.name...)
		at += localLength + len(f.name) + len(f.data)
	}
	n := len(b)
	b = append(b, "PK\x05\x06\x00\x00\x00\x00"...)
	b = le.AppendUint16(b, uint16(len(files)))
	b = le.AppendUint16(b, uint16(len(files)))
	b = le.AppendUint32(b, uint32(n))
	b = le.AppendUint32(b, uint32(at))
	return append(b, 0, 0)
}

// writeZIP sorts files by name and writes them as a container.
func writeZIP(w io.Writer, files []file) error {
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	size := 0
	for _, f := range files {
		size += localLength + centralLength + 2*len(f.name) + len(f.data)
	}
	if size > maxBytes || len(files) > maxFiles {
		return fmt.Errorf("%d files of %d bytes are more than a bundle holds: choose less", len(files), size)
	}
	for _, f := range files {
		if _, err := w.Write(local(f)); err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	_, err := w.Write(directory(files))
	return err
}

// readZIP reads a container. It returns the files that could be read, and for
// everything that is not in the fixed form what it is and where.
func readZIP(r io.ReaderAt, size int64) (files []file, faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if size > maxBytes {
		fault("it has %d bytes, and a bundle has %d at most", size, int64(maxBytes))
		return nil, faults
	}
	all := make([]byte, size)
	if n, err := r.ReadAt(all, 0); n < len(all) {
		fault("only %d of %d bytes can be read: %v", n, size, err)
		return nil, faults
	}
	rest := all
	for bytes.HasPrefix(rest, []byte("PK\x03\x04")) {
		f, n, err := readFile(rest)
		if err != nil {
			fault("at byte %d, after %s: %v", len(all)-len(rest), lastName(files), err)
		}
		if n == 0 {
			return files, faults
		}
		if k := len(files); k > 0 && files[k-1].name >= f.name {
			fault("at byte %d: the file %q stands after %q: it was added, or the order was changed", len(all)-len(rest), f.name, files[k-1].name)
			return files, faults
		}
		files, rest = append(files, f), rest[n:]
		if len(files) > maxFiles {
			fault("it has more files than a bundle has")
			return files, faults
		}
	}
	if want := directory(files); !bytes.Equal(rest, want) && len(faults) == 0 {
		faults = append(faults, endFault(rest, want, len(all)-len(rest), files))
	}
	if len(files) == 0 {
		fault("it holds no file: it is no bundle")
	}
	return files, faults
}

// endFault says how the list at the end differs from what it must be.
func endFault(got, want []byte, at int, files []file) string {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	switch {
	case n == len(want):
		return fmt.Sprintf("%d bytes were added at its end, from byte %d on", len(got)-n, at+n)
	case n == len(got):
		return fmt.Sprintf("its end is missing: it breaks off at byte %d, after %s", at+n, lastName(files))
	}
	return fmt.Sprintf("byte %d, after %s, is not what it must be: bytes of the list of files, or of what stands before it, were altered, added or dropped", at+n, lastName(files))
}

func lastName(files []file) string {
	if len(files) == 0 {
		return "the beginning"
	}
	return files[len(files)-1].name
}

// readFile reads the file at the beginning of b and returns how many bytes it
// takes; 0 means that the next file cannot be found. An altered file is returned
// together with the error.
func readFile(b []byte) (file, int, error) {
	le := binary.LittleEndian
	if len(b) < localLength {
		return file{}, 0, errors.New("the header of a file breaks off")
	}
	n, size := int(le.Uint16(b[26:])), int(le.Uint32(b[22:]))
	if len(b) < localLength+n {
		return file{}, 0, errors.New("the name of a file breaks off")
	}
	f := file{name: string(b[localLength : localLength+n])}
	if !plainName(f.name) {
		return file{}, 0, fmt.Errorf("no bundle holds a file of the name %q", f.name)
	}
	if len(b)-localLength-n < size {
		return file{}, 0, fmt.Errorf("%s breaks off: it is to have %d bytes, and %d are left", f.name, size, len(b)-localLength-n)
	}
	f.data = b[localLength+n : localLength+n+size]
	head := b[:localLength+n]
	if want := local(f); !bytes.Equal(head, want) {
		if crc := le.Uint32(head[14:]); crc != crc32.ChecksumIEEE(f.data) {
			return f, localLength + n + size, fmt.Errorf("%s was altered: its checksum is not the one that stands before it", f.name)
		}
		return f, localLength + n + size, fmt.Errorf("the header of %s was altered", f.name)
	}
	return f, localLength + n + size, nil
}

// plainName reports whether a name is a path that stays inside its folder on every
// system.
func plainName(name string) bool {
	if name == "" || len(name) > 200 || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.Trim(part, ".") == "" {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-", r))
	})
}
