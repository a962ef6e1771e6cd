package computecore

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestHandleIsClosedByTheLastCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closes := 0
		h := newHandle(42, func(raw uintptr) {
			if raw != 42 {
				t.Error(raw)
			}
			closes++
		})
		raw, done1, ok := h.use()
		if !ok || raw != 42 {
			t.Fatal(raw, ok)
		}
		_, done2, _ := h.use()
		if !h.close() || closes != 0 {
			t.Fatal("closed under a call")
		}
		if _, _, ok := h.use(); ok {
			t.Fatal("a call began after close")
		}
		done1()
		if closes != 0 {
			t.Fatal("closed under the second call")
		}
		done2()
		if closes != 1 || !h.close() || !h.close() || closes != 1 {
			t.Fatal("closes", closes)
		}
	})
}

func TestHandleCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandle(1, func(uintptr) { time.Sleep(time.Hour) })
		start := time.Now()
		if h.close() || time.Since(start) != closeBound {
			t.Fatal("returned after", time.Since(start))
		}
		if h.close() {
			t.Fatal("the second close claims success")
		}
		time.Sleep(2 * time.Hour)
		if !h.close() {
			t.Fatal("not closed")
		}
	})
}

func TestTableForgets(t *testing.T) {
	var tab table
	var got []string
	n := tab.add(func(event uint32, data string) { got = append(got, data) })
	m := tab.add(func(uint32, string) { t.Error("the wrong one") })
	tab.call(n, 1, "a")
	tab.call(99, 1, "nobody")
	tab.remove(m)
	tab.call(m, 1, "late")
	tab.remove(n)
	tab.call(n, 1, "late")
	if len(got) != 1 || got[0] != "a" || len(tab.m) != 0 {
		t.Fatal(got, len(tab.m))
	}
	if k := tab.add(func(uint32, string) {}); k == n || k == m || k == 0 {
		t.Fatal("number reused", k)
	}
}
