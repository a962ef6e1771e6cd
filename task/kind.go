package task

import (
	"context"

	"containerd-shim-hcs/task/limits"
)

// kind is what the machine's effects do for one kind of process. There are two: processes of a compute system, and the record.
type kind struct {
	make   func(*Runner, context.Context, *live, Plan) error // between the streams and the answer to create
	start  func(*Runner, *live) (pid uint32, err error)
	wait   func(*Runner, *live) Exit
	signal func(r *Runner, l *live, number uint32, all bool) error
	kill   func(r *Runner, l *live, all bool) error
	drain  func(*Runner, *live)
	stop   func(*Runner, *live)
	update func(*Runner, *live, DoUpdate) (limits.Plan, error)
	freeze func(r *Runner, l *live, frozen bool) error
	look   func(*Runner, context.Context, *live) (*Usage, error) // of one that runs
	// noExec is why a process cannot be added; empty when one can.
	noExec string
}

var system = kind{
	make:   (*Runner).make,
	start:  (*Runner).start,
	wait:   (*Runner).wait,
	signal: (*Runner).signal,
	kill:   (*Runner).kill,
	drain:  (*Runner).drain,
	stop:   (*Runner).stop,
	update: (*Runner).update,
	freeze: (*Runner).freeze,
	look:   (*Runner).look,
}
