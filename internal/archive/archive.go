// Package archive keeps what was measured: raw batches (zstd JSONL) and the
// Parquet segments derived from them, each an immutable file named by the
// SHA-256 of its bytes, and one manifest that lists them.
//
// It guarantees: a commit is whole or absent, also after kill -9 or a power
// cut; a committed batch is never changed or removed, and can be listed again
// without the manifest; what is read is what was written, or an error; readers
// in other processes see one consistent state while a writer works. Writers in several
// processes take turns by a lock on the folder. What the rows mean is left to
// others.
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

// Archive is a data folder. Its methods may be called by many goroutines.
type Archive struct {
	// Waiting is told, once a turn, when another process has held the turn to
	// write for some seconds. It may be nil; set it before first use.
	Waiting func()
	// Step is told how far a long task is: done of so many things of a kind,
	// as "day". It may be nil; set it before first use.
	Step func(kind string, done, of int)

	// Program is what writes: the ledger names it. Set it before first use.
	Program ledger.Software

	// Fold is how many bytes of changes manifest.json holds before they are put into
	// parts; 0 is as many as is usual. Set it before first use.
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
	bucket   *bucket // nil where the archive lives in its folder

	mu       sync.Mutex     // the in-process turn to write
	version  object.Version // of the bucket's manifest that the turn began with; guarded by mu
	agreed   fs.FileInfo    // of the manifest that lists all raw batches; guarded by mu
	manifest struct {
		sync.Mutex
		current *Manifest
		stamp   fs.FileInfo // of the file that current was read from
	}
	notices struct {
		sync.Mutex
		lines []string
	}
}

// ErrReadOnly is the error of a write to an archive that this process may
// only read.
var ErrReadOnly = errors.New("the archive cannot be written to: its folder or disk is read-only")

// Open opens the archive in dir to write, making the folder when it is
// missing. An archive that cannot be written to is opened all the same when it
// can be read; see ReadOnly.
func Open(dir string) (*Archive, error) { return OpenOn(osDisk{}, dir) }

// at is the archive in dir, before anything is looked at. That of a working copy lives in
// its bucket, which is reached as the environment says (object.Access).
func at(d Disk, dir string) (*Archive, error) {
	a := &Archive{dir: dir, disk: d, log: notary.Open(d, dir), folders: disk.Folders{Disk: d, Top: dir}}
	w, err := readWorkingCopy(dir)
	if err != nil || w == nil {
		return a, err
	}
	store, ok, err := object.At(w.Bucket, object.Access{Private: true}) // who keeps the archive named it
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

// OpenExisting is Open for commands that only read: it makes nothing and
// fails with a hint when there is no archive.
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

// Exists reports whether there is an archive in dir, be it one that has lost
// its manifest.
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

// prepare makes the folders and the first manifest, which says that there is
// nothing yet: from then on a missing manifest is a lost one.
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
		return err // somebody else was first
	}
	_, err = a.writeManifest(&Manifest{Format: formatVersion})
	return err
}

// ErrManifest is wrapped by the errors of a manifest that is gone, cannot be
// read or is not the newest.
var ErrManifest = errors.New("the manifest is not that of this archive")

// recoverHint says what to do about a manifest that is not the right one.
func (a *Archive) recoverHint() string {
	return fmt.Sprintf("bandish archive recover --data %s lists the batches anew and loses none", a.dir)
}

