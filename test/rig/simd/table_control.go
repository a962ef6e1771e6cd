package main

import (
	"strconv"
	"strings"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
)

// controlCalls are for the rig's command and for tests. No fault rule applies to them.
func controlCalls() map[string]*entry {
	return map[string]*entry{
		"SimJournal": {makes: -1, run: func(r *request) ([]string, error) {
			var lines strings.Builder
			for _, e := range r.srv.svc.Journal() {
				lines.WriteString(e.String() + "\n")
			}
			return []string{lines.String()}, nil
		}},
		"SimFault": {args: 1, makes: -1, run: func(r *request) ([]string, error) {
			if strings.TrimSpace(r.args[0]) == "" {
				r.srv.faults.Clear()
				return []string{"0"}, nil
			}
			rules, err := fault.ParseAll(r.args[0])
			if err != nil {
				return nil, refusal(hcs.ErrInvalidArgument, err.Error())
			}
			return []string{strconv.Itoa(r.srv.faults.Add(rules...))}, nil
		}},
		"SimState": {makes: -1, run: func(r *request) ([]string, error) {
			return []string{document(r.srv.svc.State())}, nil
		}},
		"SimCounter": {args: 1, makes: -1, run: func(r *request) ([]string, error) {
			kind, now, samples, err := r.srv.readCounter(r.args[0])
			if err != nil {
				return nil, err
			}
			fields := []string{strconv.FormatUint(uint64(kind), 10), strconv.FormatUint(now, 10)}
			for _, v := range samples {
				fields = append(fields, v.instance, strconv.FormatUint(v.value, 10))
			}
			return fields, nil
		}},
		"SimRestart": {makes: -1, run: func(r *request) ([]string, error) {
			r.srv.svc.Restart()
			return nil, nil
		}},
		"SimStop": {makes: -1, run: func(r *request) ([]string, error) {
			r.after = append(r.after, r.srv.stop)
			return nil, nil
		}},
	}
}
