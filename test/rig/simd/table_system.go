package main

import (
	"encoding/json"
	"strconv"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

// onHandle is an entry for: abi, handle, and more arguments.
func onHandle(args int, run func(r *request, h sim.Handle) ([]string, error)) *entry {
	return &entry{args: args, makes: -1, abi: true, about: named(1), run: func(r *request) ([]string, error) {
		h, err := r.handle(1)
		if err != nil {
			return nil, err
		}
		return run(r, h)
	}}
}

// verb is an entry for: abi, handle, options.
func verb(f func(c *sim.Client, h sim.Handle, options string) error) *entry {
	return onHandle(3, func(r *request, h sim.Handle) ([]string, error) { return nil, f(r.client, h, r.args[2]) })
}

func systemCalls() map[string]*entry {
	return map[string]*entry{
		"HcsCreateComputeSystem": {args: 4, makes: 1, abi: true, about: text(2), run: func(r *request) ([]string, error) {
			h, err := r.handle(1)
			if err != nil {
				return nil, err
			}
			return nil, r.client.CreateComputeSystem(h, r.args[2], r.args[3])
		}},
		"HcsOpenComputeSystem": {args: 3, makes: 1, abi: true, about: text(2), run: func(r *request) ([]string, error) {
			h, err := r.handle(1)
			if err != nil {
				return nil, err
			}
			return nil, r.client.OpenComputeSystem(h, r.args[2])
		}},
		"HcsCloseComputeSystem": onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			return nil, r.client.CloseComputeSystem(h)
		}),
		"HcsStartComputeSystem":     verb((*sim.Client).StartComputeSystem),
		"HcsShutDownComputeSystem":  verb((*sim.Client).ShutdownComputeSystem),
		"HcsTerminateComputeSystem": verb((*sim.Client).TerminateComputeSystem),
		"HcsPauseComputeSystem":     verb((*sim.Client).PauseComputeSystem),
		"HcsResumeComputeSystem":    verb((*sim.Client).ResumeComputeSystem),
		"HcsSaveComputeSystem":      verb((*sim.Client).SaveComputeSystem),
		"HcsCrashComputeSystem":     verb((*sim.Client).CrashComputeSystem),
		"HcsModifyComputeSystem":    verb((*sim.Client).ModifyComputeSystem),
		"HcsGetComputeSystemProperties": onHandle(3, func(r *request, h sim.Handle) ([]string, error) {
			return results(r.client.ComputeSystemProperties(h, r.args[2]))
		}),
		"HcsEnumerateComputeSystems": {args: 2, makes: -1, abi: true, about: nothing, run: func(r *request) ([]string, error) {
			return results(r.client.EnumerateComputeSystems(r.args[1]))
		}},
		"HcsWatchComputeSystem": onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			id, g := r.client.NameOf(h), r.gate()
			return nil, r.client.WatchSystem(h, func(st schema.SystemExitStatus, lost error) {
				if lost != nil || r.dropped(fault.SystemExited, id) {
					return // a lost service is told once for the whole connection
				}
				if r.v1() && st.Status < 0 {
					st.Status = int32(hcs.Code(st.Status).V1()) //nolint:gosec // the bits are the point
				}
				g.put(event("system", r.args[1], document(st)))
			})
		}),
	}
}

// siloCalls are for the job objects of silos, which programs open by their name and not through HCS.
func siloCalls() map[string]*entry {
	return map[string]*entry{
		"NtOpenJobObject": {args: 1, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			return nil, r.client.OpenSilo(r.args[0])
		}},
		"NtSetInformationJobObject": {args: 3, makes: -1, about: text(0), run: func(r *request) ([]string, error) {
			switch class, value := r.args[1], []byte(r.args[2]); class {
			case "groups":
				var groups []schema.GroupAffinity
				if err := json.Unmarshal(value, &groups); err != nil {
					return nil, refusal(hcs.ErrInvalidArgument, err.Error())
				}
				return nil, r.client.SetSiloAffinity(r.args[0], groups)
			case "freeze":
				var frozen bool
				if err := json.Unmarshal(value, &frozen); err != nil {
					return nil, refusal(hcs.ErrInvalidArgument, err.Error())
				}
				return nil, r.client.FreezeSilo(r.args[0], frozen)
			default:
				return nil, refusal(hcs.ErrInvalidArgument, "class "+class)
			}
		}},
	}
}

func processCalls() map[string]*entry {
	return map[string]*entry{
		"HcsCreateProcess": {args: 7, makes: 2, abi: true, about: named(1), run: createProcess},
		"HcsOpenProcess": {args: 4, makes: 2, abi: true, about: named(1), run: func(r *request) ([]string, error) {
			system, err := r.handle(1)
			if err != nil {
				return nil, err
			}
			h, err := r.handle(2)
			if err != nil {
				return nil, err
			}
			pid, err := r.number(3, 32)
			if err != nil {
				return nil, err
			}
			return nil, r.client.OpenProcess(system, h, uint32(pid)) //nolint:gosec // parsed as 32 bits
		}},
		"HcsCloseProcess": onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			return nil, r.client.CloseProcess(h)
		}),
		"HcsTerminateProcess": onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			return nil, r.client.TerminateProcess(h)
		}),
		"HcsSignalProcess": verb((*sim.Client).SignalProcess),
		"HcsModifyProcess": verb((*sim.Client).ModifyProcess),
		"HcsGetProcessInfo": onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			pid, err := r.client.ProcessInfo(h)
			return results(strconv.FormatUint(uint64(pid), 10), err)
		}),
		"HcsGetProcessProperties": onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			return results(r.client.ProcessProperties(h))
		}),
		"HcsWatchProcess": onHandle(2, func(r *request, h sim.Handle) ([]string, error) {
			id, g := r.client.NameOf(h), r.gate()
			return nil, r.client.WatchProcess(h, func(st schema.ProcessStatus, lost error) {
				if lost != nil || r.dropped(fault.ProcessExited, id) {
					return
				}
				g.put(event("process", r.args[1], document(st)))
			})
		}),
	}
}

// dropped reports whether a rule wants the exit event lost. It runs under the model's lock.
func (r *request) dropped(call fault.Call, id string) bool {
	a := r.srv.faults.Match(call, id)
	if a.Kind != fault.DropEvent {
		return false
	}
	r.client.Note(string(call), id, "fault: "+a.Rule)
	return true
}

// document is the JSON of a value of package schema, which cannot fail to encode.
func document(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// createProcess opens the client's pipes and starts a process on them.
func createProcess(r *request) ([]string, error) {
	system, err := r.handle(1)
	if err != nil {
		return nil, err
	}
	h, err := r.handle(2)
	if err != nil {
		return nil, err
	}
	streams, err := r.streams(r.args[4], r.args[5], r.args[6])
	if err != nil {
		return nil, err
	}
	pid, err := r.client.CreateProcess(system, h, r.args[3], streams)
	return results(strconv.FormatUint(uint64(pid), 10), err)
}

// streams opens the pipes with a name. Those opened are closed when one fails.
func (r *request) streams(stdin, stdout, stderr string) (sim.Streams, error) {
	var s sim.Streams
	if stdin != "" {
		p, err := r.pipe(stdin, false)
		if err != nil {
			return s, err
		}
		s.Stdin = p
	}
	if stdout != "" {
		p, err := r.pipe(stdout, true)
		if err != nil {
			s.Close()
			return s, err
		}
		s.Stdout = p
	}
	if stderr != "" {
		p, err := r.pipe(stderr, true)
		if err != nil {
			s.Close()
			return s, err
		}
		s.Stderr = p
	}
	return s, nil
}
