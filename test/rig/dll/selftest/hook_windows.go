package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

var kernel32 = windows.NewLazySystemDLL("kernel32.dll")

func errorIs(err, target error) bool { return errors.Is(err, target) }

// scratch is an empty directory of the case.
func scratch(c *check) string {
	dir := `C:\hcssim\selftest`
	c.must(os.RemoveAll(dir), "remove "+dir)
	c.must(os.MkdirAll(dir, 0o755), "make "+dir)
	return dir
}

func openFile(c *check, path string) *os.File {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	c.must(err, "open")
	return f
}

func put(c *check, path, content string) {
	c.must(os.MkdirAll(filepath.Dir(path), 0o755), "make parent of "+path)
	c.must(os.WriteFile(path, []byte(content), 0o644), "write "+path)
}

func content(c *check, path string) string {
	b, err := os.ReadFile(path)
	c.must(err, "read")
	return string(b)
}

func hookRandom(c *check) {
	prng := windows.NewLazySystemDLL("bcryptprimitives.dll").NewProc("ProcessPrng")
	for _, n := range []int{1, 23, 24, 25, 4096, 100_003} {
		a, b := make([]byte, n), make([]byte, n)
		for _, p := range [][]byte{a, b} {
			r, _, _ := prng.Call(pin(&p[0]), uintptr(n))
			equal(c, r, 1, "ProcessPrng")
		}
		if n > 16 && bytes.Equal(a, b) {
			c.fatalf("the same %d bytes twice", n)
		}
	}
	// Every byte value comes up about equally often.
	var counts [256]int
	p := make([]byte, 256*1000)
	_, err := rand.Read(p)
	c.must(err, "random")
	for _, b := range p {
		counts[b]++
	}
	for v, n := range counts {
		if n < 800 || n > 1200 {
			c.fatalf("of %d random bytes %d are %d", len(p), n, v)
		}
	}
}

func hookPipe(c *check) {
	const name = `\\.\pipe\hcssim-selftest`
	for range 3 {
		l, err := winio.ListenPipe(name, nil)
		c.must(err, "listen")
		// Nobody accepts yet: the first client must wait, not connect to nothing.
		dialled := make(chan error, 1)
		var got []byte
		go func() {
			timeout := 8 * time.Second
			conn, err := winio.DialPipe(name, &timeout)
			if err == nil {
				defer conn.Close()
				_, err = conn.Write([]byte("hello"))
				if err == nil {
					got, err = io.ReadAll(conn)
				}
			}
			dialled <- err
		}()
		none(c, dialled, "end of the first client before it was served")
		conn, err := l.Accept()
		c.must(err, "accept")
		// A byte pipe gives what is there in any portions; in message mode the rest of a message would be ERROR_MORE_DATA.
		part := make([]byte, 2)
		for _, want := range []string{"he", "ll", "o"} {
			n, err := conn.Read(part)
			c.must(err, "read in portions")
			equal(c, string(part[:n]), want, "portion")
		}
		_, err = conn.Write([]byte("bye"))
		c.must(err, "write")
		conn.Close()
		c.must(receive(c, dialled, "first client"), "first client")
		equal(c, string(got), "bye", "what the client got")
		c.must(l.Close(), "close")
	}
}

func hookRemoveAll(c *check) {
	dir := scratch(c)
	put(c, dir+`\a\b\c\file`, "x")
	put(c, dir+`\a\read-only`, "x")
	c.must(os.Chmod(dir+`\a\read-only`, 0o444), "chmod")
	c.must(os.RemoveAll(dir+`\a`), "remove all")
	if _, err := os.Stat(dir + `\a`); !errors.Is(err, os.ErrNotExist) {
		c.fatalf("the directory is still there: %v", err)
	}
}

func hookMessages(c *check) {
	for code, want := range map[uint32]string{
		2:          "The system cannot find the file specified.",
		5:          "Access is denied.",
		109:        "The pipe has been ended.",
		1168:       "Element not found.",
		0x8037010E: "A virtual machine or container with the specified identifier does not exist.",
		0xC0370106: "The virtual machine or container exited unexpectedly.",
		0x80070002: "The system cannot find the file specified.",
	} {
		equal(c, syscall.Errno(code).Error(), want, "text")
	}
	// What is not in the table is Wine's to say.
	if s := syscall.Errno(8).Error(); s == "" || s == "winapi error #8" {
		c.fatalf("text of error 8: %q", s)
	}
}

