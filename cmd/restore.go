package cmd

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/session"
)

// restoreHow says how a backup is put back.
type restoreHow struct {
	replace bool // remove what is there first
	keep    bool // the login sessions of the backup go on
}

// restore puts a backup into a store that is empty, or, to replace what is there, is made so. The whole of it is read and
// checked before anything is changed. Then each space gets its state as a snapshot, at the position that it had, a log that
// begins behind it, and a new epoch, so that whoever comes with a cursor of before gets everything anew. Login
// sessions are ended, if they are not to be kept: some of them may have been ended after the backup, which nobody can tell.
// No node may use the store.
func restore(ctx context.Context, store *natslog.Store, backup io.ReadSeeker, how restoreHow, j *jobs) (backupAbout, error) {
	about, positions, err := checkBackup(backup, j)
	if err != nil {
		return about, fmt.Errorf("checking the backup, nothing was changed: %w", err)
	}
	if err := makeRoom(ctx, store, how.replace); err != nil {
		return about, err
	}
	if _, err := backup.Seek(0, io.SeekStart); err != nil {
		return about, fmt.Errorf("reading the backup again: %w", err)
	}
	if err := store.BeginRestore(ctx); err != nil {
		return about, err
	}
	if how.replace {
		if err := store.Erase(ctx); err != nil {
			return about, err
		}
	}
	_, err = walkBackup(backup, func(stream string, data io.Reader) error {
		if bucket, ok := strings.CutPrefix(stream, "buckets/"); ok {
			return restoreBucket(ctx, store, bucket, data)
		}
		space := strings.TrimPrefix(stream, "spaces/")
		return restoreSpace(ctx, store, space, positions[space], data, how.keep, j)
	})
	if err != nil {
		return about, fmt.Errorf("putting the backup back, which can be tried again with --replace: %w", err)
	}
	return about, store.EndRestore(ctx)
}

// makeRoom refuses a store that a node uses, and one with something in it unless that is to be replaced.
func makeRoom(ctx context.Context, store *natslog.Store, replace bool) error {
	busy, err := store.InUse(ctx)
	if err == nil && busy {
		err = errors.New("a hub uses it: stop every hub first, and wait five seconds for one that was killed. Nothing was changed")
	}
	if err != nil {
		return err
	}
	spaces, err := store.Spaces(ctx)
	if err != nil || replace {
		return err
	}
	if len(spaces) > 0 {
		return usageError{fmt.Errorf("there is something there already, the spaces %s: restore into an empty place, or with --replace, "+
			"which removes it", strings.Join(spaces, ", "))}
	}
	half, err := store.Restoring(ctx)
	return errors.Join(err, halfRestored(half))
}

// checkBackup reads all of a backup, as restore will, and returns the position at which each space is.
func checkBackup(backup io.Reader, j *jobs) (about backupAbout, positions map[string]uint64, err error) {
	job := j.begin("check", "")
	defer func() { job.Ended(err) }()
	positions = map[string]uint64{}
	lines := 0
	about, err = walkBackup(backup, func(stream string, data io.Reader) error {
		counted := &lineReader{Reader: data, tell: func(n int) { lines += n; job.Moved(lines, 0) }}
		if _, ok := strings.CutPrefix(stream, "buckets/"); ok {
			return entries(counted, func(natslog.KVEntry) error { return nil })
		}
		state, err := channels.ReadSnapshot(counted)
		if err != nil {
			return err
		}
		positions[strings.TrimPrefix(stream, "spaces/")] = state.Position()
		return nil
	})
	if err == nil && !slices.Equal(slices.Sorted(maps.Keys(positions)), about.Spaces) {
		err = fmt.Errorf("it says that it has the spaces %v, and has %v", about.Spaces, slices.Sorted(maps.Keys(positions)))
	}
	return about, positions, err
}

func restoreSpace(ctx context.Context, store *natslog.Store, space string, position uint64, data io.Reader, keep bool, j *jobs) (err error) {
	if position == 0 {
		return nil // nothing was ever in it
	}
	job := j.begin("restore", space)
	defer func() { job.Ended(err) }()
	snapshots, err := store.Snapshots(ctx, space)
	if err != nil {
		return fmt.Errorf("opening the snapshots of %s: %w", space, err)
	}
	lines := 0
	counted := &lineReader{Reader: data, tell: func(n int) { lines += n; job.Moved(lines, 0) }}
	if err := snapshots.Save(ctx, position, counted); err != nil {
		return fmt.Errorf("putting space %s back: %w", space, err)
	}
	if err := store.LogFrom(ctx, space, position+1); err != nil {
		return err
	}
	o, err := spaceOptions(ctx, store, space)
	if err != nil {
		return err
	}
	_, err = channels.BeginEpoch(ctx, o, func(s *channels.Space) error {
		if keep {
			return nil
		}
		return endSessions(ctx, s)
	})
	return err
}

// endSessions signs everybody out.
func endSessions(ctx context.Context, s *channels.Space) error {
	const some = 100 // in one transaction
	for ended := some; ended == some; {
		o := s.House(ctx, session.SignOutSome(some, session.Restored))
		if o.Err == nil {
			o.Err = json.Unmarshal(o.Answer, &ended)
		}
		if o.Err != nil {
			return fmt.Errorf("ending the login sessions of %s: %w", s.Name(), o.Err)
		}
	}
	return nil
}

