package channels

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The keys of the hub's own facts.
const (
	epochKey      = "epoch"      // in SpaceStore
	pastKey       = "past/"      // in SpaceStore: followed by an epoch that has ended
	checkpointKey = "checkpoint" // in SpaceStore
	trimKey       = "trim"       // in SpaceStore: what was forgotten last, see Trim
	rulesKey      = "rules"      // in SiteStore
)

// ErrNothing is how a decision says that there is nothing to do: nothing is committed, and its Outcome has no error.
var ErrNothing = errors.New("nothing to do")

// A Checkpoint says that the state through a position is in a snapshot, so that the log behind it can go.
type Checkpoint struct {
	Through uint64 `json:"through"`
}

// commitCheckpoint records a saved snapshot, unless a newer one is recorded.
func commitCheckpoint(through uint64) Decide {
	return func(d *Draft) (any, error) {
		if v, ok := d.Get(Ref{Channel: SpaceStore, Key: checkpointKey}); ok {
			var c Checkpoint
			if json.Unmarshal(v.Data, &c) == nil && c.Through >= through {
				return nil, ErrNothing
			}
		}
		d.Set(Ref{Channel: SpaceStore, Key: checkpointKey}, Checkpoint{through})
		return nil, nil
	}
}

// commitEpoch begins a new life of the log after the one that has lost its end, which is over from then on, unless
// somebody has said so before. The log may show an older epoch still, or none, if it lost even the beginning of `was`.
func commitEpoch(was, now string) Decide {
	return func(d *Draft) (any, error) {
		if present, _ := d.Get(Ref{Channel: SpaceStore, Key: epochKey}); text(present.Data) != was && len(present.Data) > 0 {
			if _, over := d.Get(Ref{Channel: SpaceStore, Key: pastKey + was}); over || was == "" {
				return nil, ErrNothing
			}
		}
		d.Set(Ref{Channel: SpaceStore, Key: epochKey}, now)
		for _, past := range []string{was, d.Epoch()} {
			if past != "" {
				d.Set(Ref{Channel: SpaceStore, Key: pastKey + past}, d.Position())
			}
		}
		return nil, nil
	}
}

// commitRules puts a node's rules in force if they are newer than those in force.
func commitRules(rules *Rules) Decide {
	return func(d *Draft) (any, error) {
		if present := d.Rules(); present.Version >= rules.Version {
			return nil, ErrNothing
		}
		d.Set(Ref{Channel: SiteStore, Key: rulesKey}, rules)
		return nil, nil
	}
}

// rulesIn returns the rules that an entry puts in force, if it does.
func rulesIn(entry *Entry) (rules *Rules, err error) {
	for _, tx := range entry.Transactions {
		for _, e := range tx.Effects {
			if e.Channel != SiteStore || e.Key != rulesKey {
				continue
			}
			if rules, err = readRules(e.Value); err != nil {
				return nil, err
			}
		}
	}
	return rules, nil
}

// rulesDiffer is why a node is not ready: two site files, one version.
func rulesDiffer(version int) error {
	return fmt.Errorf("the site file of this node is not what is in force, and both have version %d: "+
		"raise the version to put this node's in force", version)
}

// Same reports whether two rules say the same.
func (r *Rules) Same(other *Rules) bool {
	x, errX := json.Marshal(r)
	y, errY := json.Marshal(other)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
