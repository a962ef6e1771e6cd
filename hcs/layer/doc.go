// Package layer is hcs.Layers over vmcompute.dll, through hcsshim's public package: each verb is one call of it.
//
// The calls are synchronous and cannot be cancelled, and the paths they work on are shared state of the machine. So a call whose
// caller has left runs on to its end, and the next call on the same scratch waits for it (within its own context).
package layer
