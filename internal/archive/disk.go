package archive

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/bandish/bandish/internal/disk"
)

// Disk and File are what the archive writes through.
type (
	Disk = disk.Disk
	File = disk.File
)

type osDisk = disk.OS

// notWritable reports whether an error means that this process can never write there.
func notWritable(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}
