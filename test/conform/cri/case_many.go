package main

import (
	"fmt"
	"time"
)

var manyCases = []Case{
	{Name: "many/30-pods-at-once", Run: many, Limit: 5 * time.Minute},
}

// many: all of them run at the same time, each says its own word and ends with its own code, and nothing is left.
func many(t *T) {
	const n = 30
	before := t.holdings()
	pods, boxes := make([]*Pod, n), make([]*Container, n)
	t.Each(n, func(i int) {
		pods[i] = t.pod()
		boxes[i] = pods[i].runWith(app("print", fmt.Sprint("pod ", i), "--", "cat", "--", "exit", fmt.Sprint(i+1)), withStdin(true))
		boxes[i].saysWithin(2*time.Minute, fmt.Sprintf("pod %d\n", i))
	})
	now := t.holdings()
	addresses := map[string]bool{}
	for i, c := range boxes {
		t.Want(now.Running[c.id] > 0, "container %d does not run", i)
		addresses[pods[i].address()] = true
	}
	t.Want(len(addresses) == n, "%d addresses for %d pods", len(addresses), n)
	t.Each(n, func(i int) {
		s := boxes[i].attach(false, stdinStream, stdoutStream, stderrStream)
		s.write(fmt.Sprintf("line for %d\n", i))
		s.says(fmt.Sprintf("line for %d\n", i))
		s.closeStdin()
		boxes[i].isWithin(2*time.Minute, exited)
		boxes[i].ends(int32(i) + 1)
		boxes[i].logs(fmt.Sprintf("pod %d\nline for %d\n", i, i), "")
		pods[i].stop()
		pods[i].remove()
	})
	left := t.machine.Settle(before, 20*time.Second)
	t.Want(left == "", "%s", left)
}
