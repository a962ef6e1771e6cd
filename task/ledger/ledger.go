// Package ledger records what a container holds outside the shim's process, so that a failed create, a normal delete and the
// delete command after a crash all give it back in the same way.
//
// A ledger is a file of JSON lines per container, kept outside the bundle (containerd removes bundles). A claim is written and
// flushed before the thing is acquired; releasing twice is fine, so a claim whose acquisition never happened does no harm. The
// last line may be torn by a crash: it is then as if it had not been written, which is why claims are flushed first.
package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind says how an entry is released.
type Kind string

// What can be held. The order of acquisition is the order of the entries.
const (
	Namespace Kind = "namespace" // an HCN namespace made for the container
	Endpoint  Kind = "endpoint"  // an endpoint added to it; Args: the namespace
	Active    Kind = "active"    // an activated scratch layer
	Prepared  Kind = "prepared"  // the same, prepared
	System    Kind = "system"    // a compute system
)

const suffix = ".ledger"

// Entry is one thing held.
type Entry struct {
	Kind Kind     `json:"kind"`
	ID   string   `json:"id"`
	Args []string `json:"args,omitempty"`
}

func (e Entry) same(f Entry) bool { return e.Kind == f.Kind && e.ID == f.ID }

// Exit is how the container's init process ended.
type Exit struct {
	Pid  uint32    `json:"pid"`
	Code uint32    `json:"code"`
	At   time.Time `json:"at"`
	// Status is the name of a code that is an NTSTATUS. It is for who reads the file.
	Status string `json:"status,omitempty"`
}

// line is one record of the file; one member is set.
type line struct {
	Claim    *Entry `json:"claim,omitempty"`
	Released *Entry `json:"released,omitempty"`
	Exit     *Exit  `json:"exit,omitempty"`
	Told     bool   `json:"told,omitempty"`
}

// Ledger is one container's file. Its methods may be called from several goroutines.
type Ledger struct {
	path string

	mu   sync.Mutex
	held []Entry
	exit *Exit
	told bool
	bad  int
}

// Open reads the ledger of a container; one that does not exist is empty and is not created before the first claim. dir must be
// one that only administrators can write.
func Open(dir, namespace, id string) (*Ledger, error) {
	return OpenPath(filepath.Join(dir, FileName(namespace), FileName(id)+suffix))
}

// All lists the paths of a directory's ledgers.
func All(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, "*", "*"+suffix)) }

// OpenPath reads a ledger that All found.
func OpenPath(path string) (*Ledger, error) {
	l := &Ledger{path: path}
	var b []byte
	err := whileBusy(func() (err error) {
		b, err = os.ReadFile(l.path)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	l.read(b)
	return l, nil
}

// FileName maps an id to a name that is valid and unique on a file system that ignores case and reserves device names.
func FileName(id string) string {
	var b strings.Builder
	b.WriteByte('_') // "con" and "nul" are devices, "_con" is not
	for _, r := range id {
		switch {
		case r >= 'A' && r <= 'Z':
			b.WriteByte('^')
			b.WriteRune(r - 'A' + 'a')
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "^%x~", r)
		}
	}
	return b.String()
}

func (l *Ledger) read(b []byte) {
	for len(b) > 0 {
		text, rest, whole := bytes.Cut(b, []byte{'\n'})
		b = rest
		var ln line
		if json.Unmarshal(text, &ln) != nil {
			if whole { // a torn last line is expected, another one is not
				l.bad++
			}
			continue
		}
		l.apply(ln)
	}
}

func (l *Ledger) apply(ln line) {
	switch {
	case ln.Claim != nil:
		if !slices.ContainsFunc(l.held, ln.Claim.same) {
			l.held = append(l.held, *ln.Claim)
		}
	case ln.Released != nil:
		l.held = slices.DeleteFunc(l.held, ln.Released.same)
	case ln.Exit != nil:
		l.exit = ln.Exit
	case ln.Told:
		l.told = true
	}
}

// Held lists what is claimed and not released, in the order of acquisition.
func (l *Ledger) Held() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.held)
}

// Exit is how init ended, nil while that is not known.
func (l *Ledger) Exit() *Exit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.exit
}

// WasTold says that a delete command has told the exit, whether it was known or not: the ledger is kept for what is held only.
func (l *Ledger) WasTold() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told
}

// lockPath is the file whose lock says that a process owns the container. Its directory exists when lockPath returns without error.
func (l *Ledger) lockPath() (string, error) {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	return strings.TrimSuffix(l.path, suffix) + ".lock", nil
}

// Age is how long ago the ledger was written to.
func (l *Ledger) Age() time.Duration {
	st, err := os.Stat(l.path)
	if err != nil {
		return 0
	}
	return time.Since(st.ModTime())
}

// Damaged counts lines, other than a torn last one, that could not be read.
func (l *Ledger) Damaged() int { return l.bad }

// Claim records that e is about to be acquired. It is on disk when Claim returns.
func (l *Ledger) Claim(e Entry) error { return l.write(line{Claim: &e}, true) }

// Released records that e is gone.
func (l *Ledger) Released(e Entry) error { return l.write(line{Released: &e}, false) }

// Ended records how init ended. When a delete command has meanwhile given everything back and removed the file, nobody is to be told any
// more.
func (l *Ledger) Ended(e Exit) error { return l.write(line{Exit: &e}, true) }

// Told records that a delete command has told the exit and could not give everything back. A file that was removed meanwhile stays so.
func (l *Ledger) Told() error { return l.write(line{Told: true}, false) }

func (l *Ledger) write(ln line, flush bool) error {
	b, err := json.Marshal(ln)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	create := os.O_CREATE
	if ln.Told || ln.Exit != nil && len(l.held) > 0 {
		create = 0
	}
	var f *os.File
	err = whileBusy(func() (err error) {
		f, err = os.OpenFile(l.path, create|os.O_RDWR|os.O_APPEND, 0o600)
		return err
	})
	if create == 0 && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close() // the file is not kept open: a shim that idles holds nothing
	if err := startLine(f); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if flush {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	l.apply(ln)
	return nil
}

// startLine ends a line that a crash tore, so that the next record does not become part of it.
func startLine(f *os.File) error {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], st.Size()-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	_, err = f.Write([]byte{'\n'})
	return err
}

// Forget drops the exit of an earlier container of the id, whose ledger this was.
func (l *Ledger) Forget() error {
	l.mu.Lock()
	had := l.exit != nil || l.told
	l.exit, l.told = nil, false
	l.mu.Unlock()
	if !had {
		return nil
	}
	return l.Remove()
}

// Remove deletes the file; the caller has released everything.
func (l *Ledger) Remove() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) > 0 {
		return fmt.Errorf("ledger: %d things are still held", len(l.held))
	}
	err := whileBusy(func() error { return os.Remove(l.path) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}
