package main

import (
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// outcome is that of an ExecSync.
type outcome struct {
	t              *T
	stdout, stderr string
	code           int32
}

// execs runs the image's program in the container and returns when it has ended.
func (c *Container) execs(args ...string) outcome {
	o, err := c.tryExec(0, app(args...))
	c.t.Must(err, "exec in %s", c.id)
	return o
}

// tryExec bounds the exec by a timeout in whole seconds; 0 is none.
func (c *Container) tryExec(timeout time.Duration, args []string) (outcome, error) {
	r, err := c.t.cri.ExecSync(c.t.Ctx, &runtime.ExecSyncRequest{ContainerId: c.id, Cmd: args, Timeout: int64(timeout / time.Second)})
	if err != nil {
		return outcome{}, err
	}
	return outcome{c.t, string(r.Stdout), string(r.Stderr), r.ExitCode}, nil
}

func (o outcome) gives(stdout, stderr string, code int32) {
	o.t.Want(o.stdout == stdout && o.stderr == stderr && o.code == code, "exec gave %q, %q and code %d, want %q, %q and %d",
		clip(o.stdout), clip(o.stderr), o.code, stdout, stderr, code)
}
