package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// isLink ends the case unless the path is a link with that target.
func isLink(c *check, path, target string) {
	info, err := os.Lstat(path)
	c.must(err, "lstat")
	equal(c, info.Mode().Type(), fs.ModeSymlink, "type of "+path)
	equal(c, info.Size(), 0, "size of the link "+path)
	got, err := os.Readlink(path)
	c.must(err, "readlink")
	equal(c, got, target, "target of "+path)
}

func vanished(c *check, path string) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		c.fatalf("%s is there, or: %v", path, err)
	}
}

// nodeLinks: every way to look at a link and through it.
func nodeLinks(c *check) {
	dir := workDir()
	put(c, dir+`\dir\file`, "content")
	for link, target := range map[string]string{
		"relative":        `dir\file`,
		"absolute":        dir + `\dir\file`,
		"up":              `..\work\dir\file`,
		"rooted":          dir[2:] + `\dir\file`,
		"relative dir":    `dir`,
		"absolute dir":    dir + `\dir`,
		"ünïcode":         `dir\file`,
		"nothing":         `none\at all`,
		"nothing on C":    `C:\none\at all`,
		"nothing, rooted": `\none\at all`,
	} {
		path := filepath.Join(dir, link)
		c.must(os.Symlink(target, path), "symlink "+link)
		isLink(c, path, target)
		info, err := os.Stat(path)
		switch {
		case strings.HasPrefix(link, "nothing"):
			if !errors.Is(err, fs.ErrNotExist) {
				c.fatalf("stat of %q: %v", link, err)
			}
		case strings.HasSuffix(link, "dir"):
			c.must(err, "stat of "+link)
			equal(c, info.IsDir(), true, "directory behind "+link)
			equal(c, content(c, path+`\file`), "content", "through "+link)
			entries, err := os.ReadDir(path)
			c.must(err, "list of "+link)
			equal(c, len(entries), 1, "entries of "+link)
		default:
			c.must(err, "stat of "+link)
			equal(c, info.Size(), int64(len("content")), "size behind "+link)
			equal(c, content(c, path), "content", "through "+link)
		}
		if !strings.HasPrefix(link, "nothing") {
			real, err := filepath.EvalSymlinks(path)
			c.must(err, "evaluate "+link)
			// Go leaves a target without a drive as it is.
			equal(c, strings.TrimSuffix(strings.TrimPrefix(real, "C:"), `\file`), dir[2:]+`\dir`, "where "+link+" leads")
		}
		if err := os.Symlink(target, path); !errors.Is(err, fs.ErrExist) {
			c.fatalf("a link over a link: %v", err)
		}
	}
	if err := os.Symlink("x", dir+`\none\link`); !errors.Is(err, fs.ErrNotExist) {
		c.fatalf("a link in no directory: %v", err)
	}
	if err := os.Symlink("x", dir+`\dir\file`); !errors.Is(err, fs.ErrExist) {
		c.fatalf("a link over a file: %v", err)
	}
	// A chain, and a chain that has no end.
	c.must(os.Symlink("relative dir", dir+`\chain`), "symlink")
	equal(c, content(c, dir+`\chain\file`), "content", "through a chain")
	c.must(os.Symlink("loop", dir+`\loop`), "symlink")
	isLink(c, dir+`\loop`, "loop")
	if _, err := os.Stat(dir + `\loop`); err == nil {
		c.fatalf("the loop leads somewhere")
	}
	// Written through.
	c.must(os.WriteFile(dir+`\relative`, []byte("new"), 0o644), "write")
	equal(c, content(c, dir+`\dir\file`), "new", "written through a link")
	isLink(c, dir+`\relative`, `dir\file`)
	// A file is none.
	if _, err := os.Readlink(dir + `\dir\file`); err == nil {
		c.fatalf("a file is a link")
	}
	same, err := os.Stat(dir + `\absolute`)
	c.must(err, "stat")
	file, err := os.Stat(dir + `\dir\file`)
	c.must(err, "stat")
	equal(c, os.SameFile(same, file), true, "the same file")
	link, err := os.Lstat(dir + `\absolute`)
	c.must(err, "lstat")
	equal(c, os.SameFile(link, file), false, "the link is the file")
}

// attributesOf is what GetFileAttributes says of the name itself.
func attributesOf(c *check, path string) uint32 {
	a, err := windows.GetFileAttributes(utf16(path))
	c.must(err, "attributes of "+path)
	return a
}

