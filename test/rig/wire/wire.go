// Package wire is the protocol between the rig's DLLs and the simulator's service process, and between the rig's command and that
// service: frames over one TCP connection on loopback per client process. A loopback socket rather than a named pipe, because
// C code can read and write it from two threads without overlapped I/O, its end is seen at once when the client is killed, and
// the Linux side of the rig can speak it too.
//
// A frame is, little endian:
//
//	u32 length of the rest, u32 id, u32 code, u32 count, then count times (u32 length, bytes)
//
// Every field is UTF-8 text; numbers are decimal, handles too.
//
//	request  id != 0, code 0        fields: name, arguments
//	reply    same id, code HRESULT  fields: results; on failure one field, the ResultError document (may be empty)
//	event    id 0, code 0           fields: kind, handle, data
//
// Requests of one connection are served concurrently; replies come in any order. Handles are chosen by the client, unique per
// connection and never reused, so that an asynchronous create can name its result before it is there.
//
// The service listens on 127.0.0.1 and writes "127.0.0.1:port" into C:\hcssim\address of its prefix.
//
// Names, arguments → results. abi is "1" for vmcompute.dll and "2" for computecore.dll: it decides the family of error codes.
//
//	Hello                        process name, process id →
//	HcsCreateComputeSystem       abi, handle, id, document →
//	HcsOpenComputeSystem         abi, handle, id →
//	HcsCloseComputeSystem        abi, handle →
//	HcsStartComputeSystem        abi, handle, options →          also ShutDown, Terminate, Pause, Resume, Save, Crash: Hcs<Verb>ComputeSystem
//	HcsGetComputeSystemProperties abi, handle, query → document
//	HcsModifyComputeSystem       abi, handle, document →
//	HcsEnumerateComputeSystems   abi, query → document
//	HcsWatchComputeSystem        abi, handle →                   then, once, event "system", handle, SystemExitStatus document
//	HcsCreateProcess             abi, system handle, handle, parameters, stdin pipe, stdout pipe, stderr pipe → pid
//	                             a pipe name is empty when the stream was not asked for; the client made the pipes and listens
//	HcsOpenProcess               abi, system handle, handle, pid →
//	HcsCloseProcess              abi, handle →
//	HcsTerminateProcess          abi, handle →
//	HcsSignalProcess             abi, handle, options →
//	HcsGetProcessInfo            abi, handle → pid
//	HcsGetProcessProperties      abi, handle → document
//	HcsModifyProcess             abi, handle, document →
//	HcsWatchProcess              abi, handle →                   then, once, event "process", handle, ProcessStatus document
//	HcsGetServiceProperties      abi, query → document
//	HcsModifyServiceSettings     abi, document → document
//	GrantVmAccess                vm id, path →
//	CreateLayer … and the other layer functions of vmcompute.dll: <Name>
//	                             path, then the function's own arguments in order; parents as a JSON array of paths, nearest first
//	                             NameToGuid name → guid; GetLayerMountPath path → volume; LayerExists path → 0 or 1
//	HNSCall                      method, path, body → answer
//	HcnEnumerate<T>s             query → JSON array
//	HcnCreate<T>                 handle, [network handle for Endpoint,] guid, settings →
//	HcnOpen<T>                   handle, guid →
//	HcnModify<T>                 handle, settings →
//	HcnQuery<T>Properties        handle, query → document
//	HcnDelete<T>                 guid →
//	HcnClose<T>                  handle →                        T: Network, Endpoint, Namespace, LoadBalancer, SdnRoute
//	BfSetupFilter                flags, root, target →
//	BfRemoveMapping              root →
//	<computestorage function>    its text arguments in order →
//
// Control, for the rig's command and for tests:
//
//	SimJournal                   → lines of the calls since the start, oldest first
//	SimFault                     rule of package hcs/fault, or "" to clear all → number of rules now
//	SimState                     → JSON of everything that exists: systems, processes, active layers, namespaces, endpoints, clients
//	SimCounter path              → type, time in 100 ns, then instance and value for each instance; codes of failures are PDH's
//	SimRestart                   → ends all systems and handles as a restart of the service does; clients get event "service"
//	SimStop                      → ends the service
package wire

import (
	"encoding/binary"
	"fmt"
	"io"
)

// MaxFrame bounds a frame; a longer one ends the connection.
const MaxFrame = 64 << 20

// Frame is one message.
type Frame struct {
	ID     uint32
	Code   uint32
	Fields []string
}

// Write sends f. Callers serialise their writes.
func Write(w io.Writer, f Frame) error {
	n := 12
	for _, s := range f.Fields {
		n += 4 + len(s)
	}
	b := make([]byte, 0, 4+n)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = binary.LittleEndian.AppendUint32(b, f.ID)
	b = binary.LittleEndian.AppendUint32(b, f.Code)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Fields)))
	for _, s := range f.Fields {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	_, err := w.Write(b)
	return err
}

// Read receives one frame.
func Read(r io.Reader) (Frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n < 12 || n > MaxFrame {
		return Frame{}, fmt.Errorf("frame of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return Frame{}, err
	}
	f := Frame{ID: binary.LittleEndian.Uint32(b), Code: binary.LittleEndian.Uint32(b[4:])}
	count := binary.LittleEndian.Uint32(b[8:])
	b = b[12:]
	for range count {
		if len(b) < 4 {
			return Frame{}, io.ErrUnexpectedEOF
		}
		l := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(l) > uint64(len(b)) {
			return Frame{}, io.ErrUnexpectedEOF
		}
		f.Fields = append(f.Fields, string(b[:l]))
		b = b[l:]
	}
	return f, nil
}
