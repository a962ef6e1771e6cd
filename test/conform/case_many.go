package main

import (
	"fmt"
	"time"
)

var manyCases = []Case{
	{Name: "many/50-containers-at-once", Run: many, Limit: 6 * time.Minute},
	{Name: "many/create-and-delete-20-times", Run: churn, Limit: 3 * time.Minute},
}

// many: all of them run at the same time, each says its own word and ends with its own code, and nothing is left.
func many(t *T) {
	const n = 50
	before, err := t.machine.State()
	t.Must(err, "ask the simulator")
	boxes := make([]*Box, n)
	t.Each(n, func(i int) {
		b := t.runWith(streams{stdin: true}, app("print", fmt.Sprintf("box-%d", i), "--", "cat", "--", "exit", fmt.Sprint(i+1)))
		boxes[i] = b
		b.saysWithin(4*time.Minute, fmt.Sprintf("box-%d", i))
	})
	t.Want(t.more(before.Systems) == n, "%d compute systems while all run, want %d", t.more(before.Systems), n)
	t.Each(n, func(i int) {
		b := boxes[i]
		t.Must(b.io.in.write(t.Ctx, fmt.Appendf(nil, "line for %d\n", i)), "write to stdin")
		b.says(fmt.Sprintf("line for %d", i))
		t.Must(b.io.in.close(t.Ctx), "close stdin")
		b.expect(uint32(i+1), fmt.Sprintf("box-%d\nline for %d", i, i), "")
		b.remove()
	})
	left := t.machine.Settle(before, 10*time.Second)
	t.Want(left == "", "%s", left)
}

func churn(t *T) {
	for i := range 20 {
		b := t.run("print", fmt.Sprint("turn ", i), "--", "exit", fmt.Sprint(i))
		b.expect(uint32(i), fmt.Sprint("turn ", i), "")
		b.remove()
	}
}
