// Package disk gives a server a disk of its own, an image in a file, so that its power can be cut and it can be filled up.
//
// What a process has written and not synced is in the memory of the kernel, and not in the image. So a copy of the image
// is what a machine finds after its power was cut: a test that only kills processes never sees that something was not synced.
package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// A Disk is a file system in an image that is mounted on a folder. Its methods are called by one goroutine at a time.
type Disk struct {
	folder string
	image  string
	cuts   int // how often its power was cut
}

// size of an image, in bytes. It is sparse: what is not used takes no room.
const size = 192 << 20

// Possible returns nil where disks can be made: for root, with loop devices. The error says what is missing.
func Possible() error {
	if os.Getuid() != 0 {
		return errors.New("only root can mount disk images")
	}
	dir, err := os.MkdirTemp("", "baton-disk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := New(filepath.Join(dir, "image"), filepath.Join(dir, "folder"))
	if err != nil {
		return err
	}
	return d.Close()
}

// New makes an image in a file and mounts it on a folder, which it makes.
func New(image, folder string) (*Disk, error) {
	d := &Disk{folder: folder, image: image}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	file, err := os.Create(image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(file.Truncate(size), file.Close()); err != nil {
		return nil, err
	}
	if err := run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", image); err != nil {
		return nil, err
	}
	return d, d.mount()
}

func (d *Disk) mount() error { return run("mount", "-o", "loop", d.image, d.folder) }

// Copy keeps what is on the disk at this moment, for Cut. What writes to it must be stopped.
func (d *Disk) Copy() error {
	return run("cp", "--sparse=always", d.image, d.next())
}

func (d *Disk) next() string { return fmt.Sprint(d.image, ".", d.cuts+1) }

// Cut puts what Copy has kept in the place of the disk. What wrote to it must be dead.
func (d *Disk) Cut() error {
	if err := d.unmount(); err != nil {
		return err
	}
	next := d.next()
	if err := os.Remove(d.image); err != nil {
		return err
	}
	d.cuts++
	d.image = next
	return d.mount()
}

// filler is the file that fills a disk up.
const filler = ".full"

// Fill leaves no room on the disk.
func (d *Disk) Fill() error {
	file, err := os.Create(filepath.Join(d.folder, filler))
	if err != nil {
		return err
	}
	defer file.Close()
	for block := 1 << 20; block >= 1<<9; block /= 8 { // down to the last block
		for data := make([]byte, block); ; {
			if _, err := file.Write(data); errors.Is(err, syscall.ENOSPC) {
				break
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// Free makes room again.
func (d *Disk) Free() error {
	err := os.Remove(filepath.Join(d.folder, filler))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Close unmounts the disk and removes its image. What writes to it must be dead.
func (d *Disk) Close() error { return errors.Join(d.unmount(), os.Remove(d.image)) }

func (d *Disk) unmount() error {
	err := run("umount", d.folder)
	if err != nil && run("umount", "-l", d.folder) == nil { // somebody looks at it: it goes when they have looked
		return nil
	}
	return err
}

func run(name string, args ...string) error {
	var words bytes.Buffer
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = &words, &words
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, bytes.TrimSpace(words.Bytes()))
	}
	return nil
}
