package winhost

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// File attributes of winnt.h that are looked at here.
const (
	attrReadOnly  = 0x1
	attrDirectory = 0x10
	attrArchive   = 0x20
)

// fold is a name as Windows compares it.
func fold(name string) string { return strings.ToLower(name) }

// copyFile makes dst, which must not exist, the same as src: content, time, attributes.
func copyFile(src, dst string, info fs.FileInfo) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	// One large buffer: each system call is a round trip to the wineserver.
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, in, make([]byte, min(max(info.Size(), 1), 1<<20)))
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return settle(dst, info.ModTime(), attributes(info))
}

// settle gives a finished file its time and attributes, in this order: a read-only file takes no time any more.
func settle(path string, mod time.Time, attr uint32) error {
	if err := os.Chtimes(path, time.Time{}, mod); err != nil {
		return err
	}
	return setAttributes(path, attr)
}

// readLines are the lines of a file, none when there is no file.
func readLines(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines, err
}

func writeLines(path string, lines []string) error {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return os.WriteFile(path, []byte(b.String()), 0o666)
}

// isDir reports whether path is a directory.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
