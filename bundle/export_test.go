package bundle

import "io"

// Open reads the contents of a bundle that Write made, for tests that change
// them.
func Open(r io.ReaderAt, size int64) (*Contents, []string) {
	files, faults := readZIP(r, size)
	if len(faults) > 0 {
		return nil, faults
	}
	return read(files)
}

// Files are the names and sizes of the files of a bundle, in their order.
func Files(r io.ReaderAt, size int64) (names []string, sizes []int) {
	files, _ := readZIP(r, size)
	for _, f := range files {
		names, sizes = append(names, f.name), append(sizes, len(f.data))
	}
	return names, sizes
}