// nodeLinkKinds: a directory's link and a file's, as the functions below os see them.
func nodeLinkKinds(c *check) {
	dir := workDir()
	put(c, dir+`\dir\file`, "x")
	c.must(os.Symlink("dir", dir+`\d`), "symlink")
	c.must(os.Symlink(`dir\file`, dir+`\f`), "symlink")
	c.must(os.Symlink("gone", dir+`\g`), "symlink")
	const link, directory = windows.FILE_ATTRIBUTE_REPARSE_POINT, windows.FILE_ATTRIBUTE_DIRECTORY
	for name, want := range map[string]uint32{"d": link | directory, "f": link, "g": link, "dir": directory} {
		equal(c, attributesOf(c, filepath.Join(dir, name))&(link|directory), want, "attributes of "+name)
		var data windows.Win32finddata
		h, err := windows.FindFirstFile(utf16(filepath.Join(dir, name)), &data)
		c.must(err, "find "+name)
		windows.FindClose(h)
		equal(c, data.FileAttributes&(link|directory), want, "found attributes of "+name)
		equal(c, windows.UTF16ToString(data.FileName[:]), name, "found name")
		if want&link != 0 {
			equal(c, data.Reserved0, windows.IO_REPARSE_TAG_SYMLINK, "tag of "+name)
		}
	}
	// A link that was made for a directory stays one when that is gone: DeleteFile refuses it, RemoveDirectory takes it.
	c.must(os.RemoveAll(dir+`\dir`), "remove")
	equal(c, attributesOf(c, dir+`\d`)&(link|directory), link|directory, "attributes of a directory's link to nothing")
	if err := windows.DeleteFile(utf16(dir + `\d`)); err == nil {
		c.fatalf("DeleteFile took a directory's link")
	}
	if err := windows.RemoveDirectory(utf16(dir + `\f`)); err == nil {
		c.fatalf("RemoveDirectory took a file's link")
	}
	c.must(windows.RemoveDirectory(utf16(dir+`\d`)), "RemoveDirectory")
	c.must(windows.DeleteFile(utf16(dir+`\f`)), "DeleteFile")
	// Arguments of CreateSymbolicLink that are none, and the flag of developers.
	create := kernel32.NewProc("CreateSymbolicLinkW")
	if r, _, err := create.Call(text(dir+`\h`), text("x"), 0x10); r&0xff != 0 || err != windows.ERROR_INVALID_PARAMETER {
		c.fatalf("flag 0x10: %v", err)
	}
	if r, _, err := create.Call(text(dir+`\h`), text("x"), 3); r&0xff == 0 {
		c.fatalf("flags 3: %v", err)
	}
	equal(c, attributesOf(c, dir+`\h`)&(link|directory), link|directory, "attributes of a link made as a directory's")
	// Where it leads, in the two forms that a link has, and a buffer too small for both.
	h, err := windows.CreateFile(utf16(dir+`\g`), 0, 0, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	c.must(err, "open a link")
	defer windows.CloseHandle(h)
	var n uint32
	var small [12]byte
	if err := windows.DeviceIoControl(h, windows.FSCTL_GET_REPARSE_POINT, nil, 0, &small[0], 12, &n, nil); err != windows.ERROR_INSUFFICIENT_BUFFER {
		c.fatalf("a small buffer: %v", err)
	}
	var info windows.ByHandleFileInformation
	c.must(windows.GetFileInformationByHandle(h, &info), "information")
	equal(c, info.FileAttributes&(link|directory), link, "attributes by handle")
	kind, err := windows.GetFileType(h)
	c.must(err, "type")
	equal(c, kind, windows.FILE_TYPE_DISK, "type")
	var tag struct{ attributes, tag uint32 }
	c.must(windows.GetFileInformationByHandleEx(h, windows.FileAttributeTagInfo, (*byte)(unsafe.Pointer(&tag)), 8), "tag")
	equal(c, tag.tag, windows.IO_REPARSE_TAG_SYMLINK, "tag")
}

// nodeLinkLists: links in lists of a directory, in each way to make one.
func nodeLinkLists(c *check) {
	dir := workDir()
	put(c, dir+`\dir\file`, "content")
	put(c, dir+`\plain`, "x")
	c.must(os.Symlink("dir", dir+`\to dir`), "symlink")
	c.must(os.Symlink(`dir\file`, dir+`\to file`), "symlink")
	want := []string{"dir d", "plain -", "to dir L", "to file L"}
	for i := range 40 { // more than one call gives
		name := "to nothing " + strings.Repeat("x", 100) + string(rune('A'+i%20)) + string(rune('0'+i/20))
		c.must(os.Symlink("none", filepath.Join(dir, name)), "symlink")
		want = append(want, name+" L")
	}
	slices.Sort(want)
	kind := func(m fs.FileMode) string { return strings.ToUpper(m.Type().String()[:1]) }
	show := func(name string, m fs.FileMode) string {
		if m.IsDir() {
			return name + " d"
		}
		return name + " " + kind(m)
	}
	entries, err := os.ReadDir(dir)
	c.must(err, "list")
	var got []string
	for _, e := range entries {
		got = append(got, show(e.Name(), e.Type()))
		info, err := e.Info()
		c.must(err, "info")
		equal(c, info.Mode().Type(), e.Type(), "type of "+e.Name())
	}
	slices.Sort(got)
	equal(c, strings.Join(got, "\n"), strings.Join(want, "\n"), "list")
	got = nil
	c.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if path != dir {
			got = append(got, show(path[len(dir)+1:], d.Type()))
		}
		return err
	}), "walk")
	slices.Sort(got)
	equal(c, strings.Join(got, "\n"), strings.Join(slices.Sorted(slices.Values(append(slices.Clone(want), `dir\file -`))), "\n"), "walk")
	for mask, count := range map[string]int{"*": 44, "to*": 42, "to nothing*": 40, "TO DIR": 1, "*C1": 1, "none": 0} {
		matches, err := findAll(filepath.Join(dir, mask))
		c.must(err, "find")
		equal(c, len(matches), count, "found by "+mask)
	}
	// Read twice by one handle.
	f, err := os.Open(dir)
	c.must(err, "open")
	defer f.Close()
	for range 2 {
		names, err := f.Readdirnames(-1)
		c.must(err, "names")
		equal(c, len(names), len(want), "names")
		_, err = f.Seek(0, 0)
		c.must(err, "seek")
	}
}

