// Package archive keeps what was measured. A data folder holds raw batches (zstd JSONL),
// the Parquet segments derived from them, and one manifest that lists them all. Batches
// and segments are files that never change; each is named by the SHA-256 of its bytes.
//
// The package guarantees:
//
//   - A commit is whole or absent, also after kill -9 or a power cut.
//   - A committed batch is never changed or removed, and can be listed again without the
//     manifest.
//   - A file that is read is the file that was written; else there is an error.
//   - Readers in other processes see one consistent state while a writer works. Writers in
//     several processes take turns by a lock on the folder.
//
// What the rows mean is left to others.
package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/ledger"
)

// Archive is a data folder. Many goroutines may call its methods.
type Archive struct {
	// Waiting is called, once a turn, when another process has held the turn to write for
	// two seconds. It may be nil. Set it before the first use.
	Waiting func()
	// Step is called with the progress of a long task: `done` of `of` things of a kind,
	// for instance "day". It may be nil. Set it before the first use.
	Step func(kind string, done, of int)

	// Program is the program that writes; the ledger names it. Set it before the first
	// use.
	Program ledger.Software

	// Fold is how many bytes of changes manifest.json holds before they are moved into
	// parts; 0 means the usual number. Set it before the first use.
	Fold int

	dir      string
	disk     Disk
	readOnly bool
	checks   checks
	log      *notary.Log
	sets     sets
	packer   packer
	index    index
	folders  disk.Folders
	bucket   *bucket // nil if the archive lives in its folder

	mu       sync.Mutex     // the turn to write within this process
	version  object.Version // of the bucket's manifest with which the turn began; guarded by mu
	agreed   fs.FileInfo    // of the manifest that was last found to list all raw batches; guarded by mu
	manifest struct {
		sync.Mutex
		current *Manifest
		stamp   fs.FileInfo // the file that current was read from
	}
	notices struct {
		sync.Mutex
		lines []string
	}
}

// ErrReadOnly is the error of a write to an archive that this process can only read.
var ErrReadOnly = errors.New("the archive cannot be written to: its folder or disk is read-only")

// Open opens the archive in dir for writing. It makes the folder if it is missing. An
// archive that can be read but not written to opens too; see ReadOnly.
func Open(dir string) (*Archive, error) { return OpenOn(osDisk{}, dir) }

