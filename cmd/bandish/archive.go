package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/verdict"
	"github.com/spf13/cobra"
)

func archiveCommand(env *environment) *cobra.Command {
	return group(&cobra.Command{Use: "archive COMMAND", Short: "look after the archive: check, compact, recover, back up, restore, export"},
		archiveCheckCommand(env), archiveCompactCommand(env), archiveRecoverCommand(env), archiveBackupCommand(env), archiveSnapshotsCommand(env), archiveRestoreCommand(env), archiveExportCommand(env))
}

func archiveCheckCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:         "check",
		Short:       "hash every file of the archive again, and list what is damaged",
		Annotations: map[string]string{failedNote: "a file is damaged"},
		Args:        noArgs,
		RunE:        doing(func(ctx context.Context, _ []string) error { return checkArchive(ctx, env, asJSON) }),
	}
	jsonFlag(c, &asJSON)
	return c
}

func archiveCompactCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "merge small segments, and remove files that nothing lists",
		Args:  noArgs,
		RunE:  doing(func(ctx context.Context, _ []string) error { return compactArchive(ctx, env) }),
	}
}

func archiveRecoverCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:         "recover",
		Short:       "write a lost manifest again, and derive everything else from the raw batches",
		Annotations: map[string]string{failedNote: "a batch is damaged"},
		Args:        noArgs,
		RunE:        doing(func(ctx context.Context, _ []string) error { return recoverArchive(ctx, env, asJSON) }),
	}
	jsonFlag(c, &asJSON)
	return c
}

func archiveBackupCommand(env *environment) *cobra.Command {
	var o backupFlags
	c := &cobra.Command{
		Use:   "backup DIR|STORE",
		Short: "copy the archive while it is written to, into a folder or as a snapshot into a bucket",
		Example: `bandish archive backup /mnt/copy
bandish archive check --data /mnt/copy
bandish archive backup s3://bucket/prefix --keep 30`,
		Annotations: map[string]string{
			argumentsNote: "DIR  the folder of the copy, which is an archive itself; what it has already is not copied again\n" + storeArgument,
			failedNote:    "a file is damaged and was not copied",
		},
		Args: oneArg("the folder of the copy, or a store"),
		RunE: doing(func(ctx context.Context, args []string) error { return backUp(ctx, env, args[0], &o) }),
	}
	o.add(c)
	c.Flags().IntVar(&o.keep, "keep", 0, "for a store: keep only the newest `N` snapshots, and remove what only older ones need")
	jsonFlag(c, &o.asJSON)
	return c
}

// storeArgument explains the argument STORE in help texts.
const storeArgument = "STORE  s3://bucket/prefix, or file:///folder for the same files in a folder"

// backupFlags are the flags of `bandish archive backup`.
type backupFlags struct {
	bucketFlags
	keep   int
	asJSON bool
}

func archiveSnapshotsCommand(env *environment) *cobra.Command {
	var o snapshotFlags
	c := &cobra.Command{
		Use:   "snapshots STORE",
		Short: "list the snapshots in a bucket, or check every file of one",
		Example: `bandish archive snapshots s3://bucket/prefix
bandish archive snapshots s3://bucket/prefix --check`,
		Annotations: map[string]string{argumentsNote: storeArgument, failedNote: "with --check: a file is damaged"},
		Args:        oneArg("a store"),
		RunE:        doing(func(ctx context.Context, args []string) error { return listSnapshots(ctx, env, args[0], &o) }),
	}
	o.add(c)
	c.Flags().BoolVar(&o.check, "check", false, "read every file of a snapshot, and list what is damaged")
	c.Flags().StringVar(&o.id, "snapshot", "", "`id` of the snapshot to check, or its beginning (default the newest)")
	jsonFlag(c, &o.asJSON)
	return c
}

// snapshotFlags are the flags of commands that read snapshots.
type snapshotFlags struct {
	bucketFlags
	id            string
	check, asJSON bool
}