func restoreBucket(ctx context.Context, store *natslog.Store, name string, data io.Reader) error {
	bucket, err := store.KV(ctx, name)
	if err != nil {
		return fmt.Errorf("opening the bucket %s: %w", name, err)
	}
	return entries(data, func(e natslog.KVEntry) error {
		left := time.Duration(0)
		if !e.Until.IsZero() {
			if left = time.Until(e.Until); left <= 0 {
				return nil
			}
		}
		if _, err := bucket.Create(ctx, e.Key, e.Value, left); err != nil {
			return fmt.Errorf("putting the bucket %s back: %w", name, err)
		}
		return nil
	})
}

// entries calls f for each line of a bucket.
func entries(data io.Reader, f func(natslog.KVEntry) error) error {
	for d := json.NewDecoder(data); ; {
		var e natslog.KVEntry
		switch err := d.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := f(e); err != nil {
			return err
		}
	}
}

// walkBackup reads a backup and gives each stream, with its parts put together, to use. What use was given may be damaged
// as long as walkBackup has not returned without an error.
func walkBackup(backup io.Reader, use func(stream string, data io.Reader) error) (about backupAbout, err error) {
	zip, err := gzip.NewReader(backup)
	if err != nil {
		return about, fmt.Errorf("it is no backup of Baton: %w", err)
	}
	r := &backupReader{tar: tar.NewReader(zip), sums: map[string]string{}}
	if err := r.next(); err != nil {
		return about, err
	}
	if about, err = r.about(); err != nil {
		return about, err
	}
	for r.head.Name != sumsName {
		stream := streamOf(r.head.Name)
		if stream == "" {
			return about, fmt.Errorf("%q should not be in it", r.head.Name)
		}
		data := &partReader{backup: r, name: stream}
		if err := use(stream, data); err != nil {
			return about, fmt.Errorf("%s: %w", stream, err)
		}
		if _, err := io.Copy(io.Discard, data); err != nil { // use may have left the end
			return about, fmt.Errorf("%s: %w", stream, err)
		}
	}
	if err := r.checkSums(); err != nil {
		return about, err
	}
	if _, err := io.Copy(io.Discard, zip); err != nil { // to its own checksum
		return about, fmt.Errorf("the end of it: %w", err)
	}
	return about, nil
}

// A backupReader reads the files of a backup one by one.
type backupReader struct {
	tar  *tar.Reader
	head *tar.Header // of the present file
	hash hash.Hash
	sums map[string]string // of the files before
}

// next goes to the next file.
func (r *backupReader) next() error {
	if r.head != nil {
		r.sums[r.head.Name] = hex.EncodeToString(r.hash.Sum(nil))
	}
	head, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("it is cut off, %s is missing: %w", sumsName, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	r.head, r.hash = head, sha256.New()
	return nil
}

func (r *backupReader) Read(p []byte) (int, error) {
	n, err := r.tar.Read(p)
	r.hash.Write(p[:n])
	return n, err
}

// about reads the first file.
func (r *backupReader) about() (about backupAbout, err error) {
	data, err := io.ReadAll(io.LimitReader(r, partBytes))
	if err == nil && r.head.Name == aboutName {
		err = json.Unmarshal(data, &about)
	}
	switch {
	case err != nil:
		return about, fmt.Errorf("%s: %w", aboutName, err)
	case about.Backup == 0:
		return about, errors.New("it is no backup of Baton")
	case about.Backup > backupVersion:
		return about, fmt.Errorf("it has format %d and this version of Baton reads up to %d: use a newer one", about.Backup, backupVersion)
	}
	return about, r.next()
}

// checkSums compares what was read with the last file.
func (r *backupReader) checkSums() error {
	data, err := io.ReadAll(r.tar)
	if err != nil {
		return fmt.Errorf("%s: %w", sumsName, err)
	}
	listed := 0
	for line := range strings.Lines(string(data)) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		listed++
		if r.sums[name] != sum {
			return fmt.Errorf("%s is damaged", name)
		}
	}
	if listed != len(r.sums) {
		return fmt.Errorf("it has %d files, and should have %d", len(r.sums), listed)
	}
	return nil
}

// A partReader reads one stream through its parts, up to the first file that is none of them.
type partReader struct {
	backup *backupReader
	name   string
	parts  int
	err    error
}

func (s *partReader) Read(p []byte) (int, error) {
	for s.err == nil {
		if s.parts == 0 || s.backup.head.Name != partName(s.name, s.parts) {
			if streamOf(s.backup.head.Name) != s.name {
				s.err = io.EOF
				break
			}
			s.parts++
			if s.backup.head.Name != partName(s.name, s.parts) {
				s.err = fmt.Errorf("part %d is missing", s.parts)
				break
			}
		}
		n, err := s.backup.Read(p)
		if errors.Is(err, io.EOF) {
			err = s.backup.next()
		}
		if n > 0 || err != nil {
			s.err = err
			return n, err
		}
	}
	return 0, s.err
}

// A lineReader tells how many lines were read through it.
type lineReader struct {
	io.Reader
	tell func(more int)
}

func (r *lineReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	more := 0
	for _, c := range p[:n] {
		if c == '\n' {
			more++
		}
	}
	r.tell(more)
	return n, err
}
