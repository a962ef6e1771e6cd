package winhost

import (
	"testing"
	"time"

	"containerd-shim-hcs/hcs/schema"
)

// A frozen container uses no processor time, takes no signal and answers no input; it does so when it runs on. It can be killed.
func TestFreeze(t *testing.T) {
	b := newBox(t)
	worker := b.winapp("print up -- burn 300s")
	worker.says("up")
	trap := b.winapp("trap exit 5 CtrlShutdown")
	trap.says("trapping")
	plain := b.winapp("print up -- sleep 300s")
	plain.says("up")
	cat := b.winapp("cat")

	b.Freeze(true)
	b.Freeze(true)
	late := b.winapp("print late -- sleep 300s")
	must(t, trap.Signal(schema.CtrlShutdown))
	must(t, plain.Signal(schema.CtrlC))
	if _, err := cat.in.WriteString("hello\n"); err != nil {
		t.Fatal(err)
	}
	before := b.Usage().User100ns
	time.Sleep(500 * time.Millisecond)
	if after := b.Usage().User100ns; after != before {
		t.Errorf("it used %d ms while it was frozen", (after-before)/10_000)
	}
	for name, p := range map[string]*proc{"worker": worker, "trap": trap, "plain": plain, "cat": cat, "late": late} {
		if !p.running() {
			t.Errorf("%s has ended", name)
		}
	}

	b.Freeze(false)
	b.Freeze(false)
	late.says("late")
	trap.says("CtrlShutdown")
	trap.ends(5)
	plain.ends(0xC000013A)
	cat.says("hello")
	for deadline := time.Now().Add(patience); b.Usage().User100ns == before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not run on")
		}
	}

	b.Freeze(true)
	worker.Kill(7)
	worker.ends(7)
	b.Kill(8)
	cat.ends(8)
	late.ends(8)
}