func archiveRestoreCommand(env *environment) *cobra.Command {
	var o snapshotFlags
	c := &cobra.Command{
		Use:         "restore STORE",
		Short:       "bring a snapshot back into a new folder",
		Example:     "bandish archive restore s3://bucket/prefix --data /srv/bandish",
		Annotations: map[string]string{argumentsNote: storeArgument, failedNote: "an object is damaged and was left out"},
		Args:        oneArg("a store"),
		RunE:        doing(func(ctx context.Context, args []string) error { return restoreArchive(ctx, env, args[0], &o) }),
	}
	o.add(c)
	c.Flags().StringVar(&o.id, "snapshot", "", "`id` of the snapshot, or its beginning (default the newest)")
	jsonFlag(c, &o.asJSON)
	return c
}

func archiveExportCommand(env *environment) *cobra.Command {
	layout, asJSON := "", false
	c := &cobra.Command{
		Use:         "export DIR --layout ooni",
		Short:       "write the measurements as OONI's bucket has them",
		Example:     "bandish archive export --layout ooni /srv/bucket",
		Annotations: map[string]string{argumentsNote: "DIR  the folder to write to"},
		Args:        oneArg("the folder to write to"),
		RunE: doing(func(ctx context.Context, args []string) error {
			return exportArchive(ctx, env, args[0], layout, asJSON)
		}),
	}
	c.Flags().StringVar(&layout, "layout", "", "`layout` of the files: ooni")
	c.RegisterFlagCompletionFunc("layout", completing(words("ooni")))
	jsonFlag(c, &asJSON)
	return c
}

func compactArchive(ctx context.Context, env *environment) error {
	p, err := env.pipeline()
	if err != nil {
		return err
	}
	meter := env.progress(p.Archive)
	defer meter.end()
	n, err := p.Compact(ctx)
	if err != nil {
		return err
	}
	if _, err := p.Count(ctx); err != nil {
		return err
	}
	removed, err := p.Archive.Sweep(ctx, archive.Grace, time.Now())
	if err != nil {
		return err
	}
	meter.end()
	tellNotices(env, p.Archive)
	fmt.Fprintf(env.stdout, "merged the segments of %d periods, removed %d files that nothing lists\n", n, removed)
	return nil
}

// store opens the store of objects that an argument names.
func (b *bucketFlags) store(at string) (object.Store, error) {
	s, ok, err := object.At(at, b.access())
	if err == nil && !ok {
		err = usageError("%s is no store: want s3://bucket/prefix or file:///folder", at)
	}
	return s, err
}

func backUp(ctx context.Context, env *environment, to string, o *backupFlags) error {
	if !strings.Contains(to, "://") {
		if o.keep != 0 {
			return usageError("archive backup: --keep is for a store (s3://bucket/prefix): a folder holds one copy")
		}
		return backUpArchive(ctx, env, to, o.asJSON)
	}
	if o.keep < 0 {
		return usageError("archive backup: --keep is %d: want 1 or more", o.keep)
	}
	store, err := o.store(to)
	if err != nil {
		return err
	}
	a, err := archive.OpenExisting(env.data)
	if err != nil {
		return err
	}
	meter := env.progress(a)
	s, done, err := a.Snapshot(ctx, store, time.Now())
	meter.end()
	if err != nil {
		return err
	}
	var removed archive.Removed
	if o.keep > 0 {
		if removed, err = archive.RemoveSnapshots(ctx, store, o.keep, time.Now()); err != nil {
			return fmt.Errorf("the snapshot was taken: %w", err)
		}
	}
	if o.asJSON {
		err = printJSON(env.stdout, map[string]any{"snapshot": s, "copied": done.Copied, "bytes": done.Bytes, "there": done.There, "damaged": done.Damaged, "removed": removed})
	} else {
		fmt.Fprintf(env.stdout, "snapshot %s of %s is in %s: %d files; %d were sent, %.1f MB, the others were there\n", s.ID[:12], env.data, store, s.Files, done.Copied, float64(done.Bytes)/1e6)
		if o.keep > 0 {
			fmt.Fprintf(env.stdout, "removed %d older snapshots, %d objects, %.1f MB\n", removed.Snapshots, removed.Objects, float64(removed.Bytes)/1e6)
		}
	}
	return errors.Join(err, notCopied(done.Damaged))
}

