package script

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// A Note says why the peer (containerd-shim-runhcs-v1 of hcsshim v0.14.1) fails a case, with its place in peer-runhcs. There is
// none without a place: what has no explanation there is a fault of the simulator or of the case, and is to be mended.
type Note struct {
	Text      string
	Sometimes bool // depends on timing: the peer may pass
}

// TableMain compares the results of three runs of the script: this shim, the peer, and the control, which is no shim. The exit code
// is 0 when all rules hold:
//   - every case that the peer passes, ours passes;
//   - the control fails every case: one that it passes looks at nothing;
//   - every failure of the peer has a note, and every note a failure;
//   - all three ran the same cases.
func TableMain(files []string, notes map[string]Note, w io.Writer) int {
	if len(files) != 3 {
		fmt.Fprintln(os.Stderr, "usage: table OURS.json PEER.json CONTROL.json")
		return 2
	}
	var reps [3]Report
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(b, &reps[i])
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "table: %s: %v\n", f, err)
			return 2
		}
	}
	broken := table(reps[0], reps[1], reps[2], notes, w)
	for _, b := range broken {
		fmt.Fprintln(w, "rule broken:", b)
	}
	if len(broken) > 0 {
		return 1
	}
	return 0
}

// table prints the rows and returns the rules that do not hold.
func table(ours, peer, control Report, notes map[string]Note, w io.Writer) (broken []string) {
	columns := [3]map[string]Result{byName(ours), byName(peer), byName(control)}
	var names []string
	seen := map[string]bool{}
	for _, rep := range []Report{ours, peer, control} {
		for _, r := range rep.Results {
			if !seen[r.Name] {
				seen[r.Name] = true
				names = append(names, r.Name)
			}
		}
	}
	width := 4
	for _, n := range names {
		width = max(width, len(n))
	}
	fmt.Fprintf(w, "%-*s  %-5s %-5s %-7s  %s\n", width, "case", "ours", "peer", "control", "note")
	var passed [3]int
	for _, name := range names {
		var words [3]string
		var ok [3]bool
		for i, c := range columns {
			r, ran := c[name]
			ok[i] = ran && r.OK
			switch {
			case !ran:
				words[i] = "-"
				broken = append(broken, fmt.Sprintf("%s was not run in column %s", name, columnNames[i]))
			case ok[i]:
				words[i] = "ok"
				passed[i]++
			default:
				words[i] = "FAIL"
			}
		}
		n, noted := notes[name]
		text := ""
		_, peerRan := columns[1][name]
		switch {
		case ok[1] && noted && !n.Sometimes:
			broken = append(broken, name+" has a note about the peer, and the peer passes it")
		case peerRan && !ok[1] && !noted:
			broken = append(broken, name+" fails on the peer without a note: "+columns[1][name].Reason)
		case !ok[1] && noted:
			text = "peer defect: " + n.Text
		}
		if ok[1] && !ok[0] {
			broken = append(broken, name+" passes on the peer and not on ours: "+columns[0][name].Reason)
		}
		if ok[2] {
			broken = append(broken, name+" passes on the control: it checks nothing")
		}
		fmt.Fprintf(w, "%-*s  %-5s %-5s %-7s  %s\n", width, name, words[0], words[1], words[2], text)
	}
	fmt.Fprintf(w, "%-*s  %-5d %-5d %-7d  of %d\n", width, "passed", passed[0], passed[1], passed[2], len(names))
	for name := range notes {
		if !seen[name] {
			broken = append(broken, "there is a note for "+name+", which is no case of these runs")
		}
	}
	if len(names) == 0 {
		broken = append(broken, "no case was run")
	}
	return broken
}

var columnNames = [3]string{"ours", "peer", "control"}

func byName(r Report) map[string]Result {
	m := make(map[string]Result, len(r.Results))
	for _, x := range r.Results {
		m[x.Name] = x
	}
	return m
}