// at makes the Archive of a folder without looking at its files. If the folder is a
// working copy, its bucket is opened with the credentials of the environment
// (object.Access).
func at(d Disk, dir string) (*Archive, error) {
	a := &Archive{dir: dir, disk: d, log: notary.Open(d, dir), folders: disk.Folders{Disk: d, Top: dir}}
	w, err := readWorkingCopy(dir)
	if err != nil || w == nil {
		return a, err
	}
	store, ok, err := object.At(w.Bucket, object.Access{Private: true}) // the keeper of the archive named this bucket
	if err == nil && !ok {
		err = fmt.Errorf("%q is no bucket: want s3://bucket/prefix", w.Bucket)
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	a.openBucket(store, *w)
	return a, nil
}

// OpenOn is Open on another Disk.
func OpenOn(d Disk, dir string) (*Archive, error) {
	a, err := at(d, dir)
	if err != nil {
		return nil, err
	}
	return a.open()
}

func (a *Archive) open() (*Archive, error) {
	if a.bucket != nil {
		if err := a.prepareBucket(context.Background()); err != nil {
			return nil, fmt.Errorf("open archive: %w", err)
		}
	} else if err := a.prepare(); err != nil {
		if _, e := os.Stat(a.manifestPath()); e != nil || !notWritable(err) {
			return nil, fmt.Errorf("open archive: %w", err)
		}
		a.readOnly = true
	}
	if err := a.agree(); err != nil {
		return nil, err
	}
	if !a.readOnly {
		if err := a.finishLeft(); err != nil {
			return nil, fmt.Errorf("open archive: %w", err)
		}
	}
	return a, nil
}

// OpenExisting is Open for commands that only read. It makes nothing. If there is no
// archive, the error has a hint.
func OpenExisting(dir string) (*Archive, error) {
	there, err := Exists(dir)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	if !there {
		return nil, fmt.Errorf("no archive in %s: import measurements first (bandish import SOURCE --data %s)", dir, dir)
	}
	a, err := at(osDisk{}, dir)
	if err != nil {
		return nil, err
	}
	a.readOnly = true
	return a, a.agree()
}

// Exists reports whether there is an archive in dir. One that has lost its manifest
// counts.
func Exists(dir string) (bool, error) {
	a, err := at(osDisk{}, dir)
	if err != nil {
		return false, err
	}
	if a.bucket != nil {
		err := a.pull()
		if errors.Is(err, errNoRoot) {
			return false, nil
		}
		return err == nil, err
	}
	_, err = os.Stat(a.manifestPath())
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	raw, err := a.rawFiles()
	return len(raw) > 0, err
}

// prepare makes the folders and a first, empty manifest. From then on a missing manifest
// means that it was lost.
func (a *Archive) prepare() error {
	_, err := os.Stat(a.dir)
	made := errors.Is(err, fs.ErrNotExist)
	for _, d := range []string{"", rawDir, "quarantine"} {
		if err := a.disk.MkdirAll(filepath.Join(a.dir, d)); err != nil {
			return err
		}
	}
	if made {
		if err := a.disk.SyncDir(filepath.Dir(filepath.Clean(a.dir))); err != nil {
			return err
		}
	}
	if _, err := os.Stat(a.manifestPath()); !errors.Is(err, fs.ErrNotExist) {
		f, e := a.disk.OpenFile(filepath.Join(a.dir, writeLock), os.O_CREATE|os.O_RDWR, 0o644)
		if e != nil {
			return e
		}
		return errors.Join(err, f.Close())
	}
	unlock, err := a.lock(context.Background(), writeLock)
	if err != nil {
		return err
	}
	defer unlock()
	raw, err := a.rawFiles()
	if err != nil || len(raw) > 0 {
		return err // agree says what to do
	}
	if _, err := os.Stat(a.manifestPath()); !errors.Is(err, fs.ErrNotExist) {
		return err // another process was first
	}
	_, err = a.writeManifest(&Manifest{Format: formatVersion})
	return err
}

// ErrManifest is wrapped by errors about a manifest that is gone, cannot be read, or is
// not the newest.
var ErrManifest = errors.New("the manifest is not that of this archive")

// recoverHint says what to do about a manifest that is not the right one.
func (a *Archive) recoverHint() string {
	return fmt.Sprintf("bandish archive recover --data %s lists the batches again and loses none", a.dir)
}

// agree checks the manifest against the raw batches and the ledger. A batch gets its own
// name only after the manifest that lists it was written. So a batch that the manifest
// lacks shows that somebody put an older manifest back. The error wraps ErrManifest.
func (a *Archive) agree() error {
	raw, err := a.rawFiles() // before the manifest is read: others may be writing
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	if _, err := os.Stat(a.manifestPath()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is gone, and %s holds %d batches: %s", ErrManifest, a.manifestPath(), filepath.Join(a.dir, rawDir), len(raw), a.recoverHint())
	}
	m, err := a.Manifest()
	if err != nil {
		return err
	}
	if err := a.listsAll(m, raw); err != nil {
		return err
	}
	err = a.agrees(m)
	for try := 0; err != nil && try < 3; try++ { // others may be writing, so the ledger may be newer
		if a.bucket != nil {
			a.bucket.forget()
		}
		if m, err = a.Manifest(); err == nil {
			err = a.agrees(m)
		}
		if a.bucket == nil {
			break
		}
	}
	return err
}

// listsAll returns an error if the manifest lacks one of the raw batches, which were
// listed before the manifest was read.
func (a *Archive) listsAll(m *Manifest, raw []string) error {
	there := m.bySHA()
	unlisted := slices.DeleteFunc(raw, func(p string) bool { b, listed := there[sumOf(p)]; return listed && b.Path() == p })
	if len(unlisted) > 0 {
		return fmt.Errorf("%w: it does not list %d of the batches in %s, the first %s: an older manifest was put back, or the files come from elsewhere: %s",
			ErrManifest, len(unlisted), filepath.Join(a.dir, rawDir), unlisted[0], a.recoverHint())
	}
	return nil
}

// ReadOnly reports whether this process can only read the archive.
func (a *Archive) ReadOnly() bool { return a.readOnly }

// Notices returns messages for the keeper of the archive, and forgets them: what was found
// and set aside since the last call.
func (a *Archive) Notices() []string {
	a.notices.Lock()
	defer a.notices.Unlock()
	out := a.notices.lines
	a.notices.lines = nil
	return out
}

func (a *Archive) notice(format string, args ...any) {
	a.notices.Lock()
	defer a.notices.Unlock()
	a.notices.lines = append(a.notices.lines, fmt.Sprintf(format, args...))
}

// Dir returns the data folder.
func (a *Archive) Dir() string { return a.dir }

// Disk returns the disk that the archive writes to.
func (a *Archive) Disk() Disk { return a.disk }

// Manifest returns the current manifest. It is read again if another process has replaced
// it. The caller must not change it. If it is gone, or older than the one read before, the
// error wraps ErrManifest.
func (a *Archive) Manifest() (*Manifest, error) {
	if a.bucket != nil {
		if err := a.pull(); err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
	}
	a.manifest.Lock()
	defer a.manifest.Unlock()
	stamp, err := os.Stat(a.manifestPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is gone: %s", ErrManifest, a.manifestPath(), a.recoverHint())
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if a.manifest.current != nil && sameFile(stamp, a.manifest.stamp) {
		return a.manifest.current, nil
	}
	m, err := a.readManifest(a.manifest.current)
	for range 3 { // a part may have been swept because a newer manifest does not need it
		var again fs.FileInfo
		if !errors.Is(err, errPart) {
			break
		}
		if again, _ = os.Stat(a.manifestPath()); again == nil || sameFile(stamp, again) {
			break
		}
		stamp = again
		m, err = a.readManifest(a.manifest.current)
	}
	if err != nil {
		return nil, err
	}
	if old := a.manifest.current; old != nil && m.Generation < old.Generation {
		return nil, fmt.Errorf("%w: %s went back from generation %d to %d: put the newest one in its place, or run bandish archive recover --data %s",
			ErrManifest, a.manifestPath(), old.Generation, m.Generation, a.dir)
	}
	a.manifest.current, a.manifest.stamp = m, stamp
	return m, nil
}

// adopt makes a manifest that was just written the current one, without reading it again.
// sum is the SHA-256 of its text. The caller has the turn to write.
func (a *Archive) adopt(ctx context.Context, u *Update, sum string) error {
	m := u.Manifest
	if a.bucket != nil {
		unlock, err := a.pulling(ctx)
		if err != nil {
			return err
		}
		defer unlock()
		if have, err := a.generation(); err != nil || have > m.Generation {
			m.text = sum
			return err // others have committed since
		}
		if err := a.place(u.whole); err != nil {
			return fmt.Errorf("write manifest: %w", err)
		}
	}
	a.manifest.Lock()
	defer a.manifest.Unlock()
	stamp, err := os.Stat(a.manifestPath())
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	m.text = sum
	a.manifest.current, a.manifest.stamp = m, stamp
	return nil
}

// sameFile reports whether two looks at the manifest saw the same file. It is replaced,
// never written in place.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Update is one turn to write: what happens between the lock and the commit.
type Update struct {
	a        *Archive
	Manifest *Manifest // a copy that may be changed: the commit writes it
	Before   *Manifest // what was committed last; it must not be changed
	// Why names the work that makes the commit, for the ledger: import, rebuild, …
	Why string
	// Again is true if an earlier try was lost because another process committed to the
	// bucket. Nothing that the earlier try did counts.
	Again bool

	version object.Version // of the bucket's manifest with which the update began
	began   time.Time
	whole   []byte  // the text of the manifest, once it is in the bucket
	pending []Batch // written, but not yet under their own name
	notes   []ledger.Entry
	holds   map[string]Contents // what the ledger says of the batches that the update adds
	files   *pool.ErrorPool     // makes files durable side by side; nil: one after the other
}

// Note adds an entry to the ledger with the commit.
func (u *Update) Note(e ledger.Entry) { u.notes = append(u.notes, e) }

// turn waits for the turn to write. It returns the newest manifest, after all its entries
// are in the ledger. leave gives the turn back.
func (a *Archive) turn(ctx context.Context) (m *Manifest, leave func(), err error) {
	a.mu.Lock()
	unlock, err := a.lock(ctx, writeLock)
	if err != nil {
		a.mu.Unlock()
		return nil, nil, err
	}
	leave = func() { unlock(); a.mu.Unlock() }
	taken := false
	defer func() {
		if !taken {
			leave()
		}
	}()
	if m, err = a.newest(ctx); err == nil {
		err = a.settleLedger(ctx, m)
	}
	taken = err == nil
	return m, leave, err
}

// Update waits for the turn to write, calls fn, and commits what fn left in the update's
// manifest. If fn fails, nothing is committed. Segments that fn wrote are then listed
// nowhere, and Sweep removes them.
//
// In a bucket others may commit at the same time. Then fn is called again, with an update
// that begins with what they left.
func (a *Archive) Update(ctx context.Context, fn func(*Update) error) error {
	var lost *Update
	for try := 0; ; try++ {
		u, err := a.update(ctx, lost, fn)
		if !errors.Is(err, errLost) {
			return err
		}
		lost = u
		if err := waitAgain(ctx, try, time.Since(u.began)); err != nil {
			return fmt.Errorf("commit to %s, where others commit too: %w", a.bucket.store, err)
		}
	}
}

// update is one try of Update; lost is the try before, nil for the first.
func (a *Archive) update(ctx context.Context, lost *Update, fn func(*Update) error) (*Update, error) {
	m, leave, err := a.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if lost != nil {
		if done, err := a.inHistory(lost); done || err != nil {
			return nil, err // the commit was made; only the answer was lost
		}
	}
	u := &Update{a: a, Manifest: m.clone(), Before: m, version: a.version, began: time.Now(), Again: lost != nil}
	if err := fn(u); err != nil {
		u.withdraw()
		return nil, err
	}
	return u, a.commit(ctx, u)
}

// commit makes the update part of the archive. The caller has the turn to write.
func (a *Archive) commit(ctx context.Context, u *Update) error {
	m := u.Before
	u.Manifest.Format = formatVersion
	u.Manifest.Generation = m.Generation + 1
	u.Manifest.sort()
	u.Manifest.drop(m, time.Now())
	text, sum, err := a.encodeFolded(u.Manifest, time.Now())
	if err == nil {
		u.Manifest.Ledger, err = a.unlogged(ctx, m, u, sum)
	}
	if err != nil {
		u.withdraw()
		return err
	}
	committed, err := a.writeCommit(ctx, u, text)
	if !committed {
		u.withdraw()
		return err
	}
	for _, b := range u.pending {
		// The batch is durable and listed under either name. What fails here is done when
		// the archive is opened next.
		if a.arrive(b.SHA256) == nil {
			a.wrote(b.Path())
		}
	}
	if err != nil {
		return err
	}
	if err := a.adopt(ctx, u, sum); err != nil {
		return err
	}
	a.agreed = a.stamp()
	return a.settleLedger(ctx, u.Manifest)
}

// writeCommit writes the manifest of an update; in a bucket it sends the update's files
// first. text is the encoded manifest without its part of the ledger. committed may be
// true although there is an error.
func (a *Archive) writeCommit(ctx context.Context, u *Update, text []byte) (committed bool, err error) {
	if a.bucket == nil {
		return a.writeManifestText(u.Manifest, text)
	}
	whole, err := u.Manifest.seal(text)
	if err != nil {
		return false, err
	}
	if err := a.push(ctx, u, whole); err != nil {
		return false, err
	}
	u.Manifest.whole, u.whole = sha256.Sum256(whole), whole
	return true, nil // adopt writes it into the working copy
}

// newest returns the manifest for a caller that has the turn to write. A manifest that
// this process did not write itself is checked against the raw batches and the ledger
// first: an older one may have been put back.
func (a *Archive) newest(ctx context.Context) (m *Manifest, err error) {
	if a.bucket != nil {
		m, a.version, err = a.begun(ctx)
		return m, err
	}
	m, err = a.Manifest()
	if err != nil || a.agreed != nil && sameFile(a.agreed, a.stamp()) {
		return m, err
	}
	raw, err := a.rawFiles() // nobody commits meanwhile
	if err != nil {
		return nil, err
	}
	if err := a.listsAll(m, raw); err != nil {
		return nil, err
	}
	if err := a.agrees(m); err != nil {
		return nil, err
	}
	a.agreed = a.stamp()
	return m, nil
}

// stamp returns the manifest's file, as it was when it was read last.
func (a *Archive) stamp() fs.FileInfo {
	a.manifest.Lock()
	defer a.manifest.Unlock()
	return a.manifest.stamp
}

// withdraw removes the batches of an update that was not committed. They never had their
// own name.
func (u *Update) withdraw() {
	for _, b := range u.pending {
		u.a.disk.Remove(filepath.Join(u.a.dir, pendingPath(b.SHA256)))
	}
}

// Stage is an Update whose long part runs without the turn to write. prepare writes files
// and fills in the copy of a manifest, while others commit. finish then has the turn to
// write: it takes what it wants from the staged manifest, and makes up for what was
// committed since. Only one stage runs at a time, in all processes. Sweep removes nothing
// while it runs.
func (a *Archive) Stage(ctx context.Context, prepare func(*Update) error, finish func(staged *Manifest, u *Update) error) error {
	unlock, err := a.lock(ctx, stageLock)
	if err != nil {
		return err
	}
	defer unlock()
	return a.stage(ctx, prepare, finish)
}

// StageNow is Stage if no other stage is running. It reports whether it ran.
func (a *Archive) StageNow(ctx context.Context, prepare func(*Update) error, finish func(staged *Manifest, u *Update) error) (bool, error) {
	if a.readOnly {
		return false, ErrReadOnly
	}
	f, err := disk.Lock(filepath.Join(a.dir, stageLock), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock archive %s: %w", a.dir, err)
	}
	defer disk.Unlock(f)
	return true, a.stage(ctx, prepare, finish)
}

func (a *Archive) stage(ctx context.Context, prepare func(*Update) error, finish func(staged *Manifest, u *Update) error) error {
	m, err := a.Manifest()
	if err != nil {
		return err
	}
	s := &Update{a: a, Manifest: m.clone()}
	if err := prepare(s); err != nil {
		return err
	}
	return a.Update(ctx, func(u *Update) error {
		u.Why = s.Why
		return finish(s.Manifest, u)
	})
}

// The locks of a folder. Whoever takes both takes stageLock first.
const (
	writeLock = "lock"
	stageLock = "stage.lock"
)

// staging reports whether a stage is running or something is made aside, in any process.
func (a *Archive) staging() (bool, error) {
	for _, name := range []string{stageLock, asideLock} {
		if held, err := a.locked(name); held || err != nil {
			return held, err
		}
	}
	return false, nil
}

// locked reports whether a process holds the lock file with this name in the folder.
func (a *Archive) locked(name string) (bool, error) {
	f, err := disk.Lock(filepath.Join(a.dir, name), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, disk.Unlock(f)
}

// lock takes a lock of the folder for writing.
func (a *Archive) lock(ctx context.Context, name string) (unlock func(), err error) {
	if a.readOnly {
		return nil, ErrReadOnly
	}
	return a.hold(ctx, name, 10*time.Millisecond)
}

// hold takes a lock of the folder. The kernel drops the lock when the process ends,
// however it ends. While another process has the lock, hold tries again after each pause.
func (a *Archive) hold(ctx context.Context, name string, pause time.Duration) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(a.dir, name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock archive: %w", err)
	}
	return a.flock(ctx, f, unix.LOCK_EX, pause)
}

// flock locks an open file, for one holder (unix.LOCK_EX) or for any number (LOCK_SH). The
// file is closed when the lock is given back, or if it cannot be taken.
func (a *Archive) flock(ctx context.Context, f *os.File, how int, pause time.Duration) (unlock func(), err error) {
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	for {
		err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return func() { disk.Unlock(f) }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock archive %s: %w", a.dir, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another bandish that writes to %s: %w", a.dir, ctx.Err())
		case <-patience.C:
			if a.Waiting != nil {
				a.Waiting()
			}
		case <-time.After(pause):
		}
	}
}
