package winhost

import (
	"testing"
	"time"
)

func TestWhenEnded(t *testing.T) {
	b := newBox(t)
	p, q := b.winapp("print up -- sleep 300s"), b.winapp("print up -- sleep 300s")
	p.says("up")
	q.says("up")
	ended, other := make(chan struct{}), make(chan struct{})
	stop, err := WhenEnded(p.Pid(), func() { close(ended) })
	must(t, err)
	stopOther, err := WhenEnded(q.Pid(), func() { close(other) })
	must(t, err)
	stopOther()
	p.Kill(1)
	q.Kill(1)
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("not told of the end")
	}
	stop()
	q.ends(1)
	select {
	case <-other:
		t.Error("told after stop")
	case <-time.After(200 * time.Millisecond):
	}
}
