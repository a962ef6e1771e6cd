package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func open(t *testing.T, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir, "k8s.io", "Web")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestClaimsSurvive(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	a, b, c := Entry{Kind: Namespace, ID: "n"}, Entry{Kind: Active, ID: "s"}, Entry{Kind: Endpoint, ID: "e", Args: []string{"n"}}
	for _, e := range []Entry{a, b, c, b} {
		must(t, l.Claim(e))
	}
	must(t, l.Released(b))
	must(t, l.Released(b)) // twice is fine
	at := time.Now().Truncate(0)
	must(t, l.Ended(Exit{Pid: 7, Code: 0xC000013A, At: at}))

	again := open(t, dir)
	if got := again.Held(); len(got) != 2 || !got[0].same(a) || !got[1].same(c) || !slices.Equal(got[1].Args, c.Args) {
		t.Errorf("held %v", got)
	}
	if e := again.Exit(); e == nil || e.Code != 0xC000013A || e.Pid != 7 || !e.At.Equal(at) {
		t.Errorf("exit %v", e)
	}
	if err := again.Remove(); err == nil {
		t.Error("a ledger that holds something was removed")
	}
	must(t, again.Released(a))
	must(t, again.Released(c))
	must(t, again.Remove())
	must(t, again.Remove())
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestTorn cuts the file at every byte: every claim that was flushed before the cut is known, and the next write is readable.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	var ends []int64
	for _, id := range []string{"a", "b", "c"} {
		must(t, l.Claim(Entry{Kind: Active, ID: id}))
		st, err := os.Stat(l.path)
		must(t, err)
		ends = append(ends, st.Size())
	}
	whole, err := os.ReadFile(l.path)
	must(t, err)
	for cut := range len(whole) + 1 {
		must(t, os.WriteFile(l.path, whole[:cut], 0o600))
		torn := open(t, dir)
		want := 0
		for _, e := range ends {
			if int64(cut) >= e-1 { // a line that lacks only its newline is whole
				want++
			}
		}
		if got := len(torn.Held()); got != want || torn.Damaged() != 0 {
			t.Fatalf("cut at %d: %d claims, %d damaged, want %d claims", cut, got, torn.Damaged(), want)
		}
		must(t, torn.Claim(Entry{Kind: System, ID: "later"}))
		again := open(t, dir)
		if got := again.Held(); len(got) != want+1 || got[want].ID != "later" {
			t.Fatalf("cut at %d: after another claim %v", cut, got)
		}
	}
}

func TestFileNamesDoNotCollide(t *testing.T) {
	seen := map[string]string{}
	for _, id := range []string{"web", "Web", "wEb", "con", "nul", "a/b", "a.b", "a_b", "^w", "^5e~w"} {
		n := FileName(id)
		if other, ok := seen[n]; ok {
			t.Errorf("%q and %q are both %q", id, other, n)
		}
		seen[n] = id
	}
}

// TestEndAfterTheDelete: a shim that is ending does not bring back what a delete command has removed.
func TestEndAfterTheDelete(t *testing.T) {
	dir := t.TempDir()
	open := func() *Ledger {
		l, err := Open(dir, "default", "web")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	shim := open()
	entry := Entry{Kind: System, ID: "web"}
	if err := shim.Claim(entry); err != nil {
		t.Fatal(err)
	}
	command := open()
	if err := errors.Join(command.Released(entry), command.Remove()); err != nil {
		t.Fatal(err)
	}
	if err := shim.Ended(Exit{Code: 5}); err != nil {
		t.Error(err)
	}
	if left, err := All(dir); err != nil || len(left) > 0 {
		t.Errorf("ledgers: %v, %v", left, err)
	}
}

// TestTold: what a delete command told is known to who reads the ledger next, and nothing to the next container of the id.
func TestTold(t *testing.T) {
	dir := t.TempDir()
	must(t, open(t, dir).Told()) // nothing is held: no file
	if left, err := All(dir); err != nil || len(left) > 0 {
		t.Errorf("ledgers: %v, %v", left, err)
	}
	entry := Entry{Kind: System, ID: "web"}
	l := open(t, dir)
	must(t, l.Claim(entry))
	must(t, l.Told())
	l = open(t, dir)
	if !l.WasTold() || len(l.Held()) != 1 {
		t.Errorf("told %v, held %v", l.WasTold(), l.Held())
	}
	must(t, l.Released(entry))
	must(t, l.Forget())
	must(t, l.Claim(entry))
	if l.WasTold() || open(t, dir).WasTold() {
		t.Error("the next container of the id counts as told")
	}
}

// TestWhileBusy: a call is repeated for a bounded time.
func TestWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := &fs.PathError{Err: errors.New("used by another process")}
		for name, c := range map[string]struct {
			errs  []error // of the first calls; the last one for ever
			want  error
			calls int
		}{
			"at once":    {[]error{nil}, nil, 1},
			"in the end": {[]error{busy, busy, nil}, nil, 3},
			"not there":  {[]error{fs.ErrNotExist}, fs.ErrNotExist, 1},
			"for ever":   {[]error{busy}, busy, int(busyBound/busyPause) + 2},
		} {
			calls := 0
			err := whileBusy(func() error {
				calls++
				return c.errs[min(calls, len(c.errs))-1]
			})
			if !errors.Is(err, c.want) || calls != c.calls {
				t.Errorf("%s: %v after %d calls, want %v after %d", name, err, calls, c.want, c.calls)
			}
		}
	})
}

// TestRemoveWhileRead: who reads a ledger for a moment hinders neither its removal nor a new one of the same name. This is a test for Windows.
func TestRemoveWhileRead(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		l := open(t, dir)
		e := Entry{Kind: Active, ID: `C:\s`}
		must(t, l.Claim(e))
		must(t, l.Released(e))
		f, err := os.Open(l.path)
		must(t, err)
		closed := make(chan error, 1)
		time.AfterFunc(200*time.Millisecond, func() { closed <- f.Close() })
		must(t, l.Remove())
		must(t, <-closed)
	}
}
