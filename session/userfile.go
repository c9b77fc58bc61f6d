package session

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels"
)

// maxPassword is the longest password that is looked at, in bytes: longer ones only cost time to hash.
const maxPassword = 1024

// hashesAtOnce bounds how many passwords are hashed at a time: each takes 19 MiB and tens of milliseconds of a core.
const hashesAtOnce = 4

// A UserFile is the authenticator over a YAML file of people, which AddUser writes. It reads the file again when it
// has changed; a file that cannot be read whole lets nobody in until it is put right.
type UserFile struct {
	path    string
	hashing chan struct{}                              // one item for each password being hashed
	matches func(h passwordHash, password string) bool // passwordHash.matches

	// Guarded by mu.
	mu     sync.Mutex
	people map[string]person // "": nobody, who is compared with when there is no such user
	stamp  fileStamp
}

type person struct {
	Identity
	password passwordHash
}

// fileStamp tells one version of a file from the next.
type fileStamp struct {
	modified time.Time
	size     int64
	file     os.FileInfo // AddUser puts a new file in the place of the old one
}

// OpenUserFile reads the file and returns its authenticator.
func OpenUserFile(path string) (*UserFile, error) {
	f := &UserFile{
		path: path, hashing: make(chan struct{}, hashesAtOnce), matches: passwordHash.matches,
	}
	_, err := f.present()
	return f, err
}

// Authenticate is the Authenticate of an Authenticator. An unknown user costs it as much as a known one.
func (f *UserFile) Authenticate(ctx context.Context, c Credentials) (Identity, error) {
	people, err := f.present()
	if err != nil {
		return Identity{}, err
	}
	who, known := people[c.User]
	if !known || c.User == "" {
		who, known = people[""], false
	}
	if err := ctx.Err(); err != nil { // else it may be chosen to go on
		return Identity{}, err
	}
	select {
	case f.hashing <- struct{}{}:
		defer func() { <-f.hashing }()
	case <-ctx.Done():
		return Identity{}, fmt.Errorf("waiting to check a password: %w", context.Cause(ctx))
	}
	right := f.matches(who.password, c.Password[:min(len(c.Password), maxPassword)])
	if !known || !right || len(c.Password) > maxPassword {
		return Identity{}, ErrWrongCredentials
	}
	who.Roles, who.Proposals = slices.Clone(who.Roles), slices.Clone(who.Proposals) // the caller's, to do with what it likes
	return who.Identity, nil
}

// present returns the people as the file has them now.
func (f *UserFile) present() (map[string]person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("reading the user file: %w", err)
	}
	s := fileStamp{info.ModTime(), info.Size(), info}
	if f.people != nil && s.modified.Equal(f.stamp.modified) && s.size == f.stamp.size && os.SameFile(info, f.stamp.file) {
		return f.people, nil
	}
	f.people = nil
	u, err := readUserFile(f.path)
	if err != nil {
		return nil, err
	}
	people, err := u.people()
	if err != nil {
		return nil, fmt.Errorf("reading the user file %s: %w", f.path, err)
	}
	people[""] = person{password: nobody(people)}
	f.people, f.stamp = people, s
	return people, nil
}

// nobody is a hash that costs as much as the costliest of the people's, as they were not all made by this version.
func nobody(people map[string]person) passwordHash {
	var h passwordHash
	for _, p := range people {
		if p.password.cost() > h.cost() {
			h = p.password
		}
	}
	if len(people) == 0 {
		h = newHashCost
	}
	h.salt, h.key = make([]byte, 16), make([]byte, 32)
	return h
}

// userFile is the file.
type userFile struct {
	Version int                  `yaml:"version"`
	Users   map[string]userEntry `yaml:"users"`
}

type userEntry struct {
	Name      string   `yaml:"name,omitempty"`
	Roles     []string `yaml:"roles,flow"`
	Proposals []string `yaml:"proposals,omitempty,flow"`
	Password  string   `yaml:"password"` // an argon2id hash
}

const userFileHeader = "# People who may sign in. Passwords are argon2id hashes; baton user add makes them.\n"

// readUserFile reads the file strictly: unknown and repeated keys are refused.
func readUserFile(path string) (userFile, error) {
	var u userFile
	data, err := os.ReadFile(path)
	if err != nil {
		return u, fmt.Errorf("reading the user file: %w", err)
	}
	if err := yaml.Load(data, &u, yaml.WithKnownFields()); err != nil {
		return u, fmt.Errorf("reading the user file %s: %w", path, err)
	}
	if u.Version != 1 {
		return u, fmt.Errorf("reading the user file %s: version is %d, this version of Baton reads 1", path, u.Version)
	}
	return u, nil
}

// people checks every entry, and says all that is wrong at once.
func (u userFile) people() (map[string]person, error) {
	people := map[string]person{}
	var wrong []error
	for user, e := range u.Users {
		hash, err := e.check(user)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("user %q: %w", user, err))
		}
		people[user] = person{Identity{User: user, Name: cmp.Or(e.Name, user), Roles: e.Roles, Proposals: e.Proposals}, hash}
	}
	slices.SortFunc(wrong, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return people, errors.Join(wrong...)
}

func (e userEntry) check(user string) (passwordHash, error) {
	if err := channels.CheckKey(user); err != nil {
		return passwordHash{}, err
	}
	if len(e.Roles) == 0 || slices.Contains(e.Roles, "") {
		return passwordHash{}, errors.New("roles are missing: without one they may do nothing")
	}
	return parsePasswordHash(e.Password)
}

// AddUser puts a person into the user file at path, or changes them; the file is made if it is not there. It is
// replaced as a whole, so nobody reads half of it. Two calls at the same time may lose one.
func AddUser(path string, who Identity, password string) error {
	if password == "" || len(password) > maxPassword {
		return fmt.Errorf("a password has 1 to %d bytes", maxPassword)
	}
	u, err := readUserFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		u, err = userFile{Version: 1}, nil
	}
	if err != nil {
		return err
	}
	e := userEntry{who.Name, who.Roles, who.Proposals, hashPassword(password).String()}
	if _, err := e.check(who.User); err != nil {
		return err
	}
	if u.Users == nil {
		u.Users = map[string]userEntry{}
	}
	u.Users[who.User] = e
	data, err := yaml.Dump(u)
	if err != nil {
		return fmt.Errorf("encoding the user file: %w", err)
	}
	return replaceFile(path, slices.Concat([]byte(userFileHeader), bytes.TrimLeft(data, "\n")))
}

// replaceFile puts a file in the place of another, readable by its owner only.
func replaceFile(path string, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	next, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // made with 0600
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // nothing is there any more if all went well
	if _, err := next.Write(data); err != nil {
		return errors.Join(err, next.Close())
	}
	if err := errors.Join(next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
