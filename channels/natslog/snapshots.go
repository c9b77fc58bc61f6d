package natslog

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go/jetstream"
)

// snapshots keeps the folded states of one space in the object store SNAPSHOTS, as objects <space>/<position>.
//
// The object store writes an object in chunks and then a head that names them. It does not wait for the chunks before
// it writes the head, so an object counts as whole only when all of its chunks are there.
type snapshots struct {
	store   *Store
	space   string
	objects jetstream.ObjectStore
	stream  jetstream.Stream // under the object store
	stray   time.Duration    // strayAfter, or less in a test
}

var _ channels.Snapshots = (*snapshots)(nil)

const (
	snapshotBucket = "SNAPSHOTS"
	snapshotChunks = "$O." + snapshotBucket + ".C."
	snapshotHeads  = "$O." + snapshotBucket + ".M."
	// snapshotsKept: the newest, and the one before it for those who are reading it.
	snapshotsKept = 2
	// strayAfter is how old chunks without a head must be to count as left behind by a node that died.
	strayAfter = time.Hour
)

// Snapshots opens the snapshots of a space.
func (s *Store) Snapshots(ctx context.Context, space string) (channels.Snapshots, error) {
	config := jetstream.ObjectStoreConfig{Bucket: snapshotBucket, Storage: jetstream.FileStorage, Replicas: s.replicas}
	objects, err := insist(ctx, func(ctx context.Context) (jetstream.ObjectStore, error) {
		// As for other streams. A cluster that is just making it has no answer to an update, either.
		objects, err := s.js.CreateObjectStore(ctx, config)
		if errors.Is(err, jetstream.ErrBucketExists) {
			objects, err = s.js.UpdateObjectStore(ctx, config)
		}
		return objects, err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the snapshots: %w", cause(err))
	}
	// Nobody answers this while the stream has no leader, as after a start of all servers, though what is above may be answered.
	stream, err := insist(ctx, func(ctx context.Context) (jetstream.Stream, error) { return s.js.Stream(ctx, "OBJ_"+snapshotBucket) })
	if err != nil {
		return nil, fmt.Errorf("opening the snapshots: %w", cause(err))
	}
	return &snapshots{store: s, space: space, objects: objects, stream: stream, stray: strayAfter}, nil
}

// A snapshot is one object of this space.
type snapshot struct {
	through uint64
	info    *jetstream.ObjectInfo
}

// Newest returns the newest whole snapshot. A damaged one shows as an error of data at its end, where the digest is
// checked.
func (s *snapshots) Newest(ctx context.Context) (through uint64, data io.ReadCloser, err error) {
	found, err := s.list(ctx)
	if err != nil {
		return 0, nil, err
	}
	if len(found.whole) == 0 {
		return 0, nil, channels.ErrNoSnapshot
	}
	newest := found.whole[0]
	object, err := s.objects.Get(ctx, newest.info.Name)
	if err != nil {
		return 0, nil, fmt.Errorf("reading the snapshot at %d: %w", newest.through, cause(err))
	}
	return newest.through, object, nil
}

// Save writes an object, looks whether it is whole, and then removes what is older than the newest two.
func (s *snapshots) Save(ctx context.Context, through uint64, data io.Reader) error {
	name := s.space + "/" + strconv.FormatUint(through, 10)
	info, err := s.objects.Put(ctx, jetstream.ObjectMeta{Name: name}, data)
	if err == nil {
		var whole bool
		if whole, err = s.whole(ctx, info); err == nil && !whole {
			err = errors.New("not all of it was stored")
		}
	}
	if err != nil {
		return fmt.Errorf("saving the snapshot at %d: %w", through, cause(err))
	}
	s.prune(ctx)
	return nil
}

// A listing is what the object store holds.
type listing struct {
	whole  []snapshot      // of this space, the newest first
	broken []snapshot      // of this space, or still being written
	ids    map[string]bool // of all objects of all spaces
}

func (s *snapshots) list(ctx context.Context) (listing, error) {
	infos, err := s.infos(ctx)
	if err != nil {
		return listing{}, fmt.Errorf("listing the snapshots: %w", cause(err))
	}
	found := listing{ids: make(map[string]bool, len(infos))}
	for _, info := range infos {
		found.ids[info.NUID] = true
		position, ok := strings.CutPrefix(info.Name, s.space+"/")
		if !ok {
			continue
		}
		through, err := strconv.ParseUint(position, 10, 64)
		if err != nil {
			continue
		}
		whole, err := s.whole(ctx, info)
		if err != nil {
			return listing{}, err
		}
		if whole {
			found.whole = append(found.whole, snapshot{through, info})
		} else {
			found.broken = append(found.broken, snapshot{through, info})
		}
	}
	slices.SortFunc(found.whole, func(a, b snapshot) int { return cmp.Compare(b.through, a.through) })
	return found, nil
}

// infos returns the heads of all objects of all spaces. The object store's own List waits for ever for the end of an empty
// list when a server of a cluster that it asked first did not know yet that there is none, as in the moment in which the
// bucket is made; and it takes an old answer of one that is behind for the truth. So the leader of the stream is asked before.
func (s *snapshots) infos(ctx context.Context) ([]*jetstream.ObjectInfo, error) {
	state, err := insist(ctx, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return s.stream.Info(ctx, jetstream.WithSubjectFilter(snapshotHeads+">"))
	})
	if err != nil || len(state.State.Subjects) == 0 {
		return nil, err
	}
	return s.objects.List(ctx)
}

