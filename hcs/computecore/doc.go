// Package computecore is hcs.Compute over computecore.dll, the Host Compute Service's v2 API: thin typed calls in dll.go, the
// operation that carries each of them in operation.go, and one type each for Compute, System and Process.
//
// Calls. Every call to the DLL runs on a goroutine of its own to its end (see package call); the context only bounds how long
// the caller waits. A system or process handle that is closed while a call on it is still in flight is closed by that call's
// end, never under it.
//
// Waiting. An operation is created with a completion callback and its goroutine sleeps on a channel; no OS thread is blocked
// per call, which matters for a Signal that stays in flight for as long as its process lives. Microsoft's reference allows it:
// "HCS operation callback" in OperationCompletionSample, forbidden only when the system's own callback was set with
// HcsEventOptionEnableOperationCallbacks, which is not done here. Microsoft's shim waits in HcsWaitForOperationResult instead,
// so the callback is less travelled, and one case is known where an operation completes oddly (see the quirk at HcsCreateProcess):
// therefore the goroutine also asks HcsGetOperationResult, seldom, and a callback that never comes costs time, not the answer.
// The first look comes a little after the call, not at once: as a rule the callback is then through and the DLL is done with
// the operation when it is closed.
//
// Events. One callback for systems and processes and one for operations exist per Go process (windows.NewCallback never frees
// one). The context that Windows passes back is a number, looked up in a table; after Close the number is gone and a late
// callback finds nothing.
//
// Terminate goes over handles of its own, a second one on the system and one on the process, every time: HCS serialises the
// signals to a process per system handle, and with server core images a signal returns only when the process is gone. Always,
// rather than only while a Signal is in flight, because a check would race with the next Signal, and one path is tested more
// than two; it costs two opens on a call that a process gets once.
package computecore
