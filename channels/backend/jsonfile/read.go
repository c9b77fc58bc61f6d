package jsonfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/baton-hub/baton/channels/backend"
)

// A digest is the checksum of a file, zero if there is none.
type digest [sha256.Size]byte

// regular returns what is known of a file, nil if it is not there. What is no regular file is an error: reading a pipe or
// a device may never end.
func regular(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file: put one in its place", path)
	}
	return info, nil
}

// tooLarge is the digest of a file that is too large to be read: what can be known without reading it.
func tooLarge(info fs.FileInfo) digest {
	return sha256.Sum256(fmt.Appendf(nil, "%d bytes of %d", info.Size(), info.ModTime().UnixNano()))
}

// sumOf returns the digest of a file, of which it holds no more than a piece at a time.
func sumOf(path string) (d digest, err error) {
	info, err := regular(path)
	switch {
	case err != nil || info == nil:
		return d, err
	case info.Size() > maxSize:
		return tooLarge(info), nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxSize+1)); err != nil {
		return d, err
	}
	return digest(h.Sum(nil)), nil
}

// read returns what is in a file, and its digest. Of one that is too large it returns the digest and an error that wraps
// errSize; nil is one that is not there.
func read(path string) (data []byte, d digest, err error) {
	info, err := regular(path)
	switch {
	case err != nil || info == nil:
		return nil, d, err
	case info.Size() > maxSize:
		return nil, tooLarge(info), fmt.Errorf("%w: it has %d bytes, the limit is %d", errSize, info.Size(), maxSize)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, d, nil
	}
	if err != nil {
		return nil, d, err
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize { // it has grown meanwhile
		return nil, sha256.Sum256(data), fmt.Errorf("%w: it has more than %d bytes", errSize, maxSize)
	}
	return data, sha256.Sum256(data), err
}

var errSize = errors.New("it is too large")

func parse(data []byte) (backend.Contents, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return backend.Contents{}, errors.New("it is empty")
	case !utf8.Valid(data):
		return backend.Contents{}, errors.New("it is not UTF-8 text")
	}
	plain, err := members(data)
	if err != nil {
		return backend.Contents{}, err
	}
	values, enveloped := plain["values"]
	cursor, stamped := plain["cursor"]
	if !enveloped || len(plain) > 1 && !stamped {
		return backend.Contents{Values: plain}, nil
	}
	var c contents
	if stamped && json.Unmarshal(cursor, &c.Cursor) != nil || values[0] != '{' {
		return backend.Contents{}, errors.New(`"values" is an object and "cursor" a text, which stays as it is`)
	}
	if len(plain) > 2 {
		return backend.Contents{}, errors.New(`there is something beside "cursor" and "values": values belong into "values"`)
	}
	if c.Values, err = members(values); err != nil {
		return backend.Contents{}, fmt.Errorf(`"values": %w`, err)
	}
	return backend.Contents(c), nil
}

// members returns what an object has. A name that comes twice is an error: nobody can tell which of its values is meant.
func members(object []byte) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(object, &all); err != nil {
		return nil, err
	}
	if all == nil {
		return nil, errors.New("it is not an object")
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for seen := make(map[string]bool, len(all)); d.More(); {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if seen[key] {
			return nil, fmt.Errorf("%q is in it twice: leave one of them", key)
		}
		seen[key] = true
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return nil, err
		}
	}
	return all, nil
}
