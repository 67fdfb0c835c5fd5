package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/internal/archive"
)

// An archive may live in a bucket: --data s3://bucket/prefix. Commands then use a folder
// that is a working copy of it.

// workingCopyFlags hold where the working copy of a bucket lies, and how large it may be.
type workingCopyFlags struct {
	bucket string // "" for an archive in a folder
	cache  string
	mib    int64
	keys   string
}

// usualCache is how many MiB of a bucket the working copy holds, unless a flag says
// otherwise.
const usualCache = 20 << 10

func (w *workingCopyFlags) add(root *cobra.Command, env *environment) {
	f := root.PersistentFlags()
	f.StringVar(&w.cache, "cache", "", "`folder` for copies of what is read of a bucket (default one below the user's cache folder)")
	f.Int64Var(&w.mib, "cache-size", 0, fmt.Sprintf("`MiB` that these copies may take (default %d); what was used in the last ten minutes stays beyond that", usualCache))
	f.StringVar(&w.keys, "keys", "", "`folder` of the key of a bucket's ledger, the same for all who write there (default one below the user's configuration folder; the content of ledger.key may come from BANDISH_LEDGER_KEY, too)")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return w.open(c, env) }
}

// inFolderOnly lists commands that only work on an archive in a folder: they keep
// something beside the archive, or change it in a way on which several writers of a bucket
// could not agree. Commands that begin with one of these are included.
var inFolderOnly = []string{"archive recover", "archive backup", "archive restore", "key rotate", "key new", "update", "source add", "source attach",
	"inbox", "requests import", "bans import", "watch"}

// open makes the folder of the working copy the data folder, if --data names a bucket.
func (w *workingCopyFlags) open(c *cobra.Command, env *environment) error {
	if !strings.HasPrefix(env.data, "s3://") {
		return nil
	}
	name := nameOf(c)
	if slices.ContainsFunc(inFolderOnly, func(p string) bool { return name == p || strings.HasPrefix(name, p+" ") }) {
		return usageError("%s works on a data folder alone, and --data names a bucket", name)
	}
	w.bucket = strings.TrimRight(env.data, "/")
	// Two servers may have buckets of the same name.
	sum := sha256.Sum256([]byte(cmp.Or(env.getenv("AWS_ENDPOINT_URL_S3"), env.getenv("AWS_ENDPOINT_URL")) + "\n" + w.bucket))
	id := hex.EncodeToString(sum[:8])
	var err error
	if w.cache == "" {
		users, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("%w: name a folder with --cache", err)
		}
		w.cache = filepath.Join(users, "bandish", id)
	}
	if w.cache, err = filepath.Abs(w.cache); err != nil {
		return err
	}
	kept := archive.WorkingCopy{Bucket: w.bucket, CacheBytes: w.mib << 20}
	if w.keys != "" {
		if kept.Keys, err = filepath.Abs(w.keys); err != nil {
			return err
		}
	}
	usual := archive.WorkingCopy{CacheBytes: usualCache << 20}
	if users, err := os.UserConfigDir(); err == nil { // else the key comes from elsewhere
		usual.Keys = filepath.Join(users, "bandish", "keys", id)
	}
	env.data = w.cache
	return kept.Keep(w.cache, usual)
}

// where returns what --data named.
func (env *environment) where() string { return cmp.Or(env.copied.bucket, env.data) }
