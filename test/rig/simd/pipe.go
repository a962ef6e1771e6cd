package main

import (
	"context"
	"io"
	"time"
)

// pipePatience bounds the wait for a busy pipe: its server made it for this request and listens already.
const pipePatience = 10 * time.Second

// pipe opens the service's end of a stream. Without an operating system below, the pipe is one of the model's.
func (r *request) pipe(name string, write bool) (io.ReadWriteCloser, error) {
	if r.srv.open != nil {
		return r.srv.open(name, write)
	}
	ctx, cancel := context.WithTimeout(context.Background(), pipePatience)
	defer cancel()
	return r.srv.svc.DialPipe(ctx, name)
}
