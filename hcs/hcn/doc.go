// Package hcn is hcs.Network over computenetwork.dll.
//
// It calls the DLL itself rather than through hcsshim/hcn, for one reason: hcsshim/hcn creates a namespace with an all-zero id and
// reads back the one that the service made up. Between the two the namespace exists and nobody who comes after a crash could know
// of it. HcnCreateNamespace takes an id, so the ledger can claim it before the namespace is there. Five functions are needed.
package hcn
