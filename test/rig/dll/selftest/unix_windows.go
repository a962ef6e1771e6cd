package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// plainChild is runChild for a program that is not the node's.
func plainChild(c *check, action string, args ...string) string {
	self, err := os.Executable()
	c.must(err, "own path")
	cmd := exec.Command(self, append([]string{"child", action}, args...)...)
	cmd.Dir = `C:\windows`
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "HCSSIM_NODE=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	output, err := cmd.CombinedOutput()
	if err != nil {
		c.fatalf("child %s %q: %v: %s", action, args, err, output)
	}
	return strings.TrimSpace(string(output))
}

func listenUnix(c *check, path string) net.Listener {
	l, err := net.Listen("unix", path)
	c.must(err, "listen")
	return l
}

// echoAll serves connections until the listener closes.
func echoAll(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	}
}

// nodeSocket: package net, both sides.
func nodeSocket(c *check) {
	path := workDir() + `\s.sock`
	l := listenUnix(c, path)
	equal(c, l.Addr().Network()+" "+l.Addr().String(), "unix "+path, "listener's address")
	accepted := make(chan net.Conn, 1)
	go func() {
		if conn, err := l.Accept(); err == nil {
			accepted <- conn
		}
	}()
	client, err := net.Dial("unix", path)
	c.must(err, "dial")
	server := receive(c, accepted, "accepted")
	equal(c, server.LocalAddr().String(), path, "server's address")
	equal(c, client.RemoteAddr().String(), path, "client's peer")
	equal(c, client.LocalAddr().Network(), "unix", "client's network")
	equal(c, server.RemoteAddr().Network(), "unix", "server's peer's network")
	// Both ways, and an end of one of them.
	_, err = client.Write([]byte("ping"))
	c.must(err, "write")
	c.must(client.(*net.UnixConn).CloseWrite(), "close for writing")
	b, err := io.ReadAll(server)
	c.must(err, "read")
	equal(c, string(b), "ping", "at the server")
	_, err = server.Write([]byte("pong"))
	c.must(err, "write")
	c.must(server.Close(), "close")
	b, err = io.ReadAll(client)
	c.must(err, "read")
	equal(c, string(b), "pong", "at the client")
	client.Close()
	// Many at once, and much.
	go echoAll(l)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	var all sync.WaitGroup
	errs := make(chan error, 20)
	for range 20 {
		all.Go(func() { errs <- throughEcho(path, data) })
	}
	all.Wait()
	for range 20 {
		c.must(<-errs, "echo")
	}
	// Another process.
	equal(c, runChild(c, nil, "dial unix", path), "echoed", "another process of the node")
	c.must(l.Close(), "close")
	vanished(c, path)
	if _, err := net.Dial("unix", path); !errors.Is(err, windows.WSAECONNREFUSED) {
		c.fatalf("dial of a socket that is gone: %v", err)
	}
}

func throughEcho(path string, data []byte) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		_, _ = conn.Write(data)
		_ = conn.(*net.UnixConn).CloseWrite()
	}()
	b, err := io.ReadAll(conn)
	if err == nil && !bytes.Equal(b, data) {
		err = fmt.Errorf("%d bytes came back, of %d", len(b), len(data))
	}
	return err
}