// notCopied is the error for files that were left out of a copy, nil for none.
func notCopied(damaged []archive.Damage) error {
	if len(damaged) == 0 {
		return nil
	}
	return &exitError{code: 1, err: fmt.Errorf("%d files are damaged and were not copied, the first: %s: %s", len(damaged), damaged[0].Path, damaged[0].Reason)}
}

func listSnapshots(ctx context.Context, env *environment, at string, o *snapshotFlags) error {
	if o.id != "" && !o.check {
		return usageError("archive snapshots: --snapshot is for --check")
	}
	store, err := o.store(at)
	if err != nil {
		return err
	}
	if o.check {
		return checkSnapshot(ctx, env, store, o)
	}
	all, err := archive.ReadSnapshots(ctx, store)
	if err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(env.stdout, all)
	}
	for _, s := range all.List {
		fmt.Fprintf(env.stdout, "%s  %s  generation %d, %d files, %.1f MB\n", s.ID[:12], s.Taken.Format(time.RFC3339), s.Generation, s.Files, float64(s.Bytes)/1e6)
	}
	return nil
}

func checkSnapshot(ctx context.Context, env *environment, store object.Store, o *snapshotFlags) error {
	meter := newMeter(env.stderr, time.Now)
	out, err := archive.CheckSnapshot(ctx, store, o.id, func(done, of int) { meter.step("file", done, of) })
	meter.end()
	if err != nil {
		return err
	}
	if o.asJSON {
		err = printJSON(env.stdout, out)
	} else {
		for _, d := range out.Damaged {
			fmt.Fprintf(env.stdout, "damaged: %s: %s\n", d.Path, d.Reason)
		}
		fmt.Fprintf(env.stdout, "snapshot %s: %d files are as they were, %.1f MB, %d damaged\n", out.Snapshot.ID[:12], out.Files, float64(out.Bytes)/1e6, len(out.Damaged))
	}
	if len(out.Damaged) > 0 {
		err = errors.Join(err, &exitError{code: 1, err: fmt.Errorf("%d objects are damaged: delete them in the store, and the next backup sends them again", len(out.Damaged))})
	}
	return err
}

func restoreArchive(ctx context.Context, env *environment, at string, o *snapshotFlags) error {
	store, err := o.store(at)
	if err != nil {
		return err
	}
	meter := newMeter(env.stderr, time.Now)
	out, err := archive.Restore(ctx, store, o.id, env.data, func(done, of int) { meter.step("file", done, of) })
	meter.end()
	if err != nil {
		return err
	}
	if o.asJSON {
		err = printJSON(env.stdout, out)
	} else {
		fmt.Fprintf(env.stdout, "%s holds snapshot %s of %s: %d files, %.1f MB; it has no key: bring keys/ledger.key back, or begin a new ledger (bandish key new)\n",
			env.data, out.Snapshot.ID[:12], out.Snapshot.Taken.Format(time.RFC3339), out.Files, float64(out.Bytes)/1e6)
	}
	return errors.Join(err, notCopied(out.Damaged))
}

func backUpArchive(ctx context.Context, env *environment, dir string, asJSON bool) error {
	a, err := archive.OpenExisting(env.data)
	if err != nil {
		return err
	}
	done, err := a.Backup(ctx, dir)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(env.stdout, done)
	} else {
		fmt.Fprintf(env.stdout, "%s is a copy of %s: %d files copied, %.1f MB, %d were there; bandish archive check --data %s looks at all of them\n", dir, env.data, done.Copied, float64(done.Bytes)/1e6, done.There, dir)
	}
	return errors.Join(err, notCopied(done.Damaged))
}

func exportArchive(ctx context.Context, env *environment, dir, layout string, asJSON bool) error {
	if layout != "ooni" {
		return usageError("archive export: --layout is %q: want ooni", layout)
	}
	a, err := archive.OpenExisting(env.data)
	if err != nil {
		return err
	}
	done, err := a.ExportOONI(ctx, dir)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(env.stdout, done)
	}
	fmt.Fprintf(env.stdout, "%d measurements in %d objects under %s/raw; %d were left out, which do not vote here (see docs/FORMATS.md)\n", done.Measurements, done.Objects, dir, done.Marked)
	return nil
}

