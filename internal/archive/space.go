package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Free returns how many bytes and how many files there is room for, on the fullest of the
// disks that the archive writes to.
func (a *Archive) Free() (bytes, files uint64, err error) {
	bytes, files = ^uint64(0), ^uint64(0)
	for _, d := range []string{"", rawDir, Observations, Verdicts, Bodies, Cells, Layers, Hours} {
		var st unix.Statfs_t
		switch err := unix.Statfs(filepath.Join(a.dir, d), &st); {
		case errors.Is(err, fs.ErrNotExist): // it will be made in the data folder itself
			continue
		case err != nil:
			return 0, 0, fmt.Errorf("ask for the room on the disk of %s: %w", filepath.Join(a.dir, d), err)
		}
		bytes = min(bytes, st.Bavail*uint64(st.Bsize))
		if st.Files > 0 { // 0: the file system has no limit
			files = min(files, st.Ffree)
		}
	}
	return bytes, files, nil
}
