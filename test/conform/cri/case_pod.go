package main

var podCases = []Case{
	{Name: "pod/runs-and-goes", Run: podRuns},
}

// podRuns is the whole life of a pod with one container.
func podRuns(t *T) {
	p := t.pod()
	p.is(podReady)
	c := p.run("print", "hello", "--", "err", "oops", "--", "exit", "7")
	c.ends(7)
	c.logs("hello\n", "oops\n")
	p.is(podReady) // a container's end is not the pod's
	c.remove()
	p.stop()
	p.is(podNotReady)
	p.remove()
}
