package winhost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mountPoints makes the mounts' places in the volume: a directory, or an empty file where a file is mounted, with the directories above it,
// so that a program that lists a directory sees what is mounted there (that Windows' filter shows it so is assumed). What is there already
// stays. A place inside of another mount is that mount's host directory's business, and one on another drive has no directory to be in.
func (v view) mountPoints() error {
	for _, m := range v.mounts {
		rest, ok := within(m.container, `C:\`)
		if !ok || rest == "" || v.insideAnother(m) {
			continue
		}
		info, err := os.Stat(m.host)
		if err != nil {
			return err
		}
		if err := mountPoint(v.volume, rest, info.IsDir()); err != nil {
			return err
		}
	}
	return nil
}

func (v view) insideAnother(m mount) bool {
	for _, o := range v.mounts {
		if rest, ok := within(m.container, o.container); ok && rest != "" {
			return true
		}
	}
	return false
}

// mountPoint makes one place. It uses the names that are there in another case, which only a Unix file system could tell apart.
func mountPoint(volume, rest string, dir bool) error {
	at := volume
	parts := strings.Split(rest, `\`)
	for i, part := range parts {
		name, err := nameIn(at, part)
		if err != nil {
			return err
		}
		at = filepath.Join(at, name)
		last := i == len(parts)-1
		if last && !dir {
			f, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL, 0o666)
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			if err != nil {
				return err
			}
			return f.Close()
		}
		if err := os.Mkdir(at, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// nameIn is what a name is called in a directory, itself when it is not there.
func nameIn(dir, name string) (string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range list {
		if fold(e.Name()) == fold(name) {
			return e.Name(), nil
		}
	}
	return name, nil
}