// tellNotices prints what the archive found and set aside.
func tellNotices(env *environment, a *archive.Archive) {
	for _, n := range a.Notices() {
		fmt.Fprintf(env.stderr, "bandish: %s\n", n)
	}
}

// recoverArchive writes the manifest again, and derives everything else from the raw
// batches.
func recoverArchive(ctx context.Context, env *environment, asJSON bool) error {
	foreign := func(s archive.Segment) bool { return s.Ruleset != "" && s.Ruleset != verdict.Ruleset }
	a, found, err := archive.Recover(ctx, env.data, time.Now(), foreign)
	if err != nil {
		return err
	}
	tellNotices(env, a)
	p, err := pipelineOf(a)
	if err != nil {
		return err
	}
	tellWaiting(env, p)
	meter := env.progress(a)
	out, err := p.Rebuild(ctx, func(done, of int) { meter.step("batch", done, of) })
	meter.end()
	if err != nil {
		return fmt.Errorf("the batches are listed again, but deriving from them failed; run bandish rebuild: %w", err)
	}
	if asJSON {
		err = printJSON(env.stdout, map[string]any{"recovered": found, "rebuilt": out})
	} else {
		fmt.Fprintf(env.stdout, "%d batches are listed, %d of them were not; rebuilt %d segments from %d documents\n", found.Batches, found.Found, len(out.Segments), out.Documents)
		if found.Before != "" {
			fmt.Fprintf(env.stdout, "the manifest that was there is kept as %s\n", found.Before)
		}
	}
	return errors.Join(err, damagedBatches(append(found.Damaged, out.Damaged...)))
}

// whyUnlisted says how an unlisted file may have come to lie there.
func whyUnlisted(path string) string {
	if strings.HasPrefix(path, "raw") {
		return "a batch that was never committed: it is kept, and nothing is derived from it"
	}
	return "left by a process that was killed, or replaced just now"
}

func checkArchive(ctx context.Context, env *environment, asJSON bool) error {
	a, err := archive.OpenToCheck(env.data)
	if err != nil {
		return err
	}
	meter := env.progress(a)
	damaged, orphans, files, err := a.Check(ctx)
	meter.end()
	if err != nil {
		return err
	}
	held, err := a.CheckLedger(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		if err := printJSON(env.stdout, map[string]any{"files": files, "damaged": damaged, "orphans": orphans, "ledger": held}); err != nil {
			return err
		}
	} else {
		for _, d := range damaged {
			fmt.Fprintf(env.stdout, "damaged: %s: %s\n", d.Path, d.Reason)
		}
		for _, w := range held.Wrong {
			fmt.Fprintf(env.stdout, "not as the ledger says: %s: %s\n", w.Path, w.Reason)
		}
		for _, o := range orphans {
			fmt.Fprintf(env.stdout, "not listed: %s (%s)\n", o, whyUnlisted(o))
		}
		for _, o := range held.Unnoted {
			fmt.Fprintf(env.stdout, "not in the ledger: %s\n", o)
		}
		fmt.Fprintf(env.stdout, "%d files checked, %d damaged, %d not listed\n", files, len(damaged), len(orphans))
		if held.Entries > 0 {
			fmt.Fprintf(env.stdout, "%d entries of the ledger %s checked; %d things differ from it\n", held.Entries, held.Origin, len(held.Wrong))
		}
	}
	if len(damaged) > 0 {
		return &exitError{code: 1, err: fmt.Errorf("%d of %d files are damaged: derived ones come back with bandish rebuild, raw ones only from another copy", len(damaged), files)}
	}
	if len(held.Wrong) > 0 {
		return &exitError{code: 1, err: fmt.Errorf("%d things differ from the ledger, the first: %s: %s", len(held.Wrong), held.Wrong[0].Path, held.Wrong[0].Reason)}
	}
	return nil
}