// nodeSocketFiles: the file of a socket.
func nodeSocketFiles(c *check) {
	dir := workDir()
	path := dir + `\s.sock`
	l := listenUnix(c, path)
	for _, look := range []func(string) (os.FileInfo, error){os.Stat, os.Lstat} {
		info, err := look(path)
		c.must(err, "stat")
		equal(c, info.Mode().Type(), fs.ModeSocket, "type")
	}
	var data windows.Win32finddata
	h, err := windows.FindFirstFile(utf16(path), &data)
	c.must(err, "find")
	windows.FindClose(h)
	equal(c, data.Reserved0, 0x80000023, "tag")
	entries, err := os.ReadDir(dir)
	c.must(err, "list")
	if len(entries) != 1 || entries[0].Name() != "s.sock" || entries[0].Type() != fs.ModeSocket {
		c.fatalf("entries %v", entries)
	}
	if _, err := os.ReadFile(path); !errors.Is(err, windows.ERROR_CANT_ACCESS_FILE) {
		c.fatalf("a socket was read, or: %v", err)
	}
	if _, err := os.Readlink(path); err == nil {
		c.fatalf("a socket is a link")
	}
	if _, err := net.Listen("unix", path); !errors.Is(err, windows.WSAEADDRINUSE) {
		c.fatalf("listen where there is a socket: %v", err)
	}
	// What the listener leaves behind when it ends without removing it is refused, and in the way until it is removed.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	c.must(l.Close(), "close")
	if _, err := net.Dial("unix", path); !errors.Is(err, windows.WSAECONNREFUSED) {
		c.fatalf("dial of a socket that nobody listens on: %v", err)
	}
	if _, err := net.Listen("unix", path); !errors.Is(err, windows.WSAEADDRINUSE) {
		c.fatalf("listen where there was a socket: %v", err)
	}
	c.must(os.Rename(path, dir+`\moved`), "rename")
	c.must(os.Remove(dir+`\moved`), "remove")
	l = listenUnix(c, path)
	c.must(l.Close(), "close")
	// Other files are no sockets.
	put(c, path, "x")
	if _, err := net.Dial("unix", path); !errors.Is(err, windows.WSAECONNREFUSED) {
		c.fatalf("dial of a file: %v", err)
	}
	if _, err := net.Listen("unix", path); !errors.Is(err, windows.WSAEADDRINUSE) {
		c.fatalf("listen where there is a file: %v", err)
	}
	if _, err := net.Listen("unix", dir+`\none\s`); err == nil {
		c.fatalf("a socket in no directory")
	}
	if _, err := net.ListenPacket("unixgram", dir+`\d`); err == nil {
		c.fatalf("a datagram socket")
	}
	// TCP is as it was.
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err, "listen")
	defer tcp.Close()
	go echoAll(tcp)
	conn, err := net.Dial("tcp", tcp.Addr().String())
	c.must(err, "dial")
	defer conn.Close()
	equal(c, conn.RemoteAddr().String(), tcp.Addr().String(), "TCP's address")
	// The path of a socket may be relative, or without a drive.
	l = listenUnix(c, strings.ReplaceAll(dir[2:], `\`, "/")+"/t.sock")
	c.must(l.Close(), "close")
}

// nodeSocketWatch: a directory's watcher, as the kubelet's for plugins, hears of a socket.
func nodeSocketWatch(c *check) {
	dir := workDir()
	h, err := windows.CreateFile(utf16(dir), windows.FILE_LIST_DIRECTORY, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OVERLAPPED, 0)
	c.must(err, "open the directory")
	defer windows.CloseHandle(h)
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	c.must(err, "event")
	buffer := new([4096]byte)
	o := &windows.Overlapped{HEvent: event}
	c.must(windows.ReadDirectoryChanges(h, &buffer[0], 4096, false, windows.FILE_NOTIFY_CHANGE_FILE_NAME, nil, o, 0), "watch")
	l := listenUnix(c, dir+`\plugin.sock`)
	defer l.Close()
	if r, err := windows.WaitForSingleObject(event, 10_000); r != 0 {
		c.fatalf("no notice of the socket: %d %v", r, err)
	}
	var n uint32
	c.must(windows.GetOverlappedResult(h, o, &n, true), "result")
	notice := (*windows.FileNotifyInformation)(unsafe.Pointer(buffer))
	name := windows.UTF16ToString(unsafe.Slice(&notice.FileName, notice.FileNameLength/2))
	equal(c, fmt.Sprint(notice.Action, " ", name), "1 plugin.sock", "notice")
}

// nodeSocketConnectEx: the way of programs that connect without waiting.
func nodeSocketConnectEx(c *check) {
	path := workDir() + `\s.sock`
	l := listenUnix(c, path)
	defer l.Close()
	go echoAll(l)
	s, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	c.must(err, "socket")
	defer syscall.Closesocket(s)
	c.must(connectEx(s, path), "ConnectEx")
	r, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	c.must(err, "socket")
	defer syscall.Closesocket(r)
	if err := connectEx(r, path+"x"); !errors.Is(err, windows.WSAECONNREFUSED) {
		c.fatalf("ConnectEx to nothing: %v", err)
	}
}

func connectEx(s syscall.Handle, path string) error {
	guid := windows.WSAID_CONNECTEX
	var f uintptr
	var n uint32
	err := windows.WSAIoctl(windows.Handle(s), windows.SIO_GET_EXTENSION_FUNCTION_POINTER, (*byte)(unsafe.Pointer(&guid)),
		uint32(unsafe.Sizeof(guid)), (*byte)(unsafe.Pointer(&f)), uint32(unsafe.Sizeof(f)), &n, nil, 0)
	if err != nil {
		return err
	}
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return err
	}
	o := &windows.Overlapped{HEvent: event}
	address := new([110]byte)
	address[0] = syscall.AF_UNIX
	copy(address[2:], path)
	r, _, err := syscall.SyscallN(f, uintptr(s), pin(address), 110, 0, 0, pin(&n), pin(o))
	if r == 0 && err != windows.ERROR_IO_PENDING {
		return err
	}
	return windows.GetOverlappedResult(windows.Handle(s), o, &n, true)
}

// nodeSocketByHand: accept, getsockname and getpeername, which package net does not need.
func nodeSocketByHand(c *check) {
	path := workDir() + `\s.sock`
	s, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	c.must(err, "socket")
	c.must(syscall.Bind(s, &syscall.SockaddrUnix{Name: path}), "bind")
	if err := syscall.Bind(s, &syscall.SockaddrUnix{Name: path + "2"}); !errors.Is(err, windows.WSAEINVAL) {
		c.fatalf("a second bind: %v", err)
	}
	c.must(syscall.Listen(s, 5), "listen")
	done := make(chan error, 1)
	go func() {
		conn, err := net.Dial("unix", path)
		if err == nil {
			defer conn.Close()
			_, err = io.ReadAll(conn)
		}
		done <- err
	}()
	accept := windows.NewLazySystemDLL("ws2_32.dll").NewProc("accept")
	address, length := new([110]byte), new(int32)
	*length = 110
	a, _, err := accept.Call(uintptr(s), pin(address), pin(length))
	if int(a) == -1 {
		c.fatalf("accept: %v", err)
	}
	equal(c, address[0], syscall.AF_UNIX, "family of the peer")
	equal(c, address[2], 0, "name of the peer")
	own, err := syscall.Getsockname(syscall.Handle(a))
	c.must(err, "getsockname")
	equal(c, own.(*syscall.SockaddrUnix).Name, path, "name of the accepted")
	_, err = syscall.Getpeername(s)
	if err == nil {
		c.fatalf("a listener has a peer")
	}
	c.must(syscall.Closesocket(syscall.Handle(a)), "close")
	c.must(receive(c, done, "client"), "client")
	c.must(syscall.Closesocket(s), "close")
	if _, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0); !errors.Is(err, windows.WSAESOCKTNOSUPPORT) {
		c.fatalf("a datagram socket: %v", err)
	}
	c.must(os.Remove(path), "remove")
}

// nodeSocketDeadline: what waits on a socket can be made to stop.
func nodeSocketDeadline(c *check) {
	path := workDir() + `\s.sock`
	l := listenUnix(c, path)
	c.must(l.(*net.UnixListener).SetDeadline(time.Now().Add(50*time.Millisecond)), "deadline")
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.fatalf("accept: %v", err)
	}
	c.must(l.(*net.UnixListener).SetDeadline(time.Time{}), "deadline")
	var d net.Dialer
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "unix", path) // in the backlog
	c.must(err, "dial")
	defer conn.Close()
	c.must(conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)), "deadline")
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.fatalf("read: %v", err)
	}
	c.must(l.Close(), "close")
}
