package winhost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
)

// stamp is a time that no test file gets by itself.
var stamp = time.Date(2020, 1, 2, 3, 4, 5, 600, time.UTC)

// tree makes files below dir from "path=content", a directory from "path/".
func tree(t *testing.T, dir string, entries ...string) {
	t.Helper()
	for _, e := range entries {
		name, content, file := strings.Cut(e, "=")
		p := filepath.Join(dir, filepath.FromSlash(name))
		if !file {
			must(t, os.MkdirAll(p, 0o777))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(p), 0o777))
		must(t, os.WriteFile(p, []byte(content), 0o666))
		must(t, os.Chtimes(p, stamp, stamp))
	}
}

// show is the reverse of tree.
func show(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if rel = filepath.ToSlash(rel); d.IsDir() {
			out = append(out, rel+"/")
			return nil
		}
		b, err := os.ReadFile(p)
		out = append(out, rel+"="+string(b))
		return err
	}))
	slices.Sort(out)
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, dir string, entries ...string) {
	t.Helper()
	slices.Sort(entries)
	if got := show(t, dir); !slices.Equal(got, entries) {
		t.Errorf("%s:\n got %q\nwant %q", filepath.Base(dir), got, entries)
	}
}

const (
	volumeName = `\\?\Volume{0a1b2c3d-1111-2222-3333-444455556666}`
	volumeGUID = `{0a1b2c3d-1111-2222-3333-444455556666}`
)

// stack is a store with a base layer, a second layer and a scratch; the parents are nearest first.
type stack struct {
	*Store
	t            *testing.T
	base, second string
	scratch      string
	parents      []string
	volume       string
}

func newStack(t *testing.T) *stack {
	dir := t.TempDir()
	s := &stack{t: t, Store: &Store{root: filepath.Join(dir, "root")}, base: filepath.Join(dir, "1"), second: filepath.Join(dir, "2"), scratch: filepath.Join(dir, "3")}
	t.Cleanup(func() { s.letGo(s.scratch) }) // or its directory cannot be removed
	s.parents = []string{s.second, s.base}
	s.volume = filepath.Join(s.root, "volumes", volumeGUID)
	tree(t, s.base, "Files/Windows/a=base a", "Files/Windows/deep/b=base b", "Files/c=base c", "Files/empty/")
	must(t, s.ProcessBase(s.base))
	tree(t, s.second, "Files/Windows/a=second a", "Files/app/d=second d")
	must(t, s.CreateScratch(s.scratch, s.parents))
	return s
}

func (s *stack) merge()   { s.t.Helper(); must(s.t, s.Merge(s.scratch, volumeName, s.parents)) }
func (s *stack) unmerge() { s.t.Helper(); must(s.t, s.Unmerge(s.scratch, volumeName)) }

var merged = []string{"Windows/", "Windows/a=second a", "Windows/deep/", "Windows/deep/b=base b", "app/", "app/d=second d", "c=base c", "empty/"}

func TestMergeShowsNearestFirst(t *testing.T) {
	s := newStack(t)
	s.merge()
	want(t, s.volume, merged...)
	info, err := os.Stat(filepath.Join(s.volume, "c"))
	must(t, err)
	if !info.ModTime().Equal(stamp) {
		t.Errorf("time of a merged file is %v", info.ModTime())
	}
	if err := s.Merge(s.scratch, volumeName, s.parents); hcs.CodeOf(err) != hcs.ErrAlreadyExists {
		t.Errorf("second merge: %v", err)
	}
	want(t, s.volume, merged...)
}

func TestUnmergeKeepsChangesAndParents(t *testing.T) {
	s := newStack(t)
	base, second := show(t, s.base), show(t, s.second)
	s.merge()
	must(t, os.WriteFile(filepath.Join(s.volume, "c"), []byte("written c"), 0o666))
	must(t, os.Remove(filepath.Join(s.volume, "Windows", "a")))
	must(t, os.RemoveAll(filepath.Join(s.volume, "app")))
	must(t, os.Mkdir(filepath.Join(s.volume, "app"), 0o777)) // anew: what the parent has in it stays away
	tree(t, s.volume, "new/e=new e", "made/")
	s.unmerge()
	if _, err := os.Stat(s.volume); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the volume is still there: %v", err)
	}
	want(t, filepath.Join(s.scratch, changesDir, filesDir), "c=written c", "new/", "new/e=new e", "made/")

	after := []string{"Windows/", "Windows/deep/", "Windows/deep/b=base b", "app/", "c=written c", "empty/", "made/", "new/", "new/e=new e"}
	s.merge()
	want(t, s.volume, after...)
	s.unmerge() // nothing was written: the changes are still there
	s.merge()
	want(t, s.volume, after...)
	must(t, os.WriteFile(filepath.Join(s.volume, "Windows", "a"), []byte("back"), 0o666))
	must(t, os.Remove(filepath.Join(s.volume, "new", "e")))
	s.unmerge()
	s.merge()
	want(t, s.volume, "Windows/", "Windows/a=back", "Windows/deep/", "Windows/deep/b=base b", "app/", "c=written c", "empty/", "made/", "new/")

	if !slices.Equal(base, show(t, s.base)) || !slices.Equal(second, show(t, s.second)) {
		t.Error("a parent layer has changed")
	}
}