// findAll is what FindFirstFile and FindNextFile give for a path with a mask, without the two directories of dots.
func findAll(path string) (names []string, err error) {
	var data windows.Win32finddata
	h, err := windows.FindFirstFile(utf16(path), &data)
	for ; err == nil; err = windows.FindNextFile(h, &data) {
		if name := windows.UTF16ToString(data.FileName[:]); name != "." && name != ".." {
			names = append(names, name)
		}
	}
	if h != windows.InvalidHandle {
		windows.FindClose(h)
	}
	if err == windows.ERROR_NO_MORE_FILES || err == windows.ERROR_FILE_NOT_FOUND {
		err = nil
	}
	return names, err
}

// nodeLinkRemoval: what goes is the link.
func nodeLinkRemoval(c *check) {
	dir := workDir()
	put(c, dir+`\dir\file`, "content")
	for _, target := range []string{"dir", `dir\file`, "none", dir + `\dir`} {
		c.must(os.Symlink(target, dir+`\link`), "symlink")
		c.must(os.Remove(dir+`\link`), "remove a link to "+target)
		vanished(c, dir+`\link`)
		c.must(os.Symlink(target, dir+`\link`), "symlink")
		c.must(os.RemoveAll(dir+`\link`), "remove all of a link to "+target)
		vanished(c, dir+`\link`)
	}
	// A tree with links into another, and to nothing.
	put(c, dir+`\tree\sub\f`, "x")
	c.must(os.Symlink(dir+`\dir`, dir+`\tree\out`), "symlink")
	c.must(os.Symlink("sub", dir+`\tree\in`), "symlink")
	c.must(os.Symlink("none", dir+`\tree\sub\nothing`), "symlink")
	c.must(os.Symlink(`..\..\dir\file`, dir+`\tree\sub\file`), "symlink")
	if err := os.Remove(dir + `\tree`); err == nil {
		c.fatalf("a directory that is not empty was removed")
	}
	c.must(os.RemoveAll(dir+`\tree`), "remove all")
	vanished(c, dir+`\tree`)
	equal(c, content(c, dir+`\dir\file`), "content", "what the links led to")
}

