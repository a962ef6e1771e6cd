package winhost

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf16"

	"containerd-shim-hcs/hcs"
)

// The transport folder of ImportLayer and ExportLayer (hcs-api §6.1): every file is its attributes and its Win32 backup streams;
// a directory's are in a file beside it.
const (
	dirSuffix  = ".$wcidirs$"
	tombstones = "tombstones.txt"
	// tombstonesHead is the first line of tombstones.txt.
	tombstonesHead = "\xEF\xBB\xBFVersion 1.0\n"
)

// streamHeader is WIN32_STREAM_ID without its name.
type streamHeader struct {
	ID, Attributes uint32
	Size           uint64
	NameSize       uint32
}

// Streams of winnt.h, BACKUP_*. The others hold what Wine has no place for: see the package comment.
const (
	streamData      = 1
	streamAlternate = 4
	streamReparse   = 8
	streamSparse    = 9 // an offset, then the data there; the last one is empty, at the end of the file
)

// restore makes the file, or reads the record of the directory, that the transport has at path.
func restore(path, to string, dir bool) (attr uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if err := binary.Read(r, binary.LittleEndian, &attr); err != nil {
		return 0, fmt.Errorf("%s: attributes: %w", path, err)
	}
	var out *os.File
	if !dir {
		if out, err = os.Create(to); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, out.Close()) }()
	}
	for {
		var h streamHeader
		if err := binary.Read(r, binary.LittleEndian, &h); errors.Is(err, io.EOF) {
			return attr, nil
		} else if err != nil {
			return attr, fmt.Errorf("%s: stream: %w", path, err)
		}
		if err := restoreStream(r, h, to, out); err != nil {
			return attr, fmt.Errorf("%s: stream %d of %d bytes: %w", path, h.ID, h.Size, err)
		}
	}
}

// restoreStream restores one stream of file to; out is nil for a directory.
func restoreStream(r io.Reader, h streamHeader, to string, out *os.File) error {
	if h.NameSize > 64<<10 || h.Size > math.MaxInt64 {
		return &hcs.Error{Op: "import", ID: to, Code: hcs.ErrInvalidData, Message: "not a backup stream"}
	}
	name := make([]byte, h.NameSize)
	if _, err := io.ReadFull(r, name); err != nil {
		return err
	}
	size := int64(h.Size)
	switch {
	case h.ID == streamReparse:
		return &hcs.Error{Op: "import", ID: to, Code: hcs.ErrNotSupported, Message: "reparse points cannot be made on Wine"}
	case h.ID == streamData && out != nil:
		return copyAll(out, r, size)
	case h.ID == streamAlternate:
		// Its name is :NAME:$DATA. Wine keeps it as a file of its own beside the other.
		stream, _, _ := strings.Cut(strings.TrimPrefix(fromUTF16(name), ":"), ":")
		if stream == "" || strings.ContainsAny(stream, `\/`) {
			return &hcs.Error{Op: "import", ID: to, Code: hcs.ErrInvalidData, Message: "bad stream name"}
		}
		side, err := os.Create(to + ":" + stream)
		if err != nil {
			return err
		}
		return errors.Join(copyAll(side, r, size), side.Close())
	case h.ID == streamSparse && out != nil:
		var at int64
		if err := binary.Read(r, binary.LittleEndian, &at); err != nil {
			return err
		}
		if size -= 8; size < 0 || at < 0 {
			return &hcs.Error{Op: "import", ID: to, Code: hcs.ErrInvalidData, Message: "bad sparse block"}
		}
		if size == 0 {
			return out.Truncate(at)
		}
		return copyAll(io.NewOffsetWriter(out, at), r, size)
	}
	return copyAll(io.Discard, r, size)
}

// copyAll copies n bytes, and no fewer.
func copyAll(w io.Writer, r io.Reader, n int64) error {
	if _, err := io.CopyN(w, r, n); errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	return nil
}

func fromUTF16(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

// writeTransport writes a host file, or a directory's record, in that form.
func writeTransport(path, from string, info fs.FileInfo) error {
	var head bytes.Buffer
	_ = binary.Write(&head, binary.LittleEndian, attributes(info))
	if info.IsDir() {
		return errors.Join(os.WriteFile(path, head.Bytes(), 0o666), os.Chtimes(path, time.Time{}, info.ModTime()))
	}
	_ = binary.Write(&head, binary.LittleEndian, streamHeader{ID: streamData, Size: uint64(info.Size())})
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.MultiReader(&head, in))
	return errors.Join(err, out.Close(), os.Chtimes(path, time.Time{}, info.ModTime()))
}