// agree reads the manifest and holds it against the folder of raw batches. A
// batch gets its name there after the manifest that lists it was written, so
// that one without an entry shows that an older manifest was put back.
func (a *Archive) agree() error {
	raw, err := a.rawFiles() // before the manifest: others may be writing
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
	for try := 0; err != nil && try < 3; try++ { // others may be writing: it may be newer
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

// listsAll makes sure that a manifest lists the raw batches that lay there
// before it was read.
func (a *Archive) listsAll(m *Manifest, raw []string) error {
	there := m.bySHA()
	unlisted := slices.DeleteFunc(raw, func(p string) bool { b, listed := there[sumOf(p)]; return listed && b.Path() == p })
	if len(unlisted) > 0 {
		return fmt.Errorf("%w: it does not list %d of the batches in %s, the first %s: an older manifest was put back, or the files come from elsewhere: %s",
			ErrManifest, len(unlisted), filepath.Join(a.dir, rawDir), unlisted[0], a.recoverHint())
	}
	return nil
}

// ReadOnly reports whether this process may only read.
func (a *Archive) ReadOnly() bool { return a.readOnly }

// Notices returns what the archive has to say to its keeper since it was last
// asked: what it found and set aside.
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

// Dir is the data folder.
func (a *Archive) Dir() string { return a.dir }

// Disk is what the archive writes through.
func (a *Archive) Disk() Disk { return a.disk }

// Manifest returns the current manifest, read again when another process has
// replaced it. The caller must not change it. One that is gone or older than
// what was read before is an error that wraps ErrManifest.
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
	for range 3 { // a part may have been swept that a newer manifest does not need
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

// adopt makes a manifest that was just written the current one, without reading it
// again; sum is that of its text. The caller has the turn to write.
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
			return err // others went on
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

// sameFile reports whether the manifest on disk is still the one read: it is
// replaced, never written in place.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Update is one turn to write, between the lock and the commit.
type Update struct {
	a        *Archive
	Manifest *Manifest // a copy: what the commit will write
	Before   *Manifest // what was committed last; not to be changed
	// Why is the work that makes the commit, for the ledger: import, rebuild, …
	Why string
	// Again reports that this is done anew, since another committed to the bucket
	// meanwhile: nothing that was done to the update before counts.
	Again bool

	version object.Version // of the bucket's manifest that it began with
	began   time.Time
	whole   []byte  // the text of the manifest, once it is in the bucket
	pending []Batch // written, and not yet under their own name
	notes   []ledger.Entry
	holds   map[string]Contents // of the batches that it adds
	files   *pool.ErrorPool     // that are made durable side by side; nil: one after the other
}

// Note adds an entry to the ledger with the commit.
func (u *Update) Note(e ledger.Entry) { u.notes = append(u.notes, e) }

// turn waits for the turn to write. It gives the newest manifest, whose entries
// are in the ledger then; leave gives the turn back.
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

// Update waits for the turn to write, runs fn, and commits what fn left in
// the update's manifest. When fn fails nothing is committed; segments that it
// wrote stay behind unlisted and are removed by Sweep.
//
// In a bucket others may commit meanwhile: then fn is called again, with an update that
// begins with what they left.
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

// update is one try of Update; lost is the one before.
func (a *Archive) update(ctx context.Context, lost *Update, fn func(*Update) error) (*Update, error) {
	m, leave, err := a.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if lost != nil {
		if done, err := a.inHistory(lost); done || err != nil {
			return nil, err // it was not lost: the answer was
		}
	}
	u := &Update{a: a, Manifest: m.clone(), Before: m, version: a.version, began: time.Now(), Again: lost != nil}
	if err := fn(u); err != nil {
		u.withdraw()
		return nil, err
	}
	return u, a.commit(ctx, u)
}

// commit makes what an update left the archive's. The caller has the turn to write.
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
		// The batch is durable and listed under either name: what fails here
		// is made up for when the archive is next opened.
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

// writeCommit writes the manifest of an update, whose text is encoded but for its part of
// the ledger, and in a bucket its files before that. It reports whether the commit is made,
// which it can be although there is an error.
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
	return true, nil // adopt puts it into the working copy
}

// newest is the manifest for who has the turn to write. One that this process
// did not write itself is held against the raw batches first: it may have been
// put back after commits that nobody here has seen.
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

// stamp is the file of the manifest that was read last.
func (a *Archive) stamp() fs.FileInfo {
	a.manifest.Lock()
	defer a.manifest.Unlock()
	return a.manifest.stamp
}

// withdraw removes batches that were not committed. They were never in raw.
func (u *Update) withdraw() {
	for _, b := range u.pending {
		u.a.disk.Remove(filepath.Join(u.a.dir, pendingPath(b.SHA256)))
	}
}

// Stage is an update whose long part is done without the turn to write:
// prepare writes files and fills the manifest of a copy, while others commit;
// finish, in its turn, takes over from that manifest what it wants and makes
// up for what was committed since. Stages take turns among themselves. Nothing
// is swept meanwhile: what prepare reads and writes stays.
func (a *Archive) Stage(ctx context.Context, prepare func(*Update) error, finish func(staged *Manifest, u *Update) error) error {
	unlock, err := a.lock(ctx, stageLock)
	if err != nil {
		return err
	}
	defer unlock()
	return a.stage(ctx, prepare, finish)
}

// StageNow is Stage where no other is under way; it reports whether it was
// done.
func (a *Archive) StageNow(ctx context.Context, prepare func(*Update) error, finish func(staged *Manifest, u *Update) error) (bool, error) {
	if a.readOnly {
		return false, ErrReadOnly
	}
	f, err := os.OpenFile(filepath.Join(a.dir, stageLock), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return false, fmt.Errorf("lock archive: %w", err)
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock archive %s: %w", a.dir, err)
	}
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

// The locks of a folder. Whoever takes both takes the stage's first.
const (
	writeLock = "lock"
	stageLock = "stage.lock"
)

// staging reports whether a stage is under way, in whatever process.
func (a *Archive) staging() (bool, error) {
	f, err := os.OpenFile(filepath.Join(a.dir, stageLock), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// lock takes a lock of the folder for who writes to it.
func (a *Archive) lock(ctx context.Context, name string) (unlock func(), err error) {
	if a.readOnly {
		return nil, ErrReadOnly
	}
	return a.hold(ctx, name, 10*time.Millisecond)
}

// hold takes a lock of the folder, which the kernel drops when the process ends however
// it ends. While another has it, it is tried again after each pause.
func (a *Archive) hold(ctx context.Context, name string, pause time.Duration) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(a.dir, name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock archive: %w", err)
	}
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
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