// nodeLinkRenames: a link is renamed itself, and is replaced itself.
func nodeLinkRenames(c *check) {
	dir := workDir()
	put(c, dir+`\dir\file`, "content")
	c.must(os.Symlink(`dir\file`, dir+`\a`), "symlink")
	c.must(os.Rename(dir+`\a`, dir+`\b`), "rename")
	vanished(c, dir+`\a`)
	isLink(c, dir+`\b`, `dir\file`)
	c.must(os.Symlink("dir", dir+`\d`), "symlink")
	c.must(os.Rename(dir+`\d`, dir+`\dir\e`), "rename a directory's link")
	isLink(c, dir+`\dir\e`, "dir")
	// Over a file's link, by a link and by a file.
	c.must(os.Symlink("other", dir+`\c`), "symlink")
	c.must(os.Rename(dir+`\c`, dir+`\b`), "rename over a link")
	isLink(c, dir+`\b`, "other")
	put(c, dir+`\plain`, "plain")
	c.must(os.Rename(dir+`\plain`, dir+`\b`), "rename a file over a link")
	equal(c, content(c, dir+`\b`), "plain", "what was renamed")
	equal(c, content(c, dir+`\dir\file`), "content", "what the link led to")
	c.must(os.Symlink("other", dir+`\c`), "symlink")
	c.must(os.Rename(dir+`\c`, dir+`\b`), "rename a link over a file")
	isLink(c, dir+`\b`, "other")
	// Windows replaces no directory, a link to one included.
	c.must(os.Symlink("dir", dir+`\d`), "symlink")
	c.must(os.Symlink("dir", dir+`\d2`), "symlink")
	if err := os.Rename(dir+`\d`, dir+`\d2`); !errors.Is(err, syscall.ERROR_ACCESS_DENIED) {
		c.fatalf("rename over a directory's link: %v", err)
	}
	// Without the flag nothing is replaced.
	if err := windows.MoveFileEx(utf16(dir+`\d`), utf16(dir+`\b`), 0); !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		c.fatalf("move over a link: %v", err)
	}
	c.must(os.Remove(dir+`\b`), "remove")
	c.must(os.Symlink("none", dir+`\b`), "symlink")
	put(c, dir+`\plain`, "plain")
	if err := windows.MoveFileEx(utf16(dir+`\plain`), utf16(dir+`\b`), 0); !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		c.fatalf("move of a file over a link to nothing: %v", err)
	}
	isLink(c, dir+`\b`, "none")
	// Within os.Root, which renames as POSIX says.
	root, err := os.OpenRoot(dir)
	c.must(err, "root")
	defer root.Close()
	c.must(root.Rename("d", "d2"), "rename in a root")
	isLink(c, dir+`\d2`, "dir")
	_, err = root.Stat(`d2\file`)
	c.must(err, "stat in a root")
	c.must(root.Remove("d2"), "remove in a root")
	vanished(c, dir+`\d2`)
}

// nodeAtomicWriter does what the kubelet does for a projected volume (pkg/volume/util/atomic_writer.go), twice.
func nodeAtomicWriter(c *check) {
	dir := workDir()
	for i, ts := range []string{"..2024_01", "..2024_02"} {
		put(c, filepath.Join(dir, ts, "key"), ts)
		c.must(os.Symlink(ts, dir+`\..data_tmp`), "symlink ..data_tmp")
		if i > 0 {
			old, err := os.Readlink(dir + `\..data`)
			c.must(err, "readlink ..data")
			equal(c, old, "..2024_01", "..data before")
			c.must(os.Remove(dir+`\..data`), "remove ..data")
		}
		c.must(os.Symlink(ts, dir+`\..data`), "symlink ..data")
		c.must(os.Remove(dir+`\..data_tmp`), "remove ..data_tmp")
		if i == 0 {
			c.must(os.Symlink(`..data\key`, dir+`\key`), "symlink key")
		} else {
			c.must(os.RemoveAll(dir+`\..2024_01`), "remove the old")
		}
		equal(c, content(c, dir+`\key`), ts, "key")
	}
	// A program that is not the node's, as a container's, follows them too.
	equal(c, plainChild(c, "read", dir+`\key`), "..2024_02", "key for another program")
	equal(c, plainChild(c, "list", dir+`\..data`), "key", "list for another program")
}

// nodeDrive: one drive, whatever Linux has.
func nodeDrive(c *check) {
	dir := workDir()
	put(c, dir+`\f`, "on C")
	// /usr is on every Linux, and must not be found.
	for _, path := range []string{`/usr`, `\usr`, `Z:\usr`} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			c.fatalf("%s is there, or: %v", path, err)
		}
	}
	full, err := filepath.Abs("/usr/share")
	c.must(err, "absolute path")
	equal(c, full, `C:\usr\share`, "absolute path")
	slashed := strings.ReplaceAll(dir[2:], `\`, "/")
	equal(c, content(c, slashed+"/f"), "on C", "file by a path without a drive")
	c.must(os.WriteFile(slashed+"/g", []byte("g"), 0o644), "write")
	equal(c, content(c, dir+`\g`), "g", "file made so")
	f, err := os.Open(slashed + "/f")
	c.must(err, "open")
	defer f.Close()
	buffer := make([]uint16, 300)
	n, err := windows.GetFinalPathNameByHandle(windows.Handle(f.Fd()), &buffer[0], 300, 0)
	c.must(err, "final path")
	equal(c, windows.UTF16ToString(buffer[:n]), `\\?\`+dir+`\f`, "final path")
	cwd, err := os.Getwd()
	c.must(err, "working directory")
	equal(c, strings.ToUpper(cwd[:2]), "C:", "working directory")
	equal(c, os.Getenv("HCSSIM_NODE"), "1", "the mark of a node")
	// Its children are the node's too.
	equal(c, runChild(c, nil, "stat", `Z:\usr`), "error: The system cannot find the file specified.", "a child's stat")
	equal(c, plainChild(c, "stat", `Z:\usr`), "true", "another program's stat")
}
