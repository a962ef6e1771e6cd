package computecore

import "sync"

// table gives numbers to what a callback of the DLL must find again. Numbers are never reused, so that a callback that comes
// late finds nothing rather than a stranger.
type table struct {
	mu   sync.Mutex
	next uintptr
	m    map[uintptr]func(event uint32, data string)
}

// add returns the number of f. F runs with the table locked and must not block or call back into the DLL.
func (t *table) add(f func(event uint32, data string)) uintptr {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[uintptr]func(uint32, string){}
	}
	t.next++
	t.m[t.next] = f
	return t.next
}

// call runs what has the number n, if anything has.
func (t *table) call(n uintptr, event uint32, data string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.m[n]; f != nil {
		f(event, data)
	}
}

// remove forgets n. When it returns, what had the number neither runs nor will run again.
func (t *table) remove(n uintptr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, n)
}