// whole reports whether all chunks of an object are stored.
func (s *snapshots) whole(ctx context.Context, info *jetstream.ObjectInfo) (bool, error) {
	chunks := snapshotChunks + info.NUID
	state, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(chunks))
	if err != nil {
		return false, fmt.Errorf("counting the chunks of %s: %w", info.Name, cause(err))
	}
	return state.State.Subjects[chunks] == uint64(info.Chunks), nil
}

// prune removes old snapshots and what dead nodes have left. Nothing depends on it, so it only reports errors.
func (s *snapshots) prune(ctx context.Context) {
	found, err := s.list(ctx)
	if err == nil {
		for i, old := range found.whole {
			if i >= snapshotsKept {
				err = errors.Join(err, s.remove(ctx, old.info))
			}
		}
		for _, broken := range found.broken {
			if time.Since(broken.info.ModTime) > s.stray {
				err = errors.Join(err, s.remove(ctx, broken.info))
			}
		}
		err = errors.Join(err, s.sweep(ctx, found.ids))
	}
	if err != nil {
		s.store.logger.Warn("old snapshots are still there", "space", s.space, "why", err)
	}
}

// remove takes an object away without a trace; the object store's own Delete would leave a marker for each for ever.
func (s *snapshots) remove(ctx context.Context, info *jetstream.ObjectInfo) error {
	head := snapshotHeads + encodeObjectName(info.Name)
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(head)); err != nil {
		return fmt.Errorf("removing %s: %w", info.Name, cause(err))
	}
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(snapshotChunks+info.NUID)); err != nil {
		return fmt.Errorf("removing %s: %w", info.Name, cause(err))
	}
	return nil
}

// sweep removes chunks that belong to none of the objects and are too old to be of one that is being written.
func (s *snapshots) sweep(ctx context.Context, ids map[string]bool) error {
	state, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(snapshotChunks+"*"))
	if err != nil {
		return fmt.Errorf("looking for stray chunks: %w", cause(err))
	}
	for chunks := range state.State.Subjects {
		if ids[strings.TrimPrefix(chunks, snapshotChunks)] {
			continue
		}
		m, err := s.stream.GetLastMsgForSubject(ctx, chunks)
		if err != nil || time.Since(m.Time) < s.stray {
			continue
		}
		if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(chunks)); err != nil {
			return fmt.Errorf("removing stray chunks: %w", cause(err))
		}
	}
	return nil
}

// encodeObjectName is how the object store writes a name in a subject.
func encodeObjectName(name string) string { return base64.URLEncoding.EncodeToString([]byte(name)) }
