package cmd

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
)

// A backup is a gzipped tar:
//
//	about.json                  what made it, when, of which spaces
//	spaces/<space>/000001.ndjson …   the folded state of the space, as snapshots are written, cut into parts
//	buckets/<bucket>/000001.ndjson … the values of a bucket: login sessions where there is no Redis
//	SHA256SUMS                  of all these, as sha256sum checks them; it is the last, so what is cut off has none
//
// The parts of a space together are one stream, which counts its own lines. It has everything of the space, with positions,
// times and authors: who is signed in, tokens (hashed), rules, operations, journal. So a backup is as confidential as the
// data directory. What is not in it: live values, which their services send again; schedules, which the nodes put up again
// from the site file; what a backend of a store keeps elsewhere; login sessions in Redis.
//
// Each space is whole at a position of its own; there is no order between spaces that could be kept.

const (
	aboutName = "about.json"
	sumsName  = "SHA256SUMS"
	// backupVersion is the format of the backups that this version writes and reads.
	backupVersion = 1
	// partBytes is nearly how long a part is: a tar has to know it before it is written.
	partBytes = 1 << 20
)

// A backupAbout is about.json.
type backupAbout struct {
	Backup  int       `json:"backup"` // backupVersion
	Version string    `json:"version,omitempty"`
	At      time.Time `json:"at"`
	Spaces  []string  `json:"spaces"`
	Buckets []string  `json:"buckets"`
}

// writeBackup writes a backup of all that a store keeps. It may be done while nodes use the store.
func writeBackup(ctx context.Context, store *natslog.Store, w io.Writer, j *jobs) error {
	if half, err := store.Restoring(ctx); err != nil || half {
		return errors.Join(err, halfRestored(half))
	}
	spaces, err := store.Spaces(ctx)
	if err != nil {
		return err
	}
	buckets, err := store.Buckets(ctx)
	if err != nil {
		return err
	}
	a := newArchive(w)
	about := backupAbout{Backup: backupVersion, Version: thisBuild().Version, At: a.at, Spaces: spaces, Buckets: buckets}
	data, err := json.MarshalIndent(about, "", "  ")
	if err == nil {
		err = a.add(aboutName, append(data, '\n'))
	}
	for _, space := range spaces {
		if err == nil {
			err = a.addSpace(ctx, store, space, j)
		}
	}
	for _, bucket := range buckets {
		if err == nil {
			err = a.addBucket(ctx, store, bucket)
		}
	}
	return errors.Join(err, a.close(err == nil))
}

// An archive is a backup that is being written.
type archive struct {
	at   time.Time
	zip  *gzip.Writer
	tar  *tar.Writer
	sums bytes.Buffer
}

func newArchive(w io.Writer) *archive {
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &archive{at: time.Now().UTC().Round(time.Second), zip: zip, tar: tar.NewWriter(zip)}
}

// add writes a file.
func (a *archive) add(name string, data []byte) error {
	head := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o600, ModTime: a.at, Format: tar.FormatPAX}
	if err := a.tar.WriteHeader(head); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if _, err := a.tar.Write(data); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	fmt.Fprintf(&a.sums, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	return nil
}

// addSpace writes the present state of a space.
func (a *archive) addSpace(ctx context.Context, store *natslog.Store, space string, j *jobs) (err error) {
	job := j.begin("backup", space)
	defer func() { job.Ended(err) }()
	o, err := spaceOptions(ctx, store, space)
	if err != nil {
		return err
	}
	o.Progress = job.Moved
	state, err := channels.ReadState(ctx, o)
	if err != nil {
		return err
	}
	parts := &parts{archive: a, stream: "spaces/" + space}
	if err := state.WriteSnapshot(parts); err != nil {
		return fmt.Errorf("writing space %s: %w", space, err)
	}
	return parts.close()
}

// spaceOptions says where a space is kept.
func spaceOptions(ctx context.Context, store *natslog.Store, space string) (o channels.Options, err error) {
	o.Name = space
	if o.Log, err = store.Log(ctx, space); err != nil {
		return o, fmt.Errorf("opening the log of %s: %w", space, err)
	}
	if o.Snapshots, err = store.Snapshots(ctx, space); err != nil {
		return o, fmt.Errorf("opening the snapshots of %s: %w", space, err)
	}
	return o, nil
}

// addBucket writes the values of a bucket.
func (a *archive) addBucket(ctx context.Context, store *natslog.Store, name string) error {
	bucket, err := store.KV(ctx, name)
	if err != nil {
		return fmt.Errorf("opening the bucket %s: %w", name, err)
	}
	parts := &parts{archive: a, stream: "buckets/" + name}
	lines := json.NewEncoder(parts)
	if err := bucket.Entries(ctx, func(e natslog.KVEntry) error { return lines.Encode(e) }); err != nil {
		return fmt.Errorf("reading the bucket %s: %w", name, err)
	}
	return parts.close()
}

// close writes the sums, if the backup is whole.
func (a *archive) close(whole bool) error {
	if !whole {
		return nil
	}
	if err := a.add(sumsName, bytes.Clone(a.sums.Bytes())); err != nil {
		return err
	}
	if err := errors.Join(a.tar.Close(), a.zip.Close()); err != nil {
		return fmt.Errorf("writing the end of the backup: %w", err)
	}
	return nil
}

// parts cuts a stream of lines into files of an archive.
type parts struct {
	archive *archive
	stream  string // the folder they are in
	pending bytes.Buffer
	written int
}

// Write takes a piece of the stream.
func (p *parts) Write(data []byte) (int, error) {
	p.pending.Write(data)
	if p.pending.Len() < partBytes {
		return len(data), nil
	}
	end := bytes.LastIndexByte(p.pending.Bytes(), '\n') + 1
	if end == 0 {
		return len(data), nil // a long line
	}
	return len(data), p.add(end)
}

func (p *parts) add(bytes int) error {
	p.written++
	return p.archive.add(partName(p.stream, p.written), p.pending.Next(bytes))
}

// close writes the rest. A stream without lines has one empty part.
func (p *parts) close() error {
	if p.pending.Len() == 0 && p.written > 0 {
		return nil
	}
	return p.add(p.pending.Len())
}

func partName(stream string, n int) string { return fmt.Sprintf("%s/%06d.ndjson", stream, n) }

// streamOf returns the stream that a file is a part of, "" if it is none.
func streamOf(name string) string {
	stream, _, ok := cutLast(name, "/")
	if !ok || !strings.HasPrefix(stream, "spaces/") && !strings.HasPrefix(stream, "buckets/") {
		return ""
	}
	return stream
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// halfRestored is why a store cannot be used in which a restore was interrupted.
func halfRestored(half bool) error {
	if !half {
		return nil
	}
	return configError{errors.New("a backup was being put back here, and not to the end: run 'baton restore --replace' with it again")}
}
