package shim

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// guardedConn works around a race in ttrpc's server: it starts a request's handler before it stores the request's stream, so a
// handler that answers first leaves an entry in the connection's map that nothing removes.
//
// Quirk: github.com/containerd/ttrpc issue 241, still in v1.2.10. An answer is held back until the server has come back to read the
// next message, which it does right after storing. For that it must not find a second message in its own buffer: Read hands out
// no more than one.
type guardedConn struct {
	net.Conn

	// The reader's own; ttrpc reads from one goroutine.
	buf     []byte // read from the connection and not handed out
	scratch []byte
	header  []byte // of the message being handed out, as far as it is known
	left    int    // bytes of its body

	mu     sync.Mutex
	last   uint32        // stream of the message that was handed out whole
	stored chan struct{} // closed when the server reads again; nil when it has

	// The writer's own; ttrpc writes from one goroutine.
	outHeader []byte
	outLeft   int
}

const (
	headerSize = 10 // u32 length, u32 stream, type, flags; big endian (ttrpc's PROTOCOL.md)
	readSize   = 4 << 10
	// guardMost is for answers that the reading goroutine itself waits for: those to malformed messages.
	guardMost = 100 * time.Millisecond
)

// Read hands out at most the rest of the current message.
func (c *guardedConn) Read(p []byte) (int, error) {
	c.settle()
	if len(c.buf) == 0 {
		if c.scratch == nil {
			c.scratch = make([]byte, readSize)
		}
		n, err := c.Conn.Read(c.scratch)
		if n == 0 {
			return 0, err
		}
		c.buf = c.scratch[:n]
	}
	n := c.left
	if len(c.header) < headerSize {
		n = headerSize - len(c.header)
	}
	n = copy(p, c.buf[:min(n, len(c.buf))])
	c.handOut(c.buf[:n])
	c.buf = c.buf[n:]
	return n, nil
}

func (c *guardedConn) handOut(b []byte) {
	if len(c.header) < headerSize {
		if c.header = append(c.header, b...); len(c.header) < headerSize {
			return
		}
		c.left = int(binary.BigEndian.Uint32(c.header))
	} else {
		c.left -= len(b)
	}
	if c.left > 0 {
		return
	}
	c.mu.Lock()
	c.last, c.stored = binary.BigEndian.Uint32(c.header[4:]), make(chan struct{})
	c.mu.Unlock()
	c.header = c.header[:0]
}

// settle notes that the server has dealt with the last message.
func (c *guardedConn) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stored != nil {
		close(c.stored)
		c.stored = nil
	}
}

// Write holds back the beginning of an answer to the message that is being dealt with.
func (c *guardedConn) Write(p []byte) (int, error) {
	for b := p; len(b) > 0; {
		if len(c.outHeader) < headerSize {
			n := min(headerSize-len(c.outHeader), len(b))
			c.outHeader = append(c.outHeader, b[:n]...)
			b = b[n:]
			if len(c.outHeader) < headerSize {
				break
			}
			c.outLeft = int(binary.BigEndian.Uint32(c.outHeader))
			c.wait(binary.BigEndian.Uint32(c.outHeader[4:]))
		}
		n := min(c.outLeft, len(b))
		c.outLeft -= n
		b = b[n:]
		if c.outLeft == 0 {
			c.outHeader = c.outHeader[:0]
		}
	}
	return c.Conn.Write(p)
}

func (c *guardedConn) wait(stream uint32) {
	c.mu.Lock()
	stored := c.stored
	if c.last != stream {
		stored = nil
	}
	c.mu.Unlock()
	if stored == nil {
		return
	}
	t := time.NewTimer(guardMost)
	defer t.Stop()
	select {
	case <-stored:
	case <-t.C:
	}
}
