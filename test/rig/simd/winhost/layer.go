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
	below []layer // of a directory: the layers whose directories of this name are merged in it
}

// children lists directory rel of the view of layers, nearest first; each of the layers may have the directory or not. A file hides
// what deeper layers have under its name, a deleted name too, and a directory hides deeper files.
func children(layers []layer, rel string) ([]node, error) {
	var list []node
	index := map[string]int{} // folded name → place in list
	closed := map[string]bool{}
	for _, l := range layers {
		entries, err := os.ReadDir(filepath.Join(l.dir, rel))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			key := fold(e.Name())
			i, known := index[key]
			if closed[key] {
				continue
			}
			if !e.IsDir() {
				closed[key] = true
			}
			switch {
			case known && e.IsDir():
				list[i].below = append(list[i].below, l)
			case !known:
				info, err := e.Info()
				if err != nil {
					return nil, err
				}
				n := node{name: e.Name(), host: filepath.Join(l.dir, rel, e.Name()), info: info}
				if e.IsDir() {
					n.below = []layer{l}
				}
				index[key] = len(list)
				list = append(list, n)
			}
		}
		for _, key := range l.gone[goneKey(rel)] {
			closed[key] = true
		}
	}
	slices.SortFunc(list, func(a, b node) int { return strings.Compare(fold(a.name), fold(b.name)) })
	return list, nil
}

// goneKey is how layer.gone names a directory: "." is the top.
func goneKey(rel string) string { return fold(filepath.Clean(rel)) }
