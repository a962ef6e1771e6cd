package winhost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What is in a layer directory.
const (
	filesDir      = "Files"
	hivesDir      = "Hives"
	inheritedFile = "inherited"
	scratchDisk   = "sandbox.vhdx"
	changesDir    = "sandbox.files" // stands for what is in the scratch disk
	deletedFile   = "deleted"       // in changesDir
	parentsFile   = "parents"       // in changesDir
)

// layer is a tree of files over others.
type layer struct {
	dir  string              // of the files
	gone map[string][]string // by directory: the names in it that the layer hides; all folded
}

// hide records a deleted path.
func (l *layer) hide(rel string) {
	if l.gone == nil {
		l.gone = map[string][]string{}
	}
	dir := fold(filepath.Dir(rel))
	l.gone[dir] = append(l.gone[dir], fold(filepath.Base(rel)))
}

// openLayers reads read-only layers, nearest first.
func openLayers(paths []string) ([]layer, error) {
	var all []layer
	for _, p := range paths {
		l := layer{dir: filepath.Join(p, filesDir)}
		if !isDir(l.dir) {
			return nil, &fs.PathError{Op: "open layer", Path: l.dir, Err: fs.ErrNotExist}
		}
		inherited, err := readLines(filepath.Join(p, inheritedFile))
		if err != nil {
			return nil, err
		}
		for _, rel := range inherited {
			_, err := os.Lstat(filepath.Join(l.dir, rel))
			if errors.Is(err, fs.ErrNotExist) {
				l.hide(rel)
			} else if err != nil {
				return nil, err
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// openChanges reads what a scratch holds.
func openChanges(scratch string) (layer, error) {
	l := layer{dir: filepath.Join(scratch, changesDir, filesDir)}
	deleted, err := readLines(filepath.Join(scratch, changesDir, deletedFile))
	for _, rel := range deleted {
		l.hide(rel)
	}
	return l, err
}

// node is a name in the merged view.
type node struct {
	name  string
	host  string // where the nearest layer has it
	info  fs.FileInfo
	below []layer // of a directory: the layers that have something in it, or hide something, down to where it is hidden itself
}

// listing is a directory of the view while it is put together.
type listing struct {
	list   []node
	index  map[string]int // folded name → place in list
	closed map[string]bool
}

// children lists directory rel of the view of layers, nearest first; each of the layers may have the directory or not. A file hides
// what deeper layers have under its name, a deleted name too, and a directory hides deeper files.
func children(layers []layer, rel string) ([]node, error) {
	d := listing{index: map[string]int{}, closed: map[string]bool{}}
	for i, l := range layers {
		entries, err := os.ReadDir(filepath.Join(l.dir, rel))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		has := map[string]bool{} // directories of this layer
		for _, e := range entries {
			key := fold(e.Name())
			if d.closed[key] {
				continue
			}
			has[key] = e.IsDir()
			if err := d.add(layers[:i], l, rel, e); err != nil {
				return nil, err
			}
		}
		for j, n := range d.list {
			key := fold(n.name)
			if n.info.IsDir() && !d.closed[key] && (has[key] || len(l.gone) > 0) {
				d.list[j].below = append(d.list[j].below, l)
			}
		}
		for _, key := range l.gone[goneKey(rel)] {
			d.closed[key] = true
		}
	}
	slices.SortFunc(d.list, func(a, b node) int { return strings.Compare(fold(a.name), fold(b.name)) })
	return d.list, nil
}

// add takes an entry of layer l that no nearer layer hides; nearer are those.
func (d *listing) add(nearer []layer, l layer, rel string, e fs.DirEntry) error {
	key := fold(e.Name())
	if !e.IsDir() {
		d.closed[key] = true
	}
	if _, known := d.index[key]; known {
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	n := node{name: e.Name(), host: filepath.Join(l.dir, rel, e.Name()), info: info}
	for _, up := range nearer {
		if e.IsDir() && len(up.gone) > 0 {
			n.below = append(n.below, up)
		}
	}
	d.index[key] = len(d.list)
	d.list = append(d.list, n)
	return nil
}

// goneKey is how layer.gone names a directory: "." is the top.
func goneKey(rel string) string { return fold(filepath.Clean(rel)) }
