package task

import (
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"containerd-shim-hcs/task/limits"
	"containerd-shim-hcs/task/stdio"
	"containerd-shim-hcs/task/storage"
)

// Key names a process: init of a task when Exec is empty.
type Key struct{ Task, Exec string }

func (k Key) String() string {
	if k.Exec == "" {
		return k.Task
	}
	return k.Task + "/" + k.Exec
}

// Call stands for the request that waits for an answer; 0 is nobody.
type Call uint64

// Size of a console in characters.
type Size struct{ Width, Height uint16 }

// Exit is how a process ended. At is zero while it has not.
type Exit struct {
	Code uint32
	At   time.Time
}

// Detail is what a process was asked to be, kept for events and State.
type Detail struct {
	Bundle string
	Rootfs []storage.Mount // init only
	IO     stdio.Config
}

const sigKill = 9

// Event is what Step takes: asked by a client, answered by a procedure, or happened.
type Event interface{ task() string }

// Events that a client asks for. Each is answered by exactly one Reply.
type (
	AskCreate struct {
		Call   Call
		ID     string
		Detail Detail
		Place  Place
	}
	AskStart struct {
		Call Call
		Key  Key
	}
	AskExec struct {
		Call   Call
		Key    Key
		Detail Detail
	}
	AskKill struct {
		Call   Call
		Key    Key
		Number uint32 // as containerd sent it
		All    bool
	}
	AskDelete struct {
		Call Call
		Key  Key
	}
	AskResize struct {
		Call Call
		Key  Key
		Size Size
	}
	AskCloseInput struct {
		Call Call
		Key  Key
	}
	AskPause struct {
		Call  Call
		ID    string
		Pause bool // resume otherwise
	}
	AskUpdate struct {
		Call        Call
		ID          string
		Resources   *specs.WindowsResources
		Annotations map[string]string
	}
)

// Events that procedures answer with, and that happen.
type (
	HasCreated struct {
		Call   Call
		ID     string
		Limits limits.Plan
		Err    error // what was acquired has been given back
	}
	HasUpdated struct {
		Call   Call
		ID     string
		Limits limits.Plan // the old ones when there is an error
		Err    error
	}
	HasPaused struct {
		Call  Call
		ID    string
		Pause bool  // what was asked for
		Err   error // it is as before
	}
	HasStarted struct {
		Call Call
		Key  Key
		Pid  uint32
		Err  error
	}
	HasExited struct {
		Key  Key
		Exit Exit
	}
	HasDrained struct{ Key Key }
	HasStopped struct{ ID string } // no process of the container runs any more
	// HasHitLimit is a container that ran into its memory limit.
	HasHitLimit struct{ ID string }
	// HasReleased is a container that holds nothing any more, or what is still held.
	HasReleased struct {
		Key Key
		Err error
	}
	// HasErased is a container of which nothing is on record any more: its id is free.
	HasErased struct{ Key Key }
	// HasLeft is a client that waits no longer for the answer to its request.
	HasLeft struct {
		ID   string
		Call Call
	}
	// HasAnswered is a signal, kill or resize that came through, or did not.
	HasAnswered struct {
		Key Key
		Reply
	}
)

func (e AskCreate) task() string     { return e.ID }
func (e AskStart) task() string      { return e.Key.Task }
func (e AskExec) task() string       { return e.Key.Task }
func (e AskKill) task() string       { return e.Key.Task }
func (e AskDelete) task() string     { return e.Key.Task }
func (e AskResize) task() string     { return e.Key.Task }
func (e AskCloseInput) task() string { return e.Key.Task }
func (e AskPause) task() string      { return e.ID }
func (e AskUpdate) task() string     { return e.ID }
func (e HasCreated) task() string    { return e.ID }
func (e HasUpdated) task() string    { return e.ID }
func (e HasPaused) task() string     { return e.ID }
func (e HasStarted) task() string    { return e.Key.Task }
func (e HasExited) task() string     { return e.Key.Task }
func (e HasDrained) task() string    { return e.Key.Task }
func (e HasStopped) task() string    { return e.ID }
func (e HasAnswered) task() string   { return e.Key.Task }
func (e HasHitLimit) task() string   { return e.ID }
func (e HasReleased) task() string   { return e.Key.Task }
func (e HasErased) task() string     { return e.Key.Task }
func (e HasLeft) task() string       { return e.ID }

// Effect is what Step answers with.
type Effect interface{ effect() }

// Kind of a published event.
type Kind uint8

// The events of containerd's contract.
const (
	TaskCreated Kind = iota
	TaskStarted
	ExecAdded
	ExecStarted
	TaskExited // of init or of an exec
	TaskDeleted
	TaskOOM // the container ran into its memory limit
	TaskPaused
	TaskResumed
)

func (k Kind) String() string {
	return [...]string{"create", "start", "exec-added", "exec-started", "exit", "delete", "oom", "paused", "resumed"}[k]
}

// Effects. Those that begin with Do start a procedure; of DoSignal, DoKill and DoResize comes a HasAnswered when somebody waits.
type (
	DoCreate struct {
		Call Call
		ID   string
	}
	CancelCreate struct{ ID string }
	DoStart      struct {
		Call Call
		Key  Key
	}
	DoSignal struct {
		Call   Call
		Key    Key
		Number uint32
		All    bool // the container's other processes get it too; there is one of these for init
	}
	DoKill struct {
		Call Call
		Key  Key
		All  bool // init only: everything that runs in the container
	}
	DoResize struct {
		Call Call
		Key  Key
		Size Size
	}
	// DoPause is an AskPause that may go on. Nobody has asked for one whose Call is 0.
	DoPause AskPause
	// DoUpdate is an AskUpdate that may go on.
	DoUpdate     AskUpdate
	DoCloseInput struct{ Key Key }
	DoDrain      struct{ Key Key }
	DoStop       struct{ ID string }
	DoRelease    struct{ Key Key }
	DoErase      struct{ Key Key }

	// Publish sends an event to containerd.
	Publish struct {
		Kind   Kind
		Key    Key
		Detail Detail
		Pid    uint32
		Exit   Exit
	}
	// Reply answers a request.
	Reply struct {
		Call Call
		Pid  uint32
		Exit Exit
		Err  error
	}
	// Finish releases who waits for the process.
	Finish struct {
		Key  Key
		Exit Exit
	}
	// Forget drops what the loop keeps for a process that is no more.
	Forget struct{ Key Key }
)

func (DoCreate) effect()     {}
func (CancelCreate) effect() {}
func (DoStart) effect()      {}
func (DoSignal) effect()     {}
func (DoKill) effect()       {}
func (DoResize) effect()     {}
func (DoPause) effect()      {}
func (DoUpdate) effect()     {}
func (DoCloseInput) effect() {}
func (DoDrain) effect()      {}
func (DoStop) effect()       {}
func (DoRelease) effect()    {}
func (DoErase) effect()      {}
func (Publish) effect()      {}
func (Reply) effect()        {}
func (Finish) effect()       {}
func (Forget) effect()       {}