func hookVolumes(c *check) {
	put(c, `C:\hcssim\file`, "on C")
	drive := `\\?\Volume{00000000-0000-0000-0000-000000000043}\`
	equal(c, content(c, drive+`hcssim\file`), "on C", "file by its drive's volume name")
	entries, err := os.ReadDir(drive + "hcssim")
	c.must(err, "list by volume name")
	if len(entries) == 0 {
		c.fatalf("an empty list")
	}
	info, err := os.Stat(drive)
	c.must(err, "stat of the volume")
	equal(c, info.IsDir(), true, "the volume is a directory")
	guid := "{0a1b2c3d-1111-2222-3333-444455556666}"
	put(c, `C:\hcssim\volumes\`+guid+`\dir\file`, "in a volume")
	equal(c, content(c, `\\?\Volume`+guid+`\dir\file`), "in a volume", "file of a volume of the simulator")
	equal(c, content(c, `\\?\volume`+guid+`\dir\file`), "in a volume", "the same in other case")
	put(c, `\\?\Volume`+guid+`\dir\new`, "made")
	equal(c, content(c, `C:\hcssim\volumes\`+guid+`\dir\new`), "made", "file made by volume name")
	if _, err = os.Stat(`\\?\Volume{0a1b2c3d-1111-2222-3333-444455556667}\`); err == nil {
		c.fatalf("a volume that is none can be opened")
	}
	c.must(os.RemoveAll(`C:\hcssim\volumes\`+guid), "remove")
}

func hookBackup(c *check) {
	dir := scratch(c)
	data := make([]byte, 300_001)
	_, err := rand.Read(data)
	c.must(err, "random")
	put(c, dir+`\source`, string(data))
	source, err := winio.OpenForBackup(dir+`\source`, windows.GENERIC_READ, windows.FILE_SHARE_READ, windows.OPEN_EXISTING)
	c.must(err, "open source")
	target, err := winio.OpenForBackup(dir+`\target`, windows.GENERIC_WRITE, windows.FILE_SHARE_READ, windows.CREATE_ALWAYS)
	c.must(err, "open target")
	r, w := winio.NewBackupFileReader(source, true), winio.NewBackupFileWriter(target, true)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 4099))
	c.must(err, "copy")
	equal(c, n, int64(len(data)+20), "bytes of the stream")
	c.must(r.Close(), "close reader")
	c.must(w.Close(), "close writer")
	source.Close()
	target.Close()
	if content(c, dir+`\target`) != string(data) {
		c.fatalf("the file came back changed")
	}
	// An empty file has a stream without data; a directory has none.
	put(c, dir+`\empty`, "")
	for path, want := range map[string]int{dir + `\empty`: 20, dir: 0} {
		f, err := winio.OpenForBackup(path, windows.GENERIC_READ, windows.FILE_SHARE_READ, windows.OPEN_EXISTING)
		c.must(err, "open "+path)
		r := winio.NewBackupFileReader(f, false)
		b, err := io.ReadAll(r)
		c.must(err, "read "+path)
		equal(c, len(b), want, "stream of "+path)
		r.Close()
		f.Close()
	}
}

// stream builds one backup stream.
func stream(id, attributes uint32, name string, data string) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, []uint32{id, attributes, uint32(len(data)), 0, uint32(len(name))})
	b.WriteString(name + data)
	return b.Bytes()
}

func hookBackupPieces(c *check) {
	dir := scratch(c)
	offset := string(binary.LittleEndian.AppendUint64(nil, 10))
	whole := bytes.Join([][]byte{
		stream(3, 0, "", "a security descriptor"),
		stream(1, 0, "", "0123"),
		stream(4, 0, ":\x00s\x00", "alternate"),
		stream(9, 0, "", offset+"sparse"),
		stream(1, 0, "", ""),
	}, nil)
	for _, piece := range []int{1, 3, 7, 20, len(whole)} {
		f := openFile(c, dir+`\file`)
		w := winio.NewBackupFileWriter(f, true)
		for rest := whole; len(rest) > 0; {
			n, err := w.Write(rest[:min(piece, len(rest))])
			c.must(err, "write")
			rest = rest[n:]
		}
		c.must(w.Close(), "close writer")
		f.Close()
		equal(c, content(c, dir+`\file`), "0123\x00\x00\x00\x00\x00\x00sparse", "file")
		c.must(os.Remove(dir+`\file`), "remove")
	}
	// A symbolic link cannot be kept, and the writer is told.
	f := openFile(c, dir+`\link`)
	defer f.Close()
	w := winio.NewBackupFileWriter(f, true)
	defer w.Close()
	reparse := "\x0c\x00\x00\xa0\x10\x00\x00\x00\x00\x00\x02\x00\x02\x00\x02\x00\x00\x00\x00\x00a\x00a\x00"
	if _, err := w.Write(stream(8, 0, "", reparse)); err == nil {
		c.fatalf("a reparse point was taken")
	}
}

func hookJobs(c *check) {
	job, err := windows.CreateJobObject(nil, nil)
	c.must(err, "create job")
	defer windows.CloseHandle(job)
	rate := [2]uint32{5, 4321}
	set := func(class uint32, p unsafe.Pointer, n uint32) error {
		_, err := windows.SetInformationJobObject(job, class, uintptr(p), n)
		return err
	}
	query := func(class int32, p unsafe.Pointer, n uint32) error {
		return windows.QueryInformationJobObject(job, class, uintptr(p), n, nil)
	}
	var got [2]uint32
	c.must(query(15, unsafe.Pointer(&got), 8), "CPU rate before it is set")
	equal(c, got, [2]uint32{}, "CPU rate before it is set")
	c.must(set(15, unsafe.Pointer(&rate), 8), "set CPU rate")
	c.must(query(15, unsafe.Pointer(&got), 8), "CPU rate")
	equal(c, got, rate, "CPU rate")
	c.must(set(35, nil, 0), "create silo")
	attribution := uint32(1)
	c.must(set(42, unsafe.Pointer(&attribution), 4), "IO attribution")
	if err := set(99, unsafe.Pointer(&rate), 8); err == nil {
		c.fatalf("class 99 was taken")
	}
	windows.CloseHandle(job)
	job, err = windows.CreateJobObject(nil, nil)
	c.must(err, "create another job")
	c.must(query(15, unsafe.Pointer(&got), 8), "CPU rate of another job")
	equal(c, got, [2]uint32{}, "CPU rate of another job")

	var memory [2]uint64
	c.must(query(28, unsafe.Pointer(&memory), 16), "memory of an empty job")
	equal(c, memory, [2]uint64{}, "memory of an empty job")
	child := startChild(c, nil, "sleep")
	defer child.end()
	process, err := windows.OpenProcess(windows.PROCESS_ALL_ACCESS, false, uint32(child.cmd.Process.Pid))
	c.must(err, "open child")
	defer windows.CloseHandle(process)
	c.must(windows.AssignProcessToJobObject(job, process), "assign")
	c.must(query(28, unsafe.Pointer(&memory), 16), "memory")
	if memory[0] < 100_000 || memory[1] < memory[0] {
		c.fatalf("memory use and peak are %v", memory)
	}
	c.must(windows.TerminateJobObject(job, 1), "terminate")
	_ = child.cmd.Wait()
	c.must(query(28, unsafe.Pointer(&memory), 16), "memory after the end")
	if memory[0] != 0 || memory[1] == 0 {
		c.fatalf("memory use and peak after the end are %v", memory)
	}
}

func hookLimited(c *check) {
	child := startChild(c, nil, "sleep")
	defer child.end()
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(child.cmd.Process.Pid))
	c.must(err, "open child")
	defer windows.CloseHandle(h)
	job, err := windows.CreateJobObject(nil, nil)
	c.must(err, "create job")
	defer windows.CloseHandle(job)
	in := new(int32)
	r, _, err := kernel32.NewProc("IsProcessInJob").Call(uintptr(h), uintptr(job), pin(in))
	if r == 0 {
		c.fatalf("IsProcessInJob: %v", err)
	}
	equal(c, *in, 0, "in the job")
	var counters [14]uint64 // VM_COUNTERS_EX2
	var n uint32
	c.must(windows.NtQueryInformationProcess(h, 3, unsafe.Pointer(&counters), uint32(unsafe.Sizeof(counters)), &n), "VM counters")
	equal(c, n, uint32(unsafe.Sizeof(counters)), "returned length")
	if counters[4] < 100_000 || counters[12] == 0 || counters[12] > counters[4] {
		c.fatalf("working set %d, of that private %d", counters[4], counters[12])
	}
}

func hookMountPoints(c *check) {
	for _, name := range []string{"SetVolumeMountPointW", "DeleteVolumeMountPointW"} {
		r, _, err := kernel32.NewProc(name).Call(text(`C:\hcssim\x\`), text(`\\?\Volume{0a1b2c3d-1111-2222-3333-444455556666}\`))
		if r == 0 {
			c.fatalf("%s: %v", name, err)
		}
	}
}

// crashEnds: no debugger holds a process that has crashed.
func crashEnds(c *check) {
	child := startChild(c, nil, "crash")
	began := time.Now()
	if err := child.cmd.Wait(); err == nil || time.Since(began) > 10*time.Second {
		c.fatalf("the crashed process ended with %v after %v", err, time.Since(began))
	}
}

// hookCompartments: the function that Wine has not is there; others that are not there are not.
func hookCompartments(c *check) {
	iphlpapi := windows.NewLazySystemDLL("iphlpapi.dll")
	equal(c, call(iphlpapi, "SetCurrentThreadCompartmentId", 0), 0, "back to the host's compartment")
	if iphlpapi.NewProc("SetCurrentThreadCompartmentIds").Find() == nil {
		c.fatalf("a function that is nowhere was found")
	}
}