// A write that keeps the size is still a write.
func TestUnmergeSeesTimes(t *testing.T) {
	s := newStack(t)
	s.merge()
	must(t, os.WriteFile(filepath.Join(s.volume, "c"), []byte("base C"), 0o666))
	s.unmerge()
	want(t, filepath.Join(s.scratch, changesDir, filesDir), "c=base C")
}

func TestFileAndDirectoryChangePlaces(t *testing.T) {
	s := newStack(t)
	s.merge()
	must(t, os.RemoveAll(filepath.Join(s.volume, "Windows")))
	must(t, os.Remove(filepath.Join(s.volume, "c")))
	tree(t, s.volume, "Windows=a file now", "c/f=a directory now")
	s.unmerge()
	s.merge()
	want(t, s.volume, "Windows=a file now", "app/", "app/d=second d", "c/", "c/f=a directory now", "empty/")
}

// What cannot be put in a directory's place leaves the directory there, also when it is tried again.
func TestReplace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "changes")
	fresh, stale := dir+".new", dir+".old"
	tree(t, dir, "parents.txt=a")
	for range 2 {
		if err := replace(dir, fresh, stale); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("replaced by nothing: %v", err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "parents.txt")); err != nil || string(b) != "a" {
			t.Errorf("the directory holds %q, %v", b, err)
		}
	}
	tree(t, fresh, "parents.txt=b")
	tree(t, stale, "parents.txt=of an attempt that was cut off")
	must(t, replace(dir, fresh, stale))
	if b, err := os.ReadFile(filepath.Join(dir, "parents.txt")); err != nil || string(b) != "b" {
		t.Errorf("the directory holds %q, %v", b, err)
	}
}

func TestRefusals(t *testing.T) {
	s := newStack(t)
	for what, c := range map[string]struct {
		err  error
		code hcs.Code
	}{
		"scratch twice":          {s.CreateScratch(s.scratch, s.parents), hcs.ErrFileExists},
		"scratch without parent": {s.CreateScratch(s.base+"x", nil), hcs.ErrInvalidArgument},
		"scratch on no base":     {s.CreateScratch(s.base+"x", []string{s.base + "y"}), hcs.ErrPathNotFound},
		"base without files":     {s.ProcessBase(s.scratch), hcs.ErrPathNotFound},
		"utility without files":  {s.ProcessUtility(s.scratch), hcs.ErrPathNotFound},
		"missing parent":         {s.Merge(s.scratch, volumeName, []string{s.base + "x"}), hcs.ErrPathNotFound},
		"no volume":              {s.Merge(s.scratch, `C:\x`, s.parents), hcs.ErrInvalidArgument},
		"path in a volume":       {s.Merge(s.scratch, volumeName+`\..`, s.parents), hcs.ErrInvalidArgument},
		"never merged":           {s.Unmerge(s.scratch, volumeName), hcs.ErrInvalidLayer},
	} {
		if hcs.CodeOf(c.err) != c.code {
			t.Errorf("%s: got %v, want %v", what, c.err, c.code)
		}
	}
	if _, err := os.Stat(s.volume); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused merge left a volume: %v", err)
	}
}

func TestBaseLayer(t *testing.T) {
	s := newStack(t)
	tree(t, s.base, "Files/Windows/System32/config/SYSTEM=regf", "Hives/System_Base=old")
	must(t, s.ProcessBase(s.base))
	for _, f := range []string{"blank.vhdx", "blank-base.vhdx", "layout"} {
		if info, err := os.Stat(filepath.Join(s.base, f)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", f, err)
		}
	}
	want(t, filepath.Join(s.base, hivesDir), "System_Base=regf")
	if !s.Exists(s.base) || s.Exists(s.base+"x") || s.HasScratch(s.base) || !s.HasScratch(s.scratch) {
		t.Error("what exists is not what was made")
	}
	if file := filepath.Join(s.base, "layout"); !s.HasPath(s.base) || !s.HasPath(file) || s.HasPath(file+"x") || s.Exists(file) {
		t.Error("a file is a path that is there, and no layer")
	}
	must(t, s.Destroy(s.scratch))
	if s.Exists(s.scratch) {
		t.Error("destroyed layer is there")
	}
}
